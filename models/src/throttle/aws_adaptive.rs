//! The rate limiter of the AWS SDKs' `adaptive` mode.
//!
//! Source: botocore, `retries/adaptive.py`, `retries/bucket.py`, `retries/throttling.py`; recording in
//! `tests/conformance/vectors/`.

use super::Verdict;
use crate::outcome::{Failure, Outcome};
use crate::problem::{Found, Problem};
use crate::retry::Failures;
use crate::retry::aws_standard::throttling;
use crate::units::Rate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Nothing, until the callee throttles a call for the first time; from then on calls wait for tokens, first attempts too.
/// The rate follows TCP CUBIC: down to `beta` of what was measured when the callee throttles, and up again along a cubic,
/// at most twice of what is measured. Put it inside of `retry: {aws_standard: …}`. No draws.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What is left of the rate after throttling; 0.7 by default.
    #[serde(default = "beta")]
    pub beta: f64,
    /// How steeply the rate grows back; 0.4 by default.
    #[serde(default = "scale")]
    pub scale: f64,
    /// The weight of the last half second in the measured rate; 0.8 by default.
    #[serde(default = "smoothing")]
    pub smoothing: f64,
    /// The lowest rate; 0.5/s by default.
    #[serde(default = "min_rate")]
    pub min_rate: Rate,
    /// Failures that are throttling; `rate_limited` and `shed` by default.
    #[serde(default = "throttling")]
    pub throttling: Vec<Failure>,
}

fn beta() -> f64 {
    0.7
}

fn scale() -> f64 {
    0.4
}

fn smoothing() -> f64 {
    0.8
}

const fn min_rate() -> Rate {
    Rate::per_second(0.5)
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        let between = |value: f64| value > 0.0 && value <= 1.0;
        for (name, value) in [("beta", self.beta), ("smoothing", self.smoothing)] {
            found.unless(between(value), name, &format!("{value} is not above 0, up to 1"), "leave it out");
        }
        let fine = self.scale > 0.0 && self.scale <= 1e6;
        found.unless(fine, "scale", &format!("{} is not a number above zero", self.scale), "0.4 is usual");
        found.unless(self.min_rate.get() > 0.0, "min_rate", "then calls would wait for ever", "0.5/s is usual");
        found.all()
    }
}

/// The rate that CUBIC allows.
#[derive(Clone, Copy, Debug)]
pub struct Cubic {
    scale: f64,
    beta: f64,
    w_max: f64,
    k: f64,
    last_fail: f64,
}

impl Cubic {
    /// With the rate from which it starts, at a time in seconds.
    #[must_use]
    pub fn new(scale: f64, beta: f64, starting_max_rate: f64, start: f64) -> Self {
        let mut cubic = Self { scale, beta, w_max: starting_max_rate, k: 0.0, last_fail: start };
        cubic.k = cubic.plateau_after();
        cubic
    }

    fn plateau_after(&self) -> f64 {
        libm::cbrt(self.w_max * (1.0 - self.beta) / self.scale)
    }

    /// The rate after a success.
    #[must_use]
    pub fn succeeded(&self, now: f64) -> f64 {
        let dt = now - self.last_fail - self.k;
        self.scale * dt * dt * dt + self.w_max
    }

    /// The rate after throttling at a rate.
    pub fn throttled(&mut self, rate: f64, now: f64) -> f64 {
        (self.w_max, self.last_fail) = (rate, now);
        self.k = self.plateau_after();
        rate * self.beta
    }

    /// The rate at the last throttling, and after how many seconds it is reached again.
    #[must_use]
    pub const fn w_max_and_k(&self) -> (f64, f64) {
        (self.w_max, self.k)
    }
}

/// The rate at which answers come, smoothed over half seconds.
#[derive(Clone, Copy, Debug)]
pub struct RateClock {
    smoothing: f64,
    count: f64,
    bucket: f64,
    rate: f64,
}

impl RateClock {
    /// With the weight of the newest half second, at a time in seconds.
    #[must_use]
    pub fn new(smoothing: f64, start: f64) -> Self {
        Self { smoothing, count: 0.0, bucket: start.floor(), rate: 0.0 }
    }

    /// An answer has come; the rate then.
    pub fn record(&mut self, now: f64) -> f64 {
        let bucket = (now * 2.0).floor() / 2.0;
        self.count += 1.0;
        if bucket > self.bucket {
            let current = self.count / (bucket - self.bucket);
            self.rate = current * self.smoothing + self.rate * (1.0 - self.smoothing);
            (self.count, self.bucket) = (0.0, bucket);
        }
        self.rate
    }
}

/// Tokens that calls wait for.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    min_rate: f64,
    fill_rate: f64,
    capacity: f64,
    available: f64,
    filled: Option<f64>,
}

impl Bucket {
    /// Empty, with a rate.
    #[must_use]
    pub const fn new(rate: f64, min_rate: f64) -> Self {
        Self { min_rate, fill_rate: rate, capacity: rate, available: 0.0, filled: None }
    }

    fn fill(&mut self, now: f64) {
        if let Some(filled) = self.filled {
            self.available = (self.available + (now - filled) * self.fill_rate).min(self.capacity);
        }
        self.filled = Some(now);
    }

    /// Takes tokens; where there are too few, in how many seconds there will be enough at this rate.
    ///
    /// # Errors
    /// There are too few.
    pub fn acquire(&mut self, tokens: f64, now: f64) -> Result<(), f64> {
        self.fill(now);
        if tokens > self.available {
            return Err((tokens - self.available) / self.fill_rate);
        }
        self.available -= tokens;
        Ok(())
    }

    /// Sets the rate, and with it how much it holds.
    pub fn set_rate(&mut self, rate: f64, now: f64) {
        self.fill(now);
        self.fill_rate = rate.max(self.min_rate);
        self.capacity = rate.max(1.0);
        self.available = self.available.min(self.capacity);
    }

    /// Tokens there are, the rate, and how many it holds.
    #[must_use]
    pub const fn state(&self) -> (f64, f64, f64) {
        (self.available, self.fill_rate, self.capacity)
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct AwsAdaptive {
    enabled: bool,
    throttling: Failures,
    cubic: Cubic,
    clock: RateClock,
    bucket: Bucket,
}

impl AwsAdaptive {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let start = now.seconds();
        Self {
            enabled: false,
            throttling: Failures::these(&spec.throttling),
            cubic: Cubic::new(spec.scale, spec.beta, 0.0, start),
            clock: RateClock::new(spec.smoothing, start),
            bucket: Bucket::new(1.0, spec.min_rate.get()),
        }
    }

    /// The rate that it allows; none before the first throttling.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        self.enabled.then_some(self.bucket.fill_rate)
    }

    pub(super) fn admit(&mut self, now: Time) -> Verdict {
        if !self.enabled {
            return Verdict::Admit;
        }
        match self.bucket.acquire(1.0, now.seconds()) {
            Ok(()) => Verdict::Admit,
            // A nanosecond more, so that rounding does not wake it too early.
            Err(seconds) => Verdict::Again(Span::from_seconds(seconds) + Span::from_nanos(1)),
        }
    }

    pub(super) fn ended(&mut self, now: Time, outcome: Outcome) {
        let now = now.seconds();
        let measured = self.clock.record(now);
        let throttled = outcome.err().is_some_and(|failure| self.throttling.contains(failure));
        let rate = if throttled {
            let used = if self.enabled { measured.min(self.bucket.fill_rate) } else { measured };
            self.enabled = true;
            self.cubic.throttled(used, now)
        } else {
            self.cubic.succeeded(now)
        };
        self.bucket.set_rate(rate.min(2.0 * measured), now);
    }
}
