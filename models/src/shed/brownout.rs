//! Brownout: a dimmer on optional work that follows the latency. Draws once for each optional step.
//!
//! Source: C. Klein et al., "Brownout: Building More Robust Cloud Applications", ICSE 2014; the controller is the plain
//! integral one.

use crate::checks::Problems;
use crate::latencies::Latencies;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// An `optional` step is run with a probability, the dimmer. After each interval the dimmer moves by `gain` × (set point −
/// percentile) / set point, between `least` and 1.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The latency to hold, waits included.
    pub setpoint: Duration,
    /// Of which percentile; `95%` by default.
    #[serde(default = "p95")]
    pub percentile: Share,
    /// How far the dimmer moves; 0.3 by default.
    #[serde(default = "third")]
    pub gain: f64,
    /// How often; `1s` by default.
    #[serde(default = "second")]
    pub interval: Duration,
    /// The smallest probability; `0%` by default.
    #[serde(default = "none")]
    pub least: Share,
}

fn p95() -> Share {
    Share::new(0.95)
}

fn third() -> f64 {
    0.3
}

fn second() -> Duration {
    Duration::from_seconds(1.0)
}

fn none() -> Share {
    Share::new(0.0)
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("brownout");
    problems.positive(spec.setpoint, "setpoint").positive(spec.interval, "interval");
    problems.between(spec.gain, 1e-6, 100.0, "gain");
    problems.into_found()
}

/// The dimmer, and this interval's latencies.
#[derive(Clone, Debug)]
pub struct Brownout {
    setpoint: f64,
    percentile: f64,
    gain: f64,
    interval: Span,
    least: f64,
    theta: f64,
    latencies: Latencies,
    acted: Time,
}

impl Brownout {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            setpoint: spec.setpoint.span().seconds(),
            percentile: spec.percentile.get(),
            gain: spec.gain,
            interval: spec.interval.span(),
            least: spec.least.get(),
            theta: 1.0,
            latencies: Latencies::default(),
            acted: Time::ZERO,
        }
    }

    /// The probability with which optional work is done.
    #[must_use]
    pub const fn theta(&self) -> f64 {
        self.theta
    }

    /// The dimmer as of now.
    pub(super) fn dimmer(&mut self, now: Time) -> f64 {
        if now.since(self.acted) >= self.interval {
            self.acted = now;
            if let Some(latency) = self.latencies.quantile(self.percentile) {
                let error = (self.setpoint - latency.seconds()) / self.setpoint;
                self.theta = (self.theta + self.gain * error).min(1.0).max(self.least);
                self.latencies.clear();
            }
        }
        self.theta
    }

    pub(super) fn ended(&mut self, now: Time, latency: Span) {
        self.dimmer(now);
        self.latencies.record(latency);
    }
}
