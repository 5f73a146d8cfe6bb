//! What goes wrong, when, and where.

use super::Distribution;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares the faults: those that last for a time, and those that are over at once. Each has a beginning and a chance
/// besides its own fields.
macro_rules! faults {
    (
        lasting { $($(#[$doc:meta])* $name:ident as $tag:literal {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        })* }
        instant { $($(#[$once_doc:meta])* $once:ident as $once_tag:literal {
            $($(#[$once_field_doc:meta])* $once_field:ident: $once_type:ty,)*
        })* }
    ) => {
        /// Something that goes wrong. All begin `at` a time; with `for` they end after that long, without it they stay.
        #[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum Fault {
            $(
                $(#[$doc])*
                $name {
                    /// When it begins.
                    at: Duration,
                    /// How long it lasts; to the end of the run by default.
                    #[serde(default, skip_serializing_if = "Option::is_none")]
                    r#for: Option<Duration>,
                    /// In how many of the runs it happens at all, by each one's seed; in all by default.
                    #[serde(default, skip_serializing_if = "Option::is_none")]
                    chance: Option<Share>,
                    $($(#[$field_doc])* $field: $type,)*
                },
            )*
            $(
                $(#[$once_doc])*
                $once {
                    /// When.
                    at: Duration,
                    /// In how many of the runs it happens at all, by each one's seed; in all by default.
                    #[serde(default, skip_serializing_if = "Option::is_none")]
                    chance: Option<Share>,
                    $($(#[$once_field_doc])* $once_field: $once_type,)*
                },
            )*
        }

        impl Fault {
            /// When it begins, and how long it lasts (`None`: to the end of the run, or for an instant).
            #[must_use]
            pub fn when(&self) -> (Duration, Option<Duration>) {
                match self {
                    $(Self::$name { at, r#for, .. } => (*at, *r#for),)*
                    $(Self::$once { at, .. } => (*at, None),)*
                }
            }

            /// In how many runs it happens; none for all of them.
            #[must_use]
            pub fn chance(&self) -> Option<Share> {
                match self {
                    $(Self::$name { chance, .. } => *chance,)*
                    $(Self::$once { chance, .. } => *chance,)*
                }
            }

            /// The name that it has in a file.
            #[must_use]
            pub const fn tag(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $tag,)*
                    $(Self::$once { .. } => $once_tag,)*
                }
            }

            /// True if it is over as soon as it has begun.
            #[must_use]
            pub const fn is_instant(&self) -> bool {
                match self {
                    // Without an end and a repetition it is done a single time.
                    Self::KillQueries { r#for: None, every: None, .. } => true,
                    $(Self::$name { .. } => false,)*
                    $(Self::$once { .. } => true,)*
                }
            }
        }
    };
}

faults! {
    lasting {
        /// Replicas die with all that is in them; at the end they come back empty.
        Crash as "crash" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
        }
        /// Work that starts in this time takes longer.
        Slow as "slow" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// How many times as long; 1 changes nothing.
            factor: f64,
        }
        /// Calls fail with `error` as they arrive, before they are queued.
        Errors as "errors" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// The share of calls.
            share: Share,
        }
        /// A link is slow or loses messages, on top of what it does anyway.
        Link as "link" {
            /// The caller: a client or a service.
            from: String,
            /// The callee: a service.
            to: String,
            /// Added to each message's latency.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            delay: Option<Distribution>,
            /// The share of messages that are lost.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            loss: Option<Share>,
        }
        /// No message gets through.
        Partition as "partition" {
            /// The caller: a client or a service.
            from: String,
            /// The callee: a service.
            to: String,
            /// Which way; `both` by default.
            #[serde(default)]
            direction: Direction,
        }
        /// Shards of a cache are lost.
        ShardLoss as "shard_loss" {
            /// The cache.
            cache: String,
            /// How many of its shards, counted from the first; 1 by default.
            #[serde(default = "one")]
            shards: u32,
            /// What they hold when they are back; `nothing` by default.
            #[serde(default)]
            back: Back,
        }
        /// The pools of a service get another size; at the end they get their own again.
        ResizePool as "resize_pool" {
            /// The service whose pool it is.
            service: String,
            /// The pool.
            pool: String,
            /// The new size: what is kept in a plain pool or SQLAlchemy's, what there can be in the others.
            size: u32,
        }
        /// Each replica of a service takes another number of connections; at the end the number is its own again.
        /// Connections beyond the number stay until they are closed.
        LimitConnections as "limit_connections" {
            /// The service.
            service: String,
            /// How many connections each replica takes.
            most: u32,
        }
        /// Whatever has held up a service for too long is killed: a single time, or again and again if there is an `every`.
        KillQueries as "kill_queries" {
            /// How often it is done; once by default.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            every: Option<Duration>,
            /// The service.
            service: String,
            /// Calls that arrived longer ago than this fail with `error`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            running: Option<Duration>,
            /// Connections that somebody has held for longer than this without a call over them (idle in transaction) are
            /// closed by the service.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            held: Option<Duration>,
            /// Connections that have been idle in a pool for longer than this are closed by the service.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            idle: Option<Duration>,
        }
        /// A client's arrival rate is multiplied. Not for `closed`, `herd` and `trace` arrivals.
        Surge as "surge" {
            /// The client.
            client: String,
            /// How many times as many requests.
            factor: f64,
        }
    }
    instant {
        /// A cache loses its entries, at once.
        Flush as "flush" {
            /// The cache.
            cache: String,
            /// Only the entry of this key; 1 is the most popular one, or the number as it is in a trace. All by default.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            key: Option<u64>,
        }
        /// The entry of one key is over before its time. Unlike a flush, it leaves the old value for those who may serve it.
        ExpireKey as "expire_key" {
            /// The cache.
            cache: String,
            /// The key; 1 is the most popular one, or the number as it is in a trace.
            key: u64,
        }
        /// A share of a cache's entries turns to garbage.
        Corrupt as "corrupt" {
            /// The cache.
            cache: String,
            /// The share of the keys.
            share: Share,
        }
    }
}

fn one() -> u32 {
    1
}

/// What a shard holds when it is back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Back {
    /// Nothing.
    #[default]
    Nothing,
    /// What it held when it was lost. What is still good of that is served, and counted as `stale`.
    OldEntries,
}

/// How many replicas of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Replicas {
    /// Every one.
    #[default]
    All,
    /// The first so many.
    #[serde(untagged)]
    First(u32),
}

number_or_word!(Replicas, u32, First, "all", All);

/// Which messages a partition stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Calls and answers.
    #[default]
    Both,
    /// Calls only; the callee never hears of them.
    Calls,
    /// Answers only; the callee works for nothing.
    Answers,
}
