//! Levels, shards, and classes of keys.

use super::{every, world};
use crate::support::{Lab, json, ratio};

/// L1 in each of two replicas, L2 shared: a key is made once, and comes to each replica on its own.
#[test]
fn every_level_is_filled_on_the_way_back() {
    let inner = json!({"name": "l2", "keys": "items", "miss": [{"work": "1s"}]});
    let miss = json!([{"cache": inner}]);
    let keys = json!({"uniform": {"count": 10}});
    let mut world = world(&keys, &every("10/s"), &json!({"per_replica": true, "ttl": "10s"}), &miss);
    world["caches"]["l2"] = json!({"ttl": "1000s", "protect": {"single_flight": {}}});
    world["services"]["api"]["replicas"] = json!(2);
    let run = Lab::new(world, 200.0).warmup(100.0).run(1);
    let (l1, l2) = (run.cache("l1"), run.cache("l2"));
    assert_eq!(l2.misses, 0);
    assert_eq!((l1.misses, l1.fills), (l2.hits, l2.hits));
    // h = λT/(1 + λT) with half a request a second for each key and replica.
    let rate = ratio(l1.hits, l1.hits + l1.misses);
    assert!((rate - 5.0 / 6.0).abs() < 0.04, "{rate}");
}

/// A shard that comes back with what it held serves that, and it is counted; an empty one is filled anew.
#[test]
fn a_shard_comes_back_empty_or_with_old_entries() {
    let keys = json!({"uniform": {"count": 400}});
    let run = |back: &str| {
        let cache = json!({"shards": {"count": 4, "place": "ketama"}, "prefill": {"keys": "items"}});
        let mut world = world(&keys, &json!({"poisson": {"rate": "1000/s"}}), &cache, &json!([]));
        world["faults"] = json!([{"shard_loss": {"at": "10s", "for": "10s", "cache": "l1", "back": back}}]);
        let run = Lab::new(world, 60.0).run(1);
        (run.cache("l1").misses, run.cache("l1").stale)
    };
    let (lost, stale) = run("old_entries");
    assert!((60..140).contains(&lost), "{lost}: about a quarter of the keys, once each");
    assert!(stale > 6000, "{stale}");
    let (twice, none) = run("nothing");
    assert_eq!((twice, none), (2 * lost, 0));
}

/// The ten most popular keys live for 100 s, a tenth of the others for 10 s, the rest for 1 s.
#[test]
fn classes_have_their_own_ttl_and_their_own_results() {
    let keys = json!({"uniform": {"count": 100}});
    let classes =
        json!([{"name": "critical", "keys": 10, "ttl": "100s"}, {"name": "important", "share": "20%", "ttl": "10s"}]);
    let cache = json!({"ttl": "1s", "classes": classes});
    let world = world(&keys, &json!({"poisson": {"rate": "100/s"}}), &cache, &json!([]));
    let run = Lab::new(world, 1000.0).run(1);
    // h = λT/(1 + λT) with one request a second for each key.
    for (name, ttl) in [("l1.critical", 100.0), ("l1.important", 10.0)] {
        let class = run.cache(name);
        let rate = ratio(class.hits, class.hits + class.misses);
        assert!((rate - ttl / (1.0 + ttl)).abs() < 0.01, "{name}: {rate}");
    }
    let part = |of: fn(&squall_models::report::CacheTotals) -> u64| {
        of(run.cache("l1.critical")) + of(run.cache("l1.important"))
    };
    let rest = (run.cache("l1").hits - part(|c| c.hits), run.cache("l1").misses - part(|c| c.misses));
    let rate = ratio(rest.0, rest.0 + rest.1);
    assert!((rate - 0.5).abs() < 0.01, "{rate}");
}

/// The bound: nothing is ever missed.
#[test]
fn a_perfect_cache_always_hits() {
    let keys = json!({"uniform": {"count": 100}});
    let world = world(&keys, &every("100/s"), &json!({"perfect": true}), &json!([{"work": "1s"}]));
    let run = Lab::new(world, 10.0).run(1);
    assert_eq!((run.cache("l1").misses, run.cache("l1").hits), (0, run.client("web").ok));
}
