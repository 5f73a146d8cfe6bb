//! The callee's side of a call: arrive, wait for a worker, be served, end.

use super::call::{Call, State as CallState};
use super::{Event, Run, Task};
use crate::outcome::{Failure, Outcome};
use crate::plan::ReplicaId;
use crate::spec::Order;
use squall_sim::random::Draw;
use squall_sim::{Key, Ticket};

impl Run<'_> {
    /// A call reaches its callee.
    pub(super) fn deliver(&mut self, key: Key<Call>) {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        call.arrived = now;
        call.timer = Ticket::NONE;
        let replica = &self.state.replicas[call.replica.at()];
        let service = &mut self.state.services[call.service.at()];
        let plan = &self.plan.services[call.service.at()];
        service.present.come(now);
        service.totals.arrivals += 1;
        service.totals.first_arrivals += u64::from(call.first);
        service.totals.present_max = service.totals.present_max.max(service.present.count);
        let refusal = if !replica.up {
            Some(Failure::Refused)
        } else if replica.errors > 0.0 && call.luck.at(plan.error_place).unit() < replica.errors {
            Some(Failure::Error)
        } else if call.deadline <= now {
            Some(Failure::Expired)
        } else if replica.busy < replica.most {
            return self.start(key, true);
        } else if replica.waiting >= plan.queue_capacity || !self.plan.endpoint(call.endpoint).queues {
            Some(Failure::Rejected)
        } else {
            None
        };
        match refusal {
            Some(failure) => {
                call.state = CallState::Ready;
                self.finish(key, Err(failure));
            }
            None => self.enqueue(key),
        }
    }

    fn enqueue(&mut self, key: Key<Call>) {
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
            call.timer = self.cx.after(wait, Event::QueueTimeout(key));
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

    /// A call gets a worker.
    #[inline]
    fn start(&mut self, key: Key<Call>, at_once: bool) {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        call.state = CallState::Ready;
        call.served = true;
        let service = &mut self.state.services[call.service.at()];
        self.state.replicas[call.replica.at()].busy += 1;
        if self.plan.services[call.service.at()].holds_workers {
            service.served.come(now);
        }
        service.totals.started += 1;
        service.totals.started_at_once += u64::from(at_once);
        service.totals.wait.record(now.since(call.arrived));
        self.state.tasks.push(Task::Execute(key));
    }

    /// A worker comes free: give it to whoever is next.
    fn release(&mut self, id: ReplicaId) {
        let now = self.cx.now();
        let replica = &mut self.state.replicas[id.at()];
        replica.busy -= 1;
        let service_id = replica.service;
        let plan = &self.plan.services[service_id.at()];
        if replica.waiting == 0 || !replica.up {
            return;
        }
        let last = plan.order == Order::Lifo;
        loop {
            let replica = &mut self.state.replicas[id.at()];
            let calls = &self.state.calls;
            let next = replica.lines.iter_mut().find_map(|line| line.pop(calls, CallState::Queued, last));
            let Some(next) = next else { return };
            replica.waiting -= 1;
            let call = &mut self.state.calls[next];
            let service = &mut self.state.services[service_id.at()];
            service.queued.go(now);
            let (timer, deadline) = (call.timer, call.deadline);
            call.timer = Ticket::NONE;
            self.cx.cancel(timer);
            if deadline > now {
                return self.start(next, false);
            }
            call.state = CallState::Ready;
            self.state.tasks.push(Task::Finish { call: next, outcome: Err(Failure::Expired) });
        }
    }

    /// A call ends: close what it holds, free its worker, answer.
    pub(super) fn finish(&mut self, key: Key<Call>, outcome: Outcome) {
        if let Err(failure) = outcome {
            self.close_scopes(key, failure);
        }
        let now = self.cx.now();
        let Some(call) = self.state.calls.get(key) else { return };
        let service = &mut self.state.services[call.service.at()];
        service.totals.work += call.work;
        if call.orphan {
            service.totals.wasted += call.work;
        }
        if call.strand {
            let family = call.family;
            self.state.calls.free(key);
            return self.strand_ended(family, outcome);
        }
        service.present.go(now);
        let stay = now.since(call.arrived);
        if call.served && self.plan.services[call.service.at()].holds_workers {
            service.served.go(now);
        }
        match outcome {
            Ok(()) => {
                service.totals.ok += 1;
                service.totals.latency.record(stay);
            }
            Err(failure) => service.totals.failed[failure as usize] += 1,
        }
        let Call { invocation, luck, attempt, replica, served, orphan, .. } = *call;
        self.state.calls.free(key);
        if orphan {
            self.linger_no_more(key);
        }
        // Its worker goes to the next call before the answer goes out.
        if served {
            self.state.replicas[replica.at()].ended += 1;
            self.release(replica);
        }
        self.respond(key, invocation, (attempt, luck), outcome);
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
            CallState::WaitingForFill | CallState::Ready => {}
        }
        self.finish(key, Err(failure));
    }
}
