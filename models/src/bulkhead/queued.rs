//! So many calls at once, and a line of bounded length and wait.

use super::semaphore::Places;
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// So many calls at once; so many more wait in line, first come, first served, for at most `max_wait`; the rest is turned
/// away at once.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How many at once.
    pub max_concurrent: u32,
    /// How many can wait.
    pub queue: u32,
    /// How long each waits; without it, as long as it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_wait: Option<Duration>,
}

impl Spec {
    pub(super) fn places(&self) -> Places {
        Places::new(self.max_concurrent, self.queue, self.max_wait.map(|wait| wait.span()))
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("queued");
    problems.count(spec.max_concurrent.into(), 1, 100_000_000, "max_concurrent");
    if let Some(wait) = spec.max_wait {
        problems.positive(wait, "max_wait");
    }
    problems.into_found()
}
