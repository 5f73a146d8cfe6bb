//! Replicas come and go: killed, restarted, scaled, moved, rolled out.

use super::{told, world};
use crate::support::{Lab, Value, json};
use squall_models::outcome::Failure;

fn with(lifecycle: Value, actions: Value) -> Value {
    world(3, "100/s", json!({"services": {"api": {"lifecycle": lifecycle}}, "actions": actions}))
}

#[test]
fn a_killed_replica_is_replaced_and_callers_hear_of_it_late() {
    let lifecycle = json!({"pending": "1s", "boot": "4s", "endpoint_delay": "2s"});
    let actions = json!([{"at": "10s", "do": {"kill": {"service": "api", "replicas": 1}}}]);
    let run = Lab::new(with(lifecycle, actions), 30.0).windows(&[(0.0, 10.0), (10.0, 12.0), (12.0, 30.0)]).run(1);
    assert_eq!(
        told(&run),
        [
            "10 action 1: kill services.api 1 replicas",
            "10 platform of api: gone api[0] killed",
            "10 platform of api: pending api[0] for 1s",
            "11 platform of api: booting api[0] for 4s",
            "12 platform of api: unlisted api[0] callers know of 2",
            "15 platform of api: ready api[0]",
            "17 platform of api: listed api[0] callers know of 3",
        ]
    );
    // For two seconds every third call goes to a place where nobody listens.
    let refused = |window| run.client_in(window, "web").failed[Failure::Refused as usize];
    assert_eq!((refused(0), refused(2)), (0, 0));
    assert!((66..=67).contains(&refused(1)), "{}", refused(1));
}

#[test]
fn a_replica_that_drains_loses_nothing_if_its_grace_is_long_enough() {
    let work = |grace: &str, pre_stop: &str| {
        let mut world = with(
            json!({"grace": grace, "pre_stop": pre_stop, "endpoint_delay": "500ms"}),
            json!([{"at": "10.005s", "do": {"kill": {"service": "api", "grace": true, "replicas": 1}}}]),
        );
        world["services"]["api"]["endpoints"]["get"]["steps"] = json!([{"work": "30ms"}]);
        let run = Lab::new(world, 20.0).run(1);
        let failed = run.client("web").failed;
        (failed[Failure::Refused as usize], failed[Failure::Crashed as usize])
    };
    // Word takes half a second to get round. In that time, who stops at once refuses about 17 calls.
    let (refused, lost) = work("5s", "0s");
    assert!((15..=18).contains(&refused) && lost == 0, "{refused} {lost}");
    assert_eq!(work("5s", "1s"), (0, 0));
    // A grace that ends in the middle of a call loses it.
    let (refused, lost) = work("15ms", "0s");
    assert!(refused > 10 && lost == 1, "{refused} {lost}");
}

#[test]
fn the_wait_doubles_while_a_process_keeps_ending() {
    // A startup probe that never succeeds.
    let mut world = with(json!({"boot": "1s", "grace": "0s"}), json!([]));
    world["services"]["api"]["replicas"] = json!(1);
    world["services"]["api"]["endpoints"]["bad"] = json!({"steps": [{"fail": "100%"}]});
    world["services"]["api"]["probes"] = json!({"startup": {"to": "bad", "period": "1s", "failure_threshold": 1}});
    world["actions"] = json!([{"at": "10s", "do": {"kill": {"service": "api"}}}]);
    let run = Lab::new(world, 200.0).run(1);
    let booting: Vec<f64> =
        run.report.actions.iter().filter(|acted| acted.action == "booting").map(|acted| acted.at.seconds()).collect();
    // Each process lives for no time after a second of boot; the first time it is started again at once.
    assert_eq!(booting, [10.0, 11.0, 22.0, 43.0, 84.0, 165.0]);
}

#[test]
fn a_new_process_is_slow_at_first() {
    let lifecycle = json!({"warm_up": {"factor": 5, "for": "10s"}, "boot": "1s"});
    let mut world = world(1, "1/s", json!({"services": {"api": {"lifecycle": lifecycle}}}));
    world["clients"]["web"]["arrivals"] = json!({"deterministic": {"rate": "1/s", "first": "500ms"}});
    world["actions"] = json!([{"at": "10s", "do": {"restart": {"service": "api", "how": "at_once"}}}]);
    let run = Lab::new(world, 30.0).windows(&[(0.0, 10.0), (16.2, 17.0), (22.0, 23.0)]).run(1);
    let took = |window: usize| run.client_in(window, "web").latency.mean().unwrap();
    // At 16.5 s it has been up for 5.5 s of the ten.
    assert!((took(0) - 0.01).abs() < 1e-6);
    assert!((took(1) - 0.01 * (1.0 + 4.0 * 0.45)).abs() < 1e-4, "{}", took(1));
    assert!((took(2) - 0.01).abs() < 1e-6);
}

#[test]
fn a_rolling_restart_goes_one_by_one() {
    let lifecycle = json!({"boot": "2s", "max_surge": 1, "max_unavailable": 0});
    let actions = json!([{"at": "10s", "do": {"restart": {"service": "api"}}}]);
    let run = Lab::new(with(lifecycle, actions), 30.0).resolution(0.5).run(1);
    let ready = run.series("services.api", "ready");
    assert!(ready.iter().all(|ready| (3.0..=4.0).contains(ready)), "{ready:?}");
    let lines = told(&run);
    let times = |what: &str| -> Vec<f64> {
        let of = lines.iter().filter(|line| line.contains(what));
        of.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
    };
    assert_eq!(times(": booting"), [10.0, 12.0, 14.0]);
    assert_eq!(times(": ready"), [12.0, 14.0, 16.0]);
    assert_eq!(times(": rolled out"), [16.0]);
    assert_eq!(run.client("web").failed.iter().sum::<u64>(), 0);
}

#[test]
fn moving_respects_the_budget_and_killing_does_not() {
    let lifecycle = json!({"boot": "2s", "budget": {"min_available": 2}});
    let least = |action: Value| {
        let actions = json!([{"at": "10s", "do": action}]);
        let run = Lab::new(with(lifecycle.clone(), actions), 30.0).resolution(0.1).run(1);
        let ready = run.series("services.api", "ready");
        assert_eq!(ready[290], 3.0);
        ready.into_iter().fold(f64::INFINITY, f64::min)
    };
    assert_eq!(least(json!({"drain": {"service": "api"}})), 2.0);
    assert_eq!(least(json!({"kill": {"service": "api"}})), 0.0);
}

#[test]
fn scaling_up_and_down_changes_how_many_there_are() {
    let actions = json!([
        {"at": "10s", "do": {"scale": {"service": "api", "to": 5}}},
        {"at": "20s", "do": {"scale": {"service": "api", "to": 1}}},
    ]);
    let run = Lab::new(with(json!({"boot": "3s"}), actions), 30.0).resolution(1.0).run(1);
    let ready = run.series("services.api", "ready");
    assert_eq!((ready[9], ready[11], ready[14], ready[25]), (3.0, 3.0, 5.0, 1.0));
    assert_eq!(run.client("web").failed.iter().sum::<u64>(), 0);
    // Four workers each: what was there to be used follows the replicas.
    let there = run.service("api").available.seconds();
    assert!((there - 4.0 * (13.0 * 3.0 + 7.0 * 5.0 + 10.0)).abs() < 0.5, "{there}");
}

/// A crash in the file of a service with a lifecycle: down for as long as it says, then it boots.
#[test]
fn a_crash_keeps_replicas_down() {
    let mut world = with(json!({"boot": "2s"}), json!([]));
    world["faults"] = json!([{"crash": {"at": "5s", "for": "10s", "service": "api", "replicas": 2}}]);
    let run = Lab::new(world, 30.0).resolution(1.0).run(1);
    let ready = run.series("services.api", "ready");
    // Those that are kept down count as well, so that no others are started. They boot from 15 s to 17 s.
    assert_eq!((ready[3], ready[10], ready[15], ready[16]), (3.0, 1.0, 1.0, 3.0));
}

#[test]
fn a_lifecycle_that_nothing_happens_in_changes_nothing() {
    let plain = Lab::new(world(3, "100/s", json!({})), 30.0).run(1);
    let kept = Lab::new(with(json!({"boot": "2s", "warm_up": {"factor": 5, "for": "10s"}}), json!([])), 30.0).run(1);
    assert_eq!(plain.report.digest, kept.report.digest);
    assert_eq!(plain.report.measured, kept.report.measured);
}
