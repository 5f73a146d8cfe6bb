//! Learning once for each window of calls rather than from every call. Draws nothing.
//!
//! Source: `WindowedLimit` of Netflix concurrency-limits.

use super::Sample;
use crate::checks::Problems;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Sums up the calls of a window into one sample: their mean time, the most that were under way, and whether any was
/// dropped.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// The shortest window. A window takes twice the shortest time in the one before, within these two bounds.
    pub min: Duration,
    /// The longest window.
    pub max: Duration,
    /// A window with fewer calls is thrown away.
    pub samples: u32,
    /// Calls that take less than this say nothing.
    pub threshold: Duration,
}

impl Default for Spec {
    fn default() -> Self {
        let second = Duration::from_seconds(1.0);
        Self { min: second, max: second, samples: 10, threshold: Duration::from_seconds(1e-4) }
    }
}

pub(super) fn check(spec: Option<&Spec>, problems: &mut Problems<'_>) {
    let Some(spec) = spec else { return };
    problems.positive(spec.min, "window.min").count(spec.samples.into(), 1, 1_000_000, "window.samples");
    let rule = format!("the longest window, `{}`, is shorter than the shortest, `{}`", spec.max, spec.min);
    problems.require(spec.max >= spec.min, "window.max", rule, "make it at least as long");
}

/// That a limit begins between its bounds.
pub(super) fn bounds(problems: &mut Problems<'_>, initial: u32, min: u32, max: u32) {
    problems.count(min.into(), 1, 10_000_000, "min");
    problems.require(max >= min, "max", format!("the largest limit {max} is below the smallest, {min}"), "raise it");
    let rule = format!("the initial limit {initial} is not between {min} and {max}");
    problems.require(initial >= min && initial <= max, "initial", rule, "begin between `min` and `max`");
}

#[derive(Clone, Debug)]
pub(super) struct Window {
    min: Span,
    max: Span,
    samples: u32,
    threshold: Span,
    ends: Time,
    count: u32,
    shortest: Span,
    sum: u128,
    in_flight: u32,
    dropped: bool,
}

impl Window {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            min: spec.min.span(),
            max: spec.max.span(),
            samples: spec.samples,
            threshold: spec.threshold.span(),
            ends: Time::ZERO,
            count: 0,
            shortest: Span::MAX,
            sum: 0,
            in_flight: 0,
            dropped: false,
        }
    }

    /// Takes one call in; gives the window's sample when this call ends a window with enough of them.
    pub(super) fn add(&mut self, sample: Sample) -> Option<Sample> {
        if sample.rtt < self.threshold {
            return None;
        }
        self.count += 1;
        self.sum += u128::from(sample.rtt.nanos());
        self.shortest = self.shortest.min(sample.rtt);
        self.in_flight = self.in_flight.max(sample.in_flight);
        self.dropped |= sample.dropped;
        if sample.now <= self.ends {
            return None;
        }
        let length = (self.shortest + self.shortest).clamp(self.min, self.max);
        self.ends = sample.now + length;
        let mean = u64::try_from(self.sum / u128::from(self.count)).unwrap_or(u64::MAX);
        let whole =
            Sample { now: sample.now, rtt: Span::from_nanos(mean), in_flight: self.in_flight, dropped: self.dropped };
        let enough = self.count >= self.samples;
        (self.count, self.sum, self.shortest, self.in_flight, self.dropped) = (0, 0, Span::MAX, 0, false);
        enough.then_some(whole)
    }
}
