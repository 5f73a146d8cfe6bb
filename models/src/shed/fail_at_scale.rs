//! Adaptive LIFO, and waits that are short while a queue stands. Draws nothing.
//!
//! Source: B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015.

use super::{Arrival, Turn, Verdict};
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// While the queue has not been empty for `window`, a call that comes may wait for `timeout` only; else for `window`. Who
/// has waited that long leaves with `queue_timeout`. While a queue stands, the newest call is served first.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// How long a call may wait while a queue stands (M).
    pub timeout: Duration,
    /// How long the queue must not have been empty to be called standing; and how long a call may wait otherwise (N).
    pub window: Duration,
    /// Serve the newest call first while a queue stands.
    pub adaptive_lifo: bool,
}

impl Default for Spec {
    fn default() -> Self {
        Self { timeout: Duration::from_seconds(0.005), window: Duration::from_seconds(0.1), adaptive_lifo: true }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("fail_at_scale");
    problems.positive(spec.timeout, "timeout").positive(spec.window, "window");
    let rule = format!("`timeout` `{}` is longer than `window` `{}`", spec.timeout, spec.window);
    problems.require(spec.timeout <= spec.window, "timeout", rule, "a standing queue allows shorter waits, not longer");
    problems.into_found()
}

/// When the queue was last empty.
#[derive(Clone, Debug)]
pub struct FailAtScale {
    timeout: Span,
    window: Span,
    adaptive_lifo: bool,
    empty: Time,
}

impl FailAtScale {
    pub(super) fn new(spec: &Spec) -> Self {
        let (timeout, window) = (spec.timeout.span(), spec.window.span());
        Self { timeout, window, adaptive_lifo: spec.adaptive_lifo, empty: Time::ZERO }
    }

    fn stands(&self, now: Time) -> bool {
        now.since(self.empty) > self.window
    }

    pub(super) fn arrive(&mut self, facts: &Arrival) -> Verdict {
        if facts.waiting == 0 {
            self.empty = facts.now;
        }
        let wait = if self.stands(facts.now) { self.timeout } else { self.window };
        Verdict::Admit { until: facts.now + wait }
    }

    pub(super) fn newest_first(&self, now: Time) -> bool {
        self.adaptive_lifo && self.stands(now)
    }

    pub(super) fn turn(&mut self, facts: &Turn) {
        if facts.behind == 0 {
            self.empty = facts.now;
        }
    }
}
