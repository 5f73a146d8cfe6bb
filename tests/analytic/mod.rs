//! Worlds whose answers somebody else has worked out: exact formulas, hand-made traces, other simulators.
//!
//! One table. A case measures; what it is to find stands in `expected` (the cases of `../shared/validation`) or in the
//! case itself, worked out by a formula of `formulas` (the textbook's).

mod caches;
mod deadlocks;
mod expected;
pub(crate) mod formulas;
mod golden;
mod page;
mod phenomena;
mod queues;
mod reference;
mod retries;
mod splits;
mod textbook;

use expected::{ROWS, Row};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One world, or a few, and what is measured in it.
struct Case {
    id: &'static str,
    measure: fn() -> Vec<Found>,
}

/// What was measured.
struct Found {
    metric: String,
    value: f64,
    want: Want,
}

/// What it is to be.
enum Want {
    /// What the case's row in `expected` says, for a measurement over so many requests.
    Row(f64),
    /// A formula's value; the tolerance is 4.5 standard errors of the measurement, which must be below the given share
    /// of the value, so that a measurement that is too coarse to tell anything fails as well.
    Formula { expected: f64, standard_error: f64, sharp: f64 },
    /// A value that is known to be off by no more than this.
    Near { expected: f64, tolerance: f64 },
}

/// How a measurement relates to what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Within,
    AtLeast,
    AtMost,
}

/// A measurement over so many requests, to be compared with the case's row.
fn row(metric: &str, value: f64, n: f64) -> Found {
    Found { metric: metric.into(), value, want: Want::Row(n) }
}

/// The mean over runs with several seeds, to be compared with a formula.
fn formula(metric: &str, expected: f64, sharp: f64, runs: &[f64]) -> Found {
    let n = runs.len() as f64;
    let mean = runs.iter().sum::<f64>() / n;
    let variance = runs.iter().map(|run| (run - mean) * (run - mean)).sum::<f64>() / (n - 1.0);
    Found {
        metric: metric.into(),
        value: mean,
        want: Want::Formula { expected, standard_error: (variance / n).sqrt(), sharp },
    }
}

/// A value with a known error: of an approximation, or of rounding.
fn near(metric: &str, expected: f64, tolerance: f64, value: f64) -> Found {
    Found { metric: metric.into(), value, want: Want::Near { expected, tolerance } }
}

/// One line of the result, and whether it is as it is to be.
fn judge(case: &Case, found: &Found) -> (bool, String) {
    let (op, expected, tolerance, coarse) = match found.want {
        Want::Row(n) => {
            let row = find(case.id, &found.metric);
            (row.op, row.expected, row.tolerance_at(n), false)
        }
        Want::Formula { expected, standard_error, sharp } => {
            let tolerance = 4.5 * standard_error;
            (Op::Within, expected, tolerance, tolerance > sharp * expected.abs())
        }
        Want::Near { expected, tolerance } => (Op::Within, expected, tolerance, false),
    };
    // A share that is exact in theory passes through a division here.
    let rounding = 1e-12 * expected.abs();
    let holds = match op {
        Op::Within => (found.value - expected).abs() <= tolerance + rounding,
        Op::AtLeast => found.value >= expected,
        Op::AtMost => found.value <= expected,
    };
    let verdict = match (holds, coarse) {
        (true, false) => "ok",
        (true, true) => "TOO COARSE",
        _ => "MISSED",
    };
    let line = format!(
        "{:<18} {:<42} {:>16.9} {op:?} {expected:.9} ± {tolerance:.9} {verdict}",
        case.id, found.metric, found.value
    );
    (holds && !coarse, line)
}

fn find(case: &str, metric: &str) -> &'static Row {
    ROWS.iter()
        .find(|row| row.case == case && row.metric == metric)
        .unwrap_or_else(|| panic!("no row for {case} {metric}"))
}

/// Measures all cases on as many threads as the machine has, and lists everything that was missed at once. What was found,
/// as lines of a page.
fn run_all(cases: &[&Case]) -> Vec<page::Line> {
    let next = AtomicUsize::new(0);
    let (lines, told) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = (case.measure)();
                    let judged = found.iter().map(|found| judge(case, found));
                    lines.lock().unwrap().extend(judged);
                    told.lock().unwrap().extend(found.iter().map(|found| page::line(case.id, found)));
                }
            });
        }
    });
    let mut lines = lines.into_inner().unwrap();
    lines.sort_by(|a, b| a.1.cmp(&b.1));
    let (mut all, mut missed) = (String::new(), String::new());
    for (holds, line) in &lines {
        all.push_str(&format!("{line}\n"));
        if !holds {
            missed.push_str(&format!("{line}\n"));
        }
    }
    println!("{all}");
    assert!(missed.is_empty(), "not what theory says:\n{missed}");
    told.into_inner().unwrap()
}

/// The whole table. The longest cases come first, so that no thread is left alone with one at the end.
#[test]
fn worlds_do_what_theory_says() {
    let tables = [
        splits::CASES,
        textbook::CASES,
        queues::CASES,
        phenomena::CASES,
        caches::CASES,
        deadlocks::CASES,
        retries::CASES,
    ];
    let cases: Vec<&Case> = tables.into_iter().flatten().collect();
    // ANALYTIC_CASE=A01 looks at one case while it is being worked on.
    let only = std::env::var("ANALYTIC_CASE").ok();
    let chosen: Vec<&Case> =
        cases.iter().copied().filter(|case| only.as_deref().is_none_or(|only| only == case.id)).collect();
    let told = run_all(&chosen);
    if only.is_none() {
        page::hold(told);
    }
}

/// Every row of the table is measured by some case, so that a row cannot be forgotten.
#[test]
fn no_row_is_without_a_case() {
    let tables = [splits::CASES, queues::CASES, phenomena::CASES, caches::CASES, deadlocks::CASES, retries::CASES];
    for row in ROWS {
        let known = tables.iter().any(|table| table.iter().any(|case| case.id == row.case));
        assert!(known, "no case measures {} {}", row.case, row.metric);
    }
}
