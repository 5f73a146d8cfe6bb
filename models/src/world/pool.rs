//! Connection pools: so many connections, and a line for who waits.

use super::call::{Call, State as CallState};
use super::line::Line;
use super::{Event, Run, Task};
use crate::outcome::Failure;
use crate::plan::{Op, Plan, PoolId};
use crate::report::PoolTotals;
use squall_sim::{Key, Span, Ticket, Time};

/// One pool of one replica.
#[derive(Clone, Debug)]
pub(crate) struct PoolState {
    pub(crate) id: PoolId,
    pub(crate) in_use: u32,
    pub(crate) line: Line,
    pub(crate) totals: PoolTotals,
    /// When it last became empty with somebody waiting.
    pub(crate) empty_since: Time,
    last: Time,
    held: u128,
    waited: u128,
}

/// All pools of a plan: for each replica in order, one for each pool of its service.
pub(crate) fn all(plan: &Plan) -> Vec<PoolState> {
    let of_service = |service: &crate::plan::ServicePlan| {
        let (first, count) = service.pools;
        (0..service.replicas).flat_map(move |_| (first..first + count).map(PoolId)).collect::<Vec<_>>()
    };
    plan.services.iter().flat_map(of_service).map(PoolState::new).collect()
}

impl PoolState {
    fn new(id: PoolId) -> Self {
        Self {
            id,
            in_use: 0,
            line: Line::default(),
            totals: PoolTotals::default(),
            empty_since: Time::ZERO,
            last: Time::ZERO,
            held: 0,
            waited: 0,
        }
    }

    /// Brings the integrals up to date. Call it before `in_use` or the line changes.
    fn touch(&mut self, now: Time) {
        let elapsed = u128::from(now.since(self.last).nanos());
        self.last = now;
        self.held += u128::from(self.in_use) * elapsed;
        self.waited += self.line.len() as u128 * elapsed;
    }

    /// Writes the integrals into the totals.
    pub(crate) fn settle(&mut self, now: Time, size: u32) {
        self.touch(now);
        self.totals.held = Span::from_nanos(u64::try_from(self.held).unwrap_or(u64::MAX));
        self.totals.available = Span::from_nanos(now.nanos().saturating_mul(size.into()));
        self.totals.queued_seconds = self.waited as f64 / 1e9;
    }
}

impl Run<'_> {
    /// Takes a connection; false if the call has to wait for one.
    pub(super) fn acquire(&mut self, key: Key<Call>, local: u32) -> bool {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        let pool = &mut self.state.pools[(self.state.replicas[call.replica.at()].pools + local) as usize];
        let plan = &self.plan.pools[pool.id.at()];
        pool.touch(now);
        pool.totals.asked += 1;
        if pool.in_use < plan.most {
            pool.in_use += 1;
            pool.totals.given += 1;
            pool.totals.wait.record(Span::ZERO);
            call.open_scope();
            return true;
        }
        call.state = CallState::WaitingForPool;
        call.since = now;
        if pool.line.len() == 0 {
            pool.empty_since = now;
        }
        pool.line.push(key);
        pool.totals.waiting_max = pool.totals.waiting_max.max(pool.line.len() as u64);
        call.timer = match plan.wait {
            Some(wait) => self.cx.after(wait, Event::PoolTimeout(key)),
            None => Ticket::NONE,
        };
        false
    }

    /// A connection comes free: whoever is next gets it.
    fn give_back(&mut self, key: Key<Call>, local: u32) {
        let now = self.cx.now();
        let replica = self.state.calls[key].replica;
        let pool = &mut self.state.pools[(self.state.replicas[replica.at()].pools + local) as usize];
        let lifo = self.plan.pools[pool.id.at()].lifo;
        pool.touch(now);
        let Some(next) = pool.line.pop(&self.state.calls, CallState::WaitingForPool, lifo) else {
            pool.in_use -= 1;
            return;
        };
        let call = &mut self.state.calls[next];
        pool.totals.given += 1;
        pool.totals.wait.record(now.since(call.since));
        self.cx.cancel(call.timer);
        call.timer = Ticket::NONE;
        call.open_scope();
        call.state = CallState::Ready;
        call.pc.0 += 1;
        self.state.tasks.push(Task::Execute(next));
    }

    pub(super) fn pool_timeout(&mut self, key: Key<Call>) {
        let pool = self.leave_pool_line(key);
        self.state.pools[pool].totals.timeouts += 1;
        self.finish(key, Err(Failure::PoolTimeout));
    }

    /// Takes a call out of the line for a connection; which pool's it was.
    pub(super) fn leave_pool_line(&mut self, key: Key<Call>) -> usize {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        call.state = CallState::Ready;
        self.cx.cancel(call.timer);
        let Op::Acquire { pool: local } = self.plan.ops[call.pc.at()] else {
            unreachable!("only `acquire` waits for a pool")
        };
        let at = (self.state.replicas[call.replica.at()].pools + local) as usize;
        let pool = &mut self.state.pools[at];
        pool.touch(now);
        pool.line.left(&self.state.calls, CallState::WaitingForPool);
        at
    }

    /// Closes the innermost scope of a call that goes well.
    pub(super) fn close_scope(&mut self, key: Key<Call>) {
        let call = &mut self.state.calls[key];
        call.open -= 1;
        let opened = call.scopes[call.open as usize];
        if let Op::Acquire { pool } = self.plan.ops[opened.at()] {
            self.give_back(key, pool);
        }
    }

    /// Closes the scopes of a call that fails, innermost first, down to this many.
    pub(super) fn close_scopes(&mut self, key: Key<Call>, left: u8, failure: Failure) {
        while let Some(call) = self.state.calls.get_mut(key).filter(|call| call.open > left) {
            call.open -= 1;
            let opened = call.scopes[call.open as usize];
            match self.plan.ops[opened.at()] {
                Op::Acquire { pool } => self.give_back(key, pool),
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
