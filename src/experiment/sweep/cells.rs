//! Running cells, in whatever order they end.

use super::{Point, sets};
use crate::experiment::order::as_they_end;
use crate::experiment::quantity::{Quantity, quantities, values};
use crate::experiment::runner::{Broken, one};
use crate::experiment::{Plan, Stopped, ending};
use crate::scenario::{self, Case, Loaded};
use serde::{Deserialize, Serialize};
use squall_models::histogram::Histogram;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// All cells of a sweep. Their numbers go through the points, at each point through the variants, then the seeds.
#[derive(Clone, Debug)]
pub struct Cells<'a> {
    /// The scenario file.
    pub path: &'a Path,
    /// The `--set` options that hold everywhere.
    pub sets: Vec<String>,
    /// The points.
    pub points: Vec<Point>,
    /// The variants.
    pub variants: Vec<String>,
    /// The seeds.
    pub seeds: Vec<u64>,
}

/// One cell that has run.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Cell {
    /// Its number.
    pub cell: usize,
    /// The digest of its run.
    pub digest: u64,
    /// Events that were handled.
    pub events: u64,
    /// How its run ended.
    pub ending: String,
    /// What was found.
    pub rows: Vec<Row>,
    /// For each client, its name and the latencies of its requests that ended well. They are written down in a form of
    /// their own.
    #[serde(skip)]
    pub latencies: Vec<(String, Histogram)>,
}

/// One value of a cell.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Row {
    /// The component.
    pub component: String,
    /// The metric.
    pub metric: String,
    /// The unit.
    pub unit: String,
    /// The value; none where it is infinite, which is how a recovery that never comes is written.
    pub value: Option<f64>,
}

/// Why a cell gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The scenario is wrong at a point.
    Invalid(String),
    /// squall contradicted itself, at this point.
    Broken(Broken, usize),
}

/// A point that was read.
#[derive(Debug)]
struct Read {
    loaded: Loaded,
    quantities: Vec<Quantity>,
}

/// Points that were read, as many as are being worked on.
struct Shelf {
    most: usize,
    points: Mutex<BTreeMap<usize, Arc<Read>>>,
}

impl Cells<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.len() * self.variants.len() * self.seeds.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The point, the variant and the seed of a cell, as numbers in their lists.
    #[must_use]
    pub fn place(&self, cell: usize) -> (usize, usize, usize) {
        let (rest, seed) = (cell / self.seeds.len(), cell % self.seeds.len());
        (rest / self.variants.len(), rest % self.variants.len(), seed)
    }

    /// Reads the scenario at a point.
    ///
    /// # Errors
    /// It is not valid there.
    pub fn load(&self, point: usize) -> Result<Loaded, Trouble> {
        let sets: Vec<String> = self.sets.iter().cloned().chain(sets(&self.points[point])).collect();
        let named = |error: scenario::Diagnostics| {
            Trouble::Invalid(format!("{}\n(at the point {})", error.to_string().trim_end(), sets.join(", ")))
        };
        scenario::load_for(self.path, &sets, &self.variants).map_err(named)
    }

    /// Runs these cells and hands each on when it has ended. True if all were run, false if `stop` was set in between.
    ///
    /// # Errors
    /// The first cell in trouble, or an error of `each`.
    pub fn run<E>(
        &self,
        cells: &[usize],
        threads: usize,
        stop: &AtomicBool,
        mut each: impl FnMut(Cell) -> Result<(), E>,
    ) -> Result<bool, Stopped<Result<E, Trouble>>> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| Stopped::Threads(error.to_string()))?;
        let shelf = Shelf { most: pool.current_num_threads() + 1, points: Mutex::default() };
        let work = |at: usize| self.cell(&shelf, cells[at]);
        as_they_end(&pool, cells.len(), stop, work, |cell| {
            let cell = cell.map_err(|trouble| Stopped::Receiver(Err(trouble)))?;
            each(cell).map_err(|error| Stopped::Receiver(Ok(error)))
        })
    }

    fn cell(&self, shelf: &Shelf, cell: usize) -> Result<Cell, Trouble> {
        let (point, variant, seed) = self.place(cell);
        let read = shelf.get(self, point)?;
        let cases: Vec<&Case> = read.loaded.cases.iter().collect();
        let name = &self.variants[variant];
        let missing = || Trouble::Invalid(format!("there is no variant `{name}` at every point"));
        let at = cases.iter().position(|case| case.name == *name).ok_or_else(missing)?;
        let plan = Plan { cases, seeds: Vec::new(), threads: 1, twice: false };
        let run = one(&plan, at, self.seeds[seed]).map_err(|broken| Trouble::Broken(broken, point))?;
        let case = plan.cases[at];
        let found = values(&read.quantities, case, &run);
        let mut rows: Vec<Row> = Vec::new();
        for (quantity, value) in read.quantities.iter().zip(found) {
            let Some(value) = value else { continue };
            let space = if quantity.window.is_empty() { "" } else { " " };
            rows.push(Row {
                component: quantity.component.clone(),
                metric: format!("{}{space}{}", quantity.metric, quantity.window),
                unit: quantity.unit.to_owned(),
                value: Some(value).filter(|value| value.is_finite()),
            });
        }
        for (number, judgement) in (1..).zip(&run.judgements) {
            let (component, metric) = (format!("expectations.{number}"), "holds".to_owned());
            let value = Some(f64::from(u8::from(judgement.holds)));
            rows.push(Row { component, metric, unit: "yes_no".to_owned(), value });
        }
        let report = &run.report;
        let ending = ending(report.ending).to_owned();
        let clients = case.blueprint.names().clients.iter().zip(&report.measured.clients);
        let latencies = clients.map(|(name, client)| (name.clone(), client.latency.clone())).collect();
        Ok(Cell { cell, digest: report.digest, events: report.events, ending, rows, latencies })
    }
}

impl Shelf {
    fn get(&self, cells: &Cells<'_>, point: usize) -> Result<Arc<Read>, Trouble> {
        let lock = || self.points.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = lock().get(&point) {
            return Ok(Arc::clone(read));
        }
        // Two threads may read the same point at once; reading is cheap beside waiting.
        let loaded = cells.load(point)?;
        let quantities = quantities(&loaded.cases.iter().collect::<Vec<_>>());
        let read = Arc::new(Read { loaded, quantities });
        let mut points = lock();
        points.insert(point, Arc::clone(&read));
        while points.len() > self.most {
            points.pop_first();
        }
        Ok(read)
    }
}
