//! Values that are counted many at a time.

use super::UNIT;
use squall_sim::Span;

/// Values on their way into a histogram. Its buckets are so many that those of a few histograms do not fit into the
/// nearest cache: to wait for memory once for many values is cheaper than once for each.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    spans: [Span; BATCH],
    len: usize,
    /// The spans of the last full batch of small ones, in microseconds.
    micros: [u32; BATCH],
}

pub(super) const BATCH: usize = 64;
/// Values below this one, in nanoseconds, are small.
const SMALL: u64 = 1 << 31;

impl Default for Batch {
    fn default() -> Self {
        Self { spans: [Span::ZERO; BATCH], len: 0, micros: [0; BATCH] }
    }
}

impl Batch {
    /// Takes a value; true when it has to be taken out now.
    #[inline(always)]
    pub(crate) fn push(&mut self, span: Span) -> bool {
        self.spans[self.len % BATCH] = span;
        self.len += 1;
        self.len == BATCH
    }

    /// Hands out what is there.
    pub(crate) fn take(&mut self) -> Gathered<'_> {
        let len = std::mem::take(&mut self.len);
        if len == BATCH && self.spans.iter().fold(0, |any, span| any | span.nanos()) < SMALL {
            return self.full();
        }
        let spans = &self.spans[..len];
        let (mut least, mut most, mut sum) = (u64::MAX, 0, 0);
        for span in spans {
            least = least.min(span.nanos());
            most = most.max(span.nanos());
            sum += u128::from(span.nanos());
        }
        Gathered { spans, micros: None, least, most, sum }
    }

    /// The same of a full batch of small values. The loops are over arrays of numbers of 32 bits, so that several of them
    /// are done at once.
    fn full(&mut self) -> Gathered<'_> {
        let mut nanos = [0; BATCH];
        for (nanos, span) in nanos.iter_mut().zip(&self.spans) {
            *nanos = span.nanos() as i32;
        }
        // A loop for each, because the sum takes numbers of 64 bits.
        let sum: u64 = self.spans.iter().map(|span| span.nanos()).sum();
        let (mut least, mut most) = (i32::MAX, 0);
        for &nanos in &nanos {
            least = least.min(nanos);
            most = most.max(nanos);
        }
        for (micros, nanos) in self.micros.iter_mut().zip(nanos) {
            *micros = nanos as u32 / UNIT as u32;
        }
        let (least, most) = (least as u64, most as u64);
        Gathered { spans: &self.spans, micros: Some(&self.micros), least, most, sum: sum.into() }
    }
}

/// Values that are to be counted, and what is the same for every histogram of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gathered<'a> {
    pub(crate) spans: &'a [Span],
    /// In microseconds, if they are as many as a batch has at most and all of them small.
    pub(super) micros: Option<&'a [u32; BATCH]>,
    /// In nanoseconds, as all of it.
    pub(super) least: u64,
    pub(super) most: u64,
    pub(super) sum: u128,
}
