//! What the committed tables of a matrix say about an item.
//!
//! An item names its verdict as `scenario:NAME` (all that it expects), `mitigation:NAME` (in which scenarios it helped),
//! `own:SCENARIO:VARIANT` (a variant that only this scenario has), or `expects:SCENARIO:SENTENCE` (one expectation).

use std::path::Path;

/// A row of `matrix.csv`.
#[derive(Debug, serde::Deserialize)]
struct Cell {
    scenario: String,
    mitigation: String,
    conclusion: String,
    difference: Option<f64>,
}

/// A row of `expectations.csv`.
#[derive(Debug, serde::Deserialize)]
struct Expected {
    scenario: String,
    variant: String,
    expectation: String,
    expected: String,
    held: usize,
    of: usize,
    as_expected: bool,
}

pub(super) struct Results {
    cells: Vec<Cell>,
    expected: Vec<Expected>,
}

/// The beginning of a scenario's name that is its number: `er-1`.
fn short(scenario: &str) -> String {
    scenario.splitn(3, '-').take(2).collect::<Vec<_>>().join("-").to_uppercase()
}

impl Results {
    pub(super) fn read(folder: &Path) -> Self {
        fn all<T: serde::de::DeserializeOwned>(path: &Path) -> Vec<T> {
            let mut reader = csv::Reader::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            reader.deserialize().map(|row| row.unwrap_or_else(|error| panic!("{}: {error}", path.display()))).collect()
        }
        Self { cells: all(&folder.join("matrix.csv")), expected: all(&folder.join("expectations.csv")) }
    }

    pub(super) fn of(&self, asked: &str) -> Result<String, String> {
        let mut parts = asked.splitn(3, ':');
        let told = match (parts.next(), parts.next(), parts.next()) {
            (Some("scenario"), Some(scenario), None) => self.scenario(scenario),
            (Some("mitigation"), Some(name), None) => self.mitigation(name),
            (Some("own"), Some(scenario), Some(variant)) => self.own(scenario, variant),
            (Some("expects"), Some(scenario), Some(sentence)) => self.expectation(scenario, sentence),
            _ => return Err(format!("`{asked}` names no verdict")),
        };
        told.ok_or_else(|| format!("the results have nothing of `{asked}`"))
    }

    fn scenario(&self, scenario: &str) -> Option<String> {
        let rows: Vec<&Expected> = self.expected.iter().filter(|row| row.scenario == scenario).collect();
        let right = rows.iter().filter(|row| row.as_expected).count();
        let broken = rows.iter().filter(|row| row.variant == "unmitigated" && row.expected == "breaks").count();
        (!rows.is_empty())
            .then(|| format!("{right} of {} expectations as written; unmitigated breaks {broken}", rows.len()))
    }

    fn mitigation(&self, name: &str) -> Option<String> {
        let rows: Vec<&Cell> = self.cells.iter().filter(|cell| cell.mitigation == name).collect();
        let named = |conclusions: &[&str]| -> Vec<String> {
            let found = rows.iter().filter(|cell| conclusions.contains(&cell.conclusion.as_str()));
            let mut names: Vec<String> = found.map(|cell| short(&cell.scenario)).collect();
            names.dedup();
            names
        };
        let groups = [
            ("helped", named(&["helped", "helped_at_a_cost"])),
            ("mixed", named(&["mixed"])),
            ("**worse**", named(&["made_worse"])),
        ];
        let told: Vec<String> = groups
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(word, names)| format!("{word}: {}", names.join(", ")))
            .collect();
        (!rows.is_empty()).then(|| if told.is_empty() { "no difference".to_owned() } else { told.join("; ") })
    }

    fn own(&self, scenario: &str, variant: &str) -> Option<String> {
        let cell = self.cells.iter().find(|cell| cell.scenario == scenario && cell.mitigation == variant)?;
        let points = cell.difference.map(|difference| format!(" ({:+.1} points)", difference * 100.0));
        Some(format!("{}{}", cell.conclusion.replace('_', " "), points.unwrap_or_default()))
    }

    fn expectation(&self, scenario: &str, sentence: &str) -> Option<String> {
        let rows: Vec<&Expected> =
            self.expected.iter().filter(|row| row.scenario == scenario && row.expectation == sentence).collect();
        let one = |row: &&Expected| match (row.expected.as_str(), row.as_expected) {
            ("holds", true) => format!("{} held {}/{}", row.variant, row.held, row.of),
            ("holds", false) => format!("{} **failed**, held {}/{}", row.variant, row.held, row.of),
            _ => format!("{} breaks as meant, held {}/{}", row.variant, row.held, row.of),
        };
        // With many variants, the one without any measure and the best one.
        let mut shown: Vec<&Expected> = rows.iter().copied().filter(|row| row.variant == "unmitigated").collect();
        let best = rows.iter().copied().filter(|row| row.variant != "unmitigated").max_by_key(|row| row.held);
        shown.extend(best);
        (!shown.is_empty()).then(|| shown.iter().map(one).collect::<Vec<_>>().join("; "))
    }
}
