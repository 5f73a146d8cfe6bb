//! Latencies in the few buckets that a scrape brings, counted as they come: to sum them from a fine histogram takes thousands
//! of additions, which is too much for every window of every run.

use super::BOUNDS;
use crate::histogram::Histogram;
use crate::report::BUCKETS;
use squall_sim::Span;

/// For each octave of nanoseconds the one bucket that ends in it, and how many end before, the same as if they were summed from
/// a fine histogram.
const OCTAVES: [(u64, usize); 64] = {
    let mut octaves = [(u64::MAX, 0); 64];
    let mut at = 0;
    while at < BOUNDS.len() {
        let end = 1000 * Histogram::<10>::first_above((BOUNDS[at] * 1e6) as u64);
        let mut octave = end.ilog2() as usize;
        assert!(octaves[octave].0 == u64::MAX, "two buckets end in one octave");
        octaves[octave].0 = end;
        octave += 1;
        while octave < 64 {
            octaves[octave].1 = at + 1;
            octave += 1;
        }
        at += 1;
    }
    octaves
};

/// How many latencies lay in each bucket, the last of which has no end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Buckets([u64; BUCKETS]);

impl Buckets {
    /// Counts latencies.
    pub(crate) fn record_all(&mut self, latencies: &[Span]) {
        for latency in latencies {
            let nanos = latency.nanos();
            // Without a branch that depends on the value, which nothing could foresee.
            let (end, before) = OCTAVES[(nanos | 1).ilog2() as usize];
            self.0[before + usize::from(nanos >= end)] += 1;
        }
    }

    /// How many were not above each bound, and how many there are.
    pub(crate) fn not_above(&self) -> [u64; BUCKETS] {
        let mut sum = 0;
        self.0.map(|count| {
            sum += count;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_histogram() {
        let around = |bound: &f64| {
            let micros = (bound * 1e6).round() as u64;
            (micros - micros / 100..=micros + micros / 100).step_by(1 + micros as usize / 20_000)
        };
        let latencies: Vec<Span> =
            BOUNDS.iter().flat_map(around).map(|micros| Span::from_nanos(1000 * micros + 999)).collect();
        let (mut buckets, mut histogram) = (Buckets::default(), Histogram::<10>::default());
        buckets.record_all(&latencies);
        latencies.iter().for_each(|latency| histogram.record(*latency));
        let counts = buckets.not_above();
        assert_eq!(counts[..BOUNDS.len()], histogram.not_above(BOUNDS.map(|bound| (bound * 1e6).round() as u64)));
        assert_eq!(counts[BOUNDS.len()], histogram.count());
    }
}
