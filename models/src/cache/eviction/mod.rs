//! Eviction: which entry has to go when a cache is full.

pub mod fifo;
pub mod lfu;
mod list;
pub mod lru;
pub mod sieve;
mod sketch;
pub mod w_tiny_lfu;

pub(crate) use list::{Entry, List, NOBODY};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which entry has to go when a cache is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// The least recently used.
    #[default]
    Lru,
    /// The one that has been there longest, whether or not it was used.
    Fifo,
    /// The one used least often since it came in; the least recently used of several. A count is forgotten with its
    /// entry (in-cache LFU).
    Lfu,
    /// As `lfu`, but the counts of all keys are known for ever, and a key comes in only if it was asked for more often
    /// than the one that would have to go. A bound for requests that are independent of each other, not something to
    /// run: it keeps what was popular last year.
    PerfectLfu,
    /// SIEVE: first in, first out, but who was used since the hand last came by is passed over once.
    Sieve,
    /// W-TinyLFU, as in Caffeine: new keys go through a small window, and from there into the main part only if they are
    /// asked for more often than the entry that would have to go.
    WTinyLfu(w_tiny_lfu::Spec),
}

/// An eviction policy at work: the order of a cache's entries.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    Lru(lru::Lru),
    Fifo(fifo::Fifo),
    Lfu(Box<lfu::Lfu>),
    Sieve(sieve::Sieve),
    WTinyLfu(Box<w_tiny_lfu::WTinyLfu>),
}

/// What has to go so that a key can come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    /// The entry at this place.
    At(u32),
    /// The newcomer itself: it does not come in.
    Newcomer,
}

impl Order {
    /// For a cache with so much room.
    pub(crate) fn new(spec: &Spec, capacity: u64) -> Self {
        match spec {
            Spec::Lru => Self::Lru(lru::Lru::default()),
            Spec::Fifo => Self::Fifo(fifo::Fifo::default()),
            Spec::Lfu => Self::Lfu(Box::new(lfu::Lfu::new(false))),
            Spec::PerfectLfu => Self::Lfu(Box::new(lfu::Lfu::new(true))),
            Spec::Sieve => Self::Sieve(sieve::Sieve::default()),
            Spec::WTinyLfu(spec) => Self::WTinyLfu(Box::new(w_tiny_lfu::WTinyLfu::new(spec, capacity))),
        }
    }

    /// An entry was found.
    #[inline]
    pub(crate) fn used(&mut self, entries: &mut [Entry], at: u32) {
        match self {
            Self::Lru(order) => order.used(entries, at),
            Self::Fifo(_) => {}
            Self::Lfu(order) => order.used(entries, at),
            Self::Sieve(order) => order.used(at),
            Self::WTinyLfu(order) => order.used(entries, at),
        }
    }

    /// A key was asked for that is not there, or is no longer good.
    #[inline]
    pub(crate) fn missed(&mut self, key: u64) {
        match self {
            Self::Lfu(order) => order.missed(key),
            Self::WTinyLfu(order) => order.missed(key),
            Self::Lru(_) | Self::Fifo(_) | Self::Sieve(_) => {}
        }
    }

    /// An entry got a new value.
    #[inline]
    pub(crate) fn written(&mut self, entries: &mut [Entry], at: u32) {
        if let Self::Lru(order) = self {
            order.used(entries, at);
        }
    }

    /// The cache is full: who has to go for this key? The entry stays in the order until `removed` is called.
    pub(crate) fn victim(&mut self, entries: &mut [Entry], newcomer: u64) -> Victim {
        match self {
            Self::Lru(order) => Victim::At(order.victim()),
            Self::Fifo(order) => Victim::At(order.victim()),
            Self::Lfu(order) => order.victim(newcomer),
            Self::Sieve(order) => Victim::At(order.victim(entries)),
            Self::WTinyLfu(order) => Victim::At(order.victim(entries)),
        }
    }

    /// An entry has come in.
    #[inline]
    pub(crate) fn came(&mut self, entries: &mut [Entry], at: u32) {
        match self {
            Self::Lru(order) => order.came(entries, at),
            Self::Fifo(order) => order.came(entries, at),
            Self::Lfu(order) => order.came(entries, at),
            Self::Sieve(order) => order.came(entries, at),
            Self::WTinyLfu(order) => order.came(entries, at),
        }
    }

    /// An entry goes.
    pub(crate) fn removed(&mut self, entries: &mut [Entry], at: u32) {
        match self {
            Self::Lru(order) => order.removed(entries, at),
            Self::Fifo(order) => order.removed(entries, at),
            Self::Lfu(order) => order.removed(at),
            Self::Sieve(order) => order.removed(entries, at),
            Self::WTinyLfu(order) => order.removed(entries, at),
        }
    }

    /// All entries go. What was learnt about keys outside of the cache stays.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::Lru(order) => *order = lru::Lru::default(),
            Self::Fifo(order) => *order = fifo::Fifo::default(),
            Self::Lfu(order) => order.clear(),
            Self::Sieve(order) => *order = sieve::Sieve::default(),
            Self::WTinyLfu(order) => order.clear(),
        }
    }
}

/// Asks a cache of this kind for keys in order, filling it on every miss; how many were there.
#[cfg(test)]
pub(crate) fn hits(spec: &Spec, capacity: u64, keys: &[u64]) -> u64 {
    use crate::cache::store::Store;
    use squall_sim::Time;
    let mut store = Store::new(spec, capacity, false);
    let mut hits = 0;
    for &key in keys {
        if store.hit(key, Time::ZERO) {
            hits += 1;
        } else {
            store.insert(key, Time::MAX);
        }
        assert!(store.len() <= capacity, "{spec:?} holds {} of {capacity}", store.len());
    }
    hits
}
