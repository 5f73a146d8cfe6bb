//! Throttles between a caller and a callee that fails.

use crate::support::{Lab, Run, Value, json};
use squall_models::outcome::Failure;

/// Ten requests a second to a service that fails some share of what it gets.
fn failing(share: &str, throttle: Value, seconds: f64) -> Run {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "10/s"}},
            "edge": {"policies": [{"throttle": throttle}]},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"fail": share}]}}}},
    });
    Lab::new(world, seconds).run(1)
}

/// Nothing is accepted, so the n-th request is sent with the chance 1/n: of a thousand within the window 7.5 are, by the
/// harmonic series, with a standard deviation of 2.4.
#[test]
fn what_a_throttle_rejects_is_not_sent() {
    let run = failing("100%", json!({"sre": {}}), 100.05);
    let edge = run.edge("web", "api");
    assert!((2..=14).contains(&edge.attempts), "{}", edge.attempts);
    assert_eq!(run.service("api").arrivals, edge.attempts);
    let thrown = run.client("web").failed[Failure::Throttled as usize];
    assert_eq!((thrown, edge.turned_away[Failure::Throttled as usize]), (1000 - edge.attempts, thrown));
}

#[test]
fn a_throttle_leaves_a_callee_alone_that_accepts_enough() {
    let run = failing("0%", json!({"sre": {}}), 100.05);
    assert_eq!((run.client("web").ok, run.client("web").ended()), (1000, 1000));
}

/// The first failure, at 0.1 s, sets the lowest rate: half a token a second, from an empty bucket. All that come after it
/// wait until 2.1 s, when the first of them is sent, and the others ask again: one every two seconds.
#[test]
fn who_waits_for_a_token_asks_again() {
    let run = failing("100%", json!({"aws_adaptive": {"throttling": ["error"]}}), 20.05);
    let edge = run.edge("web", "api");
    assert_eq!((edge.attempts, edge.in_flight), (10, 190));
    // In the order in which they came: the tenth request, of 1 s, goes out at 18.1 s.
    assert_eq!(run.client("web").failed[Failure::Error as usize], 10);
}

/// Those who no longer wait ask no more.
#[test]
fn a_timeout_around_a_throttle_ends_the_wait() {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "10/s"}},
            "edge": {"policies": [{"timeout": "1s"}, {"throttle": {"aws_adaptive": {"throttling": ["error"]}}}]},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"fail": "100%"}]}}}},
    });
    let run = Lab::new(world, 20.05).run(1);
    let client = run.client("web");
    assert_eq!((client.failed[Failure::Error as usize], client.in_flight), (10, 10));
    assert_eq!(client.failed[Failure::Timeout as usize], 180);
}
