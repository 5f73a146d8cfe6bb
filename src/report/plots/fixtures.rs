//! Results of a small scenario on disk, as each command would leave them.

use crate::experiment::stats::Looks;
use crate::experiment::sweep::{Axis, Cells, grid};
use crate::experiment::tip::{LEVEL, Search, Threshold, Tip, branches};
use crate::experiment::{Design, Fold, Plan, Run, Samples, compare, execute};
use crate::record::results::Results;
use crate::record::{Part, RecordError, Recorder, Session, SweepRecord, write_tips};
use crate::scenario::{Case, Loaded, load, load_bytes, oracle};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

const SCENARIO: &str = "
squall: 1
keys: { pages: { uniform: { count: 50 } } }
clients:
  web:
    to: api.get
    arrivals: { poisson: { rate: 60/s } }
    edge: { policies: [{ retry: { constant: { attempts: 3, delay: 10ms } } }, { timeout: 300ms }] }
  a-batch-job-with-a-rather-long-name: { to: api.get, arrivals: { poisson: { rate: 5/s } } }
services:
  api:
    capacity: { workers: 10 }
    pools: { db: { size: 2 } }
    endpoints:
      get:
        steps:
          - cache:
              name: l1
              keys: pages
              miss: [{ acquire: { pool: db, steps: [{ call: { to: db.read } }] } }]
  db:
    capacity: { workers: 2 }
    endpoints: { read: { steps: [{ work: { exponential: { mean: 15ms } } }] } }
caches: { l1: { capacity: 20, ttl: 10s } }
faults:
  - slow: { at: 5s, for: 5s, service: db, factor: 8 }
  - flush: { at: 5s, cache: l1 }
variants:
  wide: { set: { services.db.capacity.workers: 8 } }
  no-retries-and-a-name-that-is-longer-than-most-legends-like: { set: { clients.web.edge.policies: [] } }
run: { duration: 20s, seeds: 3 }
expect: [clients.web.success >= 10%]
";

/// Who watches it, and what is done.
const WATCHED: &str = "
actions:
  - { at: 7s, do: { flush: { cache: l1 } } }
  - { at: 7s, do: { traffic: { client: web, share: 90% } } }
  - { at: 19.9s, do: { flush: { cache: l1 } } }
monitoring:
  scrape: { every: 1s }
  evaluate: 1s
  alerts:
    full: { when: pools.api.db.utilisation > 80% }
    busy: { when: services.db.utilisation > 80%, keep_firing_for: 60s }
";

/// Results of a small scenario on disk.
pub(in crate::report) fn results() -> (TempDir, Results) {
    let loaded = load_bytes(Path::new("small.yaml"), format!("{SCENARIO}{WATCHED}").as_bytes(), &[])
        .unwrap_or_else(|error| panic!("{error}"));
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("small");
    record(&loaded, &loaded.cases.iter().collect::<Vec<_>>(), &place, false);
    let results = Results::open(&place).unwrap();
    (folder, results)
}

/// Runs these cases, and compares them if asked.
fn record(loaded: &Loaded, cases: &[&Case], place: &Path, compared: bool) {
    let mut recorder = Recorder::create(place).unwrap();
    let (mut fold, mut samples) = (Fold::new(cases), Samples::new(cases));
    let plan = Plan { cases: cases.to_vec(), seeds: vec![1, 2, 3], threads: 1, twice: false };
    let all = execute(&plan, &AtomicBool::new(false), |run: Run| {
        recorder.take(cases[run.case], &run)?;
        samples.take(cases[run.case], &run);
        fold.take(run);
        Ok::<(), RecordError>(())
    });
    assert!(matches!(all, Ok(true)));
    if compared {
        let design = Design { looks: Looks::once(3, 0.05), margin_share: 0.01, margin: 0.05 };
        recorder.compared(&compare(&samples, &design)).unwrap();
    }
    recorder.finish(loaded, &fold.finish(), &Session::default()).unwrap();
}

const RATE: &str = "clients.web.arrivals.poisson.rate";

/// Results of a comparison, a sweep over one path, one over two, and a search for tipping points.
pub(in crate::report) fn others() -> (TempDir, Vec<Results>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.yaml");
    std::fs::write(&file, SCENARIO).unwrap();
    let loaded = load(&file, &[]).unwrap_or_else(|error| panic!("{error}"));
    let place = |name: &str| folder.path().join(name);
    let bound = oracle(&loaded.cases, &loaded.settings);
    record(&loaded, &loaded.cases.iter().chain(&bound).collect::<Vec<_>>(), &place("compared"), true);
    let axis = |values: &str| Axis::parse(values).unwrap();
    let rates = axis(&format!("{RATE}=40/s..120/s/20/s"));
    sweep(&loaded, &[rates], &place("line"));
    let few = axis(&format!("{RATE}=40/s,80/s,120/s"));
    sweep(&loaded, &[few, axis("services.db.capacity.workers=1,2,4")], &place("map"));
    tip(&loaded, &axis(&format!("{RATE}=20/s..600/s/40/s")), &place("tip"));
    let all = ["compared", "line", "map", "tip"].map(|name| Results::open_any(&place(name)).unwrap());
    (folder, all.into())
}

fn variants(loaded: &Loaded) -> Vec<String> {
    loaded.cases.iter().map(|case| case.name.clone()).collect()
}

fn sweep(loaded: &Loaded, axes: &[Axis], place: &Path) {
    let points = grid(axes).unwrap();
    let (path, seeds) = (loaded.path.as_path(), vec![1, 2, 3]);
    let cells = Cells { path, sets: Vec::new(), points, variants: variants(loaded), seeds };
    let record = SweepRecord::new(&cells, &loaded.canonical, Part { number: 0, of: 1 });
    let mut journal = record.journal(place, false).unwrap();
    let all: Vec<usize> = (0..cells.len()).collect();
    let complete = cells.run(&all, 1, &AtomicBool::new(false), |cell| journal.append(&cell));
    assert!(matches!(complete, Ok(true)));
    record.finish(place, journal, &serde_json::json!({ "name": "small" }), &Session::default(), |_| ()).unwrap();
}

fn tip(loaded: &Loaded, axis: &Axis, place: &Path) {
    let search = Search {
        file: &loaded.path,
        sets: Vec::new(),
        path: axis.path.clone(),
        range: axis.range.clone().unwrap(),
        variants: variants(loaded),
        branches: branches(&axis.path),
        seeds: vec![1, 2, 3],
    };
    let mut found: Vec<Vec<Threshold>> = vec![Vec::new(); search.variants.len() * search.branches.len()];
    let complete = search.run(1, &AtomicBool::new(false), |variant, branch, threshold| {
        found[variant * search.branches.len() + branch].push(threshold);
    });
    assert!(matches!(complete, Ok(true)));
    let tips = found.into_iter().enumerate().filter_map(|(at, thresholds)| {
        let (variant, branch) = (at / search.branches.len(), at % search.branches.len());
        Tip::of(search.variants[variant].clone(), search.branches[branch], thresholds, LEVEL)
    });
    let tips: Vec<Tip> = tips.collect();
    write_tips(place, &search, &tips, (&loaded.name, &loaded.canonical), &Session::default()).unwrap();
}
