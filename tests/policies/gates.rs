//! Bulkheads and concurrency limits between a caller and a slow callee.

use crate::support::{Lab, Run, Value, json, ratio};
use squall_models::outcome::Failure;

/// Requests every 10 ms to a service that takes a second over each.
fn slow(policies: Value) -> Run {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "100/s"}},
            "edge": {"policies": policies},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"sleep": "1s"}]}}}},
    });
    Lab::new(world, 10.005).run(1)
}

fn failed(run: &Run, failure: Failure) -> u64 {
    run.client("web").failed[failure as usize]
}

/// The erlmcp runbook's default bulkhead, smaller: 10 at once, 100 in line, 5 s of patience. Ten a second get through.
#[test]
fn a_queued_bulkhead_holds_its_line() {
    let run = slow(json!([{"bulkhead": {"queued": {"max_concurrent": 10, "queue": 100, "max_wait": "5s"}}}]));
    assert_eq!(run.service("api").present_max, 10);
    // Ten go in at 0.01 … 0.1 s, and ten more each second.
    assert_eq!(run.service("api").arrivals, 100);
    // The line is full at 1.1 s. Later each second ten leave it inwards, and from 5.1 s on those who have waited for 5 s.
    let edge = run.edge("web", "api");
    let waiting = edge.in_flight - 10;
    assert!((90..=100).contains(&waiting), "{waiting} wait");
    let turned_away = edge.turned_away[Failure::BulkheadFull as usize];
    assert_eq!((turned_away, edge.ok), (1000 - waiting - 100, 90));
    assert_eq!(run.client("web").arrivals, 1000);
}

#[test]
fn a_semaphore_turns_away_at_once() {
    let run = slow(json!([{"bulkhead": {"semaphore": {"max_concurrent": 25}}}]));
    let edge = run.edge("web", "api");
    assert_eq!(run.service("api").present_max, 25);
    // 25 come in within 250 ms of each second, the rest of the second is turned away: Erlang loss at 100 erlangs without
    // chance.
    assert!((ratio(edge.attempts, 1000) - 0.25).abs() < 0.01, "{}", edge.attempts);
    assert_eq!(edge.attempts + edge.turned_away[Failure::BulkheadFull as usize], 1000);
}

/// Erlang's loss formula: 20 places, 20 erlangs offered, whatever the law of the service time.
#[test]
fn a_semaphore_loses_as_erlang_says() {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"poisson": {"rate": "200/s"}},
            "edge": {"policies": [{"bulkhead": {"semaphore": {"max_concurrent": 20}}}]},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [
            {"sleep": {"lognormal": {"mean": "100ms", "cv": 1.5}}},
        ]}}}},
    });
    let run = Lab::new(world, 3000.0).run(1);
    let lost = ratio(failed(&run, Failure::BulkheadFull), run.client("web").ended());
    // B(20, 20) by its recursion.
    let blocking = (1..=20).fold(1.0, |b, n| 20.0 * b / (f64::from(n) + 20.0 * b));
    assert!((lost - blocking).abs() < 0.004, "{lost} against {blocking}");
}

/// A limit of one lets one call out at a time; the others wait in its line and go in the order that it says.
#[test]
fn a_limit_lets_who_waits_go_in_turn() {
    let fifo = slow(json!([{"limit": {"fixed": {"limit": 10, "waiting": {"fifo": {"timeout": "1h"}}}}}]));
    let lifo =
        slow(json!([{"limit": {"fixed": {"limit": 10, "waiting": {"lifo": {"backlog": 1000, "timeout": "1h"}}}}}]));
    for run in [&fifo, &lifo] {
        assert_eq!((run.service("api").present_max, run.client("web").ok), (10, 90));
    }
    // The last to get in first come, first served has waited since the 90th place; the newest has not waited long.
    assert!(fifo.client("web").latency.max().seconds() > 8.0);
    assert!(lifo.client("web").latency.quantile(0.9).unwrap() < 2.0);
}
