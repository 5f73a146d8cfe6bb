//! Rings: the same key goes to the same replica, and when one goes only its own keys move. No draw.
//!
//! Sources: Karger et al., "Consistent Hashing and Random Trees" (1997); bounded loads: Mirrokni, Thorup, Zadimoghaddam
//! (2018), as in Envoy's `hash_balance_factor` and HAProxy's `hash-balance-factor`.

use super::Hosts;
use super::ketama::Ketama;
use crate::units::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The same key always goes to the same replica (a ring with virtual nodes).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    /// The key set that decides.
    pub keys: String,
    /// Points on the ring for each replica; 100 by default.
    #[serde(default = "hundred")]
    pub points: u32,
}

/// The same key always goes to the same replica.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keyed {
    /// The key set that decides.
    pub keys: String,
}

/// Consistent hashing with bounded loads.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounded {
    /// The key set that decides.
    pub keys: String,
    /// Points on the ring for each replica; 100 by default.
    #[serde(default = "hundred")]
    pub points: u32,
    /// How much more than the average of calls outstanding a replica may have; 25 % by default.
    #[serde(default = "quarter")]
    pub excess: Share,
}

fn hundred() -> u32 {
    100
}

fn quarter() -> Share {
    Share::new(0.25)
}

/// A point on a ring, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RingPoint {
    pub(crate) hash: u64,
    pub(crate) replica: u32,
}

/// All points of a ring, in order.
#[derive(Clone, Debug)]
pub(crate) struct Points(Arc<Vec<RingPoint>>);

impl Points {
    pub(crate) fn new(mut points: Vec<RingPoint>) -> Self {
        points.sort_unstable();
        Self(Arc::new(points))
    }

    /// Replicas in the order of the ring, from a key's own on.
    fn replicas(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let start = self.0.partition_point(|point| point.hash < hash);
        self.0[start..].iter().chain(&self.0[..start]).map(|point| point.replica)
    }

    pub(super) fn pick(&self, hosts: &Hosts<'_>) -> Option<u32> {
        self.replicas(hosts.hash).find(|replica| hosts.there.binary_search(replica).is_ok())
    }

    /// The first with room; there always is one, since not all can be above the average.
    pub(super) fn bounded(&self, excess: f64, hosts: &Hosts<'_>) -> Option<u32> {
        let load = |replica: u32| u64::from(hosts.outstanding[replica as usize]);
        let all: u64 = hosts.there.iter().map(|&replica| load(replica)).sum();
        let average = (all + 1) as f64 / hosts.there.len() as f64;
        let most = (average * (1.0 + excess)).ceil() as u64;
        let there = |replica: &u32| hosts.there.binary_search(replica).is_ok();
        self.replicas(hosts.hash).filter(there).find(|&replica| load(replica) < most)
    }
}

pub(super) fn ketama(ring: &Ketama, hosts: &Hosts<'_>) -> Option<u32> {
    let hash = Ketama::hash(&hosts.key.to_string());
    ring.nodes(hash).find(|replica| hosts.there.binary_search(replica).is_ok())
}
