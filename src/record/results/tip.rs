//! The tables of a search for tipping points, read back.

use super::Unreadable;
use super::tables::rows;
use serde::Deserialize;
use std::path::Path;

/// A row of `tips.csv`: the threshold of one variant on one branch. Infinite where it is beyond the range.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Tipping {
    /// The variant.
    pub variant: String,
    /// `up` or `down`.
    pub branch: String,
    /// The path whose value it is.
    pub path: String,
    /// What is written behind the number.
    pub unit: String,
    /// The median over seeds.
    pub threshold: f64,
    /// Where its interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

/// A row of `curve.csv`: the chance of collapse at one value.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Risk {
    /// The variant.
    pub variant: String,
    /// `up` or `down`.
    pub branch: String,
    /// The value.
    pub value: f64,
    /// The share of seeds that collapse.
    pub share: f64,
}

/// Tipping points and the curves that lead there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tips {
    /// The thresholds.
    pub thresholds: Vec<Tipping>,
    /// The curves.
    pub curves: Vec<Risk>,
}

pub(super) fn read(folder: &Path) -> Result<Tips, Unreadable> {
    Ok(Tips {
        thresholds: rows(folder.join("tips.csv"))?.collect::<Result<_, _>>()?,
        curves: rows(folder.join("curve.csv"))?.collect::<Result<_, _>>()?,
    })
}
