//! What services store: the log of writes, the copies that have them, and who is primary.
//!
//! A write has a position in the log of its service. A copy has all writes up to a position, so that what it has, what is on
//! its disk and what was acknowledged are numbers, and only writes that some copy may still lack are kept one by one. Services
//! without `data` have no store and cost nothing here.

mod audit;
mod failover;
mod replicate;

use super::call::{Call, State as CallState};
use super::execute::Next;
use super::{Event, Run};
use crate::outcome::Failure;
use crate::plan::{Cause, DataPlan, Plan, ReplicaId, ServiceId};
use squall_sim::random::{Luck, Stream};
use squall_sim::{Key, Span, Ticket, Time};
use std::collections::VecDeque;

/// What one service stores.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// Writes, from the first, that every copy has on its disk.
    base: u64,
    /// The writes after those.
    log: VecDeque<Entry>,
    /// The position up to which writes are acknowledged.
    acknowledged: u64,
    copies: Vec<Copy>,
    /// Which replica is primary, or was the last one.
    primary: u32,
    /// Whether it is there.
    leads: bool,
    /// Another one is to be primary as soon as there is one.
    wanting: bool,
    /// Goes up whenever the primary goes or comes.
    life: u32,
    /// Calls that wait for their writes to be acknowledged, by position.
    waiting: VecDeque<(u64, Key<Call>)>,
    luck: Stream,
    /// Wrong writes that the last check has found.
    pub(super) found: Option<u64>,
}

/// A write.
#[derive(Clone, Copy, Debug)]
struct Entry {
    made: Time,
    /// What it is the effect of: the same for all attempts of one request.
    effect: u64,
    client: u32,
    duplicate: bool,
}

/// What one replica has.
#[derive(Clone, Debug)]
struct Copy {
    has: u64,
    on_disk: u64,
    up: bool,
    /// It was there at some time, so that it may have to catch up.
    known: bool,
    /// Nothing of what is written reaches it.
    cut: bool,
    /// Callers know of its replica.
    listed: bool,
    /// When it has the next write.
    due: Option<Time>,
    timer: Ticket,
    /// It is to be written to the disk soon.
    dirty: bool,
    luck: Stream,
    trouble: Stream,
}

/// What happens to a store after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Later {
    /// The next write reaches a copy.
    Arrives,
    /// A copy is written to its disk.
    Flush,
    /// It is time to elect a new primary, unless things have gone on since.
    Elect,
    /// A check, by its number, is done.
    Checked,
}

impl Later {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 4] = [Self::Arrives, Self::Flush, Self::Elect, Self::Checked];
}

/// All stores, by service; empty if there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stores {
    pub(super) all: Vec<Option<Box<Store>>>,
    /// Who has asked for a check.
    checks: Vec<Cause>,
}

impl Stores {
    pub(crate) fn new(plan: &Plan, seed: u64) -> Self {
        if plan.services.iter().all(|service| service.data.is_none()) {
            return Self::default();
        }
        let store = |service: &crate::plan::ServicePlan| {
            let data = service.data.as_deref()?;
            let copy = |local: u32| {
                let name = format!("{}.{local}", data.stream);
                let there = local < service.initial;
                Copy {
                    has: 0,
                    on_disk: 0,
                    up: there,
                    known: there,
                    cut: false,
                    listed: there,
                    due: None,
                    timer: Ticket::NONE,
                    dirty: false,
                    luck: Stream::new(seed, &name),
                    trouble: Stream::new(seed, &format!("{name}.faults")),
                }
            };
            Some(Box::new(Store {
                base: 0,
                log: VecDeque::new(),
                acknowledged: 0,
                copies: (0..service.replicas).map(copy).collect(),
                primary: 0,
                leads: true,
                wanting: false,
                life: 0,
                waiting: VecDeque::new(),
                luck: Stream::new(seed, &format!("{}.failover", data.stream)),
                found: None,
            }))
        };
        Self { all: plan.services.iter().map(store).collect(), checks: Vec::new() }
    }

    pub(super) fn of(&mut self, service: ServiceId) -> Option<&mut Store> {
        self.all.get_mut(service.at())?.as_deref_mut()
    }
}

impl Store {
    /// The position of the last write.
    fn head(&self) -> u64 {
        self.base + self.log.len() as u64
    }

    /// A write that is kept, by its position.
    fn entry(&self, position: u64) -> Option<&Entry> {
        self.log.get(usize::try_from(position.checked_sub(self.base + 1)?).ok()?)
    }

    /// Acknowledged writes on the disk of the primary.
    pub(super) fn persisted(&self) -> u64 {
        self.copies[self.primary as usize].on_disk.min(self.acknowledged)
    }

    fn leads(&self, local: u32) -> bool {
        self.leads && local == self.primary
    }
}

impl<'a> Run<'a> {
    fn data_plan(&self, service: ServiceId) -> &'a DataPlan {
        let plan = self.plan;
        let data = plan.services[service.at()].data.as_deref();
        data.unwrap_or_else(|| unreachable!("only services with data have a store"))
    }

    /// A store that is there: events and steps only speak of those.
    fn store_of(&mut self, service: ServiceId) -> &mut Store {
        self.state.stores.of(service).unwrap_or_else(|| unreachable!("only services with data have a store"))
    }

    fn copy_of(&mut self, service: ServiceId, local: u32) -> &mut Copy {
        &mut self.store_of(service).copies[local as usize]
    }

    /// What was waited for has come.
    pub(super) fn data_later(&mut self, service: ServiceId, what: Later, number: u32) {
        match what {
            Later::Arrives => {
                self.copy_of(service, number).timer = Ticket::NONE;
                self.advance(service, number);
            }
            Later::Flush => self.flush(service, number),
            Later::Elect => self.elect(service, number),
            Later::Checked => self.checked(service, number),
        }
    }

    /// A write with a key, or of a service that says how it keeps its data.
    pub(super) fn store(&mut self, key: Key<Call>, luck: Luck, number: u32) -> Next {
        let (plan, now) = (self.plan.stores[number as usize], self.cx.now());
        let call = self.state.calls[key];
        let data = self.plan.services[call.service.at()].data.is_some();
        let mut disk = call.replica;
        if data {
            let first = self.plan.services[call.service.at()].first;
            let store = self.store_of(call.service);
            if !store.leads {
                self.state.services[call.service.at()].totals.data.refused += 1;
                self.finish(key, Err(Failure::Error));
                return Next::Stop;
            }
            disk = ReplicaId(first + store.primary);
        }
        let (fails, takes) = if self.state.replicas[disk.at()].bad_disk {
            self.disk(disk, luck, plan.effect)
        } else {
            (false, Span::ZERO)
        };
        if fails {
            self.finish(key, Err(Failure::Error));
            return Next::Stop;
        }
        let effect = call.root.child(plan.effect, 0).value();
        if plan.ttl.is_some_and(|ttl| self.state.written.met(now, effect, ttl)) {
            self.state.services[call.service.at()].totals.data.deduplicated += 1;
        } else {
            let duplicate = self.write(key, plan.effect);
            if duplicate && plan.ttl.is_some() {
                self.state.written.renew(now, effect);
            }
            if data {
                self.append(call.service, Entry { made: now, effect, client: call.client.0, duplicate });
            }
        }
        self.wait_for_write(key, data, takes)
    }

    /// The step is over when the write is on the disk, and on those of followers that have to have it.
    fn wait_for_write(&mut self, key: Key<Call>, data: bool, takes: Span) -> Next {
        let (now, service) = (self.cx.now(), self.state.calls[key].service);
        let position = if data { Some(self.store_of(service)) } else { None };
        let position = position.filter(|store| store.acknowledged < store.head()).map(|store| store.head());
        if position.is_none() && takes.is_zero() {
            return Next::Step;
        }
        let call = &mut self.state.calls[key];
        (call.state, call.since, call.piece) = (CallState::Sleeping, now, takes);
        match position {
            Some(position) => self.store_of(service).waiting.push_back((position, key)),
            None => self.state.calls[key].timer = self.cx.after(takes, Event::Elapsed(key)),
        }
        Next::Stop
    }

    /// A call whose write is acknowledged goes on, as soon as the disk has done its part.
    fn write_is_done(&mut self, key: Key<Call>) {
        let now = self.cx.now();
        let Some(call) = self.state.calls.get_mut(key) else { return };
        let left = (call.since + call.piece).since(now);
        if left.is_zero() {
            self.worked(key);
        } else {
            call.timer = self.cx.after(left, Event::Elapsed(key));
        }
    }

    /// A read; whether it succeeds.
    pub(super) fn read_data(&mut self, key: Key<Call>, primary: bool) -> bool {
        let (now, call) = (self.cx.now(), self.state.calls[key]);
        let local = self.state.replicas[call.replica.at()].local;
        let store = self.store_of(call.service);
        let (leads, has, acknowledged) = (store.leads, store.copies[local as usize].has, store.acknowledged);
        let missed = store.entry(has + 1).map_or(Span::ZERO, |entry| now.since(entry.made));
        let totals = &mut self.state.services[call.service.at()].totals.data;
        if primary && !leads {
            return false;
        }
        totals.reads += 1;
        if !primary && has < acknowledged {
            totals.stale_reads += 1;
            totals.staleness = totals.staleness.max(missed);
        }
        true
    }

    /// What is stored is to be compared with what was acknowledged.
    pub(super) fn check_data(&mut self, cause: Cause, service: ServiceId, takes: Span) -> String {
        let number = self.state.stores.checks.len() as u32;
        self.state.stores.checks.push(cause);
        self.cx.after(takes, Event::Data { service, what: Later::Checked, number });
        format!("takes {takes}")
    }

    fn checked(&mut self, service: ServiceId, number: u32) {
        let totals = &self.state.services[service.at()].totals;
        let (lost, duplicates, stale) = (totals.data.lost, totals.duplicate_writes, totals.data.stale_reads);
        let store = self.store_of(service);
        store.found = Some(lost + duplicates);
        let behind = store.copies.iter().filter(|copy| copy.up && copy.known && copy.has < store.acknowledged).count();
        let found =
            format!("{lost} writes lost, {duplicates} duplicates, {stale} stale reads so far, {behind} copies behind");
        let (cause, target) =
            (self.state.stores.checks[number as usize], self.plan.names.services[service.at()].clone());
        self.write_down(cause, "checked", format!("services.{target}"), found);
    }
}
