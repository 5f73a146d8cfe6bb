//! Laws given as tables: mixtures of others, quantiles, and measured samples.

use std::sync::Arc;

use super::Dist;
use super::error::{DistError, not_negative, require};
use super::exponential::{cumulative, shares};
use crate::random::Draw;

/// One of several laws, chosen by weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    parts: Arc<[Part]>,
}

#[derive(Clone, Debug, PartialEq)]
struct Part {
    /// The share of draws that fall on this part or on an earlier one; 1 for the last.
    up_to: f64,
    share: f64,
    law: Dist,
}

impl Mixture {
    pub(super) fn new(parts: Vec<(f64, Dist)>) -> Result<Self, DistError> {
        let weights: Vec<f64> = parts.iter().map(|(weight, _)| *weight).collect();
        let shares = shares(&weights)?;
        let part = |((up_to, &share), (_, law))| Part { up_to, share, law };
        let parts = cumulative(&shares).into_iter().zip(&shares).zip(parts).map(part);
        Ok(Self { parts: parts.filter(|part| part.share > 0.0).collect() })
    }

    pub(super) fn sample(&self, draws: &mut impl Draw) -> f64 {
        let chosen = draws.open();
        // The last share is exactly 1, so that a part is always found; the default only spares a panic.
        self.parts.iter().find(|part| chosen < part.up_to).map_or(0.0, |part| part.law.sample(draws))
    }

    pub(super) fn mean(&self) -> f64 {
        self.parts.iter().map(|part| part.share * part.law.mean()).sum()
    }

    pub(super) fn variance(&self) -> f64 {
        let mean = self.mean();
        if mean.is_infinite() {
            return f64::INFINITY;
        }
        let spread = |part: &Part| {
            let away = part.law.mean() - mean;
            part.share * (part.law.variance() + away * away)
        };
        self.parts.iter().map(spread).sum()
    }

    pub(super) fn scaled(&self, factor: f64) -> Self {
        let scaled = |part: &Part| Part { law: part.law.scaled(factor), ..*part };
        Self { parts: self.parts.iter().map(scaled).collect() }
    }

    pub(super) fn largest(&self) -> f64 {
        self.parts.iter().fold(0.0, |largest: f64, part| largest.max(part.law.largest()))
    }
}

/// A law given by points of its quantile function, straight between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantiles {
    points: Arc<[(f64, f64)]>,
}

impl Quantiles {
    pub(super) fn new(points: Vec<(f64, f64)>) -> Result<Self, DistError> {
        let count = points.len();
        require(
            count >= 2,
            "number of points",
            count as f64,
            "at least 2",
            "give the minimum (0) and the maximum (1)",
        )?;
        let (first, last) = (points[0].0, points[count - 1].0);
        require(first == 0.0, "quantiles[0]", first, "0", "give the minimum first")?;
        require(last == 1.0, format!("quantiles[{}]", count - 1), last, "1", "give the maximum last")?;
        for (i, &(_, value)) in points.iter().enumerate() {
            not_negative(&format!("values[{i}]"), value)?;
        }
        for (i, pair) in points.windows(2).enumerate() {
            let ((q, value), (next_q, next_value)) = (pair[0], pair[1]);
            let (i, order) = (i + 1, "order the points, each quantile once");
            require(next_q > q, format!("quantiles[{i}]"), next_q, "above the one before it", order)?;
            require(next_value >= value, format!("values[{i}]"), next_value, "no less than the one before it", order)?;
        }
        Ok(Self { points: points.into() })
    }

    pub(super) fn sample(&self, draws: &mut impl Draw) -> f64 {
        let q = 1.0 - draws.open();
        let above = self.points.partition_point(|&(point, _)| point <= q);
        // The first point is at 0 and the last at 1, and q lies strictly between, so that both neighbours exist.
        let ((q0, v0), (q1, v1)) = (self.points[above - 1], self.points[above]);
        v0 + (v1 - v0) * ((q - q0) / (q1 - q0))
    }

    /// The sum over the straight pieces of width times `f` of both ends.
    fn pieces(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        self.points.windows(2).map(|pair| (pair[1].0 - pair[0].0) * f(pair[0].1, pair[1].1)).sum()
    }

    pub(super) fn mean(&self) -> f64 {
        self.pieces(|a, b| 0.5 * a + 0.5 * b)
    }

    pub(super) fn variance(&self) -> f64 {
        let mean = self.mean();
        self.pieces(|a, b| {
            let (a, b) = (a - mean, b - mean);
            (a * a + a * b + b * b) / 3.0
        })
    }

    pub(super) fn scaled(&self, factor: f64) -> Self {
        Self { points: self.points.iter().map(|&(q, value)| (q, value * factor)).collect() }
    }

    pub(super) fn largest(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.1)
    }
}

/// Measured values, each as likely as the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// From the largest to the smallest, as the draws want them.
    descending: Arc<[f64]>,
}

impl Samples {
    pub(super) fn new(mut values: Vec<f64>) -> Result<Self, DistError> {
        require(!values.is_empty(), "number of samples", 0.0, "at least 1", "give the measured values")?;
        for (i, value) in values.iter_mut().enumerate() {
            *value = not_negative(&format!("samples[{i}]"), *value)?;
        }
        values.sort_by(|a, b| b.total_cmp(a));
        Ok(Self { descending: values.into() })
    }

    pub(super) fn sample(&self, draws: &mut impl Draw) -> f64 {
        self.descending[draws.below(self.descending.len() as u64) as usize]
    }

    pub(super) fn mean(&self) -> f64 {
        let count = self.descending.len() as f64;
        self.descending.iter().map(|value| value / count).sum()
    }

    pub(super) fn variance(&self) -> f64 {
        let (mean, count) = (self.mean(), self.descending.len() as f64);
        self.descending.iter().map(|value| (value - mean) * (value - mean) / count).sum()
    }

    pub(super) fn scaled(&self, factor: f64) -> Self {
        Self { descending: self.descending.iter().map(|value| value * factor).collect() }
    }

    pub(super) fn largest(&self) -> f64 {
        self.descending[0]
    }
}
