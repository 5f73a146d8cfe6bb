//! The file that all of this is held against, where it is there.

use super::expected::{ROWS, Row, Tolerance};
use super::{Op, golden};
use crate::support::Value;

/// The cases of `../shared/validation/cases.json` next to the workspace; none where that file is not.
fn cases() -> Option<Vec<Value>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/validation/cases.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("../shared/validation/cases.json is absent: own copies of the expected values only");
        return None;
    };
    let file: Value = serde_json::from_str(&text).expect("cases.json is JSON");
    Some(file["cases"].as_array().expect("a list of cases").clone())
}

/// The metric of this name in the case of this name.
fn metric<'a>(cases: &'a [Value], case: &str, metric: &str) -> &'a Value {
    let case = cases.iter().find(|known| known["id"] == case);
    let metrics = case.and_then(|case| case["metrics"].as_array());
    metrics
        .and_then(|metrics| metrics.iter().find(|known| known["name"] == metric))
        .unwrap_or_else(|| panic!("cases.json has no metric {metric} there"))
}

/// The same but for the last bits, which the JSON reader does not promise.
fn close(one: &Row, other: &Row) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-14 * a.abs();
    let tolerance = match (one.tolerance, other.tolerance) {
        (Tolerance::Abs(a), Tolerance::Abs(b)) | (Tolerance::Rel(a), Tolerance::Rel(b)) => near(a, b),
        _ => false,
    };
    tolerance && near(one.expected, other.expected) && (one.op, one.n) == (other.op, other.n)
}

fn read(row: &Row, metric: &Value) -> Row {
    let number = |name: &str| metric[name].as_f64();
    Row {
        op: match metric["op"].as_str() {
            Some("within" | "equals") => Op::Within,
            Some(">=") => Op::AtLeast,
            Some("<=") => Op::AtMost,
            other => panic!("cases.json has an unknown operator {other:?}"),
        },
        expected: number("expected").expect("a number"),
        tolerance: match (number("tol_abs"), number("tol_rel")) {
            (Some(tolerance), _) => Tolerance::Abs(tolerance),
            (None, Some(tolerance)) => Tolerance::Rel(tolerance),
            (None, None) => Tolerance::Abs(0.0),
        },
        n: number("tol_N"),
        ..*row
    }
}

/// The own copies of expected values and tolerances are those of the file.
#[test]
fn own_copies_agree_with_the_file() {
    let Some(cases) = cases() else { return };
    for row in ROWS {
        let metric = metric(&cases, row.case, row.metric);
        let read = read(row, metric);
        assert!(close(row, &read), "the own copy is {row:?}, the file has {read:?}");
    }
    for trace in golden::TRACES {
        let own: Value = serde_json::from_str(trace.expected).expect("the own copy is JSON");
        assert_eq!(own, metric(&cases, trace.id, "trace")["expected"], "{}", trace.id);
    }
}
