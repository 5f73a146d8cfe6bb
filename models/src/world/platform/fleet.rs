//! The replicas of a service together: as many as are wanted, replaced step by step, moved as far as the budget allows.

use super::{Phase, Then};
use crate::plan::{Cause, ReplicaId, ServiceId};
use crate::platform::{self, Counts};
use crate::world::Run;
use std::cmp::Reverse;

impl Run<'_> {
    /// From now on so many are wanted.
    pub(in crate::world) fn scale(&mut self, service: ServiceId, to: u32) -> String {
        let most = self.plan.services[service.at()].replicas;
        let Some(fleet) = self.fleet(service) else { return String::new() };
        let before = std::mem::replace(&mut fleet.wanted, to.min(most));
        self.reconcile(service);
        format!("from {before} to {}", to.min(most))
    }

    /// All replicas are replaced.
    pub(in crate::world) fn restart(&mut self, service: ServiceId, rolling: bool) -> String {
        if !rolling {
            return self.delete(service, (u32::MAX, None), false);
        }
        let Some(fleet) = self.fleet(service) else { return String::new() };
        fleet.generation += 1;
        fleet.rolling = true;
        self.reconcile(service);
        "one after the other".to_owned()
    }

    /// Replicas are deleted, and others take their place.
    pub(in crate::world) fn delete(
        &mut self,
        service: ServiceId,
        (count, waiting): (u32, Option<u64>),
        grace: bool,
    ) -> String {
        let mut chosen = self.first_live(service, u32::MAX);
        chosen.retain(|id| waiting.is_none_or(|most| self.state.replicas[id.at()].waiting > most));
        chosen.truncate(count as usize);
        for &id in &chosen {
            if grace {
                self.wind_down(id, Then::Gone);
            } else {
                self.gone(id, "killed");
            }
        }
        self.reconcile(service);
        format!("{} replicas", chosen.len())
    }

    /// Replicas are moved elsewhere, as soon as the budget allows it.
    pub(in crate::world) fn move_away(&mut self, service: ServiceId, count: u32) -> String {
        let chosen = self.first_live(service, count);
        let told = format!("{} replicas, as the budget allows", chosen.len());
        if let Some(fleet) = self.fleet(service) {
            let new: Vec<ReplicaId> = chosen.into_iter().filter(|id| !fleet.moving.contains(id)).collect();
            fleet.moving.extend(new);
        }
        self.reconcile(service);
        told
    }

    fn first_live(&self, service: ServiceId, count: u32) -> Vec<ReplicaId> {
        let pods = &self.state.platform.pods;
        self.places_of(service).filter(|id| pods[id.at()].is_live()).take(count as usize).collect()
    }

    /// How many are ready, and how many there are, of those that count.
    pub(in crate::world) fn headcount(&self, service: ServiceId) -> (u32, u32) {
        let pods = || self.places_of(service).map(|id| &self.state.platform.pods[id.at()]);
        let ready = pods().filter(|pod| pod.phase == Phase::Ready).count();
        (ready as u32, pods().filter(|pod| pod.is_live()).count() as u32)
    }

    /// Brings a service closer to what is wanted of it, as far as that goes at this instant.
    pub(in crate::world) fn reconcile(&mut self, service: ServiceId) {
        if self.fleet(service).is_none() {
            return;
        }
        // What takes no time can go on at once; each round creates or ends a replica.
        let most = 8 * self.plan.services[service.at()].replicas;
        for _ in 0..most {
            let moved = self.move_next(service);
            if !(self.next_step(service) || moved) {
                return;
            }
        }
    }

    /// Moves one of those that are to be moved; whether it could.
    fn move_next(&mut self, service: ServiceId) -> bool {
        let Some(platform) = self.plan.services[service.at()].platform.as_deref() else { return false };
        let (ready, _) = self.headcount(service);
        let Some(fleet) = self.state.platform.fleets[service.at()].as_deref_mut() else { return false };
        let pods = &self.state.platform.pods;
        fleet.moving.retain(|id| pods[id.at()].is_live());
        let may = |id: &ReplicaId| {
            let is_ready = pods[id.at()].phase == Phase::Ready;
            platform.budget.as_ref().is_none_or(|budget| platform::may_move(budget, fleet.wanted, ready, is_ready))
        };
        let Some(at) = fleet.moving.iter().position(may) else { return false };
        let id = fleet.moving.remove(at);
        self.wind_down(id, Then::Gone);
        true
    }

    /// Creates or ends replicas; whether there was anything to do.
    fn next_step(&mut self, service: ServiceId) -> bool {
        let Some(platform) = self.plan.services[service.at()].platform.as_deref() else { return false };
        let Some(fleet) = self.state.platform.fleets[service.at()].as_deref() else { return false };
        let (wanted, generation, rolling) = (fleet.wanted, fleet.generation, fleet.rolling);
        let mut live = self.first_live(service, u32::MAX);
        if rolling {
            let pods = &self.state.platform.pods;
            let mut counts = Counts { wanted, ..Counts::default() };
            for id in &live {
                let pod = &pods[id.at()];
                let of = if pod.generation == generation { &mut counts.new } else { &mut counts.old };
                *(if pod.phase == Phase::Ready { &mut of.0 } else { &mut of.1 }) += 1;
            }
            if counts.old != (0, 0) {
                let step = platform::step(counts, platform::fenceposts(wanted, platform.surge, platform.unavailable));
                live.retain(|id| pods[id.at()].generation != generation);
                let ready = |id: &ReplicaId| pods[id.at()].phase == Phase::Ready;
                let (fit, unfit): (Vec<ReplicaId>, Vec<ReplicaId>) = live.into_iter().partition(ready);
                let unfit = unfit.into_iter().take(step.unready as usize);
                let going: Vec<ReplicaId> = unfit.chain(fit.into_iter().take(step.ready as usize)).collect();
                let created = self.create_some(service, step.begin);
                going.iter().for_each(|id| self.wind_down(*id, Then::Gone));
                return created || !going.is_empty();
            }
            if let Some(fleet) = self.fleet(service) {
                fleet.rolling = false;
            }
            let target = format!("services.{}", self.plan.names.services[service.at()]);
            self.write_down(Cause::Platform(service), "rolled out", target, format!("{} replicas", live.len()));
        }
        let count = live.len() as u32;
        if count < wanted {
            return self.create_some(service, wanted - count);
        }
        if count == wanted {
            return false;
        }
        // Those that are of no use yet go first, then the youngest.
        let pods = &self.state.platform.pods;
        live.sort_by_key(|id| (pods[id.at()].phase == Phase::Ready, Reverse(pods[id.at()].started), Reverse(id.0)));
        live.truncate((count - wanted) as usize);
        live.into_iter().for_each(|id| self.wind_down(id, Then::Gone));
        true
    }

    /// Begins so many new replicas, as far as there are places; whether there was any.
    fn create_some(&mut self, service: ServiceId, count: u32) -> bool {
        let pods = &self.state.platform.pods;
        let free = |id: &ReplicaId| pods[id.at()].phase == Phase::Absent && !pods[id.at()].held;
        let chosen: Vec<ReplicaId> = self.places_of(service).filter(free).take(count as usize).collect();
        chosen.iter().for_each(|id| self.create(*id));
        !chosen.is_empty()
    }
}
