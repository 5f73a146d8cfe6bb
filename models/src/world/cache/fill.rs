//! The end of a fill in a cache that is more than a plain store.

use super::super::call::{Call, State as CallState};
use super::super::{Run, Task};
use super::look_up::{Ask, slot};
use super::{CacheStep, Started};
use crate::cache::store::{Holds, Written};
use crate::outcome::Failure;
use crate::plan::{CacheId, Op, Pc};
use squall_sim::random::Draw;
use squall_sim::{Key, Span, Time};

/// A span that is off by up to this share to either side. One draw if there is jitter.
pub(super) fn jittered(span: Span, jitter: f64, draws: &mut impl Draw) -> Span {
    if jitter == 0.0 { span } else { span.scaled(1.0 + jitter * (2.0 * draws.unit() - 1.0)) }
}

impl Run<'_> {
    /// The work for an entry was done.
    pub(super) fn fill_with_care(&mut self, key: Key<Call>, step: &CacheStep) {
        let (ask, started) = self.fill_over(key, step);
        let plan = &self.plan.caches[ask.id.at()];
        let cache = &mut self.state.caches[ask.id.at()];
        let valid = !plan.guard.checks_token() || cache.locks.valid(ask.wanted, started.token);
        let absent = plan.is_absent(ask.wanted);
        let long = match plan.negative {
            Some((ttl, _)) if absent => Some(Some(ttl)),
            None if absent => None,
            _ => Some(plan.ttl_of(ask.class)),
        };
        match long.filter(|_| started.stored && valid) {
            Some(ttl) => {
                let holds = if absent { Holds::Nothing } else { Holds::Value };
                self.keep(&ask, started, ttl, (holds, step.pc));
            }
            None => cache.count(ask.class, |totals| totals.unstored += 1),
        }
        let waiting = self.end_fill(&ask, started);
        if plan.guard.rush().is_some() {
            self.bench(&ask, waiting);
            return self.rush(&ask);
        }
        for waiting in waiting.into_iter().rev() {
            self.share_fill(ask.id, waiting);
        }
    }

    /// The work for an entry failed.
    pub(super) fn fill_failed_with_care(&mut self, key: Key<Call>, step: &CacheStep, failure: Failure) {
        let (ask, started) = self.fill_over(key, step);
        let plan = &self.plan.caches[ask.id.at()];
        let usable = self.usable(ask.id, ask.store, ask.wanted);
        if let Some((ttl, true)) = plan.negative
            && usable.is_none()
            && started.stored
        {
            self.keep(&ask, started, Some(ttl), (Holds::Failure(failure as u8), step.pc));
        }
        let waiting = self.end_fill(&ask, started);
        if plan.guard.rush().is_some() {
            self.bench(&ask, waiting);
            return self.rush(&ask);
        }
        for waiting in waiting.into_iter().rev() {
            if usable.is_some() {
                self.state.caches[ask.id.at()].count(ask.class, |totals| totals.stale += 1);
                self.share_fill(ask.id, waiting);
            } else if plan.guard.shares_errors() {
                self.fail_waiting(waiting, failure);
            } else {
                self.state.tasks.push(Task::LookAgain(waiting));
            }
        }
    }

    /// A fill is no longer under way.
    fn fill_over(&mut self, key: Key<Call>, step: &CacheStep) -> (Ask, Started) {
        let ask = self.asks(key, (step.cache, step.keys, step.place), false);
        let open = self.state.calls[key].open;
        let cache = &mut self.state.caches[step.cache.at()];
        cache.filling -= 1;
        cache.totals.ended += 1;
        let now = self.cx.now();
        let unknown = Started { at: now, token: 0, stored: false, joinable: false };
        let started = cache.started.remove(slot(key, open));
        debug_assert!(started.is_some(), "a fill ends that never began");
        (ask, started.unwrap_or(unknown))
    }

    /// Writes an entry.
    fn keep(&mut self, ask: &Ask, started: Started, ttl: Option<Span>, (holds, step): (Holds, Pc)) {
        let now = self.cx.now();
        let plan = &self.plan.caches[ask.id.at()];
        let call = &self.state.calls[ask.call];
        let (root, number, replica) = (call.root, call.number, call.replica);
        let mut draws = ask.luck.at(ask.place);
        let expires = ttl.map_or(Time::MAX, |ttl| now + jittered(ttl, plan.jitter, &mut draws));
        let cache = &mut self.state.caches[ask.id.at()];
        let Some(home) = ask.store else { return };
        let written = cache.stores[home].insert(ask.wanted, expires);
        cache.count(ask.class, |totals| {
            totals.fills += 1;
            totals.evictions += u64::from(matches!(written, Written::Evicting(_)));
        });
        let Some(at) = written.place() else { return };
        if let Some(note) = cache.stores[home].note_mut(at) {
            note.set = now;
            note.took = now.since(started.at);
            note.read = now;
            note.origin = Some((step, replica));
            (note.root, note.number, note.holds) = (root, number, holds);
        }
        if holds == Holds::Value {
            self.plan_renewal(ask.id, home, at, &mut draws);
        }
    }

    /// Frees the lock of a fill; who waited for the fill.
    fn end_fill(&mut self, ask: &Ask, started: Started) -> Vec<Key<Call>> {
        let guard = &self.plan.caches[ask.id.at()].guard;
        let cache = &mut self.state.caches[ask.id.at()];
        if guard.unlocks() {
            cache.locks.unlock(ask.wanted, started.token);
        } else if guard.checks_token() && cache.locks.valid(ask.wanted, started.token) {
            // A token is good for one write.
            cache.locks.void(ask.wanted);
        }
        if !started.joinable {
            cache.flights[ask.flights].end_alone(ask.wanted);
            return Vec::new();
        }
        let waiting = cache.flights[ask.flights].end(ask.wanted, ask.call);
        cache.waiting -= waiting.len() as u64;
        waiting
    }

    /// Those who waited are let go a few at a time.
    fn bench(&mut self, ask: &Ask, waiting: Vec<Key<Call>>) {
        let cache = &mut self.state.caches[ask.id.at()];
        match cache.benched.get_mut(ask.wanted) {
            Some(bench) => bench.extend(waiting),
            None if waiting.is_empty() => {}
            None => {
                cache.benched.insert(ask.wanted, waiting.into());
            }
        }
    }

    /// Lets the next few go, if they are let go a few at a time.
    pub(super) fn rush(&mut self, ask: &Ask) {
        let Some(rush) = self.plan.caches[ask.id.at()].guard.rush() else { return };
        let cache = &mut self.state.caches[ask.id.at()];
        let Some(bench) = cache.benched.get_mut(ask.wanted) else { return };
        let first = self.state.tasks.len();
        // Who has given up in the meantime would let nobody go in turn.
        let calls = &self.state.calls;
        let alive = |key: &Key<Call>| calls.get(*key).is_some_and(|call| call.state == CallState::WaitingForFill);
        while self.state.tasks.len() < first + rush
            && let Some(next) = bench.pop_front()
        {
            if alive(&next) {
                self.state.tasks.push(Task::LookAgain(next));
            }
        }
        self.state.tasks.reverse_from(first);
        if bench.is_empty() {
            cache.benched.remove(ask.wanted);
        }
    }

    /// An entry that may be served although the work for a new one has failed.
    fn usable(&self, id: CacheId, store: Option<usize>, wanted: u64) -> Option<u32> {
        let store = &self.state.caches[id.at()].stores[store?];
        let plan = &self.plan.caches[id.at()];
        let at = store.find(wanted)?;
        let holds = store.note(at).holds;
        let serves = holds == Holds::Value || (holds == Holds::Garbage && !plan.verify);
        let in_time = store.expires(at) + plan.if_error > self.cx.now();
        (serves && in_time).then_some(at)
    }

    /// A call has failed while it filled a cache. If an entry may be served instead, it goes on with that.
    pub(in crate::world) fn rescue(&mut self, key: Key<Call>, failure: Failure) -> bool {
        let call = &self.state.calls[key];
        if call.renews {
            return false;
        }
        for scope in (0..call.open).rev() {
            let pc = self.state.calls[key].scopes[scope as usize];
            let Op::Cache { cache: id, keys, place, hit } = self.plan.ops[pc.at()] else { continue };
            // Without leave to serve on errors nobody looks into the cache a second time, whatever others have put there.
            if self.plan.caches[id.at()].if_error.is_zero() {
                continue;
            }
            let ask = self.asks(key, (id, keys, place), false);
            if self.usable(id, ask.store, ask.wanted).is_none() {
                continue;
            }
            self.close_scopes(key, scope, failure);
            self.state.caches[id.at()].count(ask.class, |totals| totals.stale += 1);
            let call = &mut self.state.calls[key];
            (call.state, call.pc) = (CallState::Ready, hit);
            self.state.tasks.push(Task::Execute(key));
            return true;
        }
        false
    }
}
