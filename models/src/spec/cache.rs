//! Keyed caches: what they keep, for how long, and what happens when something is not there.

use super::Limit;
use crate::cache::{eviction, protect, refresh};
use crate::units::{Duration, Rate, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A keyed cache. Endpoints look into it with the step `cache`; steps inside each other make levels.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// What this stands for, and where its numbers come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// How many entries fit; no bound by default.
    #[serde(default)]
    pub capacity: Limit,
    /// Which entry has to go when it is full; `lru` by default.
    #[serde(default)]
    pub eviction: eviction::Spec,
    /// How long an entry is good after it was filled; for ever by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
    /// How far each entry's TTL is off at random, to either side: `20%` of 300 s is 240 to 360 s, drawn anew whenever an
    /// entry is written; no jitter by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_jitter: Option<Share>,
    /// Kinds of keys with a TTL of their own, from the most popular keys on. Their results are reported as
    /// `caches.<name>.<class>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<KeyClass>,
    /// This share of the keys does not exist. The work is done for them as for others, but there is nothing to be kept,
    /// unless `negative` keeps the word that there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Share>,
    /// Keep bad news for a short time; not kept by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<Negative>,
    /// One cache in each replica of the services that use it, lost when the replica crashes; shared by default.
    #[serde(default)]
    pub per_replica: bool,
    /// A shared cache in several parts that can be lost one by one; in one piece by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<Shards>,
    /// While one miss is being filled, further misses of the same key wait for it instead of doing the work again. Short
    /// for `protect: {single_flight: {}}`.
    #[serde(default)]
    pub coalesce: bool,
    /// Who does the work on a miss, and what others who want the same key do; all do the work by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protect: Option<protect::Spec>,
    /// Renew entries before they go; not by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<refresh::Spec>,
    /// Serve entries after their time; not by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<Stale>,
    /// Check entries when they are read, by a checksum for example: a corrupt one is thrown out and counts as a miss.
    /// Without it, it is served, and counted as `wrong`.
    #[serde(default)]
    pub verify: bool,
    /// Look-ups of at most so many keys, the most popular ones, are counted for each key by itself, for alerts in PromQL; of none by
    /// default. Of keys from a trace, those with a number below this.
    #[serde(default)]
    pub by_key: u32,
    /// Jobs that fill the cache; none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warm: Vec<Warming>,
    /// A cache that holds everything, always: every look-up is a hit. Not something to build, but a bound to compare with.
    #[serde(default)]
    pub perfect: bool,
    /// Entries that are there when the run begins; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<Prefill>,
}

/// A kind of keys with a TTL of its own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyClass {
    /// Its name in results.
    pub name: String,
    /// So many keys, the most popular ones that no class above has taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<u64>,
    /// Or this share of all keys, whatever their popularity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// How long their entries are good; as the cache's by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
}

/// Keeping bad news.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Negative {
    /// For how long.
    pub ttl: Duration,
    /// Also keep failures of the work, and fail at once as long as one is kept; off by default. A value that can still be
    /// served is never replaced by a failure.
    #[serde(default)]
    pub errors: bool,
}

/// A shared cache in several parts.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shards {
    /// How many; each holds an equal part of the `capacity`.
    pub count: u32,
    /// Which shard has a key; `modulo` by default.
    #[serde(default)]
    pub place: Placement,
    /// When a shard is lost, others take over its keys. Without it, its keys are missed and not kept until it is back.
    #[serde(default = "yes")]
    pub failover: bool,
}

fn yes() -> bool {
    true
}

/// Which shard has a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Placement {
    /// A hash of the key modulo the number of shards that are there. When one goes, nearly all keys move.
    #[default]
    Modulo,
    /// Consistent hashing as in libketama, with 160 points for each shard. When one of n goes, 1/n of the keys move.
    Ketama,
    /// Consistent hashing on which no shard holds more than so many times the average: a key goes on to the next shard on
    /// the ring that has room (Mirrokni, Thorup, Zadimoghaddam 2018).
    BoundedLoads {
        /// How much more than the average; 25 % by default.
        #[serde(default = "quarter")]
        excess: Share,
    },
}

fn quarter() -> Share {
    Share::new(0.25)
}

/// Serving entries after their time (RFC 5861).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stale {
    /// For so long after its time an entry is served, while one call renews it in the background; not by default. The first
    /// request after that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub while_revalidate: Option<Duration>,
    /// For so long after its time an entry is served if the work for a new one fails; not by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_error: Option<Duration>,
}

/// A job that fills a cache with the most popular keys. The steps of the miss are really done, in a replica of the service
/// that looks into the cache, but without a worker of their own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Warming {
    /// When it begins.
    pub at: Duration,
    /// The key set that the cache is looked into with.
    pub keys: String,
    /// How many keys, from the most popular on. What is there already is left alone.
    pub top: u64,
    /// How many keys are looked at in a second.
    pub rate: Rate,
    /// Begin again after this long; once by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
}

/// Entries that are there when the run begins.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prefill {
    /// The key set they belong to.
    pub keys: String,
    /// How many, the most popular ones; as many as fit by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Give the entries ages spread evenly over the TTL, as in a cache that has long been in use. Otherwise all were
    /// filled at the start, and expire together.
    #[serde(default)]
    pub spread: bool,
}
