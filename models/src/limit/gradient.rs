//! Gradient, first version: the limit follows the shortest time over the time now.
//!
//! Draws once before its first sample, and once for each new measurement; with `probe_interval` 0 never.
//!
//! Source: `GradientLimit` of Netflix concurrency-limits (run, 78a74b9).

use super::small::square_root;
use super::{Sample, Waiting, window};
use crate::checks::Problems;
use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

/// New limit = limit × gradient + queue, where the gradient is the shortest time (with some tolerance) over the time now,
/// between 0.5 and 1, and the queue is the square root of the limit, at least 4.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Limit at the start.
    pub initial: u32,
    /// It never falls below this, nor below the queue.
    pub min: u32,
    /// It never rises above this.
    pub max: u32,
    /// How much longer than the shortest a time may be before the limit comes down.
    pub tolerance: f64,
    /// Weight of the new limit against the old one when it comes down, from 0 to 1.
    pub smoothing: f64,
    /// Factor on the limit after a dropped call, before smoothing.
    pub backoff: f64,
    /// The shortest time is measured anew after this many to twice as many samples, at a limit of `min` or the queue; 0
    /// is never.
    pub probe_interval: u32,
    /// Learn once for each window of calls rather than from every call; not by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<window::Spec>,
    /// What a call does that finds the limit reached; it is refused at once by default.
    pub waiting: Waiting,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            initial: 50,
            min: 1,
            max: 1000,
            tolerance: 2.0,
            smoothing: 0.2,
            backoff: 0.9,
            probe_interval: 1000,
            window: None,
            waiting: Waiting::None,
        }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("gradient");
    window::bounds(&mut problems, spec.initial, spec.min, spec.max);
    problems.between(spec.tolerance, 1.0, 100.0, "tolerance");
    problems.between(spec.smoothing, 0.001, 1.0, "smoothing").between(spec.backoff, 0.5, 1.0, "backoff");
    window::check(spec.window.as_ref(), &mut problems);
    spec.waiting.check(&mut problems);
    problems.into_found()
}

#[derive(Clone, Debug)]
pub(super) struct Gradient {
    limit: f64,
    min: f64,
    max: f64,
    tolerance: f64,
    smoothing: f64,
    backoff: f64,
    probe_interval: u32,
    /// Samples until the next measurement; drawn before the first one.
    countdown: Option<u64>,
    no_load: Option<Span>,
}

impl Gradient {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            limit: spec.initial.into(),
            min: spec.min.into(),
            max: spec.max.into(),
            tolerance: spec.tolerance,
            smoothing: spec.smoothing,
            backoff: spec.backoff,
            probe_interval: spec.probe_interval,
            countdown: None,
            no_load: None,
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Whether this sample starts a new measurement.
    fn probes(&mut self, draws: &mut impl Draw) -> bool {
        let interval = u64::from(self.probe_interval);
        if interval == 0 {
            return false;
        }
        let left = self.countdown.unwrap_or_else(|| interval + draws.below(interval));
        self.countdown = Some(left.saturating_sub(1));
        if left > 0 {
            return false;
        }
        self.countdown = Some(interval + draws.below(interval));
        true
    }

    pub(super) fn sample(&mut self, sample: Sample, draws: &mut impl Draw) {
        let queue = f64::from(square_root(self.limit as u32).max(4));
        if self.probes(draws) {
            self.limit = self.min.max(queue);
            self.no_load = None;
            return;
        }
        let no_load = self.no_load.map_or(sample.rtt, |no_load| no_load.min(sample.rtt));
        self.no_load = Some(no_load);
        let ratio = if sample.rtt.is_zero() {
            1.0
        } else {
            self.tolerance * no_load.nanos() as f64 / sample.rtt.nanos() as f64
        };
        let wanted = if sample.dropped {
            self.limit * self.backoff
        } else if f64::from(sample.in_flight) < self.limit / 2.0 {
            return;
        } else {
            self.limit * ratio.clamp(0.5, 1.0) + queue
        };
        let wanted = if wanted < self.limit {
            self.min.max(self.limit * (1.0 - self.smoothing) + self.smoothing * wanted)
        } else {
            wanted
        };
        self.limit = wanted.min(self.max).max(queue);
    }
}
