//! urllib3's retry (Python), which requests uses as well.
//!
//! Source: urllib3 2.x, `util/retry.py`.

use super::{Attempts, Facts, Hint, Next};
use crate::problem::{Found, Problem};
use crate::units::Duration;
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry at once the first time, then after `backoff_factor` × 2^(n − 1) before the n-th retry, plus jitter, at most
    /// `backoff_max`. A delay that the callee asks for replaces all that. One draw with jitter, none without.
    {
        /// How many retries, the first attempt not included; 10 by default.
        #[serde(default = "ten")]
        pub retries: Attempts,
        /// Half of the delay before the second retry; `0s` by default, which never waits.
        #[serde(default = "zero")]
        pub backoff_factor: Duration,
        /// The longest delay; 120 s by default.
        #[serde(default = "two_minutes")]
        pub backoff_max: Duration,
        /// Uniform up to so much is added, from the second retry on; none by default.
        #[serde(default = "zero")]
        pub backoff_jitter: Duration,
    }
}

const fn ten() -> Attempts {
    Attempts::At(10)
}

const fn zero() -> Duration {
    Duration::from_seconds(0.0)
}

const fn two_minutes() -> Duration {
    Duration::from_seconds(120.0)
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.retries.after_first()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("retries", self.retries.number(), 0);
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Urllib3 {
    factor: f64,
    max: f64,
    jitter: f64,
}

impl Urllib3 {
    pub(super) fn new(spec: &Spec) -> Self {
        let Spec { backoff_factor, backoff_max, backoff_jitter, .. } = spec;
        Self { factor: backoff_factor.seconds(), max: backoff_max.seconds(), jitter: backoff_jitter.seconds() }
    }

    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        if let Hint::After(asked) = facts.hint
            && !asked.is_zero()
        {
            return Some(Next::after(asked));
        }
        if facts.attempts <= 1 {
            return Some(Next::after(Span::ZERO));
        }
        let grown = self.factor * libm::exp2(f64::from(facts.attempts - 1));
        let jitter = if self.jitter > 0.0 { self.jitter * draws.unit() } else { 0.0 };
        Some(Next::after(Span::from_seconds((grown + jitter).min(self.max))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::tests::{Same, facts, sequence};

    #[test]
    fn the_first_retry_is_at_once_and_jitter_comes_under_the_cap() {
        let text = |more: &str| format!(r#"{{"urllib3": {{"retries": 6, "backoff_factor": "500ms"{more}}}}}"#);
        assert_eq!(sequence(&text(""), 0.5), [0.0, 1.0, 2.0, 4.0, 8.0, 16.0]);
        let capped = text(r#", "backoff_jitter": "1s", "backoff_max": "8s""#);
        assert_eq!(sequence(&capped, 0.5), [0.0, 1.5, 2.5, 4.5, 8.0, 8.0]);
        assert_eq!(sequence(r#"{"urllib3": {}}"#, 0.5), [0.0; 10]);
    }

    #[test]
    fn what_the_callee_asks_for_replaces_the_backoff() {
        let policy = Urllib3::new(&serde_json::from_str(r#"{"backoff_factor": "1s"}"#).unwrap());
        let asked = |seconds| Facts { hint: Hint::After(Span::from_secs(seconds)), ..facts(3, 0) };
        assert_eq!(policy.next(asked(600), &mut Same(0.5)).unwrap().delay, Span::from_secs(600));
        assert_eq!(policy.next(asked(0), &mut Same(0.5)).unwrap().delay, Span::from_secs(4));
    }
}
