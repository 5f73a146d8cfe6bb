//! The same delay before every retry.

use super::{Facts, Failures, Jitter};
use crate::outcome::Failure;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

/// Retry after the same delay each time.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How many attempts in all, the first one included.
    pub attempts: u16,
    /// Delay before each retry; `0s` retries at once.
    pub delay: Duration,
    /// How the delay is spread; no spread by default.
    #[serde(default)]
    pub jitter: Jitter,
    /// Which failures are tried again; all of them by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Constant {
    pub(super) attempts: u16,
    pub(super) on: Failures,
    delay: Span,
    jitter: Jitter,
}

impl Constant {
    pub(super) fn new(spec: &Spec) -> Self {
        let on = Failures::new(spec.on.as_ref());
        Self { attempts: spec.attempts, on, delay: spec.delay.span(), jitter: spec.jitter }
    }

    #[inline]
    pub(super) fn delay(&self, facts: Facts, draws: &mut impl Draw) -> Span {
        self.jitter.spread(self.delay, self.delay, Span::MAX, facts.previous, draws)
    }
}
