//! The normal law and those made from it.

use super::error::{DistError, positive, require};
use crate::random::{Draw, negative_ln};

/// The standard normal deviate that a fraction `tail` of all deviates exceeds, for `tail` in (0, 1).
///
/// Source: AS 241, Wichura 1988, the PPND16 variant; relative error about 1e-16.
pub(super) fn deviate(tail: f64) -> f64 {
    let q = 0.5 - tail;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * ratio(r, &CENTRE);
    }
    let r = negative_ln(if q < 0.0 { 1.0 - tail } else { tail }).sqrt();
    let size = if r <= 5.0 { ratio(r - 1.6, &SHOULDER) } else { ratio(r - 5.0, &TAIL) };
    if q < 0.0 { -size } else { size }
}

/// No draw gives a larger deviate: the open draw is at least 2^-53.
pub(super) const LARGEST_DEVIATE: f64 = 8.3;

/// A quotient of two polynomials of degree seven, constant terms first.
fn ratio(x: f64, [above, below]: &[[f64; 8]; 2]) -> f64 {
    let polynomial = |c: &[f64; 8]| c.iter().rev().skip(1).fold(c[7], |sum, c| sum * x + c);
    polynomial(above) / polynomial(below)
}

#[allow(clippy::excessive_precision, reason = "the digits of the paper, to be compared by eye")]
const CENTRE: [[f64; 8]; 2] = [
    [
        3.3871328727963666080,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ],
    [
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ],
];

#[allow(clippy::excessive_precision, reason = "the digits of the paper, to be compared by eye")]
const SHOULDER: [[f64; 8]; 2] = [
    [
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ],
    [
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ],
];

#[allow(clippy::excessive_precision, reason = "the digits of the paper, to be compared by eye")]
const TAIL: [[f64; 8]; 2] = [
    [
        6.65790464350110377720,
        5.46378491116411436990,
        1.78482653991729133580,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ],
    [
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ],
];

/// A normal law of which only the part above zero is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TruncatedNormal {
    /// Of the whole normal law, before the cut.
    mean: f64,
    sd: f64,
    /// The part of the whole law that lies above zero.
    kept: f64,
}

impl TruncatedNormal {
    pub(super) fn new(mean: f64, sd: f64) -> Result<Self, DistError> {
        let mean = positive("mean", mean)?;
        let sd = positive("sd", sd)?;
        let kept = 0.5 * libm::erfc(-mean / sd * std::f64::consts::FRAC_1_SQRT_2);
        Ok(Self { mean, sd, kept })
    }

    pub(super) fn sample(self, draws: &mut impl Draw) -> f64 {
        let value = self.mean + self.sd * deviate(draws.open() * self.kept);
        value.max(0.0)
    }

    /// The inverse Mills ratio at the cut: by how many `sd` the cut raises the mean.
    fn rise(self) -> f64 {
        const SQRT_TAU: f64 = 2.506_628_274_631_000_5;
        let cut = self.mean / self.sd;
        libm::exp(-0.5 * cut * cut) / (SQRT_TAU * self.kept)
    }

    pub(super) fn mean(self) -> f64 {
        self.mean + self.sd * self.rise()
    }

    pub(super) fn variance(self) -> f64 {
        let (cut, rise) = (self.mean / self.sd, self.rise());
        self.sd * self.sd * (1.0 - cut * rise - rise * rise)
    }

    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { mean: self.mean * factor, sd: self.sd * factor, ..self }
    }

    pub(super) fn largest(self) -> f64 {
        self.mean + self.sd * LARGEST_DEVIATE
    }
}

/// The law of a value whose logarithm is normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    median: f64,
    /// The standard deviation of the logarithm.
    sigma: f64,
}

impl LogNormal {
    pub(super) fn of_median_p99(median: f64, p99: f64) -> Result<Self, DistError> {
        let median = positive("median", median)?;
        let p99 = positive("p99", p99)?;
        require(p99 > median, "p99", p99, "above the median", "raise it, or use a constant if nothing varies")?;
        let sigma = libm::log(p99 / median) / deviate(0.01);
        let (rule, remedy) = ("distinguishable from the median", "raise it, or use a constant if nothing varies");
        require(sigma > 0.0, "p99", p99, rule, remedy)?;
        let (rule, remedy) = ("at most 1e29 times the median", "use a Pareto law for a tail as heavy as this");
        require(sigma <= 29.0, "p99", p99, rule, remedy)?;
        Ok(Self { median, sigma })
    }

    pub(super) fn of_mean_cv(mean: f64, cv: f64) -> Result<Self, DistError> {
        let mean = positive("mean", mean)?;
        let cv = positive("cv", cv)?;
        require(cv <= 1e6, "cv", cv, "at most 1000000", "use a Pareto law for a tail as heavy as this")?;
        let square = cv * cv;
        Ok(Self { median: mean / (1.0 + square).sqrt(), sigma: libm::log1p(square).sqrt() })
    }

    pub(super) fn sample(self, draws: &mut impl Draw) -> f64 {
        self.median * libm::exp(self.sigma * deviate(draws.open()))
    }

    pub(super) fn mean(self) -> f64 {
        self.median * libm::exp(0.5 * self.sigma * self.sigma)
    }

    pub(super) fn variance(self) -> f64 {
        let mean = self.mean();
        mean * mean * libm::expm1(self.sigma * self.sigma)
    }

    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { median: self.median * factor, ..self }
    }

    pub(super) fn largest(self) -> f64 {
        self.median * libm::exp(self.sigma * LARGEST_DEVIATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviates_invert_the_normal_distribution() {
        for i in 0..1300 {
            let z = f64::from(i - 500) * 0.01;
            let tail = 0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2);
            // Near 1 a tail is known to an absolute, elsewhere to a relative precision.
            let resolution = if z < 0.0 { f64::EPSILON * libm::exp(0.5 * z * z) } else { f64::EPSILON * (1.0 + z) };
            assert!((deviate(tail) - z).abs() <= 4.0 * resolution, "z = {z}: off by {}", deviate(tail) - z);
        }
    }

    #[test]
    fn deviates_agree_with_the_values_printed_in_the_paper() {
        let printed =
            [(0.25, -0.674_489_750_196_081_7), (0.001, -3.090_232_306_167_814), (1e-20, -9.262_340_089_798_41)];
        for (p, quantile) in printed {
            assert!((deviate(p) + quantile).abs() < 1e-14, "{p}: {}", deviate(p));
        }
        assert!(deviate(f64::EPSILON / 2.0) < LARGEST_DEVIATE);
    }
}
