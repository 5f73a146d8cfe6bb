//! The books are checked at the end of every run: nothing is lost, nothing is counted twice.

use super::Run;
use super::call::{Invocation, State as CallState};
use crate::plan::Op;
use crate::report::FAILURES;
use squall_sim::Key;

impl Run<'_> {
    /// What does not add up, if anything.
    pub(super) fn audit(&mut self) -> Result<(), String> {
        self.settle_totals();
        self.audit_clients()?;
        self.audit_edges()?;
        self.audit_services()?;
        self.audit_replicas()?;
        self.audit_platform()?;
        self.audit_data()
    }

    fn audit_clients(&self) -> Result<(), String> {
        let mut open = vec![0; self.plan.clients.len()];
        for (_, invocation) in
            self.state.invocations.iter().filter(|(_, i)| i.parent.is_none() && self.owner(i).is_none())
        {
            open[invocation.client.at()] += 1;
        }
        for ((client, plan), open) in self.state.clients.iter().zip(&self.plan.clients).zip(open) {
            let (name, totals) = (&plan.name, &client.totals);
            balance(&format!("client {name}: arrivals = fates + in flight"), totals.arrivals, totals.ended() + open)?;
            balance(&format!("client {name}: in flight"), client.in_flight, open)?;
            balance(&format!("client {name}: latencies = successes"), totals.latency.count(), totals.ok)?;
        }
        Ok(())
    }

    /// The call that another one is made for by a policy: a branch of a hedge, or what a fallback calls.
    fn owner(&self, invocation: &Invocation) -> Option<Key<Invocation>> {
        self.state.frames.get(invocation.frames)?.owner.map(|owner| owner.call)
    }

    /// A branch of a hedge is part of a call, not one of its own.
    fn is_branch(&self, invocation: &Invocation) -> bool {
        self.owner(invocation).is_some_and(|owner| self.state.invocations[owner].edge == invocation.edge)
    }

    fn audit_edges(&self) -> Result<(), String> {
        let mut open = vec![0; self.plan.edges.len()];
        let mut waiting = vec![0; self.plan.edges.len()];
        // Fallbacks that are counted, and have not answered yet.
        let mut falling = vec![0; self.plan.edges.len()];
        for (_, invocation) in self.state.invocations.iter() {
            if let Some(owner) = self.owner(invocation).filter(|_| !self.is_branch(invocation)) {
                falling[self.state.invocations[owner].edge.at()] += 1;
            }
            open[invocation.edge.at()] += u64::from(!self.is_branch(invocation));
            waiting[invocation.edge.at()] += u64::from(invocation.waiting);
        }
        for (at, (edge, plan)) in self.state.edges.iter().zip(&self.plan.edges).enumerate() {
            let totals = &edge.totals;
            let name = format!("edge {} → {}", plan.caller, plan.callee_name);
            let ended = totals.ok + totals.failed.iter().sum::<u64>() + totals.abandoned;
            balance(&format!("{name}: calls = fates + abandoned + in flight"), totals.calls, ended + open[at])?;
            // An attempt ends well, badly, or with its caller.
            let fallbacks = totals.fallbacks - falling[at];
            let ended: u64 =
                totals.ok - fallbacks.min(totals.ok) + totals.failed_attempts.iter().sum::<u64>() + waiting[at];
            if totals.attempts < ended || totals.attempts > ended + totals.abandoned {
                return Err(format!(
                    "{name}: {} attempts, but {ended} ended and {} abandoned",
                    totals.attempts, totals.abandoned
                ));
            }
        }
        let stacked = self.state.invocations.iter().filter(|(_, invocation)| !invocation.frames.is_none()).count();
        balance("records for policies = calls that go through some", self.state.frames.len() as u64, stacked as u64)
    }

    fn audit_services(&self) -> Result<(), String> {
        let services = self.plan.services.len();
        let (mut present, mut queued, mut at_door) = (vec![0; services], vec![0; services], vec![0; services]);
        for (_, call) in self.state.calls.iter().filter(|(_, call)| !call.strand && call.state != CallState::Transit) {
            present[call.service.at()] += 1;
            queued[call.service.at()] += u64::from(call.state == CallState::Queued);
            at_door[call.service.at()] += u64::from(call.is_outside());
        }
        for (at, service) in self.state.services.iter().enumerate() {
            let name = &self.plan.names.services[at];
            let totals = &service.totals;
            let ended = totals.ok + totals.failed[..FAILURES].iter().sum::<u64>();
            balance(&format!("service {name}: arrivals = fates + present"), totals.arrivals, ended + present[at])?;
            balance(&format!("service {name}: present"), service.present.count, present[at])?;
            balance(&format!("service {name}: queued"), service.queued.count, queued[at])?;
            balance(&format!("service {name}: at the door"), service.at_door.count, at_door[at])?;
            if totals.wasted > totals.work {
                return Err(format!("service {name}: {} wasted of {} done", totals.wasted, totals.work));
            }
        }
        Ok(())
    }

    fn audit_replicas(&self) -> Result<(), String> {
        let mut busy = vec![0; self.state.replicas.len()];
        for (_, call) in self.state.calls.iter().filter(|(_, call)| call.served) {
            busy[call.replica.at()] += 1;
        }
        for (at, replica) in self.state.replicas.iter().enumerate() {
            let name = format!("{}[{}]", self.plan.names.services[replica.service.at()], replica.local);
            balance(&format!("replica {name}: workers held"), replica.busy, busy[at])?;
            let lines: u64 = replica.lines.iter().map(|line| line.len() as u64).sum();
            balance(&format!("replica {name}: waiting"), replica.waiting, lines)?;
            if replica.busy > replica.most {
                return Err(format!("replica {name}: {} of {} workers held", replica.busy, replica.most));
            }
        }
        self.audit_pools()?;
        let counted = self.count_connections();
        for ((replica, open), counted) in self.state.replicas.iter().zip(&self.state.servers.open).zip(counted) {
            let name = format!("{}[{}]", self.plan.names.services[replica.service.at()], replica.local);
            balance(&format!("replica {name}: connections"), (*open).into(), counted.into())?;
        }
        Ok(())
    }

    /// Taken, idle, connecting and tested are all that is there, and that is no more than there may be.
    fn audit_pools(&self) -> Result<(), String> {
        let mut holders = vec![0; self.state.pools.len()];
        let mut waiters = vec![0; self.state.pools.len()];
        for (_, call) in self.state.calls.iter() {
            self.held_pools(call).for_each(|pool| holders[pool] += 1);
            if call.state == CallState::WaitingForPool
                && let Op::Acquire { pool } = self.plan.ops[call.pc.at()]
            {
                waiters[(self.state.replicas[call.replica.at()].pools + pool) as usize] += 1;
            }
        }
        for ((pool, holders), waiters) in self.state.pools.iter().zip(holders).zip(waiters) {
            let (service, name) = &self.plan.names.pools[pool.id.at()];
            let name = format!("pool {service}.{name}");
            balance(&format!("{name}: taken = holders"), pool.in_use.into(), holders)?;
            balance(&format!("{name}: waiting"), pool.waiting() as u64, waiters)?;
            let Some(library) = &pool.library else {
                if pool.in_use > pool.peak {
                    return Err(format!("{name}: {} of {} connections in use", pool.in_use, pool.peak));
                }
                continue;
            };
            library.machine.audit().map_err(|rule| format!("{name}: {rule}"))?;
            balance(&format!("{name}: held"), library.held.len() as u64, holders)?;
            let (there, open) = (library.machine.slots().filter(|(_, c)| c.health.is_some()), library.open);
            balance(&format!("{name}: open"), open.into(), there.count() as u64)?;
            balance(
                &format!("{name}: opened = closed + open"),
                pool.totals.opened,
                pool.totals.closed + u64::from(open),
            )?;
            if library.machine.counts().total() > pool.peak {
                return Err(format!("{name}: {:?} of {}", library.machine.counts(), pool.peak));
            }
        }
        Ok(())
    }
}

fn balance(rule: &str, left: u64, right: u64) -> Result<(), String> {
    if left == right { Ok(()) } else { Err(format!("{rule}: {left} is not {right}")) }
}
