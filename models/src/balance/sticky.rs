//! Staying with one replica: sessions, and single connections. No draw.

use super::{Hosts, next};
use crate::world::lookup::Lookup;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A session stays with the replica that it was first given (in turn), and is given another one when that is down. What the
/// replica knew of the session is lost then.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The key set that says whose session it is; by default each user of a closed-loop client has one, and other clients
    /// have one each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
}

pub(super) fn pick(turn: &mut u32, homes: &mut Lookup<u32>, hosts: &Hosts<'_>) -> u32 {
    match homes.get(hosts.key) {
        Some(home) if hosts.there.binary_search(home).is_ok() => *home,
        _ => {
            let home = next(turn, hosts.there);
            homes.insert(hosts.key, home);
            home
        }
    }
}

/// gRPC's `pick_first`: the first address that answers, until it is lost.
pub(super) fn pick_first(first: &mut Option<u32>, there: &[u32]) -> u32 {
    let kept = first.filter(|replica| there.binary_search(replica).is_ok());
    *first.insert(kept.unwrap_or(there[0]))
}
