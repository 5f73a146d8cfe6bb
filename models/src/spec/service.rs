//! What serves requests: capacity, queue, pools, and endpoints as small programs.

use super::{
    Admission, Connections, Data, Distribution, Edge, Lifecycle, Memory, Named, Optional, Pool, Probes, Read, Write,
};
use crate::autoscale;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A service: replicas of one program.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// What this stands for, and where its numbers come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How many replicas; 1 by default.
    #[serde(default = "one")]
    pub replicas: u32,
    /// What each replica can do at once.
    pub capacity: Capacity,
    /// Where calls wait when a replica is busy.
    #[serde(default)]
    pub queue: Queue,
    /// Whom it lets in under load: guards that a call passes in this order, before it waits or is served.
    #[serde(default)]
    pub admission: Vec<Admission>,
    /// When to come back, told to all calls that are turned away (`rejected`, `shed`, `rate_limited`), as with `Retry-After`.
    /// A retry that listens waits for so long. Nothing by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// The connections that each replica takes from pools that connect `to` this service; no bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
    /// How replicas come and go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// How the platform finds out how replicas are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probes: Option<Probes>,
    /// The memory of each replica; without one it never runs out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// What sets the number of replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<autoscale::Spec>,
    /// What it stores, beyond the names of its effects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// Connection pools; each replica has its own.
    #[serde(default)]
    pub pools: Named<Pool>,
    /// What can be called.
    pub endpoints: Named<Endpoint>,
    /// How this service calls others, by the callee's name; calls to services not listed are instant and plain.
    #[serde(default)]
    pub edges: Named<Edge>,
}

impl Service {
    /// Whether its replicas come and go, or are looked after.
    #[must_use]
    pub const fn is_managed(&self) -> bool {
        self.lifecycle.is_some() || self.probes.is_some() || self.memory.is_some() || self.autoscale.is_some()
    }
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

/// What one replica can do at once.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Capacity {
    /// So many workers; a call holds one from start to end, also while it waits for others (a thread per request).
    Workers(u32),
    /// All calls run at once and share the cores equally while they work; waiting for others costs nothing.
    ProcessorSharing {
        /// A call gets at most one core.
        cores: u32,
        /// Calls in the replica at once; the rest queues. No bound by default.
        #[serde(default)]
        concurrency: Limit,
    },
    /// No contention at all.
    Unlimited,
}

/// A bound, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// No bound.
    #[default]
    Unlimited,
    /// At most this many.
    #[serde(untagged)]
    At(u64),
}

number_or_word!(Limit, u64, At, "unlimited", Unlimited);

/// Where calls wait when a replica is busy.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// How many can wait; more are rejected at once. No bound by default.
    #[serde(default)]
    pub capacity: Limit,
    /// Who is next; `fifo` by default.
    #[serde(default)]
    pub order: Order,
    /// A call that has not started after this long leaves the queue and fails with `queue_timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_wait: Option<Distribution>,
}

/// Who is next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// First come, first served.
    #[default]
    Fifo,
    /// Last come, first served.
    Lifo,
    /// The lowest priority class of the client; first come, first served within a class.
    Priority,
}

/// Something that can be called: a small program, run from top to bottom.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// What it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Whether calls wait when no worker is free; `false` rejects them at once, whatever room the queue has.
    #[serde(default = "yes")]
    pub queues: bool,
    /// Whether doing it twice is as good as doing it once. A retry with `only_idempotent` leaves calls of others alone.
    #[serde(default = "yes")]
    pub idempotent: bool,
    /// What it does. An empty list answers at once.
    pub steps: Vec<Step>,
}

/// One step of an endpoint.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Use the processor for this long.
    Work(Distribution),
    /// Let time pass without using the processor.
    Sleep(Distribution),
    /// Call another endpoint and wait for its answer.
    Call(Call),
    /// Run several branches at once and wait for them.
    Parallel(Parallel),
    /// Run one of several branches, by weight.
    Choose(Vec<Choice>),
    /// Look into a cache; on a miss run some steps and fill it.
    Cache(Lookup),
    /// Take a connection from a pool of this service, run some steps, and give it back.
    Acquire(Acquire),
    /// Run some steps unless the service leaves them out under load; see `admission`.
    Optional(Optional),
    /// Start some steps and do not wait for them.
    Spawn(Vec<Step>),
    /// Make a durable effect of this name; a second one by the same request is a duplicate.
    Write(Write),
    /// Read what is stored. For services with `data`.
    Read(Read),
    /// Fail this share of calls with `error`.
    Fail(Share),
}

scalar_or_tagged! {
    /// A call: `service.endpoint`, or a map with options.
    Call(CallOptions), CallOptions, "`service.endpoint`, or a map with `to` and `on_error`", std::convert::identity
}

/// A call with options.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallOptions {
    /// The endpoint, as `service.endpoint`.
    pub to: String,
    /// What happens when it fails; `fail` by default.
    #[serde(default)]
    pub on_error: OnError,
}

impl std::str::FromStr for CallOptions {
    type Err = std::convert::Infallible;
    fn from_str(to: &str) -> Result<Self, Self::Err> {
        Ok(Self { to: to.to_owned(), on_error: OnError::Fail })
    }
}

/// What the caller does when a call has failed for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// Fail as well, with the same cause.
    #[default]
    Fail,
    /// Go on without the answer: the callee is not essential.
    Continue,
}

/// Branches that run at once, within the same replica and worker.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parallel {
    /// The branches.
    pub branches: Vec<Vec<Step>>,
    /// Run each branch this many times; 1 by default.
    #[serde(default = "one")]
    pub copies: u32,
    /// Go on when this many have succeeded; all by default. It fails as soon as that can no longer happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<u32>,
}

/// One branch of `choose`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// How often, in relation to the other weights.
    pub weight: f64,
    /// What is then done.
    pub steps: Vec<Step>,
}

/// A look into a cache.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The cache.
    pub name: String,
    /// The key set that says which key the request is about.
    pub keys: String,
    /// What is done on a hit; nothing by default.
    #[serde(default)]
    pub hit: Vec<Step>,
    /// What is done on a miss; the cache is filled when it succeeds.
    pub miss: Vec<Step>,
}

/// Steps under a connection.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acquire {
    /// The pool, one of this service's `pools`.
    pub pool: String,
    /// What is done with the connection.
    pub steps: Vec<Step>,
}
