//! Running an endpoint's program.

use super::call::{Call, Invocation, State as CallState};
use super::{Event, Run};
use crate::outcome::{Failure, Outcome};
use crate::plan::{DistId, EdgeId, EndpointId, Op, Pc};
use squall_sim::random::{Draw, Place};
use squall_sim::{Key, Span, Ticket, Time};

impl Run<'_> {
    /// Goes on with a call until it has to wait or ends.
    pub(super) fn execute(&mut self, key: Key<Call>) {
        loop {
            let Some(call) = self.state.calls.get_mut(key) else {
                return;
            };
            let (luck, pc) = (call.luck, call.pc);
            let next = match self.plan.ops[pc.at()] {
                Op::Work { dist, place } => match self.work(key, dist, place) {
                    true => return,
                    false => pc.next(),
                },
                Op::Sleep { dist, place } => {
                    let length = self.plan.dist(dist).sample_span(&mut luck.at(place));
                    if length.is_zero() {
                        pc.next()
                    } else {
                        call.state = CallState::Sleeping;
                        call.since = self.cx.now();
                        call.timer = self.cx.after(length, Event::Elapsed(key));
                        return;
                    }
                }
                Op::Call {
                    edge, endpoint, place, ..
                } => return self.call(key, edge, endpoint, place),
                Op::Jump { to } => to,
                Op::End => return self.finish(key, Ok(())),
                Op::Choose { table, place } => {
                    let draw = luck.at(place).unit();
                    let table = &self.plan.choices[table as usize];
                    table[table.partition_point(|(upto, _)| *upto <= draw).min(table.len() - 1)].1
                }
                Op::Fail { share, place } => {
                    if luck.at(place).unit() < share {
                        return self.finish(key, Err(Failure::Error));
                    }
                    pc.next()
                }
                Op::Cache { cache, keys, hit } => match self.look_up(key, cache, keys) {
                    super::cache::Found::Hit => hit,
                    super::cache::Found::Miss => pc.next(),
                    super::cache::Found::Wait => return,
                },
                Op::Fill => {
                    self.fill(key);
                    pc.next()
                }
                Op::Acquire { pool } => match self.acquire(key, pool) {
                    true => pc.next(),
                    false => return,
                },
                Op::Release => {
                    self.close_scope(key);
                    pc.next()
                }
                Op::Parallel { table } => return self.fork(key, table),
                Op::Spawn { place, after } => {
                    self.spawn(key, pc.next(), place);
                    after
                }
                Op::Write(write) => {
                    self.write(key, write.effect);
                    pc.next()
                }
            };
            self.state.calls[key].pc = next;
        }
    }

    /// Begins a piece of work; false if it takes no time.
    #[inline]
    fn work(&mut self, key: Key<Call>, dist: DistId, place: Place) -> bool {
        let call = &mut self.state.calls[key];
        let replica = &self.state.replicas[call.replica.at()];
        let mut length = self.plan.dist(dist).sample_span(&mut call.luck.at(place));
        if replica.slow != 1.0 {
            length = length.scaled(replica.slow);
        }
        if length.is_zero() {
            return false;
        }
        call.state = CallState::Working;
        call.since = self.cx.now();
        call.piece = length;
        if replica.sharing.applies() {
            let id = call.replica;
            self.share(id, key, length);
        } else {
            call.timer = self.cx.after(length, Event::Elapsed(key));
        }
        true
    }

    /// A sleep, or a piece of work that was not shared, is over.
    pub(super) fn elapsed(&mut self, key: Key<Call>) {
        let call = &mut self.state.calls[key];
        call.timer = Ticket::NONE;
        if call.state == CallState::Sleeping {
            call.state = CallState::Ready;
            call.pc = call.pc.next();
            return self.execute(key);
        }
        self.worked(key);
        self.execute_now();
    }

    /// The task that `worked` has just put on top of the stack, without the detour.
    fn execute_now(&mut self) {
        if let Some(task) = self.state.tasks.pop() {
            self.perform(task);
        }
    }

    /// A piece of work is done.
    #[inline]
    pub(super) fn worked(&mut self, key: Key<Call>) {
        let call = &mut self.state.calls[key];
        call.work += call.piece;
        call.state = CallState::Ready;
        call.pc = call.pc.next();
        self.state.tasks.push(super::Task::Execute(key));
    }

    /// A piece of work or a sleep is stopped before it is over.
    pub(super) fn interrupt(&mut self, key: Key<Call>) {
        let call = self.state.calls[key];
        self.cx.cancel(call.timer);
        let done = if call.state == CallState::Sleeping {
            Span::ZERO
        } else if self.state.replicas[call.replica.at()].sharing.applies() {
            self.unshare(call.replica, key, call.piece)
        } else {
            self.cx.now().since(call.since)
        };
        let call = &mut self.state.calls[key];
        call.work += done;
        call.state = CallState::Ready;
    }

    /// Calls another endpoint.
    #[inline]
    fn call(&mut self, key: Key<Call>, edge: EdgeId, endpoint: EndpointId, place: Place) {
        let call = &mut self.state.calls[key];
        call.state = CallState::Calling;
        call.since = self.cx.now();
        let invocation = Invocation {
            parent: key,
            call: Key::NONE,
            luck: call.luck.child(place, 0),
            root: call.root,
            number: call.number,
            began: self.cx.now(),
            deadline: call.deadline,
            timer: Ticket::NONE,
            total_timer: Ticket::NONE,
            patience: Ticket::NONE,
            previous: Span::ZERO,
            edge,
            endpoint,
            client: call.client,
            user: 0,
            caller: self.state.replicas[call.replica.at()].local,
            target: u32::MAX,
            attempt: 0,
            depth: call.depth + 1,
            reloads: 0,
            priority: call.priority,
            waiting: false,
            first: call.first,
            orphan: call.orphan,
        };
        let child = self.invoke(invocation);
        self.state.calls[key].child = child;
    }

    /// The call that this one waited for is over.
    pub(super) fn resume(&mut self, key: Key<Call>, outcome: Outcome) {
        let Some(call) = self.state.calls.get_mut(key) else {
            return;
        };
        call.child = Key::NONE;
        call.state = CallState::Ready;
        let go_on = matches!(self.plan.ops[call.pc.at()], Op::Call { go_on: true, .. });
        match outcome {
            Err(failure) if !go_on => self.finish(key, Err(failure)),
            _ => {
                call.pc = call.pc.next();
                self.execute(key);
            }
        }
    }

    /// A durable effect.
    fn write(&mut self, key: Key<Call>, effect: Place) {
        let call = &self.state.calls[key];
        let now: Time = self.cx.now();
        let known = self.state.written.insert(now, call.root.child(effect, 0).value());
        let totals = &mut self.state.services[call.service.at()].totals;
        totals.writes += 1;
        totals.duplicate_writes += u64::from(known);
    }
}

impl Pc {
    #[inline]
    fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
