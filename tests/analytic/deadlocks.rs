//! Services that call each other in a ring stop for good, after a time that a Markov chain gives.

use super::{Case, Found, row};
use crate::support::{Lab, Value, json};

pub const CASES: &[Case] = &[
    Case { id: "A30c", measure: mutual_calls },
    Case { id: "A36c", measure: ring },
];

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
