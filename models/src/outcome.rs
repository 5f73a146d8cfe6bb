//! How a call, and in the end a request, comes out. Every one ends in exactly one of these.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a call failed. A failure keeps its name on the way up, so that a request's fate names the root cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Failure {
    /// The callee answered with an error.
    Error,
    /// No answer in time.
    Timeout,
    /// The callee's queue was full.
    Rejected,
    /// Waited in the callee's queue for longer than it allows.
    QueueTimeout,
    /// No connection came free in time.
    PoolTimeout,
    /// Nobody listens: all replicas are down.
    Refused,
    /// The replica died with the call in it.
    Crashed,
    /// The callee dropped it unserved, because its propagated deadline had passed.
    Expired,
    /// The caller took it back.
    Cancelled,
    /// The call went through more services than `limits.depth` allows: a loop.
    TooDeep,
    /// A person gave up waiting.
    Abandoned,
    /// The caller's circuit breaker was open, or all replicas were ejected.
    CircuitOpen,
    /// The caller's bulkhead or concurrency limit was full.
    BulkheadFull,
    /// Over the rate limit.
    RateLimited,
    /// The caller held the call back, because the callee has refused or failed too many lately.
    Throttled,
    /// The callee dropped it, because it was overloaded.
    Shed,
    /// The connection that the call was to go over was dead.
    Disconnected,
    /// The side that it came to does not know its session.
    SessionLost,
}

/// How a call came out.
pub type Outcome = Result<(), Failure>;

impl Failure {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 18] = [
        Self::Error,
        Self::Timeout,
        Self::Rejected,
        Self::QueueTimeout,
        Self::PoolTimeout,
        Self::Refused,
        Self::Crashed,
        Self::Expired,
        Self::Cancelled,
        Self::TooDeep,
        Self::Abandoned,
        Self::CircuitOpen,
        Self::BulkheadFull,
        Self::RateLimited,
        Self::Throttled,
        Self::Shed,
        Self::Disconnected,
        Self::SessionLost,
    ];

    /// The name that files and results use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Rejected => "rejected",
            Self::QueueTimeout => "queue_timeout",
            Self::PoolTimeout => "pool_timeout",
            Self::Refused => "refused",
            Self::Crashed => "crashed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::TooDeep => "too_deep",
            Self::Abandoned => "abandoned",
            Self::CircuitOpen => "circuit_open",
            Self::BulkheadFull => "bulkhead_full",
            Self::RateLimited => "rate_limited",
            Self::Throttled => "throttled",
            Self::Shed => "shed",
            Self::Disconnected => "disconnected",
            Self::SessionLost => "session_lost",
        }
    }
}
