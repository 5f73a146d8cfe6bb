//! The tables of a sweep, read back.

use super::super::histogram;
use super::tables::rows;
use super::{Unreadable, unreadable};
use hdrhistogram::Histogram;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// One value of a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// As a scenario file has it.
    pub text: String,
    /// In the base unit; `None` if it is no quantity.
    pub number: Option<f64>,
    /// The base unit.
    pub unit: String,
}

/// A sweep.
#[derive(Clone, Debug, Default)]
pub struct Swept {
    /// The paths that were varied.
    pub paths: Vec<String>,
    /// For each point, the value of each path.
    pub points: Vec<Vec<Value>>,
    /// For each point, from 0, and variant: the share of requests that ended well, of all that arrived, in each run.
    pub shares: BTreeMap<(usize, String), Vec<f64>>,
    /// The latencies of all clients and seeds together, in microseconds.
    pub latencies: BTreeMap<(usize, String), Histogram<u64>>,
}

#[derive(Deserialize)]
struct Point {
    point: usize,
    path: String,
    text: String,
    value: Option<f64>,
    unit: String,
}

#[derive(Deserialize)]
struct Cell {
    point: usize,
    variant: String,
    component: String,
    metric: String,
    value: f64,
}

#[derive(Deserialize)]
struct Times {
    point: usize,
    variant: String,
    hdr_us: String,
}

pub(super) fn read(folder: &Path) -> Result<Swept, Unreadable> {
    let mut swept = Swept::default();
    for row in rows::<Point>(folder.join("points.csv"))? {
        let Point { point, path, text, value, unit } = row?;
        if !swept.paths.contains(&path) {
            swept.paths.push(path);
        }
        if swept.points.len() < point {
            swept.points.push(Vec::new());
        }
        if let Some(values) = swept.points.last_mut() {
            values.push(Value { text, number: value, unit });
        }
    }
    for row in rows::<Cell>(folder.join("cells.csv"))? {
        let Cell { point, variant, component, metric, value } = row?;
        if component == "clients" && metric == "goodput_share" && point > 0 {
            swept.shares.entry((point - 1, variant)).or_default().push(value);
        }
    }
    let path = folder.join("histograms.csv");
    for row in rows::<Times>(path.clone())? {
        let Times { point, variant, hdr_us } = row?;
        let times = histogram::decode(&hdr_us).map_err(|error| unreadable(&path, error))?;
        let key = (point.saturating_sub(1), variant);
        match swept.latencies.get_mut(&key) {
            Some(sum) => sum.add(&times).map_err(|error| unreadable(&path, error))?,
            None => drop(swept.latencies.insert(key, times)),
        }
    }
    Ok(swept)
}
