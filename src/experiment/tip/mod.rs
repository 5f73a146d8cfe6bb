//! The tipping point: from which load (or size, or setting) on does it collapse?
//!
//! Each seed is bisected on its own. All variants and values of a seed meet the same customers, so that whether it
//! collapses is in nearly every seed a step from no to yes; two checks away from the step say where it is not. The
//! threshold of a variant is the median over the seeds, its interval that of order statistics.
//!
//! There are two branches. *Up*: a healthy system without the trigger; where does it collapse by itself? *Down*: the same
//! after the trigger; up to where does it come back? Between the two it is metastable.

mod branch;
mod search;

pub use branch::{Branch, branches, collapsed, on_branch};
pub use search::{Search, Threshold};

use super::stats::{Interval, clopper_pearson, median};

/// The level of the intervals.
pub const LEVEL: f64 = 0.95;

/// The thresholds of one variant on one branch, over all seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Tip {
    /// The variant.
    pub variant: String,
    /// The branch.
    pub branch: Branch,
    /// One for each seed.
    pub thresholds: Vec<Threshold>,
    /// More of it helps: it collapses at the lower end, not at the upper one.
    pub falling: bool,
    /// The median; infinite where more than half of the seeds do not tip within the range.
    pub threshold: f64,
    /// The interval that holds the true median.
    pub interval: Interval,
    /// With this chance, at least.
    pub level: f64,
}

/// A point of a tipping curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Risk {
    /// The value.
    pub value: f64,
    /// Seeds that collapse at it.
    pub collapsed: usize,
    /// Seeds.
    pub of: usize,
    /// The exact interval for the chance.
    pub interval: Interval,
}

impl Tip {
    /// All seeds together.
    #[must_use]
    pub fn of(variant: String, branch: Branch, thresholds: Vec<Threshold>, level: f64) -> Option<Self> {
        let falling = thresholds.iter().any(|t| t.falling);
        let sorted = |of: fn(&Threshold, bool) -> f64| {
            let mut all: Vec<f64> = thresholds.iter().map(|threshold| of(threshold, falling)).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        // A seed's threshold is somewhere between two values; the interval reaches from the lower to the upper ones.
        let (lows, highs) = (median(&sorted(Threshold::low), level)?, median(&sorted(Threshold::high), level)?);
        let threshold = if lows.median.is_finite() && highs.median.is_finite() {
            f64::midpoint(lows.median, highs.median)
        } else {
            [lows.median, highs.median].into_iter().find(|end| end.is_infinite())?
        };
        let interval = Interval { low: lows.interval.low, high: highs.interval.high };
        Some(Self { variant, branch, falling, threshold, interval, level: lows.level.min(highs.level), thresholds })
    }

    /// Seeds that never collapse in the range, and seeds that always do.
    #[must_use]
    pub fn outside(&self) -> (usize, usize) {
        let count = |kind| self.thresholds.iter().filter(|t| t.ends == kind).count();
        (count((false, false)), count((true, true)))
    }

    /// Checks away from the step that did not fit, and checks.
    #[must_use]
    pub fn odd(&self) -> (usize, usize) {
        let odd = self.thresholds.iter().map(|t| t.odd).sum();
        (odd, self.thresholds.iter().map(|t| t.checks).sum())
    }

    /// The chance of collapse at these values.
    #[must_use]
    pub fn curve(&self, values: &[f64], level: f64) -> Vec<Risk> {
        let at = |value: &f64| {
            let collapsed = self.thresholds.iter().filter(|t| t.collapses_at(*value, self.falling)).count();
            let of = self.thresholds.len();
            Risk { value: *value, collapsed, of, interval: clopper_pearson(collapsed, of, level) }
        };
        values.iter().map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threshold(low: f64, high: f64, ends: (bool, bool)) -> Threshold {
        let falling = ends == (true, false);
        Threshold { seed: 1, ends, bracket: (low, high), falling, probes: Vec::new(), checks: 2, odd: 0 }
    }

    fn tip(thresholds: Vec<Threshold>) -> Tip {
        Tip::of("v".to_owned(), Branch::Up, thresholds, 0.95).unwrap()
    }

    #[test]
    fn the_median_of_the_seeds_is_the_threshold() {
        let tip = tip((0..11).map(|n| threshold(f64::from(n), f64::from(n + 1), (false, true))).collect());
        assert_eq!(tip.threshold, 5.5);
        // The second and the tenth of eleven.
        assert_eq!((tip.interval.low, tip.interval.high), (1.0, 10.0));
        assert!(tip.level > 0.98);
        let curve = tip.curve(&[0.0, 6.0, 11.0], 0.95);
        assert_eq!(curve.iter().map(|risk| risk.collapsed).collect::<Vec<_>>(), [0, 6, 11]);
    }

    #[test]
    fn what_never_tips_is_beyond_the_range() {
        let never = || threshold(0.0, 9.0, (false, false));
        let tip = tip(vec![never(), never(), never(), threshold(3.0, 4.0, (false, true)), never()]);
        assert_eq!((tip.threshold, tip.outside()), (f64::INFINITY, (4, 0)));
        assert_eq!(tip.interval.low, 3.0);
    }

    #[test]
    fn where_more_is_better_never_is_below_the_range() {
        let never = threshold(1.0, 9.0, (false, false));
        let tip = tip(vec![never.clone(), threshold(3.0, 4.0, (true, false)), never]);
        assert!(tip.falling);
        assert_eq!(tip.threshold, f64::NEG_INFINITY);
        assert_eq!(tip.curve(&[2.0, 5.0], 0.95).iter().map(|risk| risk.collapsed).collect::<Vec<_>>(), [1, 0]);
    }
}
