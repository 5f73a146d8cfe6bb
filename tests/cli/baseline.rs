//! `squall baseline update` and `squall diff`: what a pull request that changes a policy gets to see.

use super::run::{Bench, files};
use std::fs;

const STORM: &str = "
squall: 1
clients:
  web:
    to: api.get
    arrivals: { poisson: { rate: 80/s } }
    edge: { policies: [{ timeout: 1s }] }
services:
  api: { capacity: { workers: 10 }, endpoints: { get: { steps: [{ work: { exponential: { mean: 100ms } } }] } } }
faults: [{ surge: { at: 30s, for: 10s, client: web, factor: 2 } }]
variants:
  careful: { apply: [policies/careful.yaml] }
run: { duration: 120s, warmup: 5s, seeds: 8 }
expect:
  - { that: clients.web.goodput_share >= 98% between 90s and 120s, only: [careful] }
";

fn preset(attempts: u32, delay: &str) -> String {
    format!(
        "squall: 1\nset:\n  clients.web.edge.policies: [{{ retry: {{ constant: {{ attempts: {attempts}, delay: {delay} }} }} \
         }}, {{ timeout: 1s }}]\n"
    )
}

fn bench() -> Bench {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("policies")).unwrap();
    fs::write(bench.path("storm.yaml"), STORM).unwrap();
    fs::write(bench.path("policies/careful.yaml"), preset(1, "1s")).unwrap();
    let told = bench.expect(0, &["baseline", "update", "results/baseline", "storm.yaml", "--seeds", "4"]);
    assert_eq!(told, "storm.csv: 2 variants, 4 seeds\n");
    bench
}

#[test]
fn nothing_changed_is_nothing_to_say() {
    let bench = bench();
    assert_eq!(files(&bench.path("results/baseline")), ["baseline.json", "storm.csv"]);
    let text = bench.expect(0, &["diff", "results/baseline"]);
    assert_eq!(text.matches("same bytes").count(), 2, "{text}");
    let before = fs::read(bench.path("results/baseline/storm.csv")).unwrap();
    bench.expect(0, &["baseline", "update", "results/baseline", "--threads", "1"]);
    assert!(before == fs::read(bench.path("results/baseline/storm.csv")).unwrap());
    assert!(bench.refuse(2, &["diff", "nowhere"]).contains("nowhere"));
}

#[test]
fn other_bytes_are_not_another_outcome() {
    let bench = bench();
    // Wider windows are other events, and the very same requests.
    let text = bench.expect(0, &["diff", "results/baseline", "--set", "run.resolution=2s"]);
    assert!(text.contains("bytes changed: the outcome is the same"), "{text}");
    assert!(text.contains("nothing is worse"), "{text}");
}

#[test]
fn a_worse_preset_turns_it_red_and_says_which_outage_got_worse_by_how_much() {
    let bench = bench();
    fs::write(bench.path("policies/careful.yaml"), preset(4, "0s")).unwrap();
    let arguments = ["diff", "results/baseline", "--junit", "report.xml", "--markdown", "summary.md", "--github"];
    let output = bench.command(&arguments).env("GITHUB_STEP_SUMMARY", bench.path("step.md")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("WORSE") && text.contains("  unmitigated  same bytes"), "{text}");
    let line = text.lines().find(|line| line.starts_with("::error ")).unwrap();
    assert!(
        line.starts_with("::error file=policies/careful.yaml,line=1,title=squall%3A storm / careful::worse: "),
        "{line}"
    );
    assert!(line.contains("instead of 99.") && line.contains("points; 1.0 allowed"), "{line}");
    assert!(text.contains("does not hold any more: careful: clients.web.goodput_share >= 98%"), "{text}");
    assert!(text.lines().any(|line| line.contains("file=storm.yaml,line=15,")), "{text}");
    let junit = fs::read_to_string(bench.path("report.xml")).unwrap();
    assert!(junit.contains(r#"tests="2""#) && junit.contains(r#"failures="1""#), "{junit}");
    let summary = fs::read_to_string(bench.path("summary.md")).unwrap();
    assert!(summary.contains("| storm | careful | **worse** |"), "{summary}");
    assert_eq!(summary, fs::read_to_string(bench.path("step.md")).unwrap());
    let json: serde_json::Value =
        serde_json::from_str(&bench.expect(1, &["diff", "results/baseline", "--format", "json"])).unwrap();
    assert_eq!(json["ok"], false);
    // What is allowed is declared in the folder, and is all that counts.
    let declared = fs::read_to_string(bench.path("results/baseline/baseline.json")).unwrap();
    let lax = declared.replace("\"share\": 0.01", "\"share\": 1.0").replace("\"other\": 0.1", "\"other\": 1000.0");
    fs::write(bench.path("results/baseline/baseline.json"), lax).unwrap();
    let text = bench.expect(1, &["diff", "results/baseline"]);
    assert!(!text.contains("WORSE") && text.contains("does not hold any more"), "{text}");
    bench.expect(0, &["baseline", "update", "results/baseline"]);
    bench.expect(0, &["diff", "results/baseline"]);
}

#[test]
fn a_variant_that_is_gone_is_told() {
    let bench = bench();
    let text = STORM.replace("  careful: {", "  cautious: {").replace("[careful]", "[cautious]");
    fs::write(bench.path("storm.yaml"), text).unwrap();
    let text = bench.expect(1, &["diff", "results/baseline"]);
    assert!(
        text.contains("careful") && text.contains("gone") && text.contains("new: not in the baseline yet"),
        "{text}"
    );
}
