//! What goes over connections of libraries' pools, and what happens when the other end goes away.

use super::Event;
use super::Run;
use super::call::{Call, Invocation};
use super::connection::holding;
use super::server::{Errand, What};
use crate::outcome::{Failure, Outcome};
use crate::plan::{EdgeId, Op, ReplicaId, ServiceId};
use crate::pool::{Connection, Doing, Health, Slot};
use squall_sim::random::Luck;
use squall_sim::{Key, Span};

impl Run<'_> {
    /// The pool and the slot that a call over a connection uses.
    fn used(&self, key: Key<Invocation>) -> Option<(usize, Slot)> {
        let invocation = self.state.invocations.get(key)?;
        let call = self.state.calls.get(invocation.parent)?;
        let depth = invocation.via.checked_sub(1)?;
        let Op::Acquire { pool } = self.plan.ops[call.scopes[usize::from(depth)].at()] else { return None };
        let at = (self.state.replicas[call.replica.at()].pools + pool) as usize;
        let held = &self.state.pools[at].library.as_ref()?.held;
        Some((at, *held.get(holding(invocation.parent, depth))?))
    }

    /// The replica at the other end of a call's connection, by its number in its service; none if nothing gets there.
    pub(super) fn other_end(&mut self, key: Key<Invocation>) -> Option<u32> {
        let (at, slot) = self.used(key)?;
        let health = self.library(at).machine.connection(slot).health;
        let link = self.link(at, slot);
        link.user = key;
        let replica = link.replica.filter(|_| health == Some(Health::Alive))?;
        Some(self.state.replicas[replica.at()].local)
    }

    /// A call goes out over a connection that is dead, which is known at once, or half-open: then nothing comes back until
    /// the operating system gives up.
    pub(super) fn unreachable(&mut self, key: Key<Invocation>) {
        let attempt = self.state.invocations[key].attempt;
        match self.used(key) {
            Some((at, slot)) if self.library(at).machine.connection(slot).health == Some(Health::Silent) => {
                let silence = self.library_plan(at).silence;
                let failure = Some(Failure::Disconnected);
                self.cx.after(silence, Event::Answer { invocation: key, attempt, failure });
            }
            _ => self.answer(key, attempt, Err(Failure::Disconnected)),
        }
    }

    /// Whether the answer to a call is lost, because its connection has become half-open meanwhile.
    pub(super) fn unheard(&self, key: Key<Invocation>) -> bool {
        self.used(key).is_some_and(|(at, slot)| {
            let library = self.state.pools[at].library.as_ref();
            library.is_some_and(|library| library.machine.connection(slot).health == Some(Health::Silent))
        })
    }

    /// An answer has come over a connection, or word that there will be none.
    pub(super) fn heard(&mut self, key: Key<Invocation>, outcome: Outcome) {
        let Some((at, slot)) = self.used(key) else { return };
        let now = self.cx.now();
        self.state.pools[at].touch(now);
        let link = self.link(at, slot);
        (link.user, link.since) = (Key::NONE, now);
        if let Err(Failure::Disconnected | Failure::Crashed | Failure::Refused) = outcome {
            self.library(at).machine.broken(now, slot, true);
            self.carry_out(at);
        }
    }

    /// The caller no longer waits for an answer over a connection. What would come is in the way of the next one, so the
    /// connection is of no use any more, unless the callee is told to stop and can hear it.
    pub(super) fn walked_away(&mut self, key: Key<Invocation>) {
        let Some((at, slot)) = self.used(key) else { return };
        let now = self.cx.now();
        let invocation = &self.state.invocations[key];
        let (call, edge) = (invocation.call, invocation.edge);
        self.state.pools[at].touch(now);
        let link = self.link(at, slot);
        (link.user, link.since) = (Key::NONE, now);
        let alive = self.library(at).machine.connection(slot).health == Some(Health::Alive);
        if alive && self.plan.edges[edge.at()].cancel {
            return;
        }
        // The server keeps its end for as long as it is at work.
        if self.state.calls.get(call).is_some()
            && let Some(replica) = self.link(at, slot).replica.take()
        {
            self.state.servers.haunt(call, replica);
        }
        self.library(at).machine.broken(now, slot, false);
        self.carry_out(at);
    }

    /// A replica has crashed: this end of its connections is closed.
    pub(super) fn ends_died(&mut self, id: ReplicaId) {
        for at in 0..self.state.pools.len() {
            let links = self.state.pools[at].library.as_ref().map_or(0, |library| library.links.len());
            for slot in (0..links as u32).map(Slot) {
                if self.link(at, slot).replica == Some(id) {
                    self.end_died(at, slot);
                }
            }
        }
    }

    /// The other end of one connection is closed.
    pub(super) fn end_died(&mut self, at: usize, slot: Slot) {
        let Some(replica) = self.link(at, slot).replica.take() else { return };
        self.state.servers.open[replica.at()] -= 1;
        let silent = self.link(at, slot).silent;
        // Who hears nothing does not hear of that either.
        if !silent {
            self.state.pools[at].touch(self.cx.now());
            self.library(at).machine.died(slot, Health::Dead);
            self.carry_out(at);
        }
    }

    /// A link is cut: what is open over it becomes half-open.
    pub(super) fn ends_silent(&mut self, edge: EdgeId) {
        let now = self.cx.now();
        for at in 0..self.state.pools.len() {
            let plan = self.plan.pools[self.state.pools[at].id.at()].library.as_ref();
            let Some(plan) = plan.filter(|plan| plan.to.is_some_and(|(_, over)| over == edge)) else { continue };
            self.state.pools[at].touch(now);
            let library = self.library(at);
            let open = library.machine.slots().filter(|(_, c)| c.health == Some(Health::Alive));
            let open: Vec<Slot> = open.map(|(slot, _)| slot).collect();
            for slot in open {
                self.library(at).machine.died(slot, Health::Silent);
                self.library(at).silent += 1;
                self.link(at, slot).silent = true;
                if let Some(keepalive) = plan.keepalive {
                    let errand = self.errand(at, slot, What::Probe, Luck::new(0));
                    self.cx.after(keepalive, Event::ErrandDone(errand));
                }
            }
            self.carry_out(at);
        }
    }

    /// The operating system has found that a half-open connection is one.
    pub(super) fn probed(&mut self, at: usize, errand: Errand) {
        let connection = self.library(at).machine.connection(errand.slot);
        if connection.serial != errand.serial || connection.health != Some(Health::Silent) {
            return;
        }
        self.state.pools[at].touch(self.cx.now());
        self.library(at).silent -= 1;
        self.library(at).machine.died(errand.slot, Health::Dead);
        let link = self.link(at, errand.slot);
        link.silent = false;
        let (user, test, replica) = (link.user, link.errand, link.replica.take());
        if let Some(replica) = replica {
            self.let_go(replica, true);
        }
        self.carry_out(at);
        if self.state.servers.errands.get(test).is_some_and(|test| test.what == What::Silence) {
            self.trip_over(test, false);
        }
        if let Some(invocation) = self.state.invocations.get(user) {
            let attempt = invocation.attempt;
            self.answer(user, attempt, Err(Failure::Disconnected));
        }
    }

    /// Kills what holds connections to a service without a call over them for longer than these: in somebody's hands, and
    /// idle in a pool.
    pub(super) fn kill_idle(&mut self, service: ServiceId, held: Option<Span>, pooled: Option<Span>) {
        let now = self.cx.now();
        for at in 0..self.state.pools.len() {
            let Some(library) = &self.state.pools[at].library else { continue };
            let long = |slot: Slot, connection: &Connection<Key<Call>>| {
                let link = library.links[slot.0 as usize];
                let limit = match connection.doing {
                    Doing::Taken if link.user.is_none() => held,
                    Doing::Idle => pooled,
                    _ => None,
                };
                let there = link.replica.is_some_and(|id| self.state.replicas[id.at()].service == service);
                there && limit.is_some_and(|limit| now.since(link.since.max(connection.used)) > limit)
            };
            let gone = library.machine.slots().filter(|(slot, connection)| long(*slot, connection));
            let gone: Vec<Slot> = gone.map(|(slot, _)| slot).collect();
            gone.into_iter().for_each(|slot| self.end_died(at, slot));
        }
    }
}
