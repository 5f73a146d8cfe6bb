//! What is counted in each window of the series, for those who evaluate rules over it as over scraped counters.

use super::Run;
use crate::plan::EdgeId;
use crate::report::{BUCKETS, Counters, EdgeCounts, Totals};

/// The windows so far.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    pub(super) counters: Counters,
    /// Latencies of each client that had been counted when the last window ended.
    seen: Vec<[u64; BUCKETS]>,
}

impl Windows {
    pub(super) fn new(clients: usize) -> Self {
        Self { counters: Counters::default(), seen: vec![[0; BUCKETS]; clients] }
    }
}

impl Run<'_> {
    /// Takes the window between two totals, which is over now.
    pub(super) fn count_window(&mut self, before: &Totals, after: &Totals) {
        let now = self.cx.now();
        for ((a, b), id) in after.edges.iter().zip(&before.edges).zip((0..).map(EdgeId)) {
            let edge = EdgeCounts {
                calls: a.calls - b.calls,
                attempts: a.attempts - b.attempts,
                ok: a.ok - b.ok,
                failed: a.failed.iter().sum::<u64>() - b.failed.iter().sum::<u64>(),
                open: self.plan.breaks(id).then(|| self.breakers_open(id, now)),
            };
            self.state.observer.windows.counters.edges.push(edge);
        }
        let Windows { counters, seen } = &mut self.state.observer.windows;
        for (client, seen) in self.state.clients.iter().zip(seen) {
            let all = client.buckets.not_above();
            counters.latencies.push(std::array::from_fn(|at| all[at] - seen[at]));
            *seen = all;
        }
    }
}
