//! What is counted in each window of the series beside its columns: what went over edges, and how long requests took.

use crate::monitor::BOUNDS;

/// Buckets of latencies: one for each of [`BOUNDS`], and one for all.
pub const BUCKETS: usize = BOUNDS.len() + 1;

/// Counts of each window of the [`Series`](super::Series), one window after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters {
    /// For each edge, in each window.
    pub edges: Vec<EdgeCounts>,
    /// For each client, in each window: how many of the requests that ended well took no longer than each of [`BOUNDS`],
    /// and how many there are.
    pub latencies: Vec<[u64; BUCKETS]>,
}

/// What went over an edge in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EdgeCounts {
    /// Calls that began.
    pub calls: u64,
    /// Attempts.
    pub attempts: u64,
    /// Calls that ended well.
    pub ok: u64,
    /// Calls that ended badly.
    pub failed: u64,
    /// The share of its breakers that are open at the end of the window; `None` of an edge without breakers.
    pub open: Option<f64>,
}

impl EdgeCounts {
    /// True if something was counted, or there are breakers.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.calls + self.attempts + self.ok + self.failed > 0 || self.open.is_some()
    }
}
