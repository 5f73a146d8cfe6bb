//! The CSV tables of a results folder.

use super::folder::{Folder, RecordError};
use super::histogram::encode;
use crate::experiment::{Outcome, Run, measure, metrics};
use crate::scenario::Case;
use csv::Writer;
use squall_models::monitor::BOUNDS;
use squall_models::outcome::Failure;
use squall_models::report::{ClientSlice, Counters, Names, Report, Series};
use squall_sim::Time;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// One table that is being written.
#[derive(Debug)]
pub(super) struct Table {
    rows: Writer<BufWriter<File>>,
    /// Where it will appear, for messages.
    path: PathBuf,
}

impl Table {
    pub(super) fn create(folder: &Folder, name: &str, header: &[&str]) -> Result<Self, RecordError> {
        Self::create_raw(folder, name, header.iter().copied())
    }

    pub(super) fn create_raw<T: AsRef<[u8]>>(
        folder: &Folder,
        name: &str,
        header: impl IntoIterator<Item = T>,
    ) -> Result<Self, RecordError> {
        let rows = Writer::from_writer(BufWriter::with_capacity(1 << 16, folder.open(name)?));
        let mut table = Self { rows, path: folder.place(name) };
        table.row(header)?;
        Ok(table)
    }

    pub(super) fn row<T: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = T>) -> Result<(), RecordError> {
        self.rows.write_record(fields).map_err(|error| self.failed(error.into()))
    }

    pub(super) fn failed(&self, error: io::Error) -> RecordError {
        RecordError::Io { what: "write", path: self.path.clone(), error }
    }

    pub(super) fn finish(self) -> Result<(), RecordError> {
        let Self { rows, path } = self;
        let failed = |error| RecordError::Io { what: "write", path: path.clone(), error };
        let buffer = rows.into_inner().map_err(|error| failed(error.into_error()))?;
        let file = buffer.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)
    }
}

/// A file of JSON, one value a line, that is being written.
#[derive(Debug)]
pub(super) struct Lines {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Lines {
    pub(super) fn create(folder: &Folder, name: &str) -> Result<Self, RecordError> {
        Ok(Self { file: BufWriter::new(folder.open(name)?), path: folder.place(name) })
    }

    pub(super) fn line(&mut self, value: &impl serde::Serialize) -> Result<(), RecordError> {
        let written = serde_json::to_writer(&mut self.file, value).map_err(io::Error::from);
        let written = written.and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|error| RecordError::Io { what: "write", path: self.path.clone(), error })
    }

    pub(super) fn finish(self) -> Result<(), RecordError> {
        let Self { file, path } = self;
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error);
        let synced = file.and_then(|file| file.sync_all());
        synced.map_err(|error| RecordError::Io { what: "write", path, error })
    }
}

/// All tables.
#[derive(Debug)]
pub(super) struct Tables {
    runs: Table,
    series: Table,
    edges: Table,
    buckets: Table,
    histograms: Table,
    failures: Table,
    actions: Table,
    fates: Table,
    latencies: Table,
    judgements: Table,
    verdicts: Table,
}

impl Tables {
    pub(super) fn create(folder: &Folder) -> Result<Self, RecordError> {
        let table = |name, header: &[&str]| Table::create(folder, name, header);
        Ok(Self {
            runs: table("runs.csv", &["variant", "seed", "component", "metric", "unit", "value"])?,
            series: table("series.csv", &["variant", "seed", "time_s", "component", "metric", "unit", "value"])?,
            edges: table(
                "edges.csv",
                &["variant", "seed", "time_s", "component", "calls", "attempts", "ok", "failed", "open"],
            )?,
            buckets: Table::create_raw(folder, "buckets.csv", bucket_columns())?,
            histograms: table(
                "histograms.csv",
                &["variant", "seed", "component", "histogram", "count", "sum_ns", "max_ns", "hdr_us"],
            )?,
            failures: table("failures.csv", &["variant", "seed", "place", "time_s", "kind", "component", "evidence"])?,
            actions: table("actions.csv", &["variant", "seed", "time_s", "cause", "action", "target", "effect"])?,
            fates: table("fates.csv", &["variant", "seed", "time_s", "width_s", "component", "fate", "count"])?,
            latencies: table(
                "latencies.csv",
                &["variant", "seed", "time_s", "width_s", "component", "from_s", "to_s", "count"],
            )?,
            judgements: table(
                "judgements.csv",
                &["variant", "seed", "number", "expectation", "holds", "measured", "shown"],
            )?,
            verdicts: table(
                "verdicts.csv",
                &[
                    "variant",
                    "number",
                    "expectation",
                    "expected",
                    "needed_share",
                    "held",
                    "of",
                    "measured_median",
                    "ok",
                ],
            )?,
        })
    }

    pub(super) fn take(&mut self, case: &Case, run: &Run) -> Result<(), RecordError> {
        let (report, names) = (&run.report, case.blueprint.names());
        let seed = report.seed.to_string();
        let of = (case.name.as_str(), seed.as_str());
        self.runs(of, report, names)?;
        self.series(of, report)?;
        self.counters(of, report, names)?;
        self.histograms(of, report, names)?;
        self.failures(of, report)?;
        self.actions(of, report)?;
        self.slices(of, report, names)?;
        for (number, (expectation, judgement)) in case.expectations.iter().zip(&run.judgements).enumerate() {
            let number = (number + 1).to_string();
            let holds = if judgement.holds { "true" } else { "false" };
            let measured = judgement.measured.map(|value| value.to_string()).unwrap_or_default();
            self.judgements.row([of.0, of.1, &number, &expectation.text, holds, &measured, &judgement.shown])?;
        }
        Ok(())
    }

    fn runs(&mut self, (variant, seed): (&str, &str), report: &Report, names: &Names) -> Result<(), RecordError> {
        let seconds = report.measured.to.since(report.measured.from).seconds();
        for row in metrics(&report.measured, names, seconds) {
            let Some(value) = row.value.filter(|_| row.tells()) else {
                continue;
            };
            self.runs.row([variant, seed, &row.component, &row.metric, row.unit, &value.to_string()])?;
        }
        Ok(())
    }

    fn series(&mut self, (variant, seed): (&str, &str), report: &Report) -> Result<(), RecordError> {
        let series = &report.series;
        for (window, values) in series.values.chunks(series.columns.len().max(1)).enumerate() {
            let start = start(series, window);
            for (column, value) in series.columns.iter().zip(values).filter(|(_, value)| value.is_finite()) {
                let value = value.to_string();
                self.series.row([variant, seed, &start, &column.component, column.metric, column.unit, &value])?;
            }
        }
        Ok(())
    }

    fn counters(&mut self, (variant, seed): (&str, &str), report: &Report, names: &Names) -> Result<(), RecordError> {
        let Counters { edges, latencies } = &report.counters;
        for (window, counts) in edges.chunks(names.edges.len().max(1)).enumerate() {
            let start = start(&report.series, window);
            for ((from, to), edge) in names.edges.iter().zip(counts).filter(|(_, edge)| edge.tells()) {
                let component = format!("edges.{from}.{to}");
                let [calls, attempts, ok, failed] =
                    [edge.calls, edge.attempts, edge.ok, edge.failed].map(|count| count.to_string());
                let open = edge.open.map(|open| open.to_string()).unwrap_or_default();
                self.edges.row([variant, seed, &start, &component, &calls, &attempts, &ok, &failed, &open])?;
            }
        }
        for (window, counts) in latencies.chunks(names.clients.len().max(1)).enumerate() {
            let start = start(&report.series, window);
            for (name, buckets) in names.clients.iter().zip(counts).filter(|(_, buckets)| buckets[BOUNDS.len()] > 0) {
                let of = [variant.to_owned(), seed.to_owned(), start.clone(), format!("clients.{name}")];
                self.buckets.row(of.into_iter().chain(buckets.iter().map(u64::to_string)))?;
            }
        }
        Ok(())
    }

    fn histograms(&mut self, (variant, seed): (&str, &str), report: &Report, names: &Names) -> Result<(), RecordError> {
        for (component, which, histogram) in measure::histograms(&report.measured, names) {
            let text = encode(histogram).map_err(|error| self.histograms.failed(error))?;
            let numbers = [u128::from(histogram.count()), histogram.sum_nanos(), u128::from(histogram.max().nanos())];
            let [count, sum, max] = numbers.map(|number| number.to_string());
            self.histograms.row([variant, seed, &component, which, &count, &sum, &max, &text])?;
        }
        Ok(())
    }

    fn failures(&mut self, (variant, seed): (&str, &str), report: &Report) -> Result<(), RecordError> {
        for (place, failing) in report.failure_order.iter().enumerate() {
            let (place, at) = ((place + 1).to_string(), failing.at.seconds().to_string());
            self.failures.row([variant, seed, &place, &at, "failing", &failing.component, &failing.evidence])?;
        }
        for (place, deadlock) in report.deadlocks.iter().enumerate() {
            let (place, at) = ((place + 1).to_string(), deadlock.at.seconds().to_string());
            let (cycle, stuck) = (deadlock.cycle.join(" -> "), format!("{} calls stuck", deadlock.stuck));
            self.failures.row([variant, seed, &place, &at, "deadlock", &cycle, &stuck])?;
        }
        Ok(())
    }

    fn actions(&mut self, (variant, seed): (&str, &str), report: &Report) -> Result<(), RecordError> {
        for acted in &report.actions {
            let at = acted.at.seconds().to_string();
            self.actions.row([variant, seed, &at, &acted.cause, acted.action, &acted.target, &acted.effect])?;
        }
        Ok(())
    }

    fn slices(&mut self, (variant, seed): (&str, &str), report: &Report, names: &Names) -> Result<(), RecordError> {
        for slice in &report.slices {
            let (start, width) = (slice.from.seconds().to_string(), slice.to.since(slice.from).seconds().to_string());
            for (client, name) in slice.clients.iter().zip(&names.clients) {
                let component = format!("clients.{name}");
                let failed = Failure::ALL.iter().zip(client.failed).map(|(failure, count)| (failure.name(), count));
                for (fate, count) in [("ok", client.ok)].into_iter().chain(failed).filter(|(_, count)| *count > 0) {
                    self.fates.row([variant, seed, &start, &width, &component, fate, &count.to_string()])?;
                }
                for (at, count) in client.latency.iter().enumerate().filter(|(_, count)| **count > 0) {
                    let (low, high) = ClientSlice::bounds(at);
                    let [low, high] = [low, high].map(|micros| (micros as f64 / 1e6).to_string());
                    let row = [variant, seed, &start, &width, &component, &low, &high, &count.to_string()];
                    self.latencies.row(row)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn verdicts(&mut self, outcomes: &[Outcome]) -> Result<(), RecordError> {
        for outcome in outcomes {
            for (number, judged) in outcome.judged.iter().enumerate() {
                let (expectation, verdict) = (&judged.expectation, judged.verdict());
                let median = judged.median().and_then(|judgement| judgement.measured);
                self.verdicts.row([
                    outcome.name.as_str(),
                    &(number + 1).to_string(),
                    &expectation.text,
                    if expectation.broken_by_this { "breaks" } else { "holds" },
                    &expectation.seeds.to_string(),
                    &verdict.held.to_string(),
                    &verdict.of.to_string(),
                    &median.map(|value| value.to_string()).unwrap_or_default(),
                    if verdict.ok { "true" } else { "false" },
                ])?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), RecordError> {
        let Self { runs, series, edges, buckets, histograms, .. } = self;
        let Self { failures, actions, fates, latencies, judgements, verdicts, .. } = self;
        [runs, series, edges, buckets, histograms, failures, actions, fates, latencies, judgements, verdicts]
            .into_iter()
            .try_for_each(Table::finish)
    }
}

/// When a window begins, in seconds.
fn start(series: &Series, window: usize) -> String {
    Time::from_nanos(series.resolution.nanos().saturating_mul(window as u64)).seconds().to_string()
}

/// A column for each bound of the buckets, and one for all.
fn bucket_columns() -> impl Iterator<Item = String> {
    let of = ["variant", "seed", "time_s", "component"].map(str::to_owned);
    of.into_iter().chain(BOUNDS.iter().map(|bound| format!("le_{bound}"))).chain(["le_inf".to_owned()])
}
