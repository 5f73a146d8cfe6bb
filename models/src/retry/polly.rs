//! Polly 8's retry (.NET).
//!
//! Source: Polly.Core, `Retry/RetryHelper.cs`, `RetryConstants.cs`.

use super::jitter::decorrelated_v2;
use super::{Attempts, Facts, Next};
use crate::problem::{Found, Problem};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry as Polly does. With jitter, constant and linear delays are spread by 25 % to both sides, and exponential ones
    /// are drawn by `decorrelated_v2`, in whole ticks of 100 ns. One draw with jitter, none without.
    {
        /// How many retries, the first attempt not included; 3 by default.
        #[serde(default = "three")]
        pub retries: Attempts,
        /// The delay that all others go by; 2 s by default. `0s` retries at once, whatever else is said.
        #[serde(default = "two_seconds")]
        pub delay: Duration,
        /// How the delays grow; `constant` by default.
        #[serde(default)]
        pub backoff: Backoff,
        /// Spread the delays; off by default.
        #[serde(default)]
        pub jitter: bool,
        /// The longest delay, after jitter; none by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_delay: Option<Duration>,
    }
}

/// How Polly's delays grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// Not at all.
    #[default]
    Constant,
    /// 1, 2, 3, … times the delay.
    Linear,
    /// 1, 2, 4, … times the delay.
    Exponential,
}

const fn three() -> Attempts {
    Attempts::At(3)
}

const fn two_seconds() -> Duration {
    Duration::from_seconds(2.0)
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.retries.after_first()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("retries", self.retries.number(), 0);
        found.span("max_delay", self.max_delay.as_ref());
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Polly {
    delay: f64,
    backoff: Backoff,
    jitter: bool,
    max: Span,
}

impl Polly {
    pub(super) fn new(spec: &Spec) -> Self {
        let max = spec.max_delay.map_or(Span::MAX, |max| max.span());
        Self { delay: spec.delay.seconds(), backoff: spec.backoff, jitter: spec.jitter, max }
    }

    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        if self.delay <= 0.0 {
            return Some(Next { delay: Span::ZERO, memory: facts.memory });
        }
        let retry = f64::from(facts.attempts);
        let (seconds, memory) = match (self.backoff, self.jitter) {
            (Backoff::Exponential, true) => {
                let (factor, memory) = decorrelated_v2(facts.attempts, facts.memory, draws.unit());
                // The state keeps what the cap cuts off.
                ((factor * self.delay * 1e7).floor() / 1e7, memory)
            }
            (Backoff::Exponential, false) => (libm::exp2(retry - 1.0) * self.delay, 0),
            (Backoff::Linear, false) => (retry * self.delay, 0),
            (Backoff::Constant, false) => (self.delay, 0),
            (Backoff::Linear, true) => (spread(retry * self.delay, draws), 0),
            (Backoff::Constant, true) => (spread(self.delay, draws), 0),
        };
        Some(Next { delay: Span::from_seconds(seconds).min(self.max), memory })
    }
}

/// A quarter to both sides.
fn spread(seconds: f64, draws: &mut impl Draw) -> f64 {
    seconds + seconds * 0.5 * draws.unit() - seconds * 0.25
}

#[cfg(test)]
mod tests {
    use crate::retry::tests::sequence;

    #[test]
    fn the_longest_delay_clamps_what_comes_out_and_not_the_state() {
        let jittered = |more: &str| {
            let text = format!(
                r#"{{"polly": {{"retries": 5, "delay": "1s", "backoff": "exponential", "jitter": true{more}}}}}"#
            );
            sequence(&text, 0.5)
        };
        let free = jittered("");
        for (delay, expected) in free.iter().zip([0.897, 1.093, 2.036, 4.046, 8.084]) {
            assert!((delay - expected).abs() < 5e-4, "{free:?}");
        }
        let clamped = jittered(r#", "max_delay": "2s""#);
        assert_eq!(clamped, [free[0], free[1], 2.0, 2.0, 2.0]);
        assert_eq!(sequence(r#"{"polly": {"delay": "0s", "backoff": "exponential"}}"#, 0.5), [0.0; 3]);
    }
}
