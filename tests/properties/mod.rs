//! Random worlds: they never panic, never lose a request, never go back in time, and are the same a second time.
//!
//! That nothing is lost and that time goes on is asserted by the engine itself at the end of every run: `run` answers
//! with a `Violation` then.

mod connections;
mod data;
mod dice;
mod generator;
mod limits;
mod platform;

use crate::support::{Lab, Value};
use dice::Dice;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use squall_models::report::{Ending, Report};
use squall_models::{Blueprint, run, spec};

const CASES: u32 = 3000;

/// Always the same worlds: a test that fails now and then teaches nobody anything. `PROPERTIES_SEED=n` tries others.
fn runner() -> TestRunner {
    let seed: u8 = std::env::var("PROPERTIES_SEED").map_or(0, |seed| seed.parse().expect("a number below 256"));
    let cases = std::env::var("PROPERTIES_CASES").map_or(CASES, |cases| cases.parse().expect("a number"));
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
}

fn lab(numbers: &[u32]) -> (Value, Lab) {
    let world = generator::world(&mut Dice::new(numbers));
    let mut lab = Lab::new(world.clone(), 2.0).warmup(0.3).resolution(0.05).windows(&[(0.2, 0.7), (0.5, 2.0)]);
    lab.settings.limits.events = 20_000;
    lab.settings.limits.in_flight = 3_000;
    lab.settings.limits.depth = 5;
    (world, lab)
}

/// What must hold of every report, beyond what the engine asserts itself.
fn sane(report: &Report, lab: &Lab) -> Result<(), String> {
    let end = squall_sim::Time::ZERO + lab.settings.duration;
    if report.ended_at > end {
        return Err(format!("it ended at {}, after {end}", report.ended_at));
    }
    if report.ending == Ending::Horizon && report.ended_at != end {
        return Err(format!("its time was over at {}", report.ended_at));
    }
    for totals in report.windows.iter().chain([&report.measured]) {
        for client in &totals.clients {
            if client.latency.count() != client.ok {
                return Err(format!("{} successes, {} latencies", client.ok, client.latency.count()));
            }
        }
        for service in &totals.services {
            if service.held > service.available && !service.available.is_zero() {
                return Err(format!("held for {} of {}", service.held, service.available));
            }
            if service.started_at_once > service.started || service.first_arrivals > service.arrivals {
                return Err(format!("a part is more than the whole: {service:?}"));
            }
        }
        for cache in &totals.caches {
            if cache.coalesced > cache.misses {
                return Err(format!("a part is more than the whole: {cache:?}"));
            }
        }
    }
    let width = report.series.columns.len();
    if report.series.values.len() != width * report.series.len() {
        return Err("a row of the series is not whole".into());
    }
    Ok(())
}

fn check(numbers: &[u32], seed: u64) -> Result<(), TestCaseError> {
    let (world, lab) = lab(numbers);
    let fail = |what: String| TestCaseError::fail(format!("{what}\nseed {seed}, world {world}"));
    let blueprint = match Blueprint::new(&lab.world, lab.settings.clone()) {
        Ok(blueprint) => blueprint,
        // The compiler may refuse a world, but it has to say why.
        Err(problems) if !problems.is_empty() => return Ok(()),
        Err(_) => return Err(fail("refused without a reason".into())),
    };
    // A panic is caught here, so that the message can say in which world.
    let once = std::panic::catch_unwind(|| run(&blueprint, seed)).map_err(|_| fail("it panicked".into()))?;
    let once = once.map_err(|violation| fail(violation.to_string()))?;
    sane(&once, &lab).map_err(fail)?;
    let again = run(&blueprint, seed).map_err(|violation| fail(violation.to_string()))?;
    if format!("{once:?}") != format!("{again:?}") {
        return Err(fail("the second run was another one".into()));
    }
    Ok(())
}

#[test]
fn random_worlds_keep_their_books() {
    let strategy = (prop::collection::vec(0u32..1000, 0..400), 0u64..1000);
    let result = runner().run(&strategy, |(numbers, seed)| check(&numbers, seed));
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// The generator is worth something only if most of its worlds are accepted and something goes on in them.
#[test]
fn random_worlds_are_worth_running() {
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[1; 32]);
    let (mut accepted, mut busy, mut deep) = (0, 0, 0);
    let (mut opened, mut closed, mut refused, mut silent) = (0, 0, 0, 0);
    for seed in 0..200 {
        let numbers: Vec<u32> = (0..400).map(|_| rng.next_u32() % 1000).collect();
        let (_, lab) = lab(&numbers);
        let blueprint = match Blueprint::new(&lab.world, lab.settings.clone()) {
            Ok(blueprint) => blueprint,
            Err(problems) => {
                println!("{}", problems[0]);
                continue;
            }
        };
        accepted += 1;
        let report = run(&blueprint, seed).unwrap();
        busy += u32::from(report.events > 200);
        deep += u32::from(report.measured.services.iter().filter(|service| service.arrivals > 0).count() > 1);
        for pool in &report.measured.pools {
            opened += u32::from(pool.opened > 0);
            closed += u32::from(pool.closed > 0);
            refused += u32::from(pool.connect_failures > 0);
            silent += u32::from(pool.half_open_max > 0);
        }
    }
    assert!(accepted >= 180 && busy >= 120 && deep >= 60, "{accepted} {busy} {deep}");
    assert!(opened >= 40 && closed >= 40 && refused >= 10 && silent >= 1, "{opened} {closed} {refused} {silent}");
}

/// A world that survives being written down is the same world.
#[test]
fn worlds_survive_writing_and_reading() {
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[2; 32]);
    for _ in 0..200 {
        let numbers: Vec<u32> = (0..400).map(|_| rng.next_u32() % 1000).collect();
        let (_, lab) = lab(&numbers);
        let text = serde_json::to_string(&lab.world).unwrap();
        let again: spec::World = serde_json::from_str(&text).unwrap();
        assert_eq!(lab.world, again);
    }
}
