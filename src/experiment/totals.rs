//! Totals of several runs, added up.
//!
//! Every structure is taken apart by name, so that a field that is added to the report cannot be forgotten here.

use squall_models::report::{
    CacheTotals, ClientTotals, DataTotals, EdgeTotals, FAILURES, PoolTotals, ServiceTotals, SplitTotals, Totals,
};

/// Adds the counts of another run of the same world. Sums are summed, maxima are the maximum; `from` and `to` stay
/// those of the first run.
pub(super) fn add(sum: &mut Totals, other: &Totals) {
    let Totals { from: _, to: _, clients, services, pools, caches, splits, edges } = other;
    pairs(&mut sum.clients, clients, client);
    pairs(&mut sum.services, services, service);
    pairs(&mut sum.pools, pools, pool);
    pairs(&mut sum.caches, caches, cache);
    pairs(&mut sum.splits, splits, split);
    pairs(&mut sum.edges, edges, edge);
}

fn pairs<T>(sums: &mut [T], others: &[T], add: fn(&mut T, &T)) {
    sums.iter_mut().zip(others).for_each(|(sum, other)| add(sum, other));
}

fn failures(sum: &mut [u64; FAILURES], other: &[u64; FAILURES]) {
    sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
}

fn client(sum: &mut ClientTotals, other: &ClientTotals) {
    let ClientTotals { arrivals, reloads, ok, degraded, failed, in_flight, attempts, latency, .. } = other;
    let ClientTotals { acknowledged, lost, duplicates, .. } = other;
    sum.arrivals += arrivals;
    sum.reloads += reloads;
    sum.ok += ok;
    sum.degraded += degraded;
    failures(&mut sum.failed, failed);
    sum.in_flight += in_flight;
    sum.attempts += attempts;
    sum.acknowledged += acknowledged;
    sum.lost += lost;
    sum.duplicates += duplicates;
    sum.latency.add(latency);
}

fn service(sum: &mut ServiceTotals, other: &ServiceTotals) {
    let ServiceTotals {
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
        data: stored,
        optional,
        left_out,
        latency,
        wait,
    } = other;
    sum.arrivals += arrivals;
    sum.first_arrivals += first_arrivals;
    sum.started += started;
    sum.started_at_once += started_at_once;
    sum.ok += ok;
    failures(&mut sum.failed, failed);
    sum.held += *held;
    sum.available += *available;
    sum.work += *work;
    sum.wasted += *wasted;
    sum.queued_seconds += queued_seconds;
    sum.present_seconds += present_seconds;
    sum.queue_max = sum.queue_max.max(*queue_max);
    sum.present_max = sum.present_max.max(*present_max);
    sum.writes += writes;
    sum.duplicate_writes += duplicate_writes;
    data(&mut sum.data, stored);
    sum.optional += optional;
    sum.left_out += left_out;
    sum.latency.add(latency);
    sum.wait.add(wait);
}

fn data(sum: &mut DataTotals, other: &DataTotals) {
    let DataTotals { acknowledged, lost, persisted, refused, deduplicated, reads, stale_reads, staleness } = other;
    sum.acknowledged += acknowledged;
    sum.lost += lost;
    sum.persisted += persisted;
    sum.refused += refused;
    sum.deduplicated += deduplicated;
    sum.reads += reads;
    sum.stale_reads += stale_reads;
    sum.staleness = sum.staleness.max(*staleness);
}

fn pool(sum: &mut PoolTotals, other: &PoolTotals) {
    let PoolTotals { asked, given, timeouts, held, available, queued_seconds, waiting_max, wait, .. } = other;
    let PoolTotals { open_seconds, half_open_seconds, size_max, open_max, half_open_max, .. } = other;
    let PoolTotals { opened, closed, connect_failures, leaks, connect, .. } = other;
    sum.asked += asked;
    sum.given += given;
    sum.timeouts += timeouts;
    sum.held += *held;
    sum.available += *available;
    sum.queued_seconds += queued_seconds;
    sum.waiting_max = sum.waiting_max.max(*waiting_max);
    sum.open_seconds += open_seconds;
    sum.half_open_seconds += half_open_seconds;
    sum.size_max = sum.size_max.max(*size_max);
    sum.open_max = sum.open_max.max(*open_max);
    sum.half_open_max = sum.half_open_max.max(*half_open_max);
    sum.opened += opened;
    sum.closed += closed;
    sum.connect_failures += connect_failures;
    sum.leaks += leaks;
    sum.wait.add(wait);
    sum.connect.add(connect);
}

fn cache(sum: &mut CacheTotals, other: &CacheTotals) {
    let CacheTotals { hits, misses, coalesced, fills, evictions, filling_max, same_key_max, .. } = other;
    let CacheTotals { shared, stale, negative, refreshes, unstored, corrupt, wrong, ended, .. } = other;
    sum.shared += shared;
    sum.stale += stale;
    sum.negative += negative;
    sum.refreshes += refreshes;
    sum.unstored += unstored;
    sum.corrupt += corrupt;
    sum.wrong += wrong;
    sum.ended += ended;
    sum.hits += hits;
    sum.misses += misses;
    sum.coalesced += coalesced;
    sum.fills += fills;
    sum.evictions += evictions;
    sum.filling_max = sum.filling_max.max(*filling_max);
    sum.same_key_max = sum.same_key_max.max(*same_key_max);
}

fn split(sum: &mut SplitTotals, other: &SplitTotals) {
    let SplitTotals { calls, of, ok, failed, moved, lost } = other;
    sum.calls += calls;
    sum.of += of;
    sum.ok += ok;
    sum.failed += failed;
    sum.moved += moved;
    sum.lost += lost;
}

fn edge(sum: &mut EdgeTotals, other: &EdgeTotals) {
    let EdgeTotals { calls, attempts, ok, failed, failed_attempts, abandoned, in_flight, lost, .. } = other;
    let EdgeTotals { turned_away, opened, ejections, retries_denied, fallbacks, hedges, hedge_wins, .. } = other;
    sum.calls += calls;
    sum.attempts += attempts;
    sum.ok += ok;
    failures(&mut sum.failed, failed);
    failures(&mut sum.failed_attempts, failed_attempts);
    sum.abandoned += abandoned;
    sum.in_flight += in_flight;
    sum.lost += lost;
    failures(&mut sum.turned_away, turned_away);
    sum.opened += opened;
    sum.ejections += ejections;
    sum.retries_denied += retries_denied;
    sum.fallbacks += fallbacks;
    sum.hedges += hedges;
    sum.hedge_wins += hedge_wins;
}
