//! A matrix as a table: mitigations down, scenarios across; then what each scenario tried of its own.

use super::table::table;
use crate::experiment::{Comparison, Conclusion, Finding, Laid, Standing};
use crate::scenario::Matrix;
use std::fmt::Write as _;
use std::path::Path;

/// What one cell says: the verdict, and by how many points more requests ended well if that is certain.
fn cell(laid: &Laid, mitigation: &str) -> String {
    match laid.standing(mitigation) {
        None if laid.unfit.contains_key(mitigation) => "n/a".to_owned(),
        None => String::new(),
        Some(standing) => shown(laid, standing),
    }
}

fn shown(laid: &Laid, standing: &Standing) -> String {
    let told = |lead: &&Comparison| matches!(lead.finding, Finding::Better | Finding::Worse);
    let lead = standing.lead(&laid.compared.quantities).filter(told).and_then(|lead| lead.pairs.as_ref());
    let points = lead.map(|pairs| format!(" {:+.1}", pairs.difference.mean * 100.0)).unwrap_or_default();
    let word = match standing.conclusion {
        Conclusion::Helped => "helped",
        Conclusion::HelpedAtACost => "helped, cost",
        Conclusion::Mixed => "mixed",
        Conclusion::MadeWorse => "worse",
        Conclusion::Undecided(_) => "undecided",
        Conclusion::NoDifference => return "=".to_owned(),
        Conclusion::NoDifferenceToUsers => return "= users".to_owned(),
        Conclusion::Baseline | Conclusion::Bound => return String::new(),
    };
    format!("{word}{points}")
}

/// The shortest beginning of a scenario's name that no other one shares: `er-1` of `er-1-resource-exhaustion`.
fn short<'a>(laid: &'a Laid, all: &[Laid]) -> &'a str {
    let name = laid.scenario.as_str();
    let ends = name.match_indices('-').map(|(at, _)| at).skip(1);
    let unique = |beginning: &&str| {
        all.iter().filter(|other| other.scenario.split('-').zip(beginning.split('-')).all(|(a, b)| a == b)).count() == 1
    };
    ends.map(|at| &name[..at]).find(unique).unwrap_or(name)
}

fn rows(matrix: &Matrix, all: &[Laid]) -> Vec<Vec<String>> {
    let row = |name: &String| std::iter::once(name.clone()).chain(all.iter().map(|laid| cell(laid, name))).collect();
    matrix.mitigations.keys().map(row).collect()
}

/// What a scenario tried that is not in the matrix: its name and its cell.
fn own<'a>(matrix: &'a Matrix, laid: &'a Laid) -> impl Iterator<Item = (&'a str, String)> {
    let standings = laid.compared.standings.iter().skip(1);
    standings
        .filter(|standing| !matrix.mitigations.contains_key(&standing.name))
        .map(|standing| (standing.name.as_str(), shown(laid, standing)))
}

/// For a terminal.
#[must_use]
pub fn matrix_table(matrix: &Matrix, all: &[Laid], width: usize) -> String {
    let columns: Vec<(&str, u8)> =
        std::iter::once(("mitigation", 0)).chain(all.iter().map(|laid| (short(laid, all), 0))).collect();
    let mut out = table(&columns, &rows(matrix, all), width.max(40));
    out += "\n";
    for laid in all {
        for (name, cell) in own(matrix, laid) {
            let _ = writeln!(out, "  {}: {name}: {cell}", short(laid, all));
        }
    }
    out
}

/// As a page: how to make it again, the table, what each scenario tried of its own, and what does not apply.
#[must_use]
pub fn matrix_markdown(matrix: &Matrix, all: &[Laid], (file, out): (&Path, &Path)) -> String {
    let mut page = String::from("# Mitigations against scenarios\n\n");
    if let Some(about) = &matrix.about {
        let _ = writeln!(page, "{}\n", about.trim());
    }
    let _ = writeln!(page, "```sh\nsquall matrix {} --out {}\n```\n", file.display(), out.display());
    page += "Each cell is the verdict of `squall compare` against the scenario as it stands, and by how many points more of all \
             requests ended well where that is certain. `=`: no difference that matters; `= users`: only the system differs; `cost`: something got \
             worse for the system; n/a: cannot be laid over this scenario. Intervals and p-values are in `matrix.csv`.\n\n";
    let head: Vec<&str> = std::iter::once("mitigation").chain(all.iter().map(|laid| short(laid, all))).collect();
    let _ = writeln!(page, "| {} |\n|---{}|", head.join(" | "), "|---".repeat(all.len()));
    for row in rows(matrix, all) {
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
    page += "\n## What the scenarios try beside that\n\n| scenario | measure | verdict |\n|---|---|---|\n";
    for laid in all {
        for (name, cell) in own(matrix, laid) {
            let _ = writeln!(page, "| {} | {name} | {cell} |", laid.scenario);
        }
    }
    page +=
        "\n## What the scenarios expect\n\n| scenario | expectations that came out as written | of |\n|---|--:|--:|\n";
    for laid in all {
        let verdicts: Vec<bool> = laid.judged().map(|(_, judged)| judged.verdict().ok).collect();
        let right = verdicts.iter().filter(|ok| **ok).count();
        let _ = writeln!(page, "| {} | {right} | {} |", laid.scenario, verdicts.len());
    }
    if all.iter().any(|laid| !laid.unfit.is_empty()) {
        page += "\n## What does not apply\n\n";
        for laid in all {
            for (mitigation, why) in &laid.unfit {
                let _ = writeln!(page, "- {} over {}: {why}", mitigation, laid.scenario);
            }
        }
    }
    page
}
