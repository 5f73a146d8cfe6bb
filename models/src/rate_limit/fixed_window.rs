//! A count for each window of the clock.

use super::Verdict;
use crate::problem::{Found, Problem};
use crate::units::Duration;
use squall_sim::{Span, Time};

super::common::member! {
    /// So many calls in each window of the clock. Around the border of two windows twice as many can come at once. Nothing
    /// waits.
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
pub struct FixedWindow {
    limit: u32,
    window: u64,
    number: u64,
    count: u32,
}

impl FixedWindow {
    pub(super) fn new(spec: &Spec) -> Self {
        Self { limit: spec.limit, window: spec.window.span().nanos(), number: 0, count: 0 }
    }

    pub(super) fn admit(&mut self, now: Time) -> Verdict {
        let number = now.nanos() / self.window;
        if number != self.number {
            (self.number, self.count) = (number, 0);
        }
        if self.count == self.limit {
            let back = Span::from_nanos((number + 1).saturating_mul(self.window) - now.nanos());
            return Verdict::Reject { after: Span::ZERO, back: Some(back) };
        }
        self.count += 1;
        Verdict::Admit
    }
}
