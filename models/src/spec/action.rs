//! What is done to the system while it runs.

use super::Named;
use super::extent::Replicas;
use super::{Admission, Policy};
use crate::units::{Bytes, Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that is done at a time that is known beforehand: a step of an operator, a planned change.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// When.
    pub at: Duration,
    /// In how many of the runs it is done at all, by each one's seed; in all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<Share>,
    /// What.
    pub r#do: Action,
}

/// Something that changes the world from outside the data path, at one instant. It stays until something else is done.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// A service gets another number of replicas; the youngest go first, and drain.
    Scale {
        /// The service.
        service: String,
        /// How many.
        to: u32,
    },
    /// Replicas are replaced by new ones.
    Restart {
        /// The service.
        service: String,
        /// One after the other by default, or at once.
        #[serde(default)]
        how: How,
    },
    /// Replicas are deleted, and new ones take their places.
    Kill {
        /// The service.
        service: String,
        /// How many of its replicas, counted from the first that is there; `all` by default.
        #[serde(default)]
        replicas: Replicas,
        /// Whether they may drain first, as long as their grace allows; `false` by default: all that is in them is lost.
        #[serde(default)]
        grace: bool,
        /// Only those in which more calls wait than this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waiting: Option<u64>,
    },
    /// Replicas are moved elsewhere, as when their nodes are emptied: each drains, as soon as the service's disruption budget
    /// allows it, and a new one takes its place.
    Drain {
        /// The service.
        service: String,
        /// How many of its replicas, counted from the first that is there; `all` by default.
        #[serde(default)]
        replicas: Replicas,
    },
    /// A cache loses its entries.
    Flush {
        /// The cache.
        cache: String,
        /// Only the entry of this key; 1 is the most popular one, or the number as it is in a trace. All by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<u64>,
    },
    /// The pools of a service get another size.
    ResizePool {
        /// The service whose pool it is.
        service: String,
        /// The pool.
        pool: String,
        /// The new size: what is kept in a plain pool or SQLAlchemy's, what there can be in the others.
        size: u32,
    },
    /// Each replica of a service takes another number of connections.
    LimitConnections {
        /// The service.
        service: String,
        /// How many connections each replica takes.
        most: u32,
    },
    /// Whatever has held up a service for too long is killed, a single time.
    KillQueries {
        /// The service.
        service: String,
        /// Calls that arrived longer ago than this fail with `error`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        running: Option<Duration>,
        /// Connections that somebody has held for longer than this without a call over them are closed by the service.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<Duration>,
        /// Connections that have been idle in a pool for longer than this are closed by the service.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idle: Option<Duration>,
    },
    /// A fault ends before its time. If it has not begun yet, it never does.
    ClearFault {
        /// Its number, from 1 in the order of the file.
        fault: u32,
    },
    /// Only this share of a client's requests is let in; the rest fails with `shed` before it is sent.
    Traffic {
        /// The client.
        client: String,
        /// The share.
        share: Share,
    },
    /// New calls over an edge go through other policies, which have learnt nothing yet. Calls in flight leave through those
    /// that they came in by.
    Policies {
        /// The caller: a client or a service.
        from: String,
        /// The callee: a service.
        to: String,
        /// All of the edge's policies from now on, outermost first; none if the list is empty.
        policies: Vec<Policy>,
    },
    /// A service gets other guards, which have learnt nothing yet: limits, rate limits, shedding.
    Admission {
        /// The service.
        service: String,
        /// All of its guards from now on; none if the list is empty.
        admission: Vec<Admission>,
    },
    /// The optional steps of a service are left out as at a level of degradation, whatever its load.
    Degrade {
        /// The service.
        service: String,
        /// The level; 0 leaves it to the service again.
        level: u8,
    },
    /// Each replica of a service gets another memory, and is restarted with it. For services with a `memory`.
    ResizeMemory {
        /// The service.
        service: String,
        /// What there is to use.
        limit: Bytes,
        /// One after the other by default, or at once.
        #[serde(default)]
        how: How,
    },
    /// Every replica of a service collects its garbage now, whatever memory is in use. For services with a `memory`; what calls in
    /// flight use and what has leaked is no garbage.
    CollectGarbage {
        /// The service.
        service: String,
    },
    /// What a service stores is compared with what was acknowledged. What is found goes into the log, and into
    /// `services.NAME.inconsistencies` for alerts. For services with `data`.
    ConsistencyCheck {
        /// The service.
        service: String,
        /// How long it takes; no time by default.
        #[serde(default = "no_time")]
        takes: Duration,
    },
    /// Circuit breakers are held as somebody wants them, whatever they count: all that there are, or those of one edge. A caller that
    /// starts anew knows nothing of it.
    Breakers {
        /// How they are held.
        state: Hold,
        /// The caller: a client or a service. All edges if neither this nor `to` is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// The callee: a service.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Calls over an edge are spread by other weights. The edge's `balance` has to be `weighted`.
    Weights {
        /// The caller: a client or a service.
        from: String,
        /// The callee: a service.
        to: String,
        /// One for each replica of the callee; 0 gets nothing, but not all can be 0.
        weights: Vec<f64>,
    },
    /// Calls to a split are shared among its sides in another way. Callers hear of it within its `ttl`.
    Split {
        /// The split.
        name: String,
        /// The weights of its sides, in relation to each other; sides that are not named get nothing.
        weights: Named<f64>,
    },
    /// A rollout begins: the first step of a canary, or a switch to the other side. Refused while one is under way.
    Switch {
        /// The rollout.
        rollout: String,
    },
    /// A rollout is brought to its end, whatever was still to be waited for: the new side has everything.
    Promote {
        /// The rollout.
        rollout: String,
    },
    /// A rollout is undone: the new side has nothing.
    Rollback {
        /// The rollout.
        rollout: String,
    },
    /// Whoever carries a rollout out stops half way. It stays so until a `promote` or a `rollback`.
    Interrupt {
        /// The rollout.
        rollout: String,
    },
}

fn no_time() -> Duration {
    Duration::from_seconds(0.0)
}

/// How a circuit breaker is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Open: no call passes.
    Open,
    /// Closed: every call passes.
    Closed,
    /// Not at all: it works again, closed and with nothing counted.
    Automatic,
}

/// How replicas are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// As the service's `lifecycle` says: so many more, so many fewer at a time.
    #[default]
    Rolling,
    /// All at once, without draining.
    AtOnce,
}

impl Action {
    /// The name that it has in a file.
    #[must_use]
    pub const fn tag(&self) -> &'static str {
        match self {
            Self::Scale { .. } => "scale",
            Self::Restart { .. } => "restart",
            Self::Kill { .. } => "kill",
            Self::Drain { .. } => "drain",
            Self::Flush { .. } => "flush",
            Self::ResizePool { .. } => "resize_pool",
            Self::LimitConnections { .. } => "limit_connections",
            Self::KillQueries { .. } => "kill_queries",
            Self::ClearFault { .. } => "clear_fault",
            Self::Traffic { .. } => "traffic",
            Self::Policies { .. } => "policies",
            Self::Admission { .. } => "admission",
            Self::Degrade { .. } => "degrade",
            Self::ResizeMemory { .. } => "resize_memory",
            Self::CollectGarbage { .. } => "collect_garbage",
            Self::ConsistencyCheck { .. } => "consistency_check",
            Self::Breakers { .. } => "breakers",
            Self::Weights { .. } => "weights",
            Self::Split { .. } => "split",
            Self::Switch { .. } => "switch",
            Self::Promote { .. } => "promote",
            Self::Rollback { .. } => "rollback",
            Self::Interrupt { .. } => "interrupt",
        }
    }
}
