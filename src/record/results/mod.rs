//! A results folder read back: what plots, the HTML report and exports draw from. Nothing here simulates.

mod counted;
mod series;
mod sweep;
mod tables;
mod tip;

pub use crate::scenario::graph::{Graph, Kind};
pub use crate::scenario::marks::Mark;
pub use counted::{Component, Counted};
pub use series::{Column, Series};
pub use sweep::{Swept, Value as SweptValue};
pub use tables::{Comparison, Failing, Fates, Heat, Judgement, Latencies, Verdict};
pub use tip::{Risk, Tipping, Tips};

use crate::experiment::diagnosis::Diagnosis;
use crate::scenario::{graph, marks};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Why results could not be read.
#[derive(Debug)]
pub struct Unreadable {
    path: PathBuf,
    rule: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.rule)
    }
}

impl std::error::Error for Unreadable {}

fn unreadable(path: &Path, rule: impl fmt::Display) -> Unreadable {
    Unreadable { path: path.to_owned(), rule: rule.to_string() }
}

/// The metrics of all runs: by variant, component and metric, the value of each seed.
pub type Metrics = BTreeMap<(String, String, String), BTreeMap<u64, f64>>;

/// Which command has written a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// `squall run` or `squall compare`.
    Runs,
    /// `squall tip`.
    Tip,
    /// `squall sweep` or `squall merge`.
    Sweep,
}

impl Contents {
    fn of(manifest: &Value) -> Self {
        match manifest.get("command").and_then(Value::as_str) {
            Some("tip") => Self::Tip,
            Some("sweep") => Self::Sweep,
            _ => Self::Runs,
        }
    }
}

/// A results folder. What is large is read when it is asked for.
#[derive(Debug)]
pub struct Results {
    /// Where it is.
    pub folder: PathBuf,
    /// What it holds.
    pub contents: Contents,
    /// `manifest.json`.
    pub manifest: Value,
    /// `scenario.json`.
    pub scenario: Value,
    /// The variants that were run, in order.
    pub variants: Vec<String>,
    /// The seeds that were run, in order.
    pub seeds: Vec<u64>,
    /// `runs.csv`.
    pub metrics: Metrics,
    /// `failures.csv`.
    pub failures: Vec<Failing>,
    /// `verdicts.csv`.
    pub verdicts: Vec<Verdict>,
}

impl Results {
    /// Opens a folder with the results of runs.
    ///
    /// # Errors
    /// It is not one, was written by another version of the schema, or is damaged.
    pub fn open(folder: &Path) -> Result<Self, Unreadable> {
        let results = Self::open_any(folder)?;
        let command = match results.contents {
            Contents::Runs => return Ok(results),
            Contents::Tip => "tip",
            Contents::Sweep => "sweep",
        };
        let rule = format!("these are the results of `squall {command}`, not of runs; `squall plot` draws them");
        Err(unreadable(folder, rule))
    }

    /// Opens a results folder, whatever it holds.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_any(folder: &Path) -> Result<Self, Unreadable> {
        let manifest = json(folder, "manifest.json").map_err(|error| {
            let remedy = "name a folder that `squall run … --out` has written";
            unreadable(folder, format_args!("no results are here ({}); {remedy}", error.rule))
        })?;
        let schema = manifest.get("schema").and_then(Value::as_u64);
        if schema != Some(u64::from(super::SCHEMA)) {
            let theirs = schema.map_or("none".to_owned(), |schema| schema.to_string());
            let rule = format!(
                "the results have schema version {theirs}, and this squall reads {}; run the scenario again",
                super::SCHEMA
            );
            return Err(unreadable(&folder.join("manifest.json"), rule));
        }
        let contents = Contents::of(&manifest);
        let (variants, seeds) = match contents {
            Contents::Runs => runs(&manifest),
            Contents::Tip | Contents::Sweep => planned(&manifest),
        };
        if variants.is_empty() {
            return Err(unreadable(&folder.join("manifest.json"), "it lists no runs, so there is nothing to show"));
        }
        let of_runs = contents == Contents::Runs;
        Ok(Self {
            contents,
            scenario: json(folder, "scenario.json")?,
            variants,
            seeds,
            metrics: if of_runs { tables::metrics(folder)? } else { Metrics::new() },
            failures: if of_runs { tables::failures(folder)? } else { Vec::new() },
            verdicts: if of_runs { tables::verdicts(folder)? } else { Vec::new() },
            folder: folder.to_owned(),
            manifest,
        })
    }

    /// The scenario's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.manifest.pointer("/scenario/name").and_then(Value::as_str).unwrap_or("results")
    }

    /// When a run ended, in simulated seconds.
    #[must_use]
    pub fn ended_at(&self, variant: &str, seed: u64) -> Option<f64> {
        let runs = self.manifest.get("runs")?.as_array()?;
        let is = |run: &&Value| run["variant"].as_str() == Some(variant) && run["seed"].as_u64() == Some(seed);
        runs.iter().find(is)?.get("ended_at_s")?.as_f64()
    }

    /// What the scenario is about, for a person.
    #[must_use]
    pub fn about(&self) -> Option<&str> {
        self.manifest.pointer("/scenario/about").and_then(Value::as_str)
    }

    /// What a variant's world was, as the canonical scenario tells it.
    #[must_use]
    pub fn world(&self, variant: &str) -> Option<&Value> {
        let cases = self.scenario.get("cases")?.as_array()?;
        cases.iter().find(|case| case.get("name").and_then(Value::as_str) == Some(variant))?.get("world")
    }

    /// What went wrong in a variant, and when.
    #[must_use]
    pub fn marks(&self, variant: &str) -> Vec<Mark> {
        self.world(variant).map(marks::of).unwrap_or_default()
    }

    /// Who calls whom in a variant.
    #[must_use]
    pub fn graph(&self, variant: &str) -> Graph {
        self.world(variant).map(graph::of).unwrap_or_default()
    }

    /// `series.csv`: all of it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn series(&self) -> Result<Series, Unreadable> {
        series::read(&self.folder.join("series.csv"), &self.variants, &self.seeds)
    }

    /// `edges.csv` of these runs: what went over edges, window by window.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn edges(&self, variants: &[String], seeds: &[u64]) -> Result<Counted, Unreadable> {
        counted::read(&self.folder.join("edges.csv"), variants, seeds)
    }

    /// `buckets.csv` of these runs: how long requests took, window by window.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn buckets(&self, variants: &[String], seeds: &[u64]) -> Result<Counted, Unreadable> {
        counted::read(&self.folder.join("buckets.csv"), variants, seeds)
    }

    /// `histograms.csv`: latencies of all seeds added up, by variant and component.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn latencies(&self) -> Result<Latencies, Unreadable> {
        tables::latencies(&self.folder)
    }

    /// `fates.csv`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn fates(&self) -> Result<Vec<Fates>, Unreadable> {
        tables::fates(&self.folder)
    }

    /// `latencies.csv` of one variant, all seeds added up.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn heat(&self, variant: &str) -> Result<Vec<Heat>, Unreadable> {
        tables::heat(&self.folder, variant)
    }

    /// `comparisons.csv`; nothing if the results are not those of a comparison.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn comparisons(&self) -> Result<Vec<Comparison>, Unreadable> {
        tables::comparisons(&self.folder)
    }

    /// The tables of a sweep.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn sweep(&self) -> Result<Swept, Unreadable> {
        sweep::read(&self.folder)
    }

    /// The tables of a search for tipping points.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn tips(&self) -> Result<Tips, Unreadable> {
        tip::read(&self.folder)
    }

    /// `explain.jsonl`: the diagnosis of one run.
    ///
    /// # Errors
    /// It cannot be read, or that run is not in it.
    pub fn diagnosis(&self, variant: &str, seed: u64) -> Result<Diagnosis, Unreadable> {
        let found = self.explained()?.into_iter().find(|one| one.variant == variant && one.seed == seed);
        let rule = format_args!("it holds no run of the variant `{variant}` with seed {seed}");
        found.ok_or_else(|| unreadable(&self.folder.join(super::explain::NAME), rule))
    }

    /// `explain.jsonl`: the diagnoses of all runs of a variant, by seed.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn diagnoses(&self, variant: &str) -> Result<Vec<Diagnosis>, Unreadable> {
        Ok(self.explained()?.into_iter().filter(|diagnosis| diagnosis.variant == variant).collect())
    }

    /// `explain.jsonl`: the diagnoses of all runs.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn explained(&self) -> Result<Vec<Diagnosis>, Unreadable> {
        let path = self.folder.join(super::explain::NAME);
        let text = fs::read_to_string(&path).map_err(|error| {
            let remedy = "results of an older squall have none; run the scenario again";
            unreadable(&path, format_args!("{error}; {remedy}"))
        })?;
        text.lines().map(|line| serde_json::from_str(line).map_err(|error| unreadable(&path, error))).collect()
    }

    /// `sources.json`: the files that the scenario was read from.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn sources(&self) -> Result<Value, Unreadable> {
        json(&self.folder, "sources.json")
    }

    /// `judgements.csv`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn judgements(&self) -> Result<Vec<Judgement>, Unreadable> {
        tables::judgements(&self.folder)
    }

    /// The components of one kind that a variant has values of, in order.
    #[must_use]
    pub fn components(&self, variant: &str, kind: &str) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for (of, component, _) in self.metrics.keys() {
            if of == variant && component.split('.').next() == Some(kind) && found.last() != Some(&component.as_str()) {
                found.push(component);
            }
        }
        found
    }

    /// A metric of each seed.
    #[must_use]
    pub fn values(&self, variant: &str, component: &str, metric: &str) -> Option<&BTreeMap<u64, f64>> {
        self.metrics.get(&(variant.to_owned(), component.to_owned(), metric.to_owned()))
    }

    /// A count of all seeds together; 0 if it has no row.
    #[must_use]
    pub fn total(&self, variant: &str, component: &str, metric: &str) -> f64 {
        self.values(variant, component, metric).map_or(0.0, |seeds| seeds.values().sum())
    }
}

/// The variants and seeds of runs, as the manifest lists them.
fn runs(manifest: &Value) -> (Vec<String>, Vec<u64>) {
    let (mut variants, mut seeds) = (Vec::new(), Vec::new());
    for run in manifest.get("runs").and_then(Value::as_array).into_iter().flatten() {
        let variant = run.get("variant").and_then(Value::as_str).unwrap_or_default().to_owned();
        if !variants.contains(&variant) {
            variants.push(variant);
        }
        seeds.extend(run.get("seed").and_then(Value::as_u64));
    }
    seeds.sort_unstable();
    seeds.dedup();
    (variants, seeds)
}

/// The same where each run is one of many at other values.
fn planned(manifest: &Value) -> (Vec<String>, Vec<u64>) {
    let names = manifest.get("variants").and_then(Value::as_array).into_iter().flatten();
    let number = |pointer| manifest.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let first = number("/seeds/first");
    (names.filter_map(Value::as_str).map(str::to_owned).collect(), (first..first + number("/seeds/count")).collect())
}

fn json(folder: &Path, name: &str) -> Result<Value, Unreadable> {
    let path = folder.join(name);
    let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
    serde_json::from_str(&text).map_err(|error| unreadable(&path, error))
}
