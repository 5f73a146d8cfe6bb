//! squall, the product: scenario files in, answers out.
#![forbid(unsafe_code)]

pub mod cli;
pub mod experiment;
pub mod export;
pub mod record;
pub mod report;
pub mod scenario;
