//! The latencies of each client at each point, of all seeds together.

use crate::record::folder::{Folder, RecordError, io};
use crate::record::histogram::Stored;
use crate::record::tables::Table;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

const NAME: &str = "histograms.csv";
const HEADER: [&str; 9] =
    ["point", "variant", "component", "histogram", "seeds", "count", "sum_ns", "max_ns", "hdr_us"];

/// The table on its way: what is taken has to come by points, and at each point by variants.
pub(super) struct Latencies {
    table: Table,
    /// The point and the variant that histograms are being collected of.
    at: (usize, String),
    clients: BTreeMap<String, Vec<Stored>>,
}

impl Latencies {
    pub(super) fn create(folder: &Folder) -> Result<Self, RecordError> {
        let table = Table::create(folder, NAME, &HEADER)?;
        Ok(Self { table, at: (0, String::new()), clients: BTreeMap::new() })
    }

    /// The histograms of one cell.
    pub(super) fn take(&mut self, point: usize, variant: &str, all: Vec<(String, Stored)>) -> Result<(), RecordError> {
        if self.at.0 != point || self.at.1 != variant {
            self.flush()?;
            self.at = (point, variant.to_owned());
        }
        for (client, times) in all {
            self.clients.entry(client).or_default().push(times);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RecordError> {
        for (client, all) in std::mem::take(&mut self.clients) {
            let sum = Stored::together(&all).map_err(|error| self.table.failed(error))?;
            if let Some(sum) = sum {
                let key = (self.at.0, self.at.1.as_str(), format!("clients.{client}"));
                row(&mut self.table, (key.0, key.1, &key.2), all.len(), &sum)?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), RecordError> {
        self.flush()?;
        self.table.finish()
    }
}

fn row(
    table: &mut Table,
    (point, variant, component): (usize, &str, &str),
    seeds: usize,
    sum: &Stored,
) -> Result<(), RecordError> {
    let numbers = [sum.count, sum.sum_ns, sum.max_ns].map(|number| number.to_string());
    let (point, seeds) = (point.to_string(), seeds.to_string());
    let [count, total, most] = &numbers;
    table.row([point.as_str(), variant, component, "latency", &seeds, count, total, most, &sum.hdr_us])
}

/// A row, as it is read.
#[derive(Deserialize)]
struct Row {
    point: usize,
    variant: String,
    component: String,
    seeds: usize,
    count: u64,
    sum_ns: u64,
    max_ns: u64,
    hdr_us: String,
}

/// The table of all shards together. They share points and variants, each with some of the seeds.
pub(super) fn merge(folder: &Folder, shards: &[PathBuf], manifest: &Value) -> Result<(), RecordError> {
    let variants: Vec<&str> = manifest["variants"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut all: BTreeMap<(usize, usize, String), (usize, Vec<Stored>)> = BTreeMap::new();
    for shard in shards {
        let place = shard.join(NAME);
        let failed = |error: csv::Error| io("read", &place)(error.into());
        for row in csv::Reader::from_path(&place).map_err(failed)?.deserialize() {
            let Row { point, variant, component, seeds, count, sum_ns, max_ns, hdr_us } = row.map_err(failed)?;
            let sum = Stored { count, sum_ns, max_ns, hdr_us };
            let variant = variants.iter().position(|name| *name == variant).unwrap_or(variants.len());
            let (known, sums) = all.entry((point, variant, component)).or_default();
            *known += seeds;
            sums.push(sum);
        }
    }
    let mut table = Table::create(folder, NAME, &HEADER)?;
    for ((point, variant, component), (seeds, sums)) in all {
        let sum = Stored::together(&sums).map_err(|error| table.failed(error))?;
        let variant = variants.get(variant).copied().unwrap_or_default();
        if let Some(sum) = sum {
            row(&mut table, (point, variant, &component), seeds, &sum)?;
        }
    }
    table.finish()
}
