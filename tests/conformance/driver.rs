//! Reads a folder of recordings and runs what it can.

use super::vector::{Check, Difference};
use super::{Exception, Family, Kind};
use serde_json::Value;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What came of one vector.
enum Outcome {
    /// Ran, with so many values compared.
    Ran(usize, Vec<Difference>),
    /// Why it could not.
    Unable(String),
}

struct Entry {
    file: String,
    vector: String,
    outcome: Outcome,
    /// The place of its exception in the list of all.
    exception: Option<usize>,
}

/// What came of a folder.
#[derive(Default)]
pub(super) struct Report {
    pub(super) files: usize,
    entries: Vec<Entry>,
    /// Sentences about what could not be run, in order.
    unable: Vec<String>,
    explained: Vec<String>,
}

/// Runs every vector in a folder and the folders below it.
pub(super) fn run(folder: &Path, families: &[Family]) -> Report {
    let mut paths = Vec::new();
    collect(folder, &mut paths);
    let mut report = Report::default();
    for path in paths {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        match text.and_then(|text| serde_json::from_str::<Value>(&text).map_err(|error| error.to_string())) {
            Ok(content) => report.file(&stem, &content, families),
            Err(error) => report.add(&stem, "", Outcome::Unable(format!("cannot be read: {error}")), families),
        }
    }
    report
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.sort();
    for path in found {
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
}

fn begins(name: &str, prefix: &str) -> bool {
    name.starts_with(prefix)
}

impl Report {
    /// Runs all vectors of a file.
    pub(super) fn file(&mut self, stem: &str, content: &Value, families: &[Family]) {
        self.files += 1;
        let Some(vectors) = content["vectors"].as_array() else {
            return self.add(stem, "", Outcome::Unable("there is no list `vectors` in it".to_owned()), families);
        };
        let kind = content["kind"].as_str().unwrap_or(stem);
        for (at, vector) in vectors.iter().enumerate() {
            let name = vector["name"].as_str().map_or_else(|| format!("#{at}"), str::to_owned);
            let known = families.iter().flat_map(|family| family.kinds);
            let runner = known.into_iter().find(|known| begins(kind, known.file) && begins(&name, known.vector));
            let outcome = match runner {
                Some(runner) => run_one(runner, stem, &name, vector),
                None => Outcome::Unable("no kind of recording that squall knows".to_owned()),
            };
            self.add(stem, &name, outcome, families);
        }
    }

    fn add(&mut self, file: &str, vector: &str, outcome: Outcome, families: &[Family]) {
        let exceptions = exceptions(families);
        let exception = exceptions.iter().position(|one| begins(file, one.file) && begins(vector, one.vector));
        let at = if vector.is_empty() { file.to_owned() } else { format!("{file}, `{vector}`") };
        match (exception, &outcome) {
            (Some(exception), _) => self.explained.push(format!("{at}: {}", exceptions[exception].reason)),
            (None, Outcome::Unable(reason)) => self.unable.push(format!("{at}: {reason}")),
            (None, Outcome::Ran(..)) => {}
        }
        self.entries.push(Entry { file: file.to_owned(), vector: vector.to_owned(), outcome, exception });
    }

    /// Where squall differs without a reason that is written down.
    pub(super) fn differences(&self) -> impl Iterator<Item = &Difference> {
        let unexplained = self.entries.iter().filter(|entry| entry.exception.is_none());
        unexplained.flat_map(|entry| match &entry.outcome {
            Outcome::Ran(_, differences) => differences.as_slice(),
            Outcome::Unable(_) => &[],
        })
    }

    /// What could not be run, and why.
    pub(super) fn unable(&self) -> impl Iterator<Item = &str> {
        self.unable.iter().map(String::as_str)
    }

    /// Everything that must not be in the project's own folder, one sentence each.
    pub(super) fn problems(&self, families: &[Family]) -> Vec<String> {
        let mut found: Vec<String> = self.differences().map(ToString::to_string).collect();
        found.extend(self.unable().map(|reason| format!("{reason}; run it, or list it with the exceptions")));
        for (at, exception) in exceptions(families).iter().enumerate() {
            let mut meant = self.entries.iter().filter(|entry| entry.exception == Some(at)).peekable();
            let name = format!("the exception for `{}` `{}` ({})", exception.file, exception.vector, exception.reason);
            if meant.peek().is_none() {
                found.push(format!("{name} is about nothing: take it out"));
            }
            let needless =
                meant.filter(|entry| matches!(&entry.outcome, Outcome::Ran(_, differences) if differences.is_empty()));
            found.extend(needless.map(|entry| {
                format!("{name} is not needed for {}, `{}`, which holds: take it out", entry.file, entry.vector)
            }));
        }
        found
    }
}

fn exceptions(families: &[Family]) -> Vec<&Exception> {
    families.iter().flat_map(|family| family.exceptions).collect()
}

fn run_one(kind: &Kind, file: &str, name: &str, vector: &Value) -> Outcome {
    let mut check = Check::new(file, name);
    match catch_unwind(AssertUnwindSafe(|| (kind.run)(vector, &mut check))) {
        Ok(Ok(())) if check.compared == 0 => Outcome::Unable("nothing in it was compared".to_owned()),
        Ok(Ok(())) => Outcome::Ran(check.compared, check.differences),
        Ok(Err(reason)) => Outcome::Unable(reason),
        Err(_) => Outcome::Unable("squall panicked over it; the message is above".to_owned()),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ran = self.entries.iter().filter_map(|entry| match &entry.outcome {
            Outcome::Ran(compared, _) if entry.exception.is_none() => Some(*compared),
            _ => None,
        });
        let (vectors, values) = ran.fold((0, 0), |(vectors, values), compared| (vectors + 1, values + compared));
        writeln!(f, "conformance: {vectors} vectors of {} files run, {values} values compared", self.files)?;
        if !self.unable.is_empty() {
            writeln!(f, "\nnot run:")?;
            self.unable.iter().try_for_each(|reason| writeln!(f, "  {reason}"))?;
        }
        if !self.explained.is_empty() {
            writeln!(f, "\nexceptions:")?;
            self.explained.iter().try_for_each(|reason| writeln!(f, "  {reason}"))?;
        }
        if self.differences().next().is_some() {
            writeln!(f, "\nwhere squall differs:")?;
            self.differences().try_for_each(|difference| writeln!(f, "  {difference}"))?;
        }
        Ok(())
    }
}
