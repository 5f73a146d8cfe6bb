//! The runs of an experiment, from a plan to results in order.

use super::order::in_order;
use crate::scenario::{Case, Judgement};
use squall_models::report::Report;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// The variants, in the order in which they are reported.
    pub cases: Vec<&'a Case>,
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// Threads; 0 for one per core.
    pub threads: usize,
    /// Do each run twice and compare the digests.
    pub twice: bool,
}

/// One run that has ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The number of its variant in [`Plan::cases`].
    pub case: usize,
    /// What it found.
    pub report: Report,
    /// How it stands to each expectation of its variant.
    pub judgements: Vec<Judgement>,
}

/// squall contradicted itself: nothing of this experiment can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The variant.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// What did not hold.
    pub what: String,
    /// It takes two runs to see it.
    pub twice: bool,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "variant `{}`, seed {}: {}", self.variant, self.seed, self.what)
    }
}

/// Why an experiment gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped<E> {
    /// An invariant of squall broke.
    Broken(Broken),
    /// No threads could be had.
    Threads(String),
    /// The receiver of the runs could not go on.
    Receiver(E),
}

/// Runs every variant with every seed and hands the runs to `each` in that order. True if all were run, false if `stop`
/// was set in between.
///
/// # Errors
/// A broken invariant, the first in the order of the runs; or an error of `each`.
pub fn execute<E>(
    plan: &Plan<'_>,
    stop: &AtomicBool,
    mut each: impl FnMut(Run) -> Result<(), E>,
) -> Result<bool, Stopped<E>> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(plan.threads)
        .build()
        .map_err(|error| Stopped::Threads(error.to_string()))?;
    let count = plan.cases.len() * plan.seeds.len();
    let work = |index: usize| one(plan, index / plan.seeds.len(), plan.seeds[index % plan.seeds.len()]);
    in_order(&pool, count, stop, work, |_, run| each(run.map_err(Stopped::Broken)?).map_err(Stopped::Receiver))
}

pub(super) fn one(plan: &Plan<'_>, index: usize, seed: u64) -> Result<Run, Broken> {
    let case = plan.cases[index];
    let broken = |what, twice| Broken { variant: case.name.clone(), seed, what, twice };
    // A panic in a run is a bug in squall like any other violation, and gets the same line that reproduces it.
    let run = || {
        let report = squall_models::run(&case.blueprint, seed)
            .map_err(|violation| format!("at {}: {}", violation.at, violation.rule))?;
        let names = case.blueprint.names();
        let judgements = case.expectations.iter().map(|expectation| expectation.judge(&report, names)).collect();
        Ok(Run { case: index, report, judgements })
    };
    let guarded = || catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(words(&*panic)));
    let first = guarded().map_err(|what| broken(what, false))?;
    if plan.twice {
        let second = guarded().map_err(|what| broken(what, true))?.report.digest;
        if second != first.report.digest {
            let what =
                format!("two runs of the same seed differ: digests {:016x} and {second:016x}", first.report.digest);
            return Err(broken(what, true));
        }
    }
    Ok(first)
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("without a message"))
}
