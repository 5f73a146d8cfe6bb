//! What looks after replicas: it starts them, watches them, and lets them go.
//!
//! Only services with a `lifecycle`, `probes`, `memory` or `autoscale` have pods; all others cost nothing here. Everything
//! happens as an event of its own, so that no replica disappears under a call that is just being executed.

mod fleet;
mod life;
mod memory;
mod probe;
mod scale;

use super::lookup::Lookup;
use super::{Event, Run};
use crate::plan::{Plan, PlatformPlan, ProbeKind, ReplicaId, ServiceId};
use crate::platform::{Backoff, Streak};
use crate::report::Column;
use scale::Scaling;
use squall_sim::random::{Luck, Place, Purpose, Stream};
use squall_sim::{Key, Ticket, Time};

/// All replicas that are looked after.
#[derive(Clone, Debug, Default)]
pub(crate) struct Platform {
    /// One for each replica of the world; empty if nothing is looked after.
    pods: Vec<Pod>,
    /// One for each service.
    fleets: Vec<Option<Box<Fleet>>>,
    /// Whose probe a call is, by the call's place.
    probing: Lookup<(ReplicaId, ProbeKind)>,
}

/// What the platform knows of the replicas of one service together.
#[derive(Clone, Debug)]
struct Fleet {
    wanted: u32,
    /// What new replicas are; older ones are replaced while `rolling`.
    generation: u32,
    rolling: bool,
    /// Replicas that are to be moved elsewhere.
    moving: Vec<ReplicaId>,
    luck: Luck,
    scaling: Option<Scaling>,
}

/// What the platform knows of one replica.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    phase: Phase,
    /// What becomes of it when it has drained.
    then: Then,
    /// Goes up whenever what was waited for no longer matters.
    life: u32,
    /// Processes so far: what each one's draws are numbered by.
    processes: u32,
    generation: u32,
    /// When the process began to listen, and how many calls it had served before.
    started: Time,
    served_before: u64,
    garbage: memory::Garbage,
    /// It was there when the run began, so that it is warm.
    from_the_start: bool,
    ever_ready: bool,
    /// Its startup probe has nothing more to say.
    started_up: bool,
    /// The share of calls that fail because what the process holds is wrong.
    pub(super) corrupt: f64,
    backoff: Backoff,
    /// A fault keeps it down.
    held: bool,
    /// Whether callers are to know of it, and how often that has changed; which change they have heard of.
    listed: bool,
    changes: u32,
    heard: u32,
    probes: [ProbeState; 3],
    /// What it has lost of its memory apart from what it always does.
    leak: memory::Leak,
}

/// Where a replica is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// There is none in this place.
    Absent,
    /// Waits for a place to run.
    Pending,
    /// The process has been started and does not listen yet.
    Booting,
    /// It listens, and gets no calls yet.
    Warming,
    Ready,
    /// It was ready.
    Unready,
    /// It finishes what is in it.
    Draining,
    /// The process has ended, and waits to be started again.
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Gone,
    Restart,
}

#[derive(Clone, Copy, Debug)]
struct ProbeState {
    streak: Streak,
    call: Key<super::call::Call>,
    timer: Ticket,
    /// How the last one came out.
    passed: bool,
}

/// What can happen to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It has a place to run.
    Placed,
    /// The process listens.
    Booted,
    /// Word of its leaving has spread.
    Stops,
    /// The last call has left a replica that drains.
    Drained,
    /// Its grace is over.
    GraceOver,
    /// A process that has ended is started again.
    Restart,
    /// A process ends by itself.
    Crash,
    /// Callers hear that it is there.
    Listed,
    /// Callers hear that it is not.
    Unlisted,
    /// It is time to look at its memory.
    Memory,
    /// And again in a while.
    MemoryLater,
    /// It goes on after a collection.
    Collected,
    /// It is time for a probe.
    ProbeStartup,
    ProbeReadiness,
    ProbeLiveness,
    /// A probe has had no answer in time.
    LateStartup,
    LateReadiness,
    LateLiveness,
    /// A probe has had its answer.
    ToldStartup,
    ToldReadiness,
    ToldLiveness,
}

impl Turn {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 21] = [
        Self::Placed,
        Self::Booted,
        Self::Stops,
        Self::Drained,
        Self::GraceOver,
        Self::Restart,
        Self::Crash,
        Self::Listed,
        Self::Unlisted,
        Self::Memory,
        Self::MemoryLater,
        Self::Collected,
        Self::ProbeStartup,
        Self::ProbeReadiness,
        Self::ProbeLiveness,
        Self::LateStartup,
        Self::LateReadiness,
        Self::LateLiveness,
        Self::ToldStartup,
        Self::ToldReadiness,
        Self::ToldLiveness,
    ];
}

/// What the platform adds to the series.
pub(super) fn columns(plan: &Plan) -> Vec<Column> {
    let mut columns = Vec::new();
    for (name, service) in plan.names.services.iter().zip(&plan.services) {
        let Some(platform) = &service.platform else { continue };
        let mut add = |metric, unit| columns.push(Column { component: format!("services.{name}"), metric, unit });
        add("ready", "count");
        add("replicas", "count");
        if platform.memory.is_some() {
            add("memory", "share");
        }
    }
    columns
}

impl Platform {
    pub(crate) fn new(plan: &Plan, seed: u64) -> Self {
        if plan.services.iter().all(|service| service.platform.is_none()) {
            return Self::default();
        }
        let mut pods = Vec::with_capacity(plan.replicas as usize);
        let mut fleets = Vec::with_capacity(plan.services.len());
        for service in &plan.services {
            let platform = service.platform.as_deref();
            fleets.push(platform.map(|platform| {
                Box::new(Fleet {
                    wanted: service.initial,
                    generation: 0,
                    rolling: false,
                    moving: Vec::new(),
                    luck: Luck::from_stream(&mut Stream::new(seed, &platform.stream)),
                    scaling: platform.autoscale.as_ref().map(|_| Scaling::new(service.replicas)),
                })
            }));
            let backoff = platform.map(|platform| platform.backoff.clone()).unwrap_or_default();
            pods.extend((0..service.replicas).map(|local| Pod::new(local < service.initial, Backoff::new(&backoff))));
        }
        Self { pods, fleets, probing: Lookup::default() }
    }

    /// The share of a replica's calls that fail because what it holds is wrong.
    pub(super) fn corrupt(&self, id: ReplicaId) -> f64 {
        self.pods.get(id.at()).map_or(0.0, |pod| pod.corrupt)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.pods.is_empty()
    }
}

impl Pod {
    fn new(there: bool, backoff: Backoff) -> Self {
        let probe = ProbeState { streak: Streak::default(), call: Key::NONE, timer: Ticket::NONE, passed: false };
        Self {
            phase: if there { Phase::Ready } else { Phase::Absent },
            then: Then::Gone,
            life: 0,
            processes: 0,
            generation: 0,
            started: Time::ZERO,
            served_before: 0,
            garbage: memory::Garbage::default(),
            from_the_start: there,
            ever_ready: there,
            started_up: there,
            corrupt: 0.0,
            backoff,
            held: false,
            listed: there,
            changes: 0,
            heard: 0,
            probes: [probe; 3],
            leak: memory::Leak::default(),
        }
    }

    /// Counts as one of those that are wanted.
    fn is_live(&self) -> bool {
        match self.phase {
            Phase::Absent => false,
            Phase::Draining => self.then == Then::Restart,
            _ => true,
        }
    }
}

impl Run<'_> {
    /// Replicas that are there at the beginning have been there for long.
    pub(super) fn begin_platform(&mut self) {
        for service in (0..self.plan.services.len() as u32).map(ServiceId) {
            let Some(platform) = self.plan.services[service.at()].platform.as_deref() else { continue };
            for id in self.places_of(service) {
                let there = self.pod(id).phase != Phase::Absent;
                self.reconsider(id);
                if there {
                    self.begin_probes(id, platform, true);
                    self.watch_memory(id);
                } else {
                    self.pools_there(id, false);
                }
            }
            self.begin_scaling(service);
        }
    }

    /// The plan of what looks after a replica.
    fn platform_of(&self, id: ReplicaId) -> Option<&PlatformPlan> {
        let service = self.state.replicas[id.at()].service;
        self.plan.services[service.at()].platform.as_deref()
    }

    fn places_of(&self, service: ServiceId) -> impl Iterator<Item = ReplicaId> + use<> {
        let plan = &self.plan.services[service.at()];
        (plan.first..plan.first + plan.replicas).map(ReplicaId)
    }

    fn pod(&mut self, id: ReplicaId) -> &mut Pod {
        &mut self.state.platform.pods[id.at()]
    }

    fn fleet(&mut self, service: ServiceId) -> Option<&mut Fleet> {
        self.state.platform.fleets.get_mut(service.at())?.as_deref_mut()
    }

    /// What the draws of a replica's present process follow from.
    fn process_luck(&self, id: ReplicaId) -> Luck {
        const POD: Place = Place::named("replica", Purpose::Call);
        const PROCESS: Place = Place::named("process", Purpose::Call);
        let replica = &self.state.replicas[id.at()];
        let fleet = self.state.platform.fleets[replica.service.at()].as_deref();
        let luck = fleet.map_or_else(|| Luck::new(0), |fleet| fleet.luck);
        luck.child(POD, replica.local).child(PROCESS, self.state.platform.pods[id.at()].processes)
    }

    /// Something happens to a replica after a while.
    fn later(&mut self, id: ReplicaId, after: squall_sim::Span, turn: Turn) -> Ticket {
        let life = self.pod(id).life;
        self.cx.after(after, Event::Turn { replica: id, life, turn })
    }

    /// What was waited for has come, if it still matters.
    pub(super) fn turn(&mut self, id: ReplicaId, life: u32, turn: Turn) {
        let service = self.state.replicas[id.at()].service;
        match turn {
            Turn::Listed => return self.hear(id, life, true),
            Turn::Unlisted => return self.hear(id, life, false),
            // It goes on whatever else has been decided about it meanwhile; another process knows nothing of it.
            Turn::Collected if self.pod(id).processes == life => return self.collected(id),
            Turn::Collected => return,
            _ if self.pod(id).life != life => return,
            Turn::Placed => self.boot(id),
            Turn::Booted => self.listens(id),
            Turn::Stops => self.stops(id),
            Turn::Drained => self.drained(id),
            Turn::GraceOver => self.grace_over(id),
            Turn::Restart => self.boot(id),
            Turn::Crash => self.died(id, "it crashed"),
            Turn::Memory => self.look_at_memory(id),
            Turn::MemoryLater => {
                self.look_at_memory(id);
                self.watch_memory(id);
            }
            Turn::ProbeStartup => return self.probe(id, ProbeKind::Startup),
            Turn::ProbeReadiness => return self.probe(id, ProbeKind::Readiness),
            Turn::ProbeLiveness => return self.probe(id, ProbeKind::Liveness),
            Turn::LateStartup => self.probe_late(id, ProbeKind::Startup),
            Turn::LateReadiness => self.probe_late(id, ProbeKind::Readiness),
            Turn::LateLiveness => self.probe_late(id, ProbeKind::Liveness),
            Turn::ToldStartup => self.probe_told(id, ProbeKind::Startup),
            Turn::ToldReadiness => self.probe_told(id, ProbeKind::Readiness),
            Turn::ToldLiveness => self.probe_told(id, ProbeKind::Liveness),
        }
        self.reconcile(service);
    }

    /// Works out anew whether calls have to be looked at when they arrive, and when they work.
    pub(super) fn reconsider(&mut self, id: ReplicaId) {
        let (mut memory, mut warms) = (false, false);
        if let Some(platform) = self.platform_of(id) {
            memory = platform.memory.is_some();
            warms = platform.warm_up.is_some() || memory;
        }
        let replica = &mut self.state.replicas[id.at()];
        replica.impaired = !replica.up
            || replica.guarded
            || replica.errors > 0.0
            || replica.closed
            || replica.stands_still()
            || memory;
        replica.stretched = replica.slow != 1.0 || replica.stands_still() || warms;
    }

    /// Appends what the platform adds to a row of the series: replicas that are ready, all that count, and the fullest
    /// memory of one, as a share of its limit.
    pub(super) fn platform_row(&mut self) {
        let now = self.cx.now();
        for service in (0..self.plan.services.len() as u32).map(ServiceId) {
            let Some(platform) = self.plan.services[service.at()].platform.as_deref() else { continue };
            let (ready, all) = self.headcount(service);
            self.state.observer.series.values.extend([f64::from(ready), f64::from(all)]);
            if let Some(memory) = &platform.memory {
                let used = self.places_of(service).filter_map(|id| self.state.memory_used(self.plan, id, now));
                let fullest = used.fold(0.0, f64::max) / memory.limit;
                self.state.observer.series.values.push(fullest);
            }
        }
    }

    /// Pods, fleets and what callers know agree with each other.
    pub(super) fn audit_platform(&self) -> Result<(), String> {
        for (at, service) in self.state.services.iter().enumerate() {
            let plan = &self.plan.services[at];
            let there = (plan.first..plan.first + plan.replicas).map(|id| &self.state.replicas[id as usize]);
            let up = there.filter(|replica| replica.up).count() as u64;
            if up != service.running {
                let name = &self.plan.names.services[at];
                return Err(format!("service {name}: {up} replicas are up, and {} are counted", service.running));
            }
        }
        for (at, pod) in self.state.platform.pods.iter().enumerate() {
            let replica = &self.state.replicas[at];
            let listens = matches!(pod.phase, Phase::Warming | Phase::Ready | Phase::Unready | Phase::Draining);
            if self.plan.services[replica.service.at()].platform.is_some() && replica.up != listens {
                let name = self.plan.replica_name(ReplicaId(at as u32));
                return Err(format!("replica {name}: up is {} in phase {:?}", replica.up, pod.phase));
            }
        }
        Ok(())
    }
}
