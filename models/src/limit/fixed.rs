//! A concurrency limit that never changes. Draws nothing.

use super::Waiting;
use crate::checks::Problems;
use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A fixed number of calls at once.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How many at once.
    pub limit: u32,
    /// What a call does that finds the limit reached; it is refused at once by default.
    #[serde(default)]
    pub waiting: Waiting,
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("fixed");
    problems.count(spec.limit.into(), 1, 10_000_000, "limit");
    spec.waiting.check(&mut problems);
    problems.into_found()
}
