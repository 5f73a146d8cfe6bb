//! What faults do to single replicas and links, beyond making them slow or cutting them off.

use super::call::{Call, Invocation, State as CallState};
use super::execute::Next;
use super::replica::Replica;
use super::{Event, Run};
use crate::outcome::Failure;
use crate::plan::{EdgeId, Effect, Pc, ReplicaId, ServiceId};
use squall_sim::random::{Draw, Luck, Place, Purpose};
use squall_sim::{Key, Span, Ticket, Time};

impl Run<'_> {
    fn replicas_of(&self, service: ServiceId) -> impl Iterator<Item = (u32, ReplicaId)> + use<> {
        let plan = &self.plan.services[service.at()];
        let first = plan.first;
        (0..plan.replicas).map(move |local| (local, ReplicaId(first + local)))
    }

    /// How many of the first replicas hang.
    pub(super) fn apply_hangs(&mut self, target: ServiceId) {
        let hung = self.in_force().filter_map(|effect| match *effect {
            Effect::Hang { service, replicas } if service == target => Some(replicas),
            _ => None,
        });
        let hung = hung.max().unwrap_or(0);
        for (local, id) in self.replicas_of(target) {
            self.halt(id, |replica| replica.hung = local < hung);
        }
    }

    /// Something changes about whether a replica stands still.
    pub(super) fn halt(&mut self, id: ReplicaId, change: impl FnOnce(&mut Replica)) {
        let replica = &mut self.state.replicas[id.at()];
        let before = replica.stands_still();
        change(replica);
        let after = replica.stands_still();
        if before != after {
            self.reconsider(id);
            if after { self.freeze_all(id) } else { self.thaw(id) }
        }
    }

    /// How many calls have come to a replica that stands still, and wait to be let in.
    pub(super) fn at_the_door(&self, id: ReplicaId) -> u64 {
        if !self.state.replicas[id.at()].stands_still() {
            return 0;
        }
        self.state.calls.iter().filter(|(_, call)| call.replica == id && call.is_outside()).count() as u64
    }

    /// A call has come to a replica that stands still.
    pub(super) fn stay_outside(&mut self, key: Key<Call>) {
        let call = &mut self.state.calls[key];
        call.state = CallState::Frozen;
        self.state.services[call.service.at()].at_door.come(self.cx.now());
    }

    /// A call is let in, or dies at the door.
    pub(super) fn come_in(&mut self, call: &Call) {
        self.state.services[call.service.at()].at_door.go(self.cx.now());
    }

    /// Work in a replica stops where it is.
    fn freeze_all(&mut self, id: ReplicaId) {
        let now = self.cx.now();
        let works = |call: &Call| call.replica == id && call.state == CallState::Working;
        let calls: Vec<Key<Call>> =
            self.state.calls.iter().filter(|(_, call)| works(call)).map(|(key, _)| key).collect();
        for key in calls {
            let before = self.state.calls[key].work;
            self.interrupt(key);
            let call = &mut self.state.calls[key];
            call.piece = call.piece - (call.work - before);
            (call.state, call.since, call.timer) = (CallState::Frozen, now, Ticket::NONE);
        }
    }

    /// A call comes to a piece of work in a replica that hangs.
    #[cold]
    pub(super) fn freeze(&mut self, key: Key<Call>, pc: Pc, length: Span) {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        (call.pc, call.piece) = (pc, length);
        (call.state, call.since, call.timer) = (CallState::Frozen, now, Ticket::NONE);
    }

    /// A replica goes on where it stood still, and takes the calls that have come meanwhile.
    fn thaw(&mut self, id: ReplicaId) {
        let now = self.cx.now();
        let stands = |call: &Call| call.replica == id && call.state == CallState::Frozen;
        let calls = self.state.calls.iter().filter(|(_, call)| stands(call));
        let mut calls: Vec<(Time, Key<Call>)> = calls.map(|(key, call)| (call.since, key)).collect();
        calls.sort_by_key(|(since, _)| *since);
        for (_, key) in calls {
            let Some(&call) = self.state.calls.get(key) else { continue };
            if call.is_outside() {
                self.come_in(&call);
                self.state.calls[key].state = CallState::Transit;
                self.look_twice(key);
                continue;
            }
            let call = &mut self.state.calls[key];
            (call.state, call.since) = (CallState::Working, now);
            let piece = call.piece;
            if self.state.replicas[id.at()].sharing.applies() {
                self.share(id, key, piece);
            } else {
                self.state.calls[key].timer = self.cx.after(piece, Event::Elapsed(key));
            }
        }
        let replica = &self.state.replicas[id.at()];
        if replica.draining && replica.busy == 0 {
            self.last_call_left(id);
        }
    }

    /// A caller knows no replicas, or only those of the moment at which a fault began, or all again.
    pub(super) fn apply_names(&mut self, target: EdgeId) {
        let callee = self.plan.edges[target.at()].callee;
        let now = self.state.services[callee.at()].up.clone();
        let mut known = None;
        let before = self.state.edges[target.at()].known.take();
        for effect in self.in_force() {
            match *effect {
                Effect::Names { edge, old_ones: false } if edge == target => known = Some(Vec::new()),
                Effect::Names { edge, old_ones: true } if edge == target => {
                    known = known.or_else(|| before.clone()).or_else(|| Some(now.clone()));
                }
                _ => {}
            }
        }
        self.state.edges[target.at()].known = known;
        self.apply_trouble(target);
    }

    /// Processes that end again and again begin with that.
    pub(super) fn apply_crash_loops(&mut self, target: ServiceId) {
        for (_, id) in self.replicas_of(target) {
            if self.state.replicas[id.at()].up && self.crash_loop(id).is_some() {
                self.die_at_once(id);
            }
        }
        self.reconcile(target);
    }

    /// How long a process lives, if that is not for good.
    pub(super) fn crash_loop(&self, id: ReplicaId) -> Option<Span> {
        let replica = &self.state.replicas[id.at()];
        let lives = self.in_force().filter_map(|effect| match *effect {
            Effect::CrashLoop { service, replicas, after }
                if service == replica.service && replica.local < replicas =>
            {
                Some(after)
            }
            _ => None,
        });
        lives.min()
    }

    /// How many times as long a process takes to boot.
    pub(super) fn boot_factor(&self, id: ReplicaId) -> f64 {
        let of = self.state.replicas[id.at()].service;
        let factors = self.in_force().filter_map(|effect| match *effect {
            Effect::SlowBoot { service, factor } if service == of => Some(factor),
            _ => None,
        });
        factors.product()
    }

    pub(super) fn apply_leaks(&mut self, target: ServiceId) {
        for (local, id) in self.replicas_of(target) {
            let rates = self.in_force().filter_map(|effect| match *effect {
                Effect::Leak { service, replicas, rate } if service == target && local < replicas => Some(rate),
                _ => None,
            });
            let rate = rates.sum();
            self.leak(id, rate);
        }
    }

    pub(super) fn apply_disks(&mut self, target: ServiceId) {
        for (local, id) in self.replicas_of(target) {
            let bad = self.in_force().any(|effect| {
                matches!(*effect, Effect::Disk { service, replicas, .. } if service == target && local < replicas)
            });
            self.state.replicas[id.at()].bad_disk = bad;
        }
    }

    /// Whether a write to a disk with which something is wrong fails, and how long it takes.
    #[cold]
    pub(super) fn disk(&self, id: ReplicaId, luck: Luck, effect: Place) -> (bool, Span) {
        const DISK: Place = Place::named("disk", Purpose::Fail);
        let replica = &self.state.replicas[id.at()];
        let luck = luck.child(effect, 0);
        let (mut fine, mut takes) = (1.0, Span::ZERO);
        for (number, fault) in (0..).zip(self.in_force()) {
            match *fault {
                Effect::Disk { service, replicas, share, delay }
                    if service == replica.service && replica.local < replicas =>
                {
                    fine *= 1.0 - share;
                    takes += delay.map_or(Span::ZERO, |dist| {
                        self.plan.dist(dist).sample_span(&mut luck.child(DISK, number).at(DISK))
                    });
                }
                _ => {}
            }
        }
        (luck.at(DISK).unit() >= fine, takes)
    }

    /// A durable effect where something is wrong with the disk.
    #[cold]
    pub(super) fn write_badly(&mut self, key: Key<Call>, luck: Luck, effect: Place) -> Next {
        let (fails, takes) = self.disk(self.state.calls[key].replica, luck, effect);
        if fails {
            self.finish(key, Err(Failure::Error));
            return Next::Stop;
        }
        self.write(key, effect);
        if takes.is_zero() {
            return Next::Step;
        }
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        (call.state, call.since) = (CallState::Sleeping, now);
        call.timer = self.cx.after(takes, Event::Elapsed(key));
        Next::Stop
    }

    /// Whose call may arrive twice, if calls over an edge do at the moment.
    #[inline]
    pub(super) fn copied(&self, edge: EdgeId, key: Key<Invocation>) -> Option<Invocation> {
        let twice = self.state.edges[edge.at()].trouble.link.duplicate > 0.0;
        if twice { self.state.invocations.get(key).copied() } else { None }
    }

    /// A call may arrive a second time. Nobody waits for what becomes of the copy.
    #[cold]
    pub(super) fn deliver_copy(
        &mut self,
        caller: &Invocation,
        (id, to): (EdgeId, super::call::Destination),
        (attempt, luck): (u16, Luck),
        latency: Span,
    ) {
        let edge = &self.plan.edges[id.at()];
        let share = self.state.edges[id.at()].trouble.link.duplicate;
        if luck.at(edge.there.copy).unit() >= share {
            return;
        }
        if self.state.calls.len() as u64 >= self.plan.settings.limits.in_flight {
            self.overfull();
        }
        let now = self.cx.now();
        let copy = Call { orphan: true, ..Call::new((Key::NONE, caller), to, (attempt, luck), (now, Time::MAX)) };
        let copy = self.state.calls.insert(copy);
        if latency.is_zero() {
            self.deliver(copy);
        } else {
            self.state.calls[copy].timer = self.cx.after(latency, Event::Deliver(copy));
        }
    }
}
