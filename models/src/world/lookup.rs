//! Hash tables that cannot be iterated, so that no order of theirs can get into a result.

use squall_sim::{Span, Time};
#[expect(clippy::disallowed_types, reason = "wrapped here so that it cannot be iterated")]
use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::{BuildHasherDefault, Hasher};

/// A table from numbers to things.
#[derive(Clone, Debug)]
#[expect(clippy::disallowed_types, reason = "wrapped here so that it cannot be iterated")]
pub(crate) struct Lookup<T>(HashMap<u64, T, BuildHasherDefault<Multiply>>);

impl<T> Default for Lookup<T> {
    fn default() -> Self {
        Self(Default::default())
    }
}

impl<T> Lookup<T> {
    pub(crate) fn get(&self, key: u64) -> Option<&T> {
        self.0.get(&key)
    }

    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        self.0.get_mut(&key)
    }

    pub(crate) fn insert(&mut self, key: u64, thing: T) -> Option<T> {
        self.0.insert(key, thing)
    }

    pub(crate) fn remove(&mut self, key: u64) -> Option<T> {
        self.0.remove(&key)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Multiplies and folds: enough for numbers that nobody chose to do harm.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }
    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

/// Remembers numbers for ten minutes of simulated time: which effects a request has made lately. A request that is
/// still tried after that long is beyond any timeout.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    known: Lookup<()>,
    order: VecDeque<(Time, u64)>,
}

const REMEMBERED: Span = Span::from_secs(600);

impl Recent {
    /// Remembers a number; true if it was known already.
    pub(crate) fn insert(&mut self, now: Time, number: u64) -> bool {
        while let Some(&(at, old)) = self.order.front().filter(|(at, _)| now.since(*at) > REMEMBERED) {
            debug_assert!(at <= now);
            self.known.remove(old);
            self.order.pop_front();
        }
        let known = self.known.insert(number, ()).is_some();
        if !known {
            self.order.push_back((now, number));
        }
        known
    }
}
