//! Services that call each other in a ring stop for good, after a time that a Markov chain gives.

use super::{Case, Found, row};
use crate::support::{Lab, Value, json};

pub(crate) const CASES: &[Case] = &[Case { id: "A30c", measure: mutual_calls }, Case { id: "A36c", measure: ring }];

/// Services with one worker each. Each has clients of its own, which are rejected when the worker is taken, works for
/// them, and then calls the next service, where calls wait.
fn ring_of(names: &[&str], rate: &str, mean: &str) -> Value {
    let work = json!({"work": {"exponential": {"mean": mean}}});
    let mut world = json!({"clients": {}, "services": {}});
    for (at, name) in names.iter().enumerate() {
        let next = names[(at + 1) % names.len()];
        world["clients"][format!("users_{name}")] =
            json!({"to": format!("{name}.enter"), "arrivals": {"poisson": {"rate": rate}}});
        world["services"][*name] = json!({"capacity": {"workers": 1}, "endpoints": {
            "enter": {"queues": false, "steps": [work, {"call": format!("{next}.nested")}]},
            "nested": {"steps": [work]},
        }});
    }
    world
}

/// The mean time until the first deadlock, over so many runs.
fn mean_time(world: Value, seconds: f64, runs: u64) -> f64 {
    let lab = Lab::new(world, seconds).resolution(seconds / 40.0);
    let times = (1..=runs).map(|seed| {
        let run = lab.run(seed);
        let first = run.report.deadlocks.first();
        first.expect("a ring of single workers stops in the end").at.seconds()
    });
    times.sum::<f64>() / runs as f64
}

fn mutual_calls() -> Vec<Found> {
    let runs = 2000;
    let mean = mean_time(ring_of(&["a", "b"], "5/s", "100ms"), 20.0, runs);
    vec![row("mean_time_to_deadlock", mean, runs as f64)]
}

fn ring() -> Vec<Found> {
    let runs = 2000;
    let mean = mean_time(ring_of(&["a", "b", "c"], "20/s", "50ms"), 10.0, runs);
    vec![row("mean_time_to_deadlock", mean, runs as f64)]
}

/// The names of the components in the first deadlock, and when it closed.
fn first_deadlock(world: Value) -> (Vec<String>, f64) {
    let run = Lab::new(world, 60.0).resolution(1.0).run(1);
    let first = run.report.deadlocks.first().expect("a deadlock");
    (first.cycle.clone(), first.at.seconds())
}

fn herd(to: &str, at: &str) -> Value {
    json!({"to": to, "arrivals": {"herd": {"count": 1, "at": at}}})
}

/// Both services are full and nobody leaves for many windows before the cycle closes: being slow is no deadlock yet.
#[test]
fn a_deadlock_after_long_work_is_found() {
    let service = |next: &str| {
        json!({"capacity": {"workers": 1}, "endpoints": {
            "enter": {"steps": [{"work": "20s"}, {"call": format!("{next}.nested")}]},
            "nested": {"steps": []},
        }})
    };
    let world = json!({
        "clients": {
            "a1": herd("a.enter", "0s"), "a2": herd("a.enter", "1s"),
            "b1": herd("b.enter", "0s"), "b2": herd("b.enter", "1s"),
        },
        "services": {"a": service("b"), "b": service("a")},
    });
    let (mut cycle, at) = first_deadlock(world);
    cycle.sort();
    assert_eq!((cycle, at), (vec!["services.a".to_owned(), "services.b".into()], 20.0));
}

/// Two requests hold one connection each and want a second one, next to others that come and go in the same replica.
#[test]
fn a_dry_pool_in_a_busy_service_is_found() {
    let inner = json!({"acquire": {"pool": "db", "steps": []}});
    let outer = json!({"acquire": {"pool": "db", "steps": [{"sleep": "500ms"}, inner]}});
    let world = json!({
        "clients": {
            "one": herd("api.twice", "1s"), "two": herd("api.twice", "1s"),
            "rest": {"to": "api.quick", "arrivals": {"poisson": {"rate": "100/s"}}},
        },
        "services": {"api": {
            "capacity": {"workers": 20},
            "pools": {"db": {"size": 2}},
            "endpoints": {"twice": {"steps": [outer]}, "quick": {"steps": [{"work": "1ms"}]}},
        }},
    });
    assert_eq!(first_deadlock(world), (vec!["pools.api.db".to_owned()], 1.5));
}
