//! Slow start: a replica that has just come up gets less.
//!
//! Source: Envoy's `slow_start_config`: weight × max(0.1, (age / window)^(1 / aggression)). Envoy gives that weight to its
//! schedule; here a replica in its slow start is passed over with the complementary chance, which has the same mean. Up to
//! four draws, none when no replica is in its slow start.

use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;

/// A replica that has just come up gets less at first, and its full share when `window` is over.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How long it takes.
    pub window: Duration,
    /// 1 for a straight line, more for a faster beginning; 1 by default.
    #[serde(default = "one")]
    pub aggression: f64,
}

fn one() -> f64 {
    1.0
}

/// The share that Envoy gives a replica at least.
const LEAST: f64 = 0.1;

/// Slow start at work.
#[derive(Clone, Copy, Debug)]
pub struct SlowStart {
    window: Span,
    exponent: f64,
}

impl SlowStart {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self { window: spec.window.span(), exponent: 1.0 / spec.aggression }
    }

    /// The share of its weight that a replica has which has been up for that long.
    #[must_use]
    pub fn factor(&self, age: Span) -> f64 {
        if age >= self.window {
            return 1.0;
        }
        libm::pow(age.seconds() / self.window.seconds(), self.exponent).max(LEAST)
    }
}
