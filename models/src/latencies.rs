//! Recent latencies in a fixed array, for policies that act on a percentile. Nothing is allocated after `new`.
//!
//! Buckets are log-linear, 64 to an octave of microseconds, so a percentile is at most 0.8 % off; the smallest and the
//! largest value are kept exactly, and no percentile lies outside of them.

use squall_sim::Span;

const BITS: u32 = 6;
const UNIT: u64 = 1_000;
/// About five days; longer ones share the last bucket.
const HIGHEST: u64 = (1 << 39) - 1;
const BUCKETS: usize = index(HIGHEST) + 1;

/// Counts of times since the last `clear`.
#[derive(Clone, Debug)]
pub struct Latencies {
    counts: Vec<u32>,
    total: u64,
    low: Span,
    high: Span,
}

const fn index(micros: u64) -> usize {
    let octave = 63 - BITS - (micros | 1 << BITS).leading_zeros();
    (((octave as u64) << BITS) + (micros >> octave)) as usize
}

/// The middle of a bucket, in nanoseconds.
const fn middle(index: usize) -> u64 {
    let index = index as u64;
    let sub = 1 << BITS;
    if index < 2 * sub {
        return index * UNIT + UNIT / 2;
    }
    let octave = (index >> BITS) - 1;
    let low = ((index & (sub - 1)) + sub) << octave;
    (2 * low + (1 << octave)) * UNIT / 2
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, low: Span::MAX, high: Span::ZERO }
    }
}

impl Latencies {
    /// Counts one value.
    #[inline]
    pub fn record(&mut self, span: Span) {
        self.counts[index((span.nanos() / UNIT).min(HIGHEST))] += 1;
        self.total += 1;
        self.low = self.low.min(span);
        self.high = self.high.max(span);
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The smallest value, exact.
    #[must_use]
    pub const fn low(&self) -> Span {
        self.low
    }

    /// The smallest value that at least this share (0 to 1) of the values does not exceed; `None` of nothing.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Span> {
        quantile(&[self], share)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        if self.total > 0 {
            let micros = |span: Span| index((span.nanos() / UNIT).min(HIGHEST));
            self.counts[micros(self.low)..=micros(self.high)].fill(0);
        }
        (self.total, self.low, self.high) = (0, Span::MAX, Span::ZERO);
    }
}

/// The quantile of several sets together.
pub(crate) fn quantile(sets: &[&Latencies], share: f64) -> Option<Span> {
    let total: u64 = sets.iter().map(|set| set.total).sum();
    if total == 0 {
        return None;
    }
    let low = sets.iter().map(|set| set.low).min()?;
    let high = sets.iter().map(|set| set.high).max()?;
    let rank = ((share * total as f64).ceil() as u64).clamp(1, total);
    if rank == total {
        return Some(high);
    }
    let first = index((low.nanos() / UNIT).min(HIGHEST));
    let mut seen = 0;
    for at in first..BUCKETS {
        seen += sets.iter().map(|set| u64::from(set.counts[at])).sum::<u64>();
        if seen >= rank {
            return Some(Span::from_nanos(middle(at)).clamp(low, high));
        }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_off_by_less_than_one_percent() {
        let mut set = Latencies::default();
        for millis in 1..=1000 {
            set.record(Span::from_millis(millis));
        }
        for percent in 1..100u32 {
            let exact = f64::from(percent) / 100.0;
            let found = set.quantile(exact).unwrap().seconds();
            assert!((found / exact - 1.0).abs() < 0.008, "{percent} %: {found}");
        }
        assert_eq!(set.quantile(1.0), Some(Span::from_secs(1)));
        set.clear();
        assert_eq!((set.quantile(0.5), set.count()), (None, 0));
        assert!(set.counts.iter().all(|&count| count == 0));
    }

    #[test]
    fn one_value_is_every_percentile_exactly() {
        let mut set = Latencies::default();
        set.record(Span::from_nanos(12_345_678));
        for share in [0.0, 0.5, 0.99, 1.0] {
            assert_eq!(set.quantile(share), Some(Span::from_nanos(12_345_678)));
        }
    }
}
