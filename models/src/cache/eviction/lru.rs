//! Least recently used.

use super::{Entry, List};

/// Entries from the most to the least recently used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lru(List);

impl Lru {
    #[inline]
    pub(super) fn used(&mut self, entries: &mut [Entry], at: u32) {
        if self.0.newest != at {
            self.0.unlink(entries, at);
            self.0.link(entries, at);
        }
    }

    pub(super) fn victim(&self) -> u32 {
        self.0.oldest
    }

    #[inline]
    pub(super) fn came(&mut self, entries: &mut [Entry], at: u32) {
        self.0.link(entries, at);
    }

    pub(super) fn removed(&mut self, entries: &mut [Entry], at: u32) {
        self.0.unlink(entries, at);
    }
}

#[cfg(test)]
mod tests {
    use crate::cache::eviction::{Spec, hits};

    #[test]
    fn the_least_recently_used_goes() {
        // 2 goes for 3, because 1 was used again.
        assert_eq!(hits(&Spec::Lru, 2, &[1, 2, 1, 3, 1, 2]), 2);
    }
}
