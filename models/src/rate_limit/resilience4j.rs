//! resilience4j's rate limiter, which blocks.
//!
//! Source: resilience4j 2.4.0, `AtomicRateLimiter.java`; recording in `tests/conformance/vectors/`.

use super::Verdict;
use crate::problem::{Found, Problem};
use crate::units::Duration;
use squall_sim::{Span, Time};

super::common::member! {
    /// So many permissions in each period of the clock. A call that finds none takes one of a later period and waits for it,
    /// if that is no longer than `timeout`. If it is, the call waits for the whole `timeout` all the same, and then fails. With
    /// the library's default period of 500 ns it limits nothing.
    {
        /// Permissions in a period; 50 by default.
        #[serde(default = "fifty")]
        pub limit: u32,
        /// How often they are renewed; 500 ns by default.
        #[serde(default = "half_microsecond")]
        pub period: Duration,
        /// The longest that a call waits; 5 s by default.
        #[serde(default = "five_seconds")]
        pub timeout: Duration,
    }
}

const fn fifty() -> u32 {
    50
}

const fn half_microsecond() -> Duration {
    Duration::from_seconds(500e-9)
}

const fn five_seconds() -> Duration {
    Duration::from_seconds(5.0)
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.within("limit", self.limit.into(), 1, 1_000_000_000);
        found.span("period", Some(&self.period));
        found.all()
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct Resilience4j {
    limit: i64,
    period: u64,
    timeout: Span,
    start: Time,
    cycle: u64,
    permissions: i64,
}

impl Resilience4j {
    pub(super) fn new(spec: &Spec, start: Time) -> Self {
        let limit = i64::from(spec.limit);
        let (period, timeout) = (spec.period.span().nanos(), spec.timeout.span());
        Self { limit, period, timeout, start, cycle: 0, permissions: limit }
    }

    /// Permissions that are left in this period; fewer than none if those of later ones are taken.
    pub fn available(&mut self, now: Time) -> i64 {
        let cycle = now.since(self.start).nanos() / self.period;
        if cycle > self.cycle {
            let passed = i64::try_from(cycle - self.cycle).unwrap_or(i64::MAX);
            let renewed = self.permissions.saturating_add(passed.saturating_mul(self.limit));
            (self.cycle, self.permissions) = (cycle, renewed.min(self.limit));
        }
        self.permissions
    }

    /// How long a call that comes now has to wait for its permission.
    fn wait(&mut self, now: Time) -> Span {
        let available = self.available(now);
        if available >= 1 {
            return Span::ZERO;
        }
        let next = (self.cycle + 1).saturating_mul(self.period) - now.since(self.start).nanos();
        let missing = 1 - (available + self.limit);
        let cycles = if missing > 0 { (missing + self.limit - 1) / self.limit } else { 0 };
        Span::from_nanos(next.saturating_add(self.period.saturating_mul(cycles as u64)))
    }

    /// Takes a permission, if the wait for it is not too long; the wait.
    ///
    /// # Errors
    /// How long it would be.
    pub fn reserve(&mut self, now: Time) -> Result<Span, Span> {
        let wait = self.wait(now);
        if wait > self.timeout {
            return Err(wait);
        }
        self.permissions -= 1;
        Ok(wait)
    }

    pub(super) fn admit(&mut self, now: Time) -> Verdict {
        match self.reserve(now) {
            Ok(wait) => Verdict::admit_after(wait),
            // When its own wait is over, so much of this one has passed.
            Err(wait) => Verdict::Reject { after: self.timeout, back: Some(wait - self.timeout) },
        }
    }
}
