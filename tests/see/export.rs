//! What other tools read, tried with those tools. Where a tool is not installed the test says so and ends.

use super::shelf::Shelf;
use std::fs;
use std::process::{Command, Output};

const SCENARIO: &str = "
squall: 1
clients:
  web: { to: api.get, arrivals: { poisson: { rate: 50/s } }, edge: { policies: [{ timeout: 1s }] } }
services:
  api:
    capacity: { workers: 1 }
    pools: { db: { size: 2 } }
    endpoints: { get: { steps: [{ acquire: { pool: db, steps: [{ work: { exponential: { mean: 15ms } } }] } }] } }
faults: [{ slow: { at: 30s, for: 30s, service: api, factor: 3 } }]
variants:
  wide: { set: { services.api.capacity.workers: 4 } }
run: { duration: 120.4s, seeds: 2, resolution: 1s }
";

fn results() -> Shelf {
    let shelf = Shelf::new("small.yaml", SCENARIO);
    shelf.expect(0, &["run", "small.yaml", "--quiet", "--out", "out"]);
    shelf
}

fn promtool(shelf: &Shelf, arguments: &[&str]) -> Option<Output> {
    Command::new("promtool").args(arguments).current_dir(shelf.at.path()).output().ok()
}

#[test]
fn a_counter_ends_at_what_was_counted() {
    let shelf = results();
    let (text, _) = shelf.expect(0, &["export", "openmetrics", "out", "--variant", "wide", "--start", "1000"]);
    assert!(text.ends_with("# EOF\n"));
    let runs = fs::read_to_string(shelf.path("out/runs.csv")).unwrap();
    for (name, labels, counted) in [
        ("squall_client_arrivals_total", "client=\"web\",job=\"web\",", "clients.web,count.arrivals,"),
        ("squall_edge_calls_total", "caller=\"web\",callee=\"api\",job=\"web\",", "edges.web.api,count.calls,"),
        ("squall_service_calls_total", "service=\"api\",job=\"api\",", "services.api,count.arrivals,"),
        ("squall_edge_attempts_total", "caller=\"web\",callee=\"api\",job=\"web\",", "edges.web.api,count.attempts,"),
        ("squall_client_latency_seconds_count", "client=\"web\",job=\"web\",", "clients.web,count.ok,"),
    ] {
        let series = format!("{name}{{{labels}scenario=\"small\",variant=\"wide\",seed=\"1\"}} ");
        let last = text.lines().rfind(|line| line.starts_with(&series)).unwrap_or_else(|| panic!("no {series}"));
        let parts: Vec<&str> = last.rsplit(' ').take(2).collect();
        // The last window is shorter than the others.
        assert_eq!(parts[0], "1120.4");
        let row = runs.lines().find(|row| row.starts_with(&format!("wide,1,{counted}"))).unwrap();
        assert_eq!(Some(parts[1]), row.split(',').next_back(), "{name}");
    }
}

#[test]
fn prometheus_takes_an_exported_run() {
    let shelf = results();
    shelf.expect(0, &["export", "openmetrics", "out", "--out", "small.om"]);
    let Some(made) = promtool(&shelf, &["tsdb", "create-blocks-from", "openmetrics", "small.om", "blocks"]) else {
        println!("skipped: promtool is not installed, so no blocks were made of the export");
        return;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = fs::read_to_string(shelf.path("small.om")).unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    // Some versions read no blocks without a write-ahead log beside them.
    fs::create_dir_all(shelf.path("blocks/wal")).unwrap();
    let dumped = promtool(&shelf, &["tsdb", "dump", "blocks"]).unwrap();
    let dumped = String::from_utf8_lossy(&dumped.stdout).into_owned();
    assert_eq!(dumped.lines().filter(|line| line.starts_with('{')).count(), samples);
    assert!(dumped.contains("__name__=\"squall_pool_utilisation_ratio\"") && dumped.contains("variant=\"wide\""));
}
