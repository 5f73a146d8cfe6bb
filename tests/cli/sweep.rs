//! `squall sweep` and `squall merge`: the same bytes whatever happens on the way.

use super::run::{Bench, files};
use std::fs;
use std::process::Stdio;

const OVER: [&str; 4] =
    ["--over", "clients.web.arrivals.poisson.rate=20/s..60/s/10/s", "--over", "services.api.capacity.workers=1,2"];

fn sweep<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["sweep", "small.yaml", "--out", out].into_iter().chain(OVER).chain(more.iter().copied()).collect()
}

/// Everything but the manifest is the same in both folders.
fn assert_same(bench: &Bench, one: &str, other: &str) {
    let names = files(&bench.path(one));
    assert_eq!(names, files(&bench.path(other)));
    assert!(
        ["cells.csv", "digests.csv", "histograms.csv", "points.csv"]
            .iter()
            .all(|name| names.contains(&(*name).to_owned()))
    );
    for name in names.iter().filter(|name| *name != "manifest.json") {
        let read = |folder: &str| fs::read(bench.path(folder).join(name)).unwrap();
        assert!(read(one) == read(other), "{name} differs");
    }
}

#[test]
fn threads_shards_and_their_order_change_nothing() {
    let bench = Bench::new();
    let text = bench.expect(0, &sweep("whole", &["--threads", "1"]));
    assert!(text.contains("poisson.rate") && text.contains("capacity.workers") && text.contains("wide"), "{text}");
    assert_eq!(text, bench.expect(0, &sweep("many", &["--threads", "5"])).replace("many", "whole"));
    assert_same(&bench, "whole", "many");
    for shard in ["3/3", "1/3", "2/3"] {
        bench.expect(0, &sweep(&format!("part{}", &shard[..1]), &["--shard", shard, "--quiet"]));
    }
    let merged = bench.expect(0, &["merge", "merged", "part2", "part3", "part1"]);
    assert_eq!(merged, "merged: 80 cells of 3 shards\n");
    assert_same(&bench, "whole", "merged");
    for wrong in [&["merge", "x", "part1", "part2"][..], &["merge", "x", "part1", "part2", "part2"]] {
        assert!(bench.refuse(2, wrong).contains("is not one of the"));
    }
    assert!(!bench.path("x").exists());
}

#[test]
fn every_point_and_value_is_in_the_tables() {
    let bench = Bench::new();
    bench.expect(0, &sweep("out", &["--seeds", "1", "--variant", "unmitigated"]));
    let points = fs::read_to_string(bench.path("out/points.csv")).unwrap();
    assert_eq!(points.lines().count(), 1 + 10 * 2);
    assert!(points.contains("1,clients.web.arrivals.poisson.rate,20/s,20,1/s"), "{points}");
    // One seed a point: the histogram of a point has as many latencies as requests that ended well.
    let mut times = csv::Reader::from_path(bench.path("out/histograms.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = times.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 10);
    assert!(
        rows.iter().all(|row| &row[2] == "clients.web" && &row[4] == "1" && row[8].starts_with("HISTF")),
        "{rows:?}"
    );
    let json = sweep("other", &["--seeds", "2", "--variant", "wide", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&bench.expect(0, &json)).unwrap();
    let points = json["scenarios"][0]["sweep"]["points"].as_array().unwrap();
    assert_eq!((points.len(), &points[9]["values"]["services.api.capacity.workers"]), (10, &"2".into()));
    let metrics = points[0]["variants"][0]["metrics"].as_array().unwrap();
    let lead = metrics.iter().find(|metric| metric["component"] == "clients" && metric["metric"] == "goodput_share");
    assert_eq!(lead.unwrap()["seeds"], 2);
    let cells = fs::read_to_string(bench.path("out/cells.csv")).unwrap();
    let lead: Vec<f64> = cells
        .lines()
        .filter(|line| line.contains(",clients,goodput_share,share,"))
        .map(|line| line.rsplit(',').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(lead.len(), 10);
    // One worker at 60/s is 90 % busy and then three times as slow; two workers at 20/s are idle most of the time.
    assert!(lead[8] < 0.9 && lead[1] > 0.99, "{lead:?}");
    assert!(cells.contains(",expectations.1,holds,yes_no,"));
    // The same again is nothing to do.
    let again = bench.run(&sweep("out", &["--seeds", "1", "--variant", "unmitigated"]));
    assert!(again.status.success() && String::from_utf8_lossy(&again.stderr).contains("nothing was run"));
}

#[test]
fn what_is_wrong_at_one_point_is_said_before_anything_runs() {
    let bench = Bench::new();
    let told = bench.refuse(2, &["sweep", "small.yaml", "--out", "o", "--over", "services.api.capacity.workers=1,0"]);
    assert!(told.contains("workers=0"), "{told}");
    let told = bench.refuse(2, &["sweep", "small.yaml", "--out", "o", "--over", "run.duration=10s..20s"]);
    assert!(told.contains("no step"), "{told}");
    assert_eq!(files(bench.at.path()), ["small.yaml"]);
}

#[cfg(unix)]
#[test]
fn a_kill_loses_no_cell_and_runs_none_twice() {
    let bench = Bench::new();
    let long = ["--seeds", "60", "--set", "run.duration=60s", "--set", "faults=[]"];
    let mut child = bench.command(&sweep("out", &long)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let journal = bench.path(".out.sweep/cells.jsonl");
    let lines = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    while lines() < 20 {
        assert!(child.try_wait().unwrap().is_none(), "ended before it was killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!bench.path("out").exists(), "results appeared though it was killed");
    let kept = fs::read_to_string(&journal).unwrap().matches('\n').count();
    let other = [&long[..], &["--over", "run.warmup=1s,2s"]].concat();
    assert!(bench.refuse(2, &sweep("out", &other)).contains("--fresh"));
    let resumed = bench.run(&sweep("out", &long));
    assert!(resumed.status.success());
    let told = String::from_utf8(resumed.stderr).unwrap();
    assert!(told.contains(&format!("going on: {kept} cells are there, {} are to be run", 1200 - kept)), "{told}");
    bench.expect(0, &sweep("whole", &long));
    assert_same(&bench, "out", "whole");
    assert_eq!(files(bench.at.path()), ["out", "small.yaml", "whole"]);
}
