//! Small worlds with answers that can be worked out by hand.

use squall_models::report::Report;
use squall_models::{Blueprint, Limits, Settings, run, spec};
use squall_sim::Span;

fn world(text: serde_json::Value, seconds: u64, seed: u64) -> Report {
    let world: spec::World = serde_json::from_value(text).unwrap();
    let settings = Settings {
        duration: Span::from_secs(seconds),
        warmup: Span::ZERO,
        resolution: Span::from_secs((seconds / 1000).max(1)),
        windows: Vec::new(),
        limits: Limits { events: 1 << 39, in_flight: 1_000_000, depth: 64 },
    };
    let blueprint = Blueprint::new(&world, settings).unwrap();
    run(&blueprint, seed).unwrap()
}

/// M/M/1 at 85 %: the mean time in the system is 1/(µ − λ).
#[test]
fn one_worker_matches_theory() {
    let report = world(
        serde_json::json!({
            "clients": {"web": {"to": "api.get", "arrivals": {"poisson": {"rate": "85/s"}}}},
            "services": {"api": {"capacity": {"workers": 1}, "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "10ms"}}}]}}}},
        }),
        12_000,
        1,
    );
    let client = &report.measured.clients[0];
    let service = &report.measured.services[0];
    let mean = client.latency.mean().unwrap();
    let busy = service.held.seconds() / service.available.seconds();
    assert!((mean - 0.066_667).abs() < 0.003, "{mean}");
    assert!((busy - 0.85).abs() < 0.01, "{busy}");
}
