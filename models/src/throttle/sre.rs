//! Google's client-side adaptive throttling.
//!
//! Source: Beyer et al., "Site Reliability Engineering" (2016), chapter 21, "Handling Overload".

use super::Verdict;
use super::tally::Tally;
use crate::outcome::{Failure, Outcome};
use crate::problem::{Found, Problem};
use crate::retry::Failures;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Time;
use squall_sim::random::Draw;

/// Rejects a call with the chance (requests − k × accepts) / (requests + 1), both counted over the last two minutes;
/// requests count even when they are rejected here. With k = 2 twice as much is sent as the callee accepts, so that the
/// caller soon learns when things are better. One draw, unless the chance is zero.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How many requests are sent for each that is accepted; 2 by default. Less holds back earlier.
    #[serde(default = "two")]
    pub k: f64,
    /// How far back is counted, in 60 slots; 2 minutes by default.
    #[serde(default = "two_minutes")]
    pub window: Duration,
    /// Failures in which the callee has not accepted the request; all by default. With `[rejected, shed, rate_limited]`
    /// an error counts as accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

fn two() -> f64 {
    2.0
}

const fn two_minutes() -> Duration {
    Duration::from_seconds(120.0)
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        let rule = format!("{} is not between 1 and 100", self.k);
        found.unless((1.0..=100.0).contains(&self.k), "k", &rule, "2 is usual");
        found.millis("window", &self.window);
        found.all()
    }
}

const SLOTS: u32 = 60;
const REQUESTS: usize = 0;
const ACCEPTS: usize = 1;

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct Sre {
    k: f64,
    on: Failures,
    tally: Tally,
}

impl Sre {
    pub(super) fn new(spec: &Spec) -> Self {
        Self { k: spec.k, on: Failures::new(spec.on.as_ref()), tally: Tally::new(spec.window.span(), SLOTS) }
    }

    /// The chance that a call is rejected.
    pub fn chance(&mut self, now: Time) -> f64 {
        let [requests, accepts] = self.tally.sums(now).map(|count| count as f64);
        ((requests - self.k * accepts) / (requests + 1.0)).max(0.0)
    }

    pub(super) fn admit(&mut self, now: Time, draws: &mut impl Draw) -> Verdict {
        let chance = self.chance(now);
        self.tally.add(now, REQUESTS);
        if chance > 0.0 && draws.unit() < chance { Verdict::Reject } else { Verdict::Admit }
    }

    pub(super) fn ended(&mut self, now: Time, outcome: Outcome) {
        if outcome.err().is_none_or(|failure| !self.on.contains(failure)) {
            self.tally.add(now, ACCEPTS);
        }
    }
}
