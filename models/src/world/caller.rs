//! The caller's side of a call: choose a replica, wait, time out, try again, give up.

use super::balance::slot;
use super::call::{Call, Destination, Invocation};
use super::link::{Sent, Trouble, Wire};
use super::stack::Frames;
use super::{Event, Run, Task};
use crate::balance::{Balancer, Memory};
use crate::outcome::{Failure, Outcome};
use crate::plan::{EdgeId, EdgePlan, Plan, ReplicaId, ServiceId};
use crate::report::EdgeTotals;
use crate::retry::{Facts, Hint, Next};
use squall_sim::random::{Luck, Place};
use squall_sim::{Key, Lane, Span, Ticket, Time};

/// What changes about an edge.
#[derive(Clone, Debug)]
pub(crate) struct EdgeState {
    pub(crate) totals: EdgeTotals,
    /// What the balancer remembers, for each of the caller's replicas; empty if there is nothing to choose.
    pub(super) memories: Vec<Memory>,
    /// All replicas, where they can be asked for although they are down.
    pub(super) everybody: Vec<u32>,
    pub(super) timeout_lane: Option<Lane>,
    pub(super) total_lane: Option<Lane>,
    pub(super) short: Short,
    pub(super) plain: bool,
    pub(crate) trouble: Trouble,
    /// There and back, by the number of `true` and `false`.
    pub(super) wires: [Wire; 2],
    /// The replicas that this caller knows of, where they are not those that there are.
    pub(super) known: Option<Vec<u32>>,
    /// What an action has put in the place of the balancer.
    pub(super) balance: Option<Box<Balancer>>,
    /// Whether outstanding calls are counted for the balancer.
    counts: bool,
}

/// What the short way needs to know of an edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    /// As far as the plan goes; faults can close it for a while.
    pub(super) open: bool,
    pub(super) stacked: bool,
    pub(super) service: ServiceId,
    pub(super) replica: ReplicaId,
    pub(super) place: Place,
}

/// The target of an attempt that no balancer counts.
pub(super) const UNCOUNTED: u32 = u32::MAX;

impl EdgeState {
    pub(crate) fn new(plan: &Plan, edge: &EdgePlan) -> Self {
        let replicas = plan.services[edge.callee.at()].replicas;
        let next = plan.edges.iter().map(|e| e.slots).filter(|&slots| slots > edge.slots).min();
        let slots = next.unwrap_or(plan.balancer_slots) - edge.slots;
        let counts = replicas > 1 && edge.balance.counts();
        let callers = if replicas > 1 { (slots / replicas) as usize } else { 0 };
        Self {
            totals: EdgeTotals::default(),
            memories: vec![edge.balance.memory(replicas); callers],
            everybody: if edge.panic.is_some() { (0..replicas).collect() } else { Vec::new() },
            timeout_lane: None,
            total_lane: None,
            plain: edge.plain,
            short: Short {
                open: edge.short,
                stacked: edge.stack.is_some(),
                service: edge.callee,
                replica: ReplicaId(edge.first_replica),
                place: edge.attempt_place,
            },
            trouble: Trouble::default(),
            wires: [Wire::default(); 2],
            known: None,
            balance: None,
            counts,
        }
    }
}

impl Run<'_> {
    pub(super) fn declare_lanes(&mut self) {
        for (edge, state) in self.plan.edges.iter().zip(&mut self.state.edges) {
            state.timeout_lane = edge.timeout.map(|span| self.cx.lane(span));
            state.total_lane = edge.total.map(|span| self.cx.lane(span));
        }
    }

    /// Begins a call. It may end at this very instant, so the key can be stale when this returns.
    #[inline(always)]
    pub(super) fn invoke(&mut self, invocation: Invocation) -> Key<Invocation> {
        let edge = invocation.edge;
        let (key, place) = self.state.invocations.take_place();
        *place = invocation;
        let state = &mut self.state.edges[edge.at()];
        state.totals.calls += 1;
        let stacked = state.short.stacked;
        if let Some(lane) = state.total_lane {
            self.state.invocations[key].total_timer = self.cx.after_lane(lane, Event::TotalTimeout(key));
        }
        self.traced_call(key);
        let places = self.state.invocations.places().max(self.state.calls.places());
        if places as u64 >= self.plan.settings.limits.in_flight {
            self.look_whether_full();
        }
        if stacked {
            self.enter_stack(key);
        } else {
            self.attempt_here(key);
        }
        key
    }

    #[cold]
    fn look_whether_full(&mut self) {
        // Callees work on for callers who have left, so either side can be the longer one.
        let in_flight = self.state.invocations.len().max(self.state.calls.len());
        if in_flight as u64 >= self.plan.settings.limits.in_flight {
            self.overfull();
        }
    }

    /// As much is in flight as there may be: the run ends after this event.
    #[cold]
    pub(super) fn overfull(&mut self) {
        self.state.full = true;
        self.cx.stop();
    }

    /// Makes the next attempt of a call, whatever is on the way.
    #[inline(never)]
    pub(super) fn attempt_far(&mut self, key: Key<Invocation>) {
        let plan = self.plan;
        let Some(invocation) = self.state.invocations.get_mut(key) else {
            return;
        };
        let edge_id = invocation.edge;
        let edge = &plan.edges[edge_id.at()];
        let state = &mut self.state.edges[edge_id.at()];
        state.totals.attempts += 1;
        invocation.attempt += 1;
        invocation.waiting = true;
        invocation.call = Key::NONE;
        invocation.timer = match state.timeout_lane {
            _ if edge.propagate => Ticket::NONE,
            Some(lane) => self.cx.after_lane(lane, Event::AttemptTimeout(key)),
            None => Ticket::NONE,
        };
        let (caller, attempt, depth) = (invocation.caller, invocation.attempt, invocation.depth);
        let luck = invocation.luck.child(edge.attempt_place, attempt.into());
        self.traced_attempt(key);
        let deadline = if edge.propagate { self.inherit_deadline(key) } else { Time::MAX };
        if depth > plan.settings.limits.depth {
            return self.answer(key, attempt, Err(Failure::TooDeep));
        }
        let via = self.state.invocations[key].via > 0;
        let picked = match *self.known_hosts(edge_id) {
            _ if via => self.other_end(key),
            [only] if edge.panic.is_none() => Some(only),
            _ => self.pick(key, luck),
        };
        let Some(target) = picked else {
            return if via { self.unreachable(key) } else { self.refused(key, edge_id, attempt, luck) };
        };
        let Sent::After(latency) = self.send(edge_id, luck, true) else {
            let sent = self.cx.now();
            let target = self.outstanding(edge_id, caller, target);
            let invocation = &mut self.state.invocations[key];
            (invocation.target, invocation.sent) = (target, sent);
            return;
        };
        let target_counted = self.outstanding(edge_id, caller, target);
        let now = self.cx.now();
        let invocation = &mut self.state.invocations[key];
        let to = Destination {
            service: edge.callee,
            replica: ReplicaId(edge.first_replica + target),
            pc: plan.endpoint(invocation.endpoint).start,
        };
        let (call, place) = self.state.calls.take_place();
        *place = Call::new((key, invocation), to, (attempt, luck), (now, deadline));
        (invocation.call, invocation.target, invocation.sent) = (call, target_counted, now);
        let copied = self.copied(edge_id, key);
        if latency.is_zero() {
            self.deliver(call);
        } else {
            self.state.calls[call].timer = self.cx.after(latency, Event::Deliver(call));
        }
        if let Some(caller) = copied {
            self.deliver_copy(&caller, (edge_id, to), (attempt, luck), latency);
        }
    }

    /// Sets the timeout of an attempt that begins now over an edge that passes deadlines on; until when the callee is
    /// asked to answer.
    fn inherit_deadline(&mut self, key: Key<Invocation>) -> Time {
        let now = self.cx.now();
        let invocation = &mut self.state.invocations[key];
        let edge = &self.plan.edges[invocation.edge.at()];
        let due = edge.timeout.map_or(Time::MAX, |timeout| now + timeout);
        let inherited = invocation.deadline;
        invocation.timer = match self.state.edges[invocation.edge.at()].timeout_lane {
            Some(lane) if due <= inherited => self.cx.after_lane(lane, Event::AttemptTimeout(key)),
            _ if inherited < Time::MAX => self.cx.at(inherited, Event::AttemptTimeout(key)),
            _ => Ticket::NONE,
        };
        let total = edge.total.map_or(Time::MAX, |total| invocation.began + total);
        let stack = self.state.frames.get(invocation.frames).map_or(Time::MAX, Frames::deadline);
        due.min(inherited).min(total).min(stack)
    }

    /// Counts a call as outstanding where the balancer looks at that; the replica then, or `UNCOUNTED`.
    #[inline]
    fn outstanding(&mut self, id: EdgeId, caller: u32, target: u32) -> u32 {
        if !self.state.edges[id.at()].counts {
            return UNCOUNTED;
        }
        let edge = &self.plan.edges[id.at()];
        self.state.outstanding[slot(self.plan, edge, caller, target)] += 1;
        target
    }

    /// Nobody listens: the caller hears of it as soon as the network allows.
    fn refused(&mut self, key: Key<Invocation>, edge: EdgeId, attempt: u16, luck: Luck) {
        let (there, back) = (self.send(edge, luck, true), self.send(edge, luck, false));
        if let (Sent::After(there), Sent::After(back)) = (there, back) {
            self.reply(key, attempt, Err(Failure::Refused), there + back);
        }
    }

    /// Puts an answer on its way.
    #[inline(never)]
    fn reply(&mut self, invocation: Key<Invocation>, attempt: u16, outcome: Outcome, latency: Span) {
        if latency.is_zero() {
            self.answer(invocation, attempt, outcome);
        } else {
            self.cx.after(latency, Event::Answer { invocation, attempt, failure: outcome.err() });
        }
    }

    /// Sends the answer of a call to whoever made it, unless nobody waits.
    #[inline(always)]
    pub(super) fn respond(&mut self, call: Key<Call>, key: Key<Invocation>, from: (u16, Luck), outcome: Outcome) {
        let Some(invocation) = self.state.invocations.get_mut(key) else { return self.log_in_served(call, outcome) };
        if invocation.call != call {
            return;
        }
        invocation.call = Key::NONE;
        let (edge, via) = (invocation.edge, invocation.via);
        if via > 0 && self.unheard(key) {
            return;
        }
        let (attempt, luck) = from;
        match self.send(edge, luck, false) {
            // It waits for this very attempt, or it would not know of the call.
            Sent::After(latency) if latency.is_zero() => self.answered(key, outcome),
            Sent::After(latency) => self.reply(key, attempt, outcome, latency),
            Sent::Lost => {}
        }
    }

    /// An answer has reached the caller, if it still waits for this attempt.
    pub(super) fn answer(&mut self, key: Key<Invocation>, attempt: u16, outcome: Outcome) {
        if self.state.invocations.get(key).is_some_and(|waiting| waiting.attempt == attempt && waiting.waiting) {
            self.answered(key, outcome);
        }
    }

    /// The attempt under way has its answer.
    #[inline(always)]
    fn answered(&mut self, key: Key<Invocation>, outcome: Outcome) {
        self.traced_attempt_end(key, Some(outcome));
        let invocation = &mut self.state.invocations[key];
        invocation.waiting = false;
        self.cx.cancel(invocation.timer);
        let stacked = !invocation.frames.is_none();
        let via = invocation.via;
        if invocation.target != UNCOUNTED {
            self.settle(key);
        }
        if via > 0 {
            self.heard(key, outcome);
        }
        match outcome {
            Ok(()) if stacked => self.ascend(key, Ok(())),
            Ok(()) => self.conclude(key, Ok(())),
            Err(failure) => self.attempt_failed(key, failure),
        }
    }

    pub(super) fn attempt_timeout(&mut self, key: Key<Invocation>) {
        self.leave(key);
        self.attempt_failed(key, Failure::Timeout);
    }

    /// The whole call has taken too long for the software, or for the person.
    pub(super) fn total_timeout(&mut self, key: Key<Invocation>, failure: Failure) {
        let invocation = &self.state.invocations[key];
        if !invocation.frames.is_none() {
            self.cut_all(key, failure);
            return self.conclude(key, Err(failure));
        }
        self.cx.cancel(invocation.timer);
        if invocation.waiting {
            let edge = invocation.edge.at();
            self.state.edges[edge].totals.failed_attempts[failure as usize] += 1;
            self.leave(key);
        }
        self.conclude(key, Err(failure));
    }

    #[inline(never)]
    fn attempt_failed(&mut self, key: Key<Invocation>, failure: Failure) {
        let plan = self.plan;
        let invocation = &mut self.state.invocations[key];
        let edge = &plan.edges[invocation.edge.at()];
        self.state.edges[invocation.edge.at()].totals.failed_attempts[failure as usize] += 1;
        if !invocation.frames.is_none() {
            return self.ascend(key, Err(failure));
        }
        let facts = Facts {
            attempts: invocation.attempt,
            elapsed: self.cx.now().since(invocation.began),
            memory: invocation.memory,
            failure,
            hint: Hint::None,
            idempotent: plan.endpoint(invocation.endpoint).idempotent,
        };
        let luck = invocation.luck.child(edge.jitter_place, invocation.attempt.into());
        let next = edge.retry.as_ref().and_then(|retry| retry.decide(facts, &mut luck.at(edge.jitter_place)));
        match next {
            None => self.conclude(key, Err(failure)),
            Some(Next { delay, memory }) => {
                invocation.memory = memory;
                if delay.is_zero() {
                    self.state.tasks.push(Task::Attempt(key));
                } else {
                    invocation.timer = self.cx.after(delay, Event::Retry(key));
                }
            }
        }
    }

    /// A call is over: tell whoever waits for it.
    #[inline(always)]
    pub(super) fn conclude(&mut self, key: Key<Invocation>, outcome: Outcome) {
        self.traced_call_end(key, Some(outcome));
        let invocation = &self.state.invocations[key];
        self.cx.cancel(invocation.total_timer);
        let totals = &mut self.state.edges[invocation.edge.at()].totals;
        match outcome {
            Ok(()) => totals.ok += 1,
            Err(failure) => totals.failed[failure as usize] += 1,
        }
        let parent = invocation.parent;
        if parent.is_none() {
            self.cx.cancel(invocation.patience);
            self.request_ended(key, outcome);
        } else {
            self.state.tasks.push(Task::Resume { call: parent, outcome });
        }
        self.state.invocations.free(key);
    }

    /// The caller no longer waits for the attempt under way.
    pub(super) fn leave(&mut self, key: Key<Invocation>) {
        if self.state.invocations[key].via > 0 {
            self.walked_away(key);
        }
        self.traced_attempt_end(key, Some(Err(Failure::Timeout)));
        let invocation = &mut self.state.invocations[key];
        invocation.waiting = false;
        let call = std::mem::replace(&mut invocation.call, Key::NONE);
        let edge = invocation.edge;
        if self.state.calls.get(call).is_none() {
            return self.settle(key);
        }
        if self.plan.edges[edge.at()].cancel {
            self.settle(key);
        } else {
            self.linger(key, call);
        }
        self.orphan(call);
        if self.plan.edges[edge.at()].cancel {
            let luck = self.state.calls[call].luck;
            match self.send(edge, luck, true) {
                Sent::Lost => {}
                Sent::After(latency) if latency.is_zero() => self.state.tasks.push(Task::Cancel(call)),
                Sent::After(latency) => {
                    self.cx.after(latency, Event::Cancel(call));
                }
            }
        }
    }

    /// The caller itself is gone: nobody waits for this call any more.
    pub(super) fn abandon(&mut self, key: Key<Invocation>) {
        let Some(invocation) = self.state.invocations.get(key) else {
            return;
        };
        let (timer, total) = (invocation.timer, invocation.total_timer);
        let (waiting, stacked) = (invocation.waiting, !invocation.frames.is_none());
        self.traced_call_end(key, None);
        self.cx.cancel(timer);
        self.cx.cancel(total);
        if waiting {
            self.leave(key);
        }
        if stacked {
            self.cut_all(key, Failure::Cancelled);
        }
        if let Some(invocation) = self.state.invocations.remove(key) {
            self.state.edges[invocation.edge.at()].totals.abandoned += 1;
        }
    }

    /// Marks a call, and all that it has asked for in turn, as work for nobody.
    pub(super) fn orphan(&mut self, key: Key<Call>) {
        let Some(call) = self.state.calls.get_mut(key) else {
            return;
        };
        if call.orphan {
            return;
        }
        call.orphan = true;
        let (child, mut strand) = (call.child, call.family.first);
        if let Some(invocation) = self.state.invocations.get_mut(child) {
            invocation.orphan = true;
            let next = invocation.call;
            if !invocation.frames.is_none() {
                self.orphan_branches(child);
            }
            self.orphan(next);
        }
        while let Some(call) = self.state.calls.get(strand) {
            let next = call.family.next;
            self.orphan(strand);
            strand = next;
        }
    }

    /// The same for the calls that a policy makes for one.
    fn orphan_branches(&mut self, key: Key<Invocation>) {
        for branch in self.branches_of(&self.state.invocations[key]) {
            if let Some(branch) = self.state.invocations.get_mut(branch) {
                branch.orphan = true;
                let call = branch.call;
                self.orphan(call);
            }
        }
    }

    /// The attempt under way no longer counts as outstanding.
    #[inline(never)]
    fn settle(&mut self, key: Key<Invocation>) {
        let invocation = &self.state.invocations[key];
        if invocation.target == UNCOUNTED {
            return;
        }
        let edge = &self.plan.edges[invocation.edge.at()];
        let at = slot(self.plan, edge, invocation.caller, invocation.target);
        self.state.outstanding[at] -= 1;
        self.tell_balancer(key);
        self.state.invocations[key].target = UNCOUNTED;
    }

    /// The callee works on, so for the balancer the attempt stays outstanding until it is done there.
    fn linger(&mut self, key: Key<Invocation>, call: Key<Call>) {
        if self.state.invocations[key].target != UNCOUNTED {
            self.tell_balancer(key);
        }
        let invocation = &mut self.state.invocations[key];
        let target = std::mem::replace(&mut invocation.target, UNCOUNTED);
        if target != UNCOUNTED {
            let edge = &self.plan.edges[invocation.edge.at()];
            let at = slot(self.plan, edge, invocation.caller, target);
            self.state.lingering.insert(call.index() as u64, at as u32);
        }
    }

    /// A call whose caller has left is over.
    pub(super) fn linger_no_more(&mut self, key: Key<Call>) {
        if let Some(at) = self.state.lingering.remove(key.index() as u64) {
            self.state.outstanding[at as usize] -= 1;
        }
        self.state.servers.call_over(key);
    }
}
