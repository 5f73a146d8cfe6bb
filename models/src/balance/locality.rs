//! Locality: the caller's own zone first, and others for what that cannot take.
//!
//! Source: Envoy's locality priorities: a zone takes min(100 %, overprovisioning × healthy share) of the load, and the rest
//! spills over to the other zones, in proportion to what is healthy there. Two draws: whether it stays, and to whom it goes.

use super::{Hosts, below};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;

/// The caller's own zone first. It takes all of the load as long as `overprovisioning` times its healthy share is at least
/// 1; what it cannot take goes to the other zones. Within the zones any replica is taken at random.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The zone of each of the caller's replicas; a client is one caller.
    pub callers: Vec<String>,
    /// The zone of each of the callee's replicas.
    pub replicas: Vec<String>,
    /// How much more than its share a healthy replica can take; 1.4 by default, so that up to 28 % of a zone can be down
    /// before any of its load goes elsewhere.
    #[serde(default = "envoys")]
    pub overprovisioning: f64,
}

fn envoys() -> f64 {
    1.4
}

/// Locality at work.
#[derive(Clone, Debug)]
pub(crate) struct Locality {
    /// For each of the caller's replicas, and for each of the callee's, the number of its zone.
    callers: Vec<u32>,
    replicas: Vec<u32>,
    overprovisioning: f64,
}

impl Locality {
    pub(crate) fn new(spec: &Spec) -> Self {
        let zone =
            |name: &String| spec.replicas.iter().position(|known| known == name).map_or(u32::MAX, |at| at as u32);
        Self {
            callers: spec.callers.iter().map(zone).collect(),
            replicas: spec.replicas.iter().map(zone).collect(),
            overprovisioning: spec.overprovisioning,
        }
    }

    pub(super) fn pick(&self, hosts: &Hosts<'_>, draws: &mut impl Draw) -> u32 {
        let own = self.callers[hosts.caller as usize];
        let zone = |replica: u32| self.replicas[replica as usize];
        let all = self.replicas.iter().filter(|&&zone| zone == own).count();
        let near = hosts.there.iter().filter(|&&replica| zone(replica) == own).count();
        let far = hosts.there.len() - near;
        let kept = if all == 0 { 0.0 } else { (self.overprovisioning * near as f64 / all as f64).min(1.0) };
        let stays = draws.unit() < kept;
        // A side without anybody can take nothing.
        let local = near > 0 && (stays || far == 0);
        let chosen = below(if local { near } else { far }, draws);
        let mut side = hosts.there.iter().copied().filter(|&replica| (zone(replica) == own) == local);
        side.nth(chosen).unwrap_or(hosts.there[0])
    }
}
