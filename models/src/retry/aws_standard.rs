//! The `standard` retry mode of the AWS SDKs, before and after the change of 2026.
//!
//! Source: botocore 1.40.0 and 1.44.5, `retries/standard.py`; recordings in `tests/conformance/vectors/`.

use super::{Attempts, Facts, Failures, Hint, Next};
use crate::outcome::Failure;
use crate::problem::{Found, Problem};
use crate::units::Duration;
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry after a uniform draw up to `scale` × 2^(attempt − 1), at most `cap`, where `scale` depends on whether the
    /// callee has throttled the call. The quota that goes with it is `budget: {aws_quota: …}`. One draw.
    {
        /// How many attempts in all, the first one included; 3 by default.
        #[serde(default = "three")]
        pub attempts: Attempts,
        /// Upper end of the first delay after a failure that is no throttling; 50 ms by default, and 1 s before 2026.
        #[serde(default = "fifty_millis")]
        pub scale: Duration,
        /// The same after throttling; 1 s by default.
        #[serde(default = "one_second")]
        pub throttling_scale: Duration,
        /// The longest delay; 20 s by default.
        #[serde(default = "twenty_seconds")]
        pub cap: Duration,
        /// Failures that are throttling; `rate_limited` and `shed` by default.
        #[serde(default = "throttling")]
        pub throttling: Vec<Failure>,
        /// When the callee asks for a delay, wait for as long, but at least for the drawn delay and at most for so much
        /// more than that. By default what the callee asks for is ignored, as before 2026.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub retry_after_margin: Option<Duration>,
    }
}

const fn three() -> Attempts {
    Attempts::At(3)
}

const fn fifty_millis() -> Duration {
    Duration::from_seconds(0.05)
}

const fn one_second() -> Duration {
    Duration::from_seconds(1.0)
}

const fn twenty_seconds() -> Duration {
    Duration::from_seconds(20.0)
}

/// What an SDK takes for throttling, by default.
pub(crate) fn throttling() -> Vec<Failure> {
    vec![Failure::RateLimited, Failure::Shed]
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.attempts.number()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("attempts", self.attempts.number(), 1);
        found.span("scale", Some(&self.scale));
        found.span("throttling_scale", Some(&self.throttling_scale));
        found.ordered("scale", &self.scale, "cap", Some(&self.cap));
        found.ordered("throttling_scale", &self.throttling_scale, "cap", Some(&self.cap));
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct AwsStandard {
    scale: Span,
    throttling_scale: Span,
    cap: Span,
    throttling: Failures,
    margin: Option<Span>,
}

impl AwsStandard {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            scale: spec.scale.span(),
            throttling_scale: spec.throttling_scale.span(),
            cap: spec.cap.span(),
            throttling: Failures::these(&spec.throttling),
            margin: spec.retry_after_margin.map(|margin| margin.span()),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        let scale = if self.throttling.contains(facts.failure) { self.throttling_scale } else { self.scale };
        let doublings = u32::from(facts.attempts.saturating_sub(1)).min(63);
        let ceiling = Span::from_nanos(scale.nanos().saturating_mul(1 << doublings)).min(self.cap);
        let drawn = ceiling.scaled(draws.unit());
        let delay = match (self.margin, facts.hint) {
            (Some(margin), Hint::After(asked)) => asked.clamp(drawn, drawn + margin),
            _ => drawn,
        };
        Some(Next::after(delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::tests::{Same, facts, sequence};

    #[test]
    fn throttling_waits_from_a_second_on_and_the_rest_from_fifty_millis() {
        let text = r#"{"aws_standard": {"attempts": 12}}"#;
        let delays = sequence(text, 1.0);
        assert_eq!(delays, [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20.0, 20.0]);
        let policy = AwsStandard::new(&serde_json::from_str("{}").unwrap());
        let throttled = |attempts| Facts { failure: Failure::RateLimited, ..facts(attempts, 0) };
        let delays = [1, 2, 3, 5, 6].map(|n| policy.next(throttled(n), &mut Same(1.0)).unwrap().delay.seconds());
        assert_eq!(delays, [1.0, 2.0, 4.0, 16.0, 20.0]);
    }

    #[test]
    fn what_the_callee_asks_for_is_kept_within_the_margin() {
        let policy = AwsStandard::new(&serde_json::from_str(r#"{"retry_after_margin": "5s"}"#).unwrap());
        let asked = |seconds| Facts { hint: Hint::After(Span::from_secs(seconds)), ..facts(2, 0) };
        let delay = |facts| policy.next(facts, &mut Same(1.0)).unwrap().delay;
        assert_eq!(delay(asked(0)), Span::from_millis(100));
        assert_eq!(delay(asked(3)), Span::from_secs(3));
        assert_eq!(delay(asked(60)), Span::from_millis(5_100));
        let before = AwsStandard::new(&serde_json::from_str("{}").unwrap());
        assert_eq!(before.next(asked(3), &mut Same(1.0)).unwrap().delay, Span::from_millis(100));
    }
}
