//! Gradient, second version: the limit follows the usual time over the time now. Draws nothing.
//!
//! Source: `Gradient2Limit` of Netflix concurrency-limits (run, 78a74b9).

use super::{Sample, Waiting, window};
use crate::checks::Problems;
use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// New limit = limit × gradient + queue, where the gradient is the long-term mean time (with some tolerance) over the
/// time now, between 0.5 and 1. Dropped calls count like others.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Limit at the start.
    pub initial: u32,
    /// It never falls below this.
    pub min: u32,
    /// It never rises above this.
    pub max: u32,
    /// Weight of the new limit against the old one, from 0 to 1.
    pub smoothing: f64,
    /// Added at each step, so that the limit grows while times stay the same.
    pub queue: u32,
    /// How much longer than usual a time may be before the limit comes down.
    pub tolerance: f64,
    /// Samples in the long-term mean.
    pub long_window: u32,
    /// Learn once for each window of calls rather than from every call; not by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<window::Spec>,
    /// What a call does that finds the limit reached; it is refused at once by default.
    pub waiting: Waiting,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            initial: 20,
            min: 20,
            max: 200,
            smoothing: 0.2,
            queue: 4,
            tolerance: 1.5,
            long_window: 600,
            window: None,
            waiting: Waiting::None,
        }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("gradient2");
    window::bounds(&mut problems, spec.initial, spec.min, spec.max);
    problems.between(spec.smoothing, 0.001, 1.0, "smoothing").between(spec.tolerance, 1.0, 100.0, "tolerance");
    problems.count(spec.long_window.into(), 1, 10_000_000, "long_window");
    window::check(spec.window.as_ref(), &mut problems);
    spec.waiting.check(&mut problems);
    problems.into_found()
}

/// Samples of which the plain mean is taken before the decay begins.
const WARM_UP: u32 = 10;

#[derive(Clone, Debug)]
pub(super) struct Gradient2 {
    limit: f64,
    min: f64,
    max: f64,
    smoothing: f64,
    queue: f64,
    tolerance: f64,
    /// Weight of a sample in the long-term mean.
    weight: f64,
    long: f64,
    sum: f64,
    seen: u32,
}

impl Gradient2 {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            limit: spec.initial.into(),
            min: spec.min.into(),
            max: spec.max.into(),
            smoothing: spec.smoothing,
            queue: spec.queue.into(),
            tolerance: spec.tolerance,
            weight: 2.0 / (f64::from(spec.long_window) + 1.0),
            long: 0.0,
            sum: 0.0,
            seen: 0,
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    fn lengthen(&mut self, rtt: f64) -> f64 {
        if self.seen < WARM_UP {
            self.seen += 1;
            self.sum += rtt;
            self.long = self.sum / f64::from(self.seen);
        } else {
            self.long = self.long * (1.0 - self.weight) + rtt * self.weight;
        }
        self.long
    }

    pub(super) fn sample(&mut self, sample: Sample) {
        let short = sample.rtt.nanos().max(1) as f64;
        let long = self.lengthen(short);
        // After a long time of load the usual time has to come back down faster than the mean would.
        if long / short > 2.0 {
            self.long *= 0.95;
        }
        if f64::from(sample.in_flight) < self.limit / 2.0 {
            return;
        }
        let gradient = (self.tolerance * long / short).clamp(0.5, 1.0);
        let wanted = self.limit * gradient + self.queue;
        let wanted = self.limit * (1.0 - self.smoothing) + wanted * self.smoothing;
        self.limit = wanted.min(self.max).max(self.min);
    }
}
