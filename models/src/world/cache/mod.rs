//! Keyed caches: their state, and the plain kind, which has a store, and at most one fill of a key at a time.
//!
//! A cache with anything beyond that is looked into in `look_up`, filled in `fill` and renewed in `renew`.

mod fill;
mod look_up;
mod renew;

use super::call::{Call, State as CallState};
use super::lookup::Lookup;
use super::{Run, Task};
use crate::cache::flight::Flights;
use crate::cache::place::Shards;
use crate::cache::protect::lock::Locks;
use crate::cache::store::{Store, Written};
use crate::outcome::Failure;
use crate::plan::{CacheId, CachePlan, KeyPlan, KeysId, Op, Pc, Plan, ReplicaId};
use crate::report::CacheTotals;
use squall_sim::random::{Draw, Luck, Place, Purpose};
use squall_sim::{Key, Time};
use std::collections::VecDeque;

/// What a look-up found.
pub(super) enum Found {
    Hit,
    /// The call is to do the work and fill the cache.
    Miss,
    /// Another call is doing the work; this one waits for it.
    Wait,
    /// The word that this key's work has failed.
    Failed(Failure),
}

/// A cache, or one for each replica.
#[derive(Clone, Debug)]
pub(crate) struct CacheState {
    pub(crate) totals: CacheTotals,
    /// The part of the totals that each class of keys has.
    pub(crate) classes: Vec<CacheTotals>,
    /// Misses and hits of the keys that are counted each by itself.
    pub(crate) by_key: Vec<[u64; 2]>,
    /// One, or one for each replica or shard.
    stores: Vec<Store>,
    /// One, or one for each replica.
    flights: Vec<Flights<Key<Call>>>,
    filling: u64,
    /// Calls that wait for another one's fill, those that were let go elsewhere included until they are cleared away.
    pub(crate) waiting: u64,
    locks: Locks,
    shards: Option<Shards>,
    /// Fills under way of a cache that is not plain, by the call and its scope.
    started: Lookup<Started>,
    /// Calls that are let go a few at a time, by key.
    benched: Lookup<VecDeque<Key<Call>>>,
}

/// A fill under way.
#[derive(Clone, Copy, Debug)]
struct Started {
    at: Time,
    /// The lock that it holds; 0 without one.
    token: u64,
    /// Its outcome goes into the cache.
    stored: bool,
    /// Others can have joined it.
    joinable: bool,
}

impl CacheState {
    pub(crate) fn new(plan: &CachePlan, replicas: usize) -> Self {
        let parts = match plan.shards {
            Some((shards, ..)) => shards as usize,
            None if plan.per_replica => replicas,
            None => 1,
        };
        let flights = if plan.per_replica || plan.guard.by_replica() { replicas } else { 1 };
        Self {
            totals: CacheTotals::default(),
            classes: vec![CacheTotals::default(); plan.classes.len()],
            by_key: vec![[0; 2]; plan.by_key as usize],
            stores: vec![Store::new(&plan.eviction, plan.capacity, !plan.plain); parts],
            flights: vec![Flights::default(); flights],
            filling: 0,
            waiting: 0,
            locks: Locks::default(),
            shards: plan.shards.map(|(count, place, failover)| Shards::new(count, place, failover)),
            started: Lookup::default(),
            benched: Lookup::default(),
        }
    }

    /// From here on, maxima count anew.
    pub(crate) fn restart_maxima(&mut self) {
        self.totals.filling_max = self.filling;
        self.totals.same_key_max = 0;
        self.classes.iter_mut().for_each(|class| class.same_key_max = 0);
    }

    /// Loses all entries, in one replica's store or in all.
    pub(crate) fn flush(&mut self, store: Option<usize>) {
        match store {
            Some(store) => self.stores[store].flush(),
            None => self.stores.iter_mut().for_each(Store::flush),
        }
    }

    /// Loses one entry; a token for it is void.
    pub(crate) fn flush_key(&mut self, key: u64) {
        self.stores.iter_mut().for_each(|store| store.remove(key));
        self.locks.void(key);
    }

    /// The entry of a key is over; a token for it is void.
    pub(crate) fn expire_key(&mut self, key: u64, now: Time) {
        for store in &mut self.stores {
            if let Some(at) = store.find(key) {
                store.expire(at, now);
            }
        }
        self.locks.void(key);
    }

    /// A share of the keys turns to garbage.
    pub(crate) fn corrupt(&mut self, share: f64, place: Place) {
        self.stores.iter_mut().for_each(|store| store.corrupt(|key| Luck::new(key).at(place).unit() < share));
    }

    /// Sets which shards are there: all but the first so many. What comes back holds nothing, or what it held.
    pub(crate) fn lose_shards(&mut self, lost: usize, old_entries: bool, now: Time) {
        let Some(shards) = &mut self.shards else { return };
        for (shard, store) in self.stores.iter_mut().enumerate() {
            let (was, is) = (shards.is_up(shard), shard >= lost);
            shards.set(shard, is);
            if is && !was {
                if old_entries {
                    store.aged(now);
                } else {
                    store.flush();
                }
            }
        }
    }

    /// Counts something for the cache, and for the class of the key.
    #[inline]
    fn count(&mut self, class: Option<usize>, what: impl Fn(&mut CacheTotals)) {
        what(&mut self.totals);
        if let Some(class) = class {
            what(&mut self.classes[class]);
        }
    }

    /// A look-up has ended well or not, the first time that it looked.
    #[inline]
    fn looked_up(&mut self, ask: &look_up::Ask, hit: bool) {
        self.count(ask.class, |totals| if hit { totals.hits += 1 } else { totals.misses += 1 });
        if let Some(counts) = usize::try_from(ask.wanted).ok().and_then(|key| self.by_key.get_mut(key)) {
            counts[usize::from(hit)] += 1;
        }
    }

    /// One more fill is under way, so many of them of this key.
    #[inline]
    fn fill_began(&mut self, class: Option<usize>, same_key: u64) {
        self.filling += 1;
        let filling = self.filling;
        self.count(class, |totals| {
            totals.filling_max = totals.filling_max.max(filling);
            totals.same_key_max = totals.same_key_max.max(same_key);
        });
    }
}

/// The instruction that opened a scope for a fill.
struct CacheStep {
    cache: CacheId,
    keys: KeysId,
    place: Place,
    pc: Pc,
}

impl Run<'_> {
    pub(super) fn look_up(&mut self, key: Key<Call>, id: CacheId, keys: KeysId, place: Place) -> Found {
        let now = self.cx.now();
        let plan = &self.plan.caches[id.at()];
        if !plan.plain {
            return self.look_up_with_care(key, (id, keys, place), false);
        }
        let call = &mut self.state.calls[key];
        let wanted = self.plan.key(keys, call.root, call.number);
        let cache = &mut self.state.caches[id.at()];
        let store = if plan.per_replica { call.replica.at() } else { 0 };
        if cache.stores[store].hit(wanted, now) {
            cache.totals.hits += 1;
            return Found::Hit;
        }
        cache.totals.misses += 1;
        let flights = &mut cache.flights[store];
        let same_key = if !plan.coalesce {
            flights.begin_alone(wanted, key)
        } else if flights.joinable(wanted).is_some() {
            cache.totals.coalesced += 1;
            cache.waiting += 1;
            call.state = CallState::WaitingForFill;
            call.since = now;
            flights.join(wanted, key);
            return Found::Wait;
        } else {
            flights.begin(wanted, key, now)
        };
        cache.fill_began(None, same_key);
        call.open_scope();
        Found::Miss
    }

    /// The innermost scope's cache gets its entry, and who waits for it goes on. False if the call was only for that.
    pub(super) fn fill(&mut self, key: Key<Call>) -> bool {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        call.open -= 1;
        let last = call.renews && call.open == 0;
        let pc = call.scopes[call.open as usize];
        let Op::Cache { cache: id, keys, place, .. } = self.plan.ops[pc.at()] else {
            unreachable!("only `cache` is filled")
        };
        let plan = &self.plan.caches[id.at()];
        if !plan.plain {
            self.fill_with_care(key, &CacheStep { cache: id, keys, place, pc });
            return !last;
        }
        let wanted = self.plan.key(keys, call.root, call.number);
        let store = if plan.per_replica { call.replica.at() } else { 0 };
        let cache = &mut self.state.caches[id.at()];
        let expires = plan.ttl.map_or(Time::MAX, |ttl| now + ttl);
        let written = cache.stores[store].insert(wanted, expires);
        cache.totals.fills += 1;
        cache.totals.evictions += u64::from(matches!(written, Written::Evicting(_)));
        for waiting in self.fill_ended(id, store, wanted, key).into_iter().rev() {
            self.share_fill(id, waiting);
        }
        !last
    }

    /// A call that waited for a fill goes on with its outcome.
    fn share_fill(&mut self, id: CacheId, waiting: Key<Call>) {
        let Some(call) = self.state.calls.get_mut(waiting).filter(|call| call.state == CallState::WaitingForFill)
        else {
            return;
        };
        // It may have looked from another endpoint, where something else is done on a hit.
        let Op::Cache { hit, .. } = self.plan.ops[call.pc.at()] else { unreachable!("only `cache` waits for a fill") };
        call.state = CallState::Ready;
        call.pc = hit;
        self.state.caches[id.at()].totals.shared += 1;
        self.state.tasks.push(Task::Execute(waiting));
    }

    /// The work for an entry failed; so does everybody who waited for it.
    pub(super) fn fill_failed(&mut self, key: Key<Call>, pc: Pc, failure: Failure) {
        let Op::Cache { cache: id, keys, place, .. } = self.plan.ops[pc.at()] else {
            unreachable!("only `cache` is filled")
        };
        if !self.plan.caches[id.at()].plain {
            return self.fill_failed_with_care(key, &CacheStep { cache: id, keys, place, pc }, failure);
        }
        let call = &self.state.calls[key];
        let wanted = self.plan.key(keys, call.root, call.number);
        let store = if self.plan.caches[id.at()].per_replica { call.replica.at() } else { 0 };
        for waiting in self.fill_ended(id, store, wanted, key).into_iter().rev() {
            self.fail_waiting(waiting, failure);
        }
    }

    fn fail_waiting(&mut self, waiting: Key<Call>, failure: Failure) {
        if let Some(call) = self.state.calls.get_mut(waiting).filter(|call| call.state == CallState::WaitingForFill) {
            call.state = CallState::Ready;
            self.state.tasks.push(Task::Finish { call: waiting, outcome: Err(failure) });
        }
    }

    /// Who does the work that a call waits for, and in which cache; none if it will look again by itself.
    pub(super) fn filler(&self, waiting: Key<Call>) -> Option<(CacheId, Key<Call>)> {
        let call = &self.state.calls[waiting];
        let Op::Cache { cache: id, keys, .. } = self.plan.ops[call.pc.at()] else { return None };
        let plan = &self.plan.caches[id.at()];
        let wanted = self.plan.key(keys, call.root, call.number);
        let flights = if plan.per_replica || plan.guard.by_replica() { call.replica.at() } else { 0 };
        let leader = self.state.caches[id.at()].flights[flights].leader_of(wanted, waiting)?;
        Some((id, leader))
    }

    /// One fill fewer is under way in a plain cache; who waited for it.
    fn fill_ended(&mut self, id: CacheId, store: usize, wanted: u64, key: Key<Call>) -> Vec<Key<Call>> {
        let cache = &mut self.state.caches[id.at()];
        cache.filling -= 1;
        cache.totals.ended += 1;
        if !self.plan.caches[id.at()].coalesce {
            cache.flights[store].end_alone(wanted);
            return Vec::new();
        }
        let waiting = cache.flights[store].end(wanted, key);
        cache.waiting -= waiting.len() as u64;
        waiting
    }

    pub(super) fn prefill_caches(&mut self) {
        for id in 0..self.plan.caches.len() {
            let plan = &self.plan.caches[id];
            let Some((keys, count, spread)) = plan.prefill else { continue };
            debug_assert!(matches!(self.plan.keys[keys.at()], KeyPlan::Law(..)));
            let parts = if plan.per_replica { self.state.caches[id].stores.len() } else { 1 };
            for part in 0..parts {
                // The most popular key goes in last, so that it is evicted last.
                for key in (0..count).rev() {
                    self.prefill(CacheId(id as u32), part, key, spread);
                }
            }
        }
    }

    /// Puts in one entry that is there from the beginning.
    fn prefill(&mut self, id: CacheId, part: usize, key: u64, spread: bool) {
        const PLACE: Place = Place::named("prefill", Purpose::Wait);
        const JITTER: Place = Place::named("prefill", Purpose::Jitter);
        let plan = &self.plan.caches[id.at()];
        if plan.is_absent(key) {
            return;
        }
        let luck = Luck::new(key);
        let whole = plan.ttl_of(plan.class(key));
        let whole = whole.map(|ttl| fill::jittered(ttl, plan.jitter, &mut luck.at(JITTER)));
        let left = match whole {
            Some(ttl) if spread => Some(ttl.scaled(luck.at(PLACE).unit())),
            other => other,
        };
        let expires = left.map_or(Time::MAX, |left| Time::ZERO + left);
        let cache = &mut self.state.caches[id.at()];
        let part = cache.home(key).map_or(part, |home| if cache.shards.is_some() { home } else { part });
        let written = cache.stores[part].insert(key, expires);
        if let Some(at) = written.place()
            && let Some(note) = cache.stores[part].note_mut(at)
        {
            // As if it had been asked for by a request that nobody has made.
            note.origin = plan.prefill_step.map(|(step, service)| {
                let service = &self.plan.services[service.at()];
                let one = service.first + (key % u64::from(service.initial.max(1))) as u32;
                (step, if plan.per_replica { ReplicaId(part as u32) } else { ReplicaId(one) })
            });
            note.number = plan.prefill.map_or(0, |(keys, ..)| Plan::number_for(keys, key));
            note.root = luck.child(PLACE, 0);
            self.plan_renewal(id, part, at, &mut luck.child(JITTER, 1).at(JITTER));
        }
    }
}
