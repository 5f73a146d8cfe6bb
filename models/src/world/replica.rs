//! Services and replicas: who is up, who is busy, and for how long.

use super::line::Line;
use super::sharing::Sharing;
use crate::histogram::Batch;
use crate::plan::{CapacityPlan, Plan, ServiceId, ServicePlan};
use crate::report::ServiceTotals;
use crate::spec::Order;
use squall_sim::{Span, Time};

/// What changes about a service.
#[derive(Clone, Debug)]
pub(crate) struct ServiceState {
    pub(crate) totals: ServiceTotals,
    /// Numbers of the replicas that callers know of, in rising order. Without a platform those are the ones that are up.
    pub(crate) up: Vec<u32>,
    /// How many are up.
    pub(crate) running: u64,
    pub(crate) queued: Presence,
    pub(crate) present: Presence,
    /// At the door of a replica that stands still: here, but neither in the queue nor with a worker.
    pub(crate) at_door: Presence,
    /// Cores in use, over all replicas.
    pub(crate) in_use: u64,
    /// Workers or cores of one replica; 0 without a bound.
    units: u64,
    /// Optional steps up to this level are left out by somebody's order.
    pub(crate) degraded: u8,
    /// How many of the replicas that are up serve callers, at most.
    most_serving: u64,
    /// Whoever is here and does not wait, in the queue or at the door, holds a worker.
    holds_workers: bool,
    /// Latencies and waits that are not in the totals yet.
    latencies: Batch,
    waits: Batch,
    last: Time,
    available: u128,
    /// Cores in use over time; for workers the same follows from who is here.
    shared: u128,
}

impl ServiceState {
    pub(crate) fn new(plan: &ServicePlan) -> Self {
        let primary_only = plan.data.as_ref().is_some_and(|data| data.primary_only);
        Self {
            degraded: 0,
            most_serving: if primary_only { 1 } else { u64::MAX },
            totals: ServiceTotals::default(),
            up: (0..if primary_only { 1 } else { plan.initial }).collect(),
            running: plan.initial.into(),
            queued: Presence::default(),
            present: Presence::default(),
            at_door: Presence::default(),
            in_use: 0,
            units: plan.capacity.units(),
            holds_workers: plan.holds_workers,
            latencies: Batch::default(),
            waits: Batch::default(),
            last: Time::ZERO,
            available: 0,
            shared: 0,
        }
    }

    /// A call arrives; `first` if no retry or reload has led to it.
    #[inline(always)]
    pub(super) fn arrival(&mut self, now: Time, first: bool) {
        self.present.come(now);
        self.totals.arrivals += 1;
        self.totals.first_arrivals += u64::from(first);
        self.totals.present_max = self.totals.present_max.max(self.present.count);
    }

    /// Brings the integrals of cores and replicas up to date. Call it before `in_use` or `running` changes.
    pub(crate) fn touch(&mut self, now: Time) {
        let elapsed = now.since(self.last).nanos();
        self.last = now;
        let over = |count: u64| u128::from(count) * u128::from(elapsed);
        self.shared += over(self.in_use);
        self.available += over(self.units * self.serving());
    }

    /// How many replicas serve callers.
    pub(crate) fn serving(&self) -> u64 {
        self.running.min(self.most_serving)
    }

    /// Counts the latency of a call that was answered well.
    #[inline(always)]
    pub(super) fn latency(&mut self, span: Span) {
        if self.latencies.push(span) {
            self.settle_batches();
        }
    }

    /// Counts how long a call has waited for a worker.
    #[inline(always)]
    pub(super) fn wait(&mut self, span: Span) {
        if self.waits.push(span) {
            self.settle_batches();
        }
    }

    #[inline(never)]
    fn settle_batches(&mut self) {
        self.totals.latency.record_all(&self.latencies.take());
        self.totals.wait.record_all(&self.waits.take());
    }

    /// Writes the integrals and what else has gathered into the totals.
    pub(crate) fn settle(&mut self, now: Time) {
        self.settle_batches();
        self.touch(now);
        let span = |area: u128| Span::from_nanos(u64::try_from(area).unwrap_or(u64::MAX));
        let waits = self.queued.area(now) + self.at_door.area(now);
        let held = if self.holds_workers { self.present.area(now) - waits } else { self.shared };
        self.totals.held = span(held);
        self.totals.available = span(self.available);
        self.totals.queued_seconds = self.queued.area(now) as f64 / 1e9;
        self.totals.present_seconds = self.present.area(now) as f64 / 1e9;
    }
}

/// How many there are, and the integral of that over time: who is there counts with the present, who came is taken off
/// at the time of coming, who went is added at the time of going. So neither costs more than an addition.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Presence {
    pub(crate) count: u64,
    gone_less_come: i128,
}

impl Presence {
    #[inline]
    pub(crate) fn come(&mut self, now: Time) {
        self.count += 1;
        self.gone_less_come -= i128::from(now.nanos());
    }

    #[inline]
    pub(crate) fn go(&mut self, now: Time) {
        self.count -= 1;
        self.gone_less_come += i128::from(now.nanos());
    }

    /// The integral up to now, in nanoseconds; never negative.
    fn area(&self, now: Time) -> u128 {
        (self.gone_less_come + i128::from(self.count) * i128::from(now.nanos())).unsigned_abs()
    }
}

/// One replica.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    pub(crate) service: ServiceId,
    /// Its number within the service.
    pub(crate) local: u32,
    pub(crate) up: bool,
    /// It takes no calls any more, though it is still up.
    pub(crate) closed: bool,
    /// Whoever leaves last is to say so.
    pub(crate) draining: bool,
    /// Nothing goes on in it, by a fault.
    pub(crate) hung: bool,
    /// Nothing goes on in it until its garbage has been collected.
    pub(crate) collecting: bool,
    /// Something is wrong with its disk.
    pub(crate) bad_disk: bool,
    /// An arriving call can be turned away for another reason than that there is no room.
    pub(crate) impaired: bool,
    /// Work may take longer than it should.
    pub(crate) stretched: bool,
    /// It has guards at its door: those of number `guard`.
    pub(crate) guarded: bool,
    pub(crate) guard: u32,
    /// When it came back, if it was ever down.
    pub(crate) back_since: Option<Time>,
    /// Calls in it: workers held, or places taken.
    pub(crate) busy: u64,
    /// How many there can be.
    pub(crate) most: u64,
    /// One line for each priority class that a client has; one only without priorities.
    pub(crate) lines: Vec<Line>,
    pub(crate) waiting: u64,
    pub(crate) sharing: Sharing,
    /// Factor on the length of work that starts now.
    pub(crate) slow: f64,
    /// Share of arriving calls that fail.
    pub(crate) errors: f64,
    /// The first of its pools.
    pub(crate) pools: u32,
    /// When it last became full with somebody waiting.
    pub(crate) full_since: Time,
    /// Calls that were served here and have ended. One that was turned away gave no worker back.
    pub(crate) ended: u64,
}

impl Replica {
    /// Whether nothing goes on in it.
    #[inline]
    pub(crate) fn stands_still(&self) -> bool {
        self.hung || self.collecting
    }

    /// Whether an arriving call can be turned away for another reason than that there is no room.
    #[inline]
    pub(crate) fn is_impaired(&self) -> bool {
        self.impaired
    }
}

/// All replicas of a plan, in order.
pub(crate) fn all(plan: &Plan) -> Vec<Replica> {
    let classes = 1 + plan.clients.iter().map(|client| client.priority).max().unwrap_or(0) as usize;
    let (mut pools, mut guards) = (0, 0);
    let mut replicas = Vec::with_capacity(plan.replicas as usize);
    for (service, id) in plan.services.iter().zip(0..) {
        let (most, cores) = match service.capacity {
            CapacityPlan::Workers(workers) => (workers.into(), 0),
            CapacityPlan::Sharing { cores, concurrency } => (concurrency, cores),
            CapacityPlan::Unlimited => (u64::MAX, 0),
        };
        let guarded = service.guarded;
        for local in 0..service.replicas {
            replicas.push(Replica {
                service: ServiceId(id),
                local,
                up: local < service.initial,
                closed: false,
                draining: false,
                hung: false,
                collecting: false,
                bad_disk: false,
                impaired: guarded || local >= service.initial,
                stretched: false,
                guarded,
                guard: guards,
                back_since: None,
                busy: 0,
                most,
                lines: vec![Line::default(); if service.order == Order::Priority { classes } else { 1 }],
                waiting: 0,
                sharing: Sharing::new(cores),
                slow: 1.0,
                errors: 0.0,
                pools,
                full_since: Time::ZERO,
                ended: 0,
            });
            pools += service.pools.1;
            guards += u32::from(guarded);
        }
    }
    replicas
}
