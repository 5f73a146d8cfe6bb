//! Running an endpoint's program.

use super::cache::Found;
use super::call::{Call, Invocation, State as CallState};
use super::{Event, Run, Task};
use crate::outcome::{Failure, Outcome};
use crate::plan::{EdgeId, EndpointId, Op, Pc};
use squall_sim::random::{Draw, Luck, Place};
use squall_sim::{Key, Span, Ticket, Time};

impl Run<'_> {
    /// Executes a call that has just got its worker when nothing else is left to be done.
    #[inline]
    pub(super) fn execute_later(&mut self, begun: Option<Key<Call>>) {
        if let Some(call) = begun {
            self.state.tasks.push(Task::Execute(call));
        }
    }

    /// Goes on with a call, if it is still there, until it has to wait or ends.
    #[inline(never)]
    pub(super) fn execute(&mut self, key: Key<Call>) {
        self.traced_start(key);
        self.go_on::<false>(key);
    }

    /// Goes on with a call, and then with those that it calls and that wait for it, as long as no time passes. The time
    /// of the instruction that it has come to may have `PASSED`.
    #[inline(always)]
    fn go_on<const PASSED: bool>(&mut self, mut key: Key<Call>) {
        let Some(mut call) = self.state.calls.get_mut(key) else {
            assert!(!PASSED, "time has passed for a call that is gone");
            return;
        };
        if PASSED {
            call.step_done();
        }
        let mut pc = call.pc;
        loop {
            match self.plan.ops[pc.at()] {
                Op::Work { dist, place } => {
                    let replica = &self.state.replicas[call.replica.at()];
                    let (stretched, shared) = (replica.stretched, replica.sharing.applies());
                    let mut length = self.state.ahead.work(self.plan, call.luck, (dist, place));
                    if stretched {
                        let Some(longer) = self.stretched(key, pc, length) else { return };
                        (length, call) = (longer, &mut self.state.calls[key]);
                    }
                    if !length.is_zero() {
                        let now = self.cx.now();
                        (call.pc, call.state, call.since, call.piece) = (pc, CallState::Working, now, length);
                        if shared {
                            let id = call.replica;
                            return self.share(id, key, length);
                        }
                        call.timer = self.cx.after(length, Event::Elapsed(key));
                        return;
                    }
                }
                Op::Call { edge, endpoint, place, via, .. } => {
                    call.pc = pc;
                    let Some(callee) = self.call(key, (edge, via), endpoint, place) else { return };
                    if self.is_endless(callee) {
                        return;
                    }
                    call = &mut self.state.calls[callee];
                    (key, pc) = (callee, call.pc);
                    continue;
                }
                Op::End => {
                    let Some(caller) = self.end_here(key, Ok(())) else {
                        let Some(next) = self.next_started() else { return };
                        let Some(started) = self.state.calls.get_mut(next) else { return };
                        (key, pc, call) = (next, started.pc, started);
                        continue;
                    };
                    let Some(waiting) = self.state.calls.get_mut(caller) else { return };
                    (waiting.child, waiting.state) = (Key::NONE, CallState::Ready);
                    (key, pc, call) = (caller, waiting.pc, waiting);
                }
                Op::Jump { to } => {
                    pc = to;
                    continue;
                }
                op => {
                    call.pc = pc;
                    let luck = call.luck;
                    let next = self.uncommon(key, luck, op);
                    if let Next::Stop = next {
                        return;
                    }
                    call = &mut self.state.calls[key];
                    if let Next::Jump(to) = next {
                        pc = to;
                        continue;
                    }
                }
            }
            pc = pc.next();
        }
    }

    /// Whether calls that take no time have called each other so often at this instant that the run is to stop: no event
    /// counts them. If so, the call waits for that.
    #[inline]
    fn is_endless(&mut self, begun: Key<Call>) -> bool {
        self.state.tasks.done += 1;
        let endless = self.state.tasks.done >= self.plan.settings.limits.events;
        if endless {
            self.state.tasks.push(Task::Execute(begun));
        }
        endless
    }

    /// How long a piece of work takes that begins now in a replica that may be slow; none if the replica stands still, and the
    /// call with it.
    #[cold]
    #[inline(never)]
    fn stretched(&mut self, key: Key<Call>, pc: Pc, length: Span) -> Option<Span> {
        let id = self.state.calls[key].replica;
        let replica = &self.state.replicas[id.at()];
        if replica.stands_still() {
            self.freeze(key, pc, length);
            return None;
        }
        let slow = replica.slow;
        let idle = self.state.platform.is_idle();
        Some(length.scaled(if idle { slow } else { slow * self.state.drag(self.plan, id, self.cx.now()) }))
    }

    /// The call that has just got a worker, if that is what is to be done next.
    #[inline(always)]
    fn next_started(&mut self) -> Option<Key<Call>> {
        let next = self.state.tasks.pop_execute()?;
        if self.is_endless(next) {
            return None;
        }
        self.traced_start(next);
        Some(next)
    }

    /// The instructions that most programs have few of.
    #[inline(never)]
    fn uncommon(&mut self, key: Key<Call>, luck: Luck, op: Op) -> Next {
        match op {
            Op::Sleep { dist, place } => {
                let length = self.plan.dist(dist).sample_span(&mut luck.at(place));
                if !length.is_zero() {
                    let call = &mut self.state.calls[key];
                    (call.state, call.since) = (CallState::Sleeping, self.cx.now());
                    call.timer = self.cx.after(length, Event::Elapsed(key));
                    return Next::Stop;
                }
            }
            Op::Choose { table, place } => {
                let draw = luck.at(place).unit();
                let table = &self.plan.choices[table as usize];
                return Next::Jump(table[table.partition_point(|(upto, _)| *upto <= draw).min(table.len() - 1)].1);
            }
            Op::Fail { share, place } => {
                if luck.at(place).unit() < share {
                    self.finish(key, Err(Failure::Error));
                    return Next::Stop;
                }
            }
            Op::Cache { cache, keys, hit, place } => match self.look_up(key, cache, keys, place) {
                Found::Hit if self.state.calls[key].only_warms() => {
                    self.finish(key, Ok(()));
                    return Next::Stop;
                }
                Found::Hit => return Next::Jump(hit),
                Found::Miss => {}
                Found::Wait => return Next::Stop,
                Found::Failed(failure) => {
                    self.finish(key, Err(failure));
                    return Next::Stop;
                }
            },
            Op::Fill => {
                if !self.fill(key) {
                    self.finish(key, Ok(()));
                    return Next::Stop;
                }
            }
            Op::Acquire { pool } => {
                if !self.acquire(key, pool) {
                    return Next::Stop;
                }
            }
            Op::Release => self.close_scope(key),
            Op::Split { ways, place, .. } => {
                self.call_split(key, ways, place);
                return Next::Stop;
            }
            Op::Parallel { table } => {
                self.fork(key, table);
                return Next::Stop;
            }
            Op::Spawn { place, after } => {
                let start = self.state.calls[key].pc.next();
                self.spawn(key, start, place);
                return Next::Jump(after);
            }
            Op::Optional { level, place, after } => {
                if !self.serves_optional(key, level, place) {
                    return Next::Jump(after);
                }
            }
            Op::Write(_) | Op::Store(_) | Op::Read { .. } => return self.durable(key, luck, op),
            Op::Work { .. } | Op::Call { .. } | Op::End | Op::Jump { .. } => {
                unreachable!("the common instructions are handled by the caller")
            }
        }
        Next::Step
    }

    /// What is stored is written or read.
    fn durable(&mut self, key: Key<Call>, luck: Luck, op: Op) -> Next {
        match op {
            Op::Write(write) if self.state.replicas[self.state.calls[key].replica.at()].bad_disk => {
                self.write_badly(key, luck, write.effect)
            }
            Op::Write(write) => {
                self.write(key, write.effect);
                Next::Step
            }
            Op::Store(number) => self.store(key, luck, number),
            Op::Read { primary } if !self.read_data(key, primary) => {
                self.finish(key, Err(Failure::Error));
                Next::Stop
            }
            _ => Next::Step,
        }
    }

    /// A sleep, or a piece of work that was not shared, is over.
    #[inline(always)]
    pub(super) fn elapsed(&mut self, key: Key<Call>) {
        self.go_on::<true>(key);
    }

    /// A piece of shared work is done.
    pub(super) fn worked(&mut self, key: Key<Call>) {
        self.state.calls[key].step_done();
        self.state.tasks.push(Task::Execute(key));
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

    /// Calls another endpoint. A callee that has got a worker at once is to be executed next.
    #[inline(never)]
    pub(super) fn call(
        &mut self,
        key: Key<Call>,
        (edge, via): (EdgeId, u8),
        endpoint: EndpointId,
        place: Place,
    ) -> Option<Key<Call>> {
        let asked = self.asked(key, (edge, via), endpoint, place);
        let (child, begun) = self.invoke(asked, None, true);
        self.awaits(key, child);
        begun
    }

    /// What a call asks for in a step.
    #[inline(always)]
    pub(super) fn asked(
        &self,
        key: Key<Call>,
        (edge, via): (EdgeId, u8),
        endpoint: EndpointId,
        place: Place,
    ) -> Invocation {
        let call = &self.state.calls[key];
        Invocation {
            parent: key,
            luck: call.luck.child(place, 0),
            root: call.root,
            number: call.number,
            deadline: call.deadline,
            client: call.client,
            session: call.session,
            caller: self.state.replicas[call.replica.at()].local,
            depth: call.depth + 1,
            via,
            priority: call.priority,
            first: call.first,
            orphan: call.orphan,
            ..Invocation::new(edge, endpoint, self.cx.now())
        }
    }

    /// A call has asked for something, and waits for the answer.
    #[inline(always)]
    pub(super) fn awaits(&mut self, key: Key<Call>, child: Key<Invocation>) {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        (call.state, call.since, call.child) = (CallState::Calling, now, child);
    }

    /// The call that this one waited for is over.
    #[inline(never)]
    pub(super) fn resume(&mut self, key: Key<Call>, outcome: Outcome) {
        let Some(call) = self.state.calls.get_mut(key) else {
            return;
        };
        call.child = Key::NONE;
        call.state = CallState::Ready;
        let go_on = matches!(self.plan.ops[call.pc.at()], Op::Call { go_on: true, .. } | Op::Split { go_on: true, .. });
        match outcome {
            Err(failure) if !go_on => self.finish(key, Err(failure)),
            _ => {
                call.pc = call.pc.next();
                self.go_on::<false>(key);
            }
        }
    }

    /// A durable effect; whether the same request had made it before.
    pub(super) fn write(&mut self, key: Key<Call>, effect: Place) -> bool {
        let call = &self.state.calls[key];
        let now: Time = self.cx.now();
        let known = self.state.written.insert(now, call.root.child(effect, 0).value());
        let totals = &mut self.state.services[call.service.at()].totals;
        totals.writes += 1;
        if known {
            totals.duplicate_writes += 1;
            self.state.clients[call.client.at()].totals.duplicates += 1;
        }
        known
    }
}

/// Where a program goes on.
pub(super) enum Next {
    Step,
    Jump(Pc),
    /// The call waits, or is over.
    Stop,
}

impl Call {
    /// It was sent to fill a cache, and that is not open yet.
    fn only_warms(&self) -> bool {
        self.renews && self.open == 0
    }

    /// The piece of work, or the sleep, is over.
    #[inline]
    fn step_done(&mut self) {
        if self.state == CallState::Working {
            self.work += self.piece;
        }
        self.timer = Ticket::NONE;
        self.state = CallState::Ready;
        self.pc = self.pc.next();
    }
}

impl Pc {
    #[inline]
    fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
