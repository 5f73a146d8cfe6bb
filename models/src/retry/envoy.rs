//! Envoy's retries, and with them Istio's.
//!
//! Source: Envoy, `retry_state_impl.cc`, `backoff_strategy.cc`; the documentation of `retry_back_off`.

use super::{Attempts, Facts, Hint, Next};
use crate::problem::{Found, Problem};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry after a whole number of milliseconds, drawn below a bound that grows from `base` to `max`. Whether there is
    /// room for a retry at all is up to `budget: {envoy: …}` or `budget: {concurrent: …}`. A callee that asks for a delay
    /// is given up to half as much again. One draw.
    {
        /// How many retries, the first attempt not included; 1 by default.
        #[serde(default = "one")]
        pub retries: Attempts,
        /// The first bound; 25 ms by default.
        #[serde(default = "base")]
        pub base: Duration,
        /// The last bound; ten times the first by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max: Option<Duration>,
        /// How the bound grows.
        #[serde(default)]
        pub growth: Growth,
        /// What a callee asks for beyond this is ignored; 300 s by default.
        #[serde(default = "five_minutes")]
        pub retry_after_max: Duration,
    }
}

/// How the bound of the drawn delay grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// It doubles while it is below half of `max`, and then is `max`: 25, 50, 100, 200, 250, 250 ms. The current code.
    #[default]
    Doubling,
    /// (2^n − 1) × `base`, and a draw beyond `max` becomes `max`: 25, 75, 175, 375 ms. The documentation, and the code up to
    /// about 1.13.
    Documented,
}

const fn one() -> Attempts {
    Attempts::At(1)
}

const fn base() -> Duration {
    Duration::from_seconds(0.025)
}

const fn five_minutes() -> Duration {
    Duration::from_seconds(300.0)
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.retries.after_first()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("retries", self.retries.number(), 0);
        found.millis("base", &self.base);
        found.ordered("base", &self.base, "max", self.max.as_ref());
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Envoy {
    /// In milliseconds.
    base: u64,
    max: u64,
    growth: Growth,
    retry_after_max: Span,
}

impl Envoy {
    pub(super) fn new(spec: &Spec) -> Self {
        let millis = |duration: Duration| duration.span().nanos() / 1_000_000;
        let base = millis(spec.base).max(1);
        Self {
            base,
            max: spec.max.map_or(base.saturating_mul(10), millis).max(base),
            growth: spec.growth,
            retry_after_max: spec.retry_after_max.span(),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        if let Hint::After(asked) = facts.hint
            && asked <= self.retry_after_max
        {
            return Some(Next::after(asked.scaled(1.0 + 0.5 * draws.unit())));
        }
        let millis = draws.below(self.bound(facts.attempts)).min(self.max);
        Some(Next::after(Span::from_millis(millis)))
    }

    /// What the delay before this retry (the number of attempts so far) stays below, in milliseconds.
    fn bound(&self, retry: u16) -> u64 {
        match self.growth {
            Growth::Doubling => {
                let mut bound = self.base;
                for _ in 1..retry {
                    if bound >= self.max / 2 {
                        return self.max;
                    }
                    bound *= 2;
                }
                bound
            }
            Growth::Documented => self.base.saturating_mul((1 << u64::from(retry).min(40)) - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::tests::{Same, facts, sequence};

    #[test]
    fn what_the_callee_asks_for_is_stretched_and_absurd_wishes_are_not_heard() {
        let policy = Envoy::new(&serde_json::from_str("{}").unwrap());
        let delay = |seconds, uniform| {
            let facts = Facts { hint: Hint::After(Span::from_secs(seconds)), ..facts(1, 0) };
            policy.next(facts, &mut Same(uniform)).unwrap().delay.seconds()
        };
        assert_eq!((delay(10, 0.0), delay(10, 0.5)), (10.0, 12.5));
        assert_eq!(delay(301, 0.5), 0.012);
    }

    #[test]
    fn one_retry_by_default() {
        assert_eq!(sequence(r#"{"envoy": {}}"#, 0.999), [0.024]);
    }
}
