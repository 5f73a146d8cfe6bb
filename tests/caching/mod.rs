//! Caches in small worlds: each protection does what it is for, and no more.

mod levels;
mod protection;
mod upkeep;

use crate::support::{Lab, Run, Value, json};

/// A client, a service that looks into one cache, and what is done on a miss; no contention anywhere.
fn world(keys: &Value, arrivals: &Value, cache: &Value, miss: &Value) -> Value {
    let lookup = json!({"name": "l1", "keys": "items", "miss": miss});
    json!({
        "keys": {"items": keys},
        "clients": {"web": {"to": "api.get", "arrivals": arrivals}},
        "caches": {"l1": cache},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"cache": lookup}]}}}},
    })
}

fn one_key() -> Value {
    json!({"uniform": {"count": 1}})
}

fn every(rate: &str) -> Value {
    json!({"deterministic": {"rate": rate, "first": "0s"}})
}

/// A run of one key, asked for ten times a second, whose work takes a second.
fn hot_key(cache: &Value, faults: &Value, seconds: f64) -> Run {
    let mut world = world(&one_key(), &every("10/s"), cache, &json!([{"work": "1s"}]));
    world["faults"] = faults.clone();
    Lab::new(world, seconds).run(1)
}
