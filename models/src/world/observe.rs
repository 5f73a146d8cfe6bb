//! What is seen of a run: totals between instants, series over time, and what failed first.

use super::cache::CacheState;
use super::counters::Windows;
use super::slices::Slices;
use super::{Event, Run};
use crate::plan::{Plan, PoolId};
use crate::report::{CacheTotals, Column, Deadlock, Ending, Failing, PoolTotals, Report, Series, Totals};
use squall_sim::{Span, Time};

/// What has been seen so far.
#[derive(Clone, Debug)]
pub(crate) struct Observer {
    /// Instants at which the totals are wanted, in order.
    marks: Vec<Time>,
    seen: Vec<Totals>,
    last_tick: Time,
    before: Totals,
    pub(super) series: Series,
    pub(super) failing: Vec<Failing>,
    /// Usual hit rate of each cache.
    usual: Vec<f64>,
    pub(super) deadlocks: Vec<Deadlock>,
    /// Calls ended in each replica at the last tick.
    pub(super) ended: Vec<u64>,
    /// Connections given by each pool at the last tick.
    pub(super) given: Vec<u64>,
    /// Fills that had ended in each cache at the last tick.
    pub(super) filled: Vec<u64>,
    pub(super) suspects: usize,
    /// Windows until the next search for deadlocks, and the pause after a search that finds none.
    pub(super) pause: (u32, u32),
    /// Windows in a row in which each service was full.
    busy: Vec<u32>,
    slices: Slices,
    pub(super) windows: Windows,
}

impl Observer {
    pub(crate) fn new(plan: &Plan) -> Self {
        let settings = &plan.settings;
        let edges = settings.windows.iter().flat_map(|(from, to)| [*from, *to]);
        let mut marks: Vec<Time> = edges.chain([Time::ZERO + settings.warmup]).collect();
        marks.sort_unstable();
        marks.dedup();
        Self {
            marks,
            seen: Vec::new(),
            last_tick: Time::ZERO,
            before: Totals::empty(plan),
            series: Series { resolution: settings.resolution, columns: columns(plan), values: Vec::new() },
            failing: Vec::new(),
            usual: vec![f64::NAN; plan.names.caches.len()],
            deadlocks: Vec::new(),
            ended: vec![0; plan.replicas as usize],
            given: Vec::new(),
            filled: vec![0; plan.caches.len()],
            suspects: 0,
            pause: (0, 1),
            busy: vec![0; plan.services.len()],
            slices: Slices::new(settings.duration, settings.resolution, plan.clients.len()),
            windows: Windows::new(plan.clients.len()),
        }
    }

    /// Notes the first time that a component fails.
    pub(super) fn fails(&mut self, at: Time, component: String, evidence: impl FnOnce() -> String) {
        if !self.failing.iter().any(|known| known.component == component) {
            self.failing.push(Failing { at, component, evidence: evidence() });
        }
    }
}

fn columns(plan: &Plan) -> Vec<Column> {
    let mut columns = Vec::new();
    let mut add = |component: String, metrics: &[(&'static str, &'static str)]| {
        columns.extend(metrics.iter().map(|&(metric, unit)| Column { component: component.clone(), metric, unit }));
    };
    for name in &plan.names.clients {
        let rates = [("offered", "1/s"), ("goodput", "1/s"), ("failed", "1/s")];
        add(format!("clients.{name}"), &rates);
        add(format!("clients.{name}"), &[("latency_p50", "s"), ("latency_p99", "s"), ("in_flight", "count")]);
    }
    for name in &plan.names.services {
        add(format!("services.{name}"), &[("arrivals", "1/s"), ("failed", "1/s"), ("utilisation", "share")]);
        add(format!("services.{name}"), &[("queue", "count"), ("amplification", "ratio"), ("up", "count")]);
    }
    for (service, pool) in &plan.names.pools {
        add(format!("pools.{service}.{pool}"), &[("utilisation", "share"), ("waiting", "count"), ("timeouts", "1/s")]);
        add(format!("pools.{service}.{pool}"), &[("size", "count"), ("open", "count"), ("half_open", "count")]);
        add(format!("pools.{service}.{pool}"), &[("opened", "1/s"), ("connect_failures", "1/s"), ("busy", "share")]);
    }
    for name in &plan.names.caches {
        add(format!("caches.{name}"), &[("hit_rate", "share"), ("misses", "1/s")]);
    }
    for (split, side) in &plan.names.splits {
        add(format!("splits.{split}.{side}"), &[("share", "share"), ("calls", "1/s")]);
    }
    columns.extend(super::platform::columns(plan));
    columns
}

impl Run<'_> {
    pub(super) fn schedule_observations(&mut self) {
        for (&mark, number) in self.state.observer.marks.iter().zip(0..) {
            self.cx.at(mark, Event::Mark(number));
        }
        let resolution = self.plan.settings.resolution;
        self.cx.after(resolution, Event::Tick);
    }

    /// The totals since the beginning, brought up to date. Histograms are cloned, so this is for few instants.
    fn totals(&mut self) -> Totals {
        let mut totals = self.counts();
        for (to, client) in totals.clients.iter_mut().zip(&self.state.clients) {
            to.latency.clone_from(&client.totals.latency);
        }
        for (to, service) in totals.services.iter_mut().zip(&self.state.services) {
            to.latency.clone_from(&service.totals.latency);
            to.wait.clone_from(&service.totals.wait);
            // Those who did not wait at all are most of them, and are only counted where it happens.
            to.wait.record_zeros(service.totals.started_at_once);
        }
        for pool in &self.state.pools {
            totals.pools[pool.id.at()].wait.add(&pool.totals.wait);
            totals.pools[pool.id.at()].connect.add(&pool.totals.connect);
        }
        totals
    }

    /// Brings what gathers in batches or as integrals into the totals.
    pub(super) fn settle_totals(&mut self) {
        let now = self.cx.now();
        self.settle_data();
        self.state.services.iter_mut().for_each(|service| service.settle(now));
        self.state.clients.iter_mut().for_each(super::client::ClientState::settle);
    }

    /// The totals since the beginning without histograms.
    fn counts(&mut self) -> Totals {
        let now = self.cx.now();
        self.settle_layers(now);
        self.settle_ejections();
        self.settle_totals();
        let mut pools = vec![PoolTotals::default(); self.plan.pools.len()];
        for pool in &mut self.state.pools {
            pool.settle(now);
            pools[pool.id.at()].add(&pool.totals);
        }
        Totals {
            from: Time::ZERO,
            to: now,
            clients: self.state.clients.iter().map(|c| c.totals.counts(c.in_flight)).collect(),
            services: self.state.services.iter().map(|s| s.totals.counts()).collect(),
            pools,
            caches: cache_totals(&self.state.caches),
            splits: self.split_totals(),
            edges: self.state.edges.iter().map(|edge| edge.totals.counts()).collect(),
        }
    }

    /// The state at this instant is wanted; from here on, maxima begin anew.
    pub(super) fn mark(&mut self, _number: u32) {
        let totals = self.totals();
        self.state.observer.seen.push(totals);
        for service in &mut self.state.services {
            service.totals.queue_max = service.queued.count;
            service.totals.present_max = service.present.count;
            service.totals.data.staleness = Span::ZERO;
        }
        for pool in &mut self.state.pools {
            pool.restart_maxima();
        }
        self.state.caches.iter_mut().for_each(|cache| cache.restart_maxima());
    }

    /// A window of the series is over.
    pub(super) fn tick(&mut self) {
        let now = self.cx.now();
        let resolution = self.plan.settings.resolution;
        if Time::ZERO + self.plan.settings.duration > now {
            let left = (Time::ZERO + self.plan.settings.duration).since(now);
            self.cx.after(resolution.min(left), Event::Tick);
        }
        let after = self.counts();
        let nothing = Totals {
            from: now,
            to: now,
            clients: vec![],
            services: vec![],
            pools: vec![],
            caches: vec![],
            splits: vec![],
            edges: vec![],
        };
        let before = std::mem::replace(&mut self.state.observer.before, nothing);
        let elapsed = now.since(self.state.observer.last_tick).seconds();
        self.row(&before, &after, elapsed);
        self.count_window(&before, &after);
        let slices = &mut self.state.observer.slices;
        for (id, client) in self.state.clients.iter().enumerate() {
            slices.take(id, &before.clients[id], &after.clients[id], &client.window);
        }
        slices.close(now);
        if now > Time::ZERO + self.plan.settings.warmup {
            self.look_for_failures(&before, &after);
            self.look_for_deadlocks(false);
        }
        self.state.observer.before = after;
        self.state.observer.last_tick = now;
        for (seen, replica) in self.state.observer.ended.iter_mut().zip(&self.state.replicas) {
            *seen = replica.ended;
        }
        for (seen, cache) in self.state.observer.filled.iter_mut().zip(&self.state.caches) {
            *seen = cache.totals.ended;
        }
        self.state.observer.given.clear();
        self.state.observer.given.extend(self.state.pools.iter().map(|pool| pool.totals.given));
        self.state.clients.iter_mut().for_each(|client| client.window.clear());
    }

    /// Appends one row to the series.
    fn row(&mut self, before: &Totals, after: &Totals, elapsed: f64) {
        let busy: Vec<f64> = (0..after.pools.len() as u32).map(|id| self.pool_busy(PoolId(id))).collect();
        let values = &mut self.state.observer.series.values;
        let rate = |after: u64, before: u64| (after - before) as f64 / elapsed;
        for ((a, b), client) in after.clients.iter().zip(&before.clients).zip(&self.state.clients) {
            let quantile = |share| client.window.quantile(share).unwrap_or(f64::NAN);
            let failed = rate(a.failed.iter().sum(), b.failed.iter().sum());
            values.extend([rate(a.arrivals, b.arrivals), rate(a.ok, b.ok), failed]);
            values.extend([quantile(0.5), quantile(0.99), a.in_flight as f64]);
        }
        for ((a, b), service) in after.services.iter().zip(&before.services).zip(&self.state.services) {
            let failed = rate(a.failed.iter().sum(), b.failed.iter().sum());
            values.extend([rate(a.arrivals, b.arrivals), failed, share(a.held - b.held, a.available - b.available)]);
            values.push((a.queued_seconds - b.queued_seconds) / elapsed);
            values.push((a.arrivals - b.arrivals) as f64 / (a.first_arrivals - b.first_arrivals) as f64);
            values.push(service.running as f64);
        }
        for ((a, b), busy) in after.pools.iter().zip(&before.pools).zip(busy) {
            values.push(share(a.held - b.held, a.available - b.available));
            values.push((a.queued_seconds - b.queued_seconds) / elapsed);
            values.push(rate(a.timeouts, b.timeouts));
            values.push((a.available - b.available).seconds() / elapsed);
            values.push((a.open_seconds - b.open_seconds) / elapsed);
            values.push((a.half_open_seconds - b.half_open_seconds) / elapsed);
            values.extend([rate(a.opened, b.opened), rate(a.connect_failures, b.connect_failures)]);
            values.push(busy);
        }
        for (a, b) in after.caches.iter().zip(&before.caches) {
            let (hits, misses) = (a.hits - b.hits, a.misses - b.misses);
            values.extend([hits as f64 / (hits + misses) as f64, misses as f64 / elapsed]);
        }
        for (a, b) in after.splits.iter().zip(&before.splits) {
            values.extend([(a.calls - b.calls) as f64 / (a.of - b.of) as f64, rate(a.calls, b.calls)]);
        }
        self.platform_row();
        let columns = self.state.observer.series.columns.len();
        for value in self.state.observer.series.values.iter_mut().rev().take(columns) {
            if !value.is_finite() {
                *value = f64::NAN;
            }
        }
    }

    /// Which components have filled up or failed in the window that is over.
    fn look_for_failures(&mut self, before: &Totals, after: &Totals) {
        let names = &self.plan.names;
        let observer = &mut self.state.observer;
        for (id, (a, b)) in after.services.iter().zip(&before.services).enumerate() {
            let name = &names.services[id];
            let busy = share(a.held - b.held, a.available - b.available);
            let waiting = self.state.services[id].queued.count;
            // One busy window is chance; a second one with a queue left over is not.
            let streak = &mut observer.busy[id];
            *streak = if busy >= 0.99 && waiting > 0 { *streak + 1 } else { 0 };
            if *streak == 2 {
                let full = self.state.replicas.iter().filter(|r| r.service.at() == id && r.waiting > 0);
                let since = full.map(|replica| replica.full_since).min().unwrap_or(observer.last_tick);
                observer
                    .fails(since, format!("services.{name}"), || format!("every worker busy, {waiting} calls waiting"));
            }
        }
        for pool in &self.state.pools {
            let (a, b) = (&after.pools[pool.id.at()], &before.pools[pool.id.at()]);
            if pool.waiting() > 0 && share(a.held - b.held, a.available - b.available) >= 0.99 {
                let (service, name) = &names.pools[pool.id.at()];
                let waiting = pool.waiting();
                observer.fails(pool.empty_since, format!("pools.{service}.{name}"), || {
                    format!("every connection taken, {waiting} calls waiting in one replica")
                });
            }
        }
        for ((a, b), name) in after.clients.iter().zip(&before.clients).zip(&names.clients) {
            let (ended, ok) = (a.ended() - b.ended(), a.ok - b.ok);
            let stuck = ended == 0 && a.arrivals - b.arrivals >= 5 && a.in_flight > 2 * (a.arrivals - b.arrivals);
            if stuck || (ended >= 5 && (ok as f64) < 0.9 * ended as f64) {
                observer.fails(observer.last_tick, format!("clients.{name}"), || {
                    if stuck { "no answers at all".into() } else { format!("{ok} of {ended} requests succeeded") }
                });
            }
        }
        for (at, (a, b)) in after.caches.iter().zip(&before.caches).enumerate() {
            let (hits, looked) = (a.hits - b.hits, a.hits - b.hits + a.misses - b.misses);
            if looked < 20 {
                continue;
            }
            let rate = hits as f64 / looked as f64;
            let usual = observer.usual[at];
            if usual > 0.2 && rate < 0.5 * usual {
                observer.fails(observer.last_tick, format!("caches.{}", names.caches[at]), || {
                    format!("hit rate fell from {:.0} % to {:.0} %", usual * 100.0, rate * 100.0)
                });
            }
            observer.usual[at] = if usual.is_nan() { rate } else { 0.9 * usual + 0.1 * rate };
        }
    }

    /// All that was seen.
    pub(super) fn report(mut self, ending: Ending, digest: u64, events: u64) -> Report {
        self.look_for_deadlocks(true);
        let end = self.totals();
        let observer = &mut self.state.observer;
        let (marks, mut seen) = (std::mem::take(&mut observer.marks), std::mem::take(&mut observer.seen));
        let ended_at = self.cx.now();
        seen.push(end);
        let at = |time: Time| marks.binary_search(&time).unwrap_or(marks.len()).min(seen.len() - 1);
        let settings = &self.plan.settings;
        let window = |&(from, to): &(Time, Time)| Totals::between(&seen, at(from), at(to));
        let warm = at(Time::ZERO + settings.warmup);
        let mut failure_order = std::mem::take(&mut observer.failing);
        failure_order.sort_by_key(|failing| failing.at);
        Report {
            seed: self.state.seed,
            digest,
            ending,
            ended_at,
            events,
            measured: Totals::between(&seen, warm, seen.len() - 1),
            windows: settings.windows.iter().map(window).collect(),
            series: std::mem::take(&mut observer.series),
            counters: std::mem::take(&mut observer.windows.counters),
            slices: observer.slices.finish(),
            failure_order,
            deadlocks: std::mem::take(&mut observer.deadlocks),
            actions: std::mem::take(&mut self.state.log.entries),
            actions_cut: self.state.log.cut,
            alerts: self.state.monitor.totals(),
            operators: self.state.monitor.operator_totals(),
            rollouts: self.state.rollouts.iter().map(|rollout| rollout.totals).collect(),
        }
    }
}

/// The totals of each cache, and after them those of its classes.
fn cache_totals(caches: &[CacheState]) -> Vec<CacheTotals> {
    let each = caches.iter().flat_map(|cache| std::iter::once(&cache.totals).chain(&cache.classes));
    each.cloned().collect()
}

fn share(part: Span, whole: Span) -> f64 {
    part.nanos() as f64 / whole.nanos() as f64
}
