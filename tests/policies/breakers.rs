//! Circuit breakers between a caller and a callee that fails.

use crate::support::{Lab, Run, Value, json, ratio};
use squall_models::outcome::Failure;

/// One request a second to a service that fails between 10 s and 40 s.
fn failing(policies: Value, instances: u32) -> Value {
    json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "1/s"}},
            "instances": instances,
            "edge": {"policies": policies},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"sleep": "10ms"}]}}}},
        "faults": [{"errors": {"at": "9.5s", "for": "30s", "service": "api", "share": "100%"}}],
    })
}

fn run(policies: Value, instances: u32) -> Run {
    Lab::new(failing(policies, instances), 100.5).run(1)
}

fn failed(run: &Run, failure: Failure) -> u64 {
    run.client("web").failed[failure as usize]
}

/// Requests at 1, 2, … 100 s; errors from 10 s on. The fifth failure, at 14 s, opens the breaker until 24 s. The request
/// at 24 s fails and opens it again until 34 s, and so does the one at 34 s. The one at 44 s succeeds.
#[test]
fn it_opens_after_five_failures_and_tries_again() {
    let run = run(json!([{"breaker": {"consecutive": {"failures": 5, "open": "10s"}}}]), 1);
    assert_eq!(failed(&run, Failure::Error), 7);
    assert_eq!(failed(&run, Failure::CircuitOpen), 27);
    let edge = run.edge("web", "api");
    assert_eq!((edge.attempts, edge.opened), (73, 3));
    assert_eq!(edge.turned_away[Failure::CircuitOpen as usize], 27);
    assert_eq!(run.client("web").ok, 100 - 34);
}

/// Inside of a retry a breaker sees every attempt, and its rejections are tried again; around it, it sees one call.
#[test]
fn inside_and_outside_of_a_retry_differ() {
    let breaker = json!({"breaker": {"consecutive": {"failures": 6, "open": "1000s"}}});
    let retry = json!({"retry": {"constant": {"attempts": 3, "delay": "1ms"}}});
    let inside = run(json!([retry, breaker]), 1);
    let outside = run(json!([breaker, retry]), 1);
    // Two calls of three attempts open the inner one; the outer one takes six calls, of three attempts each.
    let errors = |run: &Run| run.edge("web", "api").failed_attempts[Failure::Error as usize];
    assert_eq!((errors(&inside), errors(&outside)), (6, 18));
    let away = |run: &Run| run.edge("web", "api").turned_away[Failure::CircuitOpen as usize];
    assert_eq!((away(&inside), away(&outside)), (89 * 3, 85));
}

/// Two processes have two breakers, which know nothing of each other.
#[test]
fn each_instance_has_its_own() {
    let policies = json!([{"breaker": {"consecutive": {"failures": 5, "open": "1000s"}}}]);
    let run = run(policies, 2);
    assert_eq!(failed(&run, Failure::Error), 10);
    assert_eq!(run.edge("web", "api").opened, 2);
}

/// cockatiel lets nobody else through while it tries, and holds them instead of turning them away.
#[test]
fn callers_can_wait_for_the_one_that_tries() {
    let policies =
        json!([{"breaker": {"cockatiel": {"counter": {"in_a_row": {"failures": 5}}, "half_open_after": "30s"}}}]);
    let mut world = failing(policies, 1);
    world["clients"]["web"]["arrivals"] = json!({"deterministic": {"rate": "10/s"}});
    world["services"]["api"]["endpoints"]["get"]["steps"] = json!([{"sleep": "1s"}]);
    let run = Lab::new(world, 60.0).run(1);
    let slowest = run.client("web").latency.max().seconds();
    assert!((1.8..2.1).contains(&slowest), "who waited for the first answer then waited for an own one: {slowest}");
    assert!(ratio(run.client("web").ok, run.client("web").ended()) > 0.4);
}

/// Hystrix brings a timeout of one second along.
#[test]
fn a_library_s_own_timeout_applies() {
    let mut world = failing(json!([{"breaker": {"hystrix": {}}}]), 1);
    world["faults"] = json!([]);
    world["services"]["api"]["endpoints"]["get"]["steps"] = json!([{"sleep": "3s"}]);
    let run = Lab::new(world, 9.5).run(1);
    assert_eq!(failed(&run, Failure::Timeout), 8);
}
