//! What is stored, what of it is lost, and what is made twice: to the write.

use super::{merge, told, world};
use crate::support::{Lab, Run, Value, json};
use squall_models::outcome::Failure;

/// Ten writes a second, each 50 ms after a tenth, into a store of so many copies.
fn store(replicas: u32, data: Value, more: Value) -> Value {
    let mut all = world(
        replicas,
        "10/s",
        json!({"services": {"api": {"data": data, "endpoints": {"get": {"steps": [{"write": "row"}]}}}}}),
    );
    merge(&mut all, more);
    all
}

fn run(world: Value, seconds: f64) -> Run {
    Lab::new(world, seconds).run(1)
}

fn crash(at: &str, long: &str) -> Value {
    json!({"faults": [{"crash": {"at": at, "for": long, "service": "api", "replicas": 1}}]})
}

/// What was acknowledged and what of that was lost, the same for the service and its client.
fn books(run: &Run) -> (u64, u64) {
    let (service, client) = (&run.service("api").data, run.client("web"));
    assert_eq!((client.acknowledged, client.lost), (service.acknowledged, service.lost));
    (service.acknowledged, service.lost)
}

#[test]
fn the_loss_window_is_the_lag() {
    for (lag, lost) in [("0s", 0), ("1s", 10), ("300ms", 3), ("2500ms", 25)] {
        let data = json!({"replication": {"asynchronous": {"lag": lag}},
            "failover": {"detection": "3s", "election": "2s"}});
        let run = run(store(3, data, crash("20.02s", "100s")), 40.0);
        let (acknowledged, gone) = books(&run);
        assert_eq!(gone, lost, "{lag}");
        // Nothing is answered from 20.02 s to 25.02 s: then the second replica is primary.
        assert!((acknowledged as i64 - 350).abs() <= 1, "{lag}: {acknowledged}");
        let refused = run.client("web").failed[Failure::Refused as usize];
        assert_eq!(refused, 50, "{lag}");
        let log = told(&run);
        let expected = format!("25.02 platform of api: promoted api[1] {lost} acknowledged writes lost");
        assert!(log.contains(&expected), "{log:?}");
    }
}

/// Theory: the loss is what was written within the lag, so its mean is the rate times the lag.
#[test]
fn the_expected_loss_is_the_rate_times_the_lag() {
    let data = json!({"replication": {"asynchronous": {"lag": "500ms"}}, "failover": {}});
    let mut world = store(2, data, crash("5s", "1s"));
    world["clients"]["web"]["arrivals"] = json!({"poisson": {"rate": "80/s"}});
    let lab = Lab::new(world, 6.0);
    let lost: Vec<f64> = (0..400).map(|seed| lab.run(seed).service("api").data.lost as f64).collect();
    let mean = lost.iter().sum::<f64>() / 400.0;
    let variance = lost.iter().map(|lost| (lost - mean) * (lost - mean)).sum::<f64>() / 399.0;
    // A Poisson number of mean 40: of 400 of them, five standard deviations of the mean are 1.6, of the variance 14.
    assert!((mean - 40.0).abs() < 1.6 && (variance - 40.0).abs() < 14.0, "{mean} {variance}");
}

#[test]
fn who_waits_for_followers_loses_nothing_and_takes_longer() {
    let data = |followers: u32| {
        json!({"replication": {"synchronous": {"round_trip": "40ms", "followers": followers}},
            "failover": {"detection": "3s", "election": "2s"}})
    };
    for followers in [1, 2] {
        let run = run(store(3, data(followers), crash("20.02s", "10s")), 40.0);
        assert_eq!(books(&run).1, 0, "{followers}");
        let mean = run.client("web").latency.mean().unwrap();
        assert!(mean >= 0.04 - 1e-6, "{mean}");
    }
    // The one whose write is on its way when the primary dies has no answer, and nothing was promised to him.
    let plain = run(store(3, data(1), json!({})), 40.0);
    assert_eq!(plain.client("web").latency.max().seconds(), 0.04);
    assert_eq!(books(&plain), (plain.client("web").ok, 0));
}

#[test]
fn what_is_on_no_disk_is_lost_when_the_process_is() {
    // Written to the disk every 2 s: at 20.35 s what came since 20 s is not there yet, which is 3 or 4 writes.
    for (flush, lost) in [(json!(null), 0..=0), (json!("2s"), 3..=4), (json!("20350ms"), 203..=204)] {
        let data = if flush.is_null() { json!({}) } else { json!({"flush": flush}) };
        let run = run(store(1, data, crash("20.349s", "5s")), 40.0);
        let (acknowledged, gone) = books(&run);
        assert!(lost.contains(&gone), "{flush}: {gone}");
        let stored = &run.service("api").data;
        assert!(stored.persisted <= acknowledged - gone && stored.persisted + 205 > acknowledged - gone);
    }
}

#[test]
fn whoever_drains_writes_everything_down_first() {
    let data = json!({"flush": "30s"});
    let more = |action: Value| json!({"services": {"api": {"lifecycle": {"boot": "1s"}}}, "actions": [{"at": "20.349s", "do": action}]});
    let gentle = run(store(1, data.clone(), more(json!({"kill": {"service": "api", "grace": true}}))), 40.0);
    assert_eq!(books(&gentle).1, 0, "{:?}", told(&gentle));
    let hard = run(store(1, data, more(json!({"kill": {"service": "api"}}))), 40.0);
    assert!((203..=204).contains(&books(&hard).1), "{:?}", told(&hard));
}

/// The primary comes back before anybody else is elected: without a disk it comes back empty, and its followers follow.
#[test]
fn a_primary_that_is_back_first_takes_its_followers_with_it() {
    let data = json!({"replication": {"asynchronous": {}}, "flush": "60s", "failover": {"detection": "10s"}});
    let quick = run(store(3, data.clone(), crash("20.02s", "2s")), 40.0);
    assert!((200..=201).contains(&books(&quick).1), "{:?}", told(&quick));
    let slow = run(store(3, data, crash("20.02s", "15s")), 40.0);
    assert_eq!(books(&slow).1, 0, "{:?}", told(&slow));
}

#[test]
fn without_failover_the_data_waits_for_its_primary() {
    let data = json!({"replication": {"asynchronous": {"lag": "1s"}}});
    let run = run(store(2, data, crash("20.02s", "10s")), 40.0);
    assert_eq!(books(&run).1, 0);
    assert_eq!(run.client("web").failed[Failure::Refused as usize], 100);
}

/// Both are gone at once, and the follower is back first.
#[test]
fn the_first_that_is_back_is_elected_when_nobody_was_there() {
    let data = json!({"replication": {"asynchronous": {"lag": "1s"}}, "failover": {"detection": "1s"},
        "calls": "any"});
    let mut world = store(2, data, json!({"services": {"api": {"lifecycle": {"boot": "1s"}}}}));
    world["faults"] = json!([{"crash": {"at": "20.02s", "for": "10s", "service": "api", "replicas": 2}},
        {"crash": {"at": "20.02s", "for": "15s", "service": "api", "replicas": 1}}]);
    let run = run(world, 40.0);
    assert_eq!(books(&run).1, 10, "{:?}", told(&run));
    assert!(told(&run).iter().any(|line| line.starts_with("31.02 platform of api: promoted api[1]")));
}

fn lag(fault: Value) -> Value {
    let mut fields = json!({"at": "10s", "for": "12s", "service": "api"});
    merge(&mut fields, fault);
    json!({"faults": [{"replica_lag": fields},
        {"crash": {"at": "20.02s", "for": "100s", "service": "api", "replicas": 1}}]})
}

#[test]
fn followers_that_are_cut_off_or_slow_have_less() {
    let data = json!({"replication": {"asynchronous": {}}, "failover": {"detection": "1s"}});
    for (fault, lost) in [
        (json!({}), 100..=101),
        (json!({"delay": "700ms"}), 7..=7),
        // The second follower has everything, and is elected.
        (json!({"replicas": 1}), 0..=0),
        (json!({"delay": "0s"}), 0..=0),
    ] {
        let run = run(store(3, data.clone(), lag(fault.clone())), 40.0);
        assert!(lost.contains(&books(&run).1), "{fault}: {:?}", books(&run));
    }
    // Who waits for followers that are cut off waits for as long as that lasts.
    let data = json!({"replication": {"synchronous": {}}});
    let mut world = store(2, data, json!({"services": {"api": {"capacity": {"workers": 1000}}}}));
    world["faults"] = json!([{"replica_lag": {"at": "10s", "for": "12s", "service": "api"}}]);
    let run = run(world, 40.0);
    assert!((run.client("web").latency.max().seconds() - 12.0).abs() < 0.11);
    assert_eq!(books(&run).1, 0);
}

#[test]
fn what_is_read_from_a_follower_is_as_old_as_its_lag() {
    let data = json!({"replication": {"asynchronous": {"lag": "1s"}}, "calls": "any"});
    let mut world = store(2, data.clone(), json!({}));
    world["services"]["api"]["endpoints"]["look"] = json!({"steps": [{"read": "local"}]});
    world["services"]["api"]["endpoints"]["ask"] = json!({"steps": [{"read": "primary"}]});
    for (endpoint, stale) in [("look", true), ("ask", false)] {
        let mut world = world.clone();
        world["clients"]["reader"] =
            json!({"to": format!("api.{endpoint}"), "arrivals": {"deterministic": {"rate": "7/s"}}});
        let run = run(world, 100.0);
        let data = &run.service("api").data;
        // Half of the reads are at the follower, and all of those miss something.
        assert_eq!(data.stale_reads > 300 && data.stale_reads < 400, stale, "{data:?}");
        assert!(data.staleness.seconds() <= 1.0, "{data:?}");
        assert!(stale == (data.staleness.seconds() > 0.9), "{data:?}");
        assert!(data.reads.abs_diff(700) <= 2);
    }
}

/// A call of 250 ms whose caller gives up after 100 ms and tries twice more.
fn impatient(write: Value) -> Run {
    let edge = json!({"policies": [{"retry": {"constant": {"attempts": 3, "delay": "0s"}}}, {"timeout": "100ms"}]});
    let mut world = world(1, "1/s", json!({"clients": {"web": {"edge": edge}}}));
    world["services"]["api"]["endpoints"]["get"]["steps"] = json!([{"write": write}, {"sleep": "250ms"}]);
    run(world, 20.5)
}

#[test]
fn retries_repeat_effects_and_keys_do_not() {
    let plain = impatient(json!("row"));
    let arrivals = plain.client("web").arrivals;
    assert_eq!((plain.service("api").writes, plain.service("api").duplicate_writes), (3 * arrivals, 2 * arrivals));
    assert_eq!(plain.client("web").duplicates, 2 * arrivals);
    let keyed = impatient(json!({"effect": "row", "idempotency": {"ttl": "24h"}}));
    assert_eq!((keyed.service("api").writes, keyed.service("api").duplicate_writes), (arrivals, 0));
    assert_eq!(keyed.service("api").data.deduplicated, 2 * arrivals);
    // A key that is forgotten after 150 ms covers the second attempt, at 100 ms, and not the third.
    let short = impatient(json!({"effect": "row", "idempotency": {"ttl": "150ms"}}));
    assert_eq!((short.service("api").writes, short.service("api").duplicate_writes), (2 * arrivals, arrivals));
}

#[test]
fn disks_that_fail_fail_writes_and_lose_nothing() {
    let data = json!({"replication": {"asynchronous": {"lag": "1s"}}, "failover": {}});
    let fault = |fault: Value| json!({"faults": [fault]});
    let full = run(
        store(
            2,
            data.clone(),
            fault(json!({"disk_full": {"at": "10s", "for": "5s", "service": "api",
        "replicas": 1}})),
        ),
        40.0,
    );
    let failed = full.client("web").failed[Failure::Error as usize];
    assert!((49..=51).contains(&failed) && books(&full) == (full.client("web").ok, 0), "{failed}");
    let slow = run(
        store(
            2,
            data,
            fault(json!({"io_slow": {"at": "10s", "for": "5s", "service": "api",
        "delay": "70ms"}})),
        ),
        40.0,
    );
    assert!((slow.client("web").latency.max().seconds() - 0.07).abs() < 1e-9);
    assert_eq!(books(&slow).1, 0);
}

#[test]
fn a_check_finds_what_is_wrong_and_alerts_see_it() {
    let data = json!({"replication": {"asynchronous": {"lag": "1s"}}, "failover": {"detection": "3s"}});
    let mut world = store(2, data, crash("20.02s", "10s"));
    world["actions"] = json!([{"at": "10s", "do": {"consistency_check": {"service": "api", "takes": "2s"}}}]);
    world["monitoring"] = json!({"scrape": {"every": "1s"}, "evaluate": "1s", "alerts": {
        "down": {"when": "services.api.failed > 5/s", "over": "2s"},
        "failing": {"when": "clients.web.failure > 50%", "over": "2s"},
        "inconsistent": {"when": "services.api.inconsistencies > 0"}}});
    let steps = json!([{"wait": "10s"}, {"do": {"consistency_check": {"service": "api", "takes": "3s"}}}, {"wait": "5s"},
        {"until": {"resolved": "inconsistent", "else": "escalate"}}]);
    world["operators"] = json!({"first": {"on": ["failing"], "steps": steps, "escalate_to": "second"},
        "second": {"steps": []}});
    let run = run(world, 60.0);
    let log = told(&run);
    let found = |line: &str| log.iter().any(|known| known.ends_with(line));
    assert!(found("action 1: checked services.api 0 writes lost, 0 duplicates, 0 stale reads so far, 1 copies behind"));
    assert!(
        found(
            "operator first: checked services.api 10 writes lost, 0 duplicates, 0 stale reads so far, 1 copies behind"
        ),
        "{log:?}"
    );
    assert!(log.iter().any(|line| line.contains("operator first: escalated")), "{log:?}");
}
