//! Times the same models in squall and in other engines, in turn, and checks that they agree.
//!
//! `README.md` says what the models are and how to read the table.

mod agreement;
mod clock;
mod model;
mod nexosim_engine;
mod options;
mod simcore_engine;
mod simpy;
mod squall;
mod squall_kernel;
mod table;
mod workloads;

use std::process::ExitCode;

use model::{Engine, Tally, Workload};
use options::Options;

/// The engine that ratios and the agreement of means refer to.
const REFERENCE: &str = "simcore";

fn main() -> ExitCode {
    let options = match options::parse() {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    match measure(&options) {
        Ok(series) => report(&series),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// All runs of one engine on one workload.
pub struct Series {
    pub engine: &'static str,
    pub workload: &'static Workload,
    /// Requests of each run.
    pub requests: u64,
    /// Nanoseconds per request, a repetition each.
    pub costs: Vec<f64>,
    /// What all runs together counted.
    pub total: Tally,
}

fn engines() -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(simcore_engine::Simcore { ordered: false }),
        Box::new(simcore_engine::Simcore { ordered: true }),
        Box::new(nexosim_engine::Nexosim),
        Box::new(simpy::Simpy::new()),
        Box::new(squall_kernel::SquallKernel),
        Box::new(squall::Squall::new()),
    ]
}

fn measure(options: &Options) -> Result<Vec<Series>, String> {
    let mut pairs: Vec<(Box<dyn Engine>, Vec<Series>)> = Vec::new();
    for engine in options.choose(engines())? {
        if let Err(reason) = engine.check() {
            println!("skipped {}: {reason}", engine.name());
            continue;
        }
        let mut all = Vec::new();
        for workload in options.workloads() {
            let requests = size(engine.as_ref(), workload, options)?;
            let (costs, total) = (Vec::new(), Tally::default());
            all.push(Series { engine: engine.name(), workload, requests, costs, total });
        }
        pairs.push((engine, all));
    }
    // Engines take turns within each repetition of each workload, so that a slow minute of a
    // shared machine slows all of them.
    for repetition in 0..options.repetitions {
        for index in 0..options.workloads().count() {
            for (engine, all) in &mut pairs {
                run(engine.as_ref(), &mut all[index], options.seed + u64::from(repetition))?;
            }
        }
    }
    Ok(pairs.into_iter().flat_map(|(_, all)| all).collect())
}

/// How many requests fit the time budget, from a run too short to matter.
fn size(engine: &dyn Engine, workload: &Workload, options: &Options) -> Result<u64, String> {
    if let Some(requests) = options.requests {
        return Ok(requests);
    }
    let mut requests = 1_000;
    loop {
        let (_, elapsed) = engine.run(workload, requests, options.seed)?;
        let seconds = elapsed.as_secs_f64();
        // A tenth of the budget tells enough; above it, the pilot would cost more than the run.
        if seconds > options.seconds / 10.0 {
            let fit = requests as f64 * options.seconds / seconds;
            return Ok((fit as u64).next_multiple_of(1_000));
        }
        requests *= 4;
    }
}

fn run(engine: &dyn Engine, series: &mut Series, seed: u64) -> Result<(), String> {
    let (tally, elapsed) = engine.run(series.workload, series.requests, seed)?;
    // An engine that is told a duration instead of a number ends nearly as many.
    let missing = tally.requests.abs_diff(series.requests);
    if missing > if engine.counts_requests() { 0 } else { series.requests / 50 } {
        let (name, workload) = (engine.name(), series.workload.name);
        return Err(format!("{name} ended {} of {} requests of {workload}", tally.requests, series.requests));
    }
    series.costs.push(elapsed.as_nanos() as f64 / tally.requests as f64);
    series.total.add(&tally);
    Ok(())
}

fn report(series: &[Series]) -> ExitCode {
    table::print(series);
    let verdict = agreement::check(series);
    for line in &verdict.unchecked {
        println!("not compared: {line}");
    }
    for line in &verdict.differences {
        println!("DISAGREES: {line}");
    }
    if !verdict.differences.is_empty() {
        return ExitCode::FAILURE;
    }
    if verdict.compared > 0 {
        let count = verdict.compared;
        println!("All {count} comparisons of means agree within {} standard errors.", agreement::ALLOWED);
    }
    ExitCode::SUCCESS
}

pub fn reference<'a>(series: &'a [Series], workload: &Workload) -> Option<&'a Series> {
    series.iter().find(|other| other.engine == REFERENCE && other.workload.name == workload.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nexosim_engine::Nexosim;
    use crate::simcore_engine::Simcore;
    use crate::squall_kernel::SquallKernel;
    use crate::workloads::WORKLOADS;

    const REQUESTS: u64 = 20_000;

    fn tally(engine: &dyn Engine, workload: &Workload) -> Tally {
        let (tally, _) = engine.run(workload, REQUESTS, 7).expect("the engine runs");
        assert_eq!(tally.requests, REQUESTS, "{} ends every request of {}", engine.name(), workload.name);
        tally
    }

    /// Where clients give up: the first tier of W3 is offered 1.2 times what it can do.
    fn overloaded_chain() -> Workload {
        let w3 = WORKLOADS.iter().find(|workload| workload.name == "w3").expect("it is listed");
        Workload { name: "overloaded w3", rate: w3.rate * 1.2 / 0.7, theory: None, noise: None, ..*w3 }
    }

    /// simcore and NexoSim draw the same numbers from the same generator, so they simulate the same
    /// run. NexoSim rounds delays to nanoseconds: now and then two events a nanosecond apart swap
    /// places, and the draws of that moment with them. With simcore's delays rounded as well, the
    /// two agreed to 13 digits over 200,000 requests of every workload.
    #[test]
    fn the_same_draws_make_the_same_run() {
        for workload in WORKLOADS.iter().chain([&overloaded_chain()]) {
            let plain = tally(&Simcore { ordered: false }, workload);
            let counts = |tally: &Tally| (tally.succeeded, tally.attempts);

            let ordered = tally(&Simcore { ordered: true }, workload);
            assert_eq!(counts(&ordered), counts(&plain), "{}", workload.name);
            assert_eq!(ordered.latency, plain.latency, "{}", workload.name);

            let nexosim = tally(&Nexosim, workload);
            assert_eq!(counts(&nexosim), counts(&plain), "{}", workload.name);
            let ratio = nexosim.latency / plain.latency;
            assert!((ratio - 1.0).abs() < 1e-3, "{}: {ratio}", workload.name);
        }
    }

    #[test]
    fn the_kernel_sheds_as_much_when_clients_give_up() {
        let workload = overloaded_chain();
        let (simcore, kernel) = (tally(&Simcore { ordered: false }, &workload), tally(&SquallKernel, &workload));
        let share = |tally: &Tally| tally.succeeded as f64 / REQUESTS as f64;
        let (expected, found) = (share(&simcore), share(&kernel));
        assert!(expected > 0.01 && expected < 0.9, "the chain is overloaded: {expected}");
        assert!((found - expected).abs() < 0.1, "{found} against {expected}");
    }
}
