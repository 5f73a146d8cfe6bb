//! The way back: what a caller hears, or does not hear in time, and what it does about it.

use super::call::{Call, Invocation};
use super::caller::{EdgeState, UNCOUNTED};
use super::client::ClientState;
use super::link::Sent;
use super::{Cx, Event, Run, Task};
use crate::outcome::{Failure, Outcome};
use crate::plan::EdgeId;
use crate::retry::{Facts, Next};
use squall_sim::random::Luck;
use squall_sim::{Key, Span};

impl Run<'_> {
    /// Nobody listens: the caller hears of it as soon as the network allows, or knows it already.
    pub(super) fn refused(&mut self, key: Key<Invocation>, edge: EdgeId, attempt: u16, luck: Luck) {
        if self.all_ejected(edge) {
            return self.answer(key, attempt, Err(Failure::CircuitOpen));
        }
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

    /// Sends the answer of a call to whoever made it, unless nobody waits; whose turn it is then.
    ///
    /// Nearly every answer is a good one that takes no time, to a caller without policies that would want to know of it:
    /// for that one all is done at once. A test holds this against the long way, which asks at every step.
    #[inline(always)]
    pub(super) fn respond(
        &mut self,
        call: Key<Call>,
        key: Key<Invocation>,
        (attempt, luck, degraded): (u16, Luck, bool),
        outcome: Outcome,
    ) -> Option<Key<Call>> {
        let state = &mut *self.state;
        let Some(invocation) = state.invocations.get(key) else {
            self.log_in_served(call, outcome);
            return None;
        };
        if invocation.call != call {
            return None;
        }
        let edge = &mut state.edges[invocation.edge.at()];
        if !(edge.short.back && outcome.is_ok() && invocation.is_bare()) {
            return self.respond_far(key, (attempt, luck, degraded), outcome);
        }
        let invocation = state.invocations.free(key)?;
        invocation.degraded |= degraded;
        self.cx.cancel(invocation.timer);
        edge.count(invocation, Ok(()), self.cx);
        let parent = invocation.parent;
        if parent.is_none() {
            let client = &mut state.clients[invocation.client.at()];
            client.count(invocation, Ok(()), self.cx);
            if client.is_closed() {
                let (client, user) = (invocation.client, invocation.user);
                self.think(client, user);
            }
            return None;
        }
        if invocation.degraded {
            self.degrade(parent);
        }
        Some(parent)
    }

    /// The same for whatever answer and caller.
    #[inline(never)]
    fn respond_far(
        &mut self,
        key: Key<Invocation>,
        (attempt, luck, degraded): (u16, Luck, bool),
        outcome: Outcome,
    ) -> Option<Key<Call>> {
        let invocation = &mut self.state.invocations[key];
        invocation.call = Key::NONE;
        invocation.degraded |= degraded;
        let (edge, via) = (invocation.edge, invocation.via);
        if via > 0 && self.unheard(key) {
            return None;
        }
        match self.send(edge, luck, false) {
            // It waits for this very attempt, or it would not know of the call.
            Sent::After(latency) if latency.is_zero() => return self.answered(key, outcome),
            Sent::After(latency) => self.reply(key, attempt, outcome, latency),
            Sent::Lost => {}
        }
        None
    }

    /// An answer has reached the caller, if it still waits for this attempt.
    pub(super) fn answer(&mut self, key: Key<Invocation>, attempt: u16, outcome: Outcome) {
        if self.state.invocations.get(key).is_some_and(|waiting| waiting.attempt == attempt && waiting.waiting)
            && let Some(call) = self.answered(key, outcome)
        {
            self.state.tasks.push(Task::Resume { call, outcome });
        }
    }

    /// The attempt under way has its answer; whose turn it is then.
    #[inline(always)]
    fn answered(&mut self, key: Key<Invocation>, outcome: Outcome) -> Option<Key<Call>> {
        self.traced_attempt_end(key, Some(outcome));
        let invocation = &mut self.state.invocations[key];
        invocation.waiting = false;
        self.cx.cancel(invocation.timer);
        let stacked = !invocation.frames.is_none();
        let via = invocation.via;
        if invocation.target != UNCOUNTED {
            self.watch_ended(key, outcome, true);
            self.settle(key);
        }
        if via > 0 {
            self.heard(key, outcome);
        }
        match outcome {
            Ok(()) if stacked => return self.ascend_answered(key),
            Ok(()) => return self.conclude_here(key, Ok(())),
            Err(failure) => self.attempt_failed(key, failure),
        }
        None
    }

    pub(super) fn attempt_timeout(&mut self, key: Key<Invocation>) {
        self.leave(key, Failure::Timeout);
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
            self.leave(key, failure);
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
        let hint = self.take_hint(key, failure);
        let invocation = &mut self.state.invocations[key];
        let facts = Facts {
            attempts: invocation.attempt,
            elapsed: self.cx.now().since(invocation.began),
            memory: invocation.memory,
            failure,
            hint,
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
                self.traced_retry(key);
            }
        }
    }

    /// A call is over: tell whoever waits for it.
    pub(super) fn conclude(&mut self, key: Key<Invocation>, outcome: Outcome) {
        if let Some(call) = self.conclude_here(key, outcome) {
            self.state.tasks.push(Task::Resume { call, outcome });
        }
    }

    /// The same, without a jump to it. The call that waited for it goes on next.
    #[inline(always)]
    pub(super) fn conclude_here(&mut self, key: Key<Invocation>, outcome: Outcome) -> Option<Key<Call>> {
        self.traced_call_end(key, Some(outcome));
        let invocation = self.state.invocations.free(key)?;
        self.state.edges[invocation.edge.at()].count(invocation, outcome, self.cx);
        let parent = invocation.parent;
        if !parent.is_none() {
            if invocation.degraded && outcome.is_ok() {
                self.degrade(parent);
            }
            return Some(parent);
        }
        let client = &mut self.state.clients[invocation.client.at()];
        client.count(invocation, outcome, self.cx);
        if client.is_closed() {
            let (client, user) = (invocation.client, invocation.user);
            self.think(client, user);
        } else if outcome.is_err() {
            let request = *invocation;
            self.perhaps_reload(&request);
        }
        None
    }
}

impl EdgeState {
    /// Counts a call over this edge that is over.
    #[inline(always)]
    fn count(&mut self, call: &Invocation, outcome: Outcome, cx: &mut Cx) {
        cx.cancel(call.total_timer);
        match outcome {
            Ok(()) => self.totals.ok += 1,
            Err(failure) => self.totals.failed[failure as usize] += 1,
        }
    }
}

impl ClientState {
    /// Counts a request of this client that is over.
    #[inline(always)]
    fn count(&mut self, request: &Invocation, outcome: Outcome, cx: &mut Cx) {
        cx.cancel(request.patience);
        cx.note(self.ended(request, outcome, cx.now()));
    }
}

impl Invocation {
    /// Nobody but the caller has to hear of the answer.
    #[inline]
    fn is_bare(&self) -> bool {
        (self.via == 0) & (self.target == UNCOUNTED) & self.frames.is_none()
    }
}
