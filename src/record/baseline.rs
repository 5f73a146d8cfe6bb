//! A baseline folder: `baseline.json` says what is held against what tolerance, and one table for each scenario says what it
//! came to. It is made to be committed, and to be read in a review.

use super::folder::{RecordError, io};
use crate::experiment::Better;
use crate::experiment::baseline::{Recorded, Tolerance, Values};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The version of the form of a baseline folder.
pub const BASELINE: u32 = 1;

/// What `baseline.json` holds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The version of this form.
    pub squall_baseline: u32,
    /// By how much a result may get worse.
    pub tolerance: Allowed,
    /// What is run.
    pub scenarios: Vec<Held>,
}

/// By how much a result may get worse.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// Shares, by so many points: `0.01` is one point.
    pub share: f64,
    /// Other values, by this part of what they were.
    pub other: f64,
    /// Exceptions, by metric (`latency.p99`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
}

/// A scenario that is held against a baseline.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The scenario file, from the baseline folder.
    pub file: PathBuf,
    /// How many seeds.
    pub seeds: u32,
}

impl Held {
    /// The name of its table.
    #[must_use]
    pub fn name(&self) -> String {
        self.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

impl Allowed {
    /// The same for the judgement.
    #[must_use]
    pub fn tolerance(&self) -> Tolerance {
        Tolerance { share: self.share, other: self.other, metrics: self.metrics.clone() }
    }
}

const FIXED: [&str; 6] = ["variant", "component", "metric", "unit", "better", "mean"];

/// Reads `baseline.json`.
///
/// # Errors
/// It cannot be read, or is of another version.
pub fn read_baseline(folder: &Path) -> Result<Baseline, RecordError> {
    let place = folder.join("baseline.json");
    let bytes = fs::read(&place).map_err(io("read", &place))?;
    let baseline: Baseline = serde_json::from_slice(&bytes).map_err(|error| io("read", &place)(error.into()))?;
    if baseline.squall_baseline != BASELINE {
        return Err(RecordError::OtherVersion(place, baseline.squall_baseline));
    }
    Ok(baseline)
}

/// Writes `baseline.json`.
///
/// # Errors
/// It cannot be written.
pub fn write_baseline(folder: &Path, baseline: &Baseline) -> Result<(), RecordError> {
    fs::create_dir_all(folder).map_err(io("create", folder))?;
    let text = serde_json::to_string_pretty(baseline).map_err(|error| io("write", folder)(error.into()))?;
    replace(&folder.join("baseline.json"), format!("{text}\n").as_bytes())
}

/// Writes what one scenario came to.
///
/// # Errors
/// It cannot be written; what was there before is then still there.
pub fn write_recorded(folder: &Path, name: &str, recorded: &Recorded) -> Result<(), RecordError> {
    let place = folder.join(format!("{name}.csv"));
    let failed = |error: csv::Error| io("write", &place)(error.into());
    let mut table = csv::Writer::from_writer(Vec::new());
    let seeds = recorded.seeds.iter().map(|seed| format!("seed {seed}"));
    table.write_record(FIXED.iter().map(|name| (*name).to_owned()).chain(seeds)).map_err(failed)?;
    for (variant, digests) in &recorded.digests {
        let fixed = [variant.as_str(), "run", "digest", "", "", ""].map(str::to_owned);
        table
            .write_record(fixed.into_iter().chain(digests.iter().map(|digest| format!("{digest:016x}"))))
            .map_err(failed)?;
        for (_, sentence) in recorded.broken.iter().filter(|(of, _)| of == variant) {
            let fixed = [variant.as_str(), "expectation", sentence, "", "", "does not hold"].map(str::to_owned);
            table.write_record(fixed.into_iter().chain(digests.iter().map(|_| String::new()))).map_err(failed)?;
        }
        for row in recorded.rows.iter().filter(|row| row.variant == *variant) {
            let better = match row.better {
                Some(Better::Higher) => "higher",
                Some(Better::Lower) => "lower",
                None => "",
            };
            let finite: Vec<f64> = row.values.iter().copied().flatten().collect();
            let mean = finite.iter().sum::<f64>() / finite.len().max(1) as f64;
            let mean = super::comparisons::nine(mean);
            let fixed = [variant, &row.component, &row.metric, &row.unit, better, &mean].map(str::to_owned);
            let values = row.values.iter().map(|value| value.map_or(String::new(), |value| value.to_string()));
            table.write_record(fixed.into_iter().chain(values)).map_err(failed)?;
        }
    }
    let bytes = table.into_inner().map_err(|error| io("write", &place)(error.into_error()))?;
    replace(&place, &bytes)
}

/// Reads what one scenario came to.
///
/// # Errors
/// It cannot be read.
pub fn read_recorded(folder: &Path, name: &str) -> Result<Recorded, RecordError> {
    let place = folder.join(format!("{name}.csv"));
    let failed = |error: csv::Error| io("read", &place)(error.into());
    let wrong = |what: &str| io("read", &place)(std::io::Error::other(format!("it has no {what}; write it anew")));
    let mut table = csv::Reader::from_path(&place).map_err(failed)?;
    let mut recorded = Recorded::default();
    for column in table.headers().map_err(failed)?.iter().skip(FIXED.len()) {
        let seed = column.strip_prefix("seed ").and_then(|seed| seed.parse().ok());
        recorded.seeds.push(seed.ok_or_else(|| wrong("seeds in its header"))?);
    }
    for record in table.records() {
        let record = record.map_err(failed)?;
        let field = |at: usize| record.get(at).unwrap_or_default().to_owned();
        let values = record.iter().skip(FIXED.len());
        if field(1) == "run" && field(2) == "digest" {
            let digests: Option<Vec<u64>> = values.map(|text| u64::from_str_radix(text, 16).ok()).collect();
            recorded.digests.insert(field(0), digests.ok_or_else(|| wrong("digests where they should be"))?);
            continue;
        }
        if field(1) == "expectation" {
            recorded.broken.insert((field(0), field(2)));
            continue;
        }
        let mut parsed = Vec::new();
        for text in values {
            let value = (!text.is_empty()).then(|| text.parse::<f64>()).transpose();
            parsed.push(value.map_err(|_| wrong("number where one should be"))?);
        }
        recorded.rows.push(Values {
            variant: field(0),
            component: field(1),
            metric: field(2),
            unit: field(3),
            better: match field(4).as_str() {
                "higher" => Some(Better::Higher),
                "lower" => Some(Better::Lower),
                _ => None,
            },
            values: parsed,
        });
    }
    Ok(recorded)
}

/// Writes a file next to its place and gives it its name: there is the old or the new one, never a part.
pub fn replace(place: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let folder = super::folder::parent(place);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".squall-");
    #[cfg(unix)]
    {
        // As readable as any other file the user makes: the umask decides.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(io("write into", folder))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(io("write", place))?;
    file.persist(place).map(drop).map_err(|error| io("write", place)(error.error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_written_is_read_again() {
        let at = tempfile::tempdir().unwrap();
        let row = Values {
            variant: "lifo".to_owned(),
            component: "clients.web".to_owned(),
            metric: "goodput_share after fault 1".to_owned(),
            unit: "share".to_owned(),
            better: Some(Better::Higher),
            values: vec![Some(0.25), None, Some(f64::INFINITY)],
        };
        let digests = BTreeMap::from([("lifo".to_owned(), vec![1, u64::MAX, 3])]);
        let recorded = Recorded {
            seeds: vec![7, 8, 9],
            digests,
            rows: vec![row],
            broken: BTreeSet::from([("lifo".to_owned(), "clients.web.success >= 99%".to_owned())]),
        };
        write_recorded(at.path(), "storm", &recorded).unwrap();
        assert_eq!(read_recorded(at.path(), "storm").unwrap(), recorded);
        let allowed = Allowed { share: 0.01, other: 0.1, metrics: BTreeMap::new() };
        let held = Held { file: "../storm.yaml".into(), seeds: 3 };
        let baseline = Baseline { squall_baseline: 1, tolerance: allowed, scenarios: vec![held] };
        write_baseline(at.path(), &baseline).unwrap();
        assert_eq!(read_baseline(at.path()).unwrap(), baseline);
        write_baseline(at.path(), &Baseline { squall_baseline: 2, ..baseline }).unwrap();
        assert!(read_baseline(at.path()).unwrap_err().to_string().contains("baseline update"));
    }
}
