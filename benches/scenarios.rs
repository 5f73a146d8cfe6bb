//! Whole worlds through `squall_models`, metrics and all: W1, W2 and W3 as `benches/peers/README.md` describes them.
//!
//! `cargo bench --bench scenarios`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use squall_models::{Blueprint, Limits, Settings, run, spec};
use squall_sim::Span;
use std::hint::black_box;

/// Requests in one run, about.
const REQUESTS: f64 = 20_000.0;

fn exponential(mean: &str) -> Value {
    json!({"work": {"exponential": {"mean": mean}}})
}

/// M/M/1 at 80 %.
fn w1() -> Value {
    json!({
        "clients": {"web": {"to": "api.get", "arrivals": {"poisson": {"rate": "80/s"}}}},
        "services": {"api": {"capacity": {"workers": 1}, "endpoints": {"get": {"steps": [exponential("10ms")]}}}},
    })
}

/// M/M/8 with a timeout for each attempt and up to three attempts with full jitter; the server is not told.
fn w2(rate: &str, timeout: &str) -> Value {
    let retry = json!({"retry": {"exponential": {"attempts": 3, "base": "10ms", "jitter": "full"}}});
    json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"poisson": {"rate": rate}},
            "edge": {"policies": [retry, {"timeout": timeout}]},
        }},
        "services": {"api": {"capacity": {"workers": 8}, "endpoints": {"get": {"steps": [exponential("10ms")]}}}},
    })
}

/// Five tiers of 16 workers; each does half its work, calls the next, and does the other half.
fn w3() -> Value {
    let edge = json!({"policies": [{"timeout": "1s"}]});
    let mut services = json!({});
    for tier in 1..=5 {
        let next = format!("t{}", tier + 1);
        let half = exponential("5ms");
        let (steps, edges) = if tier == 5 {
            (json!([half, half]), json!({}))
        } else {
            let call = json!({"call": format!("{next}.get")});
            (json!([half, call, half]), json!({next: edge}))
        };
        services[format!("t{tier}")] =
            json!({"capacity": {"workers": 16}, "endpoints": {"get": {"steps": steps}}, "edges": edges});
    }
    json!({
        "clients": {"web": {"to": "t1.get", "arrivals": {"poisson": {"rate": "224/s"}}, "edge": edge}},
        "services": services,
    })
}

fn compile(world: Value, seconds: f64) -> Blueprint {
    let world: spec::World = serde_json::from_value(world).expect("the world reads");
    let settings = Settings {
        duration: Span::from_seconds(seconds),
        warmup: Span::ZERO,
        resolution: Span::from_seconds(1.0),
        windows: Vec::new(),
        limits: Limits { events: 1 << 39, in_flight: 1_000_000, depth: 64 },
    };
    Blueprint::new(&world, settings).expect("the world compiles")
}

fn scenarios(criterion: &mut Criterion) {
    let worlds = [
        ("w1", w1(), 80.0),
        ("w2", w2("400/s", "50ms"), 400.0),
        ("w2-patient", w2("720/s", "300ms"), 720.0),
        ("w3", w3(), 224.0),
    ];
    let mut group = criterion.benchmark_group("scenarios");
    group.sample_size(20);
    for (name, world, rate) in worlds {
        let blueprint = compile(world, REQUESTS / rate);
        let requests = run(&blueprint, 1).expect("the books balance").measured.clients[0].arrivals;
        group.throughput(Throughput::Elements(requests));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(run(&blueprint, 1))));
    }
    group.finish();
}

criterion_group!(benches, scenarios);
criterion_main!(benches);
