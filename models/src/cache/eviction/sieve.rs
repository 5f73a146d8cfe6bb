//! SIEVE: first in, first out, with one bit for each entry and a hand that passes over what was used.
//!
//! Source: Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is Simpler than LRU" (NSDI 2024). New entries come in at the
//! head. The hand moves from the tail towards the head; it clears the bit of who was used and stays with the rest of the
//! queue, so that new entries are looked at last.

use super::{Entry, List, NOBODY};

/// Entries from the newest to the oldest, and where the hand is.
#[derive(Clone, Debug)]
pub(crate) struct Sieve {
    list: List,
    hand: u32,
    /// Whether each entry was used since the hand last came by.
    visited: Vec<bool>,
}

impl Default for Sieve {
    fn default() -> Self {
        Self { list: List::default(), hand: NOBODY, visited: Vec::new() }
    }
}

impl Sieve {
    #[inline]
    pub(super) fn used(&mut self, at: u32) {
        self.visited[at as usize] = true;
    }

    pub(super) fn victim(&mut self, entries: &[Entry]) -> u32 {
        let mut at = if self.hand == NOBODY { self.list.oldest } else { self.hand };
        while std::mem::replace(&mut self.visited[at as usize], false) {
            let newer = entries[at as usize].newer;
            at = if newer == NOBODY { self.list.oldest } else { newer };
        }
        self.hand = at;
        at
    }

    pub(super) fn came(&mut self, entries: &mut [Entry], at: u32) {
        self.list.link(entries, at);
        if self.visited.len() <= at as usize {
            self.visited.resize(at as usize + 1, false);
        }
        self.visited[at as usize] = false;
    }

    pub(super) fn removed(&mut self, entries: &mut [Entry], at: u32) {
        if self.hand == at {
            self.hand = entries[at as usize].newer;
        }
        self.list.unlink(entries, at);
    }
}

#[cfg(test)]
mod tests {
    use crate::cache::eviction::{Spec, hits};

    #[test]
    fn who_was_used_is_passed_over_once() {
        // 1 was used, so 2 goes for 4; the hand is then past 1, and 3 goes for 5.
        assert_eq!(hits(&Spec::Sieve, 3, &[1, 2, 3, 1, 4, 5, 1]), 2);
        assert_eq!(hits(&Spec::Fifo, 3, &[1, 2, 3, 1, 4, 5, 1]), 1);
    }
}
