//! Operators: they are called by alerts or look at them by themselves, take their time, and work through their steps.

use crate::monitor::State;
use crate::plan::{Action, Cause, OperatorPlan, StepPlan};
use crate::report::OperatorTotals;
use crate::spec::{Otherwise, Severity};
use crate::world::{Event, Run};
use squall_sim::Span;
use squall_sim::random::{Draw, Stream};

/// Somebody who answers alerts.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    /// Goes up whenever what was waited for no longer matters.
    life: u32,
    stand: Stand,
    luck: Stream,
    slips: Stream,
    /// How bad is what it was called for.
    severity: Option<Severity>,
    /// The alerts that it was called for, by number: its own, and those for which others have called it.
    called_for: Vec<u32>,
    pub(super) totals: OperatorTotals,
}

/// What an operator is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Free,
    /// Has been called, by an alert or by another operator.
    Called,
    /// Has been called, and does not answer in time.
    Silent,
    /// Goes on with this step after a while.
    Before(usize),
    /// Waits in this step for an alert to be over.
    In(usize),
    /// Has done all and lets it work.
    Resting,
}

impl Operator {
    pub(super) fn new(name: &str, seed: u64) -> Self {
        let name = format!("operators.{name}");
        let (luck, slips) = (Stream::new(seed, &name), Stream::new(seed, &format!("{name}.mistakes")));
        let totals = OperatorTotals::default();
        Self { life: 0, stand: Stand::Free, luck, slips, severity: None, called_for: Vec::new(), totals }
    }
}

impl<'a> Run<'a> {
    fn operator_plan(&self, number: u32) -> &'a OperatorPlan {
        let plan = self.plan;
        let monitor = plan.monitor.as_deref();
        &monitor.unwrap_or_else(|| unreachable!("operators come with alerts")).operators[number as usize]
    }

    /// An alert has begun to fire.
    pub(super) fn call_for(&mut self, alert: u32) {
        for number in 0..self.state.monitor.operators.len() as u32 {
            let plan = self.operator_plan(number);
            if plan.every.is_none() && plan.on.contains(&alert) && self.is_free(number) {
                self.summon(number, None);
            }
        }
    }

    /// An operator looks at its alerts by itself.
    pub(super) fn look(&mut self, number: u32) {
        if self.is_free(number) && self.firing(number).is_some() {
            self.summon(number, None);
        }
    }

    /// Some operator may have waited for what is now known.
    pub(super) fn look_whether_over(&mut self) {
        for number in 0..self.state.monitor.operators.len() as u32 {
            if let Stand::In(step) = self.state.monitor.operators[number as usize].stand
                && self.is_over(number, step)
            {
                self.work_through(number, step + 1);
            }
        }
    }

    /// The time of an operator's next step has come, unless things have gone on since.
    pub(in crate::world) fn operate(&mut self, number: u32, life: u32) {
        let operator = &self.state.monitor.operators[number as usize];
        if operator.life != life {
            return;
        }
        match operator.stand {
            Stand::Free => {}
            Stand::Called => {
                if self.all_over(number) {
                    return self.put_down(number, "stand_down", "it is over");
                }
                let since = self.state.monitor.since_trouble(self.cx.now());
                let totals = &mut self.state.monitor.operators[number as usize].totals;
                totals.begun += 1;
                totals.first = totals.first.or(since);
                self.work_through(number, 0);
            }
            Stand::Silent if self.all_over(number) => self.put_down(number, "stand_down", "it is over"),
            Stand::Silent => {
                self.put_down(number, "unanswered", "nobody has begun");
                self.escalate(number);
            }
            Stand::Before(step) => self.work_through(number, step),
            Stand::In(step) => self.too_late(number, step),
            Stand::Resting => {
                self.state.monitor.operators[number as usize].stand = Stand::Free;
                self.look(number);
            }
        }
    }

    fn is_free(&self, number: u32) -> bool {
        self.state.monitor.operators[number as usize].stand == Stand::Free
    }

    /// The first of an operator's alerts that fires.
    fn firing(&self, number: u32) -> Option<u32> {
        let fires = |alert: &u32| self.state.monitor.alerts[*alert as usize].fires();
        self.operator_plan(number).on.iter().copied().find(fires)
    }

    /// Whether everything that an operator was called for is known to be over.
    fn all_over(&self, number: u32) -> bool {
        let monitor = &self.state.monitor;
        let called_for = &monitor.operators[number as usize].called_for;
        called_for.iter().all(|alert| monitor.alerts[*alert as usize].is_over())
    }

    fn is_over(&self, number: u32, step: usize) -> bool {
        match self.operator_plan(number).steps.get(step) {
            Some(StepPlan::Until { resolved, .. }) => self.state.monitor.alerts[*resolved as usize].is_over(),
            _ => true,
        }
    }

    /// An operator is called: by one of its alerts, or by another operator.
    fn summon(&mut self, number: u32, caller: Option<u32>) {
        let plan = self.operator_plan(number);
        let (severity, others) = match caller.map(|caller| &self.state.monitor.operators[caller as usize]) {
            None => (self.firing(number).and_then(|alert| self.severity(alert)), Vec::new()),
            Some(caller) => (caller.severity, caller.called_for.clone()),
        };
        let operator = &mut self.state.monitor.operators[number as usize];
        operator.severity = severity;
        operator.called_for = [others, plan.on.clone()].concat();
        operator.totals.called += 1;
        let own = severity.and_then(|severity| plan.nature.responses.get(&severity).copied());
        let response = own.or(plan.response).map(|dist| self.plan.dist(dist));
        let luck = &mut self.state.monitor.operators[number as usize].luck;
        let takes = response.map_or(Span::ZERO, |dist| dist.sample_span(luck));
        let by = match self.firing(number) {
            Some(alert) if caller.is_none() => self.plan.names.alerts[alert as usize].clone(),
            _ => "an escalation".to_owned(),
        };
        if let Some(limit) = plan.nature.escalate_after.filter(|limit| takes > *limit) {
            let told = format!("would begin after {takes}");
            self.write_down(Cause::Operator(number), "called", format!("by {by}"), told);
            return self.operate_after(number, Stand::Silent, limit);
        }
        self.write_down(Cause::Operator(number), "called", format!("by {by}"), format!("begins after {takes}"));
        self.operate_after(number, Stand::Called, takes);
    }

    /// The operator goes on after a while.
    fn operate_after(&mut self, number: u32, stand: Stand, after: Span) {
        let operator = &mut self.state.monitor.operators[number as usize];
        operator.life = operator.life.wrapping_add(1);
        operator.stand = stand;
        let life = operator.life;
        self.cx.after(after, Event::Operate { number, life });
    }

    /// Works through steps from this one on, until there is something to wait for.
    fn work_through(&mut self, number: u32, from: usize) {
        let plan = self.operator_plan(number);
        for (step, what) in plan.steps.iter().enumerate().skip(from) {
            if plan.until_over && self.all_over(number) {
                return self.put_down(number, "finished", "it is over");
            }
            match what {
                StepPlan::Do(action) => self.do_step(number, action),
                StepPlan::Wait(span) => return self.operate_after(number, Stand::Before(step + 1), *span),
                StepPlan::Until { within, .. } => {
                    if !self.is_over(number, step) {
                        return self.operate_after(number, Stand::In(step), *within);
                    }
                }
            }
        }
        self.put_down(number, "finished", "");
    }

    /// The alert of this step is not over in time, or was over a moment ago without anybody having been told.
    fn too_late(&mut self, number: u32, step: usize) {
        let plan = self.operator_plan(number);
        let Some(StepPlan::Until { resolved, otherwise, .. }) = plan.steps.get(step) else { return };
        if self.is_over(number, step) {
            return self.work_through(number, step + 1);
        }
        let watched = &self.state.monitor.alerts[*resolved as usize];
        let stands = if watched.state() == State::Inactive { "unknown" } else { watched.state().name() };
        let why = format!("{} is {stands}", self.plan.names.alerts[*resolved as usize]);
        match otherwise {
            Otherwise::GoOn => self.work_through(number, step + 1),
            Otherwise::Stop => self.put_down(number, "gave_up", &why),
            Otherwise::Escalate => {
                self.put_down(number, "escalated", &why);
                // This is what has not gone away.
                self.state.monitor.operators[number as usize].called_for.push(*resolved);
                self.escalate(number);
            }
        }
    }

    /// The next one is called, who is told how bad it is.
    fn escalate(&mut self, number: u32) {
        if let Some(to) = self.operator_plan(number).escalate_to.filter(|to| self.is_free(*to)) {
            self.state.monitor.operators[number as usize].totals.escalated += 1;
            self.summon(to, Some(number));
        }
    }

    fn severity(&self, alert: u32) -> Option<Severity> {
        self.plan.monitor.as_deref()?.alerts[alert as usize].severity
    }

    /// Does what a step says, or forgets it, or does something else.
    fn do_step(&mut self, number: u32, action: &Action) {
        let nature = &self.operator_plan(number).nature;
        let (skip, wrong) = (nature.skip, nature.wrong);
        let slips = &mut self.state.monitor.operators[number as usize].slips;
        let drawn = if skip + wrong > 0.0 { slips.unit() } else { 1.0 };
        let cause = Cause::Operator(number);
        if drawn < skip {
            self.write_down(cause, "skipped", self.plan.target(action), format!("{} was forgotten", action.name()));
        } else if drawn < skip + wrong {
            let at = (slips.unit() * nature.instead.len() as f64) as usize;
            let instead = &nature.instead[at.min(nature.instead.len() - 1)];
            self.write_down(
                cause,
                "mistaken",
                self.plan.target(action),
                format!("{} instead of {}", instead.name(), action.name()),
            );
            self.act(cause, instead);
        } else {
            self.act(cause, action);
        }
    }

    fn put_down(&mut self, number: u32, what: &'static str, why: &str) {
        self.write_down(Cause::Operator(number), what, "runbook".to_owned(), why.to_owned());
        self.state.monitor.operators[number as usize].totals.finished += u64::from(what == "finished");
        match self.operator_plan(number).again_after {
            Some(after) => self.operate_after(number, Stand::Resting, after),
            None => {
                let operator = &mut self.state.monitor.operators[number as usize];
                operator.life = operator.life.wrapping_add(1);
                operator.stand = Stand::Free;
            }
        }
    }
}
