//! Actions at known times, their chances, and their log.

use super::{merge, told, world};
use crate::support::{Lab, Value, json};
use squall_models::outcome::Failure;

#[test]
fn the_log_says_what_was_done_when_and_why() {
    let faults = json!([
        {"slow": {"at": "2s", "for": "4s", "service": "api", "factor": 2}},
        {"errors": {"at": "3s", "service": "api", "share": "100%"}},
    ]);
    let actions = json!([
        {"at": "5s", "do": {"clear_fault": {"fault": 2}}},
        {"at": "7s", "do": {"clear_fault": {"fault": 1}}},
        {"at": "8s", "do": {"traffic": {"client": "web", "share": "25%"}}},
    ]);
    let run = Lab::new(world(1, "10/s", json!({"faults": faults, "actions": actions})), 10.0).run(1);
    assert_eq!(
        told(&run),
        [
            "2 fault 1: begin slow api ×2 done",
            "3 fault 2: begin errors api 100% done",
            "5 action 1: end errors api 100% done",
            "6 fault 1: end slow api ×2 done",
            "7 action 2: end slow api ×2 it was over",
            "8 action 3: traffic clients.web 25 % let in",
        ]
    );
    // Ten a second fail from 3 s to 5 s.
    assert_eq!(run.client("web").failed[Failure::Error as usize], 20);
}

#[test]
fn a_fault_that_is_cleared_before_it_begins_never_does() {
    let faults = json!([{"errors": {"at": "3s", "service": "api", "share": "100%"}}]);
    let actions = json!([{"at": "1s", "do": {"clear_fault": {"fault": 1}}}]);
    let run = Lab::new(world(1, "10/s", json!({"faults": faults, "actions": actions})), 10.0).run(1);
    assert_eq!(told(&run), ["1 action 1: end errors api 100% never begins"]);
    assert_eq!(run.client("web").failed.iter().sum::<u64>(), 0);
}

#[test]
fn traffic_is_let_in_by_share_and_the_rest_is_counted() {
    let actions = json!([
        {"at": "0s", "do": {"traffic": {"client": "web", "share": "25%"}}},
        {"at": "50.005s", "do": {"traffic": {"client": "web", "share": "100%"}}},
    ]);
    let run = Lab::new(world(1, "100/s", json!({"actions": actions})), 100.0)
        .windows(&[(0.0, 50.005), (50.005, 100.0)])
        .run(1);
    let (shut, open) = (run.client_in(0, "web"), run.client_in(1, "web"));
    let kept_out = shut.failed[Failure::Shed as usize];
    // 5000 draws of 75 %: five standard deviations are 153.
    assert!((3597..=3903).contains(&kept_out), "{kept_out}");
    assert_eq!(shut.arrivals, 5000);
    assert_eq!(open.failed.iter().sum::<u64>(), 0);
    assert_eq!(run.service_in(0, "api").arrivals, 5000 - kept_out);
    assert_eq!(run.edge_in(0, "web", "api").turned_away[Failure::Shed as usize], kept_out);
}

#[test]
fn new_weights_shift_calls() {
    let more = json!({
        "clients": {"web": {"edge": {"balance": {"weighted": [1, 1]}}}},
        "actions": [{"at": "50s", "do": {"weights": {"from": "web", "to": "api", "weights": [0, 1]}}}],
        "faults": [{"errors": {"at": "0s", "service": "api", "replicas": 1, "share": "100%"}}],
    });
    let run = Lab::new(world(2, "100/s", more), 100.0).windows(&[(0.0, 50.0), (50.0, 100.0)]).run(1);
    let failed = |window| run.client_in(window, "web").failed.iter().sum::<u64>();
    assert!((2300..2700).contains(&failed(0)), "{}", failed(0));
    assert_eq!(failed(1), 0);
}

#[test]
fn sizes_that_an_action_sets_are_there_when_a_fault_is_over() {
    let more = json!({
        "services": {"api": {"pools": {"db": {"size": 4}},
            "endpoints": {"get": {"steps": [{"acquire": {"pool": "db", "steps": [{"sleep": "10ms"}]}}]}}}},
        "faults": [{"resize_pool": {"at": "2s", "for": "4s", "service": "api", "pool": "db", "size": 1}}],
        "actions": [{"at": "4s", "do": {"resize_pool": {"service": "api", "pool": "db", "size": 7}}}],
    });
    let run = Lab::new(world(1, "10/s", more), 10.0).resolution(1.0).run(1);
    let size = run.series("pools.api.db", "size");
    assert_eq!(size, [4.0, 4.0, 1.0, 1.0, 1.0, 1.0, 7.0, 7.0, 7.0, 7.0]);
}

/// Over many seeds a chance is met as often as it says, and a run without the fault is the same as if it were not in the file.
#[test]
fn a_chance_is_drawn_for_each_seed() {
    let with = |chance: &str| {
        let faults = json!([{"errors": {"at": "3s", "service": "api", "share": "100%", "chance": chance}}]);
        Lab::new(world(1, "10/s", json!({"faults": faults})), 5.0)
    };
    let (some, never) = (with("30%"), with("0%"));
    let none = Lab::new(world(1, "10/s", json!({})), 5.0);
    let mut hit = 0;
    for seed in 0..200 {
        let run = some.run(seed);
        if run.client("web").failed.iter().sum::<u64>() > 0 {
            hit += 1;
        } else {
            assert_eq!(told(&run), ["0 fault 1: begin errors api 100% not in this run"]);
            assert_eq!(run.report.digest, none.run(seed).report.digest);
        }
    }
    // 60 are expected; five standard deviations are 32.
    assert!((28..=92).contains(&hit), "{hit}");
    assert_eq!(never.run(1).report.digest, none.run(1).report.digest);
}

#[test]
fn somebody_opens_all_breakers_and_lets_them_go() {
    // Nothing is wrong with the service, so only the hold can turn a call away: ten seconds of ten calls.
    let hold = |state: &str, at: &str| json!({"at": at, "do": {"breakers": {"state": state}}});
    let base = |actions: Value| {
        json!({
            "clients": {"web": {"edge": {"policies": [{"breaker": {"consecutive": {"failures": 5, "open": "30s"}}}]}}},
            "actions": actions,
        })
    };
    let run =
        Lab::new(world(1, "10/s", base(json!([hold("open", "20.05s"), hold("automatic", "30.05s")]))), 60.0).run(1);
    let client = run.client("web");
    assert_eq!(client.failed[Failure::CircuitOpen as usize], 100);
    assert_eq!(client.ok, client.arrivals - 100 - client.in_flight);
    let told: Vec<&str> = run.report.actions.iter().map(|acted| acted.effect.as_str()).collect();
    assert_eq!(told, ["1 breakers held open", "1 breakers let go"]);
    // Held closed, it does not open, though everything fails.
    let mut closed = base(json!([hold("closed", "1s")]));
    merge(&mut closed, json!({"faults": [{"errors": {"at": "20s", "service": "api", "share": "100%"}}]}));
    let run = Lab::new(world(1, "10/s", closed), 60.0).run(1);
    assert_eq!(run.client("web").failed[Failure::CircuitOpen as usize], 0);
    // Without a breaker there is nothing to hold.
    let lab = Lab::new(world(1, "10/s", json!({"actions": [hold("open", "1s")]})), 60.0);
    let problems = squall_models::Blueprint::new(&lab.world, lab.settings).err().unwrap_or_default();
    assert!(problems.iter().any(|problem| problem.rule.contains("no breaker to hold")), "{problems:?}");
}
