//! Finagle's backoffs (Scala), each a stream of delays.
//!
//! Source: twitter/util `Backoff.scala`.

use super::{Attempts, Facts, Next};
use crate::problem::{Found, Problem};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry as one of Finagle's backoffs says. How much is retried is up to `budget: {finagle: …}`; without a limit of
    /// its own a call goes on for as long as the budget pays. At most one draw.
    {
        /// How many retries, the first attempt not included; unlimited by default.
        #[serde(default = "unlimited")]
        pub retries: Attempts,
        /// How the delays follow each other.
        pub backoff: Backoff,
    }
}

/// A stream of delays.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Backoff {
    /// The same delay each time; `0s` retries at once.
    Constant(Duration),
    /// `start`, `start` × `factor`, `start` × `factor`², … up to `max`.
    Exponential {
        /// The first delay.
        start: Duration,
        /// Each delay over the one before; 2 by default.
        #[serde(default = "double")]
        factor: f64,
        /// The longest delay.
        max: Duration,
    },
    /// `start`, then uniform up to the previous delay × 2^n, at most `max`. The base is the previous draw, so this is not
    /// the full jitter of others: it grows as 2^(n²/2), and a short draw keeps the next ones short.
    ExponentialJittered {
        /// The first delay.
        start: Duration,
        /// The longest delay; once it is reached it stays.
        max: Duration,
    },
    /// `start`, then half of a delay that doubles, plus uniform up to as much again; once beyond `max` it stays at `max`.
    EqualJittered {
        /// The first delay.
        start: Duration,
        /// The longest delay.
        max: Duration,
    },
    /// `start`, then uniform between `start` and three times the previous delay, at most `max`.
    DecorrelatedJittered {
        /// The first delay.
        start: Duration,
        /// The longest delay.
        max: Duration,
    },
}

const fn unlimited() -> Attempts {
    Attempts::Unlimited
}

fn double() -> f64 {
    2.0
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.retries.after_first()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("retries", self.retries.number(), 0);
        let (tag, start, max) = match &self.backoff {
            Backoff::Constant(_) => return found.all(),
            Backoff::Exponential { start, factor, max } => {
                found.factor("backoff.exponential.factor", *factor);
                ("exponential", start, max)
            }
            Backoff::ExponentialJittered { start, max } => ("exponential_jittered", start, max),
            Backoff::EqualJittered { start, max } => ("equal_jittered", start, max),
            Backoff::DecorrelatedJittered { start, max } => ("decorrelated_jittered", start, max),
        };
        let (from, to) = (format!("backoff.{tag}.start"), format!("backoff.{tag}.max"));
        found.span(&from, Some(start));
        found.ordered(&from, start, &to, Some(max));
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Finagle(Backoff);

impl Finagle {
    pub(super) fn new(spec: &Spec) -> Self {
        Self(spec.backoff)
    }

    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        // The number of the delay, from 0: the first one is always the start itself.
        let number = u32::from(facts.attempts.saturating_sub(1));
        let previous = facts.memory;
        let doubled = |nanos: u64, times: u32| nanos.saturating_mul(1 << times.min(62));
        let nanos = match self.0 {
            Backoff::Constant(delay) => delay.span().nanos(),
            Backoff::Exponential { start, factor, max } => {
                let grown = start.seconds() * libm::pow(factor, f64::from(number));
                Span::from_seconds(grown).min(max.span()).nanos()
            }
            Backoff::ExponentialJittered { start, .. }
            | Backoff::EqualJittered { start, .. }
            | Backoff::DecorrelatedJittered { start, .. }
                if number == 0 =>
            {
                start.span().nanos()
            }
            Backoff::ExponentialJittered { max, .. } => {
                let max = max.span().nanos();
                if previous >= max { max } else { 1 + draws.below(doubled(previous, number).min(max)) }
            }
            Backoff::EqualJittered { start, max } => {
                let half = doubled(start.span().nanos(), number - 1);
                half.saturating_add(draws.below(half)).min(max.span().nanos())
            }
            Backoff::DecorrelatedJittered { start, max } => {
                let (start, max) = (start.span().nanos(), max.span().nanos());
                start.saturating_add(draws.below(previous.saturating_mul(3).abs_diff(start))).min(max)
            }
        };
        Some(Next::after(Span::from_nanos(nanos)))
    }
}

#[cfg(test)]
mod tests {
    use crate::retry::tests::sequence;

    fn delays(backoff: &str, uniform: f64) -> Vec<f64> {
        sequence(&format!(r#"{{"finagle": {{"retries": 5, "backoff": {backoff}}}}}"#), uniform)
    }

    #[test]
    fn streams_begin_with_their_start() {
        let jittered = r#"{"exponential_jittered": {"start": "100ms", "max": "10s"}}"#;
        // 1 ns is added to what is drawn: u = 1/2 of 0.2, then of the draw × 4, × 8, × 16.
        let expected = [0.1, 0.1, 0.2, 0.8, 5.0];
        for (delay, expected) in delays(jittered, 0.5).into_iter().zip(expected) {
            assert!((delay - expected).abs() < 1e-6, "{delay} {expected}");
        }
        let equal = r#"{"equal_jittered": {"start": "100ms", "max": "1s"}}"#;
        assert_eq!(delays(equal, 0.5), [0.1, 0.15, 0.3, 0.6, 1.0]);
        let decorrelated = r#"{"decorrelated_jittered": {"start": "100ms", "max": "1s"}}"#;
        assert_eq!(delays(decorrelated, 0.5), [0.1, 0.2, 0.35, 0.575, 0.9125]);
        let exponential = r#"{"exponential": {"start": "100ms", "max": "1s"}}"#;
        assert_eq!(delays(exponential, 0.5), [0.1, 0.2, 0.4, 0.8, 1.0]);
        assert_eq!(delays(r#"{"constant": "0s"}"#, 0.5), [0.0; 5]);
    }
}
