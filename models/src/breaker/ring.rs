//! The two windows that breakers count in: the last so many calls, and the last so many slices of time.

/// What happened to the calls in a part of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) calls: u32,
    pub(crate) failed: u32,
    pub(crate) slow: u32,
}

impl Slice {
    /// One call.
    pub(crate) fn one(failed: bool, slow: bool) -> Self {
        Self { calls: 1, failed: failed.into(), slow: slow.into() }
    }

    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.slow += other.slow;
    }

    fn take(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failed -= other.failed;
        self.slow -= other.slow;
    }
}

/// The last `size` calls.
#[derive(Clone, Debug)]
pub(crate) struct Calls {
    marks: Box<[(bool, bool)]>,
    size: usize,
    next: usize,
    pub(crate) total: Slice,
}

impl Calls {
    pub(crate) fn new(size: u32) -> Self {
        let size = size.max(1) as usize;
        Self { marks: vec![(false, false); size].into(), size, next: 0, total: Slice::default() }
    }

    /// How many calls it holds.
    pub(crate) fn size(&self) -> u32 {
        self.size as u32
    }

    /// Forgets everything; from now on holds the last `size` calls, which must be no more than it was built for.
    pub(crate) fn restart(&mut self, size: u32) {
        self.size = (size as usize).clamp(1, self.marks.len());
        self.next = 0;
        self.total = Slice::default();
    }

    pub(crate) fn push(&mut self, failed: bool, slow: bool) {
        let mark = &mut self.marks[self.next];
        if self.total.calls as usize == self.size {
            self.total.take(Slice::one(mark.0, mark.1));
        }
        *mark = (failed, slow);
        self.total.add(Slice::one(failed, slow));
        self.next += 1;
        if self.next == self.size {
            self.next = 0;
        }
    }
}

/// The last so many slices of time, which are numbered by whoever uses them.
#[derive(Clone, Debug)]
pub(crate) struct Slices {
    slices: Box<[Slice]>,
    at: usize,
    number: u64,
    pub(crate) total: Slice,
}

impl Slices {
    pub(crate) fn new(slices: u32) -> Self {
        let slices = vec![Slice::default(); slices.max(1) as usize].into();
        Self { slices, at: 0, number: 0, total: Slice::default() }
    }

    /// Forgets everything, and is in slice `number` now.
    pub(crate) fn restart(&mut self, number: u64) {
        self.slices.fill(Slice::default());
        self.at = 0;
        self.number = number;
        self.total = Slice::default();
    }

    /// Moves on to slice `number`; whatever falls out of the window is forgotten.
    pub(crate) fn advance(&mut self, number: u64) {
        let steps = number.saturating_sub(self.number).min(self.slices.len() as u64);
        for _ in 0..steps {
            self.at = if self.at + 1 == self.slices.len() { 0 } else { self.at + 1 };
            self.total.take(std::mem::take(&mut self.slices[self.at]));
        }
        self.number = self.number.max(number);
    }

    /// Adds to the current slice.
    pub(crate) fn add(&mut self, slice: Slice) {
        self.slices[self.at].add(slice);
        self.total.add(slice);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_call_makes_room() {
        let mut calls = Calls::new(3);
        for failed in [true, true, false, false] {
            calls.push(failed, failed);
        }
        assert_eq!(calls.total, Slice { calls: 3, failed: 1, slow: 1 });
        calls.restart(2);
        calls.push(true, false);
        assert_eq!(calls.total, Slice { calls: 1, failed: 1, slow: 0 });
    }

    #[test]
    fn slices_fall_out_one_by_one_or_all_at_once() {
        let mut slices = Slices::new(3);
        for number in 0..3 {
            slices.advance(number);
            slices.add(Slice::one(number == 0, false));
        }
        assert_eq!(slices.total, Slice { calls: 3, failed: 1, slow: 0 });
        slices.advance(3);
        assert_eq!(slices.total, Slice { calls: 2, failed: 0, slow: 0 });
        slices.advance(2);
        assert_eq!(slices.total.calls, 2, "time does not run backwards");
        slices.advance(1_000_000);
        assert_eq!(slices.total, Slice::default());
    }
}
