//! The small tables of a results folder.

use super::super::histogram;
use super::{Metrics, Unreadable, unreadable};
use hdrhistogram::Histogram;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

/// A row of `failures.csv`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Failing {
    /// The variant.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// Its place in the failure order, or among the deadlocks.
    pub place: usize,
    /// When, in seconds.
    pub time_s: f64,
    /// `failing` or `deadlock`.
    pub kind: String,
    /// The component, or the ring.
    pub component: String,
    /// What was seen.
    pub evidence: String,
}

/// A row of `verdicts.csv`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Verdict {
    /// The variant.
    pub variant: String,
    /// The number of the expectation in its variant, from 1.
    pub number: usize,
    /// The expectation.
    pub expectation: String,
    /// `holds` or `breaks`.
    pub expected: String,
    /// In how many seeds it held.
    pub held: usize,
    /// Of how many.
    pub of: usize,
    /// Whether that is as expected.
    pub ok: bool,
}

/// A row of `judgements.csv`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Judgement {
    /// The variant.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// The number of the expectation in its variant, from 1.
    pub number: usize,
    /// Whether it held.
    pub holds: bool,
    /// In the base unit of the metric.
    pub measured: Option<f64>,
    /// The same for a person.
    pub shown: String,
}

/// Latency histograms of all seeds added up, in microseconds, by variant and component.
pub type Latencies = BTreeMap<(String, String), Histogram<u64>>;

/// Every row of a table.
pub(super) fn rows<T: DeserializeOwned>(
    path: PathBuf,
) -> Result<impl Iterator<Item = Result<T, Unreadable>>, Unreadable> {
    let reader = csv::Reader::from_path(&path).map_err(|error| unreadable(&path, error))?;
    Ok(reader.into_deserialize().map(move |row| row.map_err(|error| unreadable(&path, error))))
}

#[derive(Deserialize)]
struct Run {
    variant: String,
    seed: u64,
    component: String,
    metric: String,
    value: f64,
}

pub(super) fn metrics(folder: &Path) -> Result<Metrics, Unreadable> {
    let mut metrics = Metrics::new();
    for row in rows::<Run>(folder.join("runs.csv"))? {
        let row = row?;
        metrics.entry((row.variant, row.component, row.metric)).or_default().insert(row.seed, row.value);
    }
    Ok(metrics)
}

pub(super) fn failures(folder: &Path) -> Result<Vec<Failing>, Unreadable> {
    rows(folder.join("failures.csv"))?.collect()
}

pub(super) fn verdicts(folder: &Path) -> Result<Vec<Verdict>, Unreadable> {
    rows(folder.join("verdicts.csv"))?.collect()
}

pub(super) fn judgements(folder: &Path) -> Result<Vec<Judgement>, Unreadable> {
    rows(folder.join("judgements.csv"))?.collect()
}

#[derive(Deserialize)]
struct Stored {
    variant: String,
    component: String,
    histogram: String,
    hdr_us: String,
}

pub(super) fn latencies(folder: &Path) -> Result<Latencies, Unreadable> {
    let path = folder.join("histograms.csv");
    let mut latencies = Latencies::new();
    for row in rows::<Stored>(path.clone())? {
        let row = row?;
        if row.histogram == "latency" {
            let more = histogram::decode(&row.hdr_us).map_err(|error| unreadable(&path, error))?;
            match latencies.entry((row.variant, row.component)) {
                Entry::Vacant(place) => {
                    place.insert(more);
                }
                Entry::Occupied(mut sum) => sum.get_mut().add(&more).map_err(|error| unreadable(&path, error))?,
            }
        }
    }
    Ok(latencies)
}

/// A row of `fates.csv`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Fates {
    /// The variant.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// Where the slice of time begins, in seconds.
    pub time_s: f64,
    /// How wide it is.
    pub width_s: f64,
    /// The client.
    pub component: String,
    /// `ok` or a kind of failure.
    pub fate: String,
    /// How many requests.
    pub count: u64,
}

pub(super) fn fates(folder: &Path) -> Result<Vec<Fates>, Unreadable> {
    rows(folder.join("fates.csv"))?.collect()
}

/// A row of `latencies.csv`, or the sum of those of several seeds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Heat {
    /// The variant.
    pub variant: String,
    /// Where the slice of time begins, in seconds.
    pub time_s: f64,
    /// How wide it is.
    pub width_s: f64,
    /// The client.
    pub component: String,
    /// Latencies from this one on, in seconds.
    pub from_s: f64,
    /// Up to this one.
    pub to_s: f64,
    /// How many requests.
    pub count: u64,
}

pub(super) fn heat(folder: &Path, variant: &str) -> Result<Vec<Heat>, Unreadable> {
    let mut sums: BTreeMap<(String, u64, u64), Heat> = BTreeMap::new();
    for row in rows::<Heat>(folder.join("latencies.csv"))? {
        let row = row?;
        if row.variant == variant {
            // Times are not negative, so that their bits are in their order.
            let key = (row.component.clone(), row.time_s.to_bits(), row.from_s.to_bits());
            sums.entry(key).and_modify(|sum| sum.count += row.count).or_insert(row);
        }
    }
    Ok(sums.into_values().collect())
}

/// A row of `comparisons.csv`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Comparison {
    /// The variant.
    pub variant: String,
    /// What it is compared with.
    pub baseline: String,
    /// The component, or `clients` for all clients together.
    pub component: String,
    /// The metric.
    pub metric: String,
    /// The window of the expectation that it comes from.
    pub window: String,
    /// The unit.
    pub unit: String,
    /// It counts for the verdict.
    pub objective: bool,
    /// `users`, `system`, or empty for what is no objective.
    #[serde(default)]
    pub role: String,
    /// Mean over seeds.
    pub mean: Option<f64>,
    /// The same of the baseline.
    pub baseline_mean: Option<f64>,
    /// Mean of the paired differences.
    pub difference: Option<f64>,
    /// Level of the interval.
    pub level: Option<f64>,
    /// Where the interval begins.
    pub low: Option<f64>,
    /// Where it ends.
    pub high: Option<f64>,
    /// A difference of this size does not matter.
    pub margin: Option<f64>,
    /// `better`, `worse`, `different`, `no_difference` or `undecided`.
    pub finding: String,
}

pub(super) fn comparisons(folder: &Path) -> Result<Vec<Comparison>, Unreadable> {
    let path = folder.join("comparisons.csv");
    if path.is_file() { rows(path)?.collect() } else { Ok(Vec::new()) }
}
