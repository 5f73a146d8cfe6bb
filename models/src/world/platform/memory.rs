//! The memory of replicas: what is in use, what that costs, and what happens at the limit.

use super::Turn;
use crate::plan::{ReplicaId, ServiceId};
use crate::world::{Event, Run, State};
use squall_sim::{Span, Time};

/// How often memory that leaks is looked at. Besides that it is at each arrival.
const EVERY: Span = Span::from_secs(1);

/// What a process loses on top of what it always does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leak {
    lost: f64,
    /// Each second, since then.
    pub(super) rate: f64,
    since: Time,
}

impl Leak {
    /// A new process has lost nothing yet.
    pub(super) fn begin(&mut self, now: Time) {
        (self.lost, self.since) = (0.0, now);
    }

    /// From now on it loses so much each second.
    pub(super) fn set(&mut self, now: Time, rate: f64) {
        self.lost = self.lost(now);
        (self.rate, self.since) = (rate, now);
    }

    fn lost(&self, now: Time) -> f64 {
        self.lost + self.rate * now.since(self.since).seconds()
    }
}

/// What calls have left behind in a process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Garbage {
    /// How many calls had ended when it was last collected.
    collected: u64,
    /// What stayed in use then.
    stayed: f64,
}

impl Garbage {
    pub(super) fn begin(&mut self, ended: u64) {
        *self = Self { collected: ended, ..Self::default() };
    }
}

impl State {
    /// The memory in use in a replica, in bytes; none if nothing is known of it.
    pub(in crate::world) fn memory_used(&self, plan: &crate::plan::Plan, id: ReplicaId, now: Time) -> Option<f64> {
        let replica = &self.replicas[id.at()];
        let memory = plan.services[replica.service.at()].platform.as_deref()?.memory.as_ref()?;
        let pod = &self.platform.pods[id.at()];
        if !replica.up {
            return Some(0.0);
        }
        let leaked = memory.leaked(now.since(pod.started), replica.ended - pod.served_before);
        let garbage = memory.garbage(replica.ended - pod.garbage.collected);
        Some(memory.used(replica.busy, replica.waiting) + leaked + pod.leak.lost(now) + garbage)
    }

    /// How many times as long work takes in a replica, because it has just started or its memory is full.
    pub(in crate::world) fn drag(&self, plan: &crate::plan::Plan, id: ReplicaId, now: Time) -> f64 {
        let service = self.replicas[id.at()].service;
        let Some(platform) = plan.services[service.at()].platform.as_deref() else { return 1.0 };
        let mut factor = 1.0;
        let pod = &self.platform.pods[id.at()];
        if let (Some((cold, lasts)), false) = (platform.warm_up, pod.from_the_start) {
            let left = 1.0 - now.since(pod.started).seconds() / lasts.seconds();
            factor *= 1.0 + (cold - 1.0) * left.max(0.0);
        }
        if let (Some(memory), Some(used)) = (&platform.memory, self.memory_used(plan, id, now)) {
            factor *= memory.slowdown(used);
        }
        factor
    }
}

impl Run<'_> {
    /// A call arrives in a replica: there may be no room for it.
    pub(in crate::world) fn one_more_call(&mut self, id: ReplicaId) {
        let now = self.cx.now();
        if self.state.platform.is_idle() || !self.state.replicas[id.at()].up {
            return;
        }
        let Some(memory) = self.platform_of(id).and_then(|platform| platform.memory) else { return };
        let used = self.state.memory_used(self.plan, id, now).unwrap_or(0.0);
        if used + memory.largest_call() > memory.limit || self.is_due(id, used) {
            // After this event, because the call that arrives may have been made in this very replica.
            let life = self.pod(id).life;
            self.cx.after(Span::ZERO, Event::Turn { replica: id, life, turn: Turn::Memory });
        }
    }

    /// From now on a replica loses so much each second on top of what it always does.
    pub(in crate::world) fn leak(&mut self, id: ReplicaId, rate: f64) {
        let now = self.cx.now();
        let before = self.pod(id).leak.rate;
        self.pod(id).leak.set(now, rate);
        let always = self.platform_of(id).and_then(|platform| platform.memory).is_some_and(|it| it.leaks_over_time());
        if before == 0.0 && !always && self.state.replicas[id.at()].up {
            self.watch_memory(id);
        }
    }

    /// Memory that leaks is looked at now and then.
    pub(super) fn watch_memory(&mut self, id: ReplicaId) {
        let rate = self.pod(id).leak.rate;
        let memory = self.platform_of(id).and_then(|platform| platform.memory);
        if memory.is_some_and(|memory| memory.leaks_over_time() || rate > 0.0) {
            self.later(id, EVERY, Turn::MemoryLater);
        }
    }

    /// A replica collects if it has to. One whose memory is over its limit all the same is killed.
    pub(super) fn look_at_memory(&mut self, id: ReplicaId) {
        let now = self.cx.now();
        let Some(memory) = self.platform_of(id).and_then(|platform| platform.memory) else { return };
        let mut used = self.state.memory_used(self.plan, id, now).unwrap_or(0.0);
        if self.is_due(id, used) {
            used -= self.collect(id);
        }
        if used > memory.limit {
            self.died(id, &format!("out of memory at {:.0} MiB", used / 1_048_576.0));
        }
    }

    fn is_due(&self, id: ReplicaId, used: f64) -> bool {
        let memory = self.platform_of(id).and_then(|platform| platform.memory.as_ref());
        let stayed = self.state.platform.pods[id.at()].garbage.stayed;
        // Nothing collects in a process that hangs.
        let hung = self.state.replicas[id.at()].hung;
        !hung && memory.is_some_and(|memory| memory.is_due(used, self.garbage(id), stayed))
    }

    /// What there is to collect in a replica, in bytes.
    fn garbage(&self, id: ReplicaId) -> f64 {
        let (replica, pod) = (&self.state.replicas[id.at()], &self.state.platform.pods[id.at()]);
        let memory = self.platform_of(id).and_then(|platform| platform.memory.as_ref());
        memory.filter(|_| replica.up).map_or(0.0, |memory| memory.garbage(replica.ended - pod.garbage.collected))
    }

    /// Garbage is free at once, and then everything stands still for a while. Gives how much it was.
    fn collect(&mut self, id: ReplicaId) -> f64 {
        let now = self.cx.now();
        let freed = self.garbage(id);
        self.pod(id).garbage.collected = self.state.replicas[id.at()].ended;
        let stays = self.state.memory_used(self.plan, id, now).unwrap_or(0.0);
        self.pod(id).garbage.stayed = stays;
        let pause = self.platform_of(id).and_then(|platform| platform.memory).map_or(Span::ZERO, |it| it.pause(stays));
        if !pause.is_zero() && !self.state.replicas[id.at()].collecting {
            self.halt(id, |replica| replica.collecting = true);
            let process = self.pod(id).processes;
            self.cx.after(pause, Event::Turn { replica: id, life: process, turn: Turn::Collected });
        }
        freed
    }

    /// A replica goes on.
    pub(super) fn collected(&mut self, id: ReplicaId) {
        self.halt(id, |replica| replica.collecting = false);
    }

    /// All replicas of a service collect. Gives what came of it.
    pub(in crate::world) fn collect_garbage(&mut self, service: ServiceId) -> String {
        let up: Vec<ReplicaId> = self.places_of(service).filter(|id| self.works(*id)).collect();
        let freed = up.iter().fold(0.0, |sum, id| sum + self.collect(*id));
        format!("{:.0} MiB were garbage in {} replicas", freed / 1_048_576.0, up.len())
    }

    /// Whether there is a process that does something.
    fn works(&self, id: ReplicaId) -> bool {
        let replica = &self.state.replicas[id.at()];
        replica.up && !replica.hung
    }
}
