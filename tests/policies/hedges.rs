//! Hedges and fallbacks: what a caller does beside and instead of waiting.

use crate::support::{Lab, Run, Value, json, ratio};
use squall_models::outcome::Failure;

fn world(policies: Value, steps: Value, cancel: bool) -> Value {
    json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"poisson": {"rate": "200/s"}},
            "edge": {"policies": policies, "cancel": cancel},
        }},
        "services": {
            "api": {"capacity": "unlimited", "endpoints": {"get": {"steps": steps}}},
            "spare": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"sleep": "5ms"}]}}},
        },
    })
}

fn run(policies: Value, steps: Value, cancel: bool) -> Run {
    let mut world = world(policies, steps, cancel);
    if !world["clients"]["web"]["edge"]["policies"].to_string().contains("spare") {
        world["services"].as_object_mut().unwrap().remove("spare");
    }
    Lab::new(world, 300.0).run(1)
}

/// Two independent exponential times of mean 10 ms, the second 15 ms later: the tail beyond t is e^-t/10 before 15 ms
/// and e^-(2t-15)/10 after it. The mean is 10·(1 - e^-1.5) + 5·e^-1.5 ms.
#[test]
fn the_tail_is_what_two_independent_times_make() {
    let hedge = json!([{"hedge": {"fixed": {"delay": "15ms"}}}]);
    let steps = json!([{"sleep": {"exponential": {"mean": "10ms"}}}]);
    let run = run(hedge, steps, true);
    let n = run.client("web").ok as f64;
    let e = libm::exp(-1.5);
    let mean = run.client("web").latency.mean().unwrap();
    assert!((mean - 0.01 * (1.0 - e) - 0.005 * e).abs() < 4.0 * 0.01 / n.sqrt(), "{mean}");
    // Beyond t the share is 1 %: t = (15 + 10·ln 100)/2 ms.
    let p99 = run.client("web").latency.quantile(0.99).unwrap();
    assert!((p99 - 0.5 * (0.015 + 0.01 * libm::log(100.0))).abs() < 0.0012, "{p99}");
    let edge = run.edge("web", "api");
    assert!((ratio(edge.hedges, edge.calls) - e).abs() < 4.0 * (e / n).sqrt());
    // Once both run, each is the first with equal chance.
    assert!((ratio(edge.hedge_wins, edge.hedges) - 0.5).abs() < 4.0 * 0.5 / (edge.hedges as f64).sqrt());
    assert_eq!(edge.attempts, edge.calls + edge.hedges);
}

/// With a delay that no call reaches a hedge changes nothing, customer by customer.
#[test]
fn a_hedge_that_never_fires_changes_nothing() {
    let steps = json!([{"sleep": {"uniform": {"min": "5ms", "max": "20ms"}}}]);
    let with = run(json!([{"hedge": {"fixed": {"delay": "30ms"}}}]), steps.clone(), false);
    let without = run(json!([]), steps, false);
    assert!(with.client("web") == without.client("web"));
    assert!(with.service("api") == without.service("api"));
}

/// A retry inside of a hedge tries each branch again; one around it hedges each attempt.
#[test]
fn hedges_and_retries_nest() {
    let hedge = json!({"hedge": {"grpc": {"max_attempts": 2, "hedging_delay": "0s", "non_fatal": ["error"]}}});
    let retry = json!({"retry": {"constant": {"attempts": 3, "delay": "1ms"}}});
    let steps = json!([{"fail": "100%"}]);
    let inside = run(json!([hedge, retry]), steps.clone(), true);
    let outside = run(json!([retry, hedge]), steps, true);
    for run in [inside, outside] {
        let (attempts, ended) = (run.client("web").attempts, run.client("web").ended());
        assert_eq!(attempts, 6 * ended, "two branches, three times");
    }
}

/// One of two replicas serves nothing for a long time. A tied request waits at both, and is taken back from the other
/// one as soon as one begins with it.
#[test]
fn a_tied_request_is_served_once() {
    let mut world = world(json!([{"hedge": {"tied": {}}}]), json!([{"work": "5ms"}]), true);
    world["services"].as_object_mut().unwrap().remove("spare");
    world["services"]["api"]["capacity"] = json!({"workers": 1});
    world["services"]["api"]["replicas"] = json!(2);
    let run = Lab::new(world, 100.0).run(1);
    let api = run.service("api");
    assert!(run.client("web").ok > 19_000);
    let twice = ratio(api.started, run.client("web").ended());
    assert!(twice < 1.02, "served {twice} times on average");
}

#[test]
fn a_fallback_answers_what_failed() {
    let steps = json!([{"fail": "30%"}]);
    let value = run(json!([{"fallback": {"value": {}}}]), steps.clone(), false);
    assert_eq!(value.client("web").ok, value.client("web").ended());
    let edge = value.edge("web", "api");
    assert!((ratio(edge.fallbacks, edge.calls) - 0.3).abs() < 0.01);

    let other = run(json!([{"fallback": {"endpoint": {"to": "spare.get"}}}]), steps, false);
    assert_eq!(other.client("web").ok, other.client("web").ended());
    assert_eq!(other.service("spare").arrivals, other.edge("web", "api").fallbacks);
    assert!((other.client("web").latency.max().seconds() - 0.005).abs() < 1e-3);
}

/// A fallback inside of a breaker hides failures from it, one around it answers for the open breaker as well.
#[test]
fn a_fallback_around_a_breaker_covers_it() {
    let breaker = json!({"breaker": {"consecutive": {"failures": 5, "open": "10s"}}});
    let fallback = json!({"fallback": {"value": {}}});
    let around = run(json!([fallback, breaker]), json!([{"fail": "100%"}]), false);
    let inside = run(json!([breaker, fallback]), json!([{"fail": "100%"}]), false);
    assert_eq!(around.client("web").ok, around.client("web").ended());
    assert!(around.edge("web", "api").turned_away[Failure::CircuitOpen as usize] > 50_000);
    assert_eq!(inside.edge("web", "api").opened, 0);
}
