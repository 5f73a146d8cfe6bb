//! Envoy's admission control.
//!
//! Source: Envoy, `admission_control.cc`, `thread_local_controller.cc`.

use super::Verdict;
use crate::outcome::{Failure, Outcome};
use crate::problem::{Found, Problem};
use crate::retry::Failures;
use crate::units::{Duration, Rate, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};
use std::collections::VecDeque;

/// Rejects a call with the chance ((calls − successes / `success`) / (calls + 1))^(1 / `aggression`), at most
/// `max_rejection`, in steps of a ten-thousandth. Calls count when they have ended, and those rejected here never. One
/// draw, unless the chance is zero.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How far back is counted, in samples of a second, rounded to whole seconds; 30 s by default.
    #[serde(default = "thirty_seconds")]
    pub window: Duration,
    /// The share of successes down to which nothing is rejected; 95 % by default.
    #[serde(default = "most")]
    pub success: Share,
    /// How soon the chance grows: more than 1 rejects earlier; 1 by default.
    #[serde(default = "one")]
    pub aggression: f64,
    /// Calls per second below which nothing is rejected; none by default.
    #[serde(default = "none")]
    pub min_rate: Rate,
    /// The highest chance; 80 % by default.
    #[serde(default = "eighty_percent")]
    pub max_rejection: Share,
    /// Failures that count; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

const fn thirty_seconds() -> Duration {
    Duration::from_seconds(30.0)
}

const fn most() -> Share {
    Share::new(0.95)
}

fn one() -> f64 {
    1.0
}

const fn none() -> Rate {
    Rate::per_second(0.0)
}

const fn eighty_percent() -> Share {
    Share::new(0.8)
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        let rule = format!("{} is not between 1s and 1h", self.window);
        found.unless((1.0..=3600.0).contains(&self.window.seconds()), "window", &rule, "30 s is usual");
        found.unless(self.success.get() > 0.0, "success", "then nothing is ever rejected", "95 % is usual");
        let fine = self.aggression >= 1.0 && self.aggression <= 1000.0;
        let rule = format!("{} is not between 1 and 1000", self.aggression);
        found.unless(fine, "aggression", &rule, "1 is usual");
        found.all()
    }
}

/// In steps of which the library compares.
const ACCURACY: u64 = 10_000;
/// How long a sample takes in.
const SAMPLE: Span = Span::from_secs(1);

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct EnvoyAdmission {
    window: Span,
    success: f64,
    exponent: f64,
    min_rate: f64,
    most: f64,
    on: Failures,
    /// When each sample began, with its calls and successes. Samples begin when something happens.
    samples: VecDeque<(Time, u32, u32)>,
    calls: u64,
    successes: u64,
}

impl EnvoyAdmission {
    pub(super) fn new(spec: &Spec) -> Self {
        let seconds = spec.window.seconds().round();
        Self {
            window: Span::from_seconds(seconds),
            success: spec.success.get(),
            exponent: 1.0 / spec.aggression,
            min_rate: spec.min_rate.get(),
            most: spec.max_rejection.get(),
            on: Failures::new(spec.on.as_ref()),
            samples: VecDeque::with_capacity(seconds as usize + 2),
            calls: 0,
            successes: 0,
        }
    }

    /// Forgets samples that are as old as the window, and begins a new one when the newest has lasted for a second.
    fn advance(&mut self, now: Time) {
        while let Some((began, calls, successes)) = self.samples.front().copied()
            && now.since(began) >= self.window
        {
            self.samples.pop_front();
            self.calls -= u64::from(calls);
            self.successes -= u64::from(successes);
        }
        if self.samples.back().is_none_or(|(began, ..)| now.since(*began) >= SAMPLE) {
            self.samples.push_back((now, 0, 0));
        }
    }

    /// The chance that a call is rejected.
    pub fn chance(&mut self, now: Time) -> f64 {
        self.advance(now);
        if self.min_rate > 0.0 && self.rate(now) < self.min_rate {
            return 0.0;
        }
        let (calls, successes) = (self.calls as f64, self.successes as f64);
        let plain = (calls - successes / self.success).max(0.0) / (calls + 1.0);
        let shaped = if self.exponent < 1.0 { libm::pow(plain, self.exponent) } else { plain };
        shaped.min(self.most)
    }

    /// Calls per whole second that the samples reach back.
    fn rate(&self, now: Time) -> f64 {
        let age = self.samples.front().map_or(Span::ZERO, |(began, ..)| now.since(*began));
        self.calls as f64 / age.seconds().trunc().max(1.0)
    }

    pub(super) fn admit(&mut self, now: Time, draws: &mut impl Draw) -> Verdict {
        let chance = self.chance(now);
        let rejects = chance > 0.0 && ACCURACY as f64 * chance > draws.below(ACCURACY) as f64;
        if rejects { Verdict::Reject } else { Verdict::Admit }
    }

    pub(super) fn ended(&mut self, now: Time, outcome: Outcome) {
        self.advance(now);
        let good = outcome.err().is_none_or(|failure| !self.on.contains(failure));
        let Some((_, calls, successes)) = self.samples.back_mut() else { return };
        *calls += 1;
        self.calls += 1;
        if good {
            *successes += 1;
            self.successes += 1;
        }
    }
}
