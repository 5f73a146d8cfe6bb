//! Memory: what fills it, what that costs, and what happens when it is full.

use super::{told, world};
use crate::support::{Lab, json};
use squall_models::outcome::Failure;

#[test]
fn a_leak_ends_in_a_sawtooth() {
    let more = json!({"services": {"api": {
        "lifecycle": {"boot": "2s"},
        "memory": {"limit": "100MiB", "base": "40MiB", "leak": "2MiB"},
    }}});
    let run = Lab::new(world(1, "10/s", more), 200.0).resolution(1.0).run(1);
    let died: Vec<f64> =
        run.report.actions.iter().filter(|acted| acted.action == "died").map(|acted| acted.at.seconds()).collect();
    // 60 MiB at 2 MiB/s are full after 30 s, and over the limit when the next call comes. The first time it is started again
    // at once, then after 10 s, 20 s and 40 s; it takes 2 s to boot.
    assert_eq!(died, [30.1, 62.2, 104.3, 156.4]);
    let memory = run.series("services.api", "memory");
    assert!((memory[9] - 0.6).abs() < 1e-9 && (memory[29] - 1.0).abs() < 1e-9, "{memory:?}");
}

#[test]
fn calls_fill_it_and_a_kill_takes_them_along() {
    // Twenty calls at once to one worker: one is served, and of those that wait the memory holds fifteen.
    let mut world = world(
        1,
        "1/s",
        json!({"services": {"api": {
            "capacity": {"workers": 1},
            "memory": {"limit": "100MB", "base": "50MB", "per_call": "5MB", "per_queued": "3MB"},
        }}}),
    );
    world["clients"]["web"]["arrivals"] = json!({"herd": {"count": 20, "at": "1s", "over": "1ms"}});
    let run = Lab::new(world, 10.0).run(1);
    let web = run.client("web");
    assert_eq!(web.failed[Failure::Crashed as usize], 17, "{:?}", told(&run));
    assert_eq!(web.ok + web.failed.iter().sum::<u64>(), 20);
    assert!(told(&run)[0].contains("out of memory at 98 MiB, 17 calls lost; starts again at once"), "{:?}", told(&run));
}

#[test]
fn collection_takes_its_time() {
    let memory = json!({"limit": "100MB", "base": "80MB", "gc": {"from": "60%", "factor": 5}});
    let run = Lab::new(world(1, "10/s", json!({"services": {"api": {"memory": memory}}})), 10.0).run(1);
    // Half of the way from 60 % to the limit: three times as long.
    assert!((run.client("web").latency.mean().unwrap() - 0.03).abs() < 1e-6);
}

/// Survivors take the load of those that die, and die in turn. With ten calls at once in each, as usual, collection costs
/// nothing; from 25 on it makes more than it can clear. With fifteen that point is at 21, and one is soon there.
#[test]
fn one_after_the_other() {
    let mut world = world(
        3,
        "300/s",
        json!({"services": {"api": {
            "capacity": {"workers": 200},
            "lifecycle": {"boot": "30s"},
            "memory": {"limit": "100MB", "base": "50MB", "per_call": "1MB", "gc": {"from": "70%", "factor": 10}},
        }}}),
    );
    world["services"]["api"]["endpoints"]["get"]["steps"] = json!([{"work": {"exponential": {"mean": "166ms"}}}]);
    world["clients"]["web"]["arrivals"] = json!({"poisson": {"rate": "180/s"}});
    let kill = json!([{"at": "10s", "do": {"kill": {"service": "api", "replicas": 1}}}]);
    let calm = Lab::new(world.clone(), 30.0).run(1);
    assert!(!told(&calm).iter().any(|line| line.contains("out of memory")), "{:?}", told(&calm));
    world["actions"] = kill;
    let run = Lab::new(world, 30.0).run(1);
    let lost: Vec<&str> = run
        .report
        .actions
        .iter()
        .filter(|acted| acted.action == "died" && acted.at.seconds() < 30.0)
        .map(|acted| acted.target.as_str())
        .collect();
    assert!(lost.contains(&"api[1]") && lost.contains(&"api[2]"), "{lost:?}");
}
