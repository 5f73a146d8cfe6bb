//! The CSV files that a world names: traces of arrivals, rates and keys, and measured distributions.

use super::issue::{Issues, Place};
use super::lost::Lost;
use super::node::{Mark, Node};
use super::source::{Sources, read_bytes};
use super::visit;
use super::words::shorten;
use squall_models::spec::{Arrivals, Keys, Law, Load, Profile, Quantiles, World};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Larger data files are refused before they are read.
const LARGEST: u64 = 64 << 20;

/// Data files that were read, each once for all variants.
#[derive(Debug, Default)]
pub(super) struct DataFiles {
    tables: BTreeMap<PathBuf, Table>,
}

/// What a file holds: rows of numbers, or why it cannot be used.
#[derive(Debug)]
struct Table {
    rows: Result<Vec<Row>, Wrong>,
    hash: u64,
}

/// A row with its line in the file.
#[derive(Clone, Debug)]
struct Row {
    line: usize,
    cells: Vec<f64>,
}

#[derive(Clone, Debug)]
struct Wrong {
    /// The line, where it is about one.
    line: Option<usize>,
    rule: String,
    remedy: String,
}

impl Wrong {
    fn at(line: usize, rule: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { line: Some(line), rule: rule.into(), remedy: remedy.into() }
    }
}

impl DataFiles {
    /// Reads every file that the world names, relative to the file that names it, into the world. Gives back where
    /// that was not possible.
    pub(super) fn fill(&mut self, world: &mut World, tree: &Node, sources: &Sources, issues: &mut Issues) -> Vec<Lost> {
        let mut filler = Filler { files: self, tree, sources, issues, lost: Vec::new() };
        for (name, keys) in &mut world.keys {
            if let Keys::Trace { file, keys } = keys {
                let path = format!("keys.{name}.trace.file");
                filler.column(&path, file, keys, |rows| rows.iter().map(whole).collect());
            }
        }
        for (name, client) in &mut world.clients {
            filler.arrivals(&format!("clients.{name}.arrivals"), &mut client.arrivals);
        }
        visit::distributions(world, &mut |path, distribution| {
            visit::laws(path, distribution, &mut |path, law| filler.law(path, law));
        });
        filler.lost
    }

    /// A hash for each file, by path relative to `folder` where possible.
    pub(super) fn hashes(&self, folder: &Path) -> BTreeMap<String, String> {
        let name = |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
        self.tables.iter().map(|(path, table)| (name(path), format!("{:016x}", table.hash))).collect()
    }
}

struct Filler<'a> {
    files: &'a mut DataFiles,
    tree: &'a Node,
    sources: &'a Sources,
    issues: &'a mut Issues,
    lost: Vec<Lost>,
}

impl Filler<'_> {
    fn arrivals(&mut self, path: &str, arrivals: &mut Arrivals) {
        let (kind, rate) = match arrivals {
            Arrivals::Poisson { rate } => ("poisson", rate),
            Arrivals::Deterministic { rate, .. } => ("deterministic", rate),
            Arrivals::Gamma { rate, .. } => ("gamma", rate),
            Arrivals::Bursty { rate, .. } => ("bursty", rate),
            Arrivals::Trace { file, times } => {
                return self.column(&format!("{path}.trace.file"), file, times, |rows| rising(rows, 1));
            }
            Arrivals::Herd { .. } | Arrivals::Closed { .. } => return,
        };
        if let Load(Profile::Trace { file, points }) = rate {
            self.column(&format!("{path}.{kind}.rate.trace.file"), file, points, pairs);
        }
    }

    fn law(&mut self, path: &str, law: &mut Law) {
        if let Law::Empirical { file, table, .. } = law {
            let mut read = Vec::new();
            self.column(&format!("{path}.empirical.file"), file, &mut read, |rows| quantiles(rows).map(|q| vec![q]));
            *table = read.pop();
        }
    }

    /// Reads one file into one place.
    fn column<T>(&mut self, path: &str, file: &str, into: &mut Vec<T>, read: impl Fn(&[Row]) -> Result<Vec<T>, Wrong>) {
        let (found, _) = self.tree.find(path);
        if found.node.is_gone() {
            return;
        }
        let mark = if found.node.text().is_some() { found.node.at } else { found.label };
        let full = self.sources.folder(mark.file).join(file);
        let table = self.files.tables.entry(full.clone()).or_insert_with(|| Table::read(&full));
        match table.rows.as_deref().map_err(Clone::clone).and_then(read) {
            Ok(values) => *into = values,
            Err(wrong) => {
                self.lost.push(Lost::file(path));
                report(self.issues, &full, mark, wrong);
            }
        }
    }
}

fn report(issues: &mut Issues, file: &Path, named_at: Mark, wrong: Wrong) {
    match wrong.line {
        Some(line) => {
            let path = file.display().to_string();
            issues.add(
                Place::Line { path, line },
                format!("{} (line {line} of `{}`)", wrong.rule, file.display()),
                wrong.remedy,
            );
        }
        None => issues.at(named_at, wrong.rule, wrong.remedy),
    }
}

impl Table {
    fn read(path: &Path) -> Self {
        match read_bytes(path, LARGEST) {
            Ok(bytes) => Self { rows: rows(path, &bytes), hash: fnv(&bytes) },
            Err((rule, remedy)) => Self { rows: Err(Wrong { line: None, rule, remedy }), hash: 0 },
        }
    }
}

/// FNV-1a: enough to see that a file has changed.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Rows of numbers; lines that begin with `#` and a first line without any number are left out.
fn rows(path: &Path, bytes: &[u8]) -> Result<Vec<Row>, Wrong> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(1, |at| line_number(at.line()));
            Wrong::at(line, "this line cannot be read", "write numbers with commas between them, as UTF-8")
        })?;
        let line = record.position().map_or(1, |at| line_number(at.line()));
        let cells: Result<Vec<f64>, &str> = record.iter().map(|cell| cell.parse().map_err(|_| cell)).collect();
        match cells {
            Ok(cells) if cells.iter().all(|cell| cell.is_finite()) => rows.push(Row { line, cells }),
            Ok(_) => return Err(Wrong::at(line, "this line holds a number that is not finite", "remove the line")),
            Err(_) if rows.is_empty() && record.iter().all(|cell| cell.parse::<f64>().is_err()) && line <= 1 => {}
            Err(cell) => {
                let rule = format!("`{}` is not a number", shorten(cell));
                return Err(Wrong::at(line, rule, "write plain numbers such as `12.5`, without units"));
            }
        }
    }
    if rows.is_empty() {
        let rule = format!("`{}` holds no numbers", path.display());
        return Err(Wrong { line: None, rule, remedy: "write one row of numbers in each line".to_owned() });
    }
    Ok(rows)
}

fn line_number(line: u64) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX)
}

fn width(row: &Row, columns: usize) -> Result<(), Wrong> {
    if row.cells.len() == columns {
        return Ok(());
    }
    let plural = if columns == 1 { "" } else { "s" };
    let rule = format!("this line has {} numbers, and {columns} number{plural} are wanted", row.cells.len());
    Err(Wrong::at(row.line, rule, format!("write {columns} number{plural} in each line")))
}

fn whole(row: &Row) -> Result<u64, Wrong> {
    width(row, 1)?;
    let key = row.cells[0];
    // Above 2^53 a double no longer holds every whole number.
    if key < 0.0 || key != key.trunc() || key > 9.0e15 {
        let rule = format!("`{key}` is not a whole number from 0 to 9e15");
        return Err(Wrong::at(row.line, rule, "write one whole number in each line"));
    }
    Ok(key as u64)
}

/// The first column, which must not be negative and must rise.
fn rising(rows: &[Row], columns: usize) -> Result<Vec<f64>, Wrong> {
    let mut last = 0.0;
    rows.iter()
        .map(|row| {
            width(row, columns)?;
            let time = row.cells[0];
            if time < last {
                let rule = format!("`{time}` comes after `{last}`, and times must not fall or be negative");
                return Err(Wrong::at(row.line, rule, "sort the lines by time, from 0 on, in seconds"));
            }
            last = time;
            Ok(time)
        })
        .collect()
}

fn pairs(rows: &[Row]) -> Result<Vec<(f64, f64)>, Wrong> {
    let times = rising(rows, 2)?;
    if let Some(row) = rows.iter().find(|row| row.cells[1] < 0.0) {
        return Err(Wrong::at(row.line, format!("the rate `{}` is negative", row.cells[1]), "write a rate from 0 on"));
    }
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].cells[0] >= pair[1].cells[0]) {
        return Err(Wrong::at(pair[1].line, "this time is there twice", "keep one line for each time"));
    }
    Ok(times.into_iter().zip(rows).map(|(time, row)| (time, row.cells[1])).collect())
}

fn quantiles(rows: &[Row]) -> Result<Quantiles, Wrong> {
    let columns = if rows[0].cells.len() == 2 { 2 } else { 1 };
    for row in rows {
        width(row, columns)?;
        let value = row.cells[columns - 1];
        if value < 0.0 {
            return Err(Wrong::at(row.line, format!("the value `{value}` is negative"), "write values from 0 on"));
        }
    }
    if columns == 1 {
        return Ok(Quantiles::Samples(rows.iter().map(|row| row.cells[0]).collect()));
    }
    if let Some(row) = rows.iter().find(|row| !(0.0..=1.0).contains(&row.cells[0])) {
        let rule = format!("the quantile `{}` is not between 0 and 1", row.cells[0]);
        return Err(Wrong::at(row.line, rule, "write quantiles as shares: the median is `0.5`"));
    }
    let (first, last) = (&rows[0], &rows[rows.len() - 1]);
    for (row, end, what) in [(first, 0.0, "first"), (last, 1.0, "last")] {
        if row.cells[0] != end {
            let rule = format!("the {what} quantile is `{}`, and must be `{end}`", row.cells[0]);
            return Err(Wrong::at(row.line, rule, "give the smallest value as the quantile `0`, the largest as `1`"));
        }
    }
    let falls = |pair: &&[Row]| pair[0].cells[0] >= pair[1].cells[0] || pair[0].cells[1] > pair[1].cells[1];
    if let Some(pair) = rows.windows(2).find(falls) {
        return Err(Wrong::at(pair[1].line, "quantiles and their values must rise", "sort the lines by quantile"));
    }
    Ok(Quantiles::Points(rows.iter().map(|row| (row.cells[0], row.cells[1])).collect()))
}
