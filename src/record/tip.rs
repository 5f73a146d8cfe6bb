//! The tables of a search for tipping points.

use super::folder::{Folder, RecordError};
use super::manifest::{execution, sha256};
use super::tables::Table;
use super::{SCHEMA, Session};
use crate::experiment::tip::{LEVEL, Search, Tip};
use serde_json::json;
use std::path::Path;

/// Writes the results of a search.
///
/// # Errors
/// They cannot be written.
pub fn write_tips(
    target: &Path,
    search: &Search<'_>,
    tips: &[Tip],
    (name, canonical): (&str, &str),
    session: &Session,
) -> Result<(), RecordError> {
    let folder = Folder::create(target)?;
    thresholds(&folder, tips)?;
    curves(&folder, search, tips)?;
    summary(&folder, search, tips)?;
    folder.write("scenario.json", canonical.as_bytes())?;
    let manifest = json!({
        "squall": env!("CARGO_PKG_VERSION"),
        "schema": SCHEMA,
        "command": "tip",
        "scenario": {
            "name": name,
            "path": search.file.to_string_lossy(),
            "sha256": sha256(canonical.as_bytes()),
            "set": search.sets,
        },
        "over": { "path": search.path, "low": search.range.low, "high": search.range.high, "unit": search.range.unit },
        "variants": search.variants,
        "seeds": { "first": search.seeds.first(), "count": search.seeds.len() },
        "interrupted": session.interrupted,
        "execution": execution(session),
    });
    folder.write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
    folder.publish()
}

fn thresholds(folder: &Folder, tips: &[Tip]) -> Result<(), RecordError> {
    let mut probes = Table::create(folder, "probes.csv", &["variant", "branch", "seed", "value", "collapsed"])?;
    let mut table = Table::create(folder, "thresholds.csv", &["variant", "branch", "seed", "low", "high", "kind"])?;
    for tip in tips {
        let (variant, branch) = (tip.variant.as_str(), tip.branch.name());
        for threshold in &tip.thresholds {
            let seed = threshold.seed.to_string();
            for (value, collapsed) in &threshold.probes {
                let collapsed = if *collapsed { "true" } else { "false" };
                probes.row([variant, branch, &seed, &value.to_string(), collapsed])?;
            }
            let kind = match threshold.ends {
                (false, false) => "never",
                (true, true) => "always",
                _ => "between",
            };
            let (low, high) = threshold.bracket;
            table.row([variant, branch, &seed, &low.to_string(), &high.to_string(), kind])?;
        }
    }
    probes.finish()?;
    table.finish()
}

fn curves(folder: &Folder, search: &Search<'_>, tips: &[Tip]) -> Result<(), RecordError> {
    let header = ["variant", "branch", "value", "collapsed", "of", "share", "low", "high"];
    let mut table = Table::create(folder, "curve.csv", &header)?;
    let values = search.grid();
    for tip in tips {
        for risk in tip.curve(&values, LEVEL) {
            let share = risk.collapsed as f64 / risk.of as f64;
            let numbers = [risk.value, risk.collapsed as f64, risk.of as f64, share];
            let [value, collapsed, of, share] = numbers.map(|number| number.to_string());
            let [low, high] = [risk.interval.low, risk.interval.high].map(super::comparisons::nine);
            table.row([&tip.variant, tip.branch.name(), &value, &collapsed, &of, &share, &low, &high])?;
        }
    }
    table.finish()
}

fn summary(folder: &Folder, search: &Search<'_>, tips: &[Tip]) -> Result<(), RecordError> {
    let header = ["variant", "branch", "path", "unit", "threshold", "low", "high", "level", "seeds", "never", "always"];
    let mut table = Table::create(folder, "tips.csv", &header)?;
    for tip in tips {
        let (never, always) = tip.outside();
        let numbers = [tip.threshold, tip.interval.low, tip.interval.high].map(|number| number.to_string());
        let counts = [tip.thresholds.len(), never, always].map(|count| count.to_string());
        table.row([
            tip.variant.as_str(),
            tip.branch.name(),
            &search.path,
            &search.range.unit,
            &numbers[0],
            &numbers[1],
            &numbers[2],
            &super::comparisons::nine(tip.level),
            &counts[0],
            &counts[1],
            &counts[2],
        ])?;
    }
    table.finish()
}
