//! Breakwater's server: a pool of credits that follows the wait, and drops at twice the target. Draws nothing.
//!
//! Source: I. Cho et al., "Overload Control for µs-scale RPCs with Breakwater", OSDI 2020. Credits are not handed to
//! clients in advance: a call takes one at the door, and costs nothing when there is none.

use super::Arrival;
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// There are so many credits for calls in the replica, waiting or served. Once per round trip: below the target wait they
/// grow by `alpha` per client, at least by one; above it they shrink in proportion, to half at most. A call that finds no
/// credit is turned away on arrival, one that has waited twice the target when its turn comes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The wait that is all right.
    pub target: Duration,
    /// How often credits are set.
    pub round_trip: Duration,
    /// How many clients there are; 1 by default.
    #[serde(default = "one")]
    pub clients: u32,
    /// Growth for each client; `0.1%` by default.
    #[serde(default = "alpha")]
    pub alpha: Share,
    /// Shrinkage for each target's worth of wait above the target; `2%` by default.
    #[serde(default = "beta")]
    pub beta: Share,
    /// Credits at the start.
    pub initial: u32,
    /// The most credits; 100000 by default.
    #[serde(default = "most")]
    pub most: u32,
}

fn one() -> u32 {
    1
}

fn alpha() -> Share {
    Share::new(0.001)
}

fn beta() -> Share {
    Share::new(0.02)
}

fn most() -> u32 {
    100_000
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("breakwater");
    problems.positive(spec.target, "target").positive(spec.round_trip, "round_trip");
    problems.count(spec.clients.into(), 1, 10_000_000, "clients").count(spec.most.into(), 1, u32::MAX.into(), "most");
    problems.count(spec.initial.into(), 1, spec.most.max(1).into(), "initial");
    problems.into_found()
}

/// Round trips without a call that are made up for one by one; by then credits are at their least.
const CAUGHT_UP: u64 = 64;

/// Credits, and the last wait seen.
#[derive(Clone, Debug)]
pub struct Breakwater {
    credits: f64,
    growth: f64,
    beta: f64,
    most: f64,
    target: Span,
    round_trip: Span,
    waited: Span,
    updated: Time,
}

impl Breakwater {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            credits: spec.initial.into(),
            growth: (spec.alpha.get() * f64::from(spec.clients)).max(1.0),
            beta: spec.beta.get(),
            most: spec.most.into(),
            target: spec.target.span(),
            round_trip: spec.round_trip.span(),
            waited: Span::ZERO,
            updated: Time::ZERO,
        }
    }

    /// How many calls may be in the replica.
    #[must_use]
    pub fn credits(&self) -> f64 {
        self.credits
    }

    pub(super) fn admits(&mut self, facts: &Arrival) -> bool {
        if facts.waiting == 0 {
            self.waited = Span::ZERO;
        }
        let trips = facts.now.since(self.updated).nanos() / self.round_trip.nanos();
        if trips > 0 {
            self.updated += Span::from_nanos(trips * self.round_trip.nanos());
            self.update(trips);
        }
        ((facts.busy + facts.waiting) as f64) < self.credits.floor()
    }

    fn update(&mut self, trips: u64) {
        if self.waited < self.target {
            self.credits = (self.credits + trips as f64 * self.growth).min(self.most);
            return;
        }
        let excess = (self.waited.seconds() - self.target.seconds()) / self.target.seconds();
        let factor = (1.0 - self.beta * excess).max(0.5);
        for _ in 0..trips.min(CAUGHT_UP) {
            self.credits = (self.credits * factor).max(1.0);
        }
    }

    pub(super) fn drops(&mut self, waited: Span) -> bool {
        self.waited = waited;
        waited > self.target + self.target
    }
}
