//! Looking again and again without fooling oneself.
//!
//! Who adds seeds until a difference shows finds one where there is none: each look is another chance of a false alarm. So
//! the looks are fixed beforehand, each with twice as many seeds as the one before it, and each may spend an equal part of
//! the error rate (a group-sequential design with Bonferroni's spending). The chance of any false alarm over all looks is
//! then at most α, and the intervals of all looks hold together, whenever one stops.

/// The looks of an experiment that adds seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Looks {
    seeds: Vec<usize>,
    alpha: f64,
}

impl Looks {
    /// From `first` seeds on, doubled each time up to `most`, with the error rate `alpha` over all looks.
    #[must_use]
    pub fn new(first: usize, most: usize, alpha: f64) -> Self {
        let mut seeds = vec![first.clamp(2, most.max(2))];
        while let Some(&last) = seeds.last().filter(|last| **last < most) {
            seeds.push((2 * last).min(most));
        }
        Self { seeds, alpha }
    }

    /// One look only, which may spend everything.
    #[must_use]
    pub fn once(seeds: usize, alpha: f64) -> Self {
        Self { seeds: vec![seeds], alpha }
    }

    /// Seeds in all at each look.
    #[must_use]
    pub fn seeds(&self) -> &[usize] {
        &self.seeds
    }

    /// The error rate of one look.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha / self.seeds.len() as f64
    }

    /// The level of the intervals of one look.
    #[must_use]
    pub fn level(&self) -> f64 {
        1.0 - self.alpha()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::stats::Paired;
    use squall_sim::random::{Draw, Stream};

    #[test]
    fn looks_double_up_to_the_most() {
        assert_eq!(Looks::new(10, 100, 0.05).seeds(), [10, 20, 40, 80, 100]);
        assert_eq!(Looks::new(10, 10, 0.05).seeds(), [10]);
        assert!((Looks::new(10, 80, 0.05).level() - 0.9875).abs() < 1e-12);
    }

    /// The share of experiments without a difference that stop with one, when each look may spend `alpha`.
    fn false_alarms(looks: &Looks, alpha: f64) -> f64 {
        let mut draws = Stream::new(4, "looks");
        let most = looks.seeds().last().copied().unwrap();
        let alarms = (0..1_000).filter(|_| {
            let values: Vec<f64> = (0..most).map(|_| (0..6).map(|_| draws.unit()).sum::<f64>() - 3.0).collect();
            let zeros = vec![0.0; most];
            looks.seeds().iter().any(|&n| Paired::of(&zeros[..n], &values[..n]).unwrap().p_value() < alpha)
        });
        alarms.count() as f64 / 1_000.0
    }

    #[test]
    fn the_error_rate_is_kept_over_all_looks() {
        let looks = Looks::new(5, 160, 0.05);
        let (kept, naive) = (false_alarms(&looks, looks.alpha()), false_alarms(&looks, 0.05));
        // At most 5 %, with three standard errors of a share over 1000.
        assert!(kept <= 0.05 + 0.021, "{kept}");
        assert!(naive > 0.12, "looking six times at 5 % each should be seen to fail: {naive}");
    }
}
