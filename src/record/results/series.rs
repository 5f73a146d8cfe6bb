//! `series.csv` in memory: for each run, column after column, window by window.

use super::{Unreadable, unreadable};
use csv::StringRecord;
use std::collections::BTreeMap;
use std::path::Path;

/// What a column is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Column {
    /// The component, as `clients.web`.
    pub component: String,
    /// The metric, as `goodput`.
    pub metric: String,
    /// The unit, as `1/s`.
    pub unit: String,
}

/// Values over time, of all runs.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Where each window begins, in seconds.
    pub times: Vec<f64>,
    /// The width of a window, in seconds.
    pub resolution: f64,
    /// All columns, in the order in which they appear.
    pub columns: Vec<Column>,
    /// By variant and seed, the number of each run.
    runs: BTreeMap<(usize, u64), usize>,
    variants: Vec<String>,
    /// For each run and column the values; NaN where there is none.
    values: Vec<Vec<Vec<f64>>>,
}

/// What is looked up for every row, so that nothing is allocated for most of them.
#[derive(Default)]
struct Index {
    columns: BTreeMap<(String, String), usize>,
    times: BTreeMap<String, usize>,
    last: (usize, usize),
}

pub(super) fn read(path: &Path, variants: &[String], seeds: &[u64]) -> Result<Series, Unreadable> {
    let failed = |error: csv::Error| unreadable(path, error);
    let mut reader = csv::Reader::from_path(path).map_err(failed)?;
    let header = ["variant", "seed", "time_s", "component", "metric", "unit", "value"];
    let found: Vec<String> = reader.headers().map_err(failed)?.iter().map(str::to_owned).collect();
    let place = |name: &str| {
        found.iter().position(|column| column == name).ok_or_else(|| unreadable(path, format!("no column `{name}`")))
    };
    let places = header.iter().map(|name| place(name)).collect::<Result<Vec<_>, _>>()?;
    let mut series = Series { variants: variants.to_vec(), ..Series::default() };
    for variant in 0..variants.len() {
        for seed in seeds {
            series.runs.insert((variant, *seed), series.values.len());
            series.values.push(Vec::new());
        }
    }
    let mut index = Index::default();
    let mut row = StringRecord::new();
    while reader.read_record(&mut row).map_err(failed)? {
        let field = |number: usize| row.get(places[number]).unwrap_or_default();
        series.take(&mut index, field).ok_or_else(|| {
            let line = row.position().map_or(0, csv::Position::line);
            unreadable(path, format!("line {line} is damaged, or of a run that the manifest does not list"))
        })?;
    }
    series.close();
    Ok(series)
}

impl Series {
    fn take<'a>(&mut self, index: &mut Index, field: impl Fn(usize) -> &'a str) -> Option<()> {
        let variant = self.variants.iter().position(|name| name == field(0))?;
        let run = *self.runs.get(&(variant, field(1).parse().ok()?))?;
        let (time, component, metric) = (field(2), field(3), field(4));
        let value: f64 = field(6).parse().ok()?;
        let window = match index.times.get(time) {
            Some(window) => *window,
            None => {
                self.times.push(time.parse().ok()?);
                index.times.insert(time.to_owned(), self.times.len() - 1);
                self.times.len() - 1
            }
        };
        let column = self.column_of(index, component, metric, field(5));
        let columns = &mut self.values[run];
        if columns.len() <= column {
            columns.resize(column + 1, Vec::new());
        }
        let values = &mut columns[column];
        if values.len() <= window {
            values.resize(window + 1, f64::NAN);
        }
        values[window] = value;
        Some(())
    }

    fn column_of(&mut self, index: &mut Index, component: &str, metric: &str, unit: &str) -> usize {
        // Rows come in the order of the columns, so the next one is nearly always the one after the last.
        let is = |at: &usize| self.columns.get(*at).is_some_and(|c| c.component == component && c.metric == metric);
        let guess = [index.last.0 + 1, index.last.0 + 2, 0].into_iter().find(is);
        let at = guess.unwrap_or_else(|| {
            let key = (component.to_owned(), metric.to_owned());
            *index.columns.entry(key).or_insert_with(|| {
                self.columns.push(Column {
                    component: component.to_owned(),
                    metric: metric.to_owned(),
                    unit: unit.to_owned(),
                });
                self.columns.len() - 1
            })
        });
        index.last.0 = at;
        at
    }

    /// Windows in the order of time, and all columns of one length.
    fn close(&mut self) {
        let mut order: Vec<usize> = (0..self.times.len()).collect();
        order.sort_by(|a, b| self.times[*a].total_cmp(&self.times[*b]));
        let times: Vec<f64> = order.iter().map(|at| self.times[*at]).collect();
        for run in &mut self.values {
            for column in run.iter_mut().filter(|column| !column.is_empty()) {
                *column = order.iter().map(|at| column.get(*at).copied().unwrap_or(f64::NAN)).collect();
            }
        }
        self.resolution = times.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        if !self.resolution.is_finite() {
            self.resolution = 1.0;
        }
        self.times = times;
    }

    /// When the last window ends, in seconds.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.times.last().map_or(0.0, |last| last + self.resolution)
    }

    /// One column of one run; `None` if it has no value at all.
    #[must_use]
    pub fn get(&self, variant: &str, seed: u64, component: &str, metric: &str) -> Option<&[f64]> {
        let column = self.columns.iter().position(|c| c.component == component && c.metric == metric)?;
        let variant = self.variants.iter().position(|name| name == variant)?;
        let run = *self.runs.get(&(variant, seed))?;
        self.values[run].get(column).map(Vec::as_slice).filter(|values| !values.is_empty())
    }

    /// The components of one kind that have this metric.
    #[must_use]
    pub fn components(&self, kind: &str, metric: &str) -> Vec<&str> {
        let of = |column: &&Column| column.component.split('.').next() == Some(kind) && column.metric == metric;
        self.columns.iter().filter(of).map(|column| column.component.as_str()).collect()
    }
}
