//! What is read from a series of samples at an instant: the newest, or something over the window that ends there.
//!
//! A window is open on the left: a sample as old as the window is long is no longer in it. Where a scrape has failed there
//! is a sample whose value is not a number: since then nothing new is known, and in a window it does not count.

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
    /// The value, in whatever unit its series has; not a number where a scrape has failed.
    pub value: f64,
}

/// Those of the samples, which are in order of time, that lie in the window of this width before `at`.
fn within(samples: &[Sample], at: Time, width: Span) -> &[Sample] {
    let to = samples.partition_point(|sample| sample.at <= at);
    let from = samples[..to].partition_point(|sample| at.since(sample.at) >= width);
    &samples[from..to]
}

/// Those in a window that are values, and no marks of a scrape that failed.
fn values(samples: &[Sample], at: Time, width: Span) -> impl DoubleEndedIterator<Item = f64> {
    within(samples, at, width).iter().map(|sample| sample.value).filter(|value| !value.is_nan())
}

/// The newest value, unless it is too old or a scrape has failed since: then nothing is known.
#[must_use]
pub fn newest(samples: &[Sample], at: Time) -> Option<f64> {
    within(samples, at, LOOKBACK).last().map(|sample| sample.value).filter(|value| !value.is_nan())
}

/// The newest value in a window (`last_over_time`).
#[must_use]
pub fn last(samples: &[Sample], at: Time, width: Span) -> Option<f64> {
    values(samples, at, width).next_back()
}

/// The sum of the values in a window (`sum_over_time`), and how many they are (`count_over_time`).
#[must_use]
pub fn total(samples: &[Sample], at: Time, width: Span) -> Option<(f64, f64)> {
    let (sum, count) = values(samples, at, width).fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then_some((sum, count))
}

/// The mean of the values in a window, each counted once (`avg_over_time`).
#[must_use]
pub fn average(samples: &[Sample], at: Time, width: Span) -> Option<f64> {
    total(samples, at, width).map(|(sum, count)| sum / count)
}

/// The largest value in a window (`max_over_time`).
#[must_use]
pub fn largest(samples: &[Sample], at: Time, width: Span) -> Option<f64> {
    values(samples, at, width).reduce(f64::max)
}

/// The smallest value in a window (`min_over_time`).
#[must_use]
pub fn smallest(samples: &[Sample], at: Time, width: Span) -> Option<f64> {
    values(samples, at, width).reduce(f64::min)
}

/// How much a counter has grown over a window. It wants two samples; what it has lost at a reset counts as grown.
#[must_use]
pub fn increase(samples: &[Sample], at: Time, width: Span) -> Option<f64> {
    let inside = within(samples, at, width);
    let marked = inside.iter().any(|sample| sample.value.is_nan());
    let unmarked: Vec<Sample>;
    let inside = if marked {
        unmarked = inside.iter().filter(|sample| !sample.value.is_nan()).copied().collect();
        &unmarked
    } else {
        inside
    };
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
    fn a_failed_scrape_ends_what_is_newest_and_leaves_windows_alone() {
        let samples = series(&[(0, 1.0), (15, 3.0), (30, f64::NAN)]);
        let minute = Span::from_secs(60);
        assert_eq!(newest(&samples, at(29)), Some(3.0));
        assert_eq!(newest(&samples, at(30)), None);
        assert_eq!(average(&samples, at(30), minute), Some(2.0));
        assert_eq!(last(&samples, at(30), minute), Some(3.0));
        assert_eq!(total(&samples, at(30), minute), Some((4.0, 2.0)));
        assert_eq!(smallest(&samples, at(30), minute), Some(1.0));
        assert_eq!(increase(&samples, at(30), minute), increase(&samples[..2], at(30), minute));
    }

    #[test]
    fn one_sample_is_no_rate() {
        assert_eq!(rate(&series(&[(10, 4.0)]), at(10), Span::from_secs(60)), None);
    }
}
