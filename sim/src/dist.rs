//! Laws of random values: service times, gaps, sizes.
//!
//! A [`Dist`] is a closed enum of non-negative laws, checked when it is built and cheap to draw from. Its values have
//! whatever unit the caller gives the parameters; [`Dist::sample_span`] takes them as seconds.
//!
//! Wherever the survival function has a closed inverse, a draw takes exactly one uniform and falls as the uniform
//! rises: a small uniform is a large value, under every law. So a request that is unlucky under one law is unlucky
//! under another that replaces it, which is what makes a comparison of the two sharp. Those laws are the uniform,
//! exponential, normal, lognormal, Weibull, both Pareto laws and both empirical ones. A constant takes no uniform. An
//! Erlang law of up to 16 stages takes one uniform a stage and falls in each; hyperexponential and mixture take one to
//! choose and then the chosen law's. The gamma law rejects, and takes as many as it needs.
//!
//! All transcendental functions are `libm`'s or this crate's own, so that draws are the same bytes on every machine.
//!
//! ```
//! use squall_sim::dist::Dist;
//! use squall_sim::random::Stream;
//!
//! let service = Dist::lognormal_median_p99(0.020, 0.250)?;
//! let mut draws = Stream::new(1, "example");
//! assert!(service.sample(&mut draws) > 0.0);
//! assert!(service.mean() > 0.020);
//!
//! let error = Dist::lognormal_median_p99(0.020, 0.010).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "p99 is 0.01, but must be above the median; raise it, or use a constant if nothing varies"
//! );
//! # Ok::<(), squall_sim::dist::DistError>(())
//! ```

mod error;
mod exponential;
mod gamma;
mod normal;
mod popularity;
mod power;
mod table;

pub use error::DistError;
pub use exponential::{Erlang, Exponential, Hyperexponential};
pub use gamma::Gamma;
pub use normal::{LogNormal, TruncatedNormal};
pub use popularity::{HotSet, Popularity, UniformKeys, Zipf};
pub use power::{BoundedPareto, Pareto, Weibull};
pub use table::{Mixture, Quantiles, Samples};

use crate::random::{Draw, negative_ln_of_each};
use crate::time::Span;
use error::{not_negative, positive, require};

/// No value above this is ever drawn, so that squares of values, and of their quotients, stay finite.
const LARGEST: f64 = 1e75;

/// No scale or shape is below this, for the same reason.
const SMALLEST: f64 = 1e-75;

/// A law whose values all lie below this is scaled down to zero. Its parameters are then still normal numbers, however
/// much smaller than its values they are.
const NEGLIGIBLE: f64 = 1e-100;

/// No unit exponential draw is larger: the open draw is at least 2^-53, and 53 ln 2 is 36.74.
const LARGEST_EXPONENTIAL: f64 = 36.8;

/// The law of a non-negative random value.
///
/// Build one with the constructors, which check their parameters: the variants' contents are private.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// Always the same value.
    Constant(Constant),
    /// Evenly between two bounds.
    Uniform(Uniform),
    /// Memoryless.
    Exponential(Exponential),
    /// Normal, cut at zero.
    Normal(TruncatedNormal),
    /// The logarithm is normal.
    LogNormal(LogNormal),
    /// Gamma.
    Gamma(Gamma),
    /// A sum of equal exponential stages.
    Erlang(Erlang),
    /// Stretched exponential.
    Weibull(Weibull),
    /// Power law above a minimum.
    Pareto(Pareto),
    /// Power law between a minimum and a maximum.
    BoundedPareto(BoundedPareto),
    /// One of several exponentials.
    Hyperexponential(Hyperexponential),
    /// One of several laws.
    Mixture(Mixture),
    /// Straight between given quantiles.
    Quantiles(Quantiles),
    /// One of the measured values.
    Samples(Samples),
}

/// Always the same value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    value: f64,
}

/// Evenly between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniform {
    lo: f64,
    hi: f64,
}

/// Calls the same method on whichever law `self` is.
macro_rules! on_each {
    ($self:expr, $law:ident => $call:expr) => {
        match $self {
            Dist::Constant($law) => $call,
            Dist::Uniform($law) => $call,
            Dist::Exponential($law) => $call,
            Dist::Normal($law) => $call,
            Dist::LogNormal($law) => $call,
            Dist::Gamma($law) => $call,
            Dist::Erlang($law) => $call,
            Dist::Weibull($law) => $call,
            Dist::Pareto($law) => $call,
            Dist::BoundedPareto($law) => $call,
            Dist::Hyperexponential($law) => $call,
            Dist::Mixture($law) => $call,
            Dist::Quantiles($law) => $call,
            Dist::Samples($law) => $call,
        }
    };
}

/// Constructors. All of them refuse NaN, infinities, scales and shapes below 1e-75, and parameters with which a value
/// above 1e75 could be drawn.
impl Dist {
    /// Always `value`, which may be zero.
    pub fn constant(value: f64) -> Result<Self, DistError> {
        let value = not_negative("value", value)?;
        Self::Constant(Constant { value }).checked("value", value)
    }

    /// Evenly between `lo` (which may be zero) and `hi`, the bounds never drawn themselves.
    pub fn uniform(lo: f64, hi: f64) -> Result<Self, DistError> {
        let (lo, hi) = (not_negative("lo", lo)?, positive("hi", hi)?);
        require(hi > lo, "hi", hi, "above lo", "raise it, or use a constant if nothing varies")?;
        Self::Uniform(Uniform { lo, hi }).checked("hi", hi)
    }

    /// Exponential.
    pub fn exponential(mean: f64) -> Result<Self, DistError> {
        Self::Exponential(Exponential::new(mean)?).checked("mean", mean)
    }

    /// The part above zero of a normal law of this mean and standard deviation.
    ///
    /// The cut raises the mean and lowers the deviation: little when `sd` is below a third of `mean` (by 0.4 % of `sd`
    /// there), much when it is not (for `sd = mean`, by 29 %). [`Dist::mean`] and [`Dist::variance`] report what is
    /// left.
    pub fn normal(mean: f64, sd: f64) -> Result<Self, DistError> {
        Self::Normal(TruncatedNormal::new(mean, sd)?).checked("mean + 8.3 sd", mean + 8.3 * sd)
    }

    /// Lognormal, from its median and 99th percentile: the two numbers that a dashboard shows.
    pub fn lognormal_median_p99(median: f64, p99: f64) -> Result<Self, DistError> {
        Self::LogNormal(LogNormal::of_median_p99(median, p99)?).checked("p99", p99)
    }

    /// Lognormal, from its mean and coefficient of variation (standard deviation over mean).
    pub fn lognormal_mean_cv(mean: f64, cv: f64) -> Result<Self, DistError> {
        Self::LogNormal(LogNormal::of_mean_cv(mean, cv)?).checked("cv", cv)
    }

    /// Gamma, from its mean and coefficient of variation; its shape is `1/cv²`. For `cv` 1 it is the exponential law.
    pub fn gamma(mean: f64, cv: f64) -> Result<Self, DistError> {
        let law = Gamma::new(mean, cv)?;
        if cv == 1.0 { Self::exponential(mean) } else { Self::Gamma(law).checked("mean", mean) }
    }

    /// The sum of `stages` equal exponential stages; `mean` is that of the sum. Above 16 stages it is drawn as gamma.
    pub fn erlang(stages: u32, mean: f64) -> Result<Self, DistError> {
        require(stages > 0, "stages", 0.0, "at least 1", "use 1 for an exponential law, a constant for a fixed value")?;
        let mean = positive("mean", mean)?;
        let shape = f64::from(stages);
        let law = match stages {
            1 => Self::Exponential(Exponential::new(mean)?),
            2..=Erlang::MAX_STAGES => Self::Erlang(Erlang::new(stages, mean)),
            _ => Self::Gamma(Gamma::of_shape(shape, mean / shape)),
        };
        law.checked("mean", mean)
    }

    /// Weibull: below shape 1 the tail is heavier than exponential, above it lighter. `scale` is the 63rd percentile.
    pub fn weibull(shape: f64, scale: f64) -> Result<Self, DistError> {
        Self::Weibull(Weibull::new(shape, scale)?).checked("shape", shape)
    }

    /// Pareto: the chance to exceed `x` is `(min/x)^shape`. The mean is infinite up to shape 1, the variance up to 2.
    pub fn pareto(shape: f64, min: f64) -> Result<Self, DistError> {
        Self::Pareto(Pareto::new(shape, min)?).checked("shape", shape)
    }

    /// Pareto, given that the value lies between `min` and `max`.
    pub fn bounded_pareto(shape: f64, min: f64, max: f64) -> Result<Self, DistError> {
        Self::BoundedPareto(BoundedPareto::new(shape, min, max)?).checked("max", max)
    }

    /// An exponential law chosen among `(weight, mean)`. Weights need not add up to 1; some may be zero.
    pub fn hyperexponential(branches: &[(f64, f64)]) -> Result<Self, DistError> {
        let law = Self::Hyperexponential(Hyperexponential::new(branches)?);
        let largest = branches.iter().fold(0.0, |largest: f64, &(_, mean)| largest.max(mean));
        law.checked("largest mean", largest)
    }

    /// Two exponential laws that together have this mean and coefficient of variation, which must be at least 1.
    ///
    /// The two carry equal load ("balanced means", Whitt 1982).
    pub fn hyperexponential_mean_cv(mean: f64, cv: f64) -> Result<Self, DistError> {
        let (mean, cv) = (positive("mean", mean)?, positive("cv", cv)?);
        require(cv >= 1.0, "cv", cv, "at least 1", "use a gamma or an Erlang law for less variation")?;
        require(cv <= 1e6, "cv", cv, "at most 1000000", "use a Pareto law for a tail as heavy as this")?;
        let square = cv * cv;
        let root = ((square - 1.0) / (square + 1.0)).sqrt();
        let common = 0.5 * (1.0 + root);
        // One minus the common share, without the cancellation.
        let rare = ((square + 1.0) * (1.0 + root)).recip();
        Self::hyperexponential(&[(common, 0.5 * mean / common), (rare, 0.5 * mean / rare)])
    }

    /// A law chosen among `(weight, law)`. Weights need not add up to 1; some may be zero.
    pub fn mixture(parts: Vec<(f64, Self)>) -> Result<Self, DistError> {
        Ok(Self::Mixture(Mixture::new(parts)?))
    }

    /// The law whose quantile function passes through these `(quantile, value)` and is straight between them.
    ///
    /// Quantiles rise from 0 to 1; values never fall.
    pub fn empirical_quantiles(points: Vec<(f64, f64)>) -> Result<Self, DistError> {
        let law = Self::Quantiles(Quantiles::new(points)?);
        let largest = law.largest();
        law.checked("largest value", largest)
    }

    /// The law that gives each of these measured values equally often, in any order, and no others.
    pub fn empirical_samples(values: Vec<f64>) -> Result<Self, DistError> {
        let law = Self::Samples(Samples::new(values)?);
        let largest = law.largest();
        law.checked("largest sample", largest)
    }

    fn checked(self, field: &str, value: f64) -> Result<Self, DistError> {
        const REMEDY: &str = "give a smaller scale or a lighter tail";
        require(self.largest() <= LARGEST, field, value, "such that no value above 1e75 can be drawn", REMEDY)?;
        Ok(self)
    }

    /// No draw is above this, to within rounding.
    fn largest(&self) -> f64 {
        on_each!(self, law => law.largest())
    }
}

impl Dist {
    /// The next value: finite and not negative.
    #[inline]
    pub fn sample(&self, draws: &mut impl Draw) -> f64 {
        // The two laws of nearly every model stay in the caller's loop; the others are a call away.
        match self {
            Self::Constant(law) => law.value,
            Self::Exponential(law) => law.sample(draws),
            _ => self.sample_other(draws),
        }
    }

    #[inline(never)]
    fn sample_other(&self, draws: &mut impl Draw) -> f64 {
        on_each!(self, law => law.sample(draws))
    }

    /// The next value, in seconds, as a span.
    #[inline]
    pub fn sample_span(&self, draws: &mut impl Draw) -> Span {
        Span::from_seconds(self.sample(draws))
    }

    /// The first value of each of some sequences of draws, as [`Dist::sample_span`] gives it, and faster for many of them:
    /// nothing has to wait for the value before.
    pub fn sample_span_of_each<const N: usize>(&self, mut draws: [impl Draw; N], spans: &mut [Span; N]) {
        if let Self::Exponential(law) = self {
            let mut values = [0.0; N];
            negative_ln_of_each(&draws.each_mut().map(Draw::bits), &mut values);
            for (span, value) in spans.iter_mut().zip(values) {
                *span = Span::from_seconds(law.mean() * value);
            }
        } else {
            for (span, draws) in spans.iter_mut().zip(&mut draws) {
                *span = self.sample_span(draws);
            }
        }
    }

    /// The mean; infinite where the law has none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        on_each!(self, law => law.mean())
    }

    /// The variance; infinite where the law has none, and where it exceeds what a double holds.
    #[must_use]
    pub fn variance(&self) -> f64 {
        on_each!(self, law => law.variance())
    }

    /// The law of `factor` times this value.
    ///
    /// A factor that is zero, negative, NaN, or so small that no value above 1e-100 remains, gives the constant zero.
    /// One that would make values above 1e75 possible counts as the largest that does not.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let largest = self.largest();
        // A comparison with NaN is false, which is what sends it the way of zero.
        if factor * largest > NEGLIGIBLE {
            return self.scaled_within(factor.min(LARGEST / largest).min(f64::MAX));
        }
        Self::Constant(Constant { value: 0.0 })
    }

    fn scaled_within(&self, factor: f64) -> Self {
        match self {
            Self::Constant(law) => Self::Constant(law.scaled(factor)),
            Self::Uniform(law) => Self::Uniform(law.scaled(factor)),
            Self::Exponential(law) => Self::Exponential(law.scaled(factor)),
            Self::Normal(law) => Self::Normal(law.scaled(factor)),
            Self::LogNormal(law) => Self::LogNormal(law.scaled(factor)),
            Self::Gamma(law) => Self::Gamma(law.scaled(factor)),
            Self::Erlang(law) => Self::Erlang(law.scaled(factor)),
            Self::Weibull(law) => Self::Weibull(law.scaled(factor)),
            Self::Pareto(law) => Self::Pareto(law.scaled(factor)),
            Self::BoundedPareto(law) => Self::BoundedPareto(law.scaled(factor)),
            Self::Hyperexponential(law) => Self::Hyperexponential(law.scaled(factor)),
            Self::Mixture(law) => Self::Mixture(law.scaled(factor)),
            Self::Quantiles(law) => Self::Quantiles(law.scaled(factor)),
            Self::Samples(law) => Self::Samples(law.scaled(factor)),
        }
    }

    /// The value, if this is the constant law.
    #[must_use]
    pub const fn is_constant(&self) -> Option<f64> {
        match self {
            Self::Constant(law) => Some(law.value),
            _ => None,
        }
    }
}

impl Constant {
    const fn sample(self, _draws: &mut impl Draw) -> f64 {
        self.value
    }

    const fn mean(self) -> f64 {
        self.value
    }

    const fn variance(self) -> f64 {
        0.0
    }

    fn scaled(self, factor: f64) -> Self {
        Self { value: self.value * factor }
    }

    const fn largest(self) -> f64 {
        self.value
    }
}

impl Uniform {
    fn sample(self, draws: &mut impl Draw) -> f64 {
        self.hi - (self.hi - self.lo) * draws.open()
    }

    fn mean(self) -> f64 {
        0.5 * self.lo + 0.5 * self.hi
    }

    fn variance(self) -> f64 {
        let width = self.hi - self.lo;
        width * width / 12.0
    }

    fn scaled(self, factor: f64) -> Self {
        Self { lo: self.lo * factor, hi: self.hi * factor }
    }

    const fn largest(self) -> f64 {
        self.hi
    }
}
