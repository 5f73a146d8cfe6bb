//! The generic cell rate algorithm: a leaky bucket that remembers one time and no count.
//!
//! Source: redis-cell, `src/cell/mod.rs`; recording in `tests/conformance/vectors/derived/`.

use super::Verdict;
use crate::problem::{Found, Problem};
use crate::units::Rate;
use squall_sim::{Span, Time};

super::common::member! {
    /// A call is let in if it comes no earlier than `burst` steps of 1/`rate` before its due time. Nothing waits. The same as
    /// a token bucket of `burst` + 1, in whole nanoseconds.
    {
        /// Calls that are let in over time.
        pub rate: Rate,
        /// Calls that may come at once beyond the one that is due (`max_burst`).
        pub burst: u32,
    }
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        super::rate(&mut found, self.rate);
        found.within("burst", self.burst.into(), 0, 1_000_000);
        found.all()
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct Gcra {
    emission: u64,
    tolerance: u64,
    /// The theoretical arrival time: when all that was let in would have been due.
    due: u64,
}

impl Gcra {
    pub(super) fn new(spec: &Spec) -> Self {
        let emission = Span::from_seconds(1.0 / spec.rate.get()).nanos().max(1);
        Self { emission, tolerance: emission.saturating_mul(u64::from(spec.burst) + 1), due: 0 }
    }

    /// Lets in so many at once, or not.
    ///
    /// # Errors
    /// After how long it would; nothing if it never would.
    pub fn take(&mut self, now: Time, count: u32) -> Result<(), Option<Span>> {
        let now = now.nanos();
        let step = self.emission.saturating_mul(count.into());
        let due = now.max(self.due).saturating_add(step);
        let allowed_at = due.saturating_sub(self.tolerance);
        if now >= allowed_at {
            self.due = due;
            return Ok(());
        }
        Err((step <= self.tolerance).then(|| Span::from_nanos(allowed_at - now)))
    }

    /// Until when nothing is left of what was let in.
    #[must_use]
    pub fn reset_after(&self, now: Time) -> Span {
        Span::from_nanos(self.due.saturating_sub(now.nanos()))
    }

    pub(super) fn admit(&mut self, now: Time) -> Verdict {
        match self.take(now, 1) {
            Ok(()) => Verdict::Admit,
            Err(back) => Verdict::Reject { after: Span::ZERO, back },
        }
    }
}
