//! Keyed caches: look up, fill on a miss, evict the least recently used, expire after the TTL.

use super::call::{Call, State as CallState};
use super::lookup::Lookup;
use super::{Run, Task};
use crate::outcome::Failure;
use crate::plan::{CacheId, CachePlan, KeyPlan, KeysId, Op};
use crate::report::CacheTotals;
use squall_sim::random::{Draw, Luck, Place, Purpose};
use squall_sim::{Key, Span, Time};

/// What a look-up found.
pub(super) enum Found {
    Hit,
    /// The call is to do the work and fill the cache.
    Miss,
    /// Another call is doing the work; this one waits for it.
    Wait,
}

/// A cache, or one for each replica.
#[derive(Clone, Debug)]
pub(crate) struct CacheState {
    pub(crate) totals: CacheTotals,
    stores: Vec<Store>,
    filling: u64,
}

/// The entries of one cache, in a list from the most to the least recently used.
#[derive(Clone, Debug)]
struct Store {
    places: Lookup<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
    fills: Lookup<Fill>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: u64,
    expires: Time,
    newer: u32,
    older: u32,
}

/// Fills of one key under way, and who waits for them.
#[derive(Clone, Debug, Default)]
struct Fill {
    running: u64,
    waiting: Vec<Key<Call>>,
}

const NOBODY: u32 = u32::MAX;

impl CacheState {
    pub(crate) fn new(plan: &CachePlan, replicas: usize) -> Self {
        let stores = if plan.per_replica { replicas } else { 1 };
        Self { totals: CacheTotals::default(), stores: vec![Store::new(); stores], filling: 0 }
    }

    /// From here on, maxima count anew.
    pub(crate) fn restart_maxima(&mut self) {
        self.totals.filling_max = self.filling;
        self.totals.same_key_max = 0;
    }

    /// Loses all entries, in one replica's store or in all.
    pub(crate) fn flush(&mut self, store: Option<usize>) {
        match store {
            Some(store) => self.stores[store].flush(),
            None => self.stores.iter_mut().for_each(Store::flush),
        }
    }
}

impl Store {
    fn new() -> Self {
        Self {
            places: Lookup::default(),
            entries: Vec::new(),
            free: Vec::new(),
            newest: NOBODY,
            oldest: NOBODY,
            fills: Lookup::default(),
        }
    }

    /// Loses all entries; fills under way go on.
    fn flush(&mut self) {
        self.places.clear();
        self.entries.clear();
        self.free.clear();
        (self.newest, self.oldest) = (NOBODY, NOBODY);
    }

    /// Whether a good entry is there; it then becomes the most recently used.
    fn hit(&mut self, key: u64, now: Time) -> bool {
        let Some(&at) = self.places.get(key) else { return false };
        if self.entries[at as usize].expires <= now {
            return false;
        }
        if self.newest != at {
            self.unlink(at);
            self.link(at);
        }
        true
    }

    /// Writes an entry; true if another one had to go.
    fn insert(&mut self, key: u64, expires: Time, capacity: u64) -> bool {
        if let Some(&at) = self.places.get(key) {
            self.entries[at as usize].expires = expires;
            self.unlink(at);
            self.link(at);
            return false;
        }
        let evict = self.places.len() as u64 >= capacity;
        if evict {
            let at = self.oldest;
            self.unlink(at);
            self.places.remove(self.entries[at as usize].key);
            self.free.push(at);
        }
        let entry = Entry { key, expires, newer: NOBODY, older: NOBODY };
        let at = if let Some(at) = self.free.pop() {
            self.entries[at as usize] = entry;
            at
        } else {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        };
        self.places.insert(key, at);
        self.link(at);
        evict
    }

    fn link(&mut self, at: u32) {
        let second = std::mem::replace(&mut self.newest, at);
        let entry = &mut self.entries[at as usize];
        (entry.newer, entry.older) = (NOBODY, second);
        match self.entries.get_mut(second as usize) {
            Some(second) => second.newer = at,
            None => self.oldest = at,
        }
    }

    fn unlink(&mut self, at: u32) {
        let Entry { newer, older, .. } = self.entries[at as usize];
        match self.entries.get_mut(newer as usize) {
            Some(newer) => newer.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older as usize) {
            Some(older) => older.newer = newer,
            None => self.oldest = newer,
        }
    }
}

impl Run<'_> {
    pub(super) fn look_up(&mut self, key: Key<Call>, id: CacheId, keys: KeysId) -> Found {
        let now = self.cx.now();
        let plan = &self.plan.caches[id.at()];
        let call = &mut self.state.calls[key];
        let wanted = self.plan.keys[keys.at()].key(call.root, call.number);
        let cache = &mut self.state.caches[id.at()];
        let store = &mut cache.stores[if plan.per_replica { call.replica.at() } else { 0 }];
        if store.hit(wanted, now) {
            cache.totals.hits += 1;
            return Found::Hit;
        }
        cache.totals.misses += 1;
        if store.fills.get(wanted).is_none() {
            store.fills.insert(wanted, Fill::default());
        }
        let Some(fill) = store.fills.get_mut(wanted) else {
            return Found::Miss;
        };
        if plan.coalesce && fill.running > 0 {
            cache.totals.coalesced += 1;
            call.state = CallState::WaitingForFill;
            call.since = now;
            fill.waiting.push(key);
            return Found::Wait;
        }
        fill.running += 1;
        cache.filling += 1;
        cache.totals.filling_max = cache.totals.filling_max.max(cache.filling);
        cache.totals.same_key_max = cache.totals.same_key_max.max(fill.running);
        call.open_scope();
        Found::Miss
    }

    /// The innermost scope's cache gets its entry, and who waits for it goes on.
    pub(super) fn fill(&mut self, key: Key<Call>) {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        call.open -= 1;
        let Op::Cache { cache: id, keys, .. } = self.plan.ops[call.scopes[call.open as usize].at()] else {
            unreachable!("only `cache` is filled")
        };
        let plan = &self.plan.caches[id.at()];
        let wanted = self.plan.keys[keys.at()].key(call.root, call.number);
        let store = if plan.per_replica { call.replica.at() } else { 0 };
        let cache = &mut self.state.caches[id.at()];
        let expires = plan.ttl.map_or(Time::MAX, |ttl| now + ttl);
        let evicted = cache.stores[store].insert(wanted, expires, plan.capacity);
        cache.totals.fills += 1;
        cache.totals.evictions += u64::from(evicted);
        for waiting in self.fill_ended(id, store, wanted).into_iter().rev() {
            if let Some(call) = self.state.calls.get_mut(waiting).filter(|call| call.state == CallState::WaitingForFill)
            {
                // It may have looked from another endpoint, where something else is done on a hit.
                let Op::Cache { hit, .. } = self.plan.ops[call.pc.at()] else {
                    unreachable!("only `cache` waits for a fill")
                };
                call.state = CallState::Ready;
                call.pc = hit;
                self.state.tasks.push(Task::Execute(waiting));
            }
        }
    }

    /// The work for an entry failed; so does everybody who waited for it.
    pub(super) fn fill_failed(&mut self, key: Key<Call>, id: CacheId, keys: KeysId, failure: Failure) {
        let call = &self.state.calls[key];
        let wanted = self.plan.keys[keys.at()].key(call.root, call.number);
        let store = if self.plan.caches[id.at()].per_replica { call.replica.at() } else { 0 };
        for waiting in self.fill_ended(id, store, wanted).into_iter().rev() {
            if let Some(call) = self.state.calls.get_mut(waiting).filter(|call| call.state == CallState::WaitingForFill)
            {
                call.state = CallState::Ready;
                self.state.tasks.push(Task::Finish { call: waiting, outcome: Err(failure) });
            }
        }
    }

    /// One fill fewer is under way; who waited for it.
    fn fill_ended(&mut self, id: CacheId, store: usize, wanted: u64) -> Vec<Key<Call>> {
        let cache = &mut self.state.caches[id.at()];
        cache.filling -= 1;
        let fills = &mut cache.stores[store].fills;
        let Some(fill) = fills.get_mut(wanted) else {
            return Vec::new();
        };
        fill.running -= 1;
        let waiting = std::mem::take(&mut fill.waiting);
        if fill.running == 0 {
            fills.remove(wanted);
        }
        waiting
    }

    pub(super) fn prefill_caches(&mut self) {
        for (plan, cache) in self.plan.caches.iter().zip(&mut self.state.caches) {
            let Some((keys, count, spread)) = plan.prefill else {
                continue;
            };
            debug_assert!(matches!(self.plan.keys[keys.at()], KeyPlan::Law(..)));
            let place = Place::named("prefill", Purpose::Wait);
            for store in &mut cache.stores {
                // The most popular key goes in last, so that it is evicted last.
                for key in (0..count).rev() {
                    let ttl = plan.ttl.unwrap_or(Span::MAX);
                    let left =
                        if spread && plan.ttl.is_some() { ttl.scaled(Luck::new(key).at(place).unit()) } else { ttl };
                    store.insert(key, Time::ZERO + left, plan.capacity);
                }
            }
        }
    }
}
