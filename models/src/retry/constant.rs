//! The same delay before every retry.

use super::jitter::Around;
use super::{Attempts, Facts, Jitter, Next};
use crate::problem::{Found, Problem};
use crate::units::Duration;
use squall_sim::Span;
use squall_sim::random::Draw;

super::common::member! {
    /// Retry after the same delay each time.
    {
        /// How many attempts in all, the first one included.
        pub attempts: Attempts,
        /// Delay before each retry; `0s` retries at once.
        pub delay: Duration,
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
        let rule = "`decorrelated_v2` grows from retry to retry, and a constant delay does not";
        found.unless(self.jitter != Jitter::DecorrelatedV2, "jitter", rule, "use it with `exponential`");
        found.all()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Constant {
    delay: Span,
    jitter: Jitter,
}

impl Constant {
    pub(super) fn new(spec: &Spec) -> Self {
        Self { delay: spec.delay.span(), jitter: spec.jitter }
    }

    #[inline]
    #[expect(clippy::unnecessary_wraps, reason = "all members have the same form")]
    pub(super) fn next(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        let Facts { attempts, memory, .. } = facts;
        let around = Around { backoff: self.delay, base: self.delay, cap: Span::MAX, attempts, memory };
        Some(self.jitter.spread(&around, draws))
    }
}
