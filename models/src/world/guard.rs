//! Admission: the guards at the door of a replica, and at its queue.
//!
//! Only services with an `admission` come here. A call that they have let in is marked, so that they hear of its end.

use super::call::{Call, State as CallState};
use super::lookup::Lookup;
use super::{Run, Task};
use crate::limit::{self, Ended, Limit, Token};
use crate::outcome::{Failure, Outcome};
use crate::plan::{Plan, ReplicaId, ServicePlan};
use crate::rate_limit::{self, RateLimit};
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
    RateLimit(RateLimit),
    Shed(Shed),
}

/// The guards of all replicas that have some, in order.
pub(crate) fn all(plan: &Plan) -> Vec<Guard> {
    let guarded = plan.services.iter().filter(|service| service.guarded);
    let clients = plan.clients.len();
    guarded.flat_map(|service| (0..service.replicas).map(move |_| Guard::new(service, clients))).collect()
}

impl Guard {
    fn new(plan: &ServicePlan, clients: usize) -> Self {
        let stage = |admission: &Admission| match admission {
            Admission::Limit(spec) => Stage::Limit(Limit::new(spec)),
            Admission::RateLimit(spec) => Stage::RateLimit(RateLimit::new(spec, clients, Time::ZERO)),
            Admission::Shed(spec) => Stage::Shed(Shed::new(spec, plan.capacity.most())),
        };
        let stages = plan.admission.iter().map(stage).collect();
        Self { stages, tokens: Lookup::default(), place: plan.admission_place }
    }

    fn newest_first(&self, now: Time) -> bool {
        self.stages.iter().any(|stage| matches!(stage, Stage::Shed(shed) if shed.newest_first(now)))
    }

    /// A worker would take a call: whether it is dropped instead. All see it, so that each knows of every wait.
    fn drops(&mut self, facts: &Turn) -> bool {
        self.stages.iter_mut().fold(false, |dropped, stage| match stage {
            Stage::Shed(shed) => shed.turn(facts) || dropped,
            Stage::Limit(_) | Stage::RateLimit(_) => dropped,
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

/// Why a guard turns a call away, and when it should come back.
type Refusal = (Failure, Option<Span>);

impl Run<'_> {
    /// A call is at the door of a replica: until when it may wait, or why it is turned away.
    fn ask_guards(&mut self, key: Key<Call>, facts: &Arrival) -> Result<Time, Refusal> {
        let (now, call) = (facts.now, &self.state.calls[key]);
        let replica = &self.state.replicas[call.replica.at()];
        let (own, first) = (replica.guard as usize, (replica.guard - replica.local) as usize);
        let (luck, client) = (call.luck, call.client.at());
        let mut until = Time::MAX;
        for (at, admission) in self.plan.services[call.service.at()].admission.iter().enumerate() {
            let shared = matches!(admission, Admission::RateLimit(spec) if spec.shared());
            let guard = &mut self.state.guards[if shared { first } else { own }];
            let refusal = match &mut guard.stages[at] {
                Stage::Limit(limit) => match limit.admit(now, &mut luck.at(guard.place)) {
                    limit::Verdict::Admit(token) => {
                        guard.tokens.insert(key.index() as u64, token);
                        continue;
                    }
                    limit::Verdict::Wait { .. } | limit::Verdict::Reject => (Failure::Shed, None),
                },
                Stage::RateLimit(limit) => match limit.admit(now, client) {
                    rate_limit::Verdict::Admit => continue,
                    rate_limit::Verdict::Reject { back, .. } => (Failure::RateLimited, back),
                    rate_limit::Verdict::Wait(_) => unreachable!("such a limit is refused before the run"),
                },
                Stage::Shed(shed) => match shed.arrive(facts) {
                    Verdict::Admit { until: bound } => {
                        until = until.min(bound);
                        continue;
                    }
                    Verdict::Drop => (Failure::Shed, None),
                },
            };
            self.state.guards[own].left(key, now, Ended::Ignored, luck);
            return Err(refusal);
        }
        Ok(until)
    }

    /// A call that nothing else keeps out comes to a door with guards.
    #[inline(never)]
    pub(super) fn knock(&mut self, key: Key<Call>) {
        let now = self.cx.now();
        let call = &self.state.calls[key];
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
        let until = match self.ask_guards(key, &facts) {
            Ok(until) => until,
            Err((failure, back)) => return self.turn_away(key, failure, back),
        };
        let call = &mut self.state.calls[key];
        let replica = &self.state.replicas[call.replica.at()];
        let guard = &mut self.state.guards[replica.guard as usize];
        call.guarded = true;
        if replica.busy < replica.most {
            let (waited, behind, deadline) = (Span::ZERO, replica.waiting, call.deadline);
            if guard.drops(&Turn { now, waited, behind, busy: replica.busy, deadline }) {
                return self.turn_away(key, Failure::Shed, None);
            }
        }
        self.start_or_wait(key, until);
    }

    /// A worker has come free in a replica with guards where calls wait: give it to whoever is next and may have it.
    #[inline(never)]
    pub(super) fn give_guarded_worker(&mut self, id: ReplicaId) {
        let now = self.cx.now();
        loop {
            let replica = &mut self.state.replicas[id.at()];
            let service = &mut self.state.services[replica.service.at()];
            let guard = &mut self.state.guards[replica.guard as usize];
            let lifo = self.plan.services[replica.service.at()].order == Order::Lifo;
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
            self.tell_when(next, failure, None);
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
        self.tell_rate_limits(call, outcome);
        let replica = &self.state.replicas[call.replica.at()];
        let guard = &mut self.state.guards[replica.guard as usize];
        if call.served {
            let latency = now.since(call.arrived);
            guard.served(&End { now, latency, busy: replica.busy - 1, waiting: replica.waiting });
        }
    }

    /// Rate limits that care hear of the end of a call that they have let in.
    fn tell_rate_limits(&mut self, call: &Call, outcome: Outcome) {
        let (now, replica) = (self.cx.now(), &self.state.replicas[call.replica.at()]);
        let (own, first) = (replica.guard as usize, (replica.guard - replica.local) as usize);
        for (at, admission) in self.plan.services[call.service.at()].admission.iter().enumerate() {
            let Admission::RateLimit(spec) = admission else { continue };
            if let Stage::RateLimit(limit) = &mut self.state.guards[if spec.shared() { first } else { own }].stages[at]
            {
                limit.ended(now, call.client.at(), outcome);
            }
        }
    }

    /// Whether a call's optional steps are run.
    pub(super) fn serves_optional(&mut self, key: Key<Call>, level: u8, place: Place) -> bool {
        let now = self.cx.now();
        let call = &self.state.calls[key];
        let replica = &self.state.replicas[call.replica.at()];
        let guard = self.state.guards.get_mut(replica.guard as usize).filter(|_| replica.guarded);
        let stages = guard.into_iter().flat_map(|guard| &mut guard.stages);
        let mut served = level > self.state.services[call.service.at()].degraded;
        for stage in stages {
            if let Stage::Shed(shed) = stage {
                served = served && shed.serves_optional(now, level, &mut call.luck.at(place));
            }
        }
        let totals = &mut self.state.services[call.service.at()].totals;
        totals.optional += 1;
        totals.left_out += u64::from(!served);
        served
    }

    /// A service has other guards. What calls inside hold of the old ones is gone with these.
    pub(super) fn exchange_guards(state: &mut super::State, plan: &Plan, service: crate::plan::ServiceId) {
        let of = &plan.services[service.at()];
        for id in of.first..of.first + of.replicas {
            let guard = state.replicas[id as usize].guard as usize;
            state.guards[guard] = Guard::new(of, plan.clients.len());
        }
    }

    /// What a replica has learnt is gone with it; what all share is not there.
    pub(super) fn forget_guard(&mut self, id: ReplicaId) {
        let replica = &self.state.replicas[id.at()];
        if !replica.guarded {
            return;
        }
        let plan = &self.plan.services[replica.service.at()];
        let new = Guard::new(plan, self.plan.clients.len());
        let old = std::mem::replace(&mut self.state.guards[replica.guard as usize], new);
        let guard = &mut self.state.guards[replica.guard as usize];
        for ((stage, old), admission) in guard.stages.iter_mut().zip(old.stages).zip(&plan.admission) {
            if matches!(admission, Admission::RateLimit(spec) if spec.shared()) {
                *stage = old;
            }
        }
    }
}
