//! `squall tip` and `squall fork` on the retry storm of the gallery.

use super::run::{Bench, files};
use std::fs;
use std::path::Path;

fn storm() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies/gallery/retry-storm.yaml").to_string_lossy().into_owned()
}

#[test]
fn the_retry_storm_is_metastable_between_two_thresholds() {
    let bench = Bench::new();
    let file = storm();
    let tip = |out, threads| {
        let over = "clients.web.arrivals.poisson.rate=40/s..110/s/5/s";
        let base = ["tip", &file, "--over", over, "--seeds", "5", "--out", out, "--threads", threads];
        bench.expect(0, &[&base[..], &["--variant", "unmitigated", "--variant", "lifo"]].concat())
    };
    let text = tip("one", "1");
    assert_eq!(text, tip("two", "3"));
    let names = files(&bench.path("one"));
    assert_eq!(names, ["curve.csv", "manifest.json", "probes.csv", "scenario.json", "thresholds.csv", "tips.csv"]);
    for name in names.iter().filter(|name| *name != "manifest.json") {
        assert!(fs::read(bench.path("one").join(name)).unwrap() == fs::read(bench.path("two").join(name)).unwrap());
    }
    let over = "clients.web.arrivals.poisson.rate=40/s..110/s/5/s";
    let json =
        ["tip", &file, "--over", over, "--seeds", "5", "--variant", "lifo", "--branch", "up", "--format", "json"];
    let json: serde_json::Value = serde_json::from_str(&bench.expect(0, &json)).unwrap();
    let lifo = &json["scenarios"][0]["tip"]["variants"][0];
    assert_eq!((&lifo["variant"], &lifo["branches"][0]["never"]), (&"lifo".into(), &5.into()));
    assert!(lifo["branches"][0]["threshold"].is_null() && lifo["metastable"].is_null(), "{lifo}");
    assert_eq!(lifo["branches"][0]["curve"].as_array().unwrap().len(), 15);
    let tips = fs::read_to_string(bench.path("one/tips.csv")).unwrap();
    let threshold = |branch: &str| -> f64 {
        let row = tips.lines().find(|line| line.starts_with(&format!("unmitigated,{branch},"))).unwrap();
        row.split(',').nth(4).unwrap().parse().unwrap()
    };
    // The capacity is 100/s. By itself it fails a little below that; after the surge, four attempts a request are too much
    // long before.
    let (up, down) = (threshold("up"), threshold("down"));
    assert!((85.0..=102.5).contains(&up) && (40.0..=70.0).contains(&down), "{up} {down}");
    assert!(
        text.contains("unmitigated: metastable between") && text.contains("lifo: healthy in the whole range"),
        "{text}"
    );
    // Every probe of every seed is there, and each threshold lies between two of them.
    let probes = fs::read_to_string(bench.path("one/probes.csv")).unwrap();
    assert!(probes.lines().count() > 2 * 2 * 5 * 2 + 1);
    let thresholds = fs::read_to_string(bench.path("one/thresholds.csv")).unwrap();
    for row in thresholds.lines().filter(|row| row.ends_with(",between")) {
        let fields: Vec<&str> = row.split(',').collect();
        let probed = |value: &str, collapsed: bool| {
            probes.contains(&format!("{},{},{},{value},{collapsed}\n", fields[0], fields[1], fields[2]))
        };
        assert!(probed(fields[3], false) && probed(fields[4], true), "{row}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let bench = Bench::new();
    let refuse = |over: &str, more: &[&str]| bench.refuse(2, &[&["tip", "small.yaml", "--over", over], more].concat());
    assert!(refuse("services.api.capacity.workers=1,2", &[]).contains("in a range"));
    assert!(refuse("services.api.capacity.wokers=1..4", &[]).contains("wokers"));
    assert!(refuse("faults.0.slow.factor=1..4", &["--branch", "up"]).contains("without it"));
}

#[test]
fn where_more_helps_the_threshold_is_approached_from_above() {
    let bench = Bench::new();
    let over = "services.api.capacity.workers=1..12";
    let set = ["--set", "clients.web.arrivals.poisson.rate=300/s", "--set", "run.duration=60s"];
    let arguments = ["tip", "small.yaml", "--over", over, "--variant", "unmitigated", "--branch", "up", "--seeds", "6"];
    let text = bench.expect(0, &[&arguments[..], &set].concat());
    // 300 a second of 15 ms each need 4.5 workers.
    assert!(text.contains("unmitigated: healthy from 4.5."), "{text}");
}

#[test]
fn an_incident_goes_on_under_other_rules() {
    let bench = Bench::new();
    let file = storm();
    let text = bench.expect(0, &["fork", &file, "--at", "150s", "--seeds", "3"]);
    let row = |name: &str| text.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_owned();
    assert!(row("unmitigated").contains("0/3") && row("unmitigated").contains("never"), "{text}");
    // The newest call first ends it. Without retries the queue of minutes is still worked off first come, first served, and
    // every answer comes too late: what would have prevented it does not end it.
    assert!(row("lifo").contains("3/3") && row("no-retries").contains("0/3"), "{text}");
    let told = bench.expect(0, &["fork", "small.yaml", "--at", "10s", "--seeds", "1"]);
    assert!(told.contains("wide cannot take over: differs in services.api"), "{told}");
    assert!(bench.refuse(2, &["fork", "small.yaml", "--at", "20s"]).contains("not within the run"));
}
