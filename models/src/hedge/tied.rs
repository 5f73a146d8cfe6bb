//! Tied requests: to two replicas, and whoever begins first cancels the other. Draws nothing.
//!
//! Source: J. Dean and L. Barroso, "The Tail at Scale", CACM 56(2), 2013.

use super::{Hedge, MOST, Pace};
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The call is queued at several replicas. As soon as one begins to serve it, the others are cancelled, which takes as
/// long as the link does; so both may begin. A delay of about two network delays between them makes that rare.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Replicas that it is sent to.
    pub copies: u32,
    /// Time from one to the next.
    pub delay: Duration,
}

impl Default for Spec {
    fn default() -> Self {
        Self { copies: 2, delay: Duration::from_seconds(0.001) }
    }
}

impl Spec {
    pub(super) fn hedge(&self) -> Hedge {
        let delay = self.delay.span();
        let pace = if delay.is_zero() { Pace::Parallel } else { Pace::After(delay) };
        Hedge { tied: true, ..Hedge::plain(self.copies, pace) }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("tied");
    problems.count(spec.copies.into(), 2, MOST.into(), "copies");
    problems.into_found()
}
