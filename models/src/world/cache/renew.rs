//! Renewing entries in the background, and jobs that fill a cache: the steps of a miss, done for nobody who waits.

use super::super::call::{Call, Family, State as CallState};
use super::super::{Event, Run, Task};
use super::look_up::{Ask, slot};
use crate::plan::{CacheId, ClientId, MAX_SCOPES, Op, Pc, Plan, ReplicaId, ServiceId};
use squall_sim::random::{Draw, Luck};
use squall_sim::{Key, Span, Ticket, Time};

/// What is to be made, and as whom.
#[derive(Clone, Copy)]
struct Errand {
    step: Pc,
    replica: ReplicaId,
    luck: Luck,
    root: Luck,
    number: u64,
    /// Look into the cache first.
    looks: bool,
}

impl Run<'_> {
    pub(in crate::world) fn schedule_warming(&mut self) {
        for (plan, cache) in self.plan.caches.iter().zip(0..) {
            for (job, number) in plan.warm.iter().zip(0..) {
                self.cx.at(job.at, Event::Warm { cache: CacheId(cache), job: number, next: 0 });
            }
        }
    }

    /// The next key of a warming job.
    pub(in crate::world) fn warm(&mut self, id: CacheId, number: u16, next: u32) {
        let now = self.cx.now();
        let plan = &self.plan.caches[id.at()];
        let job = plan.warm[number as usize];
        if u64::from(next) + 1 < job.top {
            self.cx.after(job.pause, Event::Warm { cache: id, job: number, next: next + 1 });
        } else if let Some(every) = job.every {
            let whole = Span::from_nanos(job.pause.nanos().saturating_mul(next.into()));
            // A job that takes longer than its period begins again at once.
            let rest = if every > whole { every - whole } else { job.pause };
            self.cx.after(rest, Event::Warm { cache: id, job: number, next: 0 });
        }
        let service = &self.plan.services[job.service.at()];
        let up: Vec<u32> = self.state.services[job.service.at()].up.clone();
        let Some(&turn) = up.get(next as usize % up.len().max(1)) else { return };
        let luck = Luck::new(self.state.seed).child(plan.renew_place, next);
        let luck = luck.child(plan.renew_place, now.nanos() as u32);
        for local in up.into_iter().filter(|&local| plan.per_replica || local == turn) {
            self.run_errand(Errand {
                step: job.step,
                replica: ReplicaId(service.first + local),
                luck: luck.child(plan.renew_place, local),
                root: luck,
                number: Plan::number_for(job.keys, next.into()),
                looks: true,
            });
        }
    }

    /// Has an entry made anew in the background, because a call has read it.
    pub(super) fn renew_behind(&mut self, ask: &Ask) {
        let call = &self.state.calls[ask.call];
        let luck = call.luck.child(self.plan.caches[ask.id.at()].renew_place, 0);
        let errand =
            Errand { step: call.pc, replica: call.replica, luck, root: call.root, number: call.number, looks: false };
        self.run_errand(errand);
    }

    /// Sets the time at which an entry is renewed, if it has one. At most one draw.
    pub(super) fn plan_renewal(&mut self, id: CacheId, store: usize, at: u32, draws: &mut impl Draw) {
        let Some(policy) = &self.plan.caches[id.at()].refresh else { return };
        let cache = &mut self.state.caches[id.at()];
        let Some((key, expires)) = cache.stores[store].at(at) else { return };
        let now = self.cx.now();
        if let Some(due) = policy.due(key, now, expires, draws)
            && let Some(note) = cache.stores[store].note_mut(at)
        {
            note.due = due;
            self.cx.at(due, Event::Renew { cache: id, store: store as u32, at });
        }
    }

    /// The time of an entry has come, if it is still the same one.
    pub(in crate::world) fn renew(&mut self, id: CacheId, store: u32, at: u32) {
        let now = self.cx.now();
        let plan = &self.plan.caches[id.at()];
        let Some(policy) = &plan.refresh else { return };
        let cache = &self.state.caches[id.at()];
        let there = &cache.stores[store as usize];
        let Some((key, expires)) = there.at(at) else { return };
        let note = there.note(at);
        let Some((step, replica)) = note.origin else { return };
        if note.due != now || expires < now || !policy.wanted(now, note.set, note.read) {
            return;
        }
        if cache.flights[if plan.per_replica || plan.guard.by_replica() { replica.at() } else { 0 }].running(key) > 0 {
            return;
        }
        let luck = note.root.child(plan.renew_place, now.nanos() as u32);
        self.run_errand(Errand { step, replica, luck, root: note.root, number: note.number, looks: false });
    }

    /// Sends somebody to do the steps of a miss.
    fn run_errand(&mut self, errand: Errand) {
        let service = self.state.replicas[errand.replica.at()].service;
        let Some(replica) = self.somebody(errand.replica, service) else { return };
        let Op::Cache { cache: id, keys, place, .. } = self.plan.ops[errand.step.at()] else { return };
        if self.state.calls.len() as u64 >= self.plan.settings.limits.in_flight {
            self.overfull();
        }
        let key = self.state.calls.insert(self.errand_call(&errand, replica, service));
        if !errand.looks {
            let call = &mut self.state.calls[key];
            call.open_scope();
            call.pc.0 += 1;
            let ask = self.asks(key, (id, keys, place), false);
            self.note_fill(&ask, slot(key, 0), 0, true);
            self.state.caches[id.at()].count(ask.class, |totals| totals.refreshes += 1);
        }
        self.state.tasks.push(Task::Execute(key));
    }

    /// The replica itself, or another one of its service if it is down.
    fn somebody(&self, wanted: ReplicaId, service: ServiceId) -> Option<ReplicaId> {
        if self.state.replicas[wanted.at()].up {
            return Some(wanted);
        }
        let first = self.plan.services[service.at()].first;
        self.state.services[service.at()].up.first().map(|local| ReplicaId(first + local))
    }

    fn errand_call(&self, errand: &Errand, replica: ReplicaId, service: ServiceId) -> Call {
        let now = self.cx.now();
        Call {
            guarded: false,
            invocation: Key::NONE,
            child: Key::NONE,
            luck: errand.luck,
            root: errand.root,
            number: errand.number,
            arrived: now,
            since: now,
            deadline: Time::MAX,
            work: Span::ZERO,
            piece: Span::ZERO,
            timer: Ticket::NONE,
            replica,
            service,
            endpoint: self.plan.endpoint_at(errand.step),
            pc: errand.step,
            family: Family::NONE,
            scopes: [Pc(0); MAX_SCOPES],
            open: 0,
            attempt: 1,
            depth: 1,
            client: ClientId(0),
            session: 0,
            priority: 0,
            state: CallState::Ready,
            orphan: false,
            first: true,
            served: false,
            strand: true,
            renews: true,
            degraded: false,
        }
    }
}
