//! Who does the work on a miss.

use super::{every, hot_key, one_key, world};
use crate::support::{Lab, json};
use proptest::prelude::*;
use squall_models::outcome::Failure;

/// A call that looks for the key that it fills itself waits for its own end, and the world is otherwise idle.
#[test]
fn a_call_that_waits_for_its_own_fill_is_a_deadlock() {
    let lookup = json!({"name": "l1", "keys": "items", "miss": [{"call": "api.get"}]});
    let run = Lab::new(
        json!({
            "keys": {"items": one_key()},
            "clients": {"web": {"to": "api.get", "arrivals": {"herd": {"count": 1, "at": "500ms"}}}},
            "caches": {"l1": {"coalesce": true}},
            "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"cache": lookup}]}}}},
        }),
        100.0,
    )
    .run(1);
    let deadlocks = &run.report.deadlocks;
    assert_eq!(deadlocks.len(), 1, "{deadlocks:?}");
    assert_eq!((deadlocks[0].cycle.as_slice(), deadlocks[0].stuck), (["caches.l1".to_owned()].as_slice(), 2));
    assert_eq!(deadlocks[0].at.since(squall_sim::Time::ZERO).seconds(), 0.5);
}

#[test]
fn a_window_lets_the_next_fill_begin_and_a_scope_keeps_replicas_apart() {
    let fills = |protect| hot_key(&json!({"protect": {"single_flight": protect}}), &json!([]), 5.0);
    let run = fills(json!({}));
    assert_eq!((run.cache("l1").fills, run.cache("l1").coalesced, run.cache("l1").shared), (1, 9, 9));
    // Fills begin at 0, 0.3, 0.6 and 0.9 s; with the first one over at 1 s there is a value.
    let run = fills(json!({"window": "300ms"}));
    assert_eq!((run.cache("l1").fills, run.cache("l1").same_key_max), (4, 4));
    // Two replicas in turn: two fills, neither of which is a second one of its replica.
    let cache = json!({"protect": {"single_flight": {"scope": "replica"}}});
    let mut world = world(&one_key(), &every("10/s"), &cache, &json!([{"work": "1s"}]));
    world["services"]["api"]["replicas"] = json!(2);
    let run = Lab::new(world, 5.0).run(1);
    assert_eq!((run.cache("l1").fills, run.cache("l1").filling_max, run.cache("l1").same_key_max), (2, 2, 1));
}

/// The first fill fails after a second. With shared errors its ten waiters fail too; otherwise one of them tries again.
#[test]
fn errors_are_shared_as_in_go_or_tried_again() {
    let failed = |errors: &str| {
        let cache = json!({"protect": {"single_flight": {"errors": errors}}});
        let miss = json!([{"sleep": "1s"}, {"call": "db.get"}]);
        let mut world = world(&one_key(), &every("10/s"), &cache, &miss);
        world["services"]["db"] = json!({"capacity": "unlimited", "endpoints": {"get": {"steps": []}}});
        world["faults"] = json!([{"errors": {"at": "0s", "for": "1500ms", "service": "db", "share": "100%"}}]);
        Lab::new(world, 10.0).run(1)
    };
    let (share, retry) = (failed("share"), failed("retry"));
    assert_eq!(share.client("web").failed[Failure::Error as usize], 10);
    assert_eq!((share.cache("l1").coalesced, share.cache("l1").shared), (18, 9));
    assert_eq!(retry.client("web").failed[Failure::Error as usize], 1);
    assert_eq!((retry.cache("l1").fills, retry.cache("l1").same_key_max), (1, 1));
}

/// A token lasts for ten seconds, whatever became of it; an invalidation while the work is done voids what is written.
#[test]
fn a_lease_is_given_once_in_ten_seconds_and_a_void_one_writes_nothing() {
    let cache = json!({"protect": {"lease": {}}});
    let run = hot_key(&cache, &json!([{"flush": {"at": "500ms", "cache": "l1", "key": 1}}]), 30.0);
    assert_eq!((run.cache("l1").unstored, run.cache("l1").fills), (1, 1));
    assert_eq!(run.cache("l1").same_key_max, 1);
    // Who came just after the first one waits for the second token, and for the second fill.
    let longest = run.client("web").latency.max().seconds();
    assert!((longest - 10.9).abs() < 0.1, "{longest}");
    // With the stale value at hand nobody waits but the one who renews it.
    let stale = json!({"ttl": "20s", "protect": {"lease": {"stale": true}}});
    let mut world = world(&one_key(), &every("10/s"), &stale, &json!([{"work": "1s"}]));
    world["caches"]["l1"]["prefill"] = json!({"keys": "items"});
    let run = Lab::new(world, 30.0).run(1);
    assert_eq!((run.cache("l1").misses, run.cache("l1").stale), (1, 9));
}

/// A lock that lasts for less than the work is no lock.
#[test]
fn a_lock_that_is_over_before_the_work_lets_a_second_one_in() {
    let fills = |ttl: &str| {
        let run = hot_key(&json!({"protect": {"redis_lock": {"ttl": ttl, "poll": "20ms"}}}), &json!([]), 5.0);
        (run.cache("l1").fills, run.cache("l1").same_key_max)
    };
    assert_eq!(fills("10s"), (1, 1));
    assert_eq!(fills("600ms"), (2, 2));
}

/// As in the recording: looks at 500 ms, at 1 s, …, and from the timeout on everybody for himself.
#[test]
fn nginx_looks_every_half_second_and_goes_itself_in_the_end() {
    let herd = |at: &str| json!({"to": "api.get", "arrivals": {"herd": {"count": 1, "at": at}}});
    let served = |work: &str, at: &str| {
        let cache = json!({"protect": {"nginx_lock": {}}});
        let mut world = world(&one_key(), &json!({"herd": {"count": 1, "at": "0s"}}), &cache, &json!([{"work": work}]));
        world["clients"]["other"] = herd(at);
        let run = Lab::new(world, 60.0).run(1);
        (run.client("other").latency.max().seconds(), run.cache("l1").unstored)
    };
    assert_eq!(served("730ms", "100ms"), (1.0, 0));
    assert_eq!(served("730ms", "300ms"), (0.5, 0));
    // It takes the lock over, since that is as old as its own patience; what it makes is stored.
    assert_eq!(served("7s", "10ms"), (12.0, 0));
}

/// What cannot be kept is fetched one after the other by those on the waiting list, three of which are let go at a time.
#[test]
fn varnish_serialises_what_it_cannot_keep() {
    let herd = json!({"herd": {"count": 10, "at": "0s"}});
    let run = |absent: &str| {
        let cache = json!({"absent": absent, "protect": {"varnish": {}}});
        Lab::new(world(&one_key(), &herd, &cache, &json!([{"work": "1s"}])), 60.0).run(1)
    };
    let kept = run("0%");
    assert_eq!((kept.cache("l1").fills, kept.client("web").latency.max().seconds()), (1, 1.0));
    let lost = run("100%");
    assert_eq!((lost.cache("l1").unstored, lost.cache("l1").same_key_max), (10, 1));
    assert_eq!(lost.client("web").latency.max().seconds(), 10.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the keys, times and eviction: one fill of a key at a time, and never more entries than there is room for,
    /// which shows as no more hits than a cache of that size could give.
    #[test]
    fn single_flight_never_fills_a_key_twice_at_once(
        seed in 1u64..1000, count in 1u64..30, capacity in 1u64..10, eviction in 0usize..4, ttl in 1u64..20,
    ) {
        let evictions = [json!("lru"), json!("fifo"), json!("sieve"), json!({"w_tiny_lfu": {}})];
        let cache = json!({
            "capacity": capacity, "eviction": evictions[eviction], "coalesce": true, "ttl": format!("{ttl}s"),
            "ttl_jitter": "30%", "refresh": {"xfetch": {}},
        });
        let keys = json!({"zipf": {"count": count, "exponent": 0.8}});
        let miss = json!([{"work": {"exponential": {"mean": "500ms"}}}]);
        let run = Lab::new(world(&keys, &json!({"poisson": {"rate": "50/s"}}), &cache, &miss), 60.0).run(seed);
        let totals = run.cache("l1");
        prop_assert!(totals.same_key_max <= 1);
        prop_assert!(totals.filling_max <= count);
        prop_assert!(totals.fills >= totals.evictions && totals.fills - totals.evictions >= 1);
        prop_assert!(totals.shared <= totals.coalesced && totals.coalesced <= totals.misses);
    }
}
