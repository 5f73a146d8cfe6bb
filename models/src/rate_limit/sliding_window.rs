//! Two counts that stand for a sliding window.

use super::Verdict;
use crate::problem::{Found, Problem};
use crate::units::Duration;
use squall_sim::{Span, Time};

super::common::member! {
    /// As many calls as `limit` in a sliding window, by an estimate: those of the window before, as far as the sliding one
    /// still covers it, and those of the present one. What is turned away is not counted. Nothing waits.
    {
        /// Calls in a window.
        pub limit: u32,
        /// Its length; windows begin with the run.
        pub window: Duration,
    }
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        super::window(&mut found, self.limit, &self.window);
        found.all()
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct SlidingWindow {
    limit: u32,
    window: u64,
    number: u64,
    before: u32,
    count: u32,
}

impl SlidingWindow {
    pub(super) fn new(spec: &Spec) -> Self {
        Self { limit: spec.limit, window: spec.window.span().nanos(), number: 0, before: 0, count: 0 }
    }

    fn turn(&mut self, now: Time) {
        let number = now.nanos() / self.window;
        if number != self.number {
            self.before = if number == self.number + 1 { self.count } else { 0 };
            (self.number, self.count) = (number, 0);
        }
    }

    /// Calls in the window that ends now, by the estimate.
    pub fn estimate(&mut self, now: Time) -> f64 {
        self.turn(now);
        let gone = (now.nanos() % self.window) as f64 / self.window as f64;
        f64::from(self.before) * (1.0 - gone) + f64::from(self.count)
    }

    pub(super) fn admit(&mut self, now: Time) -> Verdict {
        if self.estimate(now) >= f64::from(self.limit) {
            let left = Span::from_nanos(self.window - now.nanos() % self.window);
            let back = if self.count < self.limit {
                // As much of the window before has to slide out as there is too much.
                let share = f64::from(self.limit - self.count) / f64::from(self.before);
                left - Span::from_nanos(self.window).scaled(share.min(1.0)) + Span::from_nanos(1)
            } else {
                left + Span::from_nanos(1)
            };
            return Verdict::Reject { after: Span::ZERO, back: Some(back) };
        }
        self.count += 1;
        Verdict::Admit
    }
}
