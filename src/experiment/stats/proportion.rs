//! Yes or no in each seed: exact intervals and McNemar's exact test.

use super::paired::Interval;
use statrs::distribution::{Beta, Binomial, ContinuousCDF, DiscreteCDF};

/// The exact interval of Clopper and Pearson for a share of which `held` of `of` is known.
#[must_use]
pub fn clopper_pearson(held: usize, of: usize, level: f64) -> Interval {
    let tail = (1.0 - level) / 2.0;
    let (yes, no) = (held as f64, of.saturating_sub(held) as f64);
    let quantile = |a: f64, b: f64, share: f64| Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(share));
    Interval {
        low: if held == 0 { 0.0 } else { quantile(yes, no + 1.0, tail) },
        high: if held >= of { 1.0 } else { quantile(yes + 1.0, no, 1.0 - tail) },
    }
}

/// How the answers of two variants agree, seed by seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discordant {
    /// Yes in both.
    pub both: usize,
    /// Yes only in the variant that is judged.
    pub only_other: usize,
    /// Yes only in the variant that is compared with.
    pub only_base: usize,
    /// Yes in neither.
    pub neither: usize,
}

impl Discordant {
    /// Counts pairs of answers.
    #[must_use]
    pub fn of(base: &[bool], other: &[bool]) -> Self {
        let mut counts = Self::default();
        for pair in base.iter().zip(other) {
            match pair {
                (true, true) => counts.both += 1,
                (false, true) => counts.only_other += 1,
                (true, false) => counts.only_base += 1,
                (false, false) => counts.neither += 1,
            }
        }
        counts
    }

    /// The smallest p-value that so many disagreements could have given.
    #[must_use]
    pub fn least_p_value(&self) -> f64 {
        (1..self.only_other + self.only_base).fold(1.0, |p, _| p / 2.0)
    }

    /// The two-sided p-value of McNemar's exact test: seeds that answer alike say nothing, of those that do not each is a
    /// fair coin if there is no difference.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        let (least, all) = (self.only_other.min(self.only_base) as u64, (self.only_other + self.only_base) as u64);
        Binomial::new(0.5, all).map_or(1.0, |coin| (2.0 * coin.cdf(least)).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        // R: binom.test(k, n)$conf.int.
        for (held, of, low, high) in [
            (0, 10, 0.0, 0.308_497_1),
            (10, 10, 0.691_502_9, 1.0),
            (7, 10, 0.347_547_1, 0.933_260_5),
            (1, 4, 0.006_309_463, 0.805_879_6),
            (15, 100, 0.086_451_6, 0.235_305_5),
        ] {
            let interval = clopper_pearson(held, of, 0.95);
            assert!((interval.low - low).abs() < 2e-5 && (interval.high - high).abs() < 2e-5, "{interval:?}");
        }
    }

    /// Exact means: whatever the truth, the interval misses it at most as often as it says. All outcomes are summed up.
    #[test]
    fn the_truth_is_missed_at_most_as_often_as_said() {
        use statrs::distribution::Discrete;
        for of in [5, 10, 20] {
            let intervals: Vec<Interval> = (0..=of).map(|held| clopper_pearson(held, of, 0.95)).collect();
            for percent in 1..100 {
                let truth = f64::from(percent) / 100.0;
                let chances = Binomial::new(truth, of as u64).unwrap();
                let held: f64 = (0..=of).filter(|k| intervals[*k].holds(truth)).map(|k| chances.pmf(k as u64)).sum();
                assert!(held >= 0.95 - 1e-9, "{of} {truth} {held}");
            }
        }
    }

    #[test]
    fn mcnemar_looks_at_those_that_differ() {
        let p = |only_other, only_base| Discordant { both: 5, only_other, only_base, neither: 9 }.p_value();
        assert!((p(10, 0) - 2.0 / 1024.0).abs() < 1e-12);
        assert!((p(1, 5) - 14.0 / 64.0).abs() < 1e-12);
        assert_eq!((p(0, 0), p(3, 3)), (1.0, 1.0));
        let counted = Discordant::of(&[true, true, false, false], &[true, false, true, false]);
        assert_eq!(counted, Discordant { both: 1, only_other: 1, only_base: 1, neither: 1 });
    }
}
