//! The gamma law.

use super::error::{DistError, positive, require};
use super::normal::{LARGEST_DEVIATE, deviate};
use crate::random::{Draw, ln};

/// The gamma law, by the rejection method of Marsaglia and Tsang (2000).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    shape: f64,
    scale: f64,
    /// The spread of the cubed normal that the method starts from.
    spread: f64,
}

impl Gamma {
    pub(super) fn new(mean: f64, cv: f64) -> Result<Self, DistError> {
        let mean = positive("mean", mean)?;
        let cv = positive("cv", cv)?;
        let usual = (1e-6..=1e3).contains(&cv);
        require(usual, "cv", cv, "between 0.000001 and 1000", "use a constant below, a Pareto law above")?;
        Ok(Self::of_shape((cv * cv).recip(), mean * cv * cv))
    }

    pub(super) fn of_shape(shape: f64, scale: f64) -> Self {
        let spread = (9.0 * boosted(shape)).sqrt().recip();
        Self { shape, scale, spread }
    }

    pub(super) fn sample(self, draws: &mut impl Draw) -> f64 {
        // Below shape 1 the law is that of shape + 1, shrunk by a power of a uniform draw.
        let shrink = if self.shape < 1.0 { libm::exp(ln(draws.open()) / self.shape) } else { 1.0 };
        let d = boosted(self.shape);
        loop {
            let z = deviate(draws.open());
            let root = 1.0 + self.spread * z;
            if root <= 0.0 {
                continue;
            }
            let cube = root * root * root;
            let accepted = draws.open();
            let square = z * z;
            if accepted < 1.0 - 0.0331 * square * square || ln(accepted) < 0.5 * square + d * (1.0 - cube + ln(cube)) {
                return d * cube * self.scale * shrink;
            }
        }
    }

    pub(super) fn mean(self) -> f64 {
        self.shape * self.scale
    }

    pub(super) fn variance(self) -> f64 {
        self.shape * self.scale * self.scale
    }

    pub(super) fn scaled(self, factor: f64) -> Self {
        Self { scale: self.scale * factor, ..self }
    }

    pub(super) fn largest(self) -> f64 {
        let root = 1.0 + self.spread * LARGEST_DEVIATE;
        boosted(self.shape) * root * root * root * self.scale
    }
}

/// The method's `d`, for the shape raised above 1 where it is below.
fn boosted(shape: f64) -> f64 {
    if shape < 1.0 { shape + 1.0 - 1.0 / 3.0 } else { shape - 1.0 / 3.0 }
}
