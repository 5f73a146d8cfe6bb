//! The order of policies on an edge, and that every form of the list means the same.

use crate::support::{Lab, Value, json, ratio};

/// An overloaded service behind a slow link, called with these policies. Calls time out at every stage.
fn storm(policies: Value, options: Value) -> Lab {
    let mut edge = json!({
        "policies": policies,
        "link": {"latency": {"exponential": {"mean": "5ms"}}, "loss": "2%"},
    });
    for (key, value) in options.as_object().unwrap() {
        edge[key] = value.clone();
    }
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"poisson": {"rate": "120/s"}},
            "patience": {"exponential": {"mean": "2s"}},
            "edge": edge,
        }},
        "services": {
            "api": {
                "replicas": 2,
                "capacity": {"workers": 5},
                "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "20ms"}}}, {"call": "db.get"}]}},
                "edges": {"db": edge.clone()},
            },
            "db": {
                "capacity": {"workers": 4},
                "queue": {"capacity": 20},
                "endpoints": {"get": {"steps": [{"fail": "5%"}, {"work": {"exponential": {"mean": "40ms"}}}]}},
            },
        },
        "faults": [{"crash": {"at": "10s", "for": "2s", "service": "db"}}],
    });
    Lab::new(world, 40.0)
}

/// A timeout that never fires does not change what happens, but it sends every call through the general path. Both
/// paths give the same run, event by event.
#[test]
fn the_short_way_and_the_long_way_are_the_same() {
    let retry = json!({"retry": {"exponential": {"attempts": 4, "base": "50ms", "jitter": "full"}}});
    let (total, each, never) = (json!({"timeout": "900ms"}), json!({"timeout": "150ms"}), json!({"timeout": "1000s"}));
    for options in [json!({}), json!({"cancel": true}), json!({"cancel": true, "propagate_deadline": true})] {
        for list in [vec![&total, &retry, &each], vec![&retry, &each], vec![&each]] {
            let short = storm(json!(list), options.clone()).run(3).report;
            let long: Vec<&Value> = [&never, &never].into_iter().chain(list).collect();
            let long = storm(json!(long), options.clone()).run(3).report;
            assert_eq!((short.digest, short.events), (long.digest, long.events), "{options}");
            assert_eq!(short.measured, long.measured, "{options}");
        }
    }
}

#[test]
fn retries_around_retries_multiply() {
    let retry = |attempts: u32| json!({"retry": {"constant": {"attempts": attempts, "delay": "10ms"}}});
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "1/s"}},
            "edge": {"policies": [retry(3), retry(4)]},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"fail": "100%"}]}}}},
    });
    let run = Lab::new(world, 100.5).run(1);
    assert_eq!(run.client("web").ended(), 100);
    assert!((ratio(run.client("web").attempts, run.client("web").ended()) - 12.0).abs() < 1e-9);
}

/// Each of two attempts has 100 ms, both together 150 ms: the second one is cut short.
#[test]
fn the_outermost_timeout_ends_all_inside() {
    let policies = json!([
        {"timeout": "150ms"},
        {"timeout": "140ms"},
        {"retry": {"constant": {"attempts": 2, "delay": "0s"}}},
        {"timeout": "100ms"},
    ]);
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "1/s"}},
            "edge": {"policies": policies, "cancel": true},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"sleep": "1s"}]}}}},
    });
    let run = Lab::new(world, 10.5).run(1);
    let edge = run.edge("web", "api");
    assert_eq!((edge.calls, edge.attempts), (10, 20));
    assert_eq!(run.client("web").failed.iter().sum::<u64>(), 10);
    // Cancelled after 100 ms and 40 ms: nothing is left to happen in the service.
    let present = run.service("api").present_seconds / 10.0;
    assert!((present - 0.14).abs() < 1e-6, "{present}");
}
