//! What a policy costs a call: asking before it and telling after it.
//!
//! `cargo bench --bench policies`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use squall_models::breaker::{self, Admission, Breaker, Ended};
use squall_models::eject::{self, Answer, Ejector};
use squall_models::rate_limit::{self, Limiter};
use squall_models::{Blueprint, Limits, Settings, run, spec};
use squall_sim::random::{Luck, Place, Purpose};
use squall_sim::{Span, Time};
use std::hint::black_box;

const BREAKERS: [(&str, &str); 11] = [
    ("consecutive", r#"{"consecutive": {}}"#),
    ("resilience4j", r#"{"resilience4j": {}}"#),
    ("resilience4j_time", r#"{"resilience4j": {"window": {"time": "10s"}}}"#),
    ("hystrix", r#"{"hystrix": {}}"#),
    ("polly", r#"{"polly": {}}"#),
    ("circuitbreaker_py", r#"{"circuitbreaker_py": {}}"#),
    ("pybreaker", r#"{"pybreaker": {}}"#),
    ("opossum", r#"{"opossum": {"volume": 100}}"#),
    (
        "cockatiel",
        r#"{"cockatiel": {"counter": {"count": {"threshold": "50%", "size": 100}}, "half_open_after": "10s"}}"#,
    ),
    ("gobreaker", r#"{"gobreaker": {"interval": "10s", "bucket": "1s"}}"#),
    ("failsafe_go", r#"{"failsafe_go": {"failure": {"ratio": {"failures": 50, "of": 100}}}}"#),
];

/// One call in fifty fails, and they are a millisecond apart: a closed circuit, as on most days.
fn breakers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("breaker");
    for (name, spec) in BREAKERS {
        let spec: breaker::Spec = serde_json::from_str(spec).expect(name);
        let mut breaker = Breaker::new(&spec, Time::ZERO);
        let (mut now, mut call) = (Time::ZERO, 0u32);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                now += Span::from_millis(1);
                call = if call == 49 { 0 } else { call + 1 };
                let ended = if call == 0 { Ended::Failure } else { Ended::Success };
                match breaker.admit(black_box(now)) {
                    Admission::Admit(permit) => breaker.record(now, permit, ended, Span::from_millis(3)).waiters,
                    Admission::Reject | Admission::Full | Admission::Wait => false,
                }
            });
        });
    }
    group.finish();
}

const EJECTORS: [(&str, &str); 5] = [
    ("envoy", r#"{"envoy": {}}"#),
    ("grpc_a50", r#"{"grpc_a50": {"success_rate_ejection": {}}}"#),
    ("linkerd", r#"{"linkerd": {"success_rate": {}}}"#),
    ("finagle", r#"{"finagle": {}}"#),
    ("nginx_peer", r#"{"nginx_peer": {}}"#),
];

/// Twenty replicas in turn: what a sweep costs is spread over the calls between two of them.
fn ejectors(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("eject");
    for (name, spec) in EJECTORS {
        let spec: eject::Spec = serde_json::from_str(spec).expect(name);
        let mut ejector = Ejector::new(&spec, 20, Time::ZERO);
        let mut draws = Luck::new(1).at(Place::named("bench", Purpose::Jitter));
        let (mut now, mut call) = (Time::ZERO, 0usize);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                now += Span::from_millis(1);
                call = if call == 979 { 0 } else { call + 1 };
                let replica = call % 20;
                ejector.advance(black_box(now), &mut draws);
                let available = ejector.available(replica, now);
                ejector.started(replica, now);
                ejector.ended(replica, now, if call % 49 == 0 { Answer::Error } else { Answer::Success }, &mut draws);
                available
            });
        });
    }
    group.finish();
}

const RATE_LIMITS: [(&str, &str); 7] = [
    ("token_bucket", r#"{"token_bucket": {"rate": "900/s", "burst": 100}}"#),
    ("leaky_bucket", r#"{"leaky_bucket": {"rate": "900/s", "burst": 100}}"#),
    ("gcra", r#"{"gcra": {"rate": "900/s", "burst": 100}}"#),
    ("fixed_window", r#"{"fixed_window": {"limit": 900, "window": "1s"}}"#),
    ("sliding_window", r#"{"sliding_window": {"limit": 900, "window": "1s"}}"#),
    ("sliding_log", r#"{"sliding_log": {"limit": 900, "window": "1s"}}"#),
    ("resilience4j", r#"{"resilience4j": {"limit": 900, "period": "1s"}}"#),
];

/// A call each millisecond, one in ten too many.
fn rate_limits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rate_limit");
    for (name, spec) in RATE_LIMITS {
        let spec: rate_limit::Spec = serde_json::from_str(spec).expect(name);
        let (mut limiter, mut now) = (Limiter::new(&spec, Time::ZERO), Time::ZERO);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                now += Span::from_millis(1);
                limiter.admit(black_box(now))
            });
        });
    }
    group.finish();
}

/// A world without queues, whose client calls through these policies; about 20000 requests in a run.
fn calling(policies: &Value) -> Blueprint {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "1000/s"}},
            "edge": {"policies": policies},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"work": "3ms"}]}}}},
    });
    let world: spec::World = serde_json::from_value(world).expect("the world reads");
    let limits = Limits { events: 1 << 39, in_flight: 1_000_000, depth: 64 };
    let (duration, resolution) = (Span::from_secs(20), Span::from_secs(1));
    let settings = Settings { duration, warmup: Span::ZERO, resolution, windows: Vec::new(), limits };
    Blueprint::new(&world, settings).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// What each call costs without policies and through four of them, where nothing fails. The difference is theirs.
fn stacks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stack");
    group.throughput(Throughput::Elements(20_000));
    let retry = json!({"retry": {"exponential": {"attempts": 3, "base": "10ms", "jitter": "full"}}});
    let limit = json!({"rate_limit": {"token_bucket": {"rate": "2000/s", "burst": 100}}});
    let breaker = json!({"breaker": {"resilience4j": {}}});
    let bulkhead = json!({"bulkhead": {"semaphore": {"max_concurrent": 100}}});
    for (name, policies) in [("none", json!([])), ("four", json!([retry, breaker, limit, bulkhead]))] {
        let blueprint = calling(&policies);
        group.bench_function(name, |bencher| bencher.iter(|| run(black_box(&blueprint), 1)));
    }
    group.finish();
}

criterion_group!(benches, breakers, ejectors, rate_limits, stacks);
criterion_main!(benches);
