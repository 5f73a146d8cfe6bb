//! Values that are counted many at a time.

use squall_sim::Span;

/// Values on their way into a histogram. Its buckets are so many that those of a few histograms do not fit into the
/// nearest cache: to wait for memory once for many values is cheaper than once for each.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    spans: [Span; BATCH],
    len: usize,
}

const BATCH: usize = 64;

impl Default for Batch {
    fn default() -> Self {
        Self { spans: [Span::ZERO; BATCH], len: 0 }
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
        let spans = &self.spans[..len];
        let (mut least, mut most, mut sum) = (u64::MAX, 0, 0);
        for span in spans {
            least = least.min(span.nanos());
            most = most.max(span.nanos());
            sum += u128::from(span.nanos());
        }
        Gathered { spans, least, most, sum }
    }
}

/// Values that are to be counted, and what is the same for every histogram of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gathered<'a> {
    pub(crate) spans: &'a [Span],
    /// In nanoseconds, as all of it.
    pub(super) least: u64,
    pub(super) most: u64,
    pub(super) sum: u128,
}
