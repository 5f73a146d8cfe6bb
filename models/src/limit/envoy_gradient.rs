//! Envoy's adaptive concurrency: the limit follows the time without load over the time now, and the time without load is
//! measured now and then by letting only a few calls through.
//!
//! Draws once at the end of each measurement, for the jitter of the next one; without jitter never.
//!
//! Source: Envoy, `gradient_controller.cc` and the filter's configuration.

use super::{Ended, Sample, Waiting};
use crate::checks::Problems;
use crate::latencies::Latencies;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// At each interval: limit × gradient + its square root, where the gradient is the time without load plus the buffer over
/// the percentile now, between 0.5 and 2. The first measurement begins at the start. Five intervals at the smallest limit
/// start a new one. While one is under way only `min_concurrency` calls are let through, so throughput dips.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How often the limit is set anew.
    pub update_interval: Duration,
    /// How often the time without load is measured, from the end of one measurement to the beginning of the next.
    pub min_rtt_interval: Duration,
    /// Of which percentile; `50%` by default.
    #[serde(default = "half")]
    pub percentile: Share,
    /// The limit never rises above this; 1000 by default.
    #[serde(default = "thousand")]
    pub max: u32,
    /// The limit at the start, during a measurement, and at the least; 3 by default.
    #[serde(default = "three")]
    pub min_concurrency: u32,
    /// By how much the time may exceed the time without load; `25%` by default.
    #[serde(default = "quarter")]
    pub buffer: Share,
    /// Calls in one measurement; 50 by default.
    #[serde(default = "fifty")]
    pub request_count: u32,
    /// Up to this share of the interval is added before a measurement; `15%` by default.
    #[serde(default = "fifteen")]
    pub jitter: Share,
    /// What a call does that finds the limit reached; it is refused at once by default, as in Envoy.
    #[serde(default)]
    pub waiting: Waiting,
}

fn half() -> Share {
    Share::new(0.5)
}

fn thousand() -> u32 {
    1000
}

fn three() -> u32 {
    3
}

fn quarter() -> Share {
    Share::new(0.25)
}

fn fifty() -> u32 {
    50
}

fn fifteen() -> Share {
    Share::new(0.15)
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("envoy_gradient");
    problems.positive(spec.update_interval, "update_interval").positive(spec.min_rtt_interval, "min_rtt_interval");
    problems.count(spec.min_concurrency.into(), 1, 10_000_000, "min_concurrency");
    let rule = format!("the largest limit {} is below `min_concurrency`, {}", spec.max, spec.min_concurrency);
    problems.require(spec.max >= spec.min_concurrency, "max", rule, "raise it");
    problems.count(spec.request_count.into(), 1, 10_000_000, "request_count");
    spec.waiting.check(&mut problems);
    problems.into_found()
}

#[derive(Clone, Debug)]
pub(super) struct EnvoyGradient {
    limit: u32,
    /// The limit from before the measurement under way.
    deferred: Option<u32>,
    /// When the measurement under way or the last one began.
    epoch: Time,
    next_measurement: Time,
    next_update: Time,
    /// Whole microseconds, as Envoy keeps it.
    min_rtt: u64,
    at_minimum: u32,
    samples: Latencies,
    update_interval: Span,
    min_rtt_interval: Span,
    percentile: f64,
    max: u32,
    min: u32,
    buffer: f64,
    request_count: u64,
    jitter: f64,
}

/// Intervals at the smallest limit after which the time without load is doubted.
const DOUBTED: u32 = 5;

impl EnvoyGradient {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            limit: spec.min_concurrency,
            deferred: Some(spec.min_concurrency),
            epoch: Time::ZERO,
            next_measurement: Time::MAX,
            next_update: Time::MAX,
            min_rtt: 0,
            at_minimum: 0,
            samples: Latencies::default(),
            update_interval: spec.update_interval.span(),
            min_rtt_interval: spec.min_rtt_interval.span(),
            percentile: spec.percentile.get(),
            max: spec.max,
            min: spec.min_concurrency,
            buffer: spec.buffer.get(),
            request_count: spec.request_count.into(),
            jitter: spec.jitter.get(),
        }
    }

    pub(super) const fn limit(&self) -> u32 {
        self.limit
    }

    /// Does what the two timers have been due for.
    pub(super) fn advance(&mut self, now: Time) {
        while self.deferred.is_none() && self.next_update.min(self.next_measurement) <= now {
            if self.next_update <= self.next_measurement {
                let at = self.next_update;
                self.next_update = at + self.update_interval;
                self.update(at);
                if self.samples.count() == 0 && self.next_measurement > now {
                    self.skip_idle(now);
                }
            } else {
                self.measure(self.next_measurement);
            }
        }
    }

    /// Without samples an interval changes nothing, so many of them are passed over at once.
    fn skip_idle(&mut self, now: Time) {
        let (late, interval) = (now.since(self.next_update).nanos(), self.update_interval.nanos());
        self.next_update += Span::from_nanos(late / interval * interval);
    }

    fn measure(&mut self, at: Time) {
        self.next_measurement = Time::MAX;
        self.deferred = Some(self.limit);
        self.limit = self.min;
        self.at_minimum = 0;
        self.samples.clear();
        self.epoch = at;
    }

    fn percentile(&mut self) -> u64 {
        let value = self.samples.quantile(self.percentile).unwrap_or(Span::ZERO);
        self.samples.clear();
        value.nanos() / 1000
    }

    fn update(&mut self, at: Time) {
        if self.samples.count() == 0 {
            return;
        }
        let now = self.percentile().max(1) as f64;
        let base = self.min_rtt as f64;
        let gradient = ((base + base * self.buffer) / now).clamp(0.5, 2.0);
        let limit = f64::from(self.limit) * gradient;
        let limit = ((limit + libm::sqrt(limit)) as u32).min(self.max).max(self.min);
        let stuck = self.limit == self.min && limit == self.min;
        self.at_minimum = if stuck { self.at_minimum + 1 } else { 0 };
        self.limit = limit;
        if self.at_minimum >= DOUBTED {
            self.next_measurement = at;
        }
    }

    pub(super) fn ended(&mut self, sample: Sample, started: Time, ended: Ended, draws: &mut impl Draw) {
        self.advance(sample.now);
        if ended == Ended::Ignored || started < self.epoch {
            return;
        }
        self.samples.record(sample.rtt);
        if self.samples.count() < self.request_count {
            return;
        }
        if let Some(limit) = self.deferred.take() {
            self.min_rtt = self.percentile();
            self.limit = limit;
            self.at_minimum = 0;
            // Envoy draws whole milliseconds, below the jitter's share of the interval rounded up.
            let millis = self.min_rtt_interval.nanos() / 1_000_000;
            let most = (millis as f64 * self.jitter).ceil() as u64;
            let jitter = if most == 0 { 0 } else { draws.below(most) };
            self.next_measurement = sample.now + self.min_rtt_interval + Span::from_millis(jitter);
            self.next_update = sample.now + self.update_interval;
        }
    }
}
