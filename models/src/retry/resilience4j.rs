//! resilience4j's retry (Java).
//!
//! Source: resilience4j 2.x, `IntervalFunction.java`, `RetryConfig.java`; recording in `tests/conformance/vectors/`.

use super::{Attempts, Facts, Next};
use crate::problem::{Found, Problem};
use crate::units::{Duration, Share};
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry as resilience4j does: delays are whole milliseconds, cut off anew at every step of their growth (500, 750,
    /// 1125, 1687, …). One draw with `randomization`, none without.
    {
        /// How many attempts in all, the first one included; 3 by default.
        #[serde(default = "three")]
        pub attempts: Attempts,
        /// Delay before the first retry; 500 ms by default.
        #[serde(default = "half_a_second")]
        pub delay: Duration,
        /// Each delay over the one before; 1 by default, and 1.5 with `ofExponentialBackoff`.
        #[serde(default = "one")]
        pub multiplier: f64,
        /// Spread the delay by so much to both sides; not by default, and by 50 % with `ofRandomized` and
        /// `ofExponentialRandomBackoff`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub randomization: Option<Share>,
        /// The longest delay, after the spread; none by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_delay: Option<Duration>,
    }
}

const fn three() -> Attempts {
    Attempts::At(3)
}

const fn half_a_second() -> Duration {
    Duration::from_seconds(0.5)
}

fn one() -> f64 {
    1.0
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.attempts.number()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("attempts", self.attempts.number(), 1);
        found.factor("multiplier", self.multiplier);
        found.ordered("delay", &self.delay, "max_delay", self.max_delay.as_ref());
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Resilience4j {
    /// In milliseconds.
    delay: f64,
    multiplier: f64,
    randomization: Option<f64>,
    max: f64,
}

impl Resilience4j {
    pub(super) fn new(spec: &Spec) -> Self {
        let millis = |duration: Duration| (duration.span().nanos() / 1_000_000) as f64;
        Self {
            delay: millis(spec.delay),
            multiplier: spec.multiplier,
            randomization: spec.randomization.map(Share::get),
            max: spec.max_delay.map_or(f64::INFINITY, millis),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        let mut millis = self.delay;
        for _ in 1..facts.attempts {
            let grown = (millis * self.multiplier).trunc();
            // Growth has stopped for good, or gone beyond all bounds.
            if grown <= millis || grown > 1e15 {
                break;
            }
            millis = grown;
        }
        if let Some(share) = self.randomization {
            let (low, high) = (millis - share * millis, millis + share * millis);
            // The one more makes the upper end a value that can come.
            millis = (low + draws.unit() * (high - low + 1.0)).max(1.0).trunc();
        }
        Some(Next::after(Span::from_millis(millis.min(self.max) as u64)))
    }
}

#[cfg(test)]
mod tests {
    use crate::retry::tests::sequence;

    #[test]
    fn both_ends_of_the_spread_can_come_and_the_cap_is_after_it() {
        let text = |more: &str| {
            format!(r#"{{"resilience4j": {{"attempts": 5, "multiplier": 1.5, "randomization": "50%"{more}}}}}"#)
        };
        assert_eq!(sequence(&text(""), 0.0), [0.25, 0.375, 0.562, 0.843]);
        assert_eq!(sequence(&text(""), 0.9999), [0.75, 1.125, 1.688, 2.531]);
        assert_eq!(sequence(&text(r#", "max_delay": "700ms""#), 0.9999), [0.7; 4]);
        assert_eq!(sequence(r#"{"resilience4j": {"delay": "0s"}}"#, 0.5), [0.0; 2]);
        assert_eq!(sequence(r#"{"resilience4j": {"delay": "0s", "randomization": "50%"}}"#, 0.5), [0.001; 2]);
    }
}
