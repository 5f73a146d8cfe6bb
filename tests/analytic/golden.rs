//! Traces that can be followed by hand, to the microsecond.

use crate::support::{Lab, Value, json};
use squall_models::outcome::Failure;
use squall_models::spec::Arrivals;

/// A world without chance, and what happens in it.
pub(crate) struct Trace {
    pub(crate) id: &'static str,
    /// The own copy of the expected trace, as JSON.
    pub(crate) expected: &'static str,
    measure: fn() -> Value,
}

pub(crate) const TRACES: &[Trace] = &[
    Trace {
        id: "G02_bounded_2workers_queue1",
        expected: r#"[[0, 1.0], [1, 1.0], [2, 1.3], [3, 1.3], [4, 1.6], [5, "reject"], [6, 1.25], [7, 1.55],
            [8, "reject"], [9, 1.2], [10, 1.5], [11, "reject"]]"#,
        measure: bounded_queue,
    },
    Trace {
        id: "G05_singleflight",
        expected: r#"{"fetches": 4, "hits": 42, "total_latency": 30.9, "max_latency": 3.0}"#,
        measure: single_flight,
    },
    Trace {
        id: "G06_backoff",
        expected: r#"{"attempt_times": [0.0, 1.0, 3.0, 7.0, 12.0], "attempts": 5, "success_at": 12.0}"#,
        measure: backoff,
    },
];

/// Each arrival is a client of its own, so that its latency can be told.
fn bounded_queue() -> Value {
    let mut world = json!({
        "clients": {},
        "services": {"api": {
            "capacity": {"workers": 2},
            "queue": {"capacity": 1},
            "endpoints": {"get": {"steps": [{"work": "1s"}]}},
        }},
    });
    for request in 0..12 {
        let at = format!("{}ms", 350 * request);
        world["clients"][format!("r{request}")] =
            json!({"to": "api.get", "arrivals": {"herd": {"count": 1, "at": at}}});
    }
    let run = Lab::new(world, 20.0).run(1);
    let fate = |request: usize| {
        let client = run.client(&format!("r{request}"));
        if client.failed[Failure::Rejected as usize] == 1 {
            json!([request, "reject"])
        } else {
            json!([request, client.latency.mean()])
        }
    };
    (0..12).map(fate).collect()
}

fn single_flight() -> Value {
    let world = json!({
        "keys": {"one": {"uniform": {"count": 1}}},
        "clients": {"web": {"to": "api.get", "arrivals": {"herd": {"count": 1, "at": "0s"}}}},
        "caches": {"l1": {"ttl": "10s", "coalesce": true}},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [
            {"cache": {"name": "l1", "keys": "one", "miss": [{"work": "3s"}]}},
        ]}}}},
    });
    let mut lab = Lab::new(world, 60.0);
    let web = lab.world.clients.get_mut("web").unwrap();
    web.arrivals =
        Arrivals::Trace { file: "in memory".into(), times: (0..60).map(|at| 0.1 + 0.7 * f64::from(at)).collect() };
    let run = lab.run(1);
    let (client, cache) = (run.client("web"), run.cache("l1"));
    assert_eq!(client.ok, 60);
    assert_eq!(cache.hits + cache.misses, 60);
    json!({
        "fetches": cache.fills,
        "hits": cache.hits,
        "total_latency": client.latency.sum_nanos() as f64 / 1e9,
        "max_latency": client.latency.max().seconds(),
    })
}

fn backoff() -> Value {
    let retry = json!({"retry": {"exponential": {"attempts": 10, "base": "1s", "cap": "5s"}}});
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"herd": {"count": 1, "at": "0s"}},
            "edge": {"policies": [retry]},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": []}}}},
        "faults": [{"errors": {"at": "0s", "for": "11s", "service": "api", "share": "100%"}}],
    });
    // One window for each tenth of a second: in which of them is there an attempt?
    let tenths: Vec<(f64, f64)> = (0..150).map(|at| (f64::from(at) * 0.1, f64::from(at + 1) * 0.1)).collect();
    let run = Lab::new(world, 20.0).windows(&tenths).run(1);
    let tried = |window: usize| run.edge_in(window, "web", "api").attempts > 0;
    let times: Vec<f64> = (0..150).filter(|&at| tried(at)).map(|at| at as f64 * 0.1).collect();
    json!({
        "attempt_times": times,
        "attempts": run.client("web").attempts,
        "success_at": run.client("web").latency.mean(),
    })
}

/// Equal but for a microsecond in any number.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() <= 1e-6,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => one == other,
    }
}

#[test]
fn traces_are_followed_to_the_microsecond() {
    for trace in TRACES {
        let expected: Value = serde_json::from_str(trace.expected).unwrap();
        let measured = (trace.measure)();
        assert!(same(&expected, &measured), "{}\nexpected {expected}\nmeasured {measured}", trace.id);
    }
}
