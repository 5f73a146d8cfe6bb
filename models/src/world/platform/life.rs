//! The life of a replica, one change after the other.

use super::{Phase, Pod, Then, Turn};
use crate::plan::{BOOT, Cause, DistId, LISTING, PENDING, ReplicaId, ServiceId};
use crate::world::{Event, Run};
use squall_sim::Span;
use squall_sim::random::Place;

impl Run<'_> {
    /// How long something takes for the present process of a replica; no time unless the lifecycle says so.
    fn takes(&self, id: ReplicaId, dist: Option<DistId>, place: Place) -> Span {
        let Some(dist) = dist else { return Span::ZERO };
        self.plan.dist(dist).sample_span(&mut self.process_luck(id).at(place))
    }

    fn note_pod(&mut self, id: ReplicaId, what: &'static str, effect: String) {
        let service = self.state.replicas[id.at()].service;
        self.write_down(Cause::Platform(service), what, self.plan.replica_name(id), effect);
    }

    /// What was waited for no longer matters.
    fn forget(&mut self, id: ReplicaId) {
        self.stop_probes(id);
        self.pod(id).life += 1;
    }

    /// A new replica begins in an empty place.
    pub(super) fn create(&mut self, id: ReplicaId) {
        let Some(platform) = self.platform_of(id) else { return };
        let (pending, backoff) = (platform.pending, crate::platform::Backoff::new(&platform.backoff));
        let service = self.state.replicas[id.at()].service;
        let generation = self.fleet(service).map_or(0, |fleet| fleet.generation);
        self.forget(id);
        let pod = self.pod(id);
        let (life, processes, heard) = (pod.life, pod.processes + 1, (pod.listed, pod.changes, pod.heard));
        let (leak, corrupt) = (pod.leak, pod.corrupt);
        *pod = Pod { phase: Phase::Pending, life, processes, generation, leak, corrupt, ..Pod::new(false, backoff) };
        (pod.listed, pod.changes, pod.heard) = heard;
        self.show_everybody(id);
        let wait = self.takes(id, pending, PENDING);
        if wait.is_zero() {
            self.boot(id);
        } else {
            self.note_pod(id, "pending", format!("for {wait}"));
            self.later(id, wait, Turn::Placed);
        }
    }

    /// The process is started.
    pub(super) fn boot(&mut self, id: ReplicaId) {
        let Some(platform) = self.platform_of(id) else { return };
        let boot = platform.boot;
        let pod = self.pod(id);
        pod.phase = Phase::Booting;
        let takes = self.takes(id, boot, BOOT).scaled(self.boot_factor(id));
        if takes.is_zero() {
            return self.listens(id);
        }
        self.note_pod(id, "booting", format!("for {takes}"));
        self.later(id, takes, Turn::Booted);
    }

    /// The process listens.
    pub(super) fn listens(&mut self, id: ReplicaId) {
        let now = self.cx.now();
        let plan = self.plan;
        let service = self.state.replicas[id.at()].service;
        self.set_up(id, true);
        let served = self.state.replicas[id.at()].ended;
        let pod = self.pod(id);
        (pod.phase, pod.started, pod.served_before, pod.from_the_start) = (Phase::Warming, now, served, false);
        pod.leak.begin(now);
        pod.garbage.begin(served);
        if std::mem::replace(&mut pod.corrupt, 0.0) > 0.0 {
            self.apply_impairments(service);
        }
        self.pools_there(id, true);
        self.start_pools(id);
        self.copy_up(id);
        let Some(platform) = plan.services[service.at()].platform.as_deref() else { return };
        self.watch_memory(id);
        if !self.begin_probes(id, platform, false) {
            self.ready(id);
        }
        if let Some(lives) = self.crash_loop(id) {
            self.later(id, lives, Turn::Crash);
        }
    }

    /// It can be given calls.
    pub(super) fn ready(&mut self, id: ReplicaId) {
        let pod = self.pod(id);
        if !matches!(pod.phase, Phase::Warming | Phase::Unready) {
            return;
        }
        pod.phase = Phase::Ready;
        pod.ever_ready = true;
        self.note_pod(id, "ready", String::new());
        self.list(id, true);
    }

    /// It should not be given calls for now.
    pub(super) fn unready(&mut self, id: ReplicaId) {
        let pod = self.pod(id);
        if pod.phase != Phase::Ready {
            return;
        }
        pod.phase = Phase::Unready;
        self.note_pod(id, "unready", String::new());
        self.list(id, false);
    }

    /// It has to go, and may finish what is in it.
    pub(super) fn wind_down(&mut self, id: ReplicaId, then: Then) {
        let pod = self.pod(id);
        match pod.phase {
            Phase::Absent => return,
            Phase::Draining => {
                // Whoever wants it gone for good wins.
                if then == Then::Gone {
                    pod.then = then;
                    self.list(id, false);
                }
                return;
            }
            Phase::Pending | Phase::Booting | Phase::Dead => {
                // Without a process there is nothing to finish, and one that restarts does so anyway.
                if then == Then::Gone {
                    self.gone(id, "it had no process yet");
                }
                return;
            }
            Phase::Warming | Phase::Ready | Phase::Unready => {}
        }
        let Some(platform) = self.platform_of(id) else { return };
        let (grace, pre_stop) = (platform.grace, platform.pre_stop);
        self.forget(id);
        let pod = self.pod(id);
        (pod.phase, pod.then) = (Phase::Draining, then);
        self.note_pod(id, "draining", format!("for at most {grace}"));
        if then == Then::Gone {
            self.list(id, false);
        }
        self.later(id, grace, Turn::GraceOver);
        if pre_stop.is_zero() {
            self.stops(id);
        } else {
            self.later(id, pre_stop, Turn::Stops);
        }
    }

    /// A replica that has to go takes no calls any more.
    pub(super) fn stops(&mut self, id: ReplicaId) {
        let replica = &mut self.state.replicas[id.at()];
        (replica.closed, replica.draining) = (true, true);
        let empty = replica.busy == 0 && replica.waiting == 0;
        let empty = empty && self.at_the_door(id) == 0;
        self.reconsider(id);
        if empty {
            self.drained(id);
        }
    }

    /// The last call has left a replica that drains.
    #[cold]
    pub(in crate::world) fn last_call_left(&mut self, id: ReplicaId) {
        self.later(id, Span::ZERO, Turn::Drained);
    }

    pub(super) fn drained(&mut self, id: ReplicaId) {
        if self.state.replicas[id.at()].busy == 0 && self.at_the_door(id) == 0 {
            self.save_copies(id);
            self.end_of_drain(id, "drained");
        }
    }

    pub(super) fn grace_over(&mut self, id: ReplicaId) {
        self.end_of_drain(id, "killed after its grace");
    }

    fn end_of_drain(&mut self, id: ReplicaId, how: &'static str) {
        match self.pod(id).then {
            Then::Gone => self.gone(id, how),
            Then::Restart => self.died(id, how),
        }
    }

    /// A replica is gone for good; its place is free.
    pub(super) fn gone(&mut self, id: ReplicaId, how: &'static str) {
        if self.pod(id).phase == Phase::Absent {
            return;
        }
        let lost = self.end_process(id);
        self.pod(id).phase = Phase::Absent;
        self.note_pod(id, "gone", if lost > 0 { format!("{how}, {lost} calls lost") } else { how.to_owned() });
        self.list(id, false);
        self.show_everybody(id);
    }

    /// The process has ended by itself, or was ended; the platform starts it again.
    pub(super) fn died(&mut self, id: ReplicaId, why: &str) {
        let now = self.cx.now();
        if self.pod(id).phase == Phase::Absent {
            return;
        }
        let lost = self.end_process(id);
        let pod = self.pod(id);
        let ran = now.since(pod.started);
        let wait = pod.backoff.ended(ran);
        pod.phase = Phase::Dead;
        let (held, again) = (pod.held, if wait.is_zero() { "at once".to_owned() } else { format!("after {wait}") });
        self.note_pod(id, "died", format!("{why}, {lost} calls lost; starts again {again}"));
        self.list(id, false);
        self.pod(id).processes += 1;
        if !held {
            self.later(id, wait, Turn::Restart);
        }
    }

    /// A process ends by itself.
    pub(in crate::world) fn die_at_once(&mut self, id: ReplicaId) {
        self.died(id, "it crashed");
    }

    /// What the first so many replicas hold is wrong from now on, until each is started anew.
    pub(in crate::world) fn corrupt_state(&mut self, service: ServiceId, count: u32, share: f64) -> String {
        let up: Vec<ReplicaId> = self.places_of(service).filter(|id| self.state.replicas[id.at()].up).collect();
        let chosen = up.into_iter().filter(|id| self.state.replicas[id.at()].local < count);
        let chosen: Vec<ReplicaId> = chosen.collect();
        chosen.iter().for_each(|id| self.pod(*id).corrupt = share);
        self.apply_impairments(service);
        format!("{} replicas", chosen.len())
    }

    /// A fault keeps the first so many places down, and no others.
    pub(in crate::world) fn hold_down(&mut self, service: ServiceId, down: u32) {
        for id in self.places_of(service) {
            let held = self.state.replicas[id.at()].local < down;
            let pod = self.pod(id);
            let before = std::mem::replace(&mut pod.held, held);
            if held && !before && pod.phase != Phase::Absent {
                let lost = self.end_process(id);
                self.pod(id).phase = Phase::Dead;
                self.note_pod(id, "died", format!("crashed, {lost} calls lost"));
                self.list(id, false);
            } else if before && !held && pod.phase == Phase::Dead {
                pod.processes += 1;
                self.boot(id);
            }
        }
        self.reconcile(service);
    }

    /// The process ends, if there is one, with all that is in it; how many calls were lost.
    fn end_process(&mut self, id: ReplicaId) -> u64 {
        self.forget(id);
        let at_the_door = self.at_the_door(id);
        let replica = &mut self.state.replicas[id.at()];
        if !replica.up {
            return 0;
        }
        let lost = replica.busy + replica.waiting + at_the_door;
        (replica.closed, replica.draining) = (false, false);
        self.set_up(id, false);
        self.crash(id);
        self.pools_there(id, false);
        lost
    }

    fn set_up(&mut self, id: ReplicaId, up: bool) {
        let now = self.cx.now();
        let replica = &mut self.state.replicas[id.at()];
        let service = &mut self.state.services[replica.service.at()];
        service.touch(now);
        replica.up = up;
        if up {
            service.running += 1;
        } else {
            service.running -= 1;
        }
        self.reconsider(id);
    }

    /// Callers are to know that a replica is there, or no longer: they hear of it after a while.
    fn list(&mut self, id: ReplicaId, listed: bool) {
        let Some(platform) = self.platform_of(id) else { return };
        let delay = platform.endpoint_delay;
        let pod = self.pod(id);
        if pod.listed == listed {
            return;
        }
        pod.listed = listed;
        pod.changes += 1;
        let changes = pod.changes;
        let luck = self.process_luck(id).child(LISTING, changes);
        let delay = delay.map_or(Span::ZERO, |dist| self.plan.dist(dist).sample_span(&mut luck.at(LISTING)));
        if delay.is_zero() {
            return self.hear(id, changes, listed);
        }
        let turn = if listed { Turn::Listed } else { Turn::Unlisted };
        self.cx.after(delay, Event::Turn { replica: id, life: changes, turn });
    }

    /// Callers hear of a change, unless they have heard of a later one.
    pub(super) fn hear(&mut self, id: ReplicaId, change: u32, listed: bool) {
        let now = self.cx.now();
        let pod = self.pod(id);
        if change < pod.heard {
            return;
        }
        pod.heard = change;
        if self.listed(id, listed) {
            return self.note_pod(id, if listed { "listed" } else { "unlisted" }, String::new());
        }
        let replica = &mut self.state.replicas[id.at()];
        let up = &mut self.state.services[replica.service.at()].up;
        match (up.binary_search(&replica.local), listed) {
            (Err(at), true) => {
                up.insert(at, replica.local);
                replica.back_since = Some(now);
            }
            (Ok(at), false) => {
                up.remove(at);
            }
            _ => return,
        }
        let count = up.len();
        let what = if listed { "listed" } else { "unlisted" };
        self.note_pod(id, what, format!("callers know of {count}"));
    }

    /// Who may be asked although he is not ready: whoever is there at all.
    fn show_everybody(&mut self, id: ReplicaId) {
        let service = self.state.replicas[id.at()].service;
        let first = self.plan.services[service.at()].first;
        let pods = &self.state.platform.pods;
        for (plan, edge) in self.plan.edges.iter().zip(&mut self.state.edges) {
            if plan.callee == service && plan.panic.is_some() {
                let there = |local: &u32| pods[(first + local) as usize].phase != Phase::Absent;
                edge.everybody = (0..self.plan.services[service.at()].replicas).filter(there).collect();
            }
        }
    }
}
