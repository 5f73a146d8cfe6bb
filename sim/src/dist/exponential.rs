//! Laws made of exponentials.

use std::sync::Arc;

use super::LARGEST_EXPONENTIAL;
use super::error::{DistError, not_negative, positive, require};
use crate::random::{Draw, negative_ln};

/// The memoryless law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    mean: f64,
}

impl Exponential {
    pub(super) fn new(mean: f64) -> Result<Self, DistError> {
        Ok(Self { mean: positive("mean", mean)? })
    }

    #[inline]
    pub(super) fn sample(self, draws: &mut impl Draw) -> f64 {
        self.mean * draws.exponential()
    }

    pub(super) const fn mean(self) -> f64 {
        self.mean
    }

    pub(super) fn variance(self) -> f64 {
        self.mean * self.mean
    }

    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { mean: self.mean * factor }
    }

    pub(super) fn largest(self) -> f64 {
        self.mean * LARGEST_EXPONENTIAL
    }
}

/// The sum of a few equal exponential stages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Erlang {
    stages: u32,
    stage_mean: f64,
}

impl Erlang {
    /// The product of this many draws of at least 2^-53 is still a normal number.
    pub(super) const MAX_STAGES: u32 = 16;

    pub(super) fn new(stages: u32, mean: f64) -> Self {
        Self { stages, stage_mean: mean / f64::from(stages) }
    }

    /// The logarithm of the product, rather than the sum of logarithms: one logarithm in place of many.
    pub(super) fn sample(self, draws: &mut impl Draw) -> f64 {
        let product = (1..self.stages).fold(draws.open(), |product, _| product * draws.open());
        negative_ln(product) * self.stage_mean
    }

    pub(super) fn mean(self) -> f64 {
        self.stage_mean * f64::from(self.stages)
    }

    pub(super) fn variance(self) -> f64 {
        self.stage_mean * self.stage_mean * f64::from(self.stages)
    }

    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { stage_mean: self.stage_mean * factor, ..self }
    }

    pub(super) fn largest(self) -> f64 {
        self.mean() * LARGEST_EXPONENTIAL
    }
}

/// One of several exponentials, chosen by weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperexponential {
    branches: Arc<[Branch]>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Branch {
    /// The share of draws that fall on this branch or on an earlier one; 1 for the last.
    up_to: f64,
    share: f64,
    mean: f64,
}

impl Hyperexponential {
    pub(super) fn new(branches: &[(f64, f64)]) -> Result<Self, DistError> {
        for (i, &(_, mean)) in branches.iter().enumerate() {
            positive(&format!("means[{i}]"), mean)?;
        }
        let weights: Vec<f64> = branches.iter().map(|&(weight, _)| weight).collect();
        let shares = shares(&weights)?;
        let branch = |(up_to, (share, &(_, mean)))| Branch { up_to, share, mean };
        let branches = cumulative(&shares).into_iter().zip(shares.iter().copied().zip(branches)).map(branch);
        Ok(Self { branches: branches.filter(|branch| branch.share > 0.0).collect() })
    }

    pub(super) fn sample(&self, draws: &mut impl Draw) -> f64 {
        let chosen = draws.open();
        let branch = self.branches.iter().find(|branch| chosen < branch.up_to);
        // The last share is exactly 1, so that a branch is always found; the default only spares a panic.
        branch.map_or(0.0, |branch| branch.mean) * draws.exponential()
    }

    pub(super) fn mean(&self) -> f64 {
        self.branches.iter().map(|branch| branch.share * branch.mean).sum()
    }

    pub(super) fn variance(&self) -> f64 {
        let mean = self.mean();
        let square = |x: f64| x * x;
        self.branches.iter().map(|branch| branch.share * (square(branch.mean) + square(branch.mean - mean))).sum()
    }

    pub(super) fn scaled(&self, factor: f64) -> Self {
        let scaled = |branch: &Branch| Branch { mean: branch.mean * factor, ..*branch };
        Self { branches: self.branches.iter().map(scaled).collect() }
    }

    pub(super) fn largest(&self) -> f64 {
        self.branches.iter().fold(0.0, |largest: f64, branch| largest.max(branch.mean)) * LARGEST_EXPONENTIAL
    }
}

/// Weights as shares of their sum.
pub(super) fn shares(weights: &[f64]) -> Result<Vec<f64>, DistError> {
    for (i, &weight) in weights.iter().enumerate() {
        not_negative(&format!("weights[{i}]"), weight)?;
    }
    let total: f64 = weights.iter().sum();
    let usable = total.is_finite() && total >= f64::MIN_POSITIVE;
    require(usable, "sum of weights", total, "finite and above zero", "give at least one positive weight")?;
    Ok(weights.iter().map(|weight| weight / total).collect())
}

/// Partial sums of shares. From the last positive share on they are exactly 1, whatever the rounding.
pub(super) fn cumulative(shares: &[f64]) -> Vec<f64> {
    let last = shares.iter().rposition(|&share| share > 0.0).unwrap_or(0);
    let mut sum = 0.0;
    let mut up_to = |(i, share): (usize, &f64)| {
        sum += share;
        if i >= last { 1.0 } else { sum }
    };
    shares.iter().enumerate().map(&mut up_to).collect()
}
