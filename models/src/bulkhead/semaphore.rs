//! So many calls at once; others are turned away, or wait for a place.
//!
//! Source: resilience4j 2.4 `SemaphoreBulkhead`; Hystrix 1.5 semaphore isolation. Places go to those who wait in the order
//! in which they came, as with resilience4j's fair semaphore, which is its default.

use super::Verdict;
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// So many calls at once; a call that finds no place waits for at most `max_wait`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// How many at once.
    pub max_concurrent: u32,
    /// How long a call waits for a place; none at all with `0s`.
    pub max_wait: Duration,
}

impl Default for Spec {
    fn default() -> Self {
        Self { max_concurrent: 25, max_wait: Duration::from_seconds(0.0) }
    }
}

impl Spec {
    pub(super) fn places(&self) -> Places {
        let wait = self.max_wait.span();
        Places::new(self.max_concurrent, if wait.is_zero() { 0 } else { u32::MAX }, Some(wait))
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("semaphore");
    problems.count(spec.max_concurrent.into(), 1, 100_000_000, "max_concurrent");
    problems.into_found()
}

/// Places, and a line for them.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    most: u32,
    backlog: u32,
    wait: Option<Span>,
    pub(super) inside: u32,
    pub(super) queued: u32,
}

impl Places {
    pub(super) const fn new(most: u32, backlog: u32, wait: Option<Span>) -> Self {
        Self { most, backlog, wait, inside: 0, queued: 0 }
    }

    pub(super) fn enter(&mut self, now: Time) -> Verdict {
        if self.inside < self.most {
            self.inside += 1;
            return Verdict::Admit;
        }
        if self.queued >= self.backlog {
            return Verdict::Reject;
        }
        self.queued += 1;
        Verdict::Wait { until: self.wait.map_or(Time::MAX, |wait| now + wait) }
    }

    pub(super) const fn leave(&mut self) -> bool {
        let next = self.queued > 0;
        if next {
            self.queued -= 1;
        } else {
            self.inside -= 1;
        }
        next
    }

    pub(super) const fn gave_up(&mut self) {
        self.queued -= 1;
    }
}
