//! The tables of a matrix. Nothing in them depends on the machine, so that they can be committed.

use super::SCHEMA;
use super::comparisons::{conclusion, nine};
use super::folder::{Folder, RecordError};
use super::manifest::sha256;
use super::tables::Table;
use crate::experiment::{Comparison, Finding, Laid, Standing};
use crate::scenario::Matrix;
use serde_json::json;
use std::path::Path;

const CELLS: [&str; 13] = [
    "scenario",
    "mitigation",
    "own",
    "conclusion",
    "seeds",
    "unmitigated_share",
    "share",
    "difference",
    "low",
    "high",
    "p_holm",
    "better",
    "worse",
];

const EXPECTATIONS: [&str; 8] = ["scenario", "line", "variant", "expectation", "expected", "held", "of", "as_expected"];

/// Writes a matrix as tables, and as a page to read.
///
/// # Errors
/// They cannot be written.
pub fn write_matrix(
    target: &Path,
    (file, matrix): (&Path, &Matrix),
    all: &[Laid],
    page: &str,
) -> Result<(), RecordError> {
    let folder = Folder::create(target)?;
    let mut table = Table::create(&folder, "matrix.csv", &CELLS)?;
    for laid in all {
        for standing in laid.compared.standings.iter().skip(1) {
            cell(&mut table, laid, standing)?;
        }
        for (mitigation, why) in &laid.unfit {
            let empty = [""; 7];
            let row = [laid.scenario.as_str(), mitigation, "false", "does_not_apply"];
            table.row(row.into_iter().chain(empty).chain(["", why]))?;
        }
    }
    table.finish()?;
    let mut table = Table::create(&folder, "expectations.csv", &EXPECTATIONS)?;
    for laid in all {
        for (variant, judged) in laid.judged() {
            let (verdict, expectation) = (judged.verdict(), &judged.expectation);
            table.row([
                laid.scenario.as_str(),
                &expectation.line.to_string(),
                variant,
                &expectation.text,
                if expectation.broken_by_this { "breaks" } else { "holds" },
                &verdict.held.to_string(),
                &verdict.of.to_string(),
                if verdict.ok { "true" } else { "false" },
            ])?;
        }
    }
    table.finish()?;
    folder.write("README.md", page.as_bytes())?;
    let canonical = serde_json::to_string(matrix).unwrap_or_default();
    let manifest = json!({
        "squall": env!("CARGO_PKG_VERSION"),
        "schema": SCHEMA,
        "command": "matrix",
        "matrix": { "path": file.to_string_lossy(), "sha256": sha256(canonical.as_bytes()) },
        "scenarios": all.iter().map(|laid| &laid.scenario).collect::<Vec<_>>(),
        "mitigations": matrix.mitigations.keys().collect::<Vec<_>>(),
    });
    folder.write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
    folder.publish()
}

fn cell(table: &mut Table, laid: &Laid, standing: &Standing) -> Result<(), RecordError> {
    let quantities = &laid.compared.quantities;
    let named = |found: Finding| -> String {
        let all = standing.comparisons.iter().filter(|c| c.finding == found && quantities[c.quantity].is_objective());
        all.map(|c| quantities[c.quantity].label()).collect::<Vec<_>>().join("; ")
    };
    let lead = standing.lead(quantities);
    let pairs = lead.and_then(|lead| lead.pairs.as_ref());
    let of = |value: Option<f64>| value.map(nine).unwrap_or_default();
    let interval = lead.and_then(|lead: &Comparison| lead.interval);
    table.row([
        laid.scenario.as_str(),
        &standing.name,
        if laid.own.contains(&standing.name) { "true" } else { "false" },
        conclusion(standing.conclusion),
        &standing.seeds.to_string(),
        &of(pairs.map(|pairs| pairs.base.mean)),
        &of(pairs.map(|pairs| pairs.other.mean)),
        &of(pairs.map(|pairs| pairs.difference.mean)),
        &of(interval.map(|interval| interval.low)),
        &of(interval.map(|interval| interval.high)),
        &of(lead.map(|lead| lead.p_holm)),
        &named(Finding::Better),
        &named(Finding::Worse),
    ])
}
