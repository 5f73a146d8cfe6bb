//! failsafe-go's adaptive throttler.
//!
//! Source: failsafe-go 0.9, `adaptivethrottler`.

use super::Verdict;
use super::tally::Tally;
use crate::outcome::{Failure, Outcome};
use crate::problem::{Found, Problem};
use crate::retry::Failures;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Time;
use squall_sim::random::Draw;

/// Rejects a call with the chance (calls − successes / (1 − `failures`)) / (calls + 1), at most `max_rejection`. What is
/// rejected here is not counted. One draw, unless the chance is zero.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The share of failures up to which nothing is rejected; 10 % by default.
    #[serde(default = "tenth")]
    pub failures: Share,
    /// Calls in the window below which nothing is rejected; 0 by default.
    #[serde(default)]
    pub min_calls: u32,
    /// How far back is counted, in 20 slots; 1 minute by default.
    #[serde(default = "minute")]
    pub window: Duration,
    /// The highest chance; 90 % by default.
    #[serde(default = "ninety_percent")]
    pub max_rejection: Share,
    /// Failures that count; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

const fn tenth() -> Share {
    Share::new(0.1)
}

const fn minute() -> Duration {
    Duration::from_seconds(60.0)
}

const fn ninety_percent() -> Share {
    Share::new(0.9)
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.unless(self.failures.get() < 1.0, "failures", "then nothing is ever rejected", "10 % is usual");
        found.millis("window", &self.window);
        found.all()
    }
}

const SLOTS: u32 = 20;
const CALLS: usize = 0;
const SUCCESSES: usize = 1;

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct FailsafeGo {
    success: f64,
    min_calls: u64,
    most: f64,
    on: Failures,
    tally: Tally,
}

impl FailsafeGo {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            success: 1.0 - spec.failures.get(),
            min_calls: spec.min_calls.into(),
            most: spec.max_rejection.get(),
            on: Failures::new(spec.on.as_ref()),
            tally: Tally::new(spec.window.span(), SLOTS),
        }
    }

    /// The chance that a call is rejected.
    pub fn chance(&mut self, now: Time) -> f64 {
        let counts = self.tally.sums(now);
        if counts[CALLS] < self.min_calls {
            return 0.0;
        }
        let [calls, successes] = counts.map(|count| count as f64);
        ((calls - successes / self.success).max(0.0) / (calls + 1.0)).min(self.most)
    }

    pub(super) fn admit(&mut self, now: Time, draws: &mut impl Draw) -> Verdict {
        let chance = self.chance(now);
        if chance > 0.0 && draws.unit() < chance { Verdict::Reject } else { Verdict::Admit }
    }

    pub(super) fn ended(&mut self, now: Time, outcome: Outcome) {
        self.tally.add(now, CALLS);
        if outcome.err().is_none_or(|failure| !self.on.contains(failure)) {
            self.tally.add(now, SUCCESSES);
        }
    }
}
