//! A lock beside the cache, as people build it with Redis.
//!
//! Source: the Redis documentation's single-instance lock: `SET key token NX PX ttl`, released by compare-and-delete.
//! The classic mistake is a lock that lasts for less than the work: then two do it.

use super::{Facts, Verdict};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;

/// A lock beside the cache: `SET key token NX PX ttl`. Who gets it does the work and frees it; the others look again
/// after a while. When the lock's time is over although the work goes on, the next one does the work as well.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How long the lock lasts if nobody frees it; 10 s by default.
    #[serde(default = "ten_seconds")]
    pub ttl: Duration,
    /// How long the others wait before they look again; 50 ms by default.
    #[serde(default = "short")]
    pub poll: Duration,
    /// Serve the expired value, if it is still there, instead of waiting; off by default.
    #[serde(default)]
    pub stale: bool,
}

fn ten_seconds() -> Duration {
    Duration::from_seconds(10.0)
}

fn short() -> Duration {
    Duration::from_seconds(0.05)
}

/// The lock at work.
#[derive(Clone, Copy, Debug)]
pub struct RedisLock {
    ttl: Span,
    poll: Span,
    stale: bool,
}

impl RedisLock {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self { ttl: spec.ttl.span(), poll: spec.poll.span(), stale: spec.stale }
    }

    /// What a call is to do after a miss.
    #[must_use]
    pub fn ask(&self, facts: &Facts) -> Verdict {
        match facts.locked {
            Some(until) if facts.now < until => {
                if self.stale && facts.stale {
                    Verdict::Stale
                } else {
                    Verdict::LookAgain(self.poll)
                }
            }
            _ => Verdict::Fill { lock: Some(self.ttl) },
        }
    }
}
