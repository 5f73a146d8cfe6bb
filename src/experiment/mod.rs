//! Variants × seeds: run in parallel, folded in order. The only place with threads.
//!
//! Runs are independent, so they go to a pool of threads; their results come back in any order and are handed on in
//! the order of (variant, seed). That is why no output depends on the number of threads.

mod fold;
pub mod measure;
mod order;
mod runner;
mod totals;

pub use fold::{Fold, Judged, Line, Outcome, Range};
pub use measure::{Metric, metrics};
pub use runner::{Broken, Plan, Run, Stopped, execute};
