//! The mean of a distribution as a user writes it.

use squall_models::spec::{Distribution, Law, Quantiles};
use squall_sim::dist::Dist;

/// In seconds; infinite where there is none, zero where the distribution is no valid one.
pub(super) fn of(distribution: &Distribution) -> f64 {
    let built = match &distribution.0 {
        Law::Constant(value) => return value.seconds(),
        Law::Uniform { min, max } => return f64::midpoint(min.seconds(), max.seconds()),
        Law::Exponential { mean }
        | Law::Gamma { mean, .. }
        | Law::Erlang { mean, .. }
        | Law::Hyperexponential { mean, .. }
        | Law::Lognormal { mean: Some(mean), .. } => return mean.seconds(),
        Law::Mixture(parts) => {
            let weight: f64 = parts.iter().map(|part| part.weight).sum();
            let sum: f64 = parts.iter().map(|part| part.weight * of(&part.of)).sum();
            return if weight > 0.0 { sum / weight } else { 0.0 };
        }
        Law::Normal { mean, sd } => Dist::normal(mean.seconds(), sd.seconds()),
        Law::Lognormal { median: Some(median), p99: Some(p99), .. } => {
            Dist::lognormal_median_p99(median.seconds(), p99.seconds())
        }
        Law::Lognormal { .. } => return 0.0,
        Law::Weibull { shape, scale } => Dist::weibull(*shape, scale.seconds()),
        Law::Pareto { shape, max: None, .. } if *shape <= 1.0 => return f64::INFINITY,
        Law::Pareto { shape, min, max: None } => Dist::pareto(*shape, min.seconds()),
        Law::Pareto { shape, min, max: Some(max) } => Dist::bounded_pareto(*shape, min.seconds(), max.seconds()),
        Law::Empirical { unit, table, .. } => {
            let unit = unit.seconds();
            match table {
                None => return 0.0,
                Some(Quantiles::Samples(values)) => Dist::empirical_samples(values.iter().map(|v| v * unit).collect()),
                Some(Quantiles::Points(points)) => {
                    Dist::empirical_quantiles(points.iter().map(|(q, v)| (*q, v * unit)).collect())
                }
            }
        }
    };
    built.map_or(0.0, |dist| dist.mean())
}
