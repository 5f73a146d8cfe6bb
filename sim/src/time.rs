//! Simulated time: whole nanoseconds, so that no float ever decides an order.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// An instant of simulated time, in nanoseconds since the run began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

/// A length of simulated time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

const NANOS: f64 = 1e9;
const TWO_51: f64 = (1u64 << 51) as f64;
const TWO_52: f64 = (1u64 << 52) as f64;

impl Time {
    /// The instant at which every run begins.
    pub const ZERO: Self = Self(0);
    /// Later than every instant that a run can reach.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant this many nanoseconds after the beginning.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the run began.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the run began, for reports and for rates; never for ordering.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / NANOS
    }

    /// How long ago `earlier` was; zero if it is still to come.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than every run.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of this many nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of this many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A span of this many whole seconds.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// The nearest whole number of nanoseconds; negative and NaN become zero, too large becomes [`Span::MAX`].
    #[must_use]
    #[inline]
    pub fn from_seconds(seconds: f64) -> Self {
        let nanos = seconds * NANOS;
        // The bits of a number that is not negative rise with it; those of a negative one and of NaN are above them all.
        if nanos.to_bits() < TWO_51.to_bits() {
            // Adding 2^52 rounds to a whole number, and leaves that in the lowest bits.
            return Self((nanos + TWO_52).to_bits() - TWO_52.to_bits());
        }
        Self::from_many_nanos(nanos)
    }

    /// Negative, NaN, or so large that it is whole but for a quarter.
    #[cold]
    #[inline(never)]
    fn from_many_nanos(nanos: f64) -> Self {
        // A cast from float to integer saturates and maps NaN to zero, on every platform.
        Self(nanos.round_ties_even() as u64)
    }

    /// Nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds, for reports and rates; never for ordering.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / NANOS
    }

    /// True for a span of no length.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This span stretched by a factor, rounded to the nanosecond.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor + 0.5) as u64)
    }
}

impl Add<Span> for Time {
    type Output = Self;
    #[inline]
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span(self.0).fmt(f)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            0..1_000 => return write!(f, "{}ns", self.0),
            1_000..1_000_000 => (1e3, "us"),
            1_000_000..1_000_000_000 => (1e6, "ms"),
            _ => (1e9, "s"),
        };
        let text = format!("{:.3}", self.0 as f64 / unit);
        let text = text.trim_end_matches('0').trim_end_matches('.');
        write!(f, "{text}{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_round_to_the_nearest_nanosecond() {
        assert_eq!(Span::from_seconds(0.1), Span::from_millis(100));
        assert_eq!(Span::from_seconds(-1.0), Span::ZERO);
        assert_eq!(Span::from_seconds(f64::NAN), Span::ZERO);
        assert_eq!(Span::from_seconds(1e300), Span::MAX);
    }

    #[test]
    fn seconds_of_all_sizes_round_alike() {
        // Where whole numbers become sparse, and where a sum with 2^52 would no longer leave them in the lowest bits.
        for power in 0..63 {
            for offset in [0, 1, 3, 1000] {
                let nanos = (1u64 << power) - offset.min(1 << power >> 1);
                let seconds = nanos as f64 / NANOS;
                assert_eq!(Span::from_seconds(seconds).0, (seconds * NANOS).round_ties_even() as u64, "{nanos}");
            }
        }
        assert_eq!([-0.0, -1e-10, 0.4e-9, 0.6e-9].map(|seconds| Span::from_seconds(seconds).0), [0, 0, 0, 1]);
        assert_eq!(Span::from_seconds(f64::NEG_INFINITY), Span::ZERO);
        assert_eq!(Span::from_seconds(f64::INFINITY), Span::MAX);
    }

    #[test]
    fn spans_print_as_a_person_writes_them() {
        let texts = [17, 2_500, 1_000_000, 1_500_000_000, 300_000_000_000].map(|n| Span(n).to_string());
        assert_eq!(texts, ["17ns", "2.5us", "1ms", "1.5s", "300s"]);
    }
}
