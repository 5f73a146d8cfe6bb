//! Laws with stretched or heavy tails.

use super::LARGEST_EXPONENTIAL;
use super::error::{DistError, positive, require};
use crate::random::{Draw, ln};

/// The stretched exponential.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weibull {
    shape: f64,
    scale: f64,
}

impl Weibull {
    pub(super) fn new(shape: f64, scale: f64) -> Result<Self, DistError> {
        Ok(Self { shape: positive("shape", shape)?, scale: positive("scale", scale)? })
    }

    pub(super) fn sample(self, draws: &mut impl Draw) -> f64 {
        self.scale * libm::exp(ln(draws.exponential()) / self.shape)
    }

    pub(super) fn mean(self) -> f64 {
        self.scale * libm::tgamma(1.0 + self.shape.recip())
    }

    pub(super) fn variance(self) -> f64 {
        let first = libm::tgamma(1.0 + self.shape.recip());
        let second = libm::tgamma(1.0 + 2.0 / self.shape);
        self.scale * self.scale * (second - first * first).max(0.0)
    }

    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { scale: self.scale * factor, ..self }
    }

    pub(super) fn largest(self) -> f64 {
        self.scale * libm::exp(libm::log(LARGEST_EXPONENTIAL) / self.shape)
    }
}

/// The power law above a minimum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pareto {
    shape: f64,
    min: f64,
}

impl Pareto {
    pub(super) fn new(shape: f64, min: f64) -> Result<Self, DistError> {
        Ok(Self { shape: positive("shape", shape)?, min: positive("min", min)? })
    }

    pub(super) fn sample(self, draws: &mut impl Draw) -> f64 {
        self.min * libm::exp(draws.exponential() / self.shape)
    }

    pub(super) fn mean(self) -> f64 {
        if self.shape > 1.0 { self.min * (self.shape / (self.shape - 1.0)) } else { f64::INFINITY }
    }

    pub(super) fn variance(self) -> f64 {
        if self.shape <= 2.0 {
            return f64::INFINITY;
        }
        let below = self.shape - 1.0;
        self.min * self.min * (self.shape / (below * below * (self.shape - 2.0)))
    }

    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { min: self.min * factor, ..self }
    }

    pub(super) fn largest(self) -> f64 {
        self.min * libm::exp(LARGEST_EXPONENTIAL / self.shape)
    }
}

/// The power law between a minimum and a maximum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundedPareto {
    shape: f64,
    min: f64,
    max: f64,
    /// How much of the unbounded law lies below the maximum.
    kept: f64,
}

impl BoundedPareto {
    pub(super) fn new(shape: f64, min: f64, max: f64) -> Result<Self, DistError> {
        let (shape, min, max) = (positive("shape", shape)?, positive("min", min)?, positive("max", max)?);
        require(max > min, "max", max, "above the minimum", "raise it, or use a constant if nothing varies")?;
        let kept = -libm::expm1(-shape * (libm::log(max) - libm::log(min)));
        require(kept > 0.0, "max", max, "distinguishable from the minimum", "raise it, or use a constant")?;
        Ok(Self { shape, min, max, kept })
    }

    pub(super) fn sample(self, draws: &mut impl Draw) -> f64 {
        let u = draws.open();
        let value = self.min * libm::exp(-libm::log1p((u - 1.0) * self.kept) / self.shape);
        value.clamp(self.min, self.max)
    }

    /// E[(X / min)^power]: the density integrated after the substitution x = min e^t.
    fn moment(self, power: f64) -> f64 {
        let length = libm::log(self.max) - libm::log(self.min);
        let rate = power - self.shape;
        let integral = if (rate * length).abs() < 1e-8 { length } else { libm::expm1(rate * length) / rate };
        self.shape / self.kept * integral
    }

    pub(super) fn mean(self) -> f64 {
        self.min * self.moment(1.0)
    }

    pub(super) fn variance(self) -> f64 {
        let first = self.moment(1.0);
        self.min * self.min * (self.moment(2.0) - first * first).max(0.0)
    }

    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { min: self.min * factor, max: self.max * factor, ..self }
    }

    pub(super) const fn largest(self) -> f64 {
        self.max
    }
}
