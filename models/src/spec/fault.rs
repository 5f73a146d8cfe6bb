//! What goes wrong, when, and where.

use super::Distribution;
use super::extent::{Back, Bandwidth, Direction, Names, Replicas, Way};
use crate::units::{Bytes, Duration, Share};
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
            /// Each message's delay lies so much above or below that, evenly spread.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            jitter: Option<Duration>,
            /// How much of the jitter each message has from the one before; none by default. As `netem` in Linux does it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            correlation: Option<Share>,
            /// The share of messages that are lost.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            loss: Option<Share>,
            /// A message that is lost is sent again after this long, then after twice as long, and so on up to two minutes, as
            /// TCP does: so it comes late. After 15 times it is given up. Without this, what is lost is lost.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            retransmit: Option<Duration>,
            /// The share of calls that arrive twice. The second copy is work for nobody.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            duplicate: Option<Share>,
            /// Messages go over the link one after the other, as fast as this.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            bandwidth: Option<Bandwidth>,
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
        /// No message gets through between two groups of clients and services.
        Split as "split" {
            /// One group.
            these: Vec<String>,
            /// The other.
            those: Vec<String>,
            /// Which messages are stopped; `both` ways by default.
            #[serde(default)]
            way: Way,
        }
        /// A caller can no longer find out where the replicas of a service are.
        Dns as "dns" {
            /// The caller: a client or a service.
            from: String,
            /// The callee: a service.
            to: String,
            /// What it gets instead; `nothing` by default.
            #[serde(default)]
            answers: Names,
        }
        /// Replicas accept calls and never answer: what works in them stands still, and what arrives is held, until it is over.
        Hang as "hang" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
        }
        /// Processes end as soon as they listen, or some time later, again and again. For services with a `lifecycle`.
        CrashLoop as "crash_loop" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// How long a process lives; no time by default.
            #[serde(default = "no_time")]
            after: Duration,
        }
        /// Processes take longer to boot. For services with a `lifecycle`.
        SlowBoot as "slow_boot" {
            /// The service.
            service: String,
            /// How many times as long; 1 changes nothing.
            factor: f64,
        }
        /// Somebody else uses a share of the processor, so that work that starts in this time takes longer.
        CpuStolen as "cpu_stolen" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// The share that is gone: with `50%`, work takes twice as long.
            share: Share,
        }
        /// The accelerator is gone. Work is done without it, or not at all.
        GpuLost as "gpu_lost" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// How many times as long work takes without it. If there is no other way, all calls fail with `error`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            fallback: Option<f64>,
        }
        /// Processes lose memory. For services with a `memory`.
        MemoryLeak as "memory_leak" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// How much each second.
            rate: Bytes,
        }
        /// There is no room on the disk: all `write` steps fail with `error`.
        DiskFull as "disk_full" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
        }
        /// A share of `write` steps fails with `error`.
        IoErrors as "io_errors" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// The share.
            share: Share,
        }
        /// Each `write` step takes time.
        IoSlow as "io_slow" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// How long.
            delay: Distribution,
        }
        /// Followers fall behind their primary, or are cut off from it. For services with `data`.
        ReplicaLag as "replica_lag" {
            /// The service.
            service: String,
            /// How many of its followers, counted from the first replica that is not the primary; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// How much later each write reaches them. Without it nothing does until the fault is over.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            delay: Option<Distribution>,
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
        /// Nothing is scraped of a component, or of all.
        ScrapeOutage as "scrape_outage" {
            /// Whose values, as in `services.api`; `all` by default.
            #[serde(default = "everything")]
            target: String,
        }
        /// A share of scrapes fails, on top of those that do anyway.
        ScrapeLoss as "scrape_loss" {
            /// Whose values, as in `services.api`; `all` by default.
            #[serde(default = "everything")]
            target: String,
            /// The share.
            share: Share,
        }
        /// What is scraped can be seen later.
        ScrapeDelay as "scrape_delay" {
            /// Whose values, as in `services.api`; `all` by default.
            #[serde(default = "everything")]
            target: String,
            /// Added to what it takes anyway.
            delay: Distribution,
        }
        /// What is scraped is wrong: every value is so many times as large.
        ScrapeCorruption as "scrape_corruption" {
            /// Whose values, as in `services.api`; `all` by default.
            #[serde(default = "everything")]
            target: String,
            /// How many times as large; 1 changes nothing.
            factor: f64,
        }
        /// What changes about sessions is not copied to the other sides of a split. One that comes to another side then is lost.
        StateSyncFailure as "state_sync_failure" {
            /// The split, with `state: copied`.
            split: String,
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
        /// Replicas are deleted, and new ones take their places. For services with a `lifecycle`.
        Kill as "kill" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first that is there; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// Whether they may drain first, as long as their grace allows; `false` by default: all that is in them is lost.
            #[serde(default)]
            grace: bool,
        }
        /// What processes hold in memory is wrong, so that a share of calls fails with `error` until each is started anew. For
        /// services with a `lifecycle`.
        CorruptState as "corrupt_state" {
            /// The service.
            service: String,
            /// How many of its replicas, counted from the first; `all` by default.
            #[serde(default)]
            replicas: Replicas,
            /// The share of calls.
            share: Share,
        }
        /// A cache loses its entries, at once.
        Flush as "flush" {
            /// The cache.
            cache: String,
            /// Only the entry of this key; 1 is the most popular one, or the number as it is in a trace. All by default.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            key: Option<u64>,
        }
        /// Sessions are lost: the next request of each fails with `session_lost`, and begins a new one.
        SessionLoss as "session_loss" {
            /// The split.
            split: String,
            /// The side that loses them; by default all do, as when they have one store.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            side: Option<String>,
            /// The share of the sessions; `100%` by default.
            #[serde(default = "all")]
            share: Share,
        }
        /// Whoever carries a rollout out stops half way. It stays so until an action says `promote` or `rollback`.
        Interrupt as "interrupt" {
            /// The rollout.
            rollout: String,
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

fn everything() -> String {
    "all".to_owned()
}

fn all() -> Share {
    Share::new(1.0)
}

fn one() -> u32 {
    1
}

fn no_time() -> Duration {
    Duration::from_seconds(0.0)
}
