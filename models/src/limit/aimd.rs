//! Additive increase, multiplicative decrease: one more at a time, and a tenth less after a drop. Draws nothing.
//!
//! Source: `AIMDLimit` of Netflix concurrency-limits (run, 78a74b9).

use super::{Sample, Waiting, window};
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;

/// One more while calls are quick, a share less after one that was dropped or took too long.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Limit at the start.
    pub initial: u32,
    /// It never falls below this.
    pub min: u32,
    /// It never rises above this.
    pub max: u32,
    /// Factor on the limit after a dropped or slow call; what results is cut to a whole number.
    pub backoff: f64,
    /// A call that takes longer than this counts as dropped.
    pub timeout: Duration,
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
            backoff: 0.9,
            timeout: Duration::from_seconds(5.0),
            window: None,
            waiting: Waiting::None,
        }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("aimd");
    window::bounds(&mut problems, spec.initial, spec.min, spec.max);
    problems.between(spec.backoff, 0.5, 1.0, "backoff").positive(spec.timeout, "timeout");
    window::check(spec.window.as_ref(), &mut problems);
    spec.waiting.check(&mut problems);
    problems.into_found()
}

#[derive(Clone, Debug)]
pub(super) struct Aimd {
    limit: u32,
    min: u32,
    max: u32,
    backoff: f64,
    timeout: Span,
}

impl Aimd {
    pub(super) fn new(spec: &Spec) -> Self {
        Self { limit: spec.initial, min: spec.min, max: spec.max, backoff: spec.backoff, timeout: spec.timeout.span() }
    }

    pub(super) const fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn sample(&mut self, sample: Sample) {
        if sample.dropped || sample.rtt > self.timeout {
            self.limit = (f64::from(self.limit) * self.backoff) as u32;
        } else if u64::from(sample.in_flight) * 2 >= u64::from(self.limit) {
            self.limit += 1;
        }
        self.limit = self.limit.clamp(self.min, self.max);
    }
}
