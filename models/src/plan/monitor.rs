//! The metrics plane and its operators, compiled: what is scraped of whom, and what alerts make of it.

use super::signal::{Formula, Named, Signal, Source, Unit, of_cache, of_client, of_pool};
use super::{Action, CacheId, Checker, ClientId, DistId, EdgeId, Effect, Plan, PoolId, ServiceId, SplitId, rank};
use crate::monitor::LOOKBACK;
use crate::spec::{self, AlertRule, Fault, Otherwise, Severity};
use crate::units::{Duration, Share};
use squall_sim::Span;
use std::collections::BTreeMap;

/// The window of what is counted, unless an alert says otherwise.
pub(super) const USUAL: Span = Span::from_secs(60);

/// What is scraped, how, and what alerts there are.
#[derive(Clone, Debug)]
pub(crate) struct MonitorPlan {
    pub(crate) every: Span,
    pub(crate) evaluate: Span,
    pub(crate) delay: Option<DistId>,
    pub(crate) loss: f64,
    /// Older samples are looked at by nobody.
    pub(crate) keep: Span,
    pub(crate) targets: Vec<TargetPlan>,
    /// How many series there are over all targets.
    pub(crate) series: u32,
    pub(crate) alerts: Vec<AlertPlan>,
    pub(crate) operators: Vec<OperatorPlan>,
}

/// A component that is scraped.
#[derive(Clone, Debug)]
pub(crate) struct TargetPlan {
    /// As in `services.api`.
    pub(crate) name: String,
    /// The service that has to be up to tell anything.
    pub(crate) host: Option<ServiceId>,
    /// What is read, and the first of its series.
    pub(crate) readings: Vec<(Source, u32)>,
}

/// What a value is compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Test {
    Above(f64),
    AtLeast(f64),
    Below(f64),
    AtMost(f64),
    Absent,
}

/// A sentence about what was scraped.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub(crate) signal: Signal,
    pub(crate) over: Option<Span>,
    pub(crate) test: Test,
    pub(crate) unit: Unit,
    /// What it looks at, as in `pools.api.db.utilisation`.
    pub(crate) what: String,
}

#[derive(Clone, Debug)]
pub(crate) struct AlertPlan {
    pub(crate) when: Condition,
    pub(crate) wait: Span,
    pub(crate) keep: Span,
    pub(crate) severity: Option<Severity>,
}

#[derive(Clone, Debug)]
pub(crate) struct OperatorPlan {
    pub(crate) name: String,
    /// Alerts by number.
    pub(crate) on: Vec<u32>,
    pub(crate) every: Option<Span>,
    pub(crate) response: Option<DistId>,
    pub(crate) steps: Vec<StepPlan>,
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

/// What is wrong with scraping, and with whose: all by default.
#[derive(Clone, Debug)]
pub(crate) struct ScrapeFault {
    pub(crate) target: Option<String>,
    pub(crate) trouble: ScrapeTrouble,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ScrapeTrouble {
    Lost(f64),
    Late(DistId),
    Wrong(f64),
}

impl Plan {
    pub(super) fn compile_monitoring(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        let usual = spec::Monitoring::default();
        let monitoring = match &world.monitoring {
            Some(monitoring) => monitoring,
            None if world.rollouts.is_empty() => return,
            None => &usual,
        };
        let scrape = &monitoring.scrape;
        let mut plan = MonitorPlan {
            every: checker.span("monitoring.scrape.every", scrape.every),
            evaluate: checker.span("monitoring.evaluate", monitoring.evaluate),
            delay: scrape.delay.as_ref().and_then(|delay| checker.dist(self, "monitoring.scrape.delay", delay)),
            loss: scrape.loss.map_or(0.0, Share::get),
            keep: LOOKBACK,
            targets: Vec::new(),
            series: 0,
            alerts: Vec::new(),
            operators: Vec::new(),
        };
        for (path, span) in [("monitoring.scrape.every", plan.every), ("monitoring.evaluate", plan.evaluate)] {
            if span < Span::from_millis(1) {
                checker.problem(path, format!("{span} is too often"), "use a millisecond or more");
            }
        }
        for (name, rule) in &monitoring.alerts {
            let path = format!("monitoring.alerts.{name}");
            if let Some(alert) = self.alert(world, &path, rule, &mut plan, checker) {
                plan.keep = plan.keep.max(alert.when.over.unwrap_or(LOOKBACK));
                plan.alerts.push(alert);
            }
        }
        self.compile_rollouts(world, &mut plan, checker);
        if plan.series > 0 && checker.problems.is_empty() {
            self.monitor = Some(Box::new(plan));
        }
    }

    fn alert(
        &self,
        world: &spec::World,
        path: &str,
        rule: &AlertRule,
        plan: &mut MonitorPlan,
        checker: &mut Checker<'_>,
    ) -> Option<AlertPlan> {
        let paths = (format!("{path}.when"), format!("{path}.over"));
        let when = self.condition(world, (&paths.0, &paths.1), (&rule.when, rule.over), plan, checker)?;
        let (wait, keep) = (rule.r#for.span(), rule.keep_firing_for.span());
        Some(AlertPlan { when, wait, keep, severity: rule.severity })
    }

    /// A sentence, and the window that it is about.
    pub(super) fn condition(
        &self,
        world: &spec::World,
        (at, over_at): (&str, &str),
        (sentence, over): (&str, Option<Duration>),
        plan: &mut MonitorPlan,
        checker: &mut Checker<'_>,
    ) -> Option<Condition> {
        let words: Vec<&str> = sentence.split_whitespace().collect();
        let (subject, sign, value) = match words[..] {
            [subject, "absent"] => (subject, "absent", ""),
            [subject, sign @ (">" | ">=" | "<" | "<="), value] => (subject, sign, value),
            _ => {
                let remedy =
                    "write `<component>.<metric> > <value>` (or `>=`, `<`, `<=`), or `<component>.<metric> absent`";
                checker.problem(at, format!("`{sentence}` is no condition"), remedy);
                return None;
            }
        };
        let (component, host, metrics, metric) = self.subject(world, at, subject, checker)?;
        let names: Vec<&str> = metrics.iter().map(|(name, ..)| *name).collect();
        let Some((_, unit, formula)) = metrics.into_iter().find(|(name, ..)| *name == metric) else {
            let rule = format!("nothing called `{metric}` is scraped of `{component}`");
            let remedy = super::check::did_you_mean(&metric, names.into_iter(), "its metrics");
            checker.problem(at, rule, remedy);
            return None;
        };
        let number = if sign == "absent" { Ok(0.0) } else { unit.parse(value) };
        let number = number.map_err(|error| checker.problem(at, error, "write the value in its unit")).ok()?;
        let test = match sign {
            ">" => Test::Above(number),
            ">=" => Test::AtLeast(number),
            "<" => Test::Below(number),
            "<=" => Test::AtMost(number),
            _ => Test::Absent,
        };
        let over = over.map(|over| checker.span(over_at, over));
        let counted = !matches!(formula, Formula::Gauge(_));
        let over = over.or(counted.then_some(USUAL));
        if counted && over.is_some_and(|over| over.nanos() < 2 * plan.every.nanos()) {
            let rule = format!("a window that short never holds two scrapes, one every {}", plan.every);
            checker.problem(over_at, rule, "look at a longer window, or scrape more often");
        }
        let signal = plan.signal(&component, host, &formula);
        Some(Condition { signal, over, test, unit, what: format!("{component}.{metric}") })
    }

    /// Whom a word is about, who has to be up to tell, all there is to know, and what is asked.
    fn subject(
        &self,
        world: &spec::World,
        path: &str,
        word: &str,
        checker: &mut Checker<'_>,
    ) -> Option<(String, Option<ServiceId>, Named, String)> {
        let parts: Vec<&str> = word.split('.').collect();
        let named = |count: usize| (parts[..count].join("."), parts[count..].join("."));
        let (found, count, host) = match parts[..] {
            ["clients", name, ..] => (rank(&world.clients, name).map(|id| of_client(ClientId(id))), 2, None),
            ["services", name, ..] => {
                let id = rank(&world.services, name).map(ServiceId);
                (id.map(|id| self.of_service(id)), 2, id)
            }
            ["pools", service, pool, ..] => {
                let id = self.names.pools.iter().position(|(s, p)| s == service && p == pool);
                let host = rank(&world.services, service).map(ServiceId);
                (id.map(|id| of_pool(PoolId(id as u32))), 3, host)
            }
            ["caches", name, ..] => (rank(&world.caches, name).map(|id| of_cache(CacheId(id))), 2, None),
            ["splits", name, side, ..] => {
                let split = self.splits.iter().position(|split| split.name == name);
                let side = split.and_then(|at| self.splits[at].sides.iter().position(|known| known.name == side));
                let id = split.zip(side).map(|(split, side)| (SplitId(split as u32), side as u32));
                (id.map(|(split, side)| self.of_side(split, side)), 3, None)
            }
            ["edges", from, to, ..] => {
                let id = self.edges.iter().position(|edge| edge.caller == from && edge.callee_name == to);
                let host = rank(&world.services, from).map(ServiceId);
                (id.map(|id| self.of_edge(EdgeId(id as u32))), 3, host)
            }
            _ => (None, 0, None),
        };
        let Some(metrics) = found else {
            let known = components(world, self);
            let mut meant = parts.clone();
            meant.truncate(if matches!(parts[0], "pools" | "edges" | "splits") { 3 } else { 2 });
            let meant = meant.join(".");
            let remedy = super::check::did_you_mean(&meant, known.iter().map(String::as_str), "components");
            checker.problem(path, format!("there is no component `{meant}`"), remedy);
            return None;
        };
        let (component, metric) = named(count);
        Some((component, host, metrics, metric))
    }

    pub(super) fn scrape_effect(&mut self, path: &str, fault: &Fault, checker: &mut Checker<'_>) -> Option<Effect> {
        let (target, trouble) = match fault {
            Fault::ScrapeOutage { target, .. } => (target, ScrapeTrouble::Lost(1.0)),
            Fault::ScrapeLoss { target, share, .. } => (target, ScrapeTrouble::Lost(share.get())),
            Fault::ScrapeDelay { target, delay, .. } => {
                (target, ScrapeTrouble::Late(checker.dist(self, &format!("{path}.delay"), delay)?))
            }
            Fault::ScrapeCorruption { target, factor, .. } => {
                checker.positive(format!("{path}.factor"), *factor);
                (target, ScrapeTrouble::Wrong(*factor))
            }
            _ => return None,
        };
        let known = components(checker.world(), self);
        if target != "all" && !known.contains(target) {
            let remedy = super::check::did_you_mean(target, known.iter().map(String::as_str), "components");
            checker.problem(format!("{path}.target"), format!("there is no component `{target}`"), remedy);
        }
        let target = Some(target.clone()).filter(|target| target != "all");
        Some(Effect::Scrape(ScrapeFault { target, trouble }))
    }

    pub(super) fn compile_operators(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        let mut operators = Vec::new();
        let known_alerts = self.names.alerts.clone();
        for (name, operator) in &world.operators {
            let path = format!("operators.{name}");
            let alert = |name: &str, path: String, checker: &mut Checker<'_>| {
                let at = known_alerts.iter().position(|known| known == name);
                if at.is_none() {
                    let known = known_alerts.iter().map(String::as_str);
                    let remedy = super::check::did_you_mean(name, known, "alerts");
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
            let name = name.clone();
            operators.push(OperatorPlan { name, on, every, response, steps, again_after, escalate_to, nature });
        }
        check_calls(world, checker);
        match &mut self.monitor {
            Some(monitor) => monitor.operators = operators,
            None if !operators.is_empty() && checker.problems.is_empty() => {
                checker.problem("operators", "there are no alerts that could call anybody", "add `monitoring.alerts`");
            }
            None => {}
        }
    }
}

impl Plan {
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
            checker.problem(format!("operators.{name}"), "nothing ever calls it", "name alerts with `on`");
        }
    }
}

/// Who is called next; whoever escalates may not be called again by the same chain.
fn escalation(world: &spec::World, path: &str, from: &str, to: &str, checker: &mut Checker<'_>) -> Option<u32> {
    let path = format!("{path}.escalate_to");
    let Some(number) = rank(&world.operators, to) else {
        let remedy = super::check::did_you_mean(to, world.operators.keys().map(String::as_str), "operators");
        checker.problem(path, format!("there is no operator `{to}`"), remedy);
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

/// Everything that something can be scraped of.
fn components(world: &spec::World, plan: &Plan) -> Vec<String> {
    let clients = world.clients.keys().map(|name| format!("clients.{name}"));
    let services = world.services.keys().map(|name| format!("services.{name}"));
    let pools = plan.names.pools.iter().map(|(service, pool)| format!("pools.{service}.{pool}"));
    let caches = world.caches.keys().map(|name| format!("caches.{name}"));
    let edges = plan.edges.iter().map(|edge| format!("edges.{}.{}", edge.caller, edge.callee_name));
    let sides = plan.names.splits.iter().map(|(split, side)| format!("splits.{split}.{side}"));
    clients.chain(services).chain(pools).chain(caches).chain(sides).chain(edges).collect()
}

impl MonitorPlan {
    /// Sees to it that everything that a formula needs is scraped.
    pub(super) fn signal(&mut self, component: &str, host: Option<ServiceId>, formula: &Formula) -> Signal {
        let target = self.targets.iter().position(|target| target.name == component).unwrap_or_else(|| {
            self.targets.push(TargetPlan { name: component.to_owned(), host, readings: Vec::new() });
            self.targets.len() - 1
        });
        let mut series = |source: Source| {
            let readings = &mut self.targets[target].readings;
            if let Some((_, first)) = readings.iter().find(|(known, _)| *known == source) {
                return *first;
            }
            let first = self.series;
            readings.push((source, first));
            self.series += source.width();
            first
        };
        match *formula {
            Formula::Gauge(source) => Signal::Gauge(series(source)),
            Formula::Rate(source) => Signal::Rate(series(source)),
            Formula::Share(part, whole) => Signal::Share(series(part), series(whole)),
            Formula::Excess(more, less) => Signal::Excess(series(more), series(less)),
            Formula::Quantile(source, q) => Signal::Quantile(series(source), q),
        }
    }
}
