//! Pools of libraries in a world: opening, carrying calls, dying, coming back, and what that does to the database.

mod life;
mod limits;
mod outage;
mod theory;

use crate::support::{Lab, Run, Value, json, ratio};

/// Requests that take a connection to `db` and query it once, and the pool that they take it from.
fn world(arrivals: Value, pool: Value, db: Value, query: Value) -> Value {
    let mut db = db;
    db["endpoints"] = json!({"query": {"steps": [{"work": query}]}});
    let mut pool = pool;
    pool["to"] = json!("db");
    json!({
        "clients": {"web": {"to": "api.get", "arrivals": arrivals}},
        "services": {
            "api": {
                "capacity": "unlimited",
                "pools": {"db": pool},
                "endpoints": {"get": {"steps": [{"acquire": {"pool": "db", "steps": [{"call": "db.query"}]}}]}},
                "edges": {"db": {}},
            },
            "db": db,
        },
    })
}

/// So many requests at time zero.
fn herd(count: u64) -> Value {
    json!({"herd": {"count": count, "at": "0s"}})
}

fn every(gap: &str) -> Value {
    json!({"deterministic": {"rate": format!("1/{gap}"), "first": "0s"}})
}

fn unlimited() -> Value {
    json!({"capacity": "unlimited"})
}

fn failed(run: &Run, fate: &str) -> u64 {
    let kind = squall_models::outcome::Failure::ALL.iter().position(|failure| failure.name() == fate);
    run.client("web").failed[kind.expect("a fate has a name")]
}

fn near(got: f64, expected: f64, tolerance: f64) {
    assert!((got - expected).abs() <= tolerance, "{got}, expected {expected}");
}

/// The mean wait for a connection, in seconds.
fn wait(run: &Run) -> f64 {
    run.pool("api", "db").wait.mean().expect("somebody got a connection")
}

/// Runs a world for so many seconds, once.
fn run(world: Value, seconds: f64) -> Run {
    Lab::new(world, seconds).resolution(1.0).run(1)
}

/// The share of requests that ended well.
fn success(run: &Run) -> f64 {
    ratio(run.client("web").ok, run.client("web").ended())
}
