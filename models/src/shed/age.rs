//! Drop at dequeue: whoever has waited too long is dropped when its turn comes. Draws nothing.

use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Drops a call that has waited for too long, when a worker would take it. Until then it keeps its place in the queue.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The longest wait after which a call is still served.
    pub most: Duration,
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("age");
    problems.positive(spec.most, "most");
    problems.into_found()
}
