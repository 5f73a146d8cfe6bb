//! The world that squall simulates.
#![forbid(unsafe_code)]

mod blueprint;
pub mod histogram;
pub mod outcome;
mod plan;
pub mod problem;
pub mod report;
pub mod retry;
pub mod spec;
pub mod units;
mod world;

pub use blueprint::{Blueprint, Limits, Settings, Violation, run};
