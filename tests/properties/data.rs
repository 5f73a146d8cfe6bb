//! Random stores that random things happen to: what was acknowledged is there or lost, and where nothing can be lost, nothing is.

use super::dice::Dice;
use super::runner;
use crate::support::{Lab, Value, json};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use squall_models::report::Report;
use squall_models::{Blueprint, run};

fn at(dice: &mut Dice<'_>) -> String {
    format!("{}ms", 10 * dice.roll(600))
}

/// How writes get to the followers; without a lag if nothing may be lost.
fn replication(dice: &mut Dice<'_>, safe: bool) -> Value {
    let lag = if safe { "0s" } else { dice.pick(&["0s", "30ms", "700ms"]) };
    let lag = if dice.rarely(3) && !safe { json!({"exponential": {"mean": "200ms"}}) } else { json!(lag) };
    if dice.rarely(2) {
        json!({"synchronous": {"round_trip": lag, "followers": 1 + dice.roll(2)}})
    } else {
        json!({"asynchronous": {"lag": lag}})
    }
}

fn fault(dice: &mut Dice<'_>, safe: bool) -> Value {
    let (at, long) = (at(dice), format!("{}ms", 10 + 10 * dice.roll(200)));
    let some = json!(1 + dice.roll(3));
    match dice.roll(if safe { 3 } else { 6 }) {
        0 => json!({"crash": {"at": at, "for": long, "service": "db", "replicas": 1 + dice.roll(2)}}),
        1 => json!({"disk_full": {"at": at, "for": long, "service": "db", "replicas": some}}),
        2 => json!({"io_slow": {"at": at, "for": long, "service": "db", "delay": "30ms"}}),
        3 => json!({"replica_lag": {"at": at, "for": long, "service": "db", "replicas": some}}),
        4 => json!({"replica_lag": {"at": at, "for": long, "service": "db", "delay": "300ms"}}),
        _ => json!({"crash": {"at": at, "for": long, "service": "db", "replicas": 3}}),
    }
}

fn action(dice: &mut Dice<'_>) -> Value {
    let what = match dice.roll(4) {
        0 => json!({"kill": {"service": "db", "replicas": 1 + dice.roll(3), "grace": dice.rarely(2)}}),
        1 => json!({"restart": {"service": "db", "how": dice.pick(&["rolling", "at_once"])}}),
        2 => json!({"scale": {"service": "db", "to": 2 + dice.roll(4)}}),
        _ => json!({"consistency_check": {"service": "db", "takes": "500ms"}}),
    };
    json!({"at": at(dice), "do": what})
}

fn world(dice: &mut Dice<'_>, safe: bool) -> Value {
    let mut data = json!({"replication": replication(dice, safe), "calls": dice.pick(&["primary", "any"]),
        "failover": {"detection": dice.pick(&["0s", "300ms"]), "election": "100ms"}});
    if dice.rarely(3) && !safe {
        data["flush"] = json!(dice.pick(&["100ms", "2s"]));
    }
    let mut db = json!({"replicas": 3, "capacity": {"workers": 2}, "data": data, "endpoints": {
        "put": {"steps": [{"work": {"exponential": {"mean": "3ms"}}}, {"write": "row"}, {"read": dice.pick(&["local", "primary"])}]},
        "once": {"steps": [{"write": {"effect": "row", "idempotency": {"ttl": "1s"}}}]}}});
    let managed = dice.rarely(2) && !safe;
    if managed {
        db["lifecycle"] = json!({"boot": dice.pick(&["0s", "300ms"]), "grace": dice.pick(&["0s", "200ms"])});
    }
    let mut world = json!({
        "clients": {
            "web": {"to": "db.put", "arrivals": {"poisson": {"rate": dice.pick(&["50/s", "200/s"])}},
                "edge": {"policies": [{"retry": {"constant": {"attempts": 2, "delay": "10ms"}}}, {"timeout": "200ms"}],
                    "cancel": dice.rarely(2)}},
            "keyed": {"to": "db.once", "arrivals": {"poisson": {"rate": "40/s"}},
                "edge": {"policies": [{"retry": {"constant": {"attempts": 3, "delay": "10ms"}}}, {"timeout": "50ms"}]}},
        },
        "services": {"db": db},
    });
    world["faults"] = (0..dice.roll(4)).map(|_| fault(dice, safe)).collect();
    if managed {
        world["actions"] = (0..dice.roll(5)).map(|_| action(dice)).collect();
    }
    world
}

fn ran(world: &Value, seed: u64) -> Result<Report, TestCaseError> {
    let lab = Lab::new(world.clone(), 8.0).resolution(0.5);
    let fail = |what: String| TestCaseError::fail(format!("{what}\nseed {seed}, world {world}"));
    let blueprint =
        Blueprint::new(&lab.world, lab.settings.clone()).map_err(|problems| fail(problems[0].to_string()))?;
    let report = std::panic::catch_unwind(|| run(&blueprint, seed)).map_err(|_| fail("it panicked".into()))?;
    report.map_err(|violation| fail(violation.to_string()))
}

/// That acknowledged is there and lost together is asserted by the engine at the end of each run.
#[test]
fn what_is_acknowledged_is_there_or_lost() {
    let strategy = (prop::collection::vec(0u32..1000, 0..80), 0u64..1000);
    let result = runner().run(&strategy, |(numbers, seed)| {
        let world = world(&mut Dice::new(&numbers), false);
        let (once, again) = (ran(&world, seed)?, ran(&world, seed)?);
        prop_assert_eq!(once.digest, again.digest);
        prop_assert_eq!(once.actions, again.actions);
        let data = &once.measured.services[0].data;
        prop_assert!(data.persisted + data.lost <= data.acknowledged, "{:?} {}", data, world);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Followers that have everything at once, on disks: as long as one of them is up, nothing can be lost.
#[test]
fn without_a_lag_nothing_is_lost() {
    let strategy = (prop::collection::vec(0u32..1000, 0..80), 0u64..1000);
    let result = runner().run(&strategy, |(numbers, seed)| {
        let world = world(&mut Dice::new(&numbers), true);
        let data = ran(&world, seed)?.measured.services[0].data.clone();
        prop_assert_eq!(data.lost, 0, "{}", world);
        prop_assert!(data.acknowledged > 0 && data.staleness.is_zero(), "{}", world);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}
