//! One run, taken to an instant and continued under several variants.

use super::measure::all_clients;
use super::order::in_order;
use super::runner::{Broken, Stopped};
use super::stats::Paired;
use crate::scenario::Case;
use squall_models::fork::{Running, can_fork};
use squall_models::report::{Report, Totals};
use squall_models::{Blueprint, Settings};
use squall_sim::{Span, Time};
use std::sync::atomic::AtomicBool;

/// What the variants made of it.
#[derive(Clone, Debug)]
pub struct Forked {
    /// The variant whose run it was up to the instant.
    pub from: String,
    /// Seeds.
    pub seeds: usize,
    /// One for each variant, the one that it came from first.
    pub branches: Vec<Continued>,
}

/// One variant, from the instant on.
#[derive(Clone, Debug)]
pub struct Continued {
    /// The variant.
    pub name: String,
    /// Why it cannot take over, if it cannot.
    pub refused: Option<String>,
    /// For each seed, the share of requests that arrived after the instant and ended well.
    pub shares: Vec<f64>,
    /// For each seed, when 90 % of requests ended well again over ten windows, after the instant; none if never.
    pub back: Vec<Option<Span>>,
}

impl Continued {
    /// Against another one, seed by seed.
    #[must_use]
    pub fn against(&self, base: &Self) -> Option<Paired> {
        Paired::of(&base.shares, &self.shares)
    }
}

/// Windows in a row that have to be well for a client to be back.
const STRETCH: usize = 10;

/// Continues the run of `base` with each seed from `at` on under each case.
///
/// # Errors
/// The instant is not within the run, an invariant broke, or there are no threads.
pub fn fork(
    settings: &Settings,
    base: &Case,
    cases: &[&Case],
    at: Span,
    seeds: &[u64],
    threads: usize,
    stop: &AtomicBool,
) -> Result<Forked, Stopped<String>> {
    let (instant, end) = (Time::ZERO + at, Time::ZERO + settings.duration);
    if at.is_zero() || instant >= end {
        return Err(Stopped::Receiver(format!("--at {at} is not within the run, which ends at {}", settings.duration)));
    }
    let mut settings = settings.clone();
    settings.windows = vec![(instant, end)];
    let blueprint = |case: &Case| {
        let built = Blueprint::new(&case.world, settings.clone());
        built.map_err(|_| Stopped::Receiver(format!("`{}` cannot be built", case.name)))
    };
    let from = blueprint(base)?;
    let mut branches = Vec::new();
    let mut ready: Vec<(usize, Blueprint)> = Vec::new();
    let others = cases.iter().copied().filter(|case| case.name != base.name);
    for case in std::iter::once(base).chain(others) {
        let refused = can_fork(&base.world, &case.world).err();
        if refused.is_none() {
            ready.push((branches.len(), blueprint(case)?));
        }
        let refused = refused.map(|told| format!("differs in {}", told.join("; ")));
        branches.push(Continued { name: case.name.clone(), refused, shares: Vec::new(), back: Vec::new() });
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Stopped::Threads(error.to_string()))?;
    let work = |seed: usize| {
        let mut running = Running::begin(&from, seeds[seed]);
        running.go_on(instant);
        let one = |(at, blueprint): &(usize, Blueprint)| (*at, running.onto(blueprint).map(Running::finish));
        ready.iter().map(one).collect::<Vec<_>>()
    };
    in_order(&pool, seeds.len(), stop, work, |seed, found| {
        for (at, result) in found {
            match result {
                Err(told) => branches[at].refused = Some(told),
                Ok(Ok(report)) => branches[at].take(&report, instant),
                Ok(Err(violation)) => {
                    let what = format!("after a fork, at {}: {}", violation.at, violation.rule);
                    let variant = branches[at].name.clone();
                    return Err(Stopped::Broken(Broken { variant, seed: seeds[seed], what, twice: false }));
                }
            }
        }
        Ok(())
    })?;
    Ok(Forked { from: base.name.clone(), seeds: seeds.len(), branches })
}

impl Continued {
    fn take(&mut self, report: &Report, instant: Time) {
        let share = |totals: &Totals| {
            let sum = |of: fn(&squall_models::report::ClientTotals) -> u64| totals.clients.iter().map(of).sum::<u64>();
            sum(|client| client.ok) as f64 / (sum(|client| client.arrivals) as f64).max(1.0)
        };
        self.shares.push(report.windows.first().map_or(f64::NAN, share));
        self.back.push(back(report, instant));
    }
}

/// When all clients together are well again.
fn back(report: &Report, instant: Time) -> Option<Span> {
    let series = &report.series;
    let (offered, goodput) = (all_clients(series, "offered"), all_clients(series, "goodput"));
    let width = series.resolution.nanos().max(1);
    let first = usize::try_from(instant.nanos().div_ceil(width)).unwrap_or(usize::MAX);
    let well = |from: usize| {
        let sum = |values: &[f64]| values[from..from + STRETCH].iter().sum::<f64>();
        sum(&goodput) >= 0.9 * sum(&offered)
    };
    let last = series.len().checked_sub(STRETCH).filter(|last| *last >= first)?;
    // From then on for good: the last stretch that is not well is looked for.
    let sick = (first..=last).rev().find(|from| !well(*from));
    let from = sick.map_or(first, |sick| sick + 1);
    (from <= last).then(|| Time::from_nanos(width.saturating_mul(from as u64)).since(instant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load_bytes;

    const STORM: &str = "
squall: 1
clients:
  web: {to: api.get, arrivals: {poisson: {rate: 80/s}}, edge: {policies: [{retry: {constant: {attempts: 4, delay: 0s}}}, {timeout: 1s}]}}
services:
  api: {capacity: {workers: 10}, endpoints: {get: {steps: [{work: {exponential: {mean: 100ms}}}]}}}
faults: [{surge: {at: 30s, for: 10s, client: web, factor: 2}}]
variants:
  lifo: {set: {services.api.queue.order: lifo}}
  wider: {set: {services.api.capacity.workers: 20}}
run: {duration: 120s, seeds: 3}
";

    #[test]
    fn the_same_incident_ends_under_other_rules() {
        let loaded = load_bytes("t.yaml".as_ref(), STORM.as_bytes(), &[]).unwrap();
        let cases: Vec<&Case> = loaded.cases.iter().collect();
        let at = |seconds, threads| {
            let stop = AtomicBool::new(false);
            fork(&loaded.settings, cases[0], &cases, Span::from_secs(seconds), &[1, 2, 3], threads, &stop)
        };
        let found = at(80, 2).unwrap();
        let names: Vec<&str> = found.branches.iter().map(|branch| branch.name.as_str()).collect();
        assert_eq!(names, ["unmitigated", "lifo", "wider"]);
        let [base, lifo, wider] = found.branches.as_slice() else { panic!("three") };
        assert!(lifo.against(base).unwrap().differences.iter().all(|difference| *difference > 0.8));
        assert!(base.back.iter().all(Option::is_none) && lifo.back.iter().flatten().all(|b| b.seconds() < 20.0));
        assert!(wider.refused.as_ref().unwrap().contains("services.api"), "{:?}", wider.refused);
        assert_eq!(at(80, 1).unwrap().branches[1].shares, lifo.shares);
        assert!(matches!(at(120, 1), Err(Stopped::Receiver(_))));
    }
}
