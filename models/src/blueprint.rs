//! A world compiled for running.

use crate::plan::Plan;
use crate::problem::Problem;
use crate::report::{Names, Report};
use crate::spec;
use crate::trace::Traced;
use crate::world::World;
use squall_sim::{Span, Time};
use std::fmt;
use std::sync::Arc;

/// How to run and what to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Simulated time of a run.
    pub duration: Span,
    /// Not counted in the results.
    pub warmup: Span,
    /// Width of a window in the series.
    pub resolution: Span,
    /// Windows that are counted on their own, each from an instant to a later one.
    pub windows: Vec<(Time, Time)>,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds; a run that reaches one ends there and says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Events in one run.
    pub events: u64,
    /// Calls in flight at once.
    pub in_flight: u64,
    /// Services that one request may go through, one inside the other.
    pub depth: u16,
}

/// A world compiled for running: names resolved to indices, programs flattened, numbers checked.
#[derive(Clone, Debug)]
pub struct Blueprint {
    pub(crate) plan: Arc<Plan>,
}

/// An invariant of the simulator itself broke: the result cannot be trusted, and this is a bug in squall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The seed of the run.
    pub seed: u64,
    /// When it was seen.
    pub at: Time,
    /// What did not hold, with the numbers.
    pub rule: String,
}

impl Blueprint {
    /// Compiles a world; all problems at once where it cannot be.
    ///
    /// # Errors
    /// Every name that does not exist and every number out of range, by path.
    pub fn new(world: &spec::World, settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { plan: Arc::new(Plan::new(world, settings)?) })
    }

    /// The names behind the indices in a report.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.plan.names
    }
}

/// Runs a world from its beginning to its end.
///
/// # Errors
/// A violated invariant: a bug in squall, never the user's fault.
pub fn run(blueprint: &Blueprint, seed: u64) -> Result<Report, Violation> {
    World::begin(Arc::clone(&blueprint.plan), seed).finish()
}

/// Runs a world and keeps the spans of what happened in a part of its time.
///
/// # Errors
/// A violated invariant: a bug in squall, never the user's fault.
pub fn run_traced(blueprint: &Blueprint, seed: u64, part: (Time, Time)) -> Result<Traced, Violation> {
    World::begin(Arc::clone(&blueprint.plan), seed).finish_traced(part)
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an invariant broke at {} with seed {}: {}", self.at, self.seed, self.rule)
    }
}
