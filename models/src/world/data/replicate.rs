//! Writes on their way: to the followers, to the disks, and back as acknowledgements.

use super::{Entry, Later};
use crate::plan::{Effect, ServiceId};
use crate::world::{Event, Run};
use squall_sim::{Span, Ticket, Time};

impl Run<'_> {
    /// The primary makes a write.
    pub(super) fn append(&mut self, service: ServiceId, entry: Entry) {
        let most = self.plan.settings.limits.in_flight;
        let store = self.store_of(service);
        store.log.push_back(entry);
        let (head, primary, copies) = (store.head(), store.primary, store.copies.len() as u32);
        let too_long = store.log.len() as u64 > most;
        store.copies[primary as usize].has = head;
        if too_long {
            self.cut_log(service);
        }
        self.written_to(service, primary);
        for local in 0..copies {
            self.advance(service, local);
        }
        self.acknowledge(service);
    }

    /// There is no room for another write that some copy lacks: whoever is that far behind is copied anew when it comes back.
    #[cold]
    fn cut_log(&mut self, service: ServiceId) {
        let store = self.store_of(service);
        let safe = store.acknowledged.min(store.copies[store.primary as usize].on_disk);
        if store.base < safe {
            store.log.pop_front();
            store.base += 1;
        } else {
            self.overfull();
        }
    }

    /// A copy has got something that is not on its disk yet.
    pub(super) fn written_to(&mut self, service: ServiceId, local: u32) {
        let (flush, now) = (self.data_plan(service).flush, self.cx.now());
        let copy = self.copy_of(service, local);
        let Some(every) = flush else {
            copy.on_disk = copy.has;
            return;
        };
        if !std::mem::replace(&mut copy.dirty, true) {
            let next = now.nanos() - now.nanos() % every.nanos() + every.nanos();
            self.cx.at(Time::from_nanos(next), Event::Data { service, what: Later::Flush, number: local });
        }
    }

    pub(super) fn flush(&mut self, service: ServiceId, local: u32) {
        let copy = self.copy_of(service, local);
        copy.dirty = false;
        copy.on_disk = copy.has;
        self.trim(service);
    }

    /// A follower takes what has reached it, and waits for the next write.
    pub(super) fn advance(&mut self, service: ServiceId, local: u32) {
        if self.data_plan(service).single {
            return;
        }
        let now = self.cx.now();
        let mut more = false;
        loop {
            let store = self.store_of(service);
            let (base, head, leads) = (store.base, store.head(), store.leads);
            let primary = store.primary;
            let copy = &mut store.copies[local as usize];
            if !leads || local == primary || !copy.up || copy.cut {
                break;
            }
            if copy.has < base {
                // It was away for longer than writes are kept for it, so it is copied anew.
                (copy.has, copy.on_disk) = (base, base);
            }
            if copy.has == head {
                copy.due = None;
                break;
            }
            let due = copy.due;
            let due = due.unwrap_or_else(|| self.reaches(service, local, now));
            let copy = self.copy_of(service, local);
            if due > now {
                copy.due = Some(due);
                if copy.timer == Ticket::NONE {
                    let timer = self.cx.at(due, Event::Data { service, what: Later::Arrives, number: local });
                    self.copy_of(service, local).timer = timer;
                }
                break;
            }
            copy.due = None;
            copy.has += 1;
            more = true;
        }
        if more {
            self.written_to(service, local);
            self.acknowledge(service);
        }
    }

    /// When the next write reaches a follower: never before the one before it.
    fn reaches(&mut self, service: ServiceId, local: u32, now: Time) -> Time {
        let lag = self.data_plan(service).lag.map(|dist| self.plan.dist(dist));
        let more = self.lags(service, local);
        let store = self.store_of(service);
        let made = store.entry(store.copies[local as usize].has + 1).map_or(now, |entry| entry.made);
        let copy = &mut store.copies[local as usize];
        let lag = lag.map_or(Span::ZERO, |dist| dist.sample_span(&mut copy.luck));
        (made + lag + more).max(now)
    }

    /// What faults add to the lag of a follower.
    fn lags(&mut self, target: ServiceId, local: u32) -> Span {
        let follower = self.follower_number(target, local);
        let delays = self.in_force().filter_map(|effect| match *effect {
            Effect::Replication { service, replicas, delay } if service == target && follower < replicas => delay,
            _ => None,
        });
        let mut sum = Span::ZERO;
        // Mostly there is no such fault.
        for dist in delays.collect::<Vec<_>>() {
            let dist = self.plan.dist(dist);
            sum += dist.sample_span(&mut self.copy_of(target, local).trouble);
        }
        sum
    }

    /// The number of a follower among all of them, from 0.
    fn follower_number(&mut self, service: ServiceId, local: u32) -> u32 {
        local - u32::from(self.store_of(service).primary < local)
    }

    /// Which followers are cut off is worked out anew.
    pub(in crate::world) fn apply_replication(&mut self, target: ServiceId) {
        for local in 0..self.store_of(target).copies.len() as u32 {
            let follower = self.follower_number(target, local);
            let cut = self.in_force().any(|effect| {
                matches!(*effect, Effect::Replication { service, replicas, delay: None }
                    if service == target && follower < replicas)
            });
            let copy = self.copy_of(target, local);
            if std::mem::replace(&mut copy.cut, cut) == cut {
                continue;
            }
            if cut {
                self.stop_following(target, local);
            } else {
                self.advance(target, local);
            }
        }
    }

    /// What is on its way to a follower does not arrive.
    pub(super) fn stop_following(&mut self, service: ServiceId, local: u32) {
        let copy = self.copy_of(service, local);
        copy.due = None;
        let timer = std::mem::replace(&mut copy.timer, Ticket::NONE);
        self.cx.cancel(timer);
    }

    /// Writes that enough copies have are acknowledged.
    pub(super) fn acknowledge(&mut self, service: ServiceId) {
        let needs = self.data_plan(service).needs;
        let store = self.store_of(service);
        if !store.leads {
            return;
        }
        let all = || store.copies.iter().enumerate().filter(|(local, _)| *local != store.primary as usize);
        let enough = |has: u64| all().filter(|(_, copy)| copy.has >= has).count() >= needs as usize;
        let reached = match needs {
            0 => store.head(),
            _ => all().map(|(_, copy)| copy.has).filter(|has| enough(*has)).max().unwrap_or(0).min(store.head()),
        };
        while self.store_of(service).acknowledged < reached {
            let store = self.store_of(service);
            store.acknowledged += 1;
            let client = store.entry(store.acknowledged).map(|entry| entry.client);
            self.state.services[service.at()].totals.data.acknowledged += 1;
            if let Some(client) = client {
                self.state.clients[client as usize].totals.acknowledged += 1;
            }
        }
        while let Some((_, key)) = self.next_acknowledged(service) {
            self.write_is_done(key);
        }
        self.trim(service);
    }

    fn next_acknowledged(&mut self, service: ServiceId) -> Option<(u64, squall_sim::Key<crate::world::call::Call>)> {
        let store = self.store_of(service);
        let (position, _) = *store.waiting.front()?;
        if position <= store.acknowledged { store.waiting.pop_front() } else { None }
    }

    /// What every copy has on its disk need not be kept any more.
    pub(super) fn trim(&mut self, service: ServiceId) {
        let store = self.store_of(service);
        let known = store.copies.iter().filter(|copy| copy.known && (copy.up || copy.has >= store.base));
        let safe = known.map(|copy| copy.on_disk).min().unwrap_or(store.base).min(store.acknowledged);
        while store.base < safe && store.log.pop_front().is_some() {
            store.base += 1;
        }
    }
}
