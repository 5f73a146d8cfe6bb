//! Variants × seeds: run in parallel, folded in order. The only place with threads.
//!
//! Runs are independent, so they go to a pool of threads; their results come back in any order and are handed on in
//! the order of (variant, seed). That is why no output depends on the number of threads.

pub mod baseline;
mod compare;
pub mod diagnosis;
mod fold;
mod fork;
mod matrix;
pub mod measure;
mod order;
mod quantity;
mod runner;
pub mod stats;
pub mod sweep;
pub mod tip;
mod totals;

pub use compare::{Answers, Compared, Comparison, Conclusion, Design, Finding, Samples, Standing, compare};
pub use fold::{Fold, Judged, Line, Outcome, Range};
pub use fork::{Continued, Forked, fork};
pub use matrix::Laid;
pub use measure::{Metric, ending, metrics};
pub use quantity::{Better, Quantity, Role};
pub use runner::{Broken, Plan, Run, Stopped, execute};
