//! Arithmetic of totals: what was counted between two instants.

use crate::histogram::Histogram;
use crate::plan::Plan;
use crate::report::{
    CacheTotals, ClientTotals, DataTotals, EdgeTotals, FAILURES, PoolTotals, ServiceTotals, SplitTotals, Totals,
};
use squall_sim::Time;

impl Totals {
    pub(super) fn empty(plan: &Plan) -> Self {
        Self {
            from: Time::ZERO,
            to: Time::ZERO,
            clients: vec![ClientTotals::default(); plan.clients.len()],
            services: vec![ServiceTotals::default(); plan.services.len()],
            pools: vec![PoolTotals::default(); plan.pools.len()],
            caches: vec![CacheTotals::default(); plan.names.caches.len()],
            splits: vec![SplitTotals::default(); plan.names.splits.len()],
            edges: vec![EdgeTotals::default(); plan.edges.len()],
        }
    }

    /// What was counted between two of the states that were seen; maxima over all the states in between.
    pub(super) fn between(seen: &[Self], from: usize, to: usize) -> Self {
        let (early, late) = (&seen[from], &seen[to]);
        let mut totals = late.clone();
        totals.from = early.to;
        let pairs = totals.clients.iter_mut().zip(&early.clients);
        pairs.for_each(|(late, early)| late.subtract(early));
        let pairs = totals.services.iter_mut().zip(&early.services);
        pairs.for_each(|(late, early)| late.subtract(early));
        let pairs = totals.pools.iter_mut().zip(&early.pools);
        pairs.for_each(|(late, early)| late.subtract(early));
        let pairs = totals.caches.iter_mut().zip(&early.caches);
        pairs.for_each(|(late, early)| late.subtract(early));
        let pairs = totals.splits.iter_mut().zip(&early.splits);
        pairs.for_each(|(late, early)| late.subtract(early));
        let pairs = totals.edges.iter_mut().zip(&early.edges);
        pairs.for_each(|(late, early)| late.subtract(early));
        for state in seen.iter().take(to).skip(from + 1) {
            let pairs = totals.services.iter_mut().zip(&state.services);
            pairs.for_each(|(all, one)| {
                all.queue_max = all.queue_max.max(one.queue_max);
                all.present_max = all.present_max.max(one.present_max);
                all.data.staleness = all.data.staleness.max(one.data.staleness);
            });
            let pairs = totals.pools.iter_mut().zip(&state.pools);
            pairs.for_each(|(all, one)| all.keep_maxima(one));
            let pairs = totals.caches.iter_mut().zip(&state.caches);
            pairs.for_each(|(all, one)| {
                all.filling_max = all.filling_max.max(one.filling_max);
                all.same_key_max = all.same_key_max.max(one.same_key_max);
            });
        }
        totals
    }
}

/// Subtracts counters of the same name.
macro_rules! subtract {
    ($late:ident, $early:ident: $($field:ident),*) => { $($late.$field -= $early.$field;)* };
}

fn subtract_each(late: &mut [u64; FAILURES], early: &[u64; FAILURES]) {
    late.iter_mut().zip(early).for_each(|(late, early)| *late -= early);
}

impl ClientTotals {
    pub(super) fn counts(&self, in_flight: u64) -> Self {
        let Self { arrivals, reloads, ok, degraded, failed, attempts, .. } = *self;
        let Self { acknowledged, lost, duplicates, .. } = *self;
        let latency = Histogram::default();
        Self { arrivals, reloads, ok, degraded, failed, in_flight, attempts, acknowledged, lost, duplicates, latency }
    }

    pub(super) fn subtract(&mut self, early: &Self) {
        subtract!(self, early: arrivals, reloads, ok, degraded, attempts, acknowledged, lost, duplicates);
        subtract_each(&mut self.failed, &early.failed);
        self.latency = self.latency.since(&early.latency);
    }
}

impl ServiceTotals {
    pub(super) fn counts(&self) -> Self {
        let Self { arrivals, first_arrivals, started, started_at_once, ok, failed, .. } = *self;
        let Self { held, available, work, wasted, queued_seconds, present_seconds, .. } = *self;
        let Self { queue_max, present_max, writes, duplicate_writes, optional, left_out, .. } = *self;
        let (latency, wait) = (Histogram::default(), Histogram::default());
        let data = self.data.clone();
        Self {
            arrivals,
            first_arrivals,
            started,
            started_at_once,
            ok,
            failed,
            held,
            available,
            work,
            wasted,
            queued_seconds,
            present_seconds,
            queue_max,
            present_max,
            writes,
            duplicate_writes,
            data,
            optional,
            left_out,
            latency,
            wait,
        }
    }

    pub(super) fn subtract(&mut self, early: &Self) {
        subtract!(self, early: arrivals, first_arrivals, started, started_at_once, ok, writes, duplicate_writes);
        subtract!(self, early: queued_seconds, present_seconds, optional, left_out);
        self.data.subtract(&early.data);
        subtract_each(&mut self.failed, &early.failed);
        self.held = self.held - early.held;
        self.available = self.available - early.available;
        self.work = self.work - early.work;
        self.wasted = self.wasted - early.wasted;
        self.latency = self.latency.since(&early.latency);
        self.wait = self.wait.since(&early.wait);
    }
}

impl DataTotals {
    /// What is on a disk is not counted, but is there.
    fn subtract(&mut self, early: &Self) {
        subtract!(self, early: acknowledged, lost, refused, deduplicated, reads, stale_reads);
    }
}

impl PoolTotals {
    /// Adds another replica's pool, without its histogram.
    pub(super) fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.given += other.given;
        self.timeouts += other.timeouts;
        self.held += other.held;
        self.available += other.available;
        self.queued_seconds += other.queued_seconds;
        self.open_seconds += other.open_seconds;
        self.half_open_seconds += other.half_open_seconds;
        self.opened += other.opened;
        self.closed += other.closed;
        self.connect_failures += other.connect_failures;
        self.leaks += other.leaks;
        self.keep_maxima(other);
    }

    fn keep_maxima(&mut self, other: &Self) {
        self.waiting_max = self.waiting_max.max(other.waiting_max);
        self.size_max = self.size_max.max(other.size_max);
        self.open_max = self.open_max.max(other.open_max);
        self.half_open_max = self.half_open_max.max(other.half_open_max);
    }

    pub(super) fn subtract(&mut self, early: &Self) {
        subtract!(self, early: asked, given, timeouts, queued_seconds);
        subtract!(self, early: open_seconds, half_open_seconds, opened, closed, connect_failures, leaks);
        self.held = self.held - early.held;
        self.available = self.available - early.available;
        self.wait = self.wait.since(&early.wait);
        self.connect = self.connect.since(&early.connect);
    }
}

impl CacheTotals {
    pub(super) fn subtract(&mut self, early: &Self) {
        subtract!(self, early: hits, misses, coalesced, fills, evictions, shared, stale, negative, refreshes, unstored);
        subtract!(self, early: corrupt, wrong, ended);
    }
}

impl SplitTotals {
    pub(super) fn subtract(&mut self, early: &Self) {
        subtract!(self, early: calls, of, ok, failed, moved, lost);
    }
}

impl EdgeTotals {
    pub(super) fn counts(&self) -> Self {
        let ended = self.ok + self.failed.iter().sum::<u64>() + self.abandoned;
        Self { in_flight: self.calls - ended, ..self.clone() }
    }

    pub(super) fn subtract(&mut self, early: &Self) {
        subtract!(self, early: calls, attempts, ok, abandoned, lost, opened);
        subtract!(self, early: fallbacks, hedges, hedge_wins, retries_denied, ejections);
        subtract_each(&mut self.turned_away, &early.turned_away);
        subtract_each(&mut self.failed, &early.failed);
        subtract_each(&mut self.failed_attempts, &early.failed_attempts);
    }
}
