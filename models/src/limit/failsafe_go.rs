//! failsafe-go's adaptive limiter, which its authors call inspired by Uber's Cinnamon and by TCP Vegas. Draws nothing
//! (its queueing, under `waiting`, draws).
//!
//! Source: failsafe-go 0.9.7, `adaptivelimiter`. It takes its percentile from a t-digest, squall from a fixed array that
//! is at most 0.8 % off.

use super::rolling::{Correlation, Decaying, Median};
use super::small::log10;
use super::{Ended, Sample, Waiting, window};
use crate::checks::Problems;
use crate::latencies::Latencies;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Keeps the estimated queue, limit × (1 − usual time / recent time), between 3 and 6 times log10 of the limit; and comes
/// down as well when it is full and more calls bring no more throughput.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Limit at the start.
    pub initial: u32,
    /// It never falls below this.
    pub min: u32,
    /// It never rises above this.
    pub max: u32,
    /// The limit rises to no more than this many times the calls under way.
    pub max_factor: f64,
    /// The shortest window over which recent times are taken; twice the shortest time if that is longer.
    pub window_min: Duration,
    /// The longest such window.
    pub window_max: Duration,
    /// Calls that a window needs.
    pub samples: u32,
    /// Of which percentile.
    pub percentile: Share,
    /// Windows in the usual time.
    pub baseline_age: u32,
    /// Windows over which correlations are taken.
    pub correlation_window: u32,
    /// What a call does that finds the limit reached; it is refused at once by default.
    pub waiting: Waiting,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            initial: 20,
            min: 1,
            max: 200,
            max_factor: 5.0,
            window_min: Duration::from_seconds(1.0),
            window_max: Duration::from_seconds(30.0),
            samples: 50,
            percentile: Share::new(0.9),
            baseline_age: 10,
            correlation_window: 50,
            waiting: Waiting::None,
        }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("failsafe_go");
    window::bounds(&mut problems, spec.initial, spec.min, spec.max);
    problems.between(spec.max_factor, 1.0, 1e6, "max_factor").positive(spec.window_min, "window_min");
    let rule =
        format!("the longest window, `{}`, is shorter than the shortest, `{}`", spec.window_max, spec.window_min);
    problems.require(spec.window_max >= spec.window_min, "window_max", rule, "make it at least as long");
    problems.count(spec.samples.into(), 1, 1_000_000, "samples");
    problems.count(spec.baseline_age.into(), 1, 1_000_000, "baseline_age");
    problems.count(spec.correlation_window.into(), 2, 100_000, "correlation_window");
    spec.waiting.check(&mut problems);
    problems.into_found()
}

const SMOOTHED: u32 = 5;
const WARM_UP: u32 = 10;

#[derive(Clone, Debug)]
pub(super) struct FailsafeGo {
    limit: f64,
    min: f64,
    max: f64,
    max_factor: f64,
    window_min: Span,
    window_max: Span,
    samples: u64,
    percentile: f64,
    recent: Latencies,
    in_flight: u32,
    next_update: Time,
    median: Median,
    smoothed: Decaying,
    baseline: Decaying,
    throughput: Correlation,
    times: Correlation,
}

impl FailsafeGo {
    pub(super) fn new(spec: &Spec) -> Self {
        let correlation = || Correlation::new(spec.correlation_window as usize, WARM_UP as usize);
        Self {
            limit: spec.initial.into(),
            min: spec.min.into(),
            max: spec.max.into(),
            max_factor: spec.max_factor,
            window_min: spec.window_min.span(),
            window_max: spec.window_max.span(),
            samples: spec.samples.into(),
            percentile: spec.percentile.get(),
            recent: Latencies::default(),
            in_flight: 0,
            next_update: Time::ZERO,
            median: Median::default(),
            smoothed: Decaying::new(SMOOTHED, WARM_UP),
            baseline: Decaying::new(spec.baseline_age, WARM_UP),
            throughput: correlation(),
            times: correlation(),
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// `full` tells whether the limit was reached while this call was still under way.
    pub(super) fn ended(&mut self, sample: Sample, ended: Ended, full: bool) {
        if ended == Ended::Success {
            self.recent.record(sample.rtt);
            self.in_flight = self.in_flight.max(sample.in_flight);
        }
        if sample.now <= self.next_update || self.recent.count() < self.samples {
            return;
        }
        let Some(recent) = self.recent.quantile(self.percentile) else { return };
        let filtered = self.median.add(recent.nanos().max(1) as f64);
        let recent = self.smoothed.add(filtered);
        self.update(recent, self.in_flight.into(), full);
        let shortest = self.recent.low();
        self.recent.clear();
        self.in_flight = 0;
        self.next_update = sample.now + (shortest + shortest).max(self.window_min).min(self.window_max);
    }

    fn update(&mut self, recent: f64, in_flight: f64, full: bool) {
        let gradient = self.baseline.add(recent) / recent;
        let queue = (self.limit * (1.0 - gradient)).ceil();
        let (throughput, variation) = self.throughput.add(in_flight, in_flight / (recent / 1e9));
        let (times, _) = self.times.add(in_flight, recent);
        let step = f64::from(log10(self.limit as u32));
        // More calls, and less throughput; or more time, and hardly more throughput.
        let saturated = throughput < 0.0 || (throughput < 0.3 && times > 0.5) || (variation < 0.2 && times > 0.5);
        let mut wanted = if queue > 6.0 * step || (full && saturated) {
            self.limit - step
        } else if queue < 3.0 * step {
            self.limit + step
        } else {
            self.limit
        };
        if wanted > in_flight * self.max_factor {
            wanted = self.limit - step;
        }
        self.limit = wanted.min(self.max).max(self.min);
    }
}
