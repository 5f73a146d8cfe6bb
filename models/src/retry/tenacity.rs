//! tenacity's retry (Python): a wait, and what stops it.
//!
//! Source: tenacity 9.x, `wait.py`, `stop.py`; recording in `tests/conformance/vectors/`.

use super::{Attempts, Facts, Next};
use crate::problem::{Found, Problem};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry as tenacity does. Nothing is waited for and nothing stops it unless it is said: the library's default is to
    /// hammer without end. Its `stop_after_delay` is `stop_after` here, and its `stop_before_delay` `stop_before`. At most
    /// one draw.
    {
        /// How many attempts in all, the first one included; unlimited by default.
        #[serde(default = "unlimited")]
        pub attempts: Attempts,
        /// The delay before a retry; `none` by default.
        #[serde(default)]
        pub wait: Wait,
    }
}

/// A delay by the number a of the attempt that has just failed, from 1.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Wait {
    /// None at all.
    #[default]
    None,
    /// Always the same.
    Fixed(Duration),
    /// Uniform between two durations.
    Random {
        /// The shortest; none by default.
        #[serde(default = "zero")]
        min: Duration,
        /// The longest; 1 s by default.
        #[serde(default = "second")]
        max: Duration,
    },
    /// `start` + `increment` × (a − 1), at most `max`.
    Incrementing {
        /// The first delay; none by default.
        #[serde(default = "zero")]
        start: Duration,
        /// What is added each time; 100 s by default.
        #[serde(default = "hundred_seconds")]
        increment: Duration,
        /// The longest; no limit by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Duration>,
    },
    /// `multiplier` × `base`^(a − 1), at most `max`, at least `min` (which wins where it is above `max`).
    Exponential(Growth),
    /// Uniform between `min` and what `exponential` says.
    RandomExponential(Growth),
    /// What `exponential` says before its cap, plus uniform up to `jitter`, at most `max`: at the cap nothing is spread any
    /// more.
    ExponentialJitter {
        /// The first delay, before jitter; 1 s by default.
        #[serde(default = "second")]
        initial: Duration,
        /// Each delay over the one before; 2 by default.
        #[serde(default = "two")]
        base: f64,
        /// How much is added at most; 1 s by default.
        #[serde(default = "second")]
        jitter: Duration,
        /// The shortest; none by default.
        #[serde(default = "zero")]
        min: Duration,
        /// The longest; no limit by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Duration>,
    },
    /// One wait after the other; the last one repeats.
    Chain(Vec<Wait>),
}

/// A delay that grows by a factor.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// The first delay; 1 s by default.
    #[serde(default = "second")]
    pub multiplier: Duration,
    /// Each delay over the one before; 2 by default.
    #[serde(default = "two")]
    pub base: f64,
    /// The shortest; none by default.
    #[serde(default = "zero")]
    pub min: Duration,
    /// The longest; no limit by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Duration>,
}

const fn unlimited() -> Attempts {
    Attempts::Unlimited
}

const fn zero() -> Duration {
    Duration::from_seconds(0.0)
}

const fn second() -> Duration {
    Duration::from_seconds(1.0)
}

const fn hundred_seconds() -> Duration {
    Duration::from_seconds(100.0)
}

fn two() -> f64 {
    2.0
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.attempts.number()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("attempts", self.attempts.number(), 1);
        self.wait.check("wait", &mut found);
        found.all()
    }
}

impl Wait {
    fn check(&self, path: &str, found: &mut Found) {
        match self {
            Self::None | Self::Fixed(_) | Self::Incrementing { .. } => {}
            Self::Random { min, max } => {
                found.ordered(&format!("{path}.random.min"), min, &format!("{path}.random.max"), Some(max));
            }
            Self::Exponential(growth) => found.factor(&format!("{path}.exponential.base"), growth.base),
            Self::RandomExponential(growth) => found.factor(&format!("{path}.random_exponential.base"), growth.base),
            Self::ExponentialJitter { base, .. } => found.factor(&format!("{path}.exponential_jitter.base"), *base),
            Self::Chain(waits) => {
                let path = format!("{path}.chain");
                found.unless(!waits.is_empty(), &path, "a chain of no waits", "list waits such as `fixed: 1s`");
                waits.iter().enumerate().for_each(|(at, wait)| wait.check(&format!("{path}.{at}"), found));
            }
        }
    }

    /// In seconds, which may be more than any run lasts.
    fn seconds(&self, attempts: u16, draws: &mut impl Draw) -> f64 {
        let before = f64::from(attempts.saturating_sub(1));
        match self {
            Self::None => 0.0,
            Self::Fixed(delay) => delay.seconds(),
            Self::Random { min, max } => min.seconds() + draws.unit() * (max.seconds() - min.seconds()),
            Self::Incrementing { start, increment, max } => {
                (start.seconds() + increment.seconds() * before).min(most(max.as_ref()))
            }
            Self::Exponential(growth) => growth.seconds(before),
            Self::RandomExponential(growth) => {
                let min = growth.min.seconds();
                min + draws.unit() * (growth.seconds(before) - min)
            }
            Self::ExponentialJitter { initial, base, jitter, min, max } => {
                let grown = initial.seconds() * libm::pow(*base, before) + draws.unit() * jitter.seconds();
                grown.min(most(max.as_ref())).max(min.seconds())
            }
            Self::Chain(waits) => {
                let at = usize::from(attempts.saturating_sub(1)).min(waits.len().saturating_sub(1));
                waits.get(at).map_or(0.0, |wait| wait.seconds(attempts, draws))
            }
        }
    }
}

impl Growth {
    fn seconds(&self, before: f64) -> f64 {
        let grown = self.multiplier.seconds() * libm::pow(self.base, before);
        grown.min(most(self.max.as_ref())).max(self.min.seconds())
    }
}

fn most(max: Option<&Duration>) -> f64 {
    max.map_or(f64::INFINITY, |max| max.seconds())
}

#[derive(Clone, Debug)]
pub(super) struct Tenacity(Wait);

impl Tenacity {
    pub(super) fn new(spec: &Spec) -> Self {
        Self(spec.wait.clone())
    }

    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        Some(Next::after(Span::from_seconds(self.0.seconds(facts.attempts, draws))))
    }
}
