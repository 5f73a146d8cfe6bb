//! Scraping: the only place where the metrics plane looks at the world.

use super::{Kept, Sample};
use crate::breaker::State;
use crate::histogram::Histogram;
use crate::monitor::BOUNDS;
use crate::plan::{EdgeId, Effect, MonitorPlan, PoolId, ScrapeTrouble, ServiceId, Source, TargetPlan};
use crate::world::Run;
use crate::world::layer::LayerState;
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

impl Run<'_> {
    pub(super) fn scrape(&mut self, plan: &MonitorPlan) {
        let now = self.cx.now();
        for (number, target) in plan.targets.iter().enumerate() {
            let (lost, delay, factor) = self.way(plan, number, target);
            // Who is not there cannot be asked; how many are ready, the platform tells.
            let gone = target.host.is_some_and(|host| self.state.services[host.at()].running == 0);
            for &(source, first) in &target.readings {
                let told = !lost && (!gone || matches!(source, Source::ServiceReady(_)));
                let visible = now + delay;
                if matches!(source, Source::Up) {
                    self.put_sample(first, f64::from(u8::from(!lost && !gone)), (now, visible), plan.keep);
                } else if told {
                    self.read(source, first, (now, visible, factor), plan.keep);
                } else {
                    // From now on nothing newer than before is known, which is known at once.
                    let series = first..first + source.width();
                    series.for_each(|series| self.put_sample(series, f64::NAN, (now, visible), plan.keep));
                }
            }
        }
    }

    fn put_sample(&mut self, series: u32, value: f64, (at, visible): (Time, Time), keep: Span) {
        let kept = &mut self.state.monitor.series[series as usize];
        while kept.front().is_some_and(|old| at.since(old.sample.at) > keep) {
            kept.pop_front();
        }
        kept.push_back(Kept { sample: Sample { at, value }, visible });
    }

    /// Whether it fails, how long it takes and how wrong it is. What is usual is drawn whether or not a fault makes it worse,
    /// so that a fault shifts nothing else.
    fn way(&mut self, plan: &MonitorPlan, number: usize, target: &TargetPlan) -> (bool, Span, f64) {
        let (mut arrives, mut factor, mut late) = (1.0, 1.0, Vec::new());
        for effect in self.in_force() {
            let Effect::Scrape(fault) = effect else { continue };
            if fault.target.as_ref().is_none_or(|name| *name == target.name) {
                match fault.trouble {
                    ScrapeTrouble::Lost(share) => arrives *= 1.0 - share,
                    ScrapeTrouble::Late(dist) => late.push(dist),
                    ScrapeTrouble::Wrong(by) => factor *= by,
                }
            }
        }
        let (usual, faults) = &mut self.state.monitor.streams[number];
        let lost = plan.loss > 0.0 && usual.unit() < plan.loss;
        let mut delay = plan.delay.map_or(Span::ZERO, |dist| self.plan.dist(dist).sample_span(usual));
        for dist in late {
            delay += self.plan.dist(dist).sample_span(faults);
        }
        let lost = lost || (arrives < 1.0 && faults.unit() >= arrives);
        (lost, delay, factor)
    }

    fn read(&mut self, source: Source, first: u32, (at, visible, factor): (Time, Time, f64), keep: Span) {
        let put = |series: u32, value: f64, run: &mut Self| run.put_sample(series, value * factor, (at, visible), keep);
        let buckets = match source {
            Source::ClientLatency(id) => {
                self.state.clients[id.at()].settle();
                self.state.clients[id.at()].buckets.not_above().map(|count| count as f64)
            }
            Source::ServiceLatency(id) => {
                self.state.services[id.at()].settle(at);
                buckets(&self.state.services[id.at()].totals.latency)
            }
            _ => {
                let value = self.value(source, at);
                return put(first, value, self);
            }
        };
        for (value, series) in buckets.into_iter().zip(first..) {
            put(series, value, self);
        }
    }

    fn value(&self, source: Source, now: Time) -> f64 {
        let client = |id: crate::plan::ClientId| &self.state.clients[id.at()].totals;
        let service = |id: ServiceId| &self.state.services[id.at()];
        let cache = |id: crate::plan::CacheId| &self.state.caches[id.at()].totals;
        let count = match source {
            Source::ClientArrivals(id) => client(id).arrivals,
            Source::ClientOk(id) => client(id).ok,
            Source::ClientFailed(id) => client(id).ended() - client(id).ok,
            Source::ClientEnded(id) => client(id).ended(),
            Source::ClientInFlight(id) => self.state.clients[id.at()].in_flight,
            Source::ServiceArrivals(id) => service(id).totals.arrivals,
            Source::ServiceFailed(id) => service(id).totals.failed.iter().sum(),
            Source::ServiceQueue(id) => service(id).queued.count,
            Source::ServiceBusy(id) => return self.busy(id),
            Source::ServiceReady(id) => return self.ready_share(id),
            Source::ServiceMemory(id) => return self.fullest(id, now) / self.memory_limit(id),
            Source::ServiceBytes(id) => return self.fullest(id, now),
            Source::ServiceBytesLimit(id) => return self.memory_limit(id),
            Source::DataFound(id) => {
                let store = self.state.stores.all.get(id.at()).and_then(Option::as_ref);
                return store.and_then(|store| store.found).map_or(f64::NAN, |found| found as f64);
            }
            Source::PoolBusy(id) => return self.pool_busy(id),
            Source::PoolWaiting(id) => self.pools(id).map(|pool| pool.waiting() as u64).sum(),
            Source::CacheHits(id) => cache(id).hits,
            Source::CacheMisses(id) => cache(id).misses,
            Source::CacheLookups(id) => cache(id).hits + cache(id).misses,
            Source::KeyLookups(id, number) => self.state.caches[id.at()].by_key[number as usize].iter().sum(),
            Source::KeyMisses(id, number) => self.state.caches[id.at()].by_key[number as usize][0],
            Source::ServiceEnded(id) => service(id).totals.ok + service(id).totals.failed.iter().sum::<u64>(),
            Source::SideCalls(split, side) => self.state.splits[split.at()].totals[side as usize].calls,
            Source::SplitCalls(split) => self.state.splits[split.at()].totals.iter().map(|side| side.calls).sum(),
            Source::SideFailed(split, side) => self.side_ended(split, side).1,
            Source::SideEnded(split, side) => {
                let (ok, failed) = self.side_ended(split, side);
                ok + failed
            }
            Source::EdgeFailed(id) => self.state.edges[id.at()].totals.failed.iter().sum(),
            Source::EdgeEnded(id) => {
                let edge = &self.state.edges[id.at()].totals;
                edge.ok + edge.failed.iter().sum::<u64>()
            }
            Source::EdgeCalls(id) => self.state.edges[id.at()].totals.calls,
            Source::EdgeAttempts(id) => self.state.edges[id.at()].totals.attempts,
            Source::BreakersOpen(id) => return self.breakers_open(id, now),
            Source::ClientLatency(_) | Source::ServiceLatency(_) | Source::Up => return f64::NAN,
        };
        count as f64
    }

    /// The share of workers or cores in use.
    fn busy(&self, id: ServiceId) -> f64 {
        let (plan, service) = (&self.plan.services[id.at()], &self.state.services[id.at()]);
        let held = if plan.holds_workers { service.present.count - service.queued.count } else { service.in_use };
        held as f64 / (plan.capacity.units() * service.serving()) as f64
    }

    /// The share of replicas that are ready, of those that there should be.
    pub(in crate::world) fn ready_share(&self, id: ServiceId) -> f64 {
        let plan = &self.plan.services[id.at()];
        if plan.platform.is_some() {
            let (ready, all) = self.headcount(id);
            return f64::from(ready) / f64::from(all.max(1));
        }
        self.state.services[id.at()].running as f64 / f64::from(plan.replicas)
    }

    /// The fullest memory of a replica, in bytes.
    fn fullest(&self, id: ServiceId, now: Time) -> f64 {
        let plan = &self.plan.services[id.at()];
        let replicas = (plan.first..plan.first + plan.replicas).map(crate::plan::ReplicaId);
        replicas.filter_map(|replica| self.state.memory_used(self.plan, replica, now)).fold(0.0, f64::max)
    }

    fn memory_limit(&self, id: ServiceId) -> f64 {
        let platform = self.plan.services[id.at()].platform.as_ref();
        platform.and_then(|platform| platform.memory.as_ref()).map_or(f64::NAN, |memory| memory.limit)
    }

    fn pools(&self, id: PoolId) -> impl Iterator<Item = &crate::world::pool::PoolState> {
        self.state.pools.iter().filter(move |pool| pool.id == id)
    }

    pub(in crate::world) fn pool_busy(&self, id: PoolId) -> f64 {
        let held: u64 = self.pools(id).map(|pool| u64::from(pool.in_use)).sum();
        // Against what can be in use at all, and where that has no bound, against what is kept. A replica that is not there keeps
        // nothing.
        let room = |most: u32, size: u32| u64::from(if size == 0 || most == u32::MAX { size } else { most });
        held as f64 / self.pools(id).map(|pool| room(pool.most, pool.size)).sum::<u64>() as f64
    }

    pub(in crate::world) fn breakers_open(&self, id: EdgeId, now: Time) -> f64 {
        let Some(stack) = self.plan.edges[id.at()].stack.map(|stack| &self.plan.stacks[stack.at()]) else { return 0.0 };
        let count = stack.callers as usize * stack.layers.len();
        let (mut open, mut all) = (0.0, 0.0);
        for layer in &self.state.layers[stack.first as usize..][..count] {
            let LayerState::Breaker(breaker, _) = layer else { continue };
            all += 1.0;
            // A breaker may change as it is asked. Who looks from outside must not change anything.
            if matches!(breaker.clone().state(now), State::Open | State::ForcedOpen) {
                open += 1.0;
            }
        }
        open / all
    }
}

/// How many latencies were not above each bound, and how many there are.
fn buckets(latency: &Histogram) -> [f64; BOUNDS.len() + 1] {
    let bounded = latency.not_above(BOUNDS.map(|bound| (bound * 1e6).round() as u64));
    let mut counts = [latency.count() as f64; BOUNDS.len() + 1];
    for (count, not_above) in counts.iter_mut().zip(bounded) {
        *count = not_above as f64;
    }
    counts
}
