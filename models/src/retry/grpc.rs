//! gRPC's retries by service config.
//!
//! Source: gRFC A6 and its change of 2024; grpc-go `stream.go`, grpc-java `RetriableStream.java`.

use super::{Attempts, Facts, Hint, Jitter, Next};
use crate::problem::{Found, Problem};
use crate::units::{Duration, Share};
use squall_sim::Span;
use squall_sim::random::Draw;

use super::jitter::Around;

super::common::member! {
    /// Retry after `initial` × `multiplier`^n, at most `max`, spread by 20 % to both sides; the cap comes before the
    /// spread, so a delay can be 20 % above `max`. A callee can ask for a delay, which is kept exactly and after which n
    /// starts again at 0, or for no retry at all. The throttle of a service config is `budget: {grpc_throttle: …}`. One
    /// draw, except where the callee asks for a delay.
    {
        /// How many attempts in all, the first one included. More than 5 count as 5, as in the libraries.
        pub attempts: Attempts,
        /// Delay before the first retry.
        pub initial: Duration,
        /// The longest delay, before the spread.
        pub max: Duration,
        /// Each delay over the one before.
        pub multiplier: f64,
        /// How the delay is spread; `share: 20%` by default. It was `full` until 2024.
        #[serde(default = "twenty_percent")]
        pub jitter: Jitter,
    }
}

const fn twenty_percent() -> Jitter {
    Jitter::Share(Share::new(0.2))
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.attempts.number().min(5)
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("attempts", self.attempts.number(), 2);
        found.span("initial", Some(&self.initial));
        found.span("max", Some(&self.max));
        let positive = self.multiplier > 0.0 && self.multiplier <= 1000.0;
        let rule = format!("the multiplier {} is not above 0, up to 1000", self.multiplier);
        found.unless(positive, "multiplier", &rule, "2 is usual");
        let simple = matches!(self.jitter, Jitter::None | Jitter::Full | Jitter::Share(_));
        found.unless(simple, "jitter", "gRPC has no such spread", "write `full` or `share: 20%`");
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Grpc {
    initial: f64,
    max: f64,
    multiplier: f64,
    jitter: Jitter,
}

impl Grpc {
    pub(super) fn new(spec: &Spec) -> Self {
        let Spec { initial, max, multiplier, jitter, .. } = spec;
        Self { initial: initial.seconds(), max: max.seconds(), multiplier: *multiplier, jitter: *jitter }
    }

    /// What it remembers is how many attempts there were when the callee last asked for a delay.
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        match facts.hint {
            Hint::Never => return None,
            Hint::After(delay) => return Some(Next { delay, memory: facts.attempts.into() }),
            Hint::None => {}
        }
        let since = u64::from(facts.attempts).saturating_sub(facts.memory).saturating_sub(1);
        let grown = self.initial * libm::pow(self.multiplier, since as f64);
        let backoff = Span::from_seconds(grown.min(self.max));
        let around = Around { backoff, base: backoff, cap: Span::MAX, attempts: facts.attempts, memory: facts.memory };
        Some(Next { delay: self.jitter.spread(&around, draws).delay, memory: facts.memory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::tests::{Same, facts, sequence};

    const TEXT: &str = r#"{"attempts": 9, "initial": "100ms", "max": "300ms", "multiplier": 2}"#;

    #[test]
    fn five_attempts_at_most_and_the_cap_before_the_spread() {
        let all = |uniform| sequence(&format!(r#"{{"grpc": {TEXT}}}"#), uniform);
        assert_eq!(all(0.0), [0.08, 0.16, 0.24, 0.24]);
        assert_eq!(all(0.5), [0.1, 0.2, 0.3, 0.3]);
        assert_eq!(all(1.0), [0.12, 0.24, 0.36, 0.36]);
    }

    #[test]
    fn a_delay_that_the_callee_asks_for_is_exact_and_starts_the_backoff_again() {
        let policy = Grpc::new(&serde_json::from_str(TEXT).unwrap());
        let asked = Facts { hint: Hint::After(Span::from_millis(7)), ..facts(2, 0) };
        let next = policy.next(asked, &mut Same(0.5)).unwrap();
        assert_eq!(next, Next { delay: Span::from_millis(7), memory: 2 });
        let delays = [3, 4].map(|attempts| policy.next(facts(attempts, next.memory), &mut Same(0.5)).unwrap().delay);
        assert_eq!(delays, [Span::from_millis(100), Span::from_millis(200)]);
        assert_eq!(policy.next(Facts { hint: Hint::Never, ..facts(1, 0) }, &mut Same(0.5)), None);
    }
}
