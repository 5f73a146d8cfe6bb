//! Rate limits on edges and at services, whom they count together, and what they tell those they turn away.

use crate::support::{Lab, Run, Value, json};
use squall_models::outcome::Failure;

/// A hundred requests a second, one every 10 ms, over an edge with these policies.
fn hundred(policies: Value) -> Run {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "100/s"}},
            "edge": {"policies": policies},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"work": "1us"}]}}}},
    });
    Lab::new(world, 10.005).run(1)
}

fn limited(run: &Run, client: &str) -> u64 {
    run.client(client).failed[Failure::RateLimited as usize]
}

/// Five at once from 10 ms on, and one more for each tenth of a second: 5 + 9.99 s × 10/s.
#[test]
fn a_token_bucket_lets_its_burst_and_its_rate_through() {
    let run = hundred(json!([{"rate_limit": {"token_bucket": {"rate": "10/s", "burst": 5}}}]));
    let edge = run.edge("web", "api");
    assert_eq!((edge.attempts, run.service("api").arrivals), (104, 104));
    assert_eq!((limited(&run, "web"), edge.turned_away[Failure::RateLimited as usize]), (896, 896));
}

/// Ten permissions a second, up to two seconds of patience. Of the first 31 requests ten go on at once, ten wait for 1 s and
/// ten for 2 s; from 1 s on, ten in each second take a permission for two seconds later. The others wait for two seconds
/// for nothing: those of the last two seconds still do.
#[test]
fn resilience4j_makes_callers_wait_for_yes_and_for_no() {
    let run = hundred(json!([{"rate_limit": {"resilience4j": {"limit": 10, "period": "1s", "timeout": "2s"}}}]));
    let client = run.client("web");
    assert_eq!((client.ok, limited(&run, "web"), client.in_flight), (110, 699, 191));
}

#[test]
fn a_timeout_around_a_rate_limit_ends_the_wait() {
    let limit = json!({"rate_limit": {"resilience4j": {"limit": 10, "period": "1s", "timeout": "2s"}}});
    let run = hundred(json!([{"timeout": "500ms"}, limit]));
    let client = run.client("web");
    assert_eq!(limited(&run, "web"), 0);
    assert!(client.failed[Failure::Timeout as usize] > 800 && client.in_flight <= 50);
}

/// Two clients with ten requests a second each, to two replicas in turn, at one call a second.
fn counted(options: Value, at_the_door: bool) -> Run {
    let mut gcra = json!({"rate": "1/s", "burst": 0});
    for (key, value) in options.as_object().unwrap() {
        gcra[key] = value.clone();
    }
    let limit = json!([{"rate_limit": {"gcra": gcra}}]);
    let client = json!({"to": "api.get", "arrivals": {"deterministic": {"rate": "10/s"}}});
    let (admission, policies) = if at_the_door { (limit, json!([])) } else { (json!([]), limit) };
    let world = json!({
        "clients": {"a": client.clone(), "b": client},
        "services": {
            "api": {
                "replicas": 2,
                "capacity": {"workers": 10},
                "admission": admission,
                "endpoints": {"get": {"steps": [{"call": "db.get"}]}},
                "edges": {"db": {"policies": policies}},
            },
            "db": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"work": "1us"}]}}},
        },
    });
    Lab::new(world, 10.05).run(1)
}

/// A count admits ten calls in ten seconds: at 0.1 (or 0.2), 1.1, … 9.1 s.
#[test]
fn a_count_is_for_whom_it_says() {
    for at_the_door in [true, false] {
        let served = |options| {
            let run = counted(options, at_the_door);
            assert_eq!(limited(&run, "a") + limited(&run, "b") + run.service("db").arrivals, 200);
            (run.client("a").ok, run.client("a").ok + run.client("b").ok)
        };
        assert_eq!(served(json!({})).1, 20, "one for each replica");
        assert_eq!(served(json!({"shared": true})).1, 10, "one for all");
        assert_eq!(served(json!({"shared": true, "per_client": true})), (10, 20), "one for each client");
        assert_eq!(served(json!({"per_client": true})), (20, 40), "one for each client and replica");
    }
}

/// What is shared is not lost with a replica; what a replica counts by itself is.
#[test]
fn a_crash_forgets_what_the_replica_counted() {
    let after_crash = |shared: bool| {
        let world = json!({
            "clients": {"web": {"to": "api.get", "arrivals": {"deterministic": {"rate": "10/s"}}}},
            "services": {"api": {
                "capacity": {"workers": 10},
                "admission": [{"rate_limit": {"fixed_window": {"limit": 3, "window": "100s", "shared": shared}}}],
                "endpoints": {"get": {"steps": [{"work": "1us"}]}},
            }},
            "faults": [{"crash": {"at": "5s", "for": "1s", "service": "api"}}],
        });
        Lab::new(world, 10.05).run(1).client("web").ok
    };
    assert_eq!((after_crash(true), after_crash(false)), (3, 6));
}

/// Two clients ask at the same instant, once a second; a call is let in every 400 ms, so the second has to come again.
fn told(door: Value, door_tells: Value, policies: Value) -> Run {
    let client = json!({"to": "api.get", "arrivals": {"deterministic": {"rate": "1/s"}}});
    let mut second = client.clone();
    second["edge"] = json!({"policies": policies, "link": {"latency": "10ms"}});
    let mut first = client;
    first["edge"] = json!({"link": {"latency": "10ms"}});
    let mut world = json!({
        "clients": {"a": first, "b": second},
        "services": {"api": {
            "capacity": {"workers": 10},
            "admission": door,
            "endpoints": {"get": {"steps": [{"work": "1us"}]}},
        }},
    });
    if !door_tells.is_null() {
        world["services"]["api"]["retry_after"] = door_tells;
    }
    Lab::new(world, 10.9).run(1)
}

/// The second is told to come back in 400 ms, which are between two ways over the link and back.
#[test]
fn a_retry_that_listens_comes_back_when_told() {
    let grpc =
        json!({"grpc": {"attempts": 2, "initial": "3s", "max": "3s", "multiplier": 1.0, "on": ["rate_limited"]}});
    let limit = |tells: bool| json!([{"rate_limit": {"gcra": {"rate": "2.5/s", "burst": 0, "retry_after": tells}}}]);
    let mean = |run: &Run| run.client("b").latency.mean().unwrap();
    let stacks = [json!([{"retry": grpc}]), json!([{"timeout": "100s"}, {"timeout": "90s"}, {"retry": grpc}])];
    for policies in stacks {
        let run = told(limit(true), Value::Null, policies.clone());
        assert_eq!((run.client("b").ok, run.client("b").attempts), (10, 20));
        assert!((mean(&run) - 0.440).abs() < 1e-4, "{}", mean(&run));
        // A service can say the same to everybody.
        let run = told(limit(false), json!("510ms"), policies.clone());
        assert!((mean(&run) - 0.550).abs() < 1e-4, "{}", mean(&run));
        // Nobody has said anything: three seconds, a fifth more or less.
        let run = told(limit(false), Value::Null, policies);
        assert!(run.client("b").latency.quantile(0.01).unwrap() > 2.4);
    }
    // One that does not listen keeps to its own delay.
    let constant = json!([{"retry": {"constant": {"attempts": 2, "delay": "500ms"}}}]);
    assert!((mean(&told(limit(true), Value::Null, constant)) - 0.540).abs() < 1e-4);
}

/// A limit of the caller's own inside of its retry. At 1/3 s the first is let in, at 2/3 s the second is told to wait for 1/6 s
/// and is let in then, and the one at 1 s has to wait until after the end.
#[test]
fn a_callers_own_limit_tells_its_retry() {
    let retry = json!({"grpc": {"attempts": 2, "initial": "3s", "max": "3s", "multiplier": 1.0}});
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "3/s"}},
            "edge": {"policies": [
                {"retry": retry},
                {"rate_limit": {"gcra": {"rate": "2/s", "burst": 0, "retry_after": true}}},
            ]},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"work": "1us"}]}}}},
    });
    let run = Lab::new(world, 1.2).run(1);
    assert_eq!(run.edge("web", "api").turned_away[Failure::RateLimited as usize], 2);
    assert_eq!(run.client("web").ok, 2);
}
