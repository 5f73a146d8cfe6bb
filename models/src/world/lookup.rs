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

/// Remembers numbers for a while of simulated time: which effects a request has made lately.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    /// When each was met first, or its key was given anew.
    known: Lookup<Time>,
    order: VecDeque<(Time, u64)>,
    remembered: Span,
}

impl Recent {
    pub(crate) fn new(remembered: Span) -> Self {
        Self { known: Lookup::default(), order: VecDeque::new(), remembered }
    }

    /// Remembers a number; true if it was known already.
    pub(crate) fn insert(&mut self, now: Time, number: u64) -> bool {
        while let Some(&(at, old)) = self.order.front().filter(|(at, _)| now.since(*at) > self.remembered) {
            debug_assert!(at <= now);
            if self.known.get(old) == Some(&at) {
                self.known.remove(old);
            }
            self.order.pop_front();
        }
        let known = self.known.get(number).is_some();
        if !known {
            self.known.insert(number, now);
            self.order.push_back((now, number));
        }
        known
    }

    /// Whether a number was met in the time before now.
    pub(crate) fn met(&self, now: Time, number: u64, within: Span) -> bool {
        self.known.get(number).is_some_and(|at| now.since(*at) <= within)
    }

    /// Remembers a number that is known from now on for as long as one that is new.
    pub(crate) fn renew(&mut self, now: Time, number: u64) {
        self.known.insert(number, now);
        self.order.push_back((now, number));
    }

    pub(crate) fn forget(&mut self, number: u64) {
        self.known.remove(number);
    }
}
