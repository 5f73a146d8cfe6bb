//! What a user can write about a world: plain data, one type for each section of the file.
//!
//! The doc comments here are the user's documentation: `squall list`, the JSON Schema and the editor's hover show them.

/// Declares `$name`, a wrapper that is written as a bare scalar in the simple case and as a tagged map otherwise.
macro_rules! scalar_or_tagged {
    ($(#[$doc:meta])* $name:ident($inner:ident), $scalar:ty, $expecting:literal, $from:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;
                impl<'de> serde::de::Visitor<'de> for Reader {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse::<$scalar>().map($from).map($name).map_err(E::custom)
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<$name, A::Error> {
                        serde::Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map($name)
                    }
                }
                deserializer.deserialize_any(Reader)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let scalar = generator.subschema_for::<$scalar>();
                let tagged = generator.subschema_for::<$inner>();
                schemars::json_schema!({ "anyOf": [scalar, tagged] })
            }
        }
    };
}

/// Reads a type that is a whole number or one word.
macro_rules! number_or_word {
    ($name:ident, $number:ty, $variant:ident, $word:literal, $default:ident) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;
                impl serde::de::Visitor<'_> for Reader {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a whole number, or `", $word, "`"))
                    }
                    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<$name, E> {
                        let unexpected = serde::de::Unexpected::Unsigned(number);
                        let number = <$number>::try_from(number).map_err(|_| E::invalid_value(unexpected, &self))?;
                        Ok($name::$variant(number))
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        if text == $word {
                            return Ok($name::$default);
                        }
                        Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
                    }
                }
                deserializer.deserialize_any(Reader)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "const": $word }] })
            }
        }
    };
}

pub(crate) use number_or_word;

mod action;
mod admission;
mod cache;
mod client;
mod data;
mod distribution;
mod edge;
mod extent;
mod fault;
mod monitor;
mod platform;
mod pool;
mod rollout;
mod service;
mod split;

pub use action::{Action, Hold, How, Planned};
pub use admission::{Admission, Optional};
pub use cache::{Cache, KeyClass, Negative, Placement, Prefill, Shards, Stale, Warming};
pub use client::{Arrivals, Client, Load, Patience, Profile, RatePoint, Reload};
pub use data::{Calls, Data, Failover, Idempotency, Read, Replication, Write, WriteOptions};
pub use distribution::{Component, Distribution, Law, Quantiles};
pub use edge::{Edge, Link, Policy};
pub use extent::{Back, Bandwidth, Direction, Names, Replicas, Way};
pub use fault::Fault;
pub use monitor::{AlertRule, Mistakes, Monitoring, Operator, OperatorStep, Otherwise, Scrape, Severity, Until};
pub use platform::{CrashBackoff, DisruptionBudget, Gc, Lifecycle, Memory, Probe, Probes, WarmUp};
pub use pool::{Connections, Pool, PoolOrder};
pub use rollout::{BlueGreen, CacheWarming, Canary, CanaryStep, Gate, Rollout};
pub use service::{
    Acquire, Call, CallOptions, Capacity, Choice, Endpoint, Limit, Lookup, OnError, Order, Parallel, Queue, Service,
    Step,
};
pub use split::{Split, State};

use crate::units::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Component names in a file are sorted by name, so that the order in the text never changes a result.
pub type Named<T> = BTreeMap<String, T>;

/// A world: who calls whom, with what capacity, and what goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Sets of keys that requests are about, with their popularity.
    #[serde(default)]
    pub keys: Named<Keys>,
    /// Sources of requests.
    #[serde(default)]
    pub clients: Named<Client>,
    /// What serves requests.
    #[serde(default)]
    pub services: Named<Service>,
    /// Keyed caches that endpoints look into.
    #[serde(default)]
    pub caches: Named<Cache>,
    /// Names that stand for several services, and how calls are shared among them.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub splits: Named<Split>,
    /// What goes wrong, and when.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What is done about it, or to the system anyway, and when.
    #[serde(default)]
    pub actions: Vec<Planned>,
    /// What is measured of the system, and what alerts come of it.
    #[serde(default)]
    pub monitoring: Option<Monitoring>,
    /// Who answers alerts, and how.
    #[serde(default)]
    pub operators: Named<Operator>,
    /// Who changes the weights of splits when a new version comes.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub rollouts: Named<Rollout>,
}

/// Which keys requests ask for, and how popular each is. A request draws its key once, from its own luck.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Keys {
    /// Every key is as popular as every other.
    Uniform {
        /// How many keys there are.
        count: u64,
    },
    /// Key number k (from 1) has a popularity of 1/k^exponent.
    Zipf {
        /// How many keys there are.
        count: u64,
        /// 0 is uniform, 1 the classic law; web caches are measured at 0.6 to 1.1.
        exponent: f64,
    },
    /// A few hot keys get a stated share of all requests; the rest is uniform, and so are the hot keys.
    HotSet {
        /// How many keys there are, hot ones included.
        count: u64,
        /// How many of them are hot.
        hot: u64,
        /// The share of requests that go to the hot keys.
        share: Share,
    },
    /// The n-th request of a client asks for the key in the n-th line of a file; after the last line it starts again.
    Trace {
        /// A file with one whole number on each line, relative to the scenario file.
        file: String,
        /// The numbers that were read; filled in by the reader, not by the user.
        #[serde(skip)]
        keys: Vec<u64>,
    },
}
