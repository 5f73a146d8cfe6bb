//! Renewal, stale values, bad news, garbage and jobs that fill a cache.

use super::{every, hot_key, one_key, world};
use crate::support::{Lab, Run, Value, json};

/// A cache that is full from the beginning, asked for by turns, so that every entry is read.
fn full(cache: &Value, seconds: f64) -> Run {
    let keys = json!({"uniform": {"count": 100}});
    let mut world = world(&keys, &json!({"poisson": {"rate": "200/s"}}), cache, &json!([{"work": "100ms"}]));
    world["caches"]["l1"]["prefill"] = json!({"keys": "items"});
    Lab::new(world, seconds).run(1)
}

/// Whatever renews entries in time leaves no miss, and nobody waits.
#[test]
fn what_is_read_is_renewed_before_it_goes() {
    let policies = [
        json!({"after_write": {"after": "5s"}}),
        json!({"predictive": {"threshold": "80%", "window": "10s"}}),
        json!({"staggered": {"window": "5s", "jitter": "500ms"}}),
    ];
    for policy in policies {
        let run = full(&json!({"ttl": "10s", "coalesce": true, "refresh": policy}), 60.0);
        let cache = run.cache("l1");
        // A staggered moment can be so late that the work of 100 ms is not done in time: 1 % of 10 s, or of 5 s.
        let late = if policy.get("staggered").is_some() { cache.refreshes / 40 } else { 0 };
        assert!(cache.misses <= late, "{policy}: {}", cache.misses);
        assert!(late > 0 || run.client("web").latency.max().is_zero(), "{policy}");
        // Every entry about once in five to ten seconds.
        assert!((500..1400).contains(&cache.refreshes), "{policy}: {}", cache.refreshes);
        assert_eq!(cache.same_key_max, 1, "{policy}");
    }
}

/// An entry that nobody reads is not renewed.
#[test]
fn what_nobody_reads_goes() {
    let cache = json!({"ttl": "10s", "refresh": {"predictive": {}}, "prefill": {"keys": "items"}});
    let keys = json!({"uniform": {"count": 100}});
    let late = json!({"herd": {"count": 1, "at": "30s"}});
    let run = Lab::new(world(&keys, &late, &cache, &json!([{"work": "1s"}])), 60.0).run(1);
    assert_eq!((run.cache("l1").refreshes, run.cache("l1").misses), (0, 1));
}

#[test]
fn a_stale_value_is_served_while_one_renews_it_and_the_first_after_that_waits() {
    let run = hot_key(&json!({"ttl": "10s", "stale": {"while_revalidate": "5s"}}), &json!([]), 30.0);
    // One cold miss and nine others until it is filled at 1 s; then renewals behind everybody's back.
    assert_eq!((run.cache("l1").misses, run.cache("l1").refreshes), (10, 2));
    assert!(run.cache("l1").stale >= 20);
    let cache = json!({"ttl": "1s", "stale": {"while_revalidate": "1s"}, "prefill": {"keys": "items"}});
    let rare = json!({"deterministic": {"rate": "1/5s", "first": "0s"}});
    let run = Lab::new(world(&one_key(), &rare, &cache, &json!([{"work": "100ms"}])), 21.0).run(1);
    assert_eq!((run.cache("l1").misses, run.cache("l1").stale), (4, 0));
}

/// The origin is down for a while: with `if_error` the old value is served, without it the client hears of it.
#[test]
fn a_stale_value_takes_the_place_of_an_error() {
    let failed = |stale: bool| {
        let mut cache = json!({"ttl": "2s", "prefill": {"keys": "items"}});
        if stale {
            cache["stale"] = json!({"if_error": "20s"});
        }
        let mut world = world(&one_key(), &every("10/s"), &cache, &json!([{"call": "db.get"}]));
        world["services"]["db"] = json!({"capacity": "unlimited", "endpoints": {"get": {"steps": [{"work": "10ms"}]}}});
        world["faults"] = json!([{"errors": {"at": "1s", "for": "10s", "service": "db", "share": "100%"}}]);
        let run = Lab::new(world, 20.0).run(1);
        (run.client("web").failed.iter().sum::<u64>(), run.cache("l1").stale)
    };
    assert_eq!(failed(true), (0, 90));
    assert_eq!(failed(false), (90, 0));
}

/// Half of the keys do not exist. Without negative entries each request for one of them goes to the origin.
#[test]
fn bad_news_is_kept_for_a_short_time() {
    let keys = json!({"uniform": {"count": 1000}});
    let run = |negative: Value| {
        let mut cache = json!({"absent": "50%"});
        if !negative.is_null() {
            cache["negative"] = negative;
        }
        Lab::new(world(&keys, &every("1000/s"), &cache, &json!([])), 60.0).warmup(20.0).run(1)
    };
    let (without, with) = (run(json!(null)), run(json!({"ttl": "1000s"})));
    let rate = |run: &Run| crate::support::ratio(run.cache("l1").hits, run.cache("l1").hits + run.cache("l1").misses);
    assert!((rate(&without) - 0.5).abs() < 0.05, "{}", rate(&without));
    assert_eq!(without.cache("l1").unstored, without.cache("l1").misses);
    assert!(rate(&with) > 0.999, "{}", rate(&with));
    assert!(with.cache("l1").negative > 15_000);
    // An error that is kept for 5 s is asked for once in that time.
    let cache = json!({"negative": {"ttl": "5s", "errors": true}});
    let run = Lab::new(world(&one_key(), &every("10/s"), &cache, &json!([{"fail": "100%"}])), 19.95).run(1);
    assert_eq!((run.cache("l1").misses, run.client("web").failed.iter().sum::<u64>()), (4, 200));
}

/// A tenth of the entries turns to garbage: found out and made anew once, or served for ever.
#[test]
fn garbage_is_found_out_or_served() {
    let keys = json!({"uniform": {"count": 100}});
    let run = |verify: bool| {
        let cache = json!({"verify": verify, "prefill": {"keys": "items"}});
        let mut world = world(&keys, &json!({"poisson": {"rate": "100/s"}}), &cache, &json!([]));
        world["faults"] = json!([{"corrupt": {"at": "10s", "cache": "l1", "share": "10%"}}]);
        Lab::new(world, 110.0).run(1)
    };
    let (checked, blind) = (run(true), run(false));
    let found = checked.cache("l1").corrupt;
    assert!((4..20).contains(&found), "{found}");
    assert_eq!((checked.cache("l1").misses, checked.cache("l1").wrong), (found, 0));
    assert_eq!((blind.cache("l1").misses, blind.cache("l1").corrupt), (0, 0));
    // As many as there are keys, and each asked for once a second.
    let wrong = blind.cache("l1").wrong as f64 / (found as f64 * 100.0);
    assert!((wrong - 1.0).abs() < 0.15, "{wrong}");
}

/// Ten keys a second are made, the popular ones first, and what is there is left alone.
#[test]
fn a_job_fills_the_cache_at_its_rate() {
    let keys = json!({"zipf": {"count": 1000, "exponent": 1.0}});
    let job = json!([{"at": "1s", "keys": "items", "top": 50, "rate": "10/s", "every": "20s"}]);
    let late = json!({"herd": {"count": 1, "at": "59s"}});
    let mut world = world(&keys, &late, &json!({"warm": job}), &json!([{"call": "db.get"}]));
    world["services"]["db"] = json!({"capacity": "unlimited", "endpoints": {"get": {"steps": [{"work": "1s"}]}}});
    let run = Lab::new(world, 58.0).run(1);
    assert_eq!((run.cache("l1").fills, run.cache("l1").filling_max), (50, 10));
    assert_eq!(run.service("db").arrivals, 50);
    assert_eq!(run.cache("l1").hits, 100, "the second and the third round find everything");
}
