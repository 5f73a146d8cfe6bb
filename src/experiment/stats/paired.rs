//! Two variants, the same seeds: the difference seed by seed.

use super::{Summary, t_quantile, t_tail};

/// More seeds than this are not proposed to anybody.
const MOST_SEEDS: usize = 10_000;

/// From one value to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies in it, its ends included.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Values of two variants that belong together seed by seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// Of the variant that is compared with.
    pub base: Summary,
    /// Of the variant that is judged.
    pub other: Summary,
    /// Of the differences, other minus base.
    pub difference: Summary,
    /// The differences, in the order of the seeds.
    pub differences: Vec<f64>,
}

impl Paired {
    /// Pairs up the values of two variants; `None` of none.
    #[must_use]
    pub fn of(base: &[f64], other: &[f64]) -> Option<Self> {
        let differences: Vec<f64> = base.iter().zip(other).map(|(base, other)| other - base).collect();
        Some(Self {
            base: Summary::of(base)?,
            other: Summary::of(other)?,
            difference: Summary::of(&differences)?,
            differences,
        })
    }

    fn count(&self) -> f64 {
        self.difference.count as f64
    }

    fn error(&self) -> f64 {
        self.difference.deviation / self.count().sqrt()
    }

    /// Student's interval for the mean difference; `None` where one seed says nothing about the spread.
    #[must_use]
    pub fn interval(&self, level: f64) -> Option<Interval> {
        if self.difference.count < 2 {
            return None;
        }
        let half = t_quantile(self.count() - 1.0, (1.0 - level) / 2.0) * self.error();
        Some(Interval { low: self.difference.mean - half, high: self.difference.mean + half })
    }

    /// The two-sided p-value of the paired t-test: the chance of a mean difference this large if there is none.
    ///
    /// Where every seed has the very same difference there is no spread to measure against; the sign test then says how
    /// likely it is that all seeds agree.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        let (mean, error) = (self.difference.mean, self.error());
        if mean == 0.0 || self.difference.count < 2 {
            return 1.0;
        }
        if error == 0.0 {
            return (1..self.difference.count).fold(1.0, |p, _| p / 2.0);
        }
        (2.0 * t_tail(self.count() - 1.0, (mean / error).abs())).min(1.0)
    }

    /// The difference in units of the spread over seeds (Cohen's d with the mean variance of both, corrected for few seeds
    /// after Hedges); `None` where neither has a spread.
    #[must_use]
    pub fn effect(&self) -> Option<f64> {
        let variance = |summary: &Summary| summary.deviation * summary.deviation;
        let spread = f64::midpoint(variance(&self.base), variance(&self.other)).sqrt();
        let freedom = self.count() - 1.0;
        (spread > 0.0 && freedom > 0.0)
            .then(|| self.difference.mean / spread * (1.0 - 3.0 / (4.0 * freedom - 1.0).max(4.0)))
    }

    /// The share of the variance of the difference that went because both variants met the same customers: 0 if it is as
    /// large as with seeds that have nothing to do with each other, 1 if none is left, below 0 if it grew.
    #[must_use]
    pub fn variance_removed(&self) -> Option<f64> {
        let variance = |summary: &Summary| summary.deviation * summary.deviation;
        let apart = variance(&self.base) + variance(&self.other);
        (apart > 0.0).then(|| 1.0 - variance(&self.difference) / apart)
    }

    /// The share of seeds in which the difference has this sign; those without one count half.
    #[must_use]
    pub fn share(&self, wanted: f64) -> f64 {
        let one = |difference: &f64| match difference * wanted {
            product if product > 0.0 => 1.0,
            product if product < 0.0 => 0.0,
            _ => 0.5,
        };
        self.differences.iter().map(one).sum::<f64>() / self.count()
    }

    /// About how many seeds in all would decide it, if the mean and the spread stay as they are: the interval would then
    /// keep clear of zero with a power of 80 %, or lie within `margin` on both sides of it. `None` if it would take more
    /// than 10 000.
    #[must_use]
    pub fn seeds_to_decide(&self, level: f64, margin: f64) -> Option<usize> {
        let (mean, deviation) = (self.difference.mean.abs(), self.difference.deviation);
        if self.difference.count < 2 {
            return None;
        }
        // Whichever is further away decides: zero, or the end of the margin.
        let distance = mean.max(margin - mean);
        if distance <= 0.0 {
            return None;
        }
        let enough = |count: usize| {
            let freedom = count as f64 - 1.0;
            let needed = t_quantile(freedom, (1.0 - level) / 2.0) + t_quantile(freedom, 0.2);
            needed * deviation / (count as f64).sqrt() <= distance
        };
        // It is enough from some number on: that number is found by halving.
        let (mut low, mut high) = (2, MOST_SEEDS);
        if !enough(high) {
            return None;
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            if enough(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Some(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_sim::random::{Draw, Stream};

    /// Student's own data: extra hours of sleep with two drugs, ten patients.
    const SLEEP: [[f64; 10]; 2] =
        [[0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]];

    #[test]
    fn student_s_sleep_data_give_student_s_answer() {
        let paired = Paired::of(&SLEEP[0], &SLEEP[1]).unwrap();
        let interval = paired.interval(0.95).unwrap();
        assert!((paired.difference.mean - 1.58).abs() < 1e-12);
        assert!((paired.p_value() - 0.002_832_89).abs() < 1e-7, "{}", paired.p_value());
        assert!((interval.low - 0.700_114).abs() < 1e-5 && (interval.high - 2.459_886).abs() < 1e-5, "{interval:?}");
        assert!((paired.share(1.0) - 0.95).abs() < 1e-12);
    }

    #[test]
    fn what_is_equal_is_no_difference_and_what_is_constant_is_judged_by_its_sign() {
        let same = Paired::of(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((same.p_value(), same.interval(0.95)), (1.0, Some(Interval { low: 0.0, high: 0.0 })));
        assert_eq!(same.variance_removed(), Some(1.0));
        let shifted = Paired::of(&[0.0, 1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((shifted.p_value() - 0.125).abs() < 1e-12);
        assert_eq!(Paired::of(&[1.0], &[2.0]).unwrap().interval(0.95), None);
    }

    /// Pairs with a common part, so that the truth about each number is known.
    fn sample(draws: &mut Stream, count: usize, shift: f64) -> (Vec<f64>, Vec<f64>) {
        let normal = |draws: &mut Stream| {
            let sum: f64 = (0..12).map(|_| draws.unit()).sum();
            sum - 6.0
        };
        (0..count)
            .map(|_| {
                let common = 3.0 * normal(draws);
                (common + normal(draws), common + normal(draws) + shift)
            })
            .unzip()
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let mut draws = Stream::new(1, "coverage");
        for (count, level) in [(5, 0.95), (10, 0.95), (20, 0.8)] {
            let (mut held, mut rejected) = (0, 0);
            for _ in 0..2_000 {
                let (base, other) = sample(&mut draws, count, 0.7);
                held += usize::from(Paired::of(&base, &other).unwrap().interval(level).unwrap().holds(0.7));
                let (base, other) = sample(&mut draws, count, 0.0);
                rejected += usize::from(Paired::of(&base, &other).unwrap().p_value() < 1.0 - level);
            }
            // Four standard errors of a share over 2000 samples.
            let slack = 4.0 * (level * (1.0 - level) / 2_000.0).sqrt();
            assert!((held as f64 / 2_000.0 - level).abs() < slack, "{count}: {held}");
            assert!((rejected as f64 / 2_000.0 - (1.0 - level)).abs() < slack, "{count}: {rejected}");
        }
    }

    #[test]
    fn the_common_part_is_what_pairing_removes() {
        let (base, other) = sample(&mut Stream::new(2, "removed"), 20_000, 0.0);
        // 9 of 10 parts of each variance are common.
        let removed = Paired::of(&base, &other).unwrap().variance_removed().unwrap();
        assert!((removed - 0.9).abs() < 0.01, "{removed}");
    }

    #[test]
    fn the_number_of_seeds_that_is_proposed_is_enough() {
        let mut draws = Stream::new(3, "size");
        let pilot = sample(&mut draws, 4_000, 0.5);
        let count = Paired::of(&pilot.0, &pilot.1).unwrap().seeds_to_decide(0.95, 0.01).unwrap();
        // (1.96 + 0.84)² · 2 / 0.25, and a little for Student's t.
        assert!((60..72).contains(&count), "{count}");
        let decided = (0..1_000).filter(|_| {
            let (base, other) = sample(&mut draws, count, 0.5);
            Paired::of(&base, &other).unwrap().p_value() < 0.05
        });
        let share = decided.count() as f64 / 1_000.0;
        assert!((share - 0.8).abs() < 0.06, "{share}");
        let nothing = Paired::of(&[0.0, 1.0, 0.0, 1.0], &[1.0, 0.0, 0.0, 1.0]).unwrap();
        assert_eq!(nothing.seeds_to_decide(0.95, 0.001), None);
    }
}
