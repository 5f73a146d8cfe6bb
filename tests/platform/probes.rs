//! Probes, followed by hand.

use super::{told, world};
use crate::support::{Lab, json};

/// Every pod's health depends on a service that becomes slow.
#[test]
fn from_a_slow_dependency_to_a_shift_of_traffic() {
    let probes = json!({"readiness": {"to": "health", "period": "10s", "timeout": "1s", "jitter": false}});
    let mut world = world(
        2,
        "100/s",
        json!({"services": {"api": {
            "lifecycle": {"endpoint_delay": "1s"},
            "capacity": "unlimited",
            "probes": probes,
            "endpoints": {"health": {"steps": [{"work": "1ms"}]}},
        }}}),
    );
    // The first replica's work takes too long from 25 s to 75 s.
    world["faults"] = json!([{"slow": {"at": "25s", "for": "50s", "service": "api", "replicas": 1, "factor": 2000}}]);
    world["clients"]["web"]["edge"] = json!({"policies": [{"timeout": "500ms"}]});
    let run = Lab::new(world, 120.0).windows(&[(0.0, 25.0), (25.6, 52.0), (53.0, 81.0), (83.0, 120.0)]).run(1);
    assert_eq!(
        told(&run),
        [
            "25 fault 1: begin slow api (1 replicas) ×2000 done",
            "31 api[0]: probe failed readiness no answer in time",
            "41 api[0]: probe failed readiness no answer in time",
            "51 api[0]: probe failed readiness no answer in time",
            "51 platform of api: unready api[0]",
            "52 platform of api: unlisted api[0] callers know of 1",
            "61 api[0]: probe failed readiness no answer in time",
            "71 api[0]: probe failed readiness no answer in time",
            "75 fault 1: end slow api (1 replicas) ×2000 done",
            "80.001 platform of api: ready api[0]",
            "81.001 platform of api: listed api[0] callers know of 2",
        ]
    );
    let failed = |window| run.client_in(window, "web").failed.iter().sum::<u64>();
    // Every other call goes to the slow one, until callers have heard.
    assert_eq!((failed(0), failed(2), failed(3)), (0, 0, 0));
    assert!((1319..=1321).contains(&failed(1)), "{}", failed(1));
}

/// A check that includes a dependency turns a slow dependency into an outage.
#[test]
fn a_deep_health_check_takes_every_replica_out() {
    let run = |health: crate::support::Value| {
        let mut world = world(
            3,
            "100/s",
            json!({"services": {
                "redis": {"capacity": "unlimited", "endpoints": {"ping": {"steps": [{"sleep": "1ms"}]}}},
                "api": {
                    "edges": {"redis": {"policies": [{"timeout": "2s"}]}},
                    "probes": {"readiness": {"to": "health", "jitter": false}},
                },
            }}),
        );
        world["services"]["api"]["endpoints"]["health"]["steps"] = health;
        world["faults"] = json!([{"link": {"at": "25s", "from": "api", "to": "redis", "delay": "1s"}}]);
        if world["services"]["api"]["endpoints"]["health"]["steps"] == json!([]) {
            world["services"]["api"]["endpoints"]["other"] = json!({"steps": [{"call": "redis.ping"}]});
        }
        Lab::new(world, 100.0).windows(&[(0.0, 51.0), (51.1, 100.0)]).run(1)
    };
    let deep = run(json!([{"call": "redis.ping"}]));
    assert_eq!(deep.client_in(0, "web").failed.iter().sum::<u64>(), 0);
    assert_eq!(deep.client_in(1, "web").ok, 0);
    let shallow = run(json!([]));
    assert_eq!(shallow.client("web").failed.iter().sum::<u64>(), 0);
}

#[test]
fn a_replica_that_fails_its_liveness_is_restarted() {
    let probes = json!({"liveness": {"to": "health", "period": "5s", "failure_threshold": 2, "jitter": false}});
    let mut world = world(
        2,
        "100/s",
        json!({"services": {"api": {
        "lifecycle": {"boot": "3s", "grace": "2s"}, "probes": probes}}}),
    );
    world["faults"] = json!([{"errors": {"at": "12s", "for": "9s", "service": "api", "replicas": 1, "share": "100%"}}]);
    let run = Lab::new(world, 60.0).run(1);
    let lines: Vec<String> = told(&run).into_iter().filter(|line| !line.contains("fault")).collect();
    assert_eq!(
        lines,
        [
            "15 api[0]: probe failed liveness it answered with a failure",
            "20 api[0]: probe failed liveness it answered with a failure",
            "20 platform of api: draining api[0] for at most 2s",
            "20 platform of api: died api[0] drained, 0 calls lost; starts again at once",
            "20 platform of api: unlisted api[0] callers know of 1",
            "20 platform of api: booting api[0] for 3s",
            "23 platform of api: ready api[0]",
            "23 platform of api: listed api[0] callers know of 2",
        ]
    );
}

#[test]
fn the_other_probes_wait_for_the_startup_probe() {
    let more = json!({"services": {"api": {
        "lifecycle": {"boot": "1s"},
        "probes": {
            "startup": {"to": "health", "period": "2s", "initial_delay": "5s"},
            "readiness": {"to": "health", "period": "3s", "success_threshold": 2, "initial_delay": "1s"},
        },
    }}, "actions": [{"at": "10s", "do": {"kill": {"service": "api"}}}]});
    let run = Lab::new(world(1, "10/s", more), 60.0).run(1);
    let ready: Vec<f64> =
        run.report.actions.iter().filter(|acted| acted.action == "ready").map(|acted| acted.at.seconds()).collect();
    // Booted at 11 s, started at 16 s, probed at 17 s and 20 s.
    assert_eq!(ready, [20.0]);
}

#[test]
fn probes_use_the_replica_as_calls_do() {
    let probes = json!({"readiness": {"to": "health", "jitter": false}, "liveness": {"to": "health", "jitter": false}});
    let run = Lab::new(world(2, "100/s", json!({"services": {"api": {"probes": probes}}})), 100.0).run(1);
    // At 0, 10, …, 100 s: two kinds of probe of two replicas.
    assert_eq!(run.service("api").arrivals - run.edge("web", "api").attempts, 44);
}
