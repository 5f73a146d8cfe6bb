//! All variants of a scenario over some seeds, kept in memory: what a comparison needs, and what came of the expectations.

use super::Exit;
use super::output::Output;
use super::run::{Request, progress, stopped_early};
use crate::experiment::{Fold, Outcome, Plan, Samples, execute};
use crate::record::RecordError;
use crate::scenario::{Case, Loaded};
use std::sync::atomic::AtomicBool;

pub(super) fn sampled(
    request: &Request,
    loaded: &Loaded,
    seeds: Vec<u64>,
    stop: &AtomicBool,
    output: &Output,
) -> Result<(Samples, Vec<Outcome>), Exit> {
    let cases: Vec<&Case> = loaded.cases.iter().collect();
    let (mut samples, mut fold) = (Samples::new(&cases), Fold::new(&cases));
    let plan = Plan { cases, seeds, threads: request.threads, twice: false };
    let bar = progress(request, loaded, plan.cases.len() * plan.seeds.len());
    let complete = execute(&plan, stop, |run| {
        samples.take(plan.cases[run.case], &run);
        fold.take(run);
        bar.inc(1);
        Ok::<(), RecordError>(())
    });
    bar.finish_and_clear();
    match complete {
        Ok(true) => Ok((samples, fold.finish())),
        Ok(false) => Err(Exit::Interrupted),
        Err(stopped) => Err(stopped_early(request, loaded, &stopped, output)),
    }
}
