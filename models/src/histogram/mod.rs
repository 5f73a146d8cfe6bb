//! Latencies counted in a plain array: a record is an index and an increment, and two histograms add up exactly.
//!
//! The buckets are those of an HDR histogram (Gil Tene) with a unit of one microsecond: values below 2048 µs have a
//! bucket of their own, each octave above is cut into 1024. The relative error is at most 1/1024.

mod batch;
mod counts;

pub(crate) use batch::{Batch, Gathered};

use crate::report::ClientSlice;
use batch::BATCH;
use counts::Counts;
use squall_sim::Span;

const UNIT: u64 = 1_000;
/// Values from this one on (about five days) share the last bucket.
const HIGHEST: u64 = 1 << 39;

/// Counts of times, each octave cut into 2^`BITS` buckets; with the 10 bits of the default to a relative error of 0.1 %.
#[derive(Clone, Debug)]
pub struct Histogram<const BITS: u32 = 10> {
    counts: Counts,
    total: u64,
    /// Nanoseconds, so that means are exact.
    sum: u128,
    max: u64,
    /// No bucket below this one was touched since the last `clear`.
    first: usize,
}

impl<const BITS: u32> Default for Histogram<BITS> {
    fn default() -> Self {
        // The buckets of a coarse one are few themselves.
        let counts = if BITS < 10 { Counts::many() } else { Counts::default() };
        Self { counts, total: 0, sum: 0, max: 0, first: usize::MAX }
    }
}

impl<const BITS: u32> PartialEq for Histogram<BITS> {
    fn eq(&self, other: &Self) -> bool {
        (self.total, self.sum, self.max) == (other.total, other.sum, other.max) && self.cells().eq(other.cells())
    }
}

impl<const BITS: u32> Eq for Histogram<BITS> {}

/// Buckets that are summed at once when a quantile is sought.
const RUN: usize = 32;

/// The number of the half octave that a time in microseconds lies in.
pub(crate) fn half_octave(micros: u64) -> usize {
    let micros = micros.max(1);
    let octave = micros.ilog2();
    let half = if octave == 0 { 0 } else { micros >> (octave - 1) & 1 };
    (2 * u64::from(octave) + half) as usize
}

#[inline]
const fn index<const BITS: u32>(micros: u64) -> usize {
    let octave = 63 - BITS - (micros | 1 << BITS).leading_zeros();
    (((octave as u64) << BITS) + (micros >> octave)) as usize
}

/// The same for less than 2^24 microseconds, of which several are done at once: the exponent of a floating-point number is
/// the octave, and the upper bits of its fraction are the place in it.
#[inline]
const fn small_index<const BITS: u32>(micros: u32) -> u32 {
    let float = (micros as i32 as f32).to_bits();
    let logarithmic = (float >> (23 - BITS)).wrapping_sub((126 + BITS) << BITS);
    if micros < 1 << BITS { micros } else { logarithmic }
}

/// The first value of a bucket and the first beyond it, in microseconds.
const fn bounds<const BITS: u32>(index: usize) -> (u64, u64) {
    let index = index as u64;
    let sub = 1 << BITS;
    if index < 2 * sub {
        return (index, index + 1);
    }
    let octave = (index >> BITS) - 1;
    let low = ((index & (sub - 1)) + sub) << octave;
    (low, low + (1 << octave))
}

impl<const BITS: u32> Histogram<BITS> {
    /// Counts one value.
    #[inline]
    pub fn record(&mut self, span: Span) {
        let at = index::<BITS>((span.nanos() / UNIT).min(HIGHEST - 1));
        self.counts.add(at, 1);
        self.first = self.first.min(at);
        self.total += 1;
        self.sum += u128::from(span.nanos());
        self.max = self.max.max(span.nanos());
    }

    /// Counts values.
    pub(crate) fn record_all(&mut self, values: &Gathered<'_>) {
        let &Gathered { spans, micros, least, most, sum } = values;
        if spans.is_empty() {
            return;
        }
        let bucket = |nanos: u64| index::<BITS>((nanos / UNIT).min(HIGHEST - 1));
        match (self.counts.reaching(bucket(most)), micros) {
            (Some(counts), Some(micros)) => {
                // First all places and then all counts: the first loop does several at once.
                let mut places = [0; BATCH];
                places.iter_mut().zip(micros).for_each(|(place, micros)| *place = small_index::<BITS>(*micros));
                places.iter().for_each(|place| counts[*place as usize] += 1);
            }
            (Some(counts), None) => spans.iter().for_each(|span| counts[bucket(span.nanos())] += 1),
            (None, _) => spans.iter().for_each(|span| self.counts.add(bucket(span.nanos()), 1)),
        }
        self.first = self.first.min(bucket(least));
        self.max = self.max.max(most);
        self.total += spans.len() as u64;
        self.sum += sum;
    }

    /// Counts a value of zero so many times.
    pub fn record_zeros(&mut self, times: u64) {
        if times > 0 {
            self.counts.add(0, times);
            self.first = 0;
            self.total += times;
        }
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Their sum in nanoseconds, exact.
    #[must_use]
    pub fn sum_nanos(&self) -> u128 {
        self.sum
    }

    /// The largest value, exact (for a difference: an upper bound).
    #[must_use]
    pub fn max(&self) -> Span {
        Span::from_nanos(self.max)
    }

    /// The mean in seconds, exact; `None` of nothing.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.total > 0).then(|| self.sum as f64 / self.total as f64 / 1e9)
    }

    /// The smallest value that at least this share (0 to 1) of the values does not exceed, in seconds.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        let rank = ((share * self.total as f64).ceil() as u64).clamp(1, self.total);
        if rank == self.total {
            return Some(self.max as f64 / 1e9);
        }
        let at = self.find(rank)?;
        let (low, high) = bounds::<BITS>(at);
        // What is below the unit is reported as nothing: waits of zero are many, and are just that.
        let middle = if at == 0 { 0 } else { (low + high) * UNIT / 2 };
        Some(middle.min(self.max) as f64 / 1e9)
    }

    /// The bucket of the value of this rank, which begins with 1.
    fn find(&self, rank: u64) -> Option<usize> {
        let Some(used) = self.counts.from(self.first) else {
            return self.counts.find_among_few(rank);
        };
        let (mut seen, mut from) = (0, self.first);
        // Nearly all buckets lie before the one that is sought, and their sum is quick to find.
        for run in used.chunks(RUN) {
            let sum: u64 = run.iter().sum();
            if seen + sum >= rank {
                for (at, count) in (from..).zip(run) {
                    seen += count;
                    if seen >= rank {
                        return Some(at);
                    }
                }
            }
            (seen, from) = (seen + sum, from + run.len());
        }
        None
    }

    /// Adds another histogram's counts.
    pub fn add(&mut self, other: &Self) {
        match (self.counts.reaching(other.last()), other.counts.from(0)) {
            (Some(mine), Some(theirs)) => mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs),
            _ => other.cells().for_each(|(at, count)| self.counts.add(at, count)),
        }
        self.first = self.first.min(other.first);
        self.total += other.total;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// What was counted since `earlier`, an earlier state of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = Self { counts: self.counts.since(&earlier.counts), ..Self::default() };
        let (first, last) = {
            let mut cells = since.counts.cells(0).map(|(at, _)| at);
            let first = cells.next();
            (first, cells.last().or(first))
        };
        since.max = last.map_or(0, |at| (bounds::<BITS>(at).1 * UNIT - 1).min(self.max));
        since.first = first.unwrap_or(usize::MAX);
        (since.total, since.sum) = (self.total - earlier.total, self.sum - earlier.sum);
        since
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.counts.clear(self.first, self.last());
        (self.total, self.sum, self.max, self.first) = (0, 0, 0, usize::MAX);
    }

    /// The buckets that are not empty: a value in the middle of each in microseconds, and its count.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.cells().map(|(at, count)| {
            let (low, high) = bounds::<BITS>(at);
            (u64::midpoint(low, high), count)
        })
    }

    /// The numbers of the buckets that are not empty, in rising order, and their counts.
    fn cells(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts.cells(self.first)
    }

    /// The last bucket that is not empty, if there is one (for a difference: one that is not before it).
    fn last(&self) -> usize {
        index::<BITS>((self.max / UNIT).min(HIGHEST - 1))
    }

    /// The first value, in microseconds, that is above a limit when each is taken for the middle of its bucket.
    pub(crate) const fn first_above(limit: u64) -> u64 {
        let (low, high) = bounds::<BITS>(index::<BITS>(limit));
        if u64::midpoint(low, high) <= limit { high } else { low }
    }

    /// How many values, each taken for the middle of its bucket, are not above each of some bounds in microseconds, which rise.
    pub(crate) fn not_above<const N: usize>(&self, limits: [u64; N]) -> [u64; N] {
        let ends = limits.map(|limit| index::<BITS>(Self::first_above(limit)));
        let Some(used) = self.counts.from(self.first) else {
            let mut below = [0; N];
            for (at, count) in self.cells() {
                below.iter_mut().zip(ends).filter(|(_, end)| at < *end).for_each(|(sum, _)| *sum += count);
            }
            return below;
        };
        let (mut sum, mut from) = (0, 0);
        ends.map(|end| {
            let to = end.saturating_sub(self.first).clamp(from, used.len());
            sum += used[from..to].iter().sum::<u64>();
            from = to;
            sum
        })
    }

    /// How many values lie in each half octave of microseconds, which [`ClientSlice::bounds`] numbers, for those in which there are any.
    pub(crate) fn half_octaves(&self) -> impl Iterator<Item = (usize, u64)> {
        let mut halves = [0; HALF_OCTAVES];
        match self.counts.from(self.first) {
            None => self.cells().for_each(|(at, count)| halves[half_octave(bounds::<BITS>(at).0)] += count),
            Some(mut rest) => {
                let mut from = self.first;
                while !rest.is_empty() {
                    let half = half_octave(bounds::<BITS>(from).0);
                    let beyond = index::<BITS>(ClientSlice::bounds(half).1);
                    let (run, after) = rest.split_at(rest.len().min(beyond - from));
                    halves[half] = run.iter().sum();
                    (from, rest) = (beyond, after);
                }
            }
        }
        halves.into_iter().enumerate().filter(|(_, count)| *count > 0)
    }
}

/// Half octaves below the highest value.
const HALF_OCTAVES: usize = 2 * HIGHEST.ilog2() as usize;

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths in expressions do not take the default of the parameter.
    type Fine = Histogram;

    #[test]
    fn buckets_tile_the_axis() {
        let mut next = 0;
        for at in 0..30_000 {
            let (low, high) = bounds::<10>(at);
            assert_eq!(low, next);
            assert_eq!((index::<10>(low), index::<10>(high - 1)), (at, at));
            next = high;
        }
    }

    #[test]
    fn what_is_not_above_a_limit_is_what_the_buckets_say() {
        let mut h = Fine::default();
        assert_eq!(h.not_above([5, 1_000_000]), [0, 0]);
        // Everywhere, and next to the limits.
        (0..4000_u64).for_each(|n| h.record(Span::from_nanos(1000 * n * n)));
        let limits = [5_000, 10_000, 25_000, 1_000_000, 2_500_000, 10_000_000];
        limits.iter().for_each(|limit| h.record(Span::from_nanos(1000 * limit)));
        let counted: [u64; 6] =
            limits.map(|limit| h.buckets().filter(|(micros, _)| *micros <= limit).map(|(_, count)| count).sum());
        assert_eq!(h.not_above(limits), counted);
        assert!(counted[0] > 60 && counted[5] < 4006);
    }

    #[test]
    fn a_batch_counts_what_its_values_do() {
        let (mut batch, mut one_by_one, mut at_once) = (Batch::default(), Fine::default(), Fine::default());
        let (mut coarse_one_by_one, mut coarse) = (Histogram::<6>::default(), Histogram::<6>::default());
        at_once.record_all(&batch.take());
        assert_eq!(at_once, one_by_one);
        // Small ones of all sizes at first, then large ones as well, then a batch that is not full.
        let small = (0..64 * 64_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (33 + n % 31));
        let around = |micros: u64| [1000 * micros - 1, 1000 * micros, 1000 * micros + 999];
        let edges = (0..21).flat_map(|octave| [1 << octave, (1 << octave) + 1, (3 << octave) / 2]).flat_map(around);
        let large = (0..1000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (n % 64));
        for span in small.chain(edges).chain(large).map(Span::from_nanos) {
            one_by_one.record(span);
            coarse_one_by_one.record(span);
            if batch.push(span) {
                let gathered = batch.take();
                at_once.record_all(&gathered);
                coarse.record_all(&gathered);
            }
        }
        let rest = batch.take();
        assert!(!rest.spans.is_empty());
        at_once.record_all(&rest);
        coarse.record_all(&rest);
        assert_eq!((at_once.first, at_once), (one_by_one.first, one_by_one));
        assert_eq!(coarse, coarse_one_by_one);
    }

    #[test]
    fn several_at_once_come_into_the_same_buckets() {
        for micros in (0..1 << 12).chain((1 << 12..1 << 24).step_by(61)).chain((1 << 24) - 99..1 << 24) {
            assert_eq!(small_index::<10>(micros) as usize, index::<10>(micros.into()), "{micros}");
            assert_eq!(small_index::<6>(micros) as usize, index::<6>(micros.into()), "{micros}");
        }
    }

    /// Values of all sizes, so many that they are few at first and then many.
    fn values(count: u64) -> impl Iterator<Item = Span> {
        (0..count).map(|n| Span::from_nanos(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (20 + n % 44)))
    }

    #[test]
    fn few_values_are_counted_like_many() {
        for count in [0, 1, 2, 10, 1000, 1030, 3000] {
            let (mut few, mut many) = (Fine::default(), Fine { counts: Counts::many(), ..Fine::default() });
            let earlier: Vec<_> = values(count / 2).collect();
            earlier.iter().for_each(|span| [&mut few, &mut many].into_iter().for_each(|h| h.record(*span)));
            let before = (few.clone(), many.clone());
            values(count).for_each(|span| [&mut few, &mut many].into_iter().for_each(|h| h.record(span)));
            [&mut few, &mut many].into_iter().for_each(|h| h.record_zeros(count * count));
            assert_eq!(few, many);
            assert!(few.buckets().eq(many.buckets()));
            let limits = [5, 1_000, 25_000, 1_000_000, 10_000_000];
            assert_eq!(few.not_above(limits), many.not_above(limits));
            assert!(few.half_octaves().eq(many.half_octaves()));
            for share in [0.0, 0.1, 0.5, 0.9, 0.99, 1.0] {
                assert_eq!(few.quantile(share), many.quantile(share), "{share} of {count}");
            }
            let (since, sinces) = (few.since(&before.0), many.since(&before.1));
            assert_eq!(since, sinces);
            assert_eq!((since.count(), since.quantile(0.5)), (count + count * count, sinces.quantile(0.5)));
            let sums = [(&few, &since), (&few, &sinces), (&many, &since), (&many, &sinces)].map(|(one, other)| {
                let mut sum = one.clone();
                sum.add(other);
                sum
            });
            assert!(sums.iter().all(|sum| *sum == sums[0] && sum.count() == few.count() + since.count()));
            few.clear();
            assert_eq!((few.count(), few.buckets().count()), (0, 0));
        }
    }

    #[test]
    fn half_octaves_are_sums_of_buckets() {
        let mut h = Histogram::<6>::default();
        assert_eq!(h.half_octaves().count(), 0);
        (0..4000_u64).for_each(|n| h.record(Span::from_nanos(300 * n * n)));
        let mut counted = [0; 80];
        h.buckets().for_each(|(micros, count)| counted[half_octave(micros)] += count);
        let some = counted.iter().copied().enumerate().filter(|&(_, count)| count > 0);
        assert!(h.half_octaves().eq(some));
    }

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let mut h = Fine::default();
        for millis in 1..=10_000 {
            h.record(Span::from_millis(millis));
        }
        assert!((h.quantile(0.99).unwrap() / 9.9 - 1.0).abs() < 1e-3);
        assert!((h.mean().unwrap() - 5.0005).abs() < 1e-12);
        assert_eq!(h.quantile(1.0), Some(10.0));
        assert_eq!(Fine::default().quantile(0.5), None);
    }

    #[test]
    fn a_difference_and_a_sum_undo_each_other() {
        let (mut early, mut late) = (Fine::default(), Fine::default());
        for n in 0..100 {
            early.record(Span::from_millis(n));
            late.record(Span::from_millis(n));
        }
        let mut rest = Fine::default();
        for n in 0..50 {
            late.record(Span::from_millis(n * n));
            rest.record(Span::from_millis(n * n));
        }
        let since = late.since(&early);
        assert_eq!((since.count(), since.sum_nanos()), (rest.count(), rest.sum_nanos()));
        assert!(since.buckets().eq(rest.buckets()));
    }
}
