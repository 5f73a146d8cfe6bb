//! Operators, compiled: who is called by what, and what they do.

use super::{Action, Checker, DistId, Plan, rank};
use crate::spec::{self, Otherwise, Severity};
use crate::units::{Duration, Share};
use squall_sim::Span;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(crate) struct OperatorPlan {
    pub(crate) name: String,
    /// Alerts by number.
    pub(crate) on: Vec<u32>,
    pub(crate) every: Option<Span>,
    pub(crate) response: Option<DistId>,
    pub(crate) steps: Vec<StepPlan>,
    pub(crate) until_over: bool,
    pub(crate) again_after: Option<Span>,
    pub(crate) escalate_to: Option<u32>,
    pub(crate) nature: Nature,
}

/// How somebody answers, besides what the runbook says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nature {
    pub(crate) responses: BTreeMap<Severity, DistId>,
    pub(crate) escalate_after: Option<Span>,
    /// The shares of steps that are forgotten, and that are done wrong.
    pub(crate) skip: f64,
    pub(crate) wrong: f64,
    pub(crate) instead: Vec<Action>,
}

#[derive(Clone, Debug)]
pub(crate) enum StepPlan {
    Do(Action),
    Wait(Span),
    Until { resolved: u32, within: Span, otherwise: Otherwise },
}

impl Plan {
    pub(super) fn compile_operators(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        let mut operators = Vec::new();
        let known_alerts = self.names.alerts.clone();
        for (name, operator) in &world.operators {
            let path = format!("operators.{name}");
            let alert = |name: &str, path: String, checker: &mut Checker<'_>| {
                let at = known_alerts.iter().position(|known| known == name);
                if at.is_none() {
                    let known = known_alerts.iter().map(String::as_str);
                    let remedy = crate::problem::did_you_mean(name, known, "alerts");
                    checker.problem(path, format!("there is no alert `{name}`"), remedy);
                }
                at.map(|at| at as u32)
            };
            let on = operator.on.iter().enumerate();
            let on = on.filter_map(|(at, name)| alert(name, format!("{path}.on.{at}"), checker)).collect();
            let mut steps = Vec::new();
            for (at, step) in operator.steps.iter().enumerate() {
                let path = format!("{path}.steps.{at}");
                steps.extend(match step {
                    spec::OperatorStep::Do(action) => {
                        self.action(world, &format!("{path}.do.{}", action.tag()), action, checker).map(StepPlan::Do)
                    }
                    spec::OperatorStep::Wait(time) => Some(StepPlan::Wait(time.span())),
                    spec::OperatorStep::Until(until) => {
                        let resolved = alert(&until.resolved, format!("{path}.until.resolved"), checker);
                        if until.r#else == Otherwise::Escalate && operator.escalate_to.is_none() {
                            let rule = "nobody is named to escalate to";
                            checker.problem(format!("{path}.until.else"), rule, "set `escalate_to`");
                        }
                        let (within, otherwise) = (until.within.span(), until.r#else);
                        resolved.map(|resolved| StepPlan::Until { resolved, within, otherwise })
                    }
                });
            }
            let escalate_to = operator.escalate_to.as_ref().and_then(|to| escalation(world, &path, name, to, checker));
            let optional = |field: &str, span: &Option<Duration>, checker: &mut Checker<'_>| {
                span.map(|span| checker.span(format!("{path}.{field}"), span))
            };
            let every = optional("every", &operator.every, checker);
            let again_after = optional("again_after", &operator.again_after, checker);
            let response = operator.response.as_ref();
            let response = response.and_then(|time| checker.dist(self, &format!("{path}.response"), time));
            let nature = self.nature(world, &path, operator, checker);
            let (name, until_over) = (name.clone(), operator.until_over);
            operators.push(OperatorPlan {
                name,
                on,
                every,
                response,
                steps,
                until_over,
                again_after,
                escalate_to,
                nature,
            });
        }
        check_calls(world, checker);
        let alerts = world.monitoring.as_ref().map(|monitoring| &monitoring.alerts);
        match &mut self.monitor {
            Some(monitor) => monitor.operators = operators,
            None if !operators.is_empty() && (checker.is_fine() || alerts.is_none_or(BTreeMap::is_empty)) => {
                let (rule, uses) = ("there are no alerts that could call anybody", ["monitoring.alerts".to_owned()]);
                checker.missing("operators", rule, "add `monitoring.alerts`", &uses);
            }
            None => {}
        }
    }

    fn nature(
        &mut self,
        world: &spec::World,
        path: &str,
        operator: &spec::Operator,
        checker: &mut Checker<'_>,
    ) -> Nature {
        let mut nature = Nature::default();
        for (severity, time) in &operator.responses {
            let at = format!("{path}.responses.{}", format!("{severity:?}").to_lowercase());
            nature.responses.extend(checker.dist(self, &at, time).map(|dist| (*severity, dist)));
        }
        let at = format!("{path}.escalate_after");
        nature.escalate_after = operator.escalate_after.map(|after| checker.span(&at, after));
        if operator.escalate_after.is_some() && operator.escalate_to.is_none() {
            checker.problem(at, "nobody is named to escalate to", "set `escalate_to`");
        }
        let Some(mistakes) = &operator.mistakes else { return nature };
        let path = format!("{path}.mistakes");
        (nature.skip, nature.wrong) = (mistakes.skip.map_or(0.0, Share::get), mistakes.wrong.map_or(0.0, Share::get));
        if nature.skip + nature.wrong > 1.0 {
            checker.problem(&path, "more than all steps go wrong", "let `skip` and `wrong` add up to 100% at most");
        }
        if mistakes.wrong.is_some() == mistakes.instead.is_empty() {
            checker.problem(&path, "`wrong` and `instead` belong together", "say how often, and what is done instead");
        }
        for (at, action) in mistakes.instead.iter().enumerate() {
            let path = format!("{path}.instead.{at}.{}", action.tag());
            nature.instead.extend(self.action(world, &path, action, checker));
        }
        nature
    }
}

/// Everybody can be called by something.
fn check_calls(world: &spec::World, checker: &mut Checker<'_>) {
    for (name, operator) in &world.operators {
        let called = world.operators.values().any(|other| other.escalate_to.as_ref() == Some(name));
        if operator.on.is_empty() && !called {
            let uses = ["operators.*.escalate_to".to_owned(), format!("operators.{name}.on")];
            checker.missing(format!("operators.{name}"), "nothing ever calls it", "name alerts with `on`", &uses);
        }
    }
}

/// Who is called next; whoever escalates may not be called again by the same chain.
fn escalation(world: &spec::World, path: &str, from: &str, to: &str, checker: &mut Checker<'_>) -> Option<u32> {
    let path = format!("{path}.escalate_to");
    let Some(number) = rank(&world.operators, to) else {
        let remedy = crate::problem::did_you_mean(to, world.operators.keys().map(String::as_str), "operators");
        checker.unresolved(&path, format!("there is no operator `{to}`"), remedy);
        return None;
    };
    let mut next = Some(to);
    for _ in 0..=world.operators.len() {
        if next == Some(from) {
            checker.problem(path, "this goes round in a circle", "let the last one `stop`");
            return None;
        }
        next = next.and_then(|name| world.operators.get(name)?.escalate_to.as_deref());
    }
    Some(number)
}
