//! The median and its interval from order statistics, which needs no assumption about the distribution.

use super::paired::Interval;
use statrs::distribution::{Binomial, DiscreteCDF};

/// A median, and an interval that holds the true one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MedianInterval {
    /// The sample's median.
    pub median: f64,
    /// From one of the values to another.
    pub interval: Interval,
    /// The chance that the interval holds the true median, at least the level that was asked for; less where there are
    /// too few values for it.
    pub level: f64,
}

/// The median of values, which are sorted; `None` of none. With few values the interval reaches from the smallest to the
/// largest, and its level says what that is worth.
#[must_use]
pub fn median(sorted: &[f64], level: f64) -> Option<MedianInterval> {
    let count = sorted.len();
    if count == 0 {
        return None;
    }
    let median = match (sorted[(count - 1) / 2], sorted[count / 2]) {
        (low, high) if low.total_cmp(&high).is_eq() => low,
        (low, high) => f64::midpoint(low, high),
    };
    // Each value is above the true median with a chance of one half: a coin.
    let coin = Binomial::new(0.5, count as u64).ok()?;
    let covered = |from_end: usize| 1.0 - 2.0 * if from_end == 0 { 0.0 } else { coin.cdf(from_end as u64 - 1) };
    // The value number `rank` from each end: the innermost that is good enough.
    let rank = (1..=count.div_ceil(2)).rev().find(|rank| covered(*rank) >= level).unwrap_or(1);
    let interval = Interval { low: sorted[rank - 1], high: sorted[count - rank] };
    Some(MedianInterval { median, interval, level: covered(rank).max(0.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_sim::random::{Draw, Stream};

    #[test]
    fn ten_values_give_the_second_and_the_ninth() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let found = median(&values, 0.95).unwrap();
        assert_eq!((found.median, found.interval), (5.5, Interval { low: 2.0, high: 9.0 }));
        // 1 - 2 (1 + 10) / 1024.
        assert!((found.level - 0.978_515_625).abs() < 1e-9);
        let few = median(&[1.0, 2.0, 3.0], 0.95).unwrap();
        assert_eq!((few.interval.low, few.interval.high), (1.0, 3.0));
        assert!((few.level - 0.75).abs() < 1e-9);
        assert_eq!(median(&[], 0.95), None);
    }

    #[test]
    fn a_skewed_distribution_is_no_harder() {
        let mut draws = Stream::new(1, "median");
        let truth = 2f64.sqrt();
        let held = (0..2_000).filter(|_| {
            // A Pareto distribution with shape 2, whose median is √2.
            let mut values: Vec<f64> = (0..20).map(|_| draws.open().sqrt().recip()).collect();
            values.sort_by(f64::total_cmp);
            median(&values, 0.95).unwrap().interval.holds(truth)
        });
        let share = held.count() as f64 / 2_000.0;
        // Twenty values give 95.86 %, from the sixth to the fifteenth.
        assert!((share - 0.9586).abs() < 0.018, "{share}");
    }
}
