//! Delays that grow by the same step, up to a cap.

use super::jitter::Around;
use super::{Attempts, Facts, Jitter, Next};
use crate::problem::{Found, Problem};
use crate::units::Duration;
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry after delays that grow: `base`, `base` + `step`, `base` + 2 × `step`, … up to `cap`.
    {
        /// How many attempts in all, the first one included.
        pub attempts: Attempts,
        /// Delay before the first retry.
        pub base: Duration,
        /// Each delay minus the one before.
        pub step: Duration,
        /// The longest delay, before jitter; none by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub cap: Option<Duration>,
        /// How the delay is spread; no spread by default.
        #[serde(default)]
        pub jitter: Jitter,
    }
}

impl Spec {
    pub(super) fn most(&self) -> u16 {
        self.attempts.number()
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.attempts("attempts", self.attempts.number(), 1);
        found.span("step", Some(&self.step));
        found.ordered("base", &self.base, "cap", self.cap.as_ref());
        let rule = "`decorrelated_v2` doubles on the average, and these delays do not";
        found.unless(self.jitter != Jitter::DecorrelatedV2, "jitter", rule, "use it with `exponential`");
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Linear {
    base: Span,
    step: Span,
    cap: Span,
    jitter: Jitter,
}

impl Linear {
    pub(super) fn new(spec: &Spec) -> Self {
        let cap = spec.cap.map_or(Span::MAX, |cap| cap.span());
        Self { base: spec.base.span(), step: spec.step.span(), cap, jitter: spec.jitter }
    }

    #[inline]
    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        let Facts { attempts, memory, .. } = facts;
        let steps = u64::from(attempts.saturating_sub(1));
        let grown = Span::from_nanos(self.step.nanos().saturating_mul(steps));
        let backoff = (self.base + grown).min(self.cap);
        Some(self.jitter.spread(&Around { backoff, base: self.base, cap: self.cap, attempts, memory }, draws))
    }
}

#[cfg(test)]
mod tests {
    use crate::retry::tests::sequence;

    #[test]
    fn delays_grow_step_by_step_to_the_cap() {
        let text = r#"{"linear": {"attempts": 7, "base": "1s", "step": "2s", "cap": "6s"}}"#;
        assert_eq!(sequence(text, 0.5), [1.0, 3.0, 5.0, 6.0, 6.0, 6.0]);
    }
}
