//! What is read from a series of samples at an instant: the newest, or something over the window that ends there.
//!
//! A window is open on the left: a sample as old as the window is long is no longer in it.

use squall_sim::{Span, Time};

/// A sample older than this is not taken for the present value of anything.
pub const LOOKBACK: Span = Span::from_secs(300);

/// A sample is close enough to the edge of a window if it is at most so many of the mean distances between samples away.
const CLOSE: f64 = 1.1;

/// A value as it was at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When it was taken.
    pub at: Time,
    /// The value, in whatever unit its series has.
    pub value: f64,
}

/// Those of the samples, which are in order of time, that lie in the window of this width before `at`.
fn within(samples: &[Sample], at: Time, width: Span) -> &[Sample] {
    let to = samples.partition_point(|sample| sample.at <= at);
    let from = samples[..to].partition_point(|sample| at.since(sample.at) >= width);
    &samples[from..to]
}

/// The newest value that is not too old.
#[must_use]
pub fn newest(samples: &[Sample], at: Time) -> Option<f64> {
    within(samples, at, LOOKBACK).last().map(|sample| sample.value)
}

/// The mean of the values in a window, each counted once (`avg_over_time`).
#[must_use]
pub fn average(samples: &[Sample], at: Time, width: Span) -> Option<f64> {
    let inside = within(samples, at, width);
    let sum: f64 = inside.iter().map(|sample| sample.value).sum();
    (!inside.is_empty()).then(|| sum / inside.len() as f64)
}

/// The largest value in a window (`max_over_time`).
#[must_use]
pub fn largest(samples: &[Sample], at: Time, width: Span) -> Option<f64> {
    within(samples, at, width).iter().map(|sample| sample.value).reduce(f64::max)
}

/// How much a counter has grown over a window. It wants two samples; what it has lost at a reset counts as grown.
#[must_use]
pub fn increase(samples: &[Sample], at: Time, width: Span) -> Option<f64> {
    let inside = within(samples, at, width);
    let (first, last) = (inside.first()?, inside.last()?);
    if inside.len() < 2 {
        return None;
    }
    let resets = inside.windows(2).filter(|pair| pair[1].value < pair[0].value);
    let grown = last.value - first.value + resets.map(|pair| pair[0].value).sum::<f64>();
    let sampled = last.at.since(first.at).seconds();
    let apart = sampled / (inside.len() - 1) as f64;
    let edge = |distance: f64| if distance >= CLOSE * apart { apart / 2.0 } else { distance };
    let mut before = edge(width.seconds() - at.since(first.at).seconds());
    if grown > 0.0 && first.value >= 0.0 {
        // It cannot have been below zero, so it did not grow for longer than it would have taken from there.
        before = before.min(sampled * (first.value / grown));
    }
    let after = edge(at.since(last.at).seconds());
    Some(grown * ((sampled + before + after) / sampled))
}

/// The same each second.
#[must_use]
pub fn rate(samples: &[Sample], at: Time, width: Span) -> Option<f64> {
    increase(samples, at, width).map(|grown| grown / width.seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    fn series(values: &[(u64, f64)]) -> Vec<Sample> {
        values.iter().map(|&(seconds, value)| Sample { at: at(seconds), value }).collect()
    }

    #[test]
    fn a_window_is_open_on_the_left() {
        let samples = series(&[(0, 9.0), (15, 1.0), (30, 3.0)]);
        let half = Span::from_secs(30);
        assert_eq!(average(&samples, at(30), half), Some(2.0));
        assert_eq!(largest(&samples, at(29), half), Some(9.0));
        assert_eq!(largest(&samples, at(60), half), None);
    }

    #[test]
    fn the_newest_value_is_known_for_five_minutes() {
        let samples = series(&[(10, 4.0)]);
        assert_eq!(newest(&samples, at(9)), None);
        assert_eq!(newest(&samples, at(309)), Some(4.0));
        assert_eq!(newest(&samples, at(310)), None);
    }

    #[test]
    fn one_sample_is_no_rate() {
        assert_eq!(rate(&series(&[(10, 4.0)]), at(10), Span::from_secs(60)), None);
    }
}
