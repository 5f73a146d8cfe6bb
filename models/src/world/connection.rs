//! Connections of libraries' pools: they are opened to a replica, carry calls there, die with it, and are closed.
//!
//! What a library decides comes as actions (see [`crate::pool`]); here they take their time.

use super::call::{Call, Destination, Invocation};
use super::pool::PoolState;
use super::server::{Errand, What};
use super::{Event, Run};
use crate::outcome::{Failure, Outcome};
use crate::plan::{EdgeId, EndpointId, LibraryPlan, ReplicaId};
use crate::pool::{Action, Health, Pool, Slot};
use squall_sim::random::{Draw, Luck, Place, Purpose, Stream};
use squall_sim::{Key, Span, Ticket, Time};

/// A library's pool in one replica.
#[derive(Clone, Debug)]
pub(crate) struct LibraryState {
    pub(crate) machine: Pool<Key<Call>>,
    pub(super) links: Vec<Link>,
    /// Which slot a call holds, by its place and the depth of its scope.
    pub(super) held: super::lookup::Lookup<Slot>,
    pub(super) draws: Stream,
    luck: Luck,
    /// Round trips so far, which tells their draws apart.
    trips: u32,
    wake: (Time, Ticket),
    /// Open connections, and those of them that are half-open.
    pub(super) open: u32,
    pub(super) silent: u32,
}

/// What goes on at this end of a slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// The replica that holds the other end.
    pub(super) replica: Option<ReplicaId>,
    pub(super) errand: Key<Errand>,
    /// The call that is under way over it.
    pub(super) user: Key<Invocation>,
    /// Since when it has been in this use: taken, or the last call over.
    pub(super) since: Time,
    pub(super) taken: Time,
    pub(super) silent: bool,
}

impl Link {
    const NONE: Self =
        Self { replica: None, errand: Key::NONE, user: Key::NONE, since: Time::ZERO, taken: Time::ZERO, silent: false };
}

impl LibraryState {
    pub(super) fn new(plan: &LibraryPlan, seed: u64, local: u32) -> Self {
        let mut draws = Stream::new(seed, &format!("{}.{local}", plan.name));
        let luck = Luck::from_stream(&mut draws);
        Self {
            machine: Pool::new(&plan.spec),
            links: Vec::new(),
            held: super::lookup::Lookup::default(),
            draws,
            luck,
            trips: 0,
            wake: (Time::MAX, Ticket::NONE),
            open: 0,
            silent: 0,
        }
    }
}

/// The place in [`LibraryState::held`] of what a call holds at this depth.
pub(super) fn holding(call: Key<Call>, depth: u8) -> u64 {
    call.index() as u64 * 8 + u64::from(depth)
}

impl<'a> Run<'a> {
    /// The library's pool number `at`. Only called for pools that have a library.
    pub(super) fn library(&mut self, at: usize) -> &mut LibraryState {
        self.state.pools[at].library.as_mut().expect("a pool without a library has no connections")
    }

    pub(super) fn library_plan(&self, at: usize) -> &'a LibraryPlan {
        let plan = self.plan;
        let id = self.state.pools[at].id;
        plan.pools[id.at()].library.as_ref().expect("a pool without a library has no connections")
    }

    /// Does what the library has decided, and sets its alarm.
    pub(super) fn carry_out(&mut self, at: usize) {
        while let Some(action) = self.library(at).machine.action() {
            match action {
                Action::Connect(slot) => self.log_in(at, slot),
                Action::Test(slot, limit) => self.round_trip(at, slot, limit),
                Action::Give(slot, waiter) => self.hand_over(at, slot, waiter),
                Action::Fail(waiter, failure) => self.give_none(at, waiter, failure),
                Action::Close(slot) => self.hang_up(at, slot),
            }
        }
        let now = self.cx.now();
        let pool = &mut self.state.pools[at];
        pool.mirror(now);
        let Some(library) = &mut pool.library else { return };
        let next = library.machine.next_wake();
        if next != library.wake.0 {
            self.cx.cancel(library.wake.1);
            let ticket = if next == Time::MAX { Ticket::NONE } else { self.cx.at(next, Event::PoolWake(at as u32)) };
            library.wake = (next, ticket);
        }
    }

    /// The library's alarm goes off.
    pub(super) fn pool_wake(&mut self, at: u32) {
        let (now, at) = (self.cx.now(), at as usize);
        self.state.pools[at].touch(now);
        let library = self.library(at);
        library.wake = (Time::MAX, Ticket::NONE);
        library.machine.wake(now);
        self.carry_out(at);
    }

    pub(super) fn link(&mut self, at: usize, slot: Slot) -> &mut Link {
        let links = &mut self.library(at).links;
        if links.len() <= slot.0 as usize {
            links.resize(slot.0 as usize + 1, Link::NONE);
        }
        &mut links[slot.0 as usize]
    }

    pub(super) fn errand(&mut self, at: usize, slot: Slot, what: What, luck: Luck) -> Key<Errand> {
        let serial = self.library(at).machine.connection(slot).serial;
        self.state.servers.errands.insert(Errand {
            pool: at as u32,
            slot,
            serial,
            what,
            luck,
            began: self.cx.now(),
            timer: Ticket::NONE,
            replica: None,
            call: Key::NONE,
        })
    }

    fn log_in(&mut self, at: usize, slot: Slot) {
        let plan = self.library_plan(at);
        let (to, connect, place) = (plan.to, plan.connect, plan.connect_place);
        let patience = plan.connect_timeout;
        let library = self.library(at);
        let luck = library.luck.child(place, library.machine.connection(slot).serial as u32);
        let patience = library.machine.connect_timeout().map_or(patience, |own| own.min(patience));
        let mut time = connect.map_or(Span::ZERO, |dist| self.plan.dist(dist).sample_span(&mut luck.at(place)));
        let errand = self.errand(at, slot, What::LogIn, luck);
        *self.link(at, slot) = Link { errand, ..Link::NONE };
        self.state.servers.errands[errand].timer = self.cx.after(patience, Event::ErrandLate(errand));
        if let Some((_, edge)) = to {
            let Some(delay) = self.delay(edge, luck) else { return };
            time += delay;
        }
        self.cx.after(time, Event::ErrandDone(errand));
    }

    /// What the troubles of a link add to a log-in over it; none if it never arrives. A lost call is made again after a
    /// second, two, four, and so on, as TCP does.
    fn delay(&self, edge: EdgeId, luck: Luck) -> Option<Span> {
        const LOST: Place = Place::named("log-in lost", Purpose::Loss);
        let trouble = self.state.edges[edge.at()].trouble;
        if trouble.no_calls || trouble.no_answers {
            return None;
        }
        let plan = &self.plan.edges[edge.at()];
        let mut delay = Span::ZERO;
        if let Some(dist) = trouble.link.delay {
            for places in [&plan.there, &plan.back] {
                delay += self.plan.dist(dist).sample_span(&mut luck.at(places.fault));
            }
        }
        let loss = 1.0 - (1.0 - plan.loss) * (1.0 - trouble.link.loss);
        let (mut again, mut draws) = (Span::from_secs(1), luck.at(LOST));
        while loss > 0.0 && draws.unit() < loss {
            if again > Span::from_secs(64) {
                return None;
            }
            delay += again;
            again = again + again;
        }
        Some(delay)
    }

    pub(super) fn is_cut(&self, edge: EdgeId) -> bool {
        let trouble = self.state.edges[edge.at()].trouble;
        trouble.no_calls || trouble.no_answers
    }

    fn round_trip(&mut self, at: usize, slot: Slot, limit: Option<Span>) {
        let plan = self.library_plan(at);
        let (dist, place, silence) = (plan.round_trip, plan.trip_place, plan.silence);
        let library = self.library(at);
        library.trips = library.trips.wrapping_add(1);
        let luck = library.luck.child(place, library.trips);
        let time = dist.map_or(Span::ZERO, |dist| self.plan.dist(dist).sample_span(&mut luck.at(place)));
        let now = self.cx.now();
        let silence = limit.map_or(silence, |limit| limit.min(silence));
        match self.library(at).machine.connection(slot).health {
            Some(Health::Alive) if time.is_zero() => self.library(at).machine.tested(now, slot, true),
            Some(Health::Alive) => {
                let errand = self.errand(at, slot, What::Trip, luck);
                self.link(at, slot).errand = errand;
                self.state.servers.errands[errand].timer = self.cx.after(silence, Event::ErrandLate(errand));
                self.cx.after(time, Event::ErrandDone(errand));
            }
            Some(Health::Silent) => {
                let errand = self.errand(at, slot, What::Silence, luck);
                self.link(at, slot).errand = errand;
                self.state.servers.errands[errand].timer = self.cx.after(silence, Event::ErrandLate(errand));
            }
            // The operating system knows, so the library hears of it at once.
            Some(Health::Dead) | None => self.library(at).machine.tested(now, slot, false),
        }
    }

    /// A log-in reaches the server, a round trip is over, or a probe has gone unanswered.
    pub(super) fn errand_done(&mut self, key: Key<Errand>) {
        let Some(&errand) = self.state.servers.errands.get(key) else { return };
        let at = errand.pool as usize;
        match errand.what {
            What::LogIn => self.reach(key, errand),
            What::Trip => match self.library(at).machine.connection(errand.slot).health {
                Some(Health::Silent) => self.state.servers.errands[key].what = What::Silence,
                health => self.trip_over(key, health == Some(Health::Alive)),
            },
            What::Silence => {}
            What::Probe => {
                self.state.servers.errands.free(key);
                self.probed(at, errand);
            }
        }
    }

    /// Patience is over.
    pub(super) fn errand_late(&mut self, key: Key<Errand>) {
        let Some(errand) = self.state.servers.errands.get_mut(key) else { return };
        errand.timer = Ticket::NONE;
        match errand.what {
            What::LogIn => self.log_in_over(key, Err(Failure::Timeout)),
            What::Trip | What::Silence => self.trip_over(key, false),
            What::Probe => {}
        }
    }

    pub(super) fn trip_over(&mut self, key: Key<Errand>, alive: bool) {
        let Some(errand) = self.state.servers.errands.remove(key) else { return };
        self.cx.cancel(errand.timer);
        let (now, at) = (self.cx.now(), errand.pool as usize);
        self.state.pools[at].touch(now);
        self.library(at).machine.tested(now, errand.slot, alive);
        self.carry_out(at);
    }

    /// A log-in has come to the server, or to where it should be.
    fn reach(&mut self, key: Key<Errand>, errand: Errand) {
        let at = errand.pool as usize;
        let plan = self.library_plan(at);
        let (login, Some((service, edge))) = (plan.login, plan.to) else {
            return self.log_in_over(key, Ok(()));
        };
        if self.is_cut(edge) {
            return;
        }
        let up = self.known_hosts(edge);
        let Some(&local) = up.get(errand.serial as usize % up.len().max(1)) else {
            return self.log_in_over(key, Err(Failure::Refused));
        };
        let replica = ReplicaId(self.plan.services[service.at()].first + local);
        if !self.state.servers.admit(service, replica) {
            return self.log_in_over(key, Err(Failure::Refused));
        }
        self.state.servers.errands[key].replica = Some(replica);
        match login {
            None => self.log_in_over(key, Ok(())),
            Some(endpoint) => {
                let call = self.log_in_call(errand.luck, edge, endpoint, replica);
                self.state.servers.serve(key, call);
                self.deliver(call);
            }
        }
    }

    /// The server has done the work of a log-in, if that was what the call was for.
    #[cold]
    pub(super) fn log_in_served(&mut self, call: Key<Call>, outcome: Outcome) {
        let Some(key) = self.state.servers.served(call) else { return self.probe_answered(call, outcome) };
        let Some(errand) = self.state.servers.errands.get_mut(key) else { return };
        errand.call = Key::NONE;
        let at = errand.pool as usize;
        if self.library_plan(at).to.is_some_and(|(_, edge)| self.is_cut(edge)) {
            return;
        }
        self.log_in_over(key, outcome);
    }

    /// A log-in has come to its end.
    fn log_in_over(&mut self, key: Key<Errand>, outcome: Outcome) {
        let Some(errand) = self.state.servers.errands.remove(key) else { return };
        self.cx.cancel(errand.timer);
        let (now, at) = (self.cx.now(), errand.pool as usize);
        let pool = &mut self.state.pools[at];
        pool.touch(now);
        if outcome.is_ok() {
            pool.totals.opened += 1;
            pool.totals.connect.record(now.since(errand.began));
            self.library(at).open += 1;
            *self.link(at, errand.slot) = Link { replica: errand.replica, since: now, ..Link::NONE };
        } else {
            pool.totals.connect_failures += 1;
            self.give_up(errand);
            *self.link(at, errand.slot) = Link::NONE;
        }
        let library = self.library(at);
        library.machine.connected(now, errand.slot, outcome, &mut library.draws);
        self.carry_out(at);
    }

    /// Nobody waits for a log-in any more; the server may still be at it.
    fn give_up(&mut self, errand: Errand) {
        let Some(replica) = errand.replica else { return };
        if self.state.calls.get(errand.call).is_some() {
            self.orphan(errand.call);
            self.state.servers.served(errand.call);
            return self.state.servers.haunt(errand.call, replica);
        }
        let edge = self.library_plan(errand.pool as usize).to.map(|(_, edge)| edge);
        self.let_go(replica, edge.is_some_and(|edge| self.is_cut(edge)));
    }

    /// This end closes a connection: the other end lets go of it at once, or when it notices.
    pub(super) fn let_go(&mut self, replica: ReplicaId, silently: bool) {
        if !silently {
            self.state.servers.open[replica.at()] -= 1;
            return;
        }
        let service = self.state.replicas[replica.at()].service;
        let forget = self.plan.services[service.at()].connections.forget;
        let ghost = self.state.servers.ghost(replica);
        self.cx.after(forget, Event::Forget(ghost));
    }

    /// The connection in a slot is closed.
    fn hang_up(&mut self, at: usize, slot: Slot) {
        let edge = self.library_plan(at).to.map(|(_, edge)| edge);
        let cut = edge.is_some_and(|edge| self.is_cut(edge));
        let link = std::mem::replace(self.link(at, slot), Link::NONE);
        self.state.pools[at].totals.closed += 1;
        let library = self.library(at);
        library.open -= 1;
        library.silent -= u32::from(link.silent);
        if let Some(errand) = self.state.servers.errands.remove(link.errand) {
            self.cx.cancel(errand.timer);
        }
        if let Some(replica) = link.replica {
            self.let_go(replica, cut || link.silent);
        }
    }

    /// The process of a pool begins, and with it what the library opens ahead.
    pub(super) fn start_pools(&mut self, replica: ReplicaId) {
        let now = self.cx.now();
        for at in self.pools_of(replica) {
            if let Some(library) = &mut self.state.pools[at].library {
                library.machine.start(now);
                self.carry_out(at);
            }
        }
    }

    /// The process of a pool is gone. All who waited or held a connection are gone already.
    pub(super) fn stop_pools(&mut self, replica: ReplicaId) {
        let now = self.cx.now();
        for at in self.pools_of(replica) {
            self.state.pools[at].touch(now);
            let Some(library) = &mut self.state.pools[at].library else { continue };
            library.machine.clear();
            let errands: Vec<Key<Errand>> = library.links.iter().map(|link| link.errand).collect();
            for errand in errands {
                if let Some(errand) = self.state.servers.errands.remove(errand) {
                    self.cx.cancel(errand.timer);
                    self.give_up(errand);
                }
            }
            self.carry_out(at);
        }
    }

    /// The pools of a replica, by their numbers among all.
    pub(super) fn pools_of(&self, replica: ReplicaId) -> std::ops::Range<usize> {
        let replica = &self.state.replicas[replica.at()];
        let (first, count) = (replica.pools as usize, self.plan.services[replica.service.at()].pools.1);
        first..first + count as usize
    }

    /// The call that does the work of a log-in in a replica.
    fn log_in_call(&mut self, luck: Luck, edge: EdgeId, endpoint: EndpointId, replica: ReplicaId) -> Key<Call> {
        if self.state.calls.len() as u64 >= self.plan.settings.limits.in_flight {
            self.overfull();
        }
        let now = self.cx.now();
        // Nobody's call but the pool's: it reaches the server as the first attempt of a request of its own.
        let own = Invocation { root: luck, attempt: 1, depth: 1, first: true, ..Invocation::new(edge, endpoint, now) };
        let service = self.plan.edges[edge.at()].callee;
        let to = Destination { service, replica, pc: self.plan.endpoint(endpoint).start };
        self.state.calls.insert(Call::new((Key::NONE, &own), to, (1, luck), (now, Time::MAX)))
    }

    /// The replicas that hold the other ends of all connections.
    pub(super) fn linked(&self) -> impl Iterator<Item = Option<ReplicaId>> {
        let libraries = self.state.pools.iter().filter_map(|pool: &PoolState| pool.library.as_ref());
        libraries.flat_map(|library| library.links.iter().map(|link| link.replica))
    }
}
