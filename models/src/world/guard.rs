//! Admission: the guards at the door of a replica, and at its queue.
//!
//! Only services with an `admission` come here. A call that they have let in is marked, so that they hear of its end.

use super::call::{Call, State as CallState};
use super::lookup::Lookup;
use super::{Run, Task};
use crate::limit::{self, Ended, Limit, Token};
use crate::outcome::{Failure, Outcome};
use crate::plan::{Plan, ReplicaId, ServicePlan};
use crate::shed::{Arrival, End, Shed, Turn, Verdict};
use crate::spec::{Admission, Order};
use squall_sim::random::{Luck, Place};
use squall_sim::{Key, Span, Ticket, Time};

/// The guards of one replica.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    stages: Vec<Stage>,
    /// What the limit has given to the calls inside.
    tokens: Lookup<Token>,
    place: Place,
}

#[derive(Clone, Debug)]
enum Stage {
    Limit(Limit),
    Shed(Shed),
}

/// The guards of all replicas that have some, in order.
pub(crate) fn all(plan: &Plan) -> Vec<Guard> {
    let guarded = plan.services.iter().filter(|service| !service.admission.is_empty());
    guarded.flat_map(|service| (0..service.replicas).map(|_| Guard::new(service))).collect()
}

impl Guard {
    fn new(plan: &ServicePlan) -> Self {
        let stage = |admission: &Admission| match admission {
            Admission::Limit(spec) => Stage::Limit(Limit::new(spec)),
            Admission::Shed(spec) => Stage::Shed(Shed::new(spec, plan.capacity.most())),
        };
        let stages = plan.admission.iter().map(stage).collect();
        Self { stages, tokens: Lookup::default(), place: plan.admission_place }
    }

    /// A call is at the door: until when it may wait, or why it is turned away.
    fn arrive(&mut self, key: Key<Call>, facts: &Arrival, luck: Luck) -> Result<Time, Failure> {
        let mut until = Time::MAX;
        for at in 0..self.stages.len() {
            let admitted = match &mut self.stages[at] {
                Stage::Limit(limit) => match limit.admit(facts.now, &mut luck.at(self.place)) {
                    limit::Verdict::Admit(token) => {
                        self.tokens.insert(key.index() as u64, token);
                        true
                    }
                    limit::Verdict::Wait { .. } | limit::Verdict::Reject => false,
                },
                Stage::Shed(shed) => match shed.arrive(facts) {
                    Verdict::Admit { until: bound } => {
                        until = until.min(bound);
                        true
                    }
                    Verdict::Drop => false,
                },
            };
            if !admitted {
                self.left(key, facts.now, Ended::Ignored, luck);
                return Err(Failure::Shed);
            }
        }
        Ok(until)
    }

    fn newest_first(&self, now: Time) -> bool {
        self.stages.iter().any(|stage| matches!(stage, Stage::Shed(shed) if shed.newest_first(now)))
    }

    /// A worker would take a call: whether it is dropped instead. All see it, so that each knows of every wait.
    fn drops(&mut self, facts: &Turn) -> bool {
        self.stages.iter_mut().fold(false, |dropped, stage| match stage {
            Stage::Shed(shed) => shed.turn(facts) || dropped,
            Stage::Limit(_) => dropped,
        })
    }

    /// A call is gone, which the limit hears.
    fn left(&mut self, key: Key<Call>, now: Time, ended: Ended, luck: Luck) {
        let Some(token) = self.tokens.remove(key.index() as u64) else { return };
        for stage in &mut self.stages {
            if let Stage::Limit(limit) = stage {
                limit.ended(now, token, ended, &mut luck.at(self.place));
            }
        }
    }

    fn served(&mut self, facts: &End) {
        for stage in &mut self.stages {
            if let Stage::Shed(shed) = stage {
                shed.ended(facts);
            }
        }
    }
}

/// What a limit learns from an outcome: waits that were too long are overload; what was not let in, or failed by itself,
/// says nothing.
fn lesson(outcome: Outcome) -> Ended {
    match outcome {
        Ok(()) => Ended::Success,
        Err(Failure::Timeout | Failure::QueueTimeout | Failure::PoolTimeout | Failure::Expired) => Ended::Dropped,
        Err(_) => Ended::Ignored,
    }
}

impl Run<'_> {
    /// A call that nothing else keeps out comes to a door with guards.
    #[inline(never)]
    pub(super) fn knock(&mut self, key: Key<Call>) {
        let now = self.cx.now();
        let call = &mut self.state.calls[key];
        let replica = &self.state.replicas[call.replica.at()];
        let facts = Arrival {
            now,
            waiting: replica.waiting,
            busy: replica.busy,
            capacity: replica.most,
            priority: call.priority,
            user: call.root.value(),
            again: !call.first,
        };
        let guard = &mut self.state.guards[replica.guard as usize];
        let until = match guard.arrive(key, &facts, call.luck) {
            Ok(until) => until,
            Err(failure) => return self.turn_away(key, failure),
        };
        call.guarded = true;
        if replica.busy < replica.most {
            let (waited, behind, deadline) = (Span::ZERO, replica.waiting, call.deadline);
            if guard.drops(&Turn { now, waited, behind, busy: replica.busy, deadline }) {
                return self.turn_away(key, Failure::Shed);
            }
        }
        self.start_or_wait(key, until);
    }

    /// A worker has come free in a replica with guards where calls wait: give it to whoever is next and may have it.
    #[inline(never)]
    pub(super) fn give_guarded_worker(&mut self, id: ReplicaId) {
        let now = self.cx.now();
        let replica = &mut self.state.replicas[id.at()];
        let service = &mut self.state.services[replica.service.at()];
        let guard = &mut self.state.guards[replica.guard as usize];
        let lifo = self.plan.services[replica.service.at()].order == Order::Lifo;
        loop {
            let calls = &self.state.calls;
            let last = lifo || guard.newest_first(now);
            let next = replica.lines.iter_mut().find_map(|line| line.pop(calls, CallState::Queued, last));
            let Some(next) = next else { return };
            replica.waiting -= 1;
            let call = &mut self.state.calls[next];
            service.queued.go(now);
            self.cx.cancel(std::mem::replace(&mut call.timer, Ticket::NONE));
            let facts = Turn {
                now,
                waited: now.since(call.arrived),
                behind: replica.waiting,
                busy: replica.busy,
                deadline: call.deadline,
            };
            let failure = if call.deadline <= now {
                Failure::Expired
            } else if guard.drops(&facts) {
                Failure::Shed
            } else {
                service.wait(facts.waited);
                super::callee::start(call, replica, service);
                return self.state.tasks.push(Task::Execute(next));
            };
            call.state = CallState::Ready;
            self.state.tasks.push(Task::Finish { call: next, outcome: Err(failure) });
        }
    }

    /// A call that the guards have let in is over.
    #[inline(never)]
    pub(super) fn guarded_ended(&mut self, key: Key<Call>, call: &Call, outcome: Outcome) {
        let now = self.cx.now();
        let replica = &self.state.replicas[call.replica.at()];
        let guard = &mut self.state.guards[replica.guard as usize];
        guard.left(key, now, lesson(outcome), call.luck);
        if call.served {
            let latency = now.since(call.arrived);
            guard.served(&End { now, latency, busy: replica.busy - 1, waiting: replica.waiting });
        }
    }

    /// Whether a call's optional steps are run.
    pub(super) fn serves_optional(&mut self, key: Key<Call>, level: u8, place: Place) -> bool {
        let now = self.cx.now();
        let call = &self.state.calls[key];
        let guard = &mut self.state.guards[self.state.replicas[call.replica.at()].guard as usize];
        let served = guard.stages.iter_mut().all(|stage| match stage {
            Stage::Shed(shed) => shed.serves_optional(now, level, &mut call.luck.at(place)),
            Stage::Limit(_) => true,
        });
        let totals = &mut self.state.services[call.service.at()].totals;
        totals.optional += 1;
        totals.left_out += u64::from(!served);
        served
    }

    /// What a replica has learnt is gone with it.
    pub(super) fn forget_guard(&mut self, id: ReplicaId) {
        let replica = &self.state.replicas[id.at()];
        if replica.guarded {
            self.state.guards[replica.guard as usize] = Guard::new(&self.plan.services[replica.service.at()]);
        }
    }
}
