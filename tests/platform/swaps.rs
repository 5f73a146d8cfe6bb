//! Actions that exchange rules under a running system.

use super::{merge, told, world};
use crate::support::{Lab, Run, Value, json};
use squall_models::outcome::Failure;

fn run(more: Value) -> Run {
    let mut all = world(1, "100/s", json!({}));
    merge(&mut all, more);
    Lab::new(all, 30.0).windows(&[(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]).run(1)
}

fn at(seconds: u32, action: Value) -> Value {
    json!({"at": format!("{seconds}s"), "do": action})
}

fn policies(seconds: u32, policies: Value) -> Value {
    at(seconds, json!({"policies": {"from": "web", "to": "api", "policies": policies}}))
}

/// From 10 s on all calls fail; the retries that are switched on then make three attempts of one, until they are switched off.
#[test]
fn policies_are_exchanged_there_and_back() {
    let errors = json!([{"errors": {"at": "10s", "service": "api", "share": "100%"}}]);
    for retry in [
        json!([{"retry": {"constant": {"attempts": 3, "delay": "0s"}}}]),
        // A bulkhead that is never full makes a stack of it.
        json!([{"retry": {"constant": {"attempts": 3, "delay": "0s"}}}, {"bulkhead": {"semaphore": {"max_concurrent": 100}}}]),
    ] {
        let run = run(json!({"faults": errors, "actions": [policies(10, retry.clone()), policies(20, json!([]))]}));
        let attempts = |window| {
            let edge = run.edge_in(window, "web", "api");
            (edge.attempts as f64 / edge.calls as f64 * 10.0).round()
        };
        assert_eq!((attempts(0), attempts(1), attempts(2)), (10.0, 30.0, 10.0), "{retry}");
        assert!(told(&run).iter().any(|line| line.starts_with("20 action 2: policies web → api")));
    }
}

/// Calls of 10 ms, ten a second in a bulkhead of one, of which none is lost or counted twice when its stack goes away.
#[test]
fn who_is_inside_of_old_policies_leaves_by_them() {
    let narrow = json!([{"bulkhead": {"semaphore": {"max_concurrent": 1, "max_wait": "1s"}}}, {"timeout": "2s"}]);
    let breaker = json!([{"breaker": {"consecutive": {"failures": 3, "open": "5s"}}}]);
    let mut actions: Vec<Value> = Vec::new();
    for second in 1..29 {
        actions.push(policies(second, if second % 2 == 0 { narrow.clone() } else { breaker.clone() }));
    }
    let run = run(json!({"actions": actions,
        "clients": {"web": {"edge": {"policies": narrow}, "arrivals": {"deterministic": {"rate": "99/s"}}}},
        "services": {"api": {"endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "9ms"}}}]}}}}}));
    let web = run.client("web");
    assert!(web.arrivals - web.ok < 600 && web.ok > 1500, "{} {}", web.arrivals, web.ok);
}

#[test]
fn a_service_gets_a_limit_and_loses_it() {
    let limit = json!([{"limit": {"fixed": {"limit": 1}}}]);
    let run = run(json!({
        "services": {"api": {"capacity": {"workers": 100}, "endpoints": {"get": {"steps": [{"work": "19ms"}]}}}},
        "actions": [at(10, json!({"admission": {"service": "api", "admission": limit}})),
            at(20, json!({"admission": {"service": "api", "admission": []}}))]}));
    let shed = |window| run.client_in(window, "web").failed[Failure::Shed as usize];
    // Each call takes 19 ms, so that every other one of those 10 ms apart finds its place taken.
    assert_eq!((shed(0), shed(2)), (0, 0));
    assert!((499..=501).contains(&shed(1)), "{}", shed(1));
}

#[test]
fn optional_steps_are_left_out_by_order() {
    let steps = json!([{"optional": {"level": 1, "steps": [{"work": "1ms"}]}}, {"optional": {"level": 2, "steps": [{"work": "1ms"}]}}]);
    let degrade = |seconds, level: u8| at(seconds, json!({"degrade": {"service": "api", "level": level}}));
    let run = run(json!({"services": {"api": {"endpoints": {"get": {"steps": steps}}}},
        "actions": [degrade(10, 1), degrade(20, 2)]}));
    let left_out = |window| {
        let api = run.service_in(window, "api");
        (10.0 * api.left_out as f64 / api.optional as f64).round()
    };
    assert_eq!((left_out(0), left_out(1), left_out(2)), (0.0, 5.0, 10.0));
}

#[test]
fn more_memory_comes_with_a_restart() {
    // 10 MB a second on top of 50: killed every 5 s at 100 MB, and not at all in the 20 s with 300.
    let run = run(json!({
        "services": {"api": {"memory": {"limit": "100MB", "base": "50MB", "leak": "10MB"}, "lifecycle": {}}},
        "actions": [at(10, json!({"resize_memory": {"service": "api", "limit": "300MB", "how": "at_once"}}))]}));
    let deaths: Vec<String> = told(&run).into_iter().filter(|line| line.contains("out of memory")).collect();
    assert!(!deaths.is_empty() && deaths.iter().all(|line| line.starts_with(['5', '6'])), "{deaths:?}");
}

/// Two of three replicas hardly move, with long queues; only those are killed.
#[test]
fn only_those_with_long_queues_are_killed() {
    let mut all = world(3, "100/s", json!({"services": {"api": {"lifecycle": {}}}}));
    all["faults"] = json!([{"slow": {"at": "5s", "for": "20s", "service": "api", "factor": 1000, "replicas": 2}}]);
    all["actions"] = json!([at(10, json!({"kill": {"service": "api", "waiting": 50}}))]);
    let run = Lab::new(all, 30.0).run(1);
    assert!(told(&run).iter().any(|line| line == "10 action 1: kill services.api 2 replicas"), "{:?}", told(&run));
}

/// A quarter more every 300 s.
#[test]
fn traffic_is_let_in_step_by_step() {
    let steps = [(1, "10%"), (301, "25%"), (601, "50%"), (901, "75%"), (1201, "100%")];
    let traffic = |(seconds, share)| at(seconds, json!({"traffic": {"client": "web", "share": share}}));
    let mut all = world(1, "20/s", json!({}));
    all["actions"] = steps.map(traffic).into();
    let windows: Vec<(f64, f64)> = steps.map(|(from, _)| (f64::from(from), f64::from(from) + 300.0)).into();
    let run = Lab::new(all, 1501.0).windows(&windows).run(1);
    for (window, (_, share)) in steps.iter().enumerate() {
        let web = run.client_in(window, "web");
        let wanted: f64 = share.trim_end_matches('%').parse::<f64>().unwrap() / 100.0;
        // Of 6000 requests: five standard deviations are at most 3.2 %.
        assert!((web.ok as f64 / web.arrivals as f64 - wanted).abs() < 0.033, "{share}");
    }
}
