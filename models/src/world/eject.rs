//! Ejection: what a caller holds against the replicas of a callee, and which are left for its balancer.
//!
//! Each attempt is watched from when it is sent until the caller has its answer or waits no longer. Sweeps take place when
//! somebody asks, which makes no difference to what they do.

use super::Run;
use super::call::Invocation;
use crate::eject::{Answer, Availability, Ejector};
use crate::outcome::{Failure, Outcome};
use crate::plan::{EdgeId, EdgePlan};
use squall_sim::random::Stream;
use squall_sim::{Key, Time};

/// An ejector of one replica of a caller, with the draws that it makes.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(super) ejector: Ejector,
    draws: Stream,
}

impl Watch {
    /// One for each of so many callers, over so many replicas; none if the edge never ejects.
    pub(super) fn all(edge: &EdgePlan, (callers, replicas): (u32, u32), seed: u64) -> Vec<Self> {
        let Some(spec) = &edge.eject else { return Vec::new() };
        let name = format!("{}->{}.eject", edge.caller, edge.callee_name);
        let watch = |caller| Self {
            ejector: Ejector::new(spec, replicas as usize, Time::ZERO),
            draws: Stream::new(seed, &format!("{name}.{caller}")),
        };
        (0..callers).map(watch).collect()
    }
}

/// Those of the replicas that are up which are not ejected.
pub(super) fn healthy<'a>(watch: &mut Watch, up: &'a [u32], now: Time, list: &'a mut Vec<u32>) -> &'a [u32] {
    watch.ejector.advance(now, &mut watch.draws);
    list.clear();
    let available = |replica: &u32| watch.ejector.available(*replica as usize, now) != Availability::No;
    list.extend(up.iter().copied().filter(available));
    list
}

impl Run<'_> {
    /// An attempt is sent to a replica over an edge that ejects.
    pub(super) fn watch_started(&mut self, edge: EdgeId, caller: u32, target: u32) {
        let now = self.cx.now();
        if let Some(watch) = self.state.edges[edge.at()].watches.get_mut(caller as usize) {
            watch.ejector.started(target as usize, now);
        }
    }

    /// The attempt under way is over for its caller, by an answer or without one.
    pub(super) fn watch_ended(&mut self, key: Key<Invocation>, outcome: Outcome, answered: bool) {
        let now = self.cx.now();
        let Invocation { edge, caller, target, .. } = self.state.invocations[key];
        let replica = self.plan.edges[edge.at()].first_replica + target;
        let Some(watch) = self.state.edges[edge.at()].watches.get_mut(caller as usize) else { return };
        // A replica that is gone has not said anything: the connection broke, or there never was one.
        let gone =
            matches!(outcome, Err(Failure::Refused | Failure::Crashed)) && !self.state.replicas[replica as usize].up;
        let answer = Answer::of(outcome, answered && !gone);
        watch.ejector.advance(now, &mut watch.draws);
        watch.ejector.ended(target as usize, now, answer, &mut watch.draws);
    }

    /// Whether replicas are up, so that a caller that finds none has ejected them all.
    pub(super) fn all_ejected(&self, edge: EdgeId) -> bool {
        let plan = &self.plan.edges[edge.at()];
        plan.eject.is_some() && !self.state.services[plan.callee.at()].up.is_empty()
    }

    /// Brings what ejectors count themselves into the totals of their edges.
    pub(super) fn settle_ejections(&mut self) {
        for state in &mut self.state.edges {
            state.totals.ejections = state.watches.iter().map(|watch| watch.ejector.ejections()).sum();
        }
    }
}
