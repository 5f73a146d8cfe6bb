//! Vegas: the queue is estimated from the shortest time seen, and kept between two small bounds.
//!
//! Draws once before its first sample, and once for each new measurement of the time without load.
//!
//! Source: `VegasLimit` of Netflix concurrency-limits (run, 78a74b9).

use super::small::log10;
use super::{Sample, Waiting, window};
use crate::checks::Problems;
use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

/// Keeps the estimated queue, limit × (1 − shortest time / time now), between 3 and 6 times log10 of the limit. A sample
/// that is the shortest so far changes nothing else. Every so often the next sample is taken for the shortest.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Limit at the start.
    pub initial: u32,
    /// It never rises above this. It never falls below 1.
    pub max: u32,
    /// Weight of the new limit against the old one, from 0 to 1.
    pub smoothing: f64,
    /// The time without load is measured anew after this many samples times the limit, times a uniform draw between 0.5
    /// and 1.
    pub probe_multiplier: u32,
    /// Learn once for each window of calls rather than from every call; not by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<window::Spec>,
    /// What a call does that finds the limit reached; it is refused at once by default.
    pub waiting: Waiting,
}

impl Default for Spec {
    fn default() -> Self {
        Self { initial: 20, max: 1000, smoothing: 1.0, probe_multiplier: 30, window: None, waiting: Waiting::None }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("vegas");
    window::bounds(&mut problems, spec.initial, 1, spec.max);
    problems.between(spec.smoothing, 0.001, 1.0, "smoothing");
    problems.count(spec.probe_multiplier.into(), 1, 1_000_000, "probe_multiplier");
    window::check(spec.window.as_ref(), &mut problems);
    spec.waiting.check(&mut problems);
    problems.into_found()
}

#[derive(Clone, Debug)]
pub(super) struct Vegas {
    limit: f64,
    max: f64,
    smoothing: f64,
    probe_multiplier: f64,
    /// Drawn before the first sample.
    probe_jitter: Option<f64>,
    samples: u64,
    no_load: Option<Span>,
}

impl Vegas {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            limit: spec.initial.into(),
            max: spec.max.into(),
            smoothing: spec.smoothing,
            probe_multiplier: spec.probe_multiplier.into(),
            probe_jitter: None,
            samples: 0,
            no_load: None,
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    pub(super) fn sample(&mut self, sample: Sample, draws: &mut impl Draw) {
        let jitter = match self.probe_jitter {
            Some(jitter) => jitter,
            None => *self.probe_jitter.insert(0.5 + 0.5 * draws.unit()),
        };
        self.samples += 1;
        if jitter * self.probe_multiplier * self.limit <= self.samples as f64 {
            self.probe_jitter = Some(0.5 + 0.5 * draws.unit());
            self.samples = 0;
            self.no_load = Some(sample.rtt);
            return;
        }
        match self.no_load {
            Some(no_load) if no_load <= sample.rtt => self.update(sample, no_load),
            _ => self.no_load = Some(sample.rtt),
        }
    }

    fn update(&mut self, sample: Sample, no_load: Span) {
        let (limit, whole) = (self.limit, self.limit as u32);
        let step = f64::from(log10(whole));
        // Two times of zero are equal.
        let ratio = if sample.rtt.is_zero() { 1.0 } else { no_load.nanos() as f64 / sample.rtt.nanos() as f64 };
        let queue = (limit * (1.0 - ratio)).ceil();
        let wanted = if sample.dropped {
            limit - step
        } else if f64::from(sample.in_flight) * 2.0 < limit {
            return;
        } else if queue <= step {
            limit + 6.0 * step
        } else if queue < 3.0 * step {
            limit + step
        } else if queue > 6.0 * step {
            limit - step
        } else {
            return;
        };
        let wanted = wanted.min(self.max).max(1.0);
        self.limit = (1.0 - self.smoothing) * limit + self.smoothing * wanted;
    }
}
