//! Connection pools of a service, as a user writes them.

use super::Distribution;
use crate::pool;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A connection pool. An endpoint takes a connection with the step `acquire`.
///
/// With `size` it is a plain pool, whose connections are always there: a count and a line. With `library` it is the pool
/// of that library, whose connections are opened, age, die and are opened again; what it connects `to` then matters.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Connections of a plain pool that are kept. Every pool has either this or `library`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Further connections of a plain pool when all are taken; none by default.
    #[serde(default)]
    pub overflow: u32,
    /// How long to wait for a connection of a plain pool before failing with `pool_timeout`; for ever by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Duration>,
    /// Who gets a connection of a plain pool that comes free; `fifo` by default.
    #[serde(default)]
    pub order: PoolOrder,
    /// The library whose pool it is, with its own fields; a plain pool by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<pool::Spec>,
    /// The service that the connections lead to. Calls to it from inside of `acquire` go over the connection and share its
    /// fate: they reach the replica that it was opened to, and fail with `disconnected` when it is dead. Without `to` the
    /// connections lead to something outside of the world that never fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How long it takes to open a connection: network, encryption, authentication. No time by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Distribution>,
    /// How long a log-in may take before it has failed; 127 s by default, when Linux gives up calling. PgBouncer and
    /// HikariCP have shorter times of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<Duration>,
    /// Work that each log-in costs the service that the connection leads to, done by its workers; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Distribution>,
    /// There and back once, for a test or a reset of a connection; no time by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip: Option<Distribution>,
    /// How long something sent over a half-open connection goes unanswered before the operating system gives the
    /// connection up; 924 s by default, after Linux' fifteen retransmissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Duration>,
    /// How long a half-open connection on which nothing is sent goes unnoticed, if the operating system probes
    /// connections; for ever by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive: Option<Duration>,
    /// Lets the size follow the use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<pool::adaptive::Spec>,
}

impl Pool {
    /// A plain pool of this size, in which everybody waits for as long as it takes.
    #[must_use]
    pub fn plain(size: u32) -> Self {
        Self {
            size: Some(size),
            overflow: 0,
            wait: None,
            order: PoolOrder::Fifo,
            library: None,
            to: None,
            connect: None,
            connect_timeout: None,
            login: None,
            round_trip: None,
            silence: None,
            keepalive: None,
            adaptive: None,
        }
    }
}

/// Who gets a connection that comes free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolOrder {
    /// Who has waited longest.
    #[default]
    Fifo,
    /// Who came last.
    Lifo,
}

/// The connections that each replica of a service takes from pools that connect `to` it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connections {
    /// How many each replica takes; further log-ins are `refused`.
    pub most: u32,
    /// How long a replica keeps a connection whose other end is gone without a word; 2 h 11 min 15 s by default, after
    /// Linux' keepalive probes.
    #[serde(default = "linux")]
    pub forget: Duration,
}

fn linux() -> Duration {
    Duration::from_seconds(7875.0)
}
