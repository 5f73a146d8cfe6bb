//! Looking into a cache that is more than a plain store.

use super::super::call::{Call, State as CallState};
use super::super::{Event, Run};
use super::{CacheState, Found, Started};
use crate::cache::protect::{self, Verdict};
use crate::cache::refresh;
use crate::cache::store::Holds;
use crate::outcome::Failure;
use crate::plan::{CacheId, CachePlan, KeysId, Op};
use squall_sim::random::{Luck, Place};
use squall_sim::{Key, Span, Ticket, Time};

/// Who asks for which key, and where.
#[derive(Clone, Copy)]
pub(super) struct Ask {
    pub(super) call: Key<Call>,
    pub(super) id: CacheId,
    pub(super) wanted: u64,
    pub(super) class: Option<usize>,
    /// The store that has or would have the key; none if its shard is lost.
    pub(super) store: Option<usize>,
    pub(super) flights: usize,
    pub(super) luck: Luck,
    pub(super) place: Place,
    /// It has waited, and looks anew.
    again: bool,
}

/// What is there for a key.
enum There {
    Nothing,
    Good(u32),
    /// An entry whose time is over, since when.
    Old(u32, Span),
}

impl CacheState {
    /// The store that has or would have a key, in a cache that is not in every replica.
    pub(super) fn home(&self, key: u64) -> Option<usize> {
        match &self.shards {
            None => Some(0),
            Some(shards) => {
                let entry = |shard: usize| (self.stores[shard].find(key).is_some(), self.stores[shard].len());
                shards.locate(key, entry)
            }
        }
    }

    fn there(&mut self, plan: &CachePlan, ask: &Ask, now: Time) -> There {
        let Some(store) = ask.store.map(|store| &mut self.stores[store]) else { return There::Nothing };
        let Some(at) = store.find(ask.wanted) else { return There::Nothing };
        if plan.verify && store.note(at).holds == Holds::Garbage {
            store.remove(ask.wanted);
            self.count(ask.class, |totals| totals.corrupt += 1);
            return There::Nothing;
        }
        let expires = store.expires(at);
        if expires > now { There::Good(at) } else { There::Old(at, now.since(expires)) }
    }
}

impl Run<'_> {
    pub(super) fn asks(&self, key: Key<Call>, (id, keys, place): (CacheId, KeysId, Place), again: bool) -> Ask {
        let plan = &self.plan.caches[id.at()];
        let call = &self.state.calls[key];
        let wanted = self.plan.key(keys, call.root, call.number);
        let replica = call.replica.at();
        Ask {
            call: key,
            id,
            wanted,
            class: plan.class(wanted),
            store: if plan.per_replica { Some(replica) } else { self.state.caches[id.at()].home(wanted) },
            flights: if plan.per_replica || plan.guard.by_replica() { replica } else { 0 },
            luck: call.luck,
            place,
            again,
        }
    }

    pub(super) fn look_up_with_care(&mut self, key: Key<Call>, step: (CacheId, KeysId, Place), again: bool) -> Found {
        let now = self.cx.now();
        let ask = self.asks(key, step, again);
        let plan = &self.plan.caches[ask.id.at()];
        let cache = &mut self.state.caches[ask.id.at()];
        if plan.perfect {
            cache.looked_up(&ask, true);
            return Found::Hit;
        }
        match cache.there(plan, &ask, now) {
            There::Good(at) => self.take(&ask, at),
            There::Old(at, since) if since < plan.while_revalidate.max(plan.guard.grace()) => {
                let running = cache.flights[ask.flights].running(ask.wanted);
                self.take_stale(&ask, at);
                if running == 0 {
                    self.renew_behind(&ask);
                }
                Found::Hit
            }
            There::Old(at, _) => self.miss(&ask, Some(at)),
            There::Nothing => self.miss(&ask, None),
        }
    }

    /// A good entry is there.
    fn take(&mut self, ask: &Ask, at: u32) -> Found {
        let now = self.cx.now();
        let plan = &self.plan.caches[ask.id.at()];
        let cache = &mut self.state.caches[ask.id.at()];
        let Some(store) = ask.store.map(|store| &mut cache.stores[store]) else { return Found::Miss };
        store.used(at);
        let (note, expires) = (store.note(at), store.expires(at));
        if let Some(note) = store.note_mut(at) {
            note.read = now;
        }
        let old = store.is_old(&note);
        let again = ask.again;
        if !again {
            cache.looked_up(ask, true);
        }
        cache.count(ask.class, |totals| {
            totals.shared += u64::from(again);
            totals.stale += u64::from(old);
            totals.negative += u64::from(matches!(note.holds, Holds::Nothing | Holds::Failure(_)));
            totals.wrong += u64::from(note.holds == Holds::Garbage);
        });
        if again {
            self.rush(ask);
        }
        if let Holds::Failure(failure) = note.holds {
            return Found::Failed(Failure::ALL[failure as usize]);
        }
        let Some(policy) = &plan.refresh else { return Found::Hit };
        let facts = refresh::Facts { now, set: note.set, expires, took: note.took };
        let verdict = policy.on_read(&facts, &mut ask.luck.child(ask.place, 1).at(ask.place));
        let cache = &mut self.state.caches[ask.id.at()];
        let running = cache.flights[ask.flights].running(ask.wanted) > 0;
        // A reader that holds a place in line lets nobody else wait: only one renews behind everybody's back, and with
        // single-flight only one renews at all.
        match verdict {
            refresh::Verdict::Renew if !running || matches!(plan.guard, protect::Guard::None) => {
                cache.count(ask.class, |totals| totals.refreshes += 1);
                self.begin_fill(ask, 0, true);
                Found::Miss
            }
            refresh::Verdict::RenewBehind if !running => {
                self.renew_behind(ask);
                Found::Hit
            }
            _ => Found::Hit,
        }
    }

    /// An entry is served although its time is over.
    fn take_stale(&mut self, ask: &Ask, at: u32) {
        let now = self.cx.now();
        let cache = &mut self.state.caches[ask.id.at()];
        let again = ask.again;
        if let Some(store) = ask.store.map(|store| &mut cache.stores[store]) {
            store.used(at);
            if let Some(note) = store.note_mut(at) {
                note.read = now;
            }
        }
        if !again {
            cache.looked_up(ask, true);
        }
        cache.count(ask.class, |totals| {
            totals.shared += u64::from(again);
            totals.stale += 1;
        });
    }

    /// No good entry is there.
    fn miss(&mut self, ask: &Ask, old: Option<u32>) -> Found {
        let now = self.cx.now();
        let plan = &self.plan.caches[ask.id.at()];
        let cache = &mut self.state.caches[ask.id.at()];
        let waits = ask.again.then(|| self.state.calls[ask.call].since);
        // A value that was a failure, or that is only there by name, is no use to anybody.
        let useful = |at| ask.store.is_some_and(|store| cache.stores[store].note(at).holds == Holds::Value);
        let verdict = plan.guard.ask(&protect::Facts {
            now,
            waits,
            filling: cache.flights[ask.flights].joinable(ask.wanted),
            locked: cache.locks.until(ask.wanted),
            stale: old.is_some_and(useful),
        });
        if let (Verdict::Stale, Some(at)) = (verdict, old) {
            self.take_stale(ask, at);
            return Found::Hit;
        }
        if !ask.again {
            cache.looked_up(ask, false);
            if let Some(store) = ask.store {
                cache.stores[store].missed(ask.wanted);
            }
        }
        match verdict {
            Verdict::Fill { lock } => {
                let token = lock.map_or(0, |long| cache.locks.lock(ask.wanted, now, long));
                self.begin_fill(ask, token, true);
                Found::Miss
            }
            Verdict::FillUnstored => {
                self.begin_fill(ask, 0, false);
                Found::Miss
            }
            Verdict::Join => {
                cache.flights[ask.flights].join(ask.wanted, ask.call);
                cache.waiting += 1;
                self.wait_for_fill(ask);
                Found::Wait
            }
            Verdict::LookAgain(after) => {
                self.wait_for_fill(ask);
                let timer = self.cx.after(after, Event::LookAgain(ask.call));
                self.state.calls[ask.call].timer = timer;
                Found::Wait
            }
            // Without an entry there is nothing to be served.
            Verdict::Stale => Found::Miss,
        }
    }

    fn wait_for_fill(&mut self, ask: &Ask) {
        let now = self.cx.now();
        let call = &mut self.state.calls[ask.call];
        call.state = CallState::WaitingForFill;
        if !ask.again {
            call.since = now;
            self.state.caches[ask.id.at()].count(ask.class, |totals| totals.coalesced += 1);
        }
    }

    /// The call does the work.
    fn begin_fill(&mut self, ask: &Ask, token: u64, stored: bool) {
        let call = &mut self.state.calls[ask.call];
        call.open_scope();
        let slot = slot(ask.call, call.open - 1);
        self.note_fill(ask, slot, token, stored);
    }

    /// A fill begins.
    pub(super) fn note_fill(&mut self, ask: &Ask, slot: u64, token: u64, stored: bool) {
        let now = self.cx.now();
        let guard = &self.plan.caches[ask.id.at()].guard;
        let joinable = stored && matches!(guard, protect::Guard::SingleFlight(_) | protect::Guard::Varnish(_));
        let cache = &mut self.state.caches[ask.id.at()];
        let flights = &mut cache.flights[ask.flights];
        let same_key =
            if joinable { flights.begin(ask.wanted, ask.call, now) } else { flights.begin_alone(ask.wanted, ask.call) };
        cache.fill_began(ask.class, same_key);
        cache.started.insert(slot, Started { at: now, token, stored: stored && ask.store.is_some(), joinable });
    }

    /// A call that has waited looks into the cache again.
    pub(in crate::world) fn look_again(&mut self, key: Key<Call>) {
        let Some(call) = self.state.calls.get_mut(key).filter(|call| call.state == CallState::WaitingForFill) else {
            return;
        };
        call.timer = Ticket::NONE;
        call.state = CallState::Ready;
        let Op::Cache { cache, keys, place, hit } = self.plan.ops[call.pc.at()] else {
            unreachable!("only `cache` waits for a fill")
        };
        match self.look_up_with_care(key, (cache, keys, place), true) {
            Found::Hit => {
                self.state.calls[key].pc = hit;
                self.execute(key);
            }
            Found::Miss => {
                self.state.calls[key].pc.0 += 1;
                self.execute(key);
            }
            Found::Wait => {}
            Found::Failed(failure) => self.finish(key, Err(failure)),
        }
    }
}

/// Where a fill is noted, by the call that does it and the scope that it is.
pub(super) fn slot(call: Key<Call>, scope: u8) -> u64 {
    (call.index() as u64) << 3 | u64::from(scope)
}
