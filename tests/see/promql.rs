//! Expressions by Prometheus' own promtool: the same series and the same expressions give the same values.
//!
//! Needs promtool; where it is not installed the test says so and ends.

use serde_json::{Value as Json, json};
use squall_models::monitor::Sample;
use squall_models::monitor::promql::{Exposed, Labels, Value, read};
use squall_sim::{Span, Time};
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

const SECONDS: u64 = 15;

/// A series: the name of its metric, its labels, its samples.
type Series = (&'static str, &'static [(&'static str, &'static str)], &'static str);

/// Series as promtool writes them; a dash is no sample, and `stale` a scrape that has failed.
const SERIES: [Series; 12] = [
    ("requests_total", &[("job", "a"), ("outcome", "ok")], "0 15 30 45 60 90 120 150 180 210 240 270 300"),
    ("requests_total", &[("job", "a"), ("outcome", "failed")], "0 0 3 9 12 20 28 36 44 52 60 68 76"),
    ("requests_total", &[("job", "b"), ("outcome", "ok")], "100 110 120 _ 140 150 5 15 25 35 45 55 65"),
    ("requests_total", &[("job", "b"), ("outcome", "failed")], "7 7 7 7 7 7 7 7 7 7 7 7 7"),
    ("queue", &[("job", "a")], "0 4 8 2 9 16 3 5 7 11 13 1 0"),
    ("queue", &[("job", "b")], "5 5 5 stale _ _ 6 6 stale 7 7 7 7"),
    ("limit", &[("job", "a"), ("zone", "x")], "10 10 10 10 10 10 10 10 10 10 10 10 10"),
    ("limit", &[("job", "b"), ("zone", "y")], "6 6 6 6 6 6 6 6 6 6 6 6 6"),
    ("late_bucket", &[("job", "a"), ("le", "0.1")], "0 2 4 8 16 20 24 30 36 40 44 50 60"),
    ("late_bucket", &[("job", "a"), ("le", "0.5")], "0 4 8 16 32 38 44 50 60 70 80 90 100"),
    ("late_bucket", &[("job", "a"), ("le", "+Inf")], "0 5 10 20 40 48 56 64 76 90 104 118 132"),
    ("gone", &[("job", "c")], "1 2 3 stale _ _ _ _ _ _ _ _ _"),
];

/// No sample is as old as a window is long, where Prometheus 2 and 3 differ.
const EXPRESSIONS: &[&str] = &[
    "rate(requests_total[50s]) > rate(requests_total[170s]) * 1.2",
    "sum by (job) (rate(requests_total[50s]))",
    "sum(rate(requests_total{outcome=\"failed\"}[50s])) / sum(rate(requests_total[50s])) > 0.05",
    "sum by (job) (rate(requests_total{outcome=\"failed\"}[50s])) / on (job) sum by (job) (rate(requests_total[50s]))",
    "increase(requests_total{job=~\"a|c\"}[50s])",
    "increase(requests_total{job!=\"a\"}[110s] offset 20s)",
    "queue",
    "queue > 6",
    "5 < queue",
    "queue > bool 6",
    "queue{job!~\"b.*\"} == 9",
    "queue / ignoring (zone) limit > 0.8",
    "queue / on (job) limit",
    "queue >= on (job) limit",
    "(queue + 1) ^ 2 % 7 - 3",
    "-queue",
    "avg_over_time(queue[50s]) > 4",
    "max_over_time(queue[50s])",
    "min_over_time(queue[50s])",
    "sum_over_time(queue[50s])",
    "count_over_time(queue[50s])",
    "last_over_time(queue[50s])",
    "max(queue)",
    "min without (job) (queue)",
    "avg(queue)",
    "count(queue > 4)",
    "group(queue)",
    "topk(1, queue)",
    "bottomk(1, limit)",
    "abs(queue - 6)",
    "ceil(queue / 4)",
    "floor(queue / 4)",
    "clamp_min(queue, 3)",
    "clamp_max(queue, 3)",
    "absent(gone)",
    "absent(gone{job=\"c\"})",
    "absent(queue)",
    "histogram_quantile(0.9, rate(late_bucket[50s])) > 0.3",
    "histogram_quantile(0.5, sum by (le) (rate(late_bucket[50s])))",
    "vector(3) + scalar(limit{job=\"a\"})",
    "sum(queue) > scalar(limit{job=\"b\"})",
    "(queue > 6) and on (job) (limit > 6)",
    "(queue > 6) or (queue < 2)",
    "queue unless queue > 6",
    "queue offset 40s",
    // As the runbook of mcp-dual has it: percentiles are of buckets, and this has none.
    "histogram_quantile(0.95, queue) > 0.5",
];

fn labels(of: &[(&str, &str)]) -> Labels {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn at(second: u64) -> Time {
    Time::ZERO + Span::from_secs(second)
}

fn samples(text: &str) -> Vec<Sample> {
    let value = |word: &str| if word == "stale" { f64::NAN } else { word.parse().unwrap() };
    let all = text.split(' ').zip(0..).filter(|(word, _)| *word != "_");
    all.map(|(word, number)| Sample { at: at(number * SECONDS), value: value(word) }).collect()
}

fn shown(name: &str, labels: &Labels) -> String {
    let all: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    format!("{name}{{{}}}", all.join(","))
}

/// As `round` does, so that the last digits of sums do not matter. It drops the name of the metric too.
fn rounded(value: f64) -> f64 {
    (value * 1e6 + 0.5).floor() / 1e6
}

#[test]
fn promtool_gives_the_same_values() {
    if Command::new("promtool").arg("--version").output().is_err() {
        println!("skipped: promtool is not installed, so no expression was held against Prometheus' own");
        return;
    }
    let exposed = SERIES.map(|(name, of, _)| Exposed { name: name.to_owned(), labels: labels(of) });
    let data = SERIES.map(|(.., text)| samples(text));
    let (mut tests, mut values) = (Vec::new(), 0);
    for text in EXPRESSIONS {
        let expr = read(text, &exposed, &BTreeMap::new());
        let expr = expr.unwrap_or_else(|wrong| panic!("{text}: {}", wrong.rule));
        for second in (0..=12 * SECONDS).step_by(SECONDS as usize) {
            let found = expr.evaluate(at(second), &mut |number, into| into.extend(&data[number as usize]));
            let Value::Vector(all) = found.value else { panic!("{text} is a number") };
            values += all.len();
            let expected =
                all.iter().map(|(labels, value)| json!({ "labels": shown("", labels), "value": rounded(*value) }));
            tests.push(json!({
                "expr": format!("round({}, 0.000001)", text),
                "eval_time": format!("{second}s"),
                "exp_samples": expected.collect::<Vec<Json>>(),
            }));
        }
    }
    assert!(values > EXPRESSIONS.len() * 5, "{values} values: next to nothing is compared");
    let series = SERIES.map(|(name, of, text)| json!({ "series": shown(name, &labels(of)), "values": text }));
    let whole = json!({
        "tests": [{ "interval": format!("{SECONDS}s"), "input_series": series, "promql_expr_test": tests }],
    });
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("test.yaml"), whole.to_string()).unwrap();
    let output =
        Command::new("promtool").args(["test", "rules", "test.yaml"]).current_dir(folder.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool finds other values:\n{told:.6000}");
}
