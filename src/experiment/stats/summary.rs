//! Mean and spread of values, one for each seed.

use super::paired::Interval;
use super::t_quantile;

/// How many values, their mean and their spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many values.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (with n - 1); 0 of a single value.
    pub deviation: f64,
}

impl Summary {
    /// Of these values; `None` of none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        // What is equal has no spread, whatever rounding did to the mean.
        let equal = values.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq());
        let deviation = if equal || values.len() < 2 { 0.0 } else { (squares / (count - 1.0)).sqrt() };
        Some(Self { count: values.len(), mean: if equal { values[0] } else { mean }, deviation })
    }
}

/// Student's interval for the mean of values that do not depend on each other; `None` of fewer than two.
#[must_use]
pub fn mean_interval(values: &[f64], level: f64) -> Option<Interval> {
    let summary = Summary::of(values).filter(|summary| summary.count > 1)?;
    let count = summary.count as f64;
    let half = t_quantile(count - 1.0, (1.0 - level) / 2.0) * summary.deviation / count.sqrt();
    Some(Interval { low: summary.mean - half, high: summary.mean + half })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_are_those_of_the_textbook() {
        let summary = Summary::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert!((summary.mean - 5.0).abs() < 1e-12 && (summary.deviation - (32.0f64 / 7.0).sqrt()).abs() < 1e-12);
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Summary::of(&[0.1; 7]).unwrap(), Summary { count: 7, mean: 0.1, deviation: 0.0 });
        assert_eq!(mean_interval(&[1.0], 0.95), None);
    }
}
