//! Copies go and come back, and one of them is the primary. What nobody has any more is lost.

use super::Later;
use crate::outcome::Failure;
use crate::plan::{Cause, ReplicaId, ServiceId};
use crate::world::{Event, Run, Task};
use squall_sim::Span;

impl Run<'_> {
    fn stored_by(&self, id: ReplicaId) -> Option<(ServiceId, u32)> {
        let replica = &self.state.replicas[id.at()];
        self.plan.services[replica.service.at()].data.as_ref()?;
        Some((replica.service, replica.local))
    }

    /// A replica is about to end in good order: what it has goes to its disk, and to followers that are there.
    pub(in crate::world) fn save_copies(&mut self, id: ReplicaId) {
        let Some((service, local)) = self.stored_by(id) else { return };
        let store = self.store_of(service);
        let (leads, head) = (store.leads(local), store.head());
        let own = &mut store.copies[local as usize];
        own.on_disk = own.has;
        for copy in store.copies.iter_mut().filter(|copy| leads && copy.up && !copy.cut) {
            (copy.has, copy.due) = (head, None);
        }
        (0..store.copies.len() as u32).filter(|at| *at != local).for_each(|at| self.written_to(service, at));
        self.acknowledge(service);
    }

    /// A process has ended, with all that it had not written to its disk.
    pub(in crate::world) fn copy_down(&mut self, id: ReplicaId) {
        let Some((service, local)) = self.stored_by(id) else { return };
        self.stop_following(service, local);
        let store = self.store_of(service);
        let leads = store.leads(local);
        let copy = &mut store.copies[local as usize];
        (copy.up, copy.has) = (false, copy.on_disk);
        if !leads {
            return;
        }
        store.leads = false;
        store.life += 1;
        let (life, copies) = (store.life, store.copies.len() as u32);
        (0..copies).for_each(|follower| self.stop_following(service, follower));
        if let Some((detection, election)) = self.data_plan(service).failover {
            let mut takes = Span::ZERO;
            for dist in [detection, election].into_iter().flatten() {
                let dist = self.plan.dist(dist);
                takes += dist.sample_span(&mut self.store_of(service).luck);
            }
            self.cx.after(takes, Event::Data { service, what: Later::Elect, number: life });
        }
        let most = self.store_of(service).copies.iter().map(|copy| copy.has).max().unwrap_or(0);
        self.note_copy(service, local, "primary_down", String::new());
        let lost = self.lose_after(service, most);
        if lost > 0 {
            self.note_copy(service, local, "data_lost", format!("{lost} acknowledged writes were on no disk"));
        }
        if self.data_plan(service).single {
            let next = self.store_of(service).copies.iter().position(|copy| copy.up);
            if let Some(next) = next {
                self.mount(service, next as u32);
            }
        }
        self.show_primary(service);
    }

    /// A process gets the only disk there is, which another one has left.
    fn mount(&mut self, service: ServiceId, local: u32) {
        let store = self.store_of(service);
        let last = &mut store.copies[store.primary as usize];
        let on_disk = last.on_disk;
        last.known = false;
        let copy = &mut store.copies[local as usize];
        (copy.has, copy.on_disk, copy.known) = (on_disk, on_disk, true);
        self.lead(service, local);
    }

    /// A process is there again, with what is on its disk.
    pub(in crate::world) fn copy_up(&mut self, id: ReplicaId) {
        let Some((service, local)) = self.stored_by(id) else { return };
        let single = self.data_plan(service).single;
        let store = self.store_of(service);
        if single {
            store.copies[local as usize].up = true;
            if !store.leads {
                self.mount(service, local);
            }
            return;
        }
        let (base, due) = (store.base, !store.leads && (local == store.primary || store.wanting));
        let copy = &mut store.copies[local as usize];
        (copy.up, copy.known) = (true, true);
        if due && copy.has >= base {
            self.lead(service, local);
        } else {
            self.advance(service, local);
        }
    }

    /// It is time for a new primary.
    pub(super) fn elect(&mut self, service: ServiceId, life: u32) {
        let store = self.store_of(service);
        if store.leads || store.life != life {
            return;
        }
        let able = store.copies.iter().zip(0..).filter(|(copy, _)| copy.up && copy.has >= store.base);
        // Of several that have as much, the first.
        match able.max_by_key(|(copy, local)| (copy.has, std::cmp::Reverse(*local))).map(|(_, local)| local) {
            Some(local) => self.lead(service, local),
            None => {
                store.wanting = true;
                let last = store.primary;
                self.note_copy(service, last, "no_candidate", "no other copy is there".to_owned());
            }
        }
    }

    /// A copy becomes primary, or is it again.
    fn lead(&mut self, service: ServiceId, local: u32) {
        let store = self.store_of(service);
        let again = store.primary == local;
        let has = store.copies[local as usize].has;
        (store.primary, store.leads, store.wanting) = (local, true, false);
        store.life += 1;
        let copies = store.copies.len() as u32;
        let lost = self.lose_after(service, has);
        let what = if again { "primary_back" } else { "promoted" };
        self.note_copy(service, local, what, format!("{lost} acknowledged writes lost"));
        self.apply_replication(service);
        (0..copies).for_each(|follower| self.advance(service, follower));
        self.acknowledge(service);
        self.show_primary(service);
    }

    /// Writes after a position are nowhere any more; how many of them were acknowledged.
    fn lose_after(&mut self, service: ServiceId, position: u64) -> u64 {
        let mut lost = 0;
        while self.store_of(service).head() > position {
            let store = self.store_of(service);
            let acknowledged = store.head() <= store.acknowledged;
            let Some(entry) = store.log.pop_back() else { break };
            if acknowledged {
                lost += 1;
                self.state.clients[entry.client as usize].totals.lost += 1;
            }
            // Whoever tries again makes the effect for the first time.
            if !entry.duplicate {
                self.state.written.forget(entry.effect);
            }
        }
        self.state.services[service.at()].totals.data.lost += lost;
        let store = self.store_of(service);
        store.acknowledged = store.acknowledged.min(position);
        for copy in store.copies.iter_mut().filter(|copy| copy.has > position) {
            (copy.has, copy.on_disk, copy.due) = (position, copy.on_disk.min(position), None);
        }
        while let Some((at, call)) = self.store_of(service).waiting.pop_back() {
            if at <= position {
                self.store_of(service).waiting.push_back((at, call));
                break;
            }
            if self.state.calls.get(call).is_some() {
                self.state.tasks.push(Task::Finish { call, outcome: Err(Failure::Error) });
            }
        }
        lost
    }

    /// Callers know of a replica, or no longer. False if that is not to be decided here.
    pub(in crate::world) fn listed(&mut self, id: ReplicaId, listed: bool) -> bool {
        let Some((service, local)) = self.stored_by(id) else { return false };
        if !self.data_plan(service).primary_only {
            return false;
        }
        self.copy_of(service, local).listed = listed;
        self.show_primary(service);
        true
    }

    /// Callers are led to the primary, where that is what is wanted.
    pub(in crate::world) fn show_primary(&mut self, service: ServiceId) {
        if !self.data_plan(service).primary_only {
            return;
        }
        let managed = self.plan.services[service.at()].platform.is_some();
        let store = self.store_of(service);
        let (leads, primary) = (store.leads, store.primary);
        let copy = &store.copies[primary as usize];
        let shown = leads && if managed { copy.listed } else { copy.up };
        let up = &mut self.state.services[service.at()].up;
        up.clear();
        up.extend(shown.then_some(primary));
    }

    fn note_copy(&mut self, service: ServiceId, local: u32, what: &'static str, effect: String) {
        let id = ReplicaId(self.plan.services[service.at()].first + local);
        self.write_down(Cause::Platform(service), what, self.plan.replica_name(id), effect);
    }
}
