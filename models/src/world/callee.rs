//! The callee's side of a call: arrive, wait for a worker, be served, end.

use super::call::{Call, State as CallState};
use super::replica::{Replica, ServiceState};
use super::{Event, Run, Task};
use crate::outcome::{Failure, Outcome};
use crate::plan::ReplicaId;
use crate::spec::Order;
use squall_sim::random::Draw;
use squall_sim::{Key, Span, Ticket, Time};

impl Run<'_> {
    /// A call reaches its callee.
    pub(super) fn deliver(&mut self, key: Key<Call>) {
        self.traced_arrival(key);
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        call.arrived = now;
        call.timer = Ticket::NONE;
        self.state.services[call.service.at()].arrival(now, call.first);
        self.arrived(key);
    }

    /// A call that is counted at its callee is let in, or not.
    #[inline(never)]
    pub(super) fn arrived(&mut self, key: Key<Call>) {
        let call = &self.state.calls[key];
        let replica = &self.state.replicas[call.replica.at()];
        if replica.is_impaired() || call.deadline <= self.cx.now() {
            return self.look_twice(key);
        }
        self.start_or_wait(key, Time::MAX);
    }

    /// A call comes to a replica that does not just take it, or comes late.
    #[cold]
    #[inline(never)]
    pub(super) fn look_twice(&mut self, key: Key<Call>) {
        if let Some(failure) = self.refusal(key) {
            return self.turn_away(key, failure, None);
        }
        let replica = &self.state.replicas[self.state.calls[key].replica.at()];
        if replica.stands_still() {
            self.stay_outside(key);
        } else if replica.guarded {
            self.knock(key);
        } else {
            self.start_or_wait(key, Time::MAX);
        }
    }

    /// Why a call is turned away before the replica looks for a worker.
    fn refusal(&mut self, key: Key<Call>) -> Option<Failure> {
        self.one_more_call(self.state.calls[key].replica);
        let call = &self.state.calls[key];
        let replica = &self.state.replicas[call.replica.at()];
        let place = self.plan.services[call.service.at()].error_place;
        if !replica.up || replica.closed {
            Some(Failure::Refused)
        } else if replica.errors > 0.0 && call.luck.at(place).unit() < replica.errors {
            Some(Failure::Error)
        } else if call.deadline <= self.cx.now() {
            Some(Failure::Expired)
        } else {
            None
        }
    }

    /// A worker, a place in the queue until then at the latest, or neither.
    #[inline]
    pub(super) fn start_or_wait(&mut self, key: Key<Call>, until: Time) {
        let call = &mut self.state.calls[key];
        let replica = &mut self.state.replicas[call.replica.at()];
        if replica.busy < replica.most {
            let service = &mut self.state.services[call.service.at()];
            start(call, replica, service);
            service.totals.started_at_once += 1;
            self.started(key);
        } else {
            self.wait_for_worker(key, until);
        }
    }

    /// A place in the queue until then at the latest, or none.
    #[inline(never)]
    pub(super) fn wait_for_worker(&mut self, key: Key<Call>, until: Time) {
        let call = &self.state.calls[key];
        let waiting = self.state.replicas[call.replica.at()].waiting;
        let plan = &self.plan.services[call.service.at()];
        if waiting >= plan.queue_capacity || !self.plan.endpoint(call.endpoint).queues {
            self.turn_away(key, Failure::Rejected, None);
        } else {
            self.enqueue(key, until);
        }
    }

    /// A call has got a worker.
    #[inline(always)]
    fn started(&mut self, key: Key<Call>) {
        self.state.tasks.push(Task::Execute(key));
        if self.plan.tied {
            self.tied_started(self.state.calls[key].invocation);
        }
    }

    #[inline(never)]
    pub(super) fn turn_away(&mut self, key: Key<Call>, failure: Failure, back: Option<Span>) {
        self.state.calls[key].state = CallState::Ready;
        self.tell_when(key, failure, back);
        self.finish(key, Err(failure));
    }

    #[inline(always)]
    fn enqueue(&mut self, key: Key<Call>, until: Time) {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        let replica = &mut self.state.replicas[call.replica.at()];
        let service = &mut self.state.services[call.service.at()];
        call.state = CallState::Queued;
        call.since = now;
        if replica.waiting == 0 {
            replica.full_since = now;
        }
        let class = if replica.lines.len() > 1 { call.priority as usize } else { 0 };
        replica.lines[class].push(key);
        replica.waiting += 1;
        service.queued.come(now);
        service.totals.queue_max = service.totals.queue_max.max(service.queued.count);
        if let Some((dist, place)) = self.plan.services[call.service.at()].max_wait {
            let wait = self.plan.dist(dist).sample_span(&mut call.luck.at(place));
            call.timer = self.cx.after(wait.min(until.since(now)), Event::QueueTimeout(key));
        } else if until != Time::MAX {
            call.timer = self.cx.after(until.since(now), Event::QueueTimeout(key));
        }
    }

    /// A call has waited too long for a worker.
    pub(super) fn queue_timeout(&mut self, key: Key<Call>) {
        self.unqueue(key);
        self.finish(key, Err(Failure::QueueTimeout));
    }

    /// Takes a call out of the line it waits in.
    pub(super) fn unqueue(&mut self, key: Key<Call>) {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        call.state = CallState::Ready;
        self.cx.cancel(call.timer);
        let (replica, service, priority) = (call.replica, call.service, call.priority);
        let replica = &mut self.state.replicas[replica.at()];
        let class = if replica.lines.len() > 1 { priority as usize } else { 0 };
        replica.lines[class].left(&self.state.calls, CallState::Queued);
        replica.waiting -= 1;
        let service = &mut self.state.services[service.at()];
        service.queued.go(now);
    }

    /// A worker has come free in a replica where calls wait, or whose last call is to say so.
    #[inline(never)]
    fn worker_free(&mut self, id: ReplicaId) {
        let replica = &self.state.replicas[id.at()];
        if replica.waiting > 0 && replica.up {
            if replica.guarded {
                self.give_guarded_worker(id);
            } else {
                self.give_worker(id);
            }
        }
        let replica = &self.state.replicas[id.at()];
        if replica.draining && replica.busy == 0 {
            self.last_call_left(id);
        }
    }

    /// Gives a worker to whoever is next.
    #[inline]
    fn give_worker(&mut self, id: ReplicaId) {
        let now = self.cx.now();
        let replica = &mut self.state.replicas[id.at()];
        let service = &mut self.state.services[replica.service.at()];
        let last = self.plan.services[replica.service.at()].order == Order::Lifo;
        loop {
            let calls = &self.state.calls;
            let next = replica.lines.iter_mut().find_map(|line| line.pop(calls, CallState::Queued, last));
            let Some(next) = next else { return };
            replica.waiting -= 1;
            let call = &mut self.state.calls[next];
            service.queued.go(now);
            self.cx.cancel(std::mem::replace(&mut call.timer, Ticket::NONE));
            if call.deadline > now {
                service.wait(now.since(call.arrived));
                start(call, replica, service);
                return self.started(next);
            }
            call.state = CallState::Ready;
            self.state.tasks.push(Task::Finish { call: next, outcome: Err(Failure::Expired) });
        }
    }

    /// A call ends: close what it holds, free its worker, answer.
    pub(super) fn finish(&mut self, key: Key<Call>, outcome: Outcome) {
        if let Err(failure) = outcome
            && self.state.calls.get(key).is_some_and(|call| call.open > 0)
            && self.rescue(key, failure)
        {
            return;
        }
        self.end(key, outcome);
    }

    /// A call ends, whatever could still be done for it.
    fn end(&mut self, key: Key<Call>, outcome: Outcome) {
        if let Some(caller) = self.end_here(key, outcome) {
            self.state.tasks.push(Task::Resume { call: caller, outcome });
        }
    }

    /// The same, without a jump to it. The call that waited for it goes on next.
    #[inline(always)]
    pub(super) fn end_here(&mut self, key: Key<Call>, outcome: Outcome) -> Option<Key<Call>> {
        self.traced_finish(key, outcome);
        if let Err(failure) = outcome {
            self.close_scopes(key, 0, failure);
        }
        let now = self.cx.now();
        let call = self.state.calls.free(key)?;
        let service = &mut self.state.services[call.service.at()];
        service.totals.work += call.work;
        if call.orphan {
            service.totals.wasted += call.work;
        }
        if call.strand {
            let (family, degraded) = (call.family, call.degraded && outcome.is_ok());
            if degraded {
                self.degrade(family.parent);
            }
            self.strand_ended(family, outcome);
            return None;
        }
        service.present.go(now);
        match outcome {
            Ok(()) => {
                service.totals.ok += 1;
                service.latency(now.since(call.arrived));
            }
            Err(failure) => service.totals.failed[failure as usize] += 1,
        }
        let Call { invocation, luck, attempt, replica, served, degraded, .. } = *call;
        if call.guarded | call.orphan {
            let call = *call;
            self.heard_at_the_end(key, &call, outcome);
        }
        // Its worker goes to the next call before the answer goes out.
        if served {
            let state = &mut self.state.replicas[replica.at()];
            state.ended += 1;
            state.busy -= 1;
            if state.waiting > 0 || state.draining {
                self.worker_free(replica);
            }
        }
        self.respond(key, invocation, (attempt, luck, degraded && outcome.is_ok()), outcome)
    }

    /// The guards of a call's replica, and whoever counts those that work for nobody, hear that it is over.
    #[inline(never)]
    fn heard_at_the_end(&mut self, key: Key<Call>, call: &Call, outcome: Outcome) {
        if call.guarded {
            self.guarded_ended(key, call, outcome);
        }
        if call.orphan {
            self.linger_no_more(key);
        }
    }

    /// Stops a call wherever it is.
    pub(super) fn kill(&mut self, key: Key<Call>, failure: Failure) {
        let Some(&call) = self.state.calls.get(key) else { return };
        match call.state {
            CallState::Transit => {
                // It never arrived, so the callee knows nothing of it.
                self.cx.cancel(call.timer);
                self.state.calls.remove(key);
                return self.linger_no_more(key);
            }
            CallState::Queued => self.unqueue(key),
            CallState::Working | CallState::Sleeping => self.interrupt(key),
            CallState::Calling => self.abandon(call.child),
            CallState::WaitingForPool => {
                self.leave_pool_line(key);
            }
            CallState::Joining => self.kill_strands(key, failure),
            CallState::WaitingForFill => {
                self.cx.cancel(call.timer);
            }
            CallState::Frozen if call.is_outside() => self.come_in(&call),
            CallState::Ready | CallState::Frozen => {}
        }
        self.end(key, Err(failure));
    }
}

/// A call gets a worker.
#[inline]
pub(super) fn start(call: &mut Call, replica: &mut Replica, service: &mut ServiceState) {
    call.state = CallState::Ready;
    call.served = true;
    replica.busy += 1;
    service.totals.started += 1;
}
