//! Alerts by Prometheus' own promtool: the same rules over what squall exports are pending and fire at the same instants
//! as squall's alerts.
//!
//! Needs promtool; where it is not installed the test says so and ends. The eight rules of the runbooks are here, six as their
//! topologies have them and `HighFailureRate` and `ResourceExhaustion` with a shorter `for`; `ConnectionPoolExhausted` is there twice.
//!
//! Two things are not the same by nature. Some exported gauges are means of a window, where a scrape takes the instant (utilisation
//! and queues of services, who waits for a pool): no rule here is about one of these. What is exported goes on where nobody is there to be
//! scraped, because a table of samples cannot say that something is stale. And before its version 3, Prometheus held a sample that was as
//! old as a window is long to be in it, so that the windows of the rules are a millisecond shorter for these.

use super::shelf::Shelf;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A rule: the alert's name, its expression, and its `for`.
type Rule = (&'static str, &'static str, &'static str);

/// A scenario, what is set in it, and its alerts as rules. `SECONDS` apart it is scraped and evaluated.
struct Watched {
    file: &'static str,
    set: &'static [&'static str],
    /// All if none is named.
    variants: &'static [&'static str],
    rules: &'static [Rule],
}

const SECONDS: u64 = 15;

/// `ConnectionPoolExhausted` of the runbook of mcp-dual.
const POOL_EXHAUSTED: Rule = (
    "connection-pool-exhausted",
    "max(squall_pool_utilisation_ratio{service=\"codebase-mcp\",pool=\"db\"}) > 0.95",
    "0s",
);

const ALL: [Watched; 8] = [
    Watched {
        file: "topologies/gallery/alert-and-operator.yaml",
        set: &[],
        variants: &[],
        rules: &[
            ("pool-exhausted", "max(avg_over_time(squall_pool_utilisation_ratio{pool=\"db\"}[1m])) > 0.95", "1m"),
            (
                "failing",
                "sum(rate(squall_client_requests_total{outcome=\"failed\"}[1m])) / sum(rate(squall_client_requests_total[1m])) > 0.05",
                "2m",
            ),
        ],
    },
    // `RetryStormDetected` of the runbook of erlmcp as the topology has it, and `HighFailureRate`, for a service, with a shorter `for`;
    // and it goes on for a while after it is over.
    Watched {
        file: "topologies/erlmcp/scenarios/er-2-retry-storm.yaml",
        set: &[
            "monitoring.alerts.high-failure-rate={when: services.core-api.failed > 0.5/s, for: 30s}",
            "monitoring.alerts.storm={when: services.core-api.offered > 1000/s}",
        ],
        variants: &[],
        rules: &[
            ("high-failure-rate", "sum(rate(squall_service_failures_total{service=\"core-api\"}[1m])) > 0.5", "30s"),
            ("storm", "sum(rate(squall_service_calls_total{service=\"core-api\"}[1m])) > 1000", "0s"),
            (
                "retry-storm",
                "sum(rate(squall_edge_attempts_total{caller=\"readers\",callee=\"core-api\"}[1m])) - sum(rate(squall_edge_calls_total{caller=\"readers\",callee=\"core-api\"}[1m])) > 100",
                "1m",
            ),
        ],
    },
    // `CircuitBreakerOpen`, of the breakers of all nodes.
    Watched {
        file: "topologies/erlmcp/scenarios/er-6-cascade-test.yaml",
        set: &[],
        variants: &["breakers", "breakers-and-bulkheads", "breakers-and-retries"],
        rules: &[(
            "circuit-breaker-open",
            "max(squall_edge_open_ratio{caller=\"core-api\",callee=\"postgres\"}) > 0",
            "1m",
        )],
    },
    // `ResourceExhaustion` of the same runbook, with a shorter `for`. It goes on over kills: a replica that boots cannot be scraped, of which
    // nothing is known here and the export says 0.
    Watched {
        file: "topologies/bgp-orchestrator/scenarios/bg-7-memory-stress.yaml",
        set: &[
            "monitoring={scrape: {every: 15s}, evaluate: 15s, alerts: {resource-exhaustion: {when: services.api.memory > 90%, for: 15s}}}",
        ],
        variants: &["memory-4"],
        rules: &[("resource-exhaustion", "max(squall_service_memory_ratio{service=\"api\"}) > 0.9", "15s")],
    },
    // `DatabaseConnectionLost` of the runbook of mcp-dual.
    Watched {
        file: "topologies/mcp-dual/scenarios/mc-1-database-down.yaml",
        set: &[],
        variants: &[],
        rules: &[("database-connection-lost", "max(up{job=\"postgresql\"}) == 0", "0s")],
    },
    Watched {
        file: "topologies/mcp-dual/scenarios/mc-2-pool-exhausted.yaml",
        set: &[],
        variants: &[],
        rules: &[POOL_EXHAUSTED],
    },
    // `ServerDown`.
    Watched {
        file: "topologies/mcp-dual/scenarios/mc-4-server-crash.yaml",
        set: &[],
        variants: &[],
        rules: &[("server-down", "max(up{job=\"codebase-mcp\"}) == 0", "0s")],
    },
    // `HighLatency`, and a pool that is exhausted time and again.
    Watched {
        file: "topologies/mcp-dual/scenarios/mc-8-high-latency.yaml",
        set: &[],
        variants: &[],
        rules: &[
            (
                "high-latency",
                "histogram_quantile(0.95, sum by (le) (rate(squall_client_latency_seconds_bucket{client=\"searchers\"}[5m]))) > 0.5",
                "0s",
            ),
            POOL_EXHAUSTED,
        ],
    },
];

/// One run, as `variant` and `seed`.
type Of = (String, String);

/// What is exported of each run: series with their samples at the instants of the scrapes.
fn scraped(text: &str) -> BTreeMap<Of, BTreeMap<String, BTreeMap<u64, String>>> {
    let mut runs: BTreeMap<Of, BTreeMap<String, BTreeMap<u64, String>>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, rest) = line.rsplit_once("} ").unwrap();
        let (value, time) = rest.split_once(' ').unwrap();
        let time: f64 = time.parse().unwrap();
        if time.fract() == 0.0 && (time as u64).is_multiple_of(SECONDS) {
            let label = |name: &str| {
                let start = series.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
                series[start..].split('"').next().unwrap().to_owned()
            };
            let of = runs.entry((label("variant"), label("seed"))).or_default();
            of.entry(format!("{series}}}")).or_default().insert(time as u64, value.to_owned());
        }
    }
    runs
}

/// What squall's log says of each alert of each run: when it changed, and to what.
fn log(path: &Path) -> BTreeMap<Of, Vec<(u64, String, String)>> {
    let mut log: BTreeMap<Of, Vec<(u64, String, String)>> = BTreeMap::new();
    for row in csv::Reader::from_path(path).unwrap().into_records() {
        let row = row.unwrap();
        if let Some(name) = row[3].strip_prefix("alert ") {
            let of = (row[0].to_owned(), row[1].to_owned());
            log.entry(of).or_default().push((row[2].parse().unwrap(), name.to_owned(), row[4].to_owned()));
        }
    }
    log
}

/// The state of an alert after what is due at an instant.
fn state<'a>(log: &'a [(u64, String, String)], name: &str, at: u64) -> &'a str {
    let last = log.iter().rev().find(|(time, alert, _)| *time <= at && alert == name);
    last.map_or("inactive", |(.., state)| state)
}

/// The rules as promtool reads them, with windows a millisecond shorter if need be. YAML holds JSON.
fn rules(of: &[Rule], shorter: bool) -> Value {
    let windows = |expression: &str| match shorter {
        true => expression.replace("[1m]", "[59999ms]").replace("[5m]", "[299999ms]"),
        false => expression.to_owned(),
    };
    let rule = |(name, expression, wait): &Rule| json!({ "alert": name, "expr": windows(expression), "for": wait });
    json!({ "groups": [{ "name": "squall", "rules": of.iter().map(rule).collect::<Vec<_>>() }] })
}

/// A test of promtool's: the samples of a run, and what squall says of each alert at each evaluation.
fn test(of: &[Rule], samples: &BTreeMap<String, BTreeMap<u64, String>>, log: &[(u64, String, String)]) -> Value {
    let instants: BTreeSet<u64> = samples.values().flat_map(BTreeMap::keys).copied().collect();
    let last = instants.last().copied().unwrap();
    let every = || (0..=last).step_by(SECONDS as usize);
    // Of a hundred series a rule asks for a few.
    let asked = |(series, _): &(&String, &BTreeMap<u64, String>)| {
        let name = series.split('{').next().unwrap();
        of.iter().any(|(_, rule, _)| rule.contains(&format!("{name}{{")) || rule.contains(&format!("{name}[")))
    };
    let series = |(series, values): (&String, &BTreeMap<u64, String>)| {
        let values: Vec<&str> = every().map(|at| values.get(&at).map_or("_", String::as_str)).collect();
        json!({ "series": series, "values": values.join(" ") })
    };
    let (mut firing, mut pending) = (Vec::new(), Vec::new());
    for at in every() {
        for (name, ..) in of {
            let (state, at) = (state(log, name, at), format!("{at}s"));
            let alerts = if state == "firing" { vec![json!({})] } else { Vec::new() };
            firing.push(json!({ "eval_time": at, "alertname": name, "exp_alerts": alerts }));
            let expression = format!("count(ALERTS{{alertname=\"{name}\",alertstate=\"pending\"}}) or vector(0)");
            let value = json!([{ "labels": "{}", "value": u8::from(state == "pending") }]);
            pending.push(json!({ "expr": expression, "eval_time": at, "exp_samples": value }));
        }
    }
    json!({
        "interval": format!("{SECONDS}s"),
        "input_series": samples.iter().filter(asked).map(series).collect::<Vec<_>>(),
        "alert_rule_test": firing,
        "promql_expr_test": pending,
    })
}

#[test]
fn promtool_fires_when_squall_does() {
    let Ok(version) = Command::new("promtool").arg("--version").output() else {
        println!("skipped: promtool is not installed, so no alert was held against Prometheus' own");
        return;
    };
    let version = String::from_utf8_lossy(&version.stdout) + String::from_utf8_lossy(&version.stderr);
    let shorter = version.contains("version 2.");
    for Watched { file, set, variants, rules: of } in ALL {
        let shelf = Shelf::new("empty", "");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let mut run = vec!["run", file.to_str().unwrap(), "--quiet", "--seeds", "2", "--out", "out"];
        run.extend(set.iter().flat_map(|set| ["--set", set]));
        run.extend(variants.iter().flat_map(|variant| ["--variant", variant]));
        // What the scenario expects of other numbers of seeds is not the question here.
        let code = Command::new(env!("CARGO_BIN_EXE_squall")).args(&run).current_dir(shelf.at.path()).output().unwrap();
        assert!(matches!(code.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&code.stderr));
        let log = log(&shelf.path("out/actions.csv"));
        let mut tests = Vec::new();
        for seed in ["1", "2"] {
            let (text, _) = shelf.expect(0, &["export", "openmetrics", "out", "--seed", seed, "--start", "0"]);
            for (run, samples) in scraped(&text) {
                tests.push(test(of, &samples, log.get(&run).map_or(&[], Vec::as_slice)));
            }
        }
        for (name, ..) in of {
            let fired = log.values().flatten().any(|(_, alert, state)| alert == name && state == "firing");
            assert!(fired, "{}: {name} does not fire, so nothing is compared", file.display());
        }
        fs::write(shelf.path("rules.yaml"), rules(of, shorter).to_string()).unwrap();
        let whole =
            json!({ "rule_files": ["rules.yaml"], "evaluation_interval": format!("{SECONDS}s"), "tests": tests });
        fs::write(shelf.path("test.yaml"), whole.to_string()).unwrap();
        let output =
            Command::new("promtool").args(["test", "rules", "test.yaml"]).current_dir(shelf.at.path()).output();
        let output = output.unwrap();
        let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: promtool sees other alerts:\n{told:.4000}", file.display());
    }
}
