//! Bulkheads: so many calls at once and no more, so that one slow callee cannot hold everything that its caller has.
//!
//! Who calls what, and when:
//!
//! 1. [`Bulkhead::enter`] before a call goes out. [`Verdict::Wait`] puts it in line, first come, first served; the line
//!    itself is the world's.
//! 2. [`Bulkhead::leave`] when the call is over. If it says so, the first of the line goes out now; it has then entered,
//!    and the world takes it out of its line.
//! 3. [`Bulkhead::gave_up`] for one that leaves the line without having gone out.

pub mod envoy_limits;
pub mod lock;
pub mod queued;
pub mod semaphore;
#[cfg(test)]
mod tests;
pub mod thread_pool;

use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Time;

/// Let no more than so many calls be under way at once.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// So many calls at once, and perhaps a wait for a place (resilience4j; Hystrix's semaphore).
    Semaphore(semaphore::Spec),
    /// So many calls at once, and a line of bounded length and wait.
    Queued(queued::Spec),
    /// A pool of threads that grows only when its queue is full, as the JDK's (resilience4j, Hystrix).
    ThreadPool(thread_pool::Spec),
    /// Envoy's limits of a cluster: connections, pending requests, requests and retries.
    EnvoyLimits(envoy_limits::Spec),
    /// One call at a time; the others wait for the lock, however long it takes (pybreaker).
    Lock(lock::Spec),
}

/// What is wrong with a bulkhead, by field.
#[must_use]
pub fn check(spec: &Spec) -> Vec<Problem> {
    match spec {
        Spec::Semaphore(spec) => semaphore::check(spec),
        Spec::Queued(spec) => queued::check(spec),
        Spec::ThreadPool(spec) => thread_pool::check(spec),
        Spec::EnvoyLimits(_) | Spec::Lock(_) => Vec::new(),
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes out.
    Admit,
    /// It waits in line, until this time at the latest.
    Wait {
        /// [`Time::MAX`] if it may wait for ever.
        until: Time,
    },
    /// It does not go out.
    Reject,
}

/// A bulkhead at work. It draws nothing.
#[derive(Clone, Debug)]
pub enum Bulkhead {
    /// Places, with a line: [`semaphore`], [`queued`] and [`lock`].
    Places(semaphore::Places),
    /// See [`thread_pool`].
    ThreadPool(thread_pool::ThreadPool),
    /// See [`envoy_limits`].
    EnvoyLimits(envoy_limits::EnvoyLimits),
}

impl Bulkhead {
    /// A bulkhead that nobody is in.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        match spec {
            Spec::Semaphore(spec) => Self::Places(spec.places()),
            Spec::Queued(spec) => Self::Places(spec.places()),
            Spec::Lock(_) => Self::Places(lock::places()),
            Spec::ThreadPool(spec) => Self::ThreadPool(thread_pool::ThreadPool::new(spec)),
            Spec::EnvoyLimits(spec) => Self::EnvoyLimits(envoy_limits::EnvoyLimits::new(spec)),
        }
    }

    /// May a call go out? `again` tells that it is a retry.
    pub fn enter(&mut self, now: Time, again: bool) -> Verdict {
        match self {
            Self::Places(places) => places.enter(now),
            Self::ThreadPool(pool) => pool.enter(now),
            Self::EnvoyLimits(limits) => limits.enter(again),
        }
    }

    /// A call that went out is over; whether the first of the line goes out in its place. `again` is what `enter` was
    /// told.
    pub fn leave(&mut self, now: Time, again: bool) -> bool {
        match self {
            Self::Places(places) => places.leave(),
            Self::ThreadPool(pool) => pool.leave(now),
            Self::EnvoyLimits(limits) => limits.leave(again),
        }
    }

    /// One of the line has left it without going out; `again` is what `enter` was told.
    pub fn gave_up(&mut self, again: bool) {
        match self {
            Self::Places(places) => places.gave_up(),
            Self::ThreadPool(pool) => pool.gave_up(),
            Self::EnvoyLimits(limits) => limits.gave_up(again),
        }
    }

    /// How many are under way.
    #[must_use]
    pub const fn inside(&self) -> u32 {
        match self {
            Self::Places(places) => places.inside,
            Self::ThreadPool(pool) => pool.busy(),
            Self::EnvoyLimits(limits) => limits.active(),
        }
    }

    /// How many wait in line.
    #[must_use]
    pub const fn queued(&self) -> u32 {
        match self {
            Self::Places(places) => places.queued,
            Self::ThreadPool(pool) => pool.queued(),
            Self::EnvoyLimits(limits) => limits.pending(),
        }
    }
}
