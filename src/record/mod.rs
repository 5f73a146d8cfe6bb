//! What a run leaves on disk: tidy CSV tables, histograms that can be merged, and a manifest.
//!
//! The schema is documented in `docs/reference/results.md`. Everything but the manifest is the same bytes for any
//! number of threads, on any machine, on any day.

pub mod baseline;
mod comparisons;
mod explain;
mod folder;
mod histogram;
mod journal;
mod manifest;
mod matrix;
#[cfg(feature = "parquet")]
mod parquet;
pub mod results;
mod sweep;
mod tables;
mod tip;

pub use comparisons::{conclusion, finding, role};
pub use folder::RecordError;
pub use journal::Journal;
pub use manifest::Session;
pub use matrix::write_matrix;
pub use sweep::{Merged, Part, SweepRecord, merge};
pub use tip::write_tips;

use crate::experiment::{Compared, Outcome, Run};
use crate::scenario::{Case, Loaded};
use explain::Explanations;
use folder::Folder;
use serde_json::{Value, json};
use std::path::Path;
use tables::Tables;

pub use crate::experiment::ending;

/// The version of the schema of a results folder.
pub const SCHEMA: u32 = 1;

/// Writes a results folder. Nothing is to be seen under its name before [`Recorder::finish`].
#[derive(Debug)]
pub struct Recorder {
    folder: Folder,
    tables: Tables,
    explanations: Explanations,
}

impl Recorder {
    /// Prepares a folder, which is to be given this name in the end.
    ///
    /// # Errors
    /// The name is taken by something that is no results folder, or the place cannot be written to.
    pub fn create(target: &Path) -> Result<Self, RecordError> {
        let folder = Folder::create(target)?;
        let (tables, explanations) = (Tables::create(&folder)?, Explanations::create(&folder)?);
        Ok(Self { folder, tables, explanations })
    }

    /// Takes the next run, in the order of (variant, seed).
    ///
    /// # Errors
    /// It cannot be written.
    pub fn take(&mut self, case: &Case, run: &Run) -> Result<(), RecordError> {
        self.explanations.take(case, run)?;
        self.tables.take(case, run)
    }

    /// Writes the tables of a comparison.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn compared(&mut self, compared: &Compared) -> Result<(), RecordError> {
        comparisons::write(&self.folder, compared)
    }

    /// Writes what concerns all runs and gives the folder its name, in place of older results there.
    ///
    /// # Errors
    /// It cannot be written; older results are then still there.
    pub fn finish(mut self, loaded: &Loaded, outcomes: &[Outcome], session: &Session) -> Result<(), RecordError> {
        self.tables.verdicts(outcomes)?;
        self.tables.finish()?;
        self.explanations.finish()?;
        self.folder.write("scenario.json", loaded.canonical.as_bytes())?;
        let sources: Vec<Value> =
            loaded.sources.iter().map(|(name, text)| json!({ "name": name, "text": text })).collect();
        self.folder.write("sources.json", format!("{:#}\n", Value::Array(sources)).as_bytes())?;
        let manifest = manifest::manifest(loaded, outcomes, session);
        self.folder.write("manifest.json", format!("{manifest:#}\n").as_bytes())?;
        self.folder.publish()
    }
}
