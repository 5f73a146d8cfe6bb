//! Caches with exact answers.

use super::{Case, Found, row};
use crate::support::{Lab, Run, Value, json, ratio};
use squall_models::spec::Keys;

pub(crate) const CASES: &[Case] = &[
    Case { id: "A20", measure: few_keys },
    Case { id: "A21", measure: time_to_live },
    Case { id: "A22", measure: stampedes },
    Case { id: "B07c", measure: known_trace },
    Case { id: "D04a", measure: cold_start },
];

/// A client whose requests look into one cache, and do some steps on a miss, on a machine without limits.
pub(crate) fn cached(keys: &Value, arrivals: &Value, cache: &Value, miss: &Value) -> Value {
    let lookup = json!({"name": "l1", "keys": "items", "miss": miss});
    json!({
        "keys": {"items": keys},
        "clients": {"web": {"to": "api.get", "arrivals": arrivals}},
        "caches": {"l1": cache},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"cache": lookup}]}}}},
    })
}

pub(crate) fn hit_ratio(run: &Run) -> f64 {
    let cache = run.cache("l1");
    ratio(cache.hits, cache.hits + cache.misses)
}

fn few_keys() -> Vec<Found> {
    let keys = json!({"zipf": {"count": 8, "exponent": 1.0}});
    let ratio = |eviction: &str| {
        let cache = json!({"capacity": 3, "eviction": eviction});
        let world = cached(&keys, &json!({"deterministic": {"rate": "1000/s"}}), &cache, &json!([]));
        hit_ratio(&Lab::new(world, 1_000.0).warmup(1.0).run(1))
    };
    let rows = [("LRU", "lru"), ("FIFO", "fifo"), ("LFU_perfect", "perfect_lfu")];
    rows.map(|(name, eviction)| row(name, ratio(eviction), 999_000.0)).into()
}

fn time_to_live() -> Vec<Found> {
    let keys = json!({"uniform": {"count": 1}});
    let world = cached(&keys, &json!({"poisson": {"rate": "0.5/s"}}), &json!({"ttl": "10s"}), &json!([]));
    let run = Lab::new(world, 2_000_000.0).run(1);
    let n = run.client("web").arrivals as f64;
    vec![row("hit_ratio", hit_ratio(&run), n), row("fetches_per_s", run.cache("l1").fills as f64 / run.seconds(), n)]
}

/// The entry goes every ten seconds, in the middle of a window of the series, so that a window holds one stampede.
fn stampedes() -> Vec<Found> {
    let keys = json!({"uniform": {"count": 1}});
    let mut world = cached(&keys, &json!({"poisson": {"rate": "50/s"}}), &json!({}), &json!([{"work": "2s"}]));
    let expiries = 2000;
    let flushes = (1..=expiries).map(|at| json!({"flush": {"at": format!("{at}5s"), "cache": "l1"}}));
    world["faults"] = flushes.collect();
    let run = Lab::new(world, f64::from(expiries + 1) * 10.0).resolution(10.0).run(1);
    let misses: Vec<f64> = run.series("caches.l1", "misses").iter().skip(1).map(|rate| rate * 10.0).collect();
    let n = misses.len() as f64;
    let mean = misses.iter().sum::<f64>() / n;
    let variance = misses.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / (n - 1.0);
    vec![row("mean_recomputes_per_expiry", mean, n), row("sd", variance.sqrt(), n)]
}

/// The trace of the file: `SplitMix64`, and the Zipf law as cumulative sums of doubles.
fn zipf_trace() -> Vec<u64> {
    let mut state: u64 = 2024;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    };
    let weights: Vec<f64> = (1..=500).map(|k| libm::pow(f64::from(k), -0.9)).collect();
    let total: f64 = weights.iter().sum();
    let cumulative: Vec<f64> = weights
        .iter()
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum / total)
        })
        .collect();
    (0..50_000)
        .map(|_| {
            let unit = (next() >> 11) as f64 / (1u64 << 53) as f64;
            cumulative.partition_point(|&upto| upto < unit) as u64 + 1
        })
        .collect()
}

fn known_trace() -> Vec<Found> {
    let keys = zipf_trace();
    assert_eq!(keys[..10], [64, 1, 7, 2, 209, 41, 2, 54, 3, 18], "the trace is another one");
    assert_eq!(keys.iter().sum::<u64>(), 4_605_046, "the trace is another one");
    let hits = |(name, eviction): (&str, &str), capacity: u32| {
        let arrivals = json!({"deterministic": {"rate": "1000/s", "first": "0s"}});
        let uniform = json!({"uniform": {"count": 1}});
        let cache = json!({"capacity": capacity, "eviction": eviction});
        let world = cached(&uniform, &arrivals, &cache, &json!([]));
        let mut lab = Lab::new(world, 49.9995);
        let trace = Keys::Trace { file: "in memory".into(), keys: keys.clone() };
        lab.world.keys.insert("items".into(), trace);
        let run = lab.run(1);
        assert_eq!(run.client("web").ok, 50_000);
        row(&format!("{name}_hits_C{capacity}"), run.cache("l1").hits as f64, 1.0)
    };
    let evictions = [("LRU", "lru"), ("FIFO", "fifo"), ("LFU", "lfu"), ("SIEVE", "sieve")];
    evictions.into_iter().flat_map(|eviction| [5, 25, 50, 125].map(|capacity| hits(eviction, capacity))).collect()
}

fn cold_start() -> Vec<Found> {
    let keys = json!({"zipf": {"count": 1000, "exponent": 1.0}});
    let mean = |coalesce: bool, of: fn(&Run) -> u64| {
        let cache = json!({"coalesce": coalesce});
        let world = cached(&keys, &json!({"poisson": {"rate": "1000/s"}}), &cache, &json!([{"work": "2s"}]));
        let lab = Lab::new(world, 40.0);
        (1..=8).map(|seed| of(&lab.run(seed))).sum::<u64>() as f64 / 8.0
    };
    let queries = |run: &Run| run.cache("l1").misses - run.cache("l1").coalesced;
    let peak = |run: &Run| run.cache("l1").filling_max;
    vec![
        row("queries_no_coalescing", mean(false, queries), 1.0),
        row("queries_single_flight", mean(true, queries), 1.0),
        row("peak_in_flight_no_coalescing", mean(false, peak), 1.0),
        row("peak_in_flight_single_flight", mean(true, peak), 1.0),
    ]
}

/// A fill that several endpoints wait for lets each of them go on with its own steps.
#[test]
fn who_waits_for_a_fill_goes_on_where_it_was() {
    let lookup = |hit: &str| {
        let steps = json!([{"sleep": hit}, {"write": hit}]);
        json!([{"cache": {"name": "l1", "keys": "one", "miss": [{"work": "1s"}], "hit": steps}}])
    };
    let herd = |to: &str, at: &str| json!({"to": to, "arrivals": {"herd": {"count": 1, "at": at}}});
    let service = |hit: &str| json!({"capacity": "unlimited", "endpoints": {"get": {"steps": lookup(hit)}}});
    let run = Lab::new(
        json!({
            "keys": {"one": {"uniform": {"count": 1}}},
            "clients": {"first": herd("a.get", "0s"), "second": herd("b.get", "400ms")},
            "caches": {"l1": {"coalesce": true}},
            "services": {"a": service("10ms"), "b": service("50ms")},
        }),
        10.0,
    )
    .run(1);
    assert_eq!(run.client("first").latency.max().seconds(), 1.0);
    assert_eq!(run.client("second").latency.max().seconds(), 0.65);
    assert_eq!((run.service("a").writes, run.service("b").writes), (0, 1));
}
