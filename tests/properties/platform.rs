//! Random worlds whose replicas come and go, and random things done to them: nothing is lost but what is counted, and nobody
//! who keeps to the budget takes more away than it allows.

use super::dice::Dice;
use super::runner;
use crate::support::{Lab, Value, json};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use squall_models::report::Report;
use squall_models::{Blueprint, run};
use std::collections::BTreeSet;

const REPLICAS: u32 = 4;

/// One service that is looked after, and one that it calls.
fn world(dice: &mut Dice<'_>) -> Value {
    let mut lifecycle = json!({
        "grace": dice.pick(&["0s", "200ms", "2s"]),
        "boot": dice.pick(&["0s", "300ms", "1s"]),
        "max_surge": dice.pick(&[0, 1, 2]),
        "max_unavailable": dice.pick(&[0, 1, 4]),
    });
    if dice.rarely(2) {
        lifecycle["pending"] = json!({"exponential": {"mean": "100ms"}});
    }
    if dice.rarely(2) {
        lifecycle["endpoint_delay"] = json!({"exponential": {"mean": "200ms"}});
    }
    if dice.rarely(3) {
        lifecycle["places"] = json!(REPLICAS + dice.roll(3));
    }
    let mut api = json!({
        "replicas": REPLICAS, "capacity": {"workers": 1 + dice.roll(3)}, "lifecycle": lifecycle,
        "queue": {"capacity": 5},
        "pools": {"p": {"size": 2}},
        "edges": {"db": {"policies": [{"timeout": "300ms"}], "cancel": dice.rarely(2)}},
        "endpoints": {
            "get": {"steps": [{"work": {"exponential": {"mean": "20ms"}}}, {"acquire": {"pool": "p", "steps": [{"call": "db.get"}]}}]},
            "health": {"steps": [{"work": "1ms"}]},
        },
    });
    if dice.rarely(2) {
        let probe =
            json!({"to": "health", "period": "300ms", "timeout": "50ms", "failure_threshold": 1 + dice.roll(3)});
        api["probes"] = json!({ dice.pick(&["readiness", "liveness", "startup"]): probe });
    }
    if dice.rarely(3) {
        api["memory"] =
            json!({"limit": "100MB", "base": "50MB", "per_call": "9MB", "per_queued": "5MB", "leak": "2MB"});
    }
    json!({
        "clients": {"web": {"to": "api.get", "arrivals": {"poisson": {"rate": dice.pick(&["50/s", "150/s", "10/s"])}},
            "edge": {"policies": [{"retry": {"constant": {"attempts": 2, "delay": "10ms"}}}, {"timeout": "500ms"}],
                "link": {"latency": dice.pick(&["0s", "2ms"])}}}},
        "services": {
            "api": api,
            "db": {"capacity": {"workers": 3}, "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "10ms"}}}]}}},
        },
    })
}

fn at(dice: &mut Dice<'_>) -> String {
    format!("{}ms", 10 * dice.roll(600))
}

fn action(dice: &mut Dice<'_>) -> Value {
    let some = json!(1 + dice.roll(REPLICAS));
    let what = match dice.roll(6) {
        0 => json!({"scale": {"service": "api", "to": 1 + dice.roll(7)}}),
        1 => json!({"restart": {"service": "api", "how": dice.pick(&["rolling", "at_once"])}}),
        2 => json!({"kill": {"service": "api", "replicas": some, "grace": dice.rarely(2)}}),
        3 => json!({"traffic": {"client": "web", "share": dice.pick(&["10%", "100%", "50%"])}}),
        4 => json!({"resize_pool": {"service": "api", "pool": "p", "size": 1 + dice.roll(3)}}),
        _ => json!({"drain": {"service": "api", "replicas": some}}),
    };
    json!({"at": at(dice), "do": what})
}

fn fault(dice: &mut Dice<'_>) -> Value {
    let (at, long) = (at(dice), format!("{}ms", 10 + 10 * dice.roll(200)));
    let some = json!(1 + dice.roll(REPLICAS));
    match dice.roll(8) {
        0 => json!({"crash": {"at": at, "for": long, "service": "api", "replicas": some}}),
        1 => json!({"hang": {"at": at, "for": long, "service": "api", "replicas": some}}),
        2 => json!({"crash_loop": {"at": at, "for": long, "service": "api", "replicas": some, "after": "100ms"}}),
        3 => json!({"corrupt_state": {"at": at, "service": "api", "share": "50%"}}),
        4 => json!({"link": {"at": at, "for": long, "from": "api", "to": "db", "loss": "30%", "retransmit": "20ms",
            "duplicate": "30%"}}),
        5 => {
            json!({"dns": {"at": at, "for": long, "from": "web", "to": "api", "answers": dice.pick(&["nothing", "old_ones"])}})
        }
        6 => json!({"hang": {"at": at, "for": long, "service": "db"}}),
        _ => {
            json!({"split": {"at": at, "for": long, "these": ["web"], "those": ["api"], "way": dice.pick(&["both", "to_these"])}})
        }
    }
}

fn ran(world: &Value, seed: u64) -> Result<Report, TestCaseError> {
    let lab = Lab::new(world.clone(), 8.0).resolution(0.1);
    let fail = |what: String| TestCaseError::fail(format!("{what}\nseed {seed}, world {world}"));
    let blueprint =
        Blueprint::new(&lab.world, lab.settings.clone()).map_err(|problems| fail(problems[0].to_string()))?;
    let report = std::panic::catch_unwind(|| run(&blueprint, seed)).map_err(|_| fail("it panicked".into()))?;
    report.map_err(|violation| fail(violation.to_string()))
}

/// That nothing is lost and all counts agree is asserted by the engine at the end of each run.
#[test]
fn replicas_that_come_and_go_keep_the_books() {
    let strategy = (prop::collection::vec(0u32..1000, 0..120), 0u64..1000);
    let result = runner().run(&strategy, |(numbers, seed)| {
        let mut dice = Dice::new(&numbers);
        let mut world = world(&mut dice);
        world["actions"] = (0..dice.roll(8)).map(|_| action(&mut dice)).collect();
        world["faults"] = (0..dice.roll(4)).map(|_| fault(&mut dice)).collect();
        let (once, again) = (ran(&world, seed)?, ran(&world, seed)?);
        prop_assert_eq!(once.digest, again.digest);
        prop_assert_eq!(once.actions, again.actions);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// How many replicas are ready after each entry of the log.
fn ready_over_time(report: &Report) -> Vec<usize> {
    let mut ready: BTreeSet<String> = (0..REPLICAS).map(|at| format!("api[{at}]")).collect();
    let mut counts = vec![ready.len()];
    for acted in &report.actions {
        match acted.action {
            "ready" => {
                ready.insert(acted.target.clone());
            }
            "draining" | "gone" | "died" | "unready" => {
                ready.remove(&acted.target);
            }
            _ => continue,
        }
        counts.push(ready.len());
    }
    counts
}

#[test]
fn moving_never_takes_more_than_the_budget() {
    let strategy = (prop::collection::vec(0u32..1000, 0..120), 0u64..1000);
    let result = runner().run(&strategy, |(numbers, seed)| {
        let mut dice = Dice::new(&numbers);
        let mut world = world(&mut dice);
        // Nothing happens but moves, so that whoever is missing was moved.
        let api = world["services"]["api"].as_object_mut().expect("it is a map");
        api.remove("memory");
        api.remove("probes");
        let least = 1 + dice.roll(REPLICAS);
        world["services"]["api"]["lifecycle"]["budget"] = json!({"min_available": least});
        world["actions"] = (0..1 + dice.roll(5))
            .map(|_| json!({"at": at(&mut dice), "do": {"drain": {"service": "api", "replicas": 1 + dice.roll(REPLICAS)}}}))
            .collect();
        let report = ran(&world, seed)?;
        let counts = ready_over_time(&report);
        prop_assert!(counts.iter().all(|count| *count >= least as usize), "{least} {counts:?} {world}");
        // Where the budget leaves room and time, somebody is moved at all.
        let moved = report.actions.iter().any(|acted| acted.action == "draining");
        prop_assert!(moved == (least < REPLICAS), "{least} {world}");
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// A rolling restart has neither more replicas than its surge allows nor fewer ready ones.
#[test]
fn a_rolling_restart_stays_between_its_fenceposts() {
    let strategy = (prop::collection::vec(0u32..1000, 0..120), 0u64..1000);
    let result = runner().run(&strategy, |(numbers, seed)| {
        let mut dice = Dice::new(&numbers);
        let mut world = world(&mut dice);
        let api = world["services"]["api"].as_object_mut().expect("it is a map");
        api.remove("memory");
        api.remove("probes");
        let lifecycle = &world["services"]["api"]["lifecycle"];
        let posts = |field: &str| lifecycle[field].as_u64().expect("it is a number") as u32;
        let (surge, missing) = match (posts("max_surge"), posts("max_unavailable")) {
            (0, 0) => (0, 1),
            both => both,
        };
        world["actions"] = json!([{"at": at(&mut dice), "do": {"restart": {"service": "api"}}}]);
        let report = ran(&world, seed)?;
        let least = REPLICAS.saturating_sub(missing) as usize;
        let counts = ready_over_time(&report);
        prop_assert!(counts.iter().all(|count| *count >= least), "{least} {counts:?} {world}");
        let columns = report.series.column("services.api", "replicas").expect("it is there");
        prop_assert!(columns.into_iter().all(|count| count <= f64::from(REPLICAS + surge)), "{world}");
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}
