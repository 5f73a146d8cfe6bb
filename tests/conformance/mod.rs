//! Squall's policies against step-by-step recordings of the libraries that they imitate.
//!
//! Every JSON file under `vectors/` (or under the folder that `SQUALL_VECTORS` names) is read, and each of its vectors is
//! given to the first [`Kind`] that knows it. A vector of the project's own that nothing runs has to be an [`Exception`]
//! with a reason. How to add a recording: `docs/howto/conformance.md`.

mod balance;
mod breaker;
mod budget;
mod cache;
mod driver;
mod given;
mod limit;
mod platform;
mod pool;
mod prometheus;
mod rate_limit;
mod retry;
mod shed;
mod throttle;
mod vector;

use driver::{Report, run};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use vector::Check;

/// What can run some vectors.
struct Kind {
    /// How the name of the file begins (or its field `kind`, if it has one).
    file: &'static str,
    /// How the name of the vector begins; empty for all in the file.
    vector: &'static str,
    /// Runs one vector; an error says why it cannot.
    run: fn(&Value, &mut Check) -> Result<(), String>,
}

/// Vectors that are not run, or that squall differs from on purpose.
struct Exception {
    /// How the name of the file begins.
    file: &'static str,
    /// How the name of the vector begins; empty for all in the file.
    vector: &'static str,
    reason: &'static str,
}

/// One file of this folder: what it can run, and what it cannot.
struct Family {
    kinds: &'static [Kind],
    exceptions: &'static [Exception],
}

/// All families; the first kind that knows a vector runs it.
const FAMILIES: &[Family] = &[
    retry::FAMILY,
    budget::FAMILY,
    throttle::FAMILY,
    rate_limit::FAMILY,
    breaker::FAMILY,
    limit::FAMILY,
    shed::FAMILY,
    pool::FAMILY,
    cache::FAMILY,
    balance::FAMILY,
    platform::FAMILY,
    prometheus::FAMILY,
];

/// Shows a report even where the test harness keeps what passing tests print to itself.
fn show(report: &Report) {
    // A terminal that went away is no reason to fail.
    let _ = write!(std::io::stderr().lock(), "{report}");
}

#[test]
fn every_vector_of_the_project_holds_or_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/vectors");
    let report = run(&folder, FAMILIES);
    println!("{report}");
    assert!(report.files > 0, "there are no vectors in {}", folder.display());
    let found = report.problems(FAMILIES);
    assert!(found.is_empty(), "\n{report}\n{}\n", found.join("\n"));
}

/// Somebody else's recordings: what squall cannot run is said, and what it can has to hold.
#[test]
fn vectors_of_another_folder_hold() {
    let Some(folder) = std::env::var_os("SQUALL_VECTORS") else {
        println!("SQUALL_VECTORS names no folder, so only the project's own vectors are run");
        return;
    };
    let report = run(Path::new(&folder), FAMILIES);
    show(&report);
    assert!(report.files > 0, "there are no vectors in {}", Path::new(&folder).display());
    assert!(report.differences().next().is_none(), "squall differs: see above");
}

fn two_and_a_bit(vector: &Value, check: &mut Check) -> Result<(), String> {
    for (at, step) in vector::list(vector, "steps")?.iter().enumerate() {
        check.near(at, "sum", vector::number(step, "sum")?, 2.25, 1e-9);
    }
    Ok(())
}

#[test]
fn a_difference_is_told_with_file_step_and_both_values() {
    const FAMILY: &[Family] =
        &[Family { kinds: &[Kind { file: "sums", vector: "", run: two_and_a_bit }], exceptions: &[] }];
    let vectors = json!([
        { "name": "right", "steps": [{ "sum": 2.25 }] },
        { "name": "wrong", "steps": [{ "sum": 2.25 }, { "sum": 4 }] },
        { "name": "odd", "steps": [{ "product": 4 }] },
        { "name": "empty", "steps": [] },
    ]);
    let mut report = Report::default();
    report.file("sums_by_hand", &json!({ "source": "a pencil", "vectors": vectors }), FAMILY);
    report.file("products", &json!({ "source": "a pencil", "vectors": vectors }), FAMILY);
    let told: Vec<String> = report.differences().map(ToString::to_string).collect();
    assert_eq!(told, ["sums_by_hand, `wrong`, step 1: sum is 4 in the recording, 2.25 in squall"]);
    let unable: Vec<&str> = report.unable().collect();
    assert_eq!(unable.len(), 6, "{unable:?}");
    assert_eq!(unable[0], "sums_by_hand, `odd`: there is no number `sum` in {\"product\":4}");
    assert_eq!(unable[1], "sums_by_hand, `empty`: nothing in it was compared");
    assert_eq!(unable[2], "products, `right`: no kind of recording that squall knows");
    assert_eq!(report.problems(FAMILY).len(), 7);
}
