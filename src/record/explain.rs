//! The diagnoses of all runs, one line each.

use super::folder::{Folder, RecordError};
use super::tables::Lines;
use crate::experiment::Run;
use crate::experiment::diagnosis::diagnose;
use crate::scenario::Case;

/// Its name in a results folder.
pub(super) const NAME: &str = "explain.jsonl";

/// The file on its way.
#[derive(Debug)]
pub(super) struct Explanations(Lines);

impl Explanations {
    pub(super) fn create(folder: &Folder) -> Result<Self, RecordError> {
        Lines::create(folder, NAME).map(Self)
    }

    pub(super) fn take(&mut self, case: &Case, run: &Run) -> Result<(), RecordError> {
        self.0.line(&diagnose(case, &run.report))
    }

    pub(super) fn finish(self) -> Result<(), RecordError> {
        self.0.finish()
    }
}
