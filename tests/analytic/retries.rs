//! Retries: how many attempts, and what they achieve.

use super::{Case, Found, row};
use crate::support::{Lab, Run, Value, json, ratio};

pub(crate) const CASES: &[Case] = &[
    Case { id: "A14", measure: independent_failures },
    Case { id: "A14c", measure: nested_retries },
    Case { id: "B02_three_retries", measure: three_retries },
    Case { id: "C03", measure: five_layers },
    Case { id: "C06", measure: three_layers },
];

fn retry(attempts: u32) -> Value {
    json!({"policies": [{"retry": {"constant": {"attempts": attempts, "delay": "0s"}}}]})
}

/// A service that fails this share of attempts at once, and a client that makes so many.
fn unreliable(rate: &str, percent: &str, mut edge: Value, latency: Option<Value>) -> Value {
    if let Some(latency) = latency {
        edge["link"] = json!({"latency": latency});
    }
    json!({
        "clients": {"web": {"to": "api.get", "arrivals": {"poisson": {"rate": rate}}, "edge": edge}},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"fail": percent}]}}}},
    })
}

/// A chain in which each layer makes so many attempts, and the last service fails every call.
fn chain(layers: usize, attempts: u32) -> Value {
    let mut services = json!({});
    for layer in 1..=layers {
        let down = layer == layers;
        let next = format!("s{}", layer + 1);
        let step = if down { json!({"fail": "100%"}) } else { json!({"call": format!("{next}.get")}) };
        let edges = if down { json!({}) } else { json!({next: retry(attempts)}) };
        services[format!("s{layer}")] =
            json!({"capacity": "unlimited", "endpoints": {"get": {"steps": [step]}}, "edges": edges});
    }
    json!({
        "clients": {"web": {
            "to": "s1.get",
            "arrivals": {"deterministic": {"rate": "1/s"}},
            "edge": retry(attempts),
        }},
        "services": services,
    })
}

/// Calls of the last service for each request of the client.
fn amplification(layers: usize, attempts: u32) -> f64 {
    let run = Lab::new(chain(layers, attempts), 10.0).run(1);
    ratio(run.service(&format!("s{layers}")).arrivals, run.client("web").arrivals)
}

fn success(run: &Run) -> f64 {
    ratio(run.client("web").ok, run.client("web").ended())
}

fn attempts(run: &Run) -> f64 {
    ratio(run.client("web").attempts, run.client("web").ended())
}

/// The same requests meet one, two and four attempts: the second attempt alone is what two add to one.
fn independent_failures() -> Vec<Found> {
    let with = |attempts| Lab::new(unreliable("1000/s", "30%", retry(attempts), None), 1000.0).run(1);
    let (one, two, four) = (with(1), with(2), with(4));
    let n = four.client("web").ended() as f64;
    vec![
        row("attempts_per_request", attempts(&four), n),
        row("success_fraction", success(&four), n),
        row("frac_exactly_2_attempts", success(&two) - success(&one), n),
    ]
}

fn nested_retries() -> Vec<Found> {
    (1..=5)
        .map(|layers| {
            let metric = format!("bottom_calls_per_user_request_{layers}_layers");
            row(&metric, amplification(layers, 3), 1.0)
        })
        .collect()
}

fn five_layers() -> Vec<Found> {
    vec![row("db_load_multiplier", amplification(5, 3), 1.0)]
}

fn three_layers() -> Vec<Found> {
    vec![
        row("three_layers_4_attempts", amplification(3, 4), 1.0),
        row("without_budget_3_attempts", amplification(1, 3), 1.0),
    ]
}

/// A hundred clients of ten requests a second are one of a thousand: nothing here is per client.
fn three_retries() -> Vec<Found> {
    let mut found = Vec::new();
    for share in ["0.01", "0.05", "0.1", "0.3", "0.5", "1.0"] {
        let percent = format!("{}%", (share.parse::<f64>().unwrap() * 100.0).round());
        let latency = json!({"exponential": {"mean": "10ms"}});
        let lab = Lab::new(unreliable("1000/s", &percent, retry(4), Some(latency)), 10.0);
        let runs: Vec<Run> = (1..=5).map(|seed| lab.run(seed)).collect();
        let mean = |of: fn(&Run) -> f64| runs.iter().map(of).sum::<f64>() / runs.len() as f64;
        found.push(row(&format!("amplification_f{share}"), mean(attempts), 1.0));
        found.push(row(&format!("success_f{share}"), mean(success), 1.0));
    }
    found
}
