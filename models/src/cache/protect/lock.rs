//! Locks on keys: until when each is held, and by which token.

use crate::world::lookup::Lookup;
use squall_sim::{Span, Time};
use std::collections::VecDeque;

/// Locks by key. One that is long over is forgotten.
#[derive(Clone, Debug, Default)]
pub struct Locks {
    held: Lookup<Lock>,
    order: VecDeque<(Time, u64)>,
    last: u64,
}

#[derive(Clone, Copy, Debug)]
struct Lock {
    until: Time,
    /// What the holder has to show; 0 when it was made void.
    token: u64,
}

impl Locks {
    /// Until when the key is locked, if it is or was lately.
    #[must_use]
    pub fn until(&self, key: u64) -> Option<Time> {
        self.held.get(key).map(|lock| lock.until)
    }

    /// Locks a key anew; the token.
    pub fn lock(&mut self, key: u64, now: Time, long: Span) -> u64 {
        while let Some(&(until, old)) = self.order.front().filter(|(until, _)| *until <= now) {
            if self.held.get(old).is_some_and(|lock| lock.until == until) {
                self.held.remove(old);
            }
            self.order.pop_front();
        }
        self.last += 1;
        let until = now + long;
        self.held.insert(key, Lock { until, token: self.last });
        self.order.push_back((until, key));
        self.last
    }

    /// Whether this token is the key's latest, and was not made void. It stays the latest after the lock's time.
    #[must_use]
    pub fn valid(&self, key: u64, token: u64) -> bool {
        self.held.get(key).is_some_and(|lock| lock.token == token)
    }

    /// The holder frees the key; without effect if somebody else has locked it since.
    pub fn unlock(&mut self, key: u64, token: u64) {
        if self.valid(key, token) {
            self.held.remove(key);
        }
    }

    /// The token can no longer be shown; the key stays locked.
    pub fn void(&mut self, key: u64) {
        if let Some(lock) = self.held.get_mut(key) {
            lock.token = 0;
        }
    }
}
