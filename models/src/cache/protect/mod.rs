//! Protection on a miss: who does the work, and what the others do in the meantime.
//!
//! The world asks `Guard::ask` whenever a look-up has found no good entry, and again each time that a waiting call
//! looks anew. It tells the guard when a fill has ended. A guard makes no draws.

pub mod lease;
pub mod lock;
pub mod nginx_lock;
pub mod redis_lock;
pub mod single_flight;
pub mod varnish;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Who does the work on a miss, and what the others do in the meantime.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// One does the work, the others wait for its outcome and share it (request coalescing).
    SingleFlight(single_flight::Spec),
    /// memcache leases: one token for a key in so many seconds; the others come back after a short wait.
    Lease(lease::Spec),
    /// nginx's `proxy_cache_lock`: one fills, the others look again every half second, and go themselves in the end.
    NginxLock(nginx_lock::Spec),
    /// A lock beside the cache (`SET key token NX PX ttl`): who gets it does the work, the others look again.
    RedisLock(redis_lock::Spec),
    /// Varnish: a stale entry is served during its grace; without one, requests wait and are let go a few at a time.
    Varnish(varnish::Spec),
}

/// A protection at work. It keeps no state of its own; what there is for each key is in the flights and locks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Guard {
    /// Everybody does the work.
    None,
    SingleFlight(single_flight::SingleFlight),
    Lease(lease::Lease),
    NginxLock(nginx_lock::NginxLock),
    RedisLock(redis_lock::RedisLock),
    Varnish(varnish::Varnish),
}

/// What a protection sees of a miss.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The present.
    pub now: Time,
    /// Since when this call waits; none if it has just come.
    pub waits: Option<Time>,
    /// Since when a fill that can be joined is under way.
    pub filling: Option<Time>,
    /// The lock, lease or token on this key, until when it is good.
    pub locked: Option<Time>,
    /// An entry is there, but is no longer good.
    pub stale: bool,
}

/// What a call is to do after a miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Do the work and fill the cache. The key is locked for that long, if at all.
    Fill {
        /// How long the lock is good.
        lock: Option<Span>,
    },
    /// Do the work, and leave the cache alone.
    FillUnstored,
    /// Wait for the fill under way.
    Join,
    /// Look again after that long.
    LookAgain(Span),
    /// Make do with the entry that is no longer good.
    Stale,
}

impl Guard {
    pub(crate) fn new(spec: Option<&Spec>) -> Self {
        match spec {
            None => Self::None,
            Some(Spec::SingleFlight(spec)) => Self::SingleFlight(single_flight::SingleFlight::new(spec)),
            Some(Spec::Lease(spec)) => Self::Lease(lease::Lease::new(spec)),
            Some(Spec::NginxLock(spec)) => Self::NginxLock(nginx_lock::NginxLock::new(spec)),
            Some(Spec::RedisLock(spec)) => Self::RedisLock(redis_lock::RedisLock::new(spec)),
            Some(Spec::Varnish(spec)) => Self::Varnish(varnish::Varnish::new(spec)),
        }
    }

    pub(crate) fn ask(&self, facts: &Facts) -> Verdict {
        match self {
            Self::None => Verdict::Fill { lock: None },
            Self::SingleFlight(guard) => guard.ask(facts),
            Self::Lease(guard) => guard.ask(facts),
            Self::NginxLock(guard) => guard.ask(facts),
            Self::RedisLock(guard) => guard.ask(facts),
            Self::Varnish(guard) => guard.ask(facts),
        }
    }

    /// Fills belong to the replica that asks, not to the cache.
    pub(crate) const fn by_replica(&self) -> bool {
        matches!(self, Self::SingleFlight(guard) if guard.by_replica)
    }

    /// Who waits for a fill that has failed fails as well.
    pub(crate) const fn shares_errors(&self) -> bool {
        matches!(self, Self::SingleFlight(guard) if guard.shares_errors)
    }

    /// How many of those who wait are let go at a time to look again; none if all go on with the outcome.
    pub(crate) const fn rush(&self) -> Option<usize> {
        match self {
            Self::Varnish(guard) => Some(guard.rush),
            _ => None,
        }
    }

    /// Whether a fill may be written only by who holds the key's latest lock, and only once.
    pub(crate) const fn checks_token(&self) -> bool {
        matches!(self, Self::Lease(_))
    }

    /// Whether the end of a fill by the holder frees the lock.
    pub(crate) const fn unlocks(&self) -> bool {
        matches!(self, Self::NginxLock(_) | Self::RedisLock(_))
    }

    /// How long after its time an entry is served while one fetches it anew in the background.
    pub(crate) const fn grace(&self) -> Span {
        match self {
            Self::Varnish(guard) => guard.grace,
            _ => Span::ZERO,
        }
    }
}
