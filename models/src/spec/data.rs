//! What a service stores: on which copies, how safely, and who takes over.

use super::Distribution;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The data of a service. Each replica has a copy: the first is the primary, which makes all writes, and the others follow it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// How writes get from the primary to its followers. Has to be there if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<Replication>,
    /// How often each copy writes to its disk what it has; by default each write is there before it is acknowledged. What is
    /// not on the disk is lost when a process ends without draining.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flush: Option<Duration>,
    /// Who becomes primary when the primary has died. Without it, data is there again when the primary is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<Failover>,
    /// Which replicas callers are led to; only the `primary` by default.
    #[serde(default)]
    pub calls: Calls,
}

/// How writes get to the followers, one after the other.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Replication {
    /// A write is acknowledged when the primary has it.
    Asynchronous {
        /// How long it takes until a follower has it; no time by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lag: Option<Distribution>,
    },
    /// A write is acknowledged when followers have it too. Until then its step waits.
    Synchronous {
        /// How long it takes until the primary knows that a follower has it; no time by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        round_trip: Option<Distribution>,
        /// How many followers, whichever are the fastest; 1 by default.
        #[serde(default = "one")]
        followers: u32,
    },
}

fn one() -> u32 {
    1
}

/// The follower that is up and has most becomes primary. What it does not have is lost.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failover {
    /// How long it takes until it is known that the primary is down; no time by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<Distribution>,
    /// How long it takes from then until there is another one; no time by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub election: Option<Distribution>,
}

/// Which replicas callers are led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// The primary; the others are only there to take over, and their workers do not count.
    #[default]
    Primary,
    /// All of them. Writes are made at the primary all the same.
    Any,
}

/// From which copy something is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// From the primary's, which is never stale. Fails with `error` while there is none.
    Primary,
    /// From the copy of the replica that the call is in. It is stale if that lacks a write that was acknowledged.
    Local,
}

/// What keeps a write from being made twice for one request.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// How long a request's key is remembered, at most a day.
    pub ttl: Duration,
}

/// A write with options.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteOptions {
    /// The name of the effect.
    pub effect: String,
    /// A second write of this effect for the same request finds the first one's result, and is not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
}

impl std::str::FromStr for WriteOptions {
    type Err = std::convert::Infallible;
    fn from_str(effect: &str) -> Result<Self, Self::Err> {
        Ok(Self { effect: effect.to_owned(), idempotency: None })
    }
}

scalar_or_tagged! {
    /// A write: the name of its effect, or a map with options.
    Write(WriteOptions), WriteOptions, "the name of an effect, or a map with `effect` and `idempotency`",
    std::convert::identity
}
