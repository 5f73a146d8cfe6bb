//! A hedge after a fixed time. Draws nothing.
//!
//! Source: J. Dean and L. Barroso, "The Tail at Scale", CACM 56(2), 2013.

use super::{Hedge, MOST, Pace, budget};
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A further attempt when there is no answer after `delay`, and again after another. The first success counts. A failure
/// ends the call only when nothing is under way or due any more.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How long to wait for an answer.
    pub delay: Duration,
    /// Attempts in all, the first one included; 2 by default.
    #[serde(default = "two")]
    pub attempts: u32,
    /// How many hedges there may be; no bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<budget::Spec>,
}

fn two() -> u32 {
    2
}

impl Spec {
    pub(super) fn hedge(&self) -> Hedge {
        let pace = Pace::After(self.delay.span());
        Hedge { budget: self.budget.as_ref().map(budget::Budget::new), ..Hedge::plain(self.attempts, pace) }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("fixed");
    problems.count(spec.attempts.into(), 2, MOST.into(), "attempts");
    budget::check(spec.budget.as_ref(), &mut problems);
    problems.into_found()
}
