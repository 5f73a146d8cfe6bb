//! What a person or a program reads on stdout.

mod actions;
mod compare;
mod compare_json;
mod details;
mod diff;
mod diff_forms;
mod estimates;
mod explain;
mod failures;
mod fork;
mod html;
mod json;
mod matrix;
mod number;
pub mod plots;
mod story;
pub(crate) mod style;
mod sweep;
mod table;
mod text;
mod timeline;
mod tip;
mod verdicts;
mod watch;
mod words;

pub use compare::{Comparing, comparison};
pub use compare_json::comparison_json;
pub use diff::{Alarm, Difference, differences};
pub use diff_forms::{annotations, differences_json, junit, markdown};
pub use estimates::estimates;
pub use explain::{explanation, over_seeds, over_seeds_json};
pub use fork::forks;
pub use html::html;
pub use json::json;
pub use matrix::{matrix_markdown, matrix_table};
pub use sweep::Swept;
pub use text::{Shown, text};
pub use tip::{tips, tips_json};
pub use watch::{Latest, watch};

use crate::experiment::Outcome;
use crate::scenario::Loaded;

/// Everything that a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// The scenario.
    pub loaded: &'a Loaded,
    /// What its variants came to, in order.
    pub outcomes: &'a [Outcome],
    /// It was interrupted: some runs are missing.
    pub interrupted: bool,
}
