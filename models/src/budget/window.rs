//! Sums over the last seconds in slices, as Finagle's `WindowedAdder` and tower's `TpsBudget` keep them.
//!
//! A writer takes what comes; when its slice is over, and something happens, the writer's sum goes into a ring. The ring's
//! next place is overwritten only at the following expiry, so that the sum reaches back by one slice more than the ring
//! is long. Slices begin when something happens, not on a grid.

use squall_sim::{Span, Time};

/// The longest ring.
const MOST: usize = 10;

/// A sum over the last slices.
#[derive(Clone, Debug)]
pub(super) struct Window {
    slots: [i64; MOST],
    used: usize,
    at: usize,
    writer: i64,
    began: Time,
    slice: Span,
}

impl Window {
    /// With so many slots beside the writer.
    pub(super) fn new(slots: usize, slice: Span, now: Time) -> Self {
        assert!(slots <= MOST && !slice.is_zero(), "a window has a few slices with some time in them");
        Self { slots: [0; MOST], used: slots, at: 0, writer: 0, began: now, slice }
    }

    pub(super) fn add(&mut self, amount: i64) {
        self.writer += amount;
    }

    pub(super) fn sum(&self) -> i64 {
        self.writer + self.slots[..self.used].iter().sum::<i64>()
    }

    /// Ends the slice if it is over, as Finagle does: the slots skipped are the whole slices that passed without any event,
    /// beyond the one that ends.
    pub(super) fn expire_rounding_down(&mut self, now: Time) {
        let passed = now.since(self.began).nanos() / self.slice.nanos();
        if passed > 0 {
            self.commit(now, passed - 1);
        }
    }

    /// The same as tower does: a slice that has only begun is skipped as well.
    pub(super) fn expire_rounding_up(&mut self, now: Time) {
        let passed = now.since(self.began).nanos();
        if passed >= self.slice.nanos() {
            self.commit(now, passed.div_ceil(self.slice.nanos()) - 1);
        }
    }

    fn commit(&mut self, now: Time, skipped: u64) {
        self.slots[self.at] = std::mem::take(&mut self.writer);
        self.at = (self.at + 1) % self.used;
        for _ in 0..skipped.min(self.used as u64) {
            self.slots[self.at] = 0;
            self.at = (self.at + 1) % self.used;
        }
        self.began = now;
    }
}
