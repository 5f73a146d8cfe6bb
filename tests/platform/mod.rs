//! The control side: what is done to a system from outside, and what looks after its replicas.

mod actions;
mod data;
mod expressions;
mod faults;
mod life;
mod memory;
mod monitoring;
mod people;
mod probes;
mod rollout;
mod scaling;
mod swaps;

use crate::support::{Run, Value, json};

/// A service of so many replicas that answers each call after 10 ms, and a client that asks evenly.
fn world(replicas: u32, rate: &str, more: Value) -> Value {
    let mut world = json!({
        "clients": {"web": {"to": "api.get", "arrivals": {"deterministic": {"rate": rate}}}},
        "services": {"api": {"replicas": replicas, "capacity": {"workers": 4},
            "endpoints": {"get": {"steps": [{"work": "10ms"}]}, "health": {"steps": []}}}},
    });
    merge(&mut world, more);
    world
}

/// Lays one document over another.
fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            over.into_iter().for_each(|(key, value)| merge(base.entry(key).or_insert(Value::Null), value));
        }
        (base, over) => *base = over,
    }
}

/// The log of a run from some time on, as `seconds cause action target effect`.
fn told(run: &Run) -> Vec<String> {
    let line = |acted: &squall_models::report::Acted| {
        let at = acted.at.seconds();
        format!("{at} {}: {} {} {}", acted.cause, acted.action, acted.target, acted.effect).trim_end().to_owned()
    };
    run.report.actions.iter().map(line).collect()
}
