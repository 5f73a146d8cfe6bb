//! The results of a sweep, and of its shards put together.

use super::folder::{Folder, RecordError, io};
use super::journal::{Journal, try_folder};
use super::manifest::{execution, sha256};
use super::tables::Table;
use super::{SCHEMA, Session};
use crate::experiment::sweep::{Cell, Cells, quantity};
use csv::ByteRecord;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const CELLS: [&str; 8] = ["cell", "point", "variant", "seed", "component", "metric", "unit", "value"];
const DIGESTS: [&str; 7] = ["cell", "point", "variant", "seed", "digest", "events", "ending"];
/// The tables that every shard has a part of, and those that all have alike.
const SHARED: [&str; 2] = ["cells.csv", "digests.csv"];
const ALIKE: [&str; 2] = ["points.csv", "scenario.json"];

/// Which part of the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 0.
    pub number: usize,
    /// How many parts there are.
    pub of: usize,
}

impl Part {
    /// Whether a cell belongs to it.
    #[must_use]
    pub fn has(self, cell: usize) -> bool {
        cell % self.of == self.number
    }
}

/// A sweep on its way to the disk.
#[derive(Debug)]
pub struct SweepRecord<'a> {
    cells: &'a Cells<'a>,
    canonical: &'a str,
    part: Part,
    plan: String,
}

impl<'a> SweepRecord<'a> {
    /// Of these cells; `canonical` is the scenario without the points.
    #[must_use]
    pub fn new(cells: &'a Cells<'a>, canonical: &'a str, part: Part) -> Self {
        let plan = json!({
            "squall": env!("CARGO_PKG_VERSION"),
            "schema": SCHEMA,
            "scenario": sha256(canonical.as_bytes()),
            "points": cells.points,
            "variants": cells.variants,
            "seeds": cells.seeds,
        });
        Self { cells, canonical, part, plan: sha256(plan.to_string().as_bytes()) }
    }

    /// The cells.
    #[must_use]
    pub fn cells(&self) -> &'a Cells<'a> {
        self.cells
    }

    /// The journal of this sweep.
    ///
    /// # Errors
    /// As [`Journal::open`]; or there can be no results at this place.
    pub fn journal(&self, target: &Path, fresh: bool) -> Result<Journal, RecordError> {
        try_folder(target)?;
        Journal::open(target, &format!("{} {}/{}\n", self.plan, self.part.number + 1, self.part.of), fresh)
    }

    /// Whether the results of this very sweep are at this place already.
    #[must_use]
    pub fn is_done(&self, target: &Path) -> bool {
        let read = |name: &str| fs::read(target.join(name)).ok();
        let manifest = read("manifest.json").and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        manifest.is_some_and(|m| m["sweep"]["plan"] == self.plan && m["sweep"]["shard"] == shard(self.part))
    }

    /// Writes the results, and hands on each cell on the way; then the journal goes.
    ///
    /// # Errors
    /// They cannot be written; the journal is then still there.
    pub fn finish(
        &self,
        target: &Path,
        mut journal: Journal,
        scenario: &Value,
        session: &Session,
        mut each: impl FnMut(&Cell),
    ) -> Result<(), RecordError> {
        let folder = Folder::create(target)?;
        let mut cells = Table::create(&folder, SHARED[0], &CELLS)?;
        let mut digests = Table::create(&folder, SHARED[1], &DIGESTS)?;
        journal.each(|cell| {
            each(&cell);
            self.write(&mut cells, &mut digests, &cell)
        })?;
        cells.finish()?;
        digests.finish()?;
        self.points(&folder)?;
        folder.write(ALIKE[1], self.canonical.as_bytes())?;
        let manifest = json!({
            "squall": env!("CARGO_PKG_VERSION"),
            "schema": SCHEMA,
            "command": "sweep",
            "scenario": scenario,
            "variants": self.cells.variants,
            "seeds": { "first": self.cells.seeds.first(), "count": self.cells.seeds.len() },
            "interrupted": false,
            "sweep": {
                "plan": self.plan,
                "points": self.cells.points.len(),
                "cells": self.cells.len(),
                "shard": shard(self.part),
            },
            "execution": execution(session),
        });
        folder.write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
        folder.publish()?;
        journal.remove()
    }

    fn write(&self, cells: &mut Table, digests: &mut Table, cell: &Cell) -> Result<(), RecordError> {
        let (point, variant, seed) = self.cells.place(cell.cell);
        let variant = self.cells.variants[variant].as_str();
        let [number, point, seed] =
            [cell.cell.to_string(), (point + 1).to_string(), self.cells.seeds[seed].to_string()];
        for row in &cell.rows {
            let value = row.value.map_or_else(|| "inf".to_owned(), |value| value.to_string());
            cells.row([&number, &point, variant, &seed, &row.component, &row.metric, &row.unit, &value])?;
        }
        let (digest, events) = (format!("{:016x}", cell.digest), cell.events.to_string());
        digests.row([&number, &point, variant, &seed, &digest, &events, &cell.ending])
    }

    fn points(&self, folder: &Folder) -> Result<(), RecordError> {
        let mut points = Table::create(folder, ALIKE[0], &["point", "path", "text", "value", "unit"])?;
        for (number, point) in (1..).zip(&self.cells.points) {
            for (path, text) in point {
                let (value, unit) =
                    quantity(text).map_or((String::new(), ""), |(value, unit)| (value.to_string(), unit));
                points.row([&number.to_string(), path, text, &value, unit])?;
            }
        }
        points.finish()
    }
}

fn shard(part: Part) -> Value {
    if part.of == 1 { Value::Null } else { json!({ "number": part.number + 1, "of": part.of }) }
}

/// What a merge has put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Shards.
    pub shards: usize,
    /// Cells.
    pub cells: u64,
}

/// Puts the shards of one sweep together; all but the manifest is then the same bytes as without shards.
///
/// # Errors
/// They are not the shards of one sweep, each once; or they cannot be read, or the results not be written.
pub fn merge(target: &Path, shards: &[PathBuf], session: &Session) -> Result<Merged, RecordError> {
    let folder = Folder::create(target)?;
    let (mut manifests, mut order) = (Vec::new(), vec![PathBuf::new(); shards.len()]);
    for path in shards {
        let place = path.join("manifest.json");
        let bytes = fs::read(&place).map_err(io("read", &place))?;
        let manifest: Value = serde_json::from_slice(&bytes).map_err(|error| io("read", &place)(error.into()))?;
        let number = manifest["sweep"]["shard"]["number"].as_u64().unwrap_or(0) as usize;
        let fits = manifest["schema"] == SCHEMA && manifest["sweep"]["shard"]["of"] == shards.len();
        let free = number.checked_sub(1).and_then(|at| order.get_mut(at)).filter(|slot| slot.as_os_str().is_empty());
        let Some(slot) = free.filter(|_| fits) else { return Err(RecordError::NoShard(path.clone(), shards.len())) };
        slot.clone_from(path);
        manifests.push(manifest);
    }
    let Some(first) = manifests.first() else { return Err(RecordError::NoShard(target.to_path_buf(), 0)) };
    if let Some(at) = manifests.iter().position(|manifest| manifest["sweep"]["plan"] != first["sweep"]["plan"]) {
        return Err(RecordError::NoShard(shards[at].clone(), shards.len()));
    }
    for name in SHARED {
        weave(&folder, name, &order)?;
    }
    for name in ALIKE {
        let place = order[0].join(name);
        folder.write(name, &fs::read(&place).map_err(io("read", &place))?)?;
    }
    let mut manifest = first.clone();
    manifest["sweep"]["shard"] = Value::Null;
    manifest["execution"] = execution(session);
    folder.write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
    folder.publish()?;
    Ok(Merged { shards: shards.len(), cells: first["sweep"]["cells"].as_u64().unwrap_or(0) })
}

/// One table of all shards: the rows of cell 0 from the first, those of cell 1 from the second, and so on.
fn weave(folder: &Folder, name: &str, shards: &[PathBuf]) -> Result<(), RecordError> {
    let mut readers = Vec::new();
    for shard in shards {
        let place = shard.join(name);
        let file = File::open(&place).map_err(io("read", &place))?;
        readers.push((place, csv::Reader::from_reader(file)));
    }
    let failed = |place: &Path, error: csv::Error| io("read", place)(error.into());
    let header = match readers.first_mut() {
        Some((place, reader)) => reader.byte_headers().map_err(|error| failed(place, error))?.clone(),
        None => ByteRecord::new(),
    };
    let mut table = Table::create_raw(folder, name, &header)?;
    let mut next: Vec<Option<ByteRecord>> = Vec::new();
    for (place, reader) in &mut readers {
        next.push(reader.byte_records().next().transpose().map_err(|error| failed(place, error))?);
    }
    let number = |record: &ByteRecord| std::str::from_utf8(&record[0]).ok()?.parse::<usize>().ok();
    loop {
        let ahead = next.iter().enumerate().filter_map(|(at, record)| Some((number(record.as_ref()?)?, at)));
        let Some((_, at)) = ahead.min() else { break };
        let (place, reader) = &mut readers[at];
        let following = reader.byte_records().next().transpose().map_err(|error| failed(place, error))?;
        if let Some(record) = std::mem::replace(&mut next[at], following) {
            table.row(&record)?;
        }
    }
    table.finish()
}
