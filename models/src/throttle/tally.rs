//! Two counts over the last while, in slots on a grid: what was counted in a slot is forgotten when the slot is as old as
//! the window.

use squall_sim::{Span, Time};

/// Counts of the last slots.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    slots: Vec<[u32; 2]>,
    sums: [u64; 2],
    slot: u64,
    /// The number of the newest slot, since time began.
    newest: u64,
}

impl Tally {
    /// Over a window of so many slots.
    pub(super) fn new(window: Span, slots: u32) -> Self {
        let slot = (window.nanos() / u64::from(slots)).max(1);
        Self { slots: vec![[0; 2]; slots as usize], sums: [0; 2], slot, newest: 0 }
    }

    pub(super) fn add(&mut self, now: Time, which: usize) {
        self.advance(now);
        let at = (self.newest % self.slots.len() as u64) as usize;
        self.slots[at][which] += 1;
        self.sums[which] += 1;
    }

    pub(super) fn sums(&mut self, now: Time) -> [u64; 2] {
        self.advance(now);
        self.sums
    }

    /// Forgets what is too old.
    fn advance(&mut self, now: Time) {
        let current = now.nanos() / self.slot;
        let passed = (current - self.newest.min(current)).min(self.slots.len() as u64);
        for number in current + 1 - passed..=current {
            let at = (number % self.slots.len() as u64) as usize;
            let gone = std::mem::take(&mut self.slots[at]);
            self.sums[0] -= u64::from(gone[0]);
            self.sums[1] -= u64::from(gone[1]);
        }
        self.newest = self.newest.max(current);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_old_as_the_window_is_forgotten() {
        let at = |millis| Time::ZERO + Span::from_millis(millis);
        let mut tally = Tally::new(Span::from_secs(10), 10);
        tally.add(at(0), 0);
        tally.add(at(999), 1);
        tally.add(at(1000), 0);
        assert_eq!(tally.sums(at(9_999)), [2, 1]);
        assert_eq!(tally.sums(at(10_000)), [1, 0]);
        assert_eq!(tally.sums(at(11_000)), [0, 0]);
        tally.add(at(500_000), 0);
        assert_eq!(tally.sums(at(500_001)), [1, 0]);
    }
}
