//! Delays that grow by a factor, up to a cap.

use super::jitter::Around;
use super::{Attempts, Facts, Jitter, Next};
use crate::problem::{Found, Problem};
use crate::units::Duration;
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry after delays that grow: `base`, `base` × `factor`, `base` × `factor`², … up to `cap`.
    {
        /// How many attempts in all, the first one included.
        pub attempts: Attempts,
        /// Delay before the first retry.
        pub base: Duration,
        /// Each delay over the one before; 2 by default.
        #[serde(default = "double")]
        pub factor: f64,
        /// The longest delay, before jitter; none by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cap: Option<Duration>,
        /// Cap the delay after jitter instead: delays at the cap are then no longer spread.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub cap_after_jitter: bool,
        /// How the delay is spread; no spread by default.
        #[serde(default)]
        pub jitter: Jitter,
    }
}

fn double() -> f64 {
    2.0
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.attempts.number()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("attempts", self.attempts.number(), 1);
        found.span("base", Some(&self.base));
        found.factor("factor", self.factor);
        found.ordered("base", &self.base, "cap", self.cap.as_ref());
        let sense = !self.cap_after_jitter || self.cap.is_some();
        found.unless(sense, "cap_after_jitter", "there is no cap", "give a `cap`, or leave this out");
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Exponential {
    base: Span,
    factor: f64,
    /// The longest delay before jitter, and after it.
    before: Span,
    after: Span,
    jitter: Jitter,
}

impl Exponential {
    pub(super) fn new(spec: &Spec) -> Self {
        let cap = spec.cap.map_or(Span::MAX, |cap| cap.span());
        let (before, after) = if spec.cap_after_jitter { (Span::MAX, cap) } else { (cap, Span::MAX) };
        Self { base: spec.base.span(), factor: spec.factor, before, after, jitter: spec.jitter }
    }

    #[inline]
    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        let Facts { attempts, memory, .. } = facts;
        let backoff = self.backoff(attempts);
        let around = Around { backoff, base: self.base, cap: self.before, attempts, memory };
        let next = self.jitter.spread(&around, draws);
        Some(Next { delay: next.delay.min(self.after), ..next })
    }

    /// The delay before jitter, after so many attempts.
    fn backoff(&self, attempts: u16) -> Span {
        let mut backoff = self.base;
        for _ in 1..attempts {
            if backoff >= self.before {
                break;
            }
            backoff = backoff.scaled(self.factor);
        }
        backoff.min(self.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::tests::{facts, sequence};
    use squall_sim::random::{Luck, Place, Purpose};

    fn policy(jitter: Jitter) -> Exponential {
        let text = r#"{"attempts": 9, "base": "100ms", "cap": "10s"}"#;
        Exponential { jitter, ..Exponential::new(&serde_json::from_str(text).unwrap()) }
    }

    /// Mean and standard deviation of the sum of the first eight delays, over 100,000 calls.
    fn totals(jitter: Jitter) -> (f64, f64) {
        let (policy, n) = (policy(jitter), 100_000);
        let place = Place::named("test", Purpose::Jitter);
        let (mut sum, mut squares) = (0.0, 0.0);
        for call in 0..n {
            let mut draws = Luck::new(call).at(place);
            let mut memory = 0;
            let mut total = 0.0;
            for attempts in 1..=8 {
                let next = policy.next(facts(attempts, memory), &mut draws).unwrap();
                memory = next.memory;
                total += next.delay.seconds();
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
                let next = policy.next(facts(attempts, previous.nanos()), &mut draws).unwrap().delay;
                let ceiling = previous.max(policy.base).scaled(3.0).min(policy.before);
                assert!(next >= policy.base && next <= ceiling, "{previous} then {next}");
                previous = next;
            }
        }
    }

    #[test]
    fn a_cap_after_jitter_takes_the_spread_away_at_the_top() {
        let text = |more: &str| {
            format!(
                r#"{{"exponential": {{"attempts": 6, "base": "1s", "cap": "4s", "jitter": {{"share": "50%"}}{more}}}}}"#
            )
        };
        assert_eq!(sequence(&text(""), 0.75), [1.25, 2.5, 5.0, 5.0, 5.0]);
        assert_eq!(sequence(&text(r#", "cap_after_jitter": true"#), 0.75), [1.25, 2.5, 4.0, 4.0, 4.0]);
        assert_eq!(sequence(&text(r#", "cap_after_jitter": true"#), 0.0), [0.5, 1.0, 2.0, 4.0, 4.0]);
    }
}
