//! cockatiel's retry (Node.js).
//!
//! Source: cockatiel 3.2.1, `backoff/*.js`; recording in `tests/conformance/vectors/`.

use super::jitter::decorrelated_v2;
use super::{Attempts, Facts, Next};
use crate::problem::{Found, Problem};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry as cockatiel's `ExponentialBackoff` does: delays double from `initial` up to `max`. With `full` and `half`
    /// they are whole milliseconds. One draw, except without jitter.
    {
        /// How many retries, the first attempt not included.
        pub retries: Attempts,
        /// Delay before the first retry; 128 ms by default.
        #[serde(default = "initial")]
        pub initial: Duration,
        /// The longest delay; 30 s by default.
        #[serde(default = "max")]
        pub max: Duration,
        /// How the delay is spread; `decorrelated_v2` by default.
        #[serde(default)]
        pub generator: Generator,
    }
}

/// How cockatiel spreads a delay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Generator {
    /// A smooth spread that doubles on the average, as in Polly.
    #[default]
    DecorrelatedV2,
    /// Uniform between zero and the delay.
    Full,
    /// Half of the delay, plus uniform up to the other half.
    Half,
    /// Not at all.
    None,
}

const fn initial() -> Duration {
    Duration::from_seconds(0.128)
}

const fn max() -> Duration {
    Duration::from_seconds(30.0)
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.retries.after_first()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("retries", self.retries.number(), 0);
        found.span("initial", Some(&self.initial));
        found.ordered("initial", &self.initial, "max", Some(&self.max));
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Cockatiel {
    initial: f64,
    max: f64,
    generator: Generator,
}

impl Cockatiel {
    pub(super) fn new(spec: &Spec) -> Self {
        Self { initial: spec.initial.seconds() * 1000.0, max: spec.max.seconds() * 1000.0, generator: spec.generator }
    }

    /// In milliseconds until the end, as the library counts.
    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        let doubled = self.initial * libm::exp2(f64::from(facts.attempts.saturating_sub(1)));
        let delay = doubled.min(self.max);
        let (millis, memory) = match self.generator {
            Generator::None => (delay, 0),
            Generator::Full => ((draws.unit() * delay).floor(), 0),
            Generator::Half => (((delay + draws.unit() * delay) / 2.0).floor(), 0),
            Generator::DecorrelatedV2 => {
                let (factor, memory) = decorrelated_v2(facts.attempts, facts.memory, draws.unit());
                ((factor * self.initial).min(self.max), memory)
            }
        };
        Some(Next { delay: Span::from_seconds(millis / 1000.0), memory })
    }
}
