//! A limit that follows what becomes of the calls.

use super::Verdict;
use crate::outcome::Outcome;
use crate::problem::{Found, Problem};
use crate::units::{Duration, Share};
use squall_sim::{Span, Time};

super::common::member! {
    /// So many calls in each window of the clock, from `min` to `max`: when a window is over in which more than `failures` of
    /// the calls that ended failed, the limit is cut to `decrease` of what it was; otherwise it grows by `increase`. It begins at
    /// `max`. Nothing waits. This is squall's own rule for limits of which only the bounds and the window are known.
    {
        /// The lowest limit; 10 by default.
        #[serde(default = "ten")]
        pub min: u32,
        /// The highest limit; 1000 by default.
        #[serde(default = "thousand")]
        pub max: u32,
        /// The length of a window; 60 s by default.
        #[serde(default = "minute")]
        pub window: Duration,
        /// The share of failures that is too much; 5 % by default.
        #[serde(default = "twentieth")]
        pub failures: Share,
        /// What is left of the limit after too many failures; 50 % by default.
        #[serde(default = "half")]
        pub decrease: Share,
        /// Calls that are added after a window without; 50 by default.
        #[serde(default = "fifty")]
        pub increase: u32,
    }
}

const fn ten() -> u32 {
    10
}

const fn thousand() -> u32 {
    1000
}

const fn minute() -> Duration {
    Duration::from_seconds(60.0)
}

const fn twentieth() -> Share {
    Share::new(0.05)
}

const fn half() -> Share {
    Share::new(0.5)
}

const fn fifty() -> u32 {
    50
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        super::window(&mut found, self.max, &self.window);
        found.within("min", self.min.into(), 1, self.max.into());
        let rule = format!("{} leaves the limit as it is", self.decrease);
        found.unless(self.decrease.get() < 1.0, "decrease", &rule, "50 % is usual");
        found.all()
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct Adaptive {
    bounds: (u32, u32),
    window: u64,
    failures: f64,
    decrease: f64,
    increase: u32,
    number: u64,
    limit: u32,
    count: u32,
    ended: u32,
    failed: u32,
}

impl Adaptive {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            bounds: (spec.min, spec.max),
            window: spec.window.span().nanos(),
            failures: spec.failures.get(),
            decrease: spec.decrease.get(),
            increase: spec.increase,
            number: 0,
            limit: spec.max,
            count: 0,
            ended: 0,
            failed: 0,
        }
    }

    /// Calls that it lets in in this window.
    pub fn limit(&mut self, now: Time) -> u32 {
        let number = now.nanos() / self.window;
        if number != self.number {
            let (min, max) = self.bounds;
            let passed = number - self.number;
            let bad = f64::from(self.failed) > self.failures * f64::from(self.ended);
            // The windows that nobody asked in had no failures.
            let quiet = if bad { passed - 1 } else { passed };
            let first = if bad { (f64::from(self.limit) * self.decrease) as u32 } else { self.limit };
            let grown = u64::from(first).saturating_add(quiet.saturating_mul(self.increase.into()));
            self.limit = (grown.min(max.into()) as u32).max(min);
            (self.number, self.count, self.ended, self.failed) = (number, 0, 0, 0);
        }
        self.limit
    }

    pub(super) fn admit(&mut self, now: Time) -> Verdict {
        if self.count >= self.limit(now) {
            let back = Span::from_nanos((self.number + 1).saturating_mul(self.window) - now.nanos());
            return Verdict::Reject { after: Span::ZERO, back: Some(back) };
        }
        self.count += 1;
        Verdict::Admit
    }

    pub(super) fn ended(&mut self, now: Time, outcome: Outcome) {
        self.limit(now);
        self.ended += 1;
        self.failed += u32::from(outcome.is_err());
    }
}
