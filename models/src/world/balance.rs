//! The choice of a replica: what the balancer of an edge gets to see.

use super::Run;
use super::call::Invocation;
use super::eject::healthy;
use crate::balance::Hosts;
use crate::balance::panic::panics;
use crate::plan::{EdgeId, EdgePlan, Plan};
use squall_sim::Key;
use squall_sim::random::{Draw, Luck};

/// How often a replica in its slow start can be passed over.
const PASSES: u32 = 4;

impl Run<'_> {
    /// The replicas of its callee that a caller knows of.
    #[inline]
    pub(super) fn known_hosts(&self, id: EdgeId) -> &[u32] {
        let state = &self.state.edges[id.at()];
        match &state.known {
            Some(known) => known,
            None => &self.state.services[state.short.service.at()].up,
        }
    }

    /// Which of several replicas gets this attempt; none if all are down or ejected.
    #[inline(never)]
    pub(super) fn pick(&mut self, key: Key<Invocation>, luck: Luck) -> Option<u32> {
        let plan = self.plan;
        let now = self.cx.now();
        let Invocation { edge: id, caller, root, number, client, user, .. } = self.state.invocations[key];
        let edge = &plan.edges[id.at()];
        let state = &mut self.state.edges[id.at()];
        let up = state.known.as_ref().unwrap_or(&self.state.services[edge.callee.at()].up);
        let well = match state.watches.get_mut(caller as usize) {
            Some(watch) => healthy(watch, up, now, &mut state.healthy),
            None => up,
        };
        let there: &[u32] = match edge.panic {
            Some(threshold) if state.known.is_none() && panics(well.len(), state.everybody.len(), threshold) => {
                &state.everybody
            }
            _ => well,
        };
        if there.len() <= 1 {
            return there.first().copied();
        }
        let memory = state.memories.get_mut(caller as usize)?;
        let balance = state.balance.as_deref().unwrap_or(&edge.balance);
        let (first, last) = (slot(plan, edge, caller, 0), slot(plan, edge, caller + 1, 0));
        let (key, hash) = match balance.keys() {
            Some(keys) => {
                let key = plan.key(keys, root, number);
                (key, Luck::new(key).at(edge.balance_place).bits())
            }
            // Whose session it is, where no key says it.
            None => (u64::from(client.0) << 32 | u64::from(user), 0),
        };
        let hosts = Hosts { there, outstanding: &self.state.outstanding[first..last], now, caller, key, hash };
        let mut draws = luck.at(edge.balance_place);
        let mut picked = balance.pick(memory, &hosts, &mut draws)?;
        if let Some(slow_start) = &edge.slow_start {
            for _ in 0..PASSES {
                let Some(since) = self.state.replicas[(edge.first_replica + picked) as usize].back_since else { break };
                let factor = slow_start.factor(now.since(since));
                if factor >= 1.0 || draws.unit() < factor {
                    break;
                }
                picked = balance.pick(memory, &hosts, &mut draws)?;
            }
        }
        Some(picked)
    }

    /// A balancer that listens hears how long an attempt has taken, for better or worse.
    pub(super) fn tell_balancer(&mut self, key: Key<Invocation>) {
        let now = self.cx.now();
        let Invocation { edge: id, caller, target, sent, .. } = self.state.invocations[key];
        let edge = &self.plan.edges[id.at()];
        if edge.balance.listens()
            && let Some(memory) = self.state.edges[id.at()].memories.get_mut(caller as usize)
        {
            edge.balance.ended(memory, target, now.since(sent), now);
        }
    }
}

/// Where the calls outstanding from a caller to a replica are counted.
#[inline]
pub(super) fn slot(plan: &Plan, edge: &EdgePlan, caller: u32, target: u32) -> usize {
    (edge.slots + caller * plan.services[edge.callee.at()].replicas + target) as usize
}
