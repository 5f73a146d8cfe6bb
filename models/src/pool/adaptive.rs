//! A pool size that follows the use: larger when the pool is nearly all taken, smaller when it is hardly used.
//!
//! Source: the operators' rule of adaptive pool sizing, as a loop beside the pool: it looks every so often and sets the
//! size. It draws nothing.

use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lets the size of a pool follow its use, but never below the size that it begins with.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Above this share of connections taken the pool grows; 90 % by default.
    #[serde(default = "ninety")]
    pub above: Share,
    /// The new size over the old when it grows; 1.5 by default.
    #[serde(default = "half_more")]
    pub grow: f64,
    /// The largest size.
    pub most: u32,
    /// Below this share it shrinks; 30 % by default.
    #[serde(default = "thirty")]
    pub below: Share,
    /// The new size over the old when it shrinks; 0.7 by default.
    #[serde(default = "less")]
    pub shrink: f64,
    /// How often the size is looked at.
    pub every: Duration,
}

fn ninety() -> Share {
    Share::new(0.9)
}

fn half_more() -> f64 {
    1.5
}

fn thirty() -> Share {
    Share::new(0.3)
}

fn less() -> f64 {
    0.7
}

/// The rule at work.
#[derive(Clone, Copy, Debug)]
pub struct Adaptive {
    above: f64,
    grow: f64,
    most: u32,
    below: f64,
    shrink: f64,
    least: u32,
}

impl Adaptive {
    /// The rule for a pool that begins with this size.
    #[must_use]
    pub fn new(spec: &Spec, size: u32) -> Self {
        Self {
            above: spec.above.get(),
            grow: spec.grow,
            most: spec.most.max(size),
            below: spec.below.get(),
            shrink: spec.shrink,
            least: size,
        }
    }

    /// The size that a pool of this size should have, with so many of its connections taken.
    #[must_use]
    pub fn decide(&self, size: u32, taken: u32) -> u32 {
        let used = f64::from(taken) / f64::from(size.max(1));
        let factor = if used > self.above {
            self.grow
        } else if used < self.below {
            self.shrink
        } else {
            return size;
        };
        // A cast from float to integer rounds down and saturates, on every platform.
        ((f64::from(size) * factor) as u32).clamp(self.least, self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Adaptive {
        let spec = Spec {
            above: ninety(),
            grow: 1.5,
            most: 500,
            below: thirty(),
            shrink: 0.7,
            every: Duration::from_seconds(30.0),
        };
        Adaptive::new(&spec, 50)
    }

    #[test]
    fn it_grows_to_the_most_and_shrinks_to_the_start() {
        let mut sizes = vec![50];
        for _ in 0..8 {
            let size = sizes[sizes.len() - 1];
            sizes.push(rule().decide(size, size));
        }
        assert_eq!(sizes, [50, 75, 112, 168, 252, 378, 500, 500, 500]);
        for _ in 0..8 {
            let size = sizes[sizes.len() - 1];
            sizes.push(rule().decide(size, 0));
        }
        assert_eq!(sizes[9..], [350, 244, 170, 118, 82, 57, 50, 50]);
    }

    #[test]
    fn both_bounds_are_strict() {
        assert_eq!(rule().decide(100, 90), 100);
        assert_eq!(rule().decide(100, 91), 150);
        assert_eq!(rule().decide(100, 30), 100);
        assert_eq!(rule().decide(100, 29), 70);
    }
}
