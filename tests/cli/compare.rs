//! `squall compare`: what it concludes, checked against the runs that it leaves behind.

use super::run::{Bench, files};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The rows of a table by column.
fn table(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// For each variant and seed, the sum of a count over all clients.
fn counts(runs: &[BTreeMap<String, String>], metric: &str) -> BTreeMap<(String, u64), f64> {
    let mut sums = BTreeMap::new();
    let wanted = |row: &&BTreeMap<String, String>| row["component"].starts_with("clients.") && row["metric"] == metric;
    for row in runs.iter().filter(wanted) {
        *sums.entry((row["variant"].clone(), row["seed"].parse().unwrap())).or_default() +=
            row["value"].parse::<f64>().unwrap();
    }
    sums
}

/// The share of requests that ended well in every run of a variant, in the order of seeds.
fn shares(runs: &[BTreeMap<String, String>], variant: &str) -> Vec<f64> {
    let (ok, arrivals) = (counts(runs, "count.ok"), counts(runs, "count.arrivals"));
    let of = |(key, arrived): (&(String, u64), &f64)| (key.0 == variant).then(|| ok.get(key).unwrap_or(&0.0) / arrived);
    arrivals.iter().filter_map(of).collect()
}

/// Mean and half the width of the 95 % interval of eight paired differences: 2.364624 is Student's quantile from the table.
fn paired(base: &[f64], other: &[f64]) -> (f64, f64) {
    let differences: Vec<f64> = base.iter().zip(other).map(|(base, other)| other - base).collect();
    assert_eq!(differences.len(), 8);
    let mean = differences.iter().sum::<f64>() / 8.0;
    let variance = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / 7.0;
    (mean, 2.364_624 * (variance / 8.0).sqrt())
}

/// What an expectation measured in every run of a variant, in the order of seeds.
fn measured(judgements: &[BTreeMap<String, String>], variant: &str, number: &str) -> Vec<f64> {
    let of = |row: &&BTreeMap<String, String>| row["variant"] == variant && row["number"] == number;
    judgements.iter().filter(of).map(|row| row["measured"].parse().unwrap()).collect()
}

/// Compares a scenario of the repository, and does the same again from `runs.csv`, or from what one of the expectations
/// measured. The sentences are those of the verdicts.
fn check(scenario: &str, expectation: Option<(&str, &str)>, sentences: &[(&str, &str)]) {
    let bench = Bench::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(scenario);
    let arguments = ["compare", file.to_str().unwrap(), "--seeds", "8", "--out", "out"];
    let output = bench.run(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let runs = table(&bench.path("out/runs.csv"));
    let compared = table(&bench.path("out/comparisons.csv"));
    let judged = table(&bench.path("out/judgements.csv"));
    let values = |variant: &str| match expectation {
        None => shares(&runs, variant),
        Some((_, number)) => measured(&judged, variant, number),
    };
    let label = expectation.map_or("clients.goodput_share", |(label, _)| label);
    for (variant, wanted) in sentences {
        let of = |row: &&BTreeMap<String, String>| {
            let known = format!("{}.{} {}", row["component"], row["metric"], row["window"]);
            row["variant"] == *variant && known.trim_end() == label
        };
        let row = compared.iter().find(of).unwrap_or_else(|| panic!("{label} of {variant} was not compared"));
        let number = |column: &str| row[column].parse::<f64>().unwrap();
        let (mean, half) = paired(&values("unmitigated"), &values(variant));
        let near = |found: f64, expected: f64| (found - expected).abs() < 1e-6 * (1.0 + expected.abs());
        assert!(near(number("difference"), mean), "{variant}: {mean} {row:?}");
        assert!(near(number("low"), mean - half) && near(number("high"), mean + half), "{variant}: {half} {row:?}");
        // The words follow from the interval: outside of one point on either side, or inside.
        let found = match (mean - half, mean + half) {
            (low, _) if low > 0.01 => "better",
            (_, high) if high < -0.01 => "worse",
            _ => "no_difference",
        };
        assert_eq!(row["finding"], found, "{variant}: {mean} ± {half}");
        assert!(text.contains(&format!("  {variant}: {wanted}")), "no `{variant}: {wanted}` in\n{text}");
    }
    let questions = table(&bench.path("out/answers.csv"));
    for row in &questions {
        let same = |j: &&BTreeMap<String, String>| j["variant"] == row["variant"] && j["number"] == row["number"];
        let held = judged.iter().filter(same).filter(|j| j["holds"] == "true").count();
        assert_eq!(row["held"], held.to_string(), "{row:?}");
    }
}

#[test]
fn er_2_is_concluded_as_its_runs_say() {
    let sentences = [
        ("retries-off", "helped."),
        ("cancellation", "helped."),
        ("pool-100", "no difference"),
        ("scale-to-one", "made it worse."),
    ];
    check("topologies/erlmcp/scenarios/er-2-retry-storm.yaml", None, &sentences);
}

#[test]
fn au_1_is_concluded_as_its_runs_say() {
    let sentences = [("database-3", "helped."), ("pool-50", "no difference"), ("queue-1000", "no difference")];
    let scenarios = ("clients.scenarios.goodput_share after fault 1", "4");
    check("topologies/aurum/scenarios/au-1-hot-key-expiry.yaml", Some(scenarios), &sentences);
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let bench = Bench::new();
    let print = |threads, out| {
        let arguments = ["compare", "small.yaml", "--threads", threads, "--out", out, "--until-decided", "--most", "8"];
        bench.expect(0, &arguments)
    };
    assert_eq!(print("1", "one"), print("3", "three"));
    let names = files(&bench.path("one"));
    assert!(names.contains(&"comparisons.csv".to_owned()) && names.contains(&"answers.csv".to_owned()));
    for name in names.iter().filter(|name| *name != "manifest.json") {
        let read = |folder: &str| fs::read(bench.path(folder).join(name)).unwrap();
        assert!(read("one") == read("three"), "{name} differs");
    }
}

#[test]
fn what_is_undecided_gets_more_seeds_until_it_is_clear() {
    let bench = Bench::new();
    let arguments = ["compare", "small.yaml", "--seeds", "2", "--until-decided", "--format", "json"];
    let json: serde_json::Value = serde_json::from_str(&bench.expect(0, &arguments)).unwrap();
    let comparison = &json["scenarios"][0]["comparison"];
    let standings = comparison["standings"].as_array().unwrap();
    let names: Vec<&str> = standings.iter().map(|s| s["variant"].as_str().unwrap()).collect();
    assert_eq!(names, ["unmitigated", "wide", "oracle"]);
    assert_eq!(standings[1]["conclusion"], "helped");
    // Seven looks from 5 to 320 share an error rate of 5 %.
    assert!((comparison["level"].as_f64().unwrap() - (1.0 - 0.05 / 7.0)).abs() < 1e-9);
    assert!(standings[1]["seeds"].as_u64().unwrap() < 320);
}

#[test]
fn options_change_only_what_is_compared() {
    let bench = Bench::new();
    // The variant that is not asked for has no such path, and does not have to have one.
    let small = fs::read_to_string(bench.path("small.yaml")).unwrap();
    let small = small.replace("variants:", "variants:\n  gone: { set: { faults: [] } }");
    fs::write(bench.path("small.yaml"), small).unwrap();
    let faults = ["--set", "faults.0.slow.factor=2"];
    let told = bench.refuse(2, &[&["compare", "small.yaml"], &faults[..]].concat());
    assert!(told.contains("only in the variant gone") || told.contains("`gone`"), "{told}");
    let text = bench.expect(0, &[&["compare", "small.yaml", "--variant", "wide"], &faults[..]].concat());
    assert!(text.contains("wide:") && !text.contains("gone:"), "{text}");
    assert!(bench.refuse(2, &["compare", "small.yaml", "--baseline", "wid"]).contains("wid"));
}
