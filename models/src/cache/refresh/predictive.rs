//! Predictive warming: what was read lately will be read again.
//!
//! Source: the aurum runbook's predictive cache warming (threshold 0.8, window 300 s), which names the two numbers and
//! not the algorithm; this is the plain reading of them. No draw.

use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Predictive warming: when `threshold` of an entry's time is over, it is made anew in the background if it was read
/// within the last `window`, without waiting for the next read.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The share of its time after which an entry is looked at; 80 % by default.
    #[serde(default = "four_fifths")]
    pub threshold: Share,
    /// How lately it must have been read; 300 s by default.
    #[serde(default = "five_minutes")]
    pub window: Duration,
}

fn four_fifths() -> Share {
    Share::new(0.8)
}

fn five_minutes() -> Duration {
    Duration::from_seconds(300.0)
}

/// Predictive warming at work.
#[derive(Clone, Copy, Debug)]
pub struct Predictive {
    threshold: f64,
    window: Span,
}

impl Predictive {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self { threshold: spec.threshold.get(), window: spec.window.span() }
    }

    /// When an entry that is written now is looked at.
    #[must_use]
    pub fn due(&self, now: Time, expires: Time) -> Option<Time> {
        (expires < Time::MAX).then(|| now + expires.since(now).scaled(self.threshold))
    }

    /// Whether it is renewed then.
    #[must_use]
    pub fn wanted(&self, now: Time, set: Time, read: Time) -> bool {
        read > set && now.since(read) <= self.window
    }
}
