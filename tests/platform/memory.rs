//! Memory: what fills it, what that costs, and what happens when it is full.

use super::{merge, told, world};
use crate::support::{Lab, Run, Value, json};
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

/// Each call leaves 1 MB behind; `extra` goes over the garbage, and the actions are done at their seconds.
fn leaves_garbage(extra: Value, seconds: &[u32]) -> Run {
    let mut garbage = json!({"per_call": "1MB"});
    merge(&mut garbage, extra);
    let memory = json!({"limit": "200MB", "base": "50MB", "garbage": garbage});
    let mut world = world(1, "10/s", json!({"services": {"api": {"memory": memory, "lifecycle": {}}}}));
    let collect = |at: &u32| json!({"at": format!("{at}.05s"), "do": {"collect_garbage": {"service": "api"}}});
    world["actions"] = seconds.iter().map(collect).collect();
    Lab::new(world, 30.0).resolution(1.0).run(1)
}

#[test]
fn garbage_is_collected_when_a_replica_is_full_or_has_grown() {
    // When a call comes after 151 others, 201 of 200 MB are in use; after 51 it is more than twice what a process uses that does nothing.
    for (extra, calls) in [(json!({}), 151), (json!({"growth": 1}), 51)] {
        let run = leaves_garbage(extra, &[]);
        let memory = run.series("services.api", "memory");
        for (second, used) in memory.iter().enumerate() {
            // The last call of a second has just come.
            let wanted = (50 + (10 * second + 9) % calls) as f64 / 200.0;
            assert!((used - wanted).abs() < 1e-9, "{used} {wanted} at {second}");
        }
        assert!(told(&run).is_empty(), "{:?}", told(&run));
        assert_eq!((run.client("web").ok, run.client("web").latency.max().seconds() < 0.0101), (299, true));
    }
}

#[test]
fn garbage_is_collected_by_order() {
    // 50 calls were answered by 5.05 s, 100 more by 15.05 s.
    let run = leaves_garbage(json!({}), &[5, 15]);
    let lines = told(&run);
    assert!(
        lines[0].starts_with("5.05 action 1: collect_garbage services.api 48 MiB were garbage in 1 replicas"),
        "{lines:?}"
    );
    assert!(lines[1].contains(" 95 MiB were garbage"), "{lines:?}");
    let memory = run.series("services.api", "memory");
    assert!(memory[..25].iter().all(|used| *used < 0.75), "{memory:?}");
}

#[test]
fn what_is_in_use_and_what_has_leaked_is_no_garbage() {
    let memory = json!({"limit": "200MB", "base": "50MB", "leak_per_call": "1MB"});
    let mut world = world(1, "10/s", json!({"services": {"api": {"memory": memory, "lifecycle": {}}}}));
    world["actions"] = json!([{"at": "5.05s", "do": {"collect_garbage": {"service": "api"}}}]);
    let run = Lab::new(world, 20.0).run(1);
    assert!(told(&run)[0].ends_with("0 MiB were garbage in 1 replicas"), "{:?}", told(&run));
    assert!(told(&run)[1].starts_with("15") && told(&run)[1].contains("out of memory"), "{:?}", told(&run));
}

/// 80 of 200 MB stay, so that a pause is 0.4 of what is given. Calls come every 100 ms and take 10; what comes in a pause waits for its
/// end, and what is under way goes on after it.
#[test]
fn a_collection_stops_everything_in_a_replica() {
    let order = |at: &str| {
        let memory = json!({"limit": "200MB", "base": "80MB", "garbage": {"per_call": "1KB", "pause": "500ms"}});
        let mut world = world(1, "10/s", json!({"services": {"api": {"memory": memory, "lifecycle": {}}}}));
        world["actions"] = json!([{"at": at, "do": {"collect_garbage": {"service": "api"}}}]);
        Lab::new(world, 10.0).resolution(0.1).run(1)
    };
    // From 5.05 to 5.25: the calls of 5.1 and 5.2 wait for 150 and 50 ms.
    let between = order("5.05s");
    // From 5.005 to 5.205: that of 5.0 is half done; those of 5.1 and 5.2 wait for 105 and 5 ms.
    let within = order("5.005s");
    // Whoever stands at the door holds no worker; the one that was half done does.
    for (run, waits, stood) in [(between, [0.15, 0.05, 0.0], 0.0), (within, [0.2, 0.105, 0.005], 0.2)] {
        let held = run.service("api").held.seconds();
        assert!((held - 0.99 - stood).abs() < 1e-9, "{held}");
        let web = run.client("web");
        assert_eq!(web.ok, 99);
        let (sum, most) = (waits.iter().sum::<f64>(), waits[0]);
        assert!((web.latency.mean().unwrap() - (0.01 + sum / 99.0)).abs() < 2e-5, "{:?}", web.latency.mean());
        assert!((web.latency.max().seconds() / (0.01 + most) - 1.0).abs() < 0.02, "{:?}", web.latency.max());
    }
}

/// Its successor has neither the garbage nor the rest of the pause.
#[test]
fn a_process_that_ends_in_a_collection_takes_it_along() {
    let memory = json!({"limit": "200MB", "base": "80MB", "garbage": {"per_call": "1MB", "pause": "10s"}});
    let mut world = world(1, "10/s", json!({"services": {"api": {"memory": memory, "lifecycle": {"boot": "1s"}}}}));
    world["actions"] = json!([{"at": "5.05s", "do": {"collect_garbage": {"service": "api"}}},
        {"at": "6.05s", "do": {"kill": {"service": "api"}}}]);
    let run = Lab::new(world, 20.0).windows(&[(8.0, 12.0), (12.0, 20.0)]).run(1);
    let served = run.client_in(0, "web");
    assert_eq!((served.ok, served.latency.max().seconds() < 0.0101), (40, true));
}

/// It is scaled down in the middle of a pause from 5.05 to 5.45 s: what has begun by then is ended when it goes on, and then it goes.
#[test]
fn a_replica_that_drains_in_a_collection_goes_on_after_it() {
    for scaled in ["5.06s", "5.2s", "5.4s"] {
        let memory = json!({"limit": "200MB", "base": "80MB", "garbage": {"per_call": "1KB", "pause": "1s"}});
        let mut world =
            world(2, "100/s", json!({"services": {"api": {"memory": memory, "lifecycle": {"grace": "30s"}}}}));
        world["actions"] = json!([{"at": "5.05s", "do": {"collect_garbage": {"service": "api"}}},
            {"at": scaled, "do": {"scale": {"service": "api", "to": 1}}}]);
        let run = Lab::new(world, 20.0).run(1);
        let gone: Vec<String> = told(&run).into_iter().filter(|line| line.contains(": gone")).collect();
        let at: f64 = gone[0].split(' ').next().unwrap().parse().unwrap();
        assert!((5.45..5.7).contains(&at) && gone[0].ends_with("drained"), "{gone:?}");
        let web = run.client("web");
        // Whoever stands at the door of a process that takes nobody any more is sent away; what was begun is not lost.
        let refused = web.failed[Failure::Refused as usize];
        assert_eq!(web.failed.iter().sum::<u64>(), refused, "{scaled}: {:?}", web.failed);
        assert!(web.latency.max().seconds() < 0.5, "{:?}", web.latency.max());
    }
}

/// A hang is over with the process that hung, whatever is collected later.
#[test]
fn a_collection_does_not_bring_a_hang_back() {
    let memory = json!({"limit": "200MB", "base": "80MB", "garbage": {"per_call": "1KB", "pause": "10ms"}});
    let mut world = world(
        2,
        "100/s",
        json!({"services": {"api": {"memory": memory, "lifecycle": {"boot": "1s"}}},
        "clients": {"web": {"edge": {"policies": [{"timeout": "1s"}]}}}}),
    );
    world["faults"] = json!([{"hang": {"at": "5s", "for": "20s", "service": "api", "replicas": 1}}]);
    world["actions"] = json!([{"at": "7s", "do": {"kill": {"service": "api", "replicas": 1}}},
        {"at": "10.05s", "do": {"collect_garbage": {"service": "api"}}}]);
    let run = Lab::new(world, 30.0).windows(&[(5.0, 7.0), (9.0, 30.0)]).run(1);
    assert!(run.client_in(0, "web").failed.iter().sum::<u64>() > 0);
    assert_eq!(run.client_in(1, "web").failed.iter().sum::<u64>(), 0, "{:?}", told(&run));
}
