//! Requests that split up: the slowest of many decides.

use super::{Case, Found, row};
use crate::support::{Lab, Run, Value, json};

pub(crate) const CASES: &[Case] = &[
    Case { id: "A18", measure: wait_for_all },
    Case { id: "A18c", measure: rarely_slow },
    Case { id: "C01", measure: tail_at_scale },
];

/// Requests that ask so many leaves at once and wait for so many of them, on a machine without limits.
fn fan_out(leaf: &Value, copies: u32, need: u32) -> Value {
    let parallel = json!({"branches": [leaf], "copies": copies, "need": need});
    json!({
        "clients": {"web": {"to": "root.get", "arrivals": {"deterministic": {"rate": "100/s"}}}},
        "services": {"root": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"parallel": parallel}]}}}},
    })
}

fn exponential_leaf() -> Value {
    json!([{"work": {"exponential": {"mean": "10ms"}}}])
}

/// A leaf that takes two seconds with a chance of one in `one_in`, and no time otherwise.
fn rarely_slow_leaf(one_in: u32) -> Value {
    json!([{"choose": [
        {"weight": f64::from(one_in - 1), "steps": []},
        {"weight": 1.0, "steps": [{"sleep": "2s"}]},
    ]}])
}

fn wait_for_all() -> Vec<Found> {
    let n = 20_000.0;
    let all = Lab::new(fan_out(&exponential_leaf(), 100, 100), n / 100.0 + 1.0).run(1);
    let most = Lab::new(fan_out(&exponential_leaf(), 100, 95), n / 100.0 + 1.0).run(1);
    let latency = &all.client("web").latency;
    vec![
        row("E_max", latency.mean().unwrap(), n),
        row("T_p50", latency.quantile(0.5).unwrap(), n),
        row("T_p99", latency.quantile(0.99).unwrap(), n),
        row("E_95_of_100", most.client("web").latency.mean().unwrap(), n),
    ]
}

/// The share of requests that took more than a second.
fn slow_share(run: &Run) -> f64 {
    let latency = &run.client("web").latency;
    let slow: u64 = latency.buckets().filter(|(micros, _)| *micros > 1_000_000).map(|(_, count)| count).sum();
    slow as f64 / latency.count() as f64
}

fn share_of_slow(leaves: u32, one_in: u32, n: f64) -> f64 {
    let lab = Lab::new(fan_out(&rarely_slow_leaf(one_in), leaves, leaves), n / 100.0 + 2.0);
    slow_share(&lab.run(1))
}

fn rarely_slow() -> Vec<Found> {
    vec![
        row("frac_slow_100", share_of_slow(100, 100, 40_000.0), 40_000.0),
        row("frac_slow_10", share_of_slow(10, 100, 200_000.0), 200_000.0),
        row("frac_slow_2000_1e4", share_of_slow(2000, 10_000, 5_000.0), 5_000.0),
    ]
}

/// The published figures are rounded, which leaves little room for the noise of a sample.
fn tail_at_scale() -> Vec<Found> {
    vec![
        row("frac_requests_slow", share_of_slow(100, 100, 300_000.0), 1.0),
        row("fanout_2000_p1e-4", share_of_slow(2000, 10_000, 10_000.0), 1.0),
    ]
}
