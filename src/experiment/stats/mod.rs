//! The statistics of comparisons. Distributions come from `statrs`; each method is named where it is used and in
//! `docs/background/statistics.md`, and its error rates are tested on models whose answers are known.
//!
//! One run is one sample: values within a run depend on each other and are never treated as a sample of their own.

mod bootstrap;
mod family;
mod order;
mod paired;
mod proportion;
mod sequential;
mod summary;

pub use bootstrap::bca;
pub use family::{holm, tarone_holm};
pub use order::{MedianInterval, median};
pub use paired::{Interval, Paired};
pub use proportion::{Discordant, clopper_pearson};
pub use sequential::Looks;
pub use summary::{Summary, mean_interval};

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The quantile of Student's t with so many degrees of freedom that leaves `tail` above it.
fn t_quantile(freedom: f64, tail: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| -t.inverse_cdf(tail))
}

/// The chance that Student's t lies above `value`.
fn t_tail(freedom: f64, value: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |t| t.sf(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From printed tables of the distribution.
    #[test]
    fn the_quantiles_are_those_of_the_tables() {
        for (freedom, tail, value) in [
            (1.0, 0.025, 12.706_205),
            (4.0, 0.025, 2.776_445),
            (9.0, 0.025, 2.262_157),
            (9.0, 0.005, 3.249_836),
            (30.0, 0.05, 1.697_261),
            (120.0, 0.025, 1.979_930),
        ] {
            assert!(
                (t_quantile(freedom, tail) - value).abs() < 1e-5,
                "{freedom} {tail}: {}",
                t_quantile(freedom, tail)
            );
            assert!((t_tail(freedom, value) - tail).abs() < 1e-7);
        }
    }
}
