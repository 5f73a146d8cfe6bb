//! The caller's side of a call: choose a replica, wait, time out, try again, give up.

use super::balance::slot;
use super::call::{Call, Destination, Invocation};
use super::eject::Watch;
use super::link::{Sent, Trouble, Wire};
use super::stack::Frames;
use super::{Event, Run, Task};
use crate::balance::{Balancer, Memory};
use crate::outcome::Failure;
use crate::plan::{EdgeId, EdgePlan, Plan, ReplicaId, ServiceId};
use crate::report::EdgeTotals;
use squall_sim::random::Place;
use squall_sim::{Key, Lane, Ticket, Time};

/// What changes about an edge.
#[derive(Clone, Debug)]
pub(crate) struct EdgeState {
    pub(crate) totals: EdgeTotals,
    /// What the balancer remembers, for each of the caller's replicas; empty if there is nothing to choose.
    pub(super) memories: Vec<Memory>,
    /// What each of the caller's replicas holds against those of the callee; empty if it never ejects one.
    pub(super) watches: Vec<Watch>,
    /// Those that can be picked, if some are ejected.
    pub(super) healthy: Vec<u32>,
    /// All replicas, where they can be asked for although they are down.
    pub(super) everybody: Vec<u32>,
    pub(super) timeout_lane: Option<Lane>,
    pub(super) total_lane: Option<Lane>,
    pub(super) short: Short,
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

/// What the short way needs to know of an edge. What is open can be closed for a while by a fault, and is so for the whole of
/// a run that is traced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    /// Open for an attempt.
    pub(super) open: bool,
    /// Open for a call that begins, which policies or a timeout of the whole call can stand in the way of.
    pub(super) begins: bool,
    /// Open for an answer.
    pub(super) back: bool,
    pub(super) stacked: bool,
    pub(super) service: ServiceId,
    pub(super) replica: ReplicaId,
    pub(super) place: Place,
}

/// The target of an attempt that no balancer counts.
pub(super) const UNCOUNTED: u32 = u32::MAX;

impl EdgeState {
    pub(crate) fn new(plan: &Plan, edge: &EdgePlan, seed: u64) -> Self {
        let replicas = plan.services[edge.callee.at()].replicas;
        let next = plan.edges.iter().map(|e| e.slots).filter(|&slots| slots > edge.slots).min();
        let slots = next.unwrap_or(plan.balancer_slots) - edge.slots;
        let counts = replicas > 1 && edge.balance.counts() || edge.eject.is_some();
        let callers = if replicas > 1 { (slots / replicas) as usize } else { 0 };
        let mut new = Self {
            totals: EdgeTotals::default(),
            memories: vec![edge.balance.memory(replicas); callers],
            watches: Watch::all(edge, (slots / replicas, replicas), seed),
            healthy: Vec::with_capacity(if edge.eject.is_some() { replicas as usize } else { 0 }),
            everybody: if edge.panic.is_some() { (0..replicas).collect() } else { Vec::new() },
            timeout_lane: None,
            total_lane: None,
            short: Short {
                open: false,
                begins: false,
                back: false,
                stacked: false,
                service: edge.callee,
                replica: ReplicaId(edge.first_replica),
                place: edge.attempt_place,
            },
            trouble: Trouble::default(),
            wires: [Wire::default(); 2],
            known: None,
            balance: None,
            counts,
        };
        new.refresh_short(edge, false);
        new
    }

    /// What of the short way is open, now that the edge, its troubles or whether the run is traced may have changed.
    pub(super) fn refresh_short(&mut self, edge: &EdgePlan, traced: bool) {
        let clear = !self.trouble.any && !traced;
        self.short = Short {
            open: clear && edge.short,
            begins: clear && edge.begins_short(),
            back: clear && edge.plain,
            stacked: edge.stack.is_some(),
            ..self.short
        };
    }
}

impl Run<'_> {
    pub(super) fn declare_lanes(&mut self) {
        for (edge, state) in self.plan.edges.iter().zip(&mut self.state.edges) {
            state.timeout_lane = edge.timeout.map(|span| self.cx.lane(span));
            state.total_lane = edge.total.map(|span| self.cx.lane(span));
        }
    }

    /// Begins a call that is counted at its edge, where the short way is closed.
    #[inline(never)]
    pub(super) fn invoke_far(&mut self, key: Key<Invocation>) -> Option<Key<Call>> {
        let invocation = &mut self.state.invocations[key];
        let edge = &self.state.edges[invocation.edge.at()];
        let stacked = edge.short.stacked;
        if let Some(lane) = edge.total_lane {
            invocation.total_timer = self.cx.after_lane(lane, Event::TotalTimeout(key));
        }
        self.traced_call(key);
        if stacked { self.enter_stack(key) } else { self.attempt_here(key) }
    }

    /// Whether one more call is too many.
    #[cold]
    #[inline(never)]
    pub(super) fn look_whether_full(&mut self) {
        // Callees work on for callers who have left, so either side can be the longer one.
        let in_flight = (self.state.invocations.len() + 1).max(self.state.calls.len());
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
        if depth > plan.settings.limits.depth.into() {
            return self.answer(key, attempt, Err(Failure::TooDeep));
        }
        let via = self.state.invocations[key].via > 0;
        let picked = match *self.known_hosts(edge_id) {
            _ if via => self.other_end(key),
            [only] if edge.panic.is_none() && edge.eject.is_none() => Some(only),
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

    /// Counts a call as outstanding where the balancer or an ejector looks at that; the replica then, or `UNCOUNTED`.
    #[inline]
    fn outstanding(&mut self, id: EdgeId, caller: u32, target: u32) -> u32 {
        if !self.state.edges[id.at()].counts {
            return UNCOUNTED;
        }
        let edge = &self.plan.edges[id.at()];
        self.state.outstanding[slot(self.plan, edge, caller, target)] += 1;
        if edge.eject.is_some() {
            self.watch_started(id, caller, target);
        }
        target
    }

    /// The caller no longer waits for the attempt under way, for this reason.
    pub(super) fn leave(&mut self, key: Key<Invocation>, why: Failure) {
        if self.state.invocations[key].via > 0 {
            self.walked_away(key);
        }
        self.traced_attempt_end(key, Some(Err(why)));
        if self.state.invocations[key].target != UNCOUNTED {
            self.watch_ended(key, Err(why), false);
        }
        let invocation = &mut self.state.invocations[key];
        invocation.waiting = false;
        invocation.degraded = false;
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
            self.leave(key, Failure::Cancelled);
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
    pub(super) fn settle(&mut self, key: Key<Invocation>) {
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
