//! Ejection: which replicas a caller leaves alone, and for how long. Ten requests a second go to some replicas in turn, so
//! that each time can be worked out by hand.

use crate::support::{Lab, Run, Value, json};
use squall_models::outcome::Failure;

/// The first `bad` of four replicas fail everything.
fn bad(bad: u32, edge: Value, seconds: f64, windows: &[(f64, f64)]) -> Run {
    let world = json!({
        "clients": {"web": {"to": "api.get", "arrivals": {"deterministic": {"rate": "10/s"}}, "edge": edge}},
        "services": {"api": {
            "replicas": 4,
            "capacity": "unlimited",
            "endpoints": {"get": {"steps": [{"work": "1ms"}]}},
        }},
        "faults": [{"errors": {"at": "0s", "service": "api", "replicas": bad, "share": "100%"}}],
    });
    Lab::new(world, seconds).windows(windows).run(1)
}

fn envoy(max: &str) -> Value {
    json!({"envoy": {"max_ejection_percent": max}})
}

fn errors(run: &Run, window: usize) -> u64 {
    run.client_in(window, "web").failed[Failure::Error as usize]
}

/// It fails at 0.1, 0.5, …, 1.7 s, which are five in a row, and is out for 30 s up to the next sweep of ten: at 40 s. Then
/// it fails five times more, and is out for twice as long: until 110 s.
#[test]
fn a_replica_that_fails_is_out_until_a_sweep_and_then_for_longer() {
    let windows = [(0.0, 1.75), (1.75, 39.95), (39.95, 42.0), (42.0, 109.95), (109.95, 112.0)];
    let run = bad(1, json!({"eject": envoy("50%")}), 112.0, &windows);
    let failed: Vec<u64> = (0..windows.len()).map(|window| errors(&run, window)).collect();
    assert_eq!(failed, [5, 0, 5, 0, 5]);
    assert_eq!(run.edge("web", "api").ejections, 3);
    assert_eq!(run.edge_in(2, "web", "api").ejections, 1);
}

/// A quarter of four is one: of two bad ones, one goes on failing, at a third of what is left.
#[test]
fn no_more_are_ejected_than_the_maximum() {
    let one = bad(2, json!({"eject": envoy("25%")}), 39.0, &[(3.0, 39.0)]);
    assert_eq!((one.edge("web", "api").ejections, errors(&one, 0)), (1, 120));
    // Today's default of a tenth is less than one of four, and the one of old is not.
    let none = bad(1, json!({"eject": {"envoy": {}}}), 39.0, &[(3.0, 39.0)]);
    assert_eq!((none.edge("web", "api").ejections, errors(&none, 0)), (0, 90));
    let legacy = bad(1, json!({"eject": {"envoy": {"maximum": "legacy"}}}), 39.0, &[(3.0, 39.0)]);
    assert_eq!((legacy.edge("web", "api").ejections, errors(&legacy, 0)), (1, 0));
}

/// With three of four out, health is no longer believed: all four are asked. Exactly half is no panic.
#[test]
fn in_a_panic_the_ejected_are_asked_too() {
    let edge = |panic: &str| json!({"eject": envoy("100%"), "panic_threshold": panic});
    let panic = bad(3, edge("50%"), 39.0, &[(3.0, 39.0)]);
    assert_eq!(errors(&panic, 0), 270);
    assert_eq!(errors(&bad(3, edge("25%"), 39.0, &[(3.0, 39.0)]), 0), 0);
    assert_eq!(errors(&bad(2, edge("50%"), 39.0, &[(3.0, 39.0)]), 0), 0);
}

/// A single replica can be ejected as well: seven failures, then a second, two, four and eight without a call, with one
/// in between to see how it is.
#[test]
fn with_none_left_calls_fail_at_once() {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "10/s"}},
            "edge": {"eject": {"linkerd": {"jitter": "0%"}}},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"fail": "100%"}]}}}},
    });
    let run = Lab::new(world, 15.65).run(1);
    assert_eq!(run.service("api").arrivals, 10);
    let failed = run.client("web").failed;
    assert_eq!((failed[Failure::Error as usize], failed[Failure::CircuitOpen as usize]), (10, 146));
}

/// A replica that swallows calls never answers; its caller learns of it by its timeout. nginx leaves it alone for ten
/// seconds by the second hand, tries it with one request, and so on: at 0, 11 and 22 s.
#[test]
fn a_timeout_counts_against_the_replica() {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "10/s"}},
            "edge": {"eject": {"nginx_peer": {}}, "policies": [{"timeout": "50ms"}]},
        }},
        "services": {"api": {
            "replicas": 3,
            "capacity": "unlimited",
            "endpoints": {"get": {"steps": [{"work": "1ms"}]}},
        }},
        "faults": [{"slow": {"at": "0s", "service": "api", "replicas": 1, "factor": 1000.0}}],
    });
    let run = Lab::new(world, 30.05).run(1);
    let client = run.client("web");
    assert_eq!((client.failed[Failure::Timeout as usize], client.ok), (3, 297));
}

/// A replica that is down is not picked; in a panic it is, and refuses. That is no answer of its own.
#[test]
fn a_refused_connection_counts_as_none() {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "10/s"}},
            "edge": {"eject": {"nginx_peer": {}}, "panic_threshold": "100%"},
        }},
        "services": {"api": {
            "replicas": 3,
            "capacity": "unlimited",
            "endpoints": {"get": {"steps": [{"work": "1ms"}]}},
        }},
        "faults": [{"crash": {"at": "0s", "service": "api", "replicas": 1}}],
    });
    let run = Lab::new(world, 9.05).run(1);
    // One of three is down and ejected, fewer than all are well, so it is asked as if nothing were known.
    assert_eq!(run.client("web").failed[Failure::Refused as usize], 30);
    assert_eq!(run.edge("web", "api").ejections, 1);
}
