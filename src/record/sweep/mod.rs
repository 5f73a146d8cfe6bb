//! The results of a sweep, and of its shards put together.

mod latencies;
mod merge;

pub use merge::{Merged, merge};

use super::folder::{Folder, RecordError};
use super::journal::{Journal, Line, try_folder};
use super::manifest::{execution, sha256};
use super::tables::Table;
use super::{SCHEMA, Session};
use crate::experiment::sweep::{Cell, Cells, quantity};
use latencies::Latencies;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

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
        let mut latencies = Latencies::create(&folder)?;
        journal.each(|Line { cell, latencies: times }| {
            each(&cell);
            let (point, variant, _) = self.cells.place(cell.cell);
            latencies.take(point + 1, &self.cells.variants[variant], times)?;
            self.write(&mut cells, &mut digests, &cell)
        })?;
        cells.finish()?;
        digests.finish()?;
        latencies.finish()?;
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
