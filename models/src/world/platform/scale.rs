//! Autoscalers: what they get to see, and when they decide.

use super::{Phase, Pod};
use crate::autoscale::Spec;
use crate::autoscale::k8s_hpa_v2::{self as hpa, Scaler, Target};
use crate::plan::{Action, Cause, ReplicaId, ServiceId};
use crate::world::{Event, Run};
use squall_sim::{Span, Time};

/// The autoscaler of one service.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    scaler: Scaler,
    /// What was measured the last time, for each place, in thousandths; none where nobody was.
    seen: Vec<Option<Seen>>,
    /// The work that had been done by then, and when that was.
    work: Span,
    at: Time,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    cpu: u64,
    memory: u64,
    queue: u64,
    in_flight: u64,
}

impl Scaling {
    /// Nothing was measured yet.
    pub(super) fn new(places: u32) -> Self {
        Self { scaler: Scaler::default(), seen: vec![None; places as usize], work: Span::ZERO, at: Time::ZERO }
    }
}

impl Run<'_> {
    pub(super) fn begin_scaling(&mut self, service: ServiceId) {
        let platform = self.plan.services[service.at()].platform.as_deref();
        let Some(Spec::K8sHpaV2(spec)) = platform.and_then(|platform| platform.autoscale.as_ref()) else { return };
        self.cx.after(spec.resolution.span(), Event::Scaling { service, decides: false });
        self.cx.after(spec.sync.span(), Event::Scaling { service, decides: true });
    }

    /// An autoscaler measures, or decides.
    pub(in crate::world) fn scaling(&mut self, service: ServiceId, decides: bool) {
        let plan = self.plan;
        let platform = plan.services[service.at()].platform.as_deref();
        let Some(Spec::K8sHpaV2(spec)) = platform.and_then(|platform| platform.autoscale.as_ref()) else { return };
        let every = if decides { spec.sync } else { spec.resolution };
        self.cx.after(every.span(), Event::Scaling { service, decides });
        if decides {
            self.decide(service, spec);
        } else {
            self.measure(service);
        }
    }

    fn measure(&mut self, service: ServiceId) {
        let now = self.cx.now();
        let holds_workers = self.plan.services[service.at()].holds_workers;
        let state = &mut self.state.services[service.at()];
        state.settle(now);
        let work = if holds_workers { state.totals.work } else { state.totals.held };
        let running = state.running.max(1);
        let Some(scaling) = self.fleet(service).and_then(|fleet| fleet.scaling.as_mut()) else { return };
        let done = (work - std::mem::replace(&mut scaling.work, work)).seconds();
        let elapsed = now.since(std::mem::replace(&mut scaling.at, now)).seconds();
        // Only the sum counts, so it is enough to know that.
        let cpu = (1000.0 * done / elapsed / running as f64) as u64;
        let seen: Vec<Option<Seen>> = self.places_of(service).map(|id| self.measure_one(id, cpu, now)).collect();
        if let Some(scaling) = self.fleet(service).and_then(|fleet| fleet.scaling.as_mut()) {
            scaling.seen = seen;
        }
    }

    fn measure_one(&self, id: ReplicaId, cpu: u64, now: Time) -> Option<Seen> {
        let replica = &self.state.replicas[id.at()];
        let memory = self.state.memory_used(self.plan, id, now).unwrap_or(0.0) as u64;
        replica.up.then_some(Seen { cpu, memory, queue: 1000 * replica.waiting, in_flight: 1000 * replica.busy })
    }

    fn decide(&mut self, service: ServiceId, spec: &hpa::Spec) {
        let now = self.cx.now();
        let Some(fleet) = self.state.platform.fleets[service.at()].as_deref() else { return };
        let Some(scaling) = &fleet.scaling else { return };
        let (current, mut asked, mut blind) = (fleet.wanted, None::<u32>, false);
        for (metric, percent) in targets(spec) {
            let target = Target { percent, tolerance: spec.tolerance.get(), before_1_33: spec.before_1_33 };
            let pods = self.pods_for(service, (spec, metric), &scaling.seen, now);
            match target.replicas(current, &pods) {
                Some(replicas) => asked = Some(asked.map_or(replicas, |asked| asked.max(replicas))),
                None => blind = true,
            }
        }
        for (number, external) in spec.external.iter().enumerate() {
            let target = Target { percent: 100, tolerance: spec.tolerance.get(), before_1_33: spec.before_1_33 };
            let ready = self.headcount(service).0;
            let found = self.state.monitor.external(self.plan, (service, number), now);
            match found.map(|found| external.replicas(found, (current, ready), &target)) {
                Some(replicas) => asked = Some(asked.map_or(replicas, |asked| asked.max(replicas))),
                None => blind = true,
            }
        }
        // Who does not know everything does not go down.
        let Some(asked) = asked.filter(|asked| !blind || *asked >= current) else { return };
        let Some(scaling) = self.fleet(service).and_then(|fleet| fleet.scaling.as_mut()) else { return };
        let wanted = scaling.scaler.decide(spec, now, current, asked);
        if wanted != current {
            self.act(Cause::Autoscaler(service), &Action::Scale { service, to: wanted });
        }
    }

    /// The replicas that count, as one metric shows them.
    fn pods_for(
        &self,
        service: ServiceId,
        (spec, metric): (&hpa::Spec, Metric),
        seen: &[Option<Seen>],
        now: Time,
    ) -> Vec<hpa::Pod> {
        let plan = &self.plan.services[service.at()];
        let request = match metric {
            Metric::Cpu => 1000 * plan.capacity.units(),
            Metric::Memory => {
                let memory = plan.platform.as_ref().and_then(|platform| platform.memory);
                memory.map_or(0, |memory| memory.limit as u64)
            }
            Metric::Queue(target) | Metric::InFlight(target) => (1000.0 * target) as u64,
        };
        let live = self.places_of(service).zip(seen).filter(|(id, _)| {
            let pod = &self.state.platform.pods[id.at()];
            pod.is_live() && pod.phase != Phase::Draining
        });
        let shown = live.map(|(id, seen)| {
            let pod = &self.state.platform.pods[id.at()];
            // What was measured of the one that was here before says nothing.
            let fresh = seen.filter(|_| self.state.replicas[id.at()].up && pod.started <= self.seen_at(service));
            let usage = fresh.map(|seen| match metric {
                Metric::Cpu => seen.cpu,
                Metric::Memory => seen.memory,
                Metric::Queue(_) => seen.queue,
                Metric::InFlight(_) => seen.in_flight,
            });
            hpa::Pod { usage, request, ready: counts_as_ready(pod, spec, metric, now) }
        });
        shown.collect()
    }

    fn seen_at(&self, service: ServiceId) -> Time {
        let fleet = self.state.platform.fleets[service.at()].as_deref();
        fleet.and_then(|fleet| fleet.scaling.as_ref()).map_or(Time::ZERO, |scaling| scaling.at)
    }
}

#[derive(Clone, Copy)]
enum Metric {
    Cpu,
    Memory,
    Queue(f64),
    InFlight(f64),
}

/// What an autoscaler goes by, and the target in percent of what was requested.
fn targets(spec: &hpa::Spec) -> impl Iterator<Item = (Metric, u64)> {
    let share = |share: crate::units::Share| (share.get() * 100.0).round() as u64;
    let cpu = spec.cpu.map(|target| (Metric::Cpu, share(target)));
    let memory = spec.memory.map(|target| (Metric::Memory, share(target)));
    let queue = spec.queue.map(|target| (Metric::Queue(target), 100));
    let in_flight = spec.in_flight.map(|target| (Metric::InFlight(target), 100));
    [cpu, memory, queue, in_flight].into_iter().flatten()
}

/// For the processor, a replica that is still starting up does not count; for the rest, one that does not listen.
fn counts_as_ready(pod: &Pod, spec: &hpa::Spec, metric: Metric, now: Time) -> bool {
    let listens = !matches!(pod.phase, Phase::Pending | Phase::Booting | Phase::Dead);
    match metric {
        Metric::Cpu if now.since(pod.started) < spec.cpu_initialization.span() && !pod.from_the_start => {
            pod.phase == Phase::Ready
        }
        Metric::Cpu => listens && pod.ever_ready,
        _ => listens,
    }
}
