//! Connection pools: so many connections, and a line for who waits.
//!
//! A plain pool is all here. Where a library decides, this is its counter: who comes, waits and gets what is counted, and
//! the rest is asked of the library (see [`super::connection`]).

use super::call::{Call, State as CallState};
use super::connection::{LibraryState, holding};
use super::line::Line;
use super::{Event, Run, Task};
use crate::outcome::Failure;
use crate::plan::{Op, Plan, PoolId, ReplicaId, ServiceId};
use crate::pool::{Late, Slot, Verdict};
use crate::report::PoolTotals;
use squall_sim::{Key, Span, Ticket, Time};

/// One pool of one replica.
#[derive(Clone, Debug)]
pub(crate) struct PoolState {
    pub(crate) id: PoolId,
    pub(crate) in_use: u32,
    /// How many can be in use.
    pub(crate) most: u32,
    pub(crate) line: Line,
    /// Who waits for a connection of a library's pool.
    pub(crate) pending: u32,
    pub(crate) library: Option<Box<LibraryState>>,
    pub(crate) totals: PoolTotals,
    /// When it last became empty with somebody waiting.
    pub(crate) empty_since: Time,
    last: Time,
    held: u128,
    waited: u128,
    /// Connections that are kept, since when, and that number over the time before.
    pub(crate) size: u32,
    sized: Time,
    available: u128,
    open: u128,
    silent: u128,
    /// The most that `most` has ever been.
    pub(crate) peak: u32,
}

/// All pools of a plan: for each replica in order, one for each pool of its service.
pub(crate) fn all(plan: &Plan, seed: u64) -> Vec<PoolState> {
    let of_service = |service: &crate::plan::ServicePlan| {
        let (first, count) = service.pools;
        let of_replica = move |local| (first..first + count).map(move |id| (PoolId(id), local));
        (0..service.replicas).flat_map(of_replica).collect::<Vec<_>>()
    };
    plan.services.iter().flat_map(of_service).map(|(id, local)| PoolState::new(plan, id, seed, local)).collect()
}

impl PoolState {
    fn new(plan: &Plan, id: PoolId, seed: u64, local: u32) -> Self {
        let pool = &plan.pools[id.at()];
        let library = pool.library.as_ref().map(|library| Box::new(LibraryState::new(library, seed, local)));
        let most = library.as_ref().map_or(pool.most, |library| library.machine.most().unwrap_or(u32::MAX));
        Self {
            id,
            in_use: 0,
            most,
            line: Line::default(),
            pending: 0,
            library,
            totals: PoolTotals { size_max: pool.size.into(), ..PoolTotals::default() },
            empty_since: Time::ZERO,
            last: Time::ZERO,
            held: 0,
            waited: 0,
            size: pool.size,
            sized: Time::ZERO,
            available: 0,
            open: 0,
            silent: 0,
            peak: most,
        }
    }

    /// Calls that wait for a connection.
    pub(crate) fn waiting(&self) -> usize {
        self.line.len() + self.pending as usize
    }

    /// Brings the integrals up to date. Call it before `in_use` or the line changes.
    pub(super) fn touch(&mut self, now: Time) {
        let elapsed = u128::from(now.since(self.last).nanos());
        self.last = now;
        self.held += u128::from(self.in_use) * elapsed;
        self.waited += self.waiting() as u128 * elapsed;
        if let Some(library) = &self.library {
            self.open += u128::from(library.open) * elapsed;
            self.silent += u128::from(library.silent) * elapsed;
        }
    }

    /// The size changes.
    fn set_size(&mut self, now: Time, size: u32) {
        self.available += u128::from(self.size) * u128::from(now.since(self.sized).nanos());
        (self.size, self.sized) = (size, now);
        self.totals.size_max = self.totals.size_max.max(size.into());
    }

    /// Takes over what a library's pool has come to.
    pub(super) fn mirror(&mut self, now: Time) {
        let Some(library) = &self.library else { return };
        let (size, most) = (library.machine.size(), library.machine.most().unwrap_or(u32::MAX));
        (self.in_use, self.most, self.peak) = (library.machine.counts().taken, most, self.peak.max(most));
        self.totals.open_max = self.totals.open_max.max(library.open.into());
        self.totals.half_open_max = self.totals.half_open_max.max(library.silent.into());
        if size != self.size {
            self.set_size(now, size);
        }
    }

    /// Writes the integrals into the totals.
    pub(crate) fn settle(&mut self, now: Time) {
        self.touch(now);
        self.set_size(now, self.size);
        let span = |area: u128| Span::from_nanos(u64::try_from(area).unwrap_or(u64::MAX));
        self.totals.held = span(self.held);
        self.totals.available = span(self.available);
        self.totals.queued_seconds = self.waited as f64 / 1e9;
        let open = if self.library.is_some() { self.open } else { self.available };
        self.totals.open_seconds = open as f64 / 1e9;
        self.totals.half_open_seconds = self.silent as f64 / 1e9;
    }

    /// From here on, maxima begin anew.
    pub(crate) fn restart_maxima(&mut self) {
        let (open, silent) = self.library.as_ref().map_or((self.size, 0), |library| (library.open, library.silent));
        self.totals.waiting_max = self.waiting() as u64;
        self.totals.size_max = self.size.into();
        (self.totals.open_max, self.totals.half_open_max) = (open.into(), silent.into());
    }
}

impl Run<'_> {
    /// Takes a connection; false if the call has to wait for one, or gets none.
    pub(super) fn acquire(&mut self, key: Key<Call>, local: u32) -> bool {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        let at = (self.state.replicas[call.replica.at()].pools + local) as usize;
        let pool = &mut self.state.pools[at];
        pool.touch(now);
        pool.totals.asked += 1;
        if pool.library.is_some() {
            return self.ask(key, at);
        }
        if pool.in_use < pool.most {
            pool.in_use += 1;
            pool.totals.given += 1;
            pool.totals.wait.record(Span::ZERO);
            call.open_scope();
            return true;
        }
        pool.line.push(key);
        let wait = self.plan.pools[pool.id.at()].wait;
        self.wait(key, at, wait);
        false
    }

    /// Lets a call wait for a connection, for so long at most. It is in the line already.
    fn wait(&mut self, key: Key<Call>, at: usize, limit: Option<Span>) {
        let now = self.cx.now();
        let (call, pool) = (&mut self.state.calls[key], &mut self.state.pools[at]);
        call.state = CallState::WaitingForPool;
        call.since = now;
        if pool.waiting() == 1 {
            pool.empty_since = now;
        }
        pool.totals.waiting_max = pool.totals.waiting_max.max(pool.waiting() as u64);
        call.timer = match limit {
            Some(limit) => self.cx.after(limit, Event::PoolTimeout(key)),
            None => Ticket::NONE,
        };
    }

    /// Asks a library for a connection.
    fn ask(&mut self, key: Key<Call>, at: usize) -> bool {
        let now = self.cx.now();
        let verdict = self.library(at).machine.acquire(now, key);
        match verdict {
            Verdict::Given(slot) => {
                let pool = &mut self.state.pools[at];
                pool.totals.given += 1;
                pool.totals.wait.record(Span::ZERO);
                self.hold(key, at, slot);
            }
            Verdict::Wait(limit) => {
                self.state.pools[at].pending += 1;
                self.wait(key, at, limit);
            }
            Verdict::Failed(_) => {}
        }
        self.carry_out(at);
        if let Verdict::Failed(failure) = verdict {
            self.finish(key, Err(failure));
        }
        matches!(verdict, Verdict::Given(_))
    }

    /// A call has a connection of a library's pool from now on.
    fn hold(&mut self, key: Key<Call>, at: usize, slot: Slot) {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        let depth = call.open;
        call.open_scope();
        let library = self.library(at);
        library.held.insert(holding(key, depth), slot);
        let link = &mut library.links[slot.0 as usize];
        (link.since, link.taken) = (now, now);
    }

    /// A library gives a connection to somebody who has waited.
    pub(super) fn hand_over(&mut self, at: usize, slot: Slot, key: Key<Call>) {
        self.state.pools[at].pending -= 1;
        self.hold(key, at, slot);
        self.go_on_with(key, at);
    }

    /// Somebody who has waited goes on, with a connection.
    fn go_on_with(&mut self, key: Key<Call>, at: usize) {
        let now = self.cx.now();
        let (call, pool) = (&mut self.state.calls[key], &mut self.state.pools[at]);
        pool.totals.given += 1;
        pool.totals.wait.record(now.since(call.since));
        self.cx.cancel(call.timer);
        call.timer = Ticket::NONE;
        call.state = CallState::Ready;
        call.pc.0 += 1;
        self.state.tasks.push(Task::Execute(key));
    }

    /// A library has none for somebody who has waited.
    pub(super) fn give_none(&mut self, at: usize, key: Key<Call>, failure: Failure) {
        let (call, pool) = (&mut self.state.calls[key], &mut self.state.pools[at]);
        pool.pending -= 1;
        pool.totals.timeouts += u64::from(failure == Failure::PoolTimeout);
        self.cx.cancel(call.timer);
        call.timer = Ticket::NONE;
        call.state = CallState::Ready;
        self.state.tasks.push(Task::Finish { call: key, outcome: Err(failure) });
    }

    /// A connection comes free: whoever is next gets it.
    fn give_back(&mut self, key: Key<Call>, local: u32, depth: u8) {
        let now = self.cx.now();
        let replica = self.state.calls[key].replica;
        let at = (self.state.replicas[replica.at()].pools + local) as usize;
        let pool = &mut self.state.pools[at];
        pool.touch(now);
        if pool.library.is_some() {
            return self.put_back(at, holding(key, depth));
        }
        pool.in_use -= 1;
        self.serve_next(at);
    }

    /// Gives a connection that is free to whoever is next; false if there is none, or nobody.
    fn serve_next(&mut self, at: usize) -> bool {
        let pool = &mut self.state.pools[at];
        let lifo = self.plan.pools[pool.id.at()].lifo;
        if pool.in_use >= pool.most {
            return false;
        }
        let Some(next) = pool.line.pop(&self.state.calls, CallState::WaitingForPool, lifo) else { return false };
        pool.in_use += 1;
        self.state.calls[next].open_scope();
        self.go_on_with(next, at);
        true
    }

    /// A connection goes back to its library.
    fn put_back(&mut self, at: usize, holding: u64) {
        let now = self.cx.now();
        let leak = self.library_plan(at).leak;
        let library = self.library(at);
        let Some(slot) = library.held.remove(holding) else { return };
        let leaked = leak.is_some_and(|leak| now.since(library.links[slot.0 as usize].taken) > leak);
        library.machine.release(now, slot, &mut library.draws);
        self.state.pools[at].totals.leaks += u64::from(leaked);
        self.carry_out(at);
    }

    pub(super) fn pool_timeout(&mut self, key: Key<Call>) {
        let at = self.waits_for_pool(key);
        if self.state.pools[at].library.is_some() {
            self.state.pools[at].touch(self.cx.now());
            let late = self.library(at).machine.timed_out(key);
            self.state.calls[key].timer = Ticket::NONE;
            if late == Late::GoesOn {
                return self.carry_out(at);
            }
        }
        self.leave_pool_line(key);
        self.state.pools[at].totals.timeouts += 1;
        self.finish(key, Err(Failure::PoolTimeout));
    }

    /// The pool that a call waits for a connection of.
    fn waits_for_pool(&self, key: Key<Call>) -> usize {
        let call = &self.state.calls[key];
        let Op::Acquire { pool: local } = self.plan.ops[call.pc.at()] else {
            unreachable!("only `acquire` waits for a pool")
        };
        (self.state.replicas[call.replica.at()].pools + local) as usize
    }

    /// Takes a call out of the line for a connection.
    pub(super) fn leave_pool_line(&mut self, key: Key<Call>) {
        let now = self.cx.now();
        let at = self.waits_for_pool(key);
        let (call, pool) = (&mut self.state.calls[key], &mut self.state.pools[at]);
        call.state = CallState::Ready;
        self.cx.cancel(call.timer);
        pool.touch(now);
        if pool.library.is_some() {
            pool.pending -= 1;
            self.library(at).machine.leave(key);
            self.carry_out(at);
        } else {
            pool.line.left(&self.state.calls, CallState::WaitingForPool);
        }
    }

    /// From now on the pool number `local` of each replica of a service has so many connections.
    pub(super) fn resize_pool(&mut self, service: ServiceId, local: u32, size: u32) {
        let plan = &self.plan.services[service.at()];
        for replica in plan.first..plan.first + plan.replicas {
            self.resize((self.state.replicas[replica as usize].pools + local) as usize, size);
        }
    }

    fn resize(&mut self, at: usize, size: u32) {
        let now = self.cx.now();
        let pool = &mut self.state.pools[at];
        pool.touch(now);
        if let Some(library) = &mut pool.library {
            library.machine.resize(now, size);
            return self.carry_out(at);
        }
        let plan = &self.plan.pools[pool.id.at()];
        pool.set_size(now, size);
        pool.most = size.saturating_add(plan.most - plan.size);
        pool.peak = pool.peak.max(pool.most);
        while self.serve_next(at) {}
    }

    /// A process begins or ends, and with it the room in its pools.
    pub(super) fn pools_there(&mut self, replica: ReplicaId, there: bool) {
        let now = self.cx.now();
        for at in self.pools_of(replica) {
            let pool = &mut self.state.pools[at];
            let own = self.state.settled.pools[pool.id.at()].unwrap_or(self.plan.pools[pool.id.at()].size);
            let size = pool.library.as_ref().map_or(own, |library| library.machine.size());
            pool.set_size(now, if there { size } else { 0 });
        }
    }

    pub(super) fn schedule_sizes(&mut self) {
        for (pool, at) in self.state.pools.iter().zip(0..) {
            if let Some((_, every)) = self.plan.pools[pool.id.at()].adaptive {
                self.cx.after(every, Event::PoolSize(at));
            }
        }
    }

    /// It is time to look at the size of a pool.
    pub(super) fn pool_size(&mut self, at: u32) {
        let pool = &self.state.pools[at as usize];
        let Some((rule, every)) = self.plan.pools[pool.id.at()].adaptive else { return };
        self.cx.after(every, Event::PoolSize(at));
        let size = rule.decide(pool.size, pool.in_use);
        if size != pool.size {
            self.resize(at as usize, size);
        }
    }

    /// Closes the innermost scope of a call that goes well.
    pub(super) fn close_scope(&mut self, key: Key<Call>) {
        let call = &mut self.state.calls[key];
        call.open -= 1;
        let (opened, depth) = (call.scopes[call.open as usize], call.open);
        if let Op::Acquire { pool } = self.plan.ops[opened.at()] {
            self.give_back(key, pool, depth);
        }
    }

    /// Closes the scopes of a call that fails, innermost first, down to this many.
    pub(super) fn close_scopes(&mut self, key: Key<Call>, left: u8, failure: Failure) {
        while let Some(call) = self.state.calls.get_mut(key).filter(|call| call.open > left) {
            call.open -= 1;
            let (opened, depth) = (call.scopes[call.open as usize], call.open);
            match self.plan.ops[opened.at()] {
                Op::Acquire { pool } => self.give_back(key, pool, depth),
                Op::Cache { .. } => self.fill_failed(key, opened, failure),
                _ => unreachable!("only `acquire` and `cache` open scopes"),
            }
        }
    }
}

impl Call {
    /// Opens a scope at the present instruction.
    pub(super) fn open_scope(&mut self) {
        self.scopes[self.open as usize] = self.pc;
        self.open += 1;
    }
}
