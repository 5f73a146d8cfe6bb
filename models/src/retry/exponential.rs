//! Delays that grow by a factor, up to a cap.

use super::{Facts, Failures, Jitter};
use crate::outcome::Failure;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

/// Retry after delays that grow: `base`, `base` × `factor`, `base` × `factor`², … up to `cap`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How many attempts in all, the first one included.
    pub attempts: u16,
    /// Delay before the first retry.
    pub base: Duration,
    /// Each delay over the one before; 2 by default.
    #[serde(default = "double")]
    pub factor: f64,
    /// The longest delay, before jitter; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Duration>,
    /// How the delay is spread; no spread by default.
    #[serde(default)]
    pub jitter: Jitter,
    /// Which failures are tried again; all of them by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

fn double() -> f64 {
    2.0
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Exponential {
    pub(super) attempts: u16,
    pub(super) on: Failures,
    base: Span,
    factor: f64,
    cap: Span,
    jitter: Jitter,
}

impl Exponential {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            attempts: spec.attempts,
            on: Failures::new(spec.on.as_ref()),
            base: spec.base.span(),
            factor: spec.factor,
            cap: spec.cap.map_or(Span::MAX, |cap| cap.span()),
            jitter: spec.jitter,
        }
    }

    #[inline]
    pub(super) fn delay(&self, facts: Facts, draws: &mut impl Draw) -> Span {
        let backoff = self.backoff(facts.attempts);
        self.jitter.spread(backoff, self.base, self.cap, facts.previous, draws)
    }

    /// The delay before jitter, after so many attempts.
    fn backoff(&self, attempts: u16) -> Span {
        let mut backoff = self.base;
        for _ in 1..attempts {
            if backoff >= self.cap {
                break;
            }
            backoff = backoff.scaled(self.factor);
        }
        backoff.min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Failure;
    use squall_sim::random::{Luck, Place, Purpose};

    fn policy(jitter: Jitter) -> Exponential {
        let (base, cap) = (Duration::from_seconds(0.1), Some(Duration::from_seconds(10.0)));
        Exponential::new(&Spec { attempts: 9, base, factor: 2.0, cap, jitter, on: None })
    }

    /// Mean and standard deviation of the sum of the first eight delays, over 100,000 calls.
    fn totals(jitter: Jitter) -> (f64, f64) {
        let (policy, n) = (policy(jitter), 100_000);
        let place = Place::named("test", Purpose::Jitter);
        let (mut sum, mut squares) = (0.0, 0.0);
        for call in 0..n {
            let mut draws = Luck::new(call).at(place);
            let mut previous = Span::ZERO;
            let mut total = 0.0;
            for attempts in 1..=8 {
                previous = policy.delay(Facts { attempts, previous, failure: Failure::Error }, &mut draws);
                total += previous.seconds();
            }
            sum += total;
            squares += total * total;
        }
        let mean = sum / n as f64;
        (mean, (squares / n as f64 - mean * mean).max(0.0).sqrt())
    }

    /// The expected values follow from the delays 0.1, 0.2, … 6.4, 10 s, whose sum is 22.7 s.
    #[test]
    fn jitter_halves_or_keeps_what_theory_says() {
        let (none, spread) = totals(Jitter::None);
        assert!((none - 22.7).abs() < 1e-6 && spread < 1e-3, "{none} {spread}");
        let (full, spread) = totals(Jitter::Full);
        assert!((full - 11.35).abs() < 0.036 && (spread - 3.5895).abs() < 0.023, "{full} {spread}");
        let (equal, spread) = totals(Jitter::Equal);
        assert!((equal - 17.025).abs() < 0.018 && (spread - 3.5895 / 2.0).abs() < 0.012, "{equal} {spread}");
    }

    #[test]
    fn decorrelated_delays_stay_between_base_and_cap() {
        let policy = policy(Jitter::Decorrelated);
        for call in 0..1000 {
            let mut draws = Luck::new(call).at(Place::named("test", Purpose::Jitter));
            let mut previous = Span::ZERO;
            for attempts in 1..50 {
                let next = policy.delay(Facts { attempts, previous, failure: Failure::Error }, &mut draws);
                let ceiling = previous.max(policy.base).scaled(3.0).min(policy.cap);
                assert!(next >= policy.base && next <= ceiling, "{previous} then {next}");
                previous = next;
            }
        }
    }
}
