//! The metrics plane and its operators, compiled: what is scraped of whom, and what alerts make of it.

use super::exposed::Catalogue;
use super::signal::{Formula, Named, Signal, Source, Unit, of_cache, of_client, of_pool};
use super::{CacheId, Checker, ClientId, DistId, EdgeId, Effect, OperatorPlan, Plan, PoolId, ServiceId, SplitId, rank};
use crate::autoscale;
use crate::monitor::{LOOKBACK, promql};
use crate::spec::{self, Fault, Severity};
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
    /// The number of each target, by its name.
    numbers: BTreeMap<String, usize>,
    /// How many series there are over all targets.
    pub(crate) series: u32,
    pub(crate) alerts: Vec<AlertPlan>,
    /// Those of autoscalers, by service and number.
    pub(crate) queries: Vec<((ServiceId, usize), promql::Expr)>,
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

/// What makes an alert.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    When(Condition),
    /// In PromQL, with its text.
    Expression(Box<promql::Expr>, String),
}

#[derive(Clone, Debug)]
pub(crate) struct AlertPlan {
    pub(crate) rule: Rule,
    pub(crate) wait: Span,
    pub(crate) keep: Span,
    pub(crate) severity: Option<Severity>,
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
            None if world.rollouts.is_empty() && !asks(world) => return,
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
            numbers: BTreeMap::new(),
            series: 0,
            alerts: Vec::new(),
            queries: Vec::new(),
            operators: Vec::new(),
        };
        for (path, span) in [("monitoring.scrape.every", plan.every), ("monitoring.evaluate", plan.evaluate)] {
            if span < Span::from_millis(1) {
                checker.problem(path, format!("{span} is too often"), "use a millisecond or more");
            }
        }
        let any = monitoring.alerts.values().any(|rule| rule.expr.is_some()) || asks(world);
        let catalogue = if any { Catalogue::new(world, self) } else { Catalogue::default() };
        for (name, rule) in &monitoring.alerts {
            let path = format!("monitoring.alerts.{name}");
            let made = match (&rule.when, &rule.expr) {
                (Some(when), None) => self.when(world, &path, (when, rule.over), &mut plan, checker),
                (None, Some(expr)) => {
                    if rule.over.is_some() {
                        let rule = "the windows of an expression are in it";
                        checker.problem(format!("{path}.over"), rule, "write them there, as in `rate(…[1m])`");
                    }
                    let path = format!("{path}.expr");
                    let read = plan.expression(&path, (expr, monitoring), &catalogue, checker);
                    read.map(|read| {
                        let reach = read.reach();
                        (Rule::Expression(Box::new(read), expr.clone()), reach)
                    })
                }
                _ => {
                    checker.problem(path, "an alert has one condition", "write either `when` or `expr`");
                    None
                }
            };
            if let Some((rule_plan, reach)) = made {
                plan.keep = plan.keep.max(reach);
                let (wait, keep) = (rule.r#for.span(), rule.keep_firing_for.span());
                plan.alerts.push(AlertPlan { rule: rule_plan, wait, keep, severity: rule.severity });
            }
        }
        for (service, id) in world.services.values().zip(0..) {
            let Some(autoscale::Spec::K8sHpaV2(spec)) = &service.autoscale else { continue };
            for (number, external) in spec.external.iter().enumerate() {
                let name = &self.names.services[id as usize];
                let path = format!("services.{name}.autoscale.k8s_hpa_v2.external.{number}.query");
                let Some(query) = plan.expression(&path, (&external.query, monitoring), &catalogue, checker) else {
                    continue;
                };
                plan.keep = plan.keep.max(query.reach());
                plan.queries.push(((ServiceId(id), number), query));
            }
        }
        self.compile_rollouts(world, &mut plan, checker);
        if plan.series > 0 && checker.is_fine() {
            self.monitor = Some(Box::new(plan));
        }
    }

    /// An alert's sentence, and how far back it looks.
    fn when(
        &self,
        world: &spec::World,
        path: &str,
        sentence: (&str, Option<Duration>),
        plan: &mut MonitorPlan,
        checker: &mut Checker<'_>,
    ) -> Option<(Rule, Span)> {
        let paths = (format!("{path}.when"), format!("{path}.over"));
        let when = self.condition(world, (&paths.0, &paths.1), sentence, plan, checker)?;
        let reach = when.over.unwrap_or(LOOKBACK);
        Some((Rule::When(when), reach))
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
            let remedy = crate::problem::did_you_mean(&metric, names.into_iter(), "its metrics");
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
            let remedy = crate::problem::did_you_mean(&meant, known.iter().map(String::as_str), "components");
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
            let remedy = crate::problem::did_you_mean(target, known.iter().map(String::as_str), "components");
            checker.problem(format!("{path}.target"), format!("there is no component `{target}`"), remedy);
        }
        let target = Some(target.clone()).filter(|target| target != "all");
        Some(Effect::Scrape(ScrapeFault { target, trouble }))
    }
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

/// Whether an autoscaler asks for something that is scraped.
fn asks(world: &spec::World) -> bool {
    let external = |spec: &autoscale::Spec| {
        let autoscale::Spec::K8sHpaV2(spec) = spec;
        !spec.external.is_empty()
    };
    world.services.values().filter_map(|service| service.autoscale.as_ref()).any(external)
}

impl MonitorPlan {
    /// An expression; everything that it looks at is scraped from now on.
    fn expression(
        &mut self,
        path: &str,
        (text, monitoring): (&str, &spec::Monitoring),
        catalogue: &Catalogue,
        checker: &mut Checker<'_>,
    ) -> Option<promql::Expr> {
        let read = promql::read(text, &catalogue.exposed, &monitoring.metrics);
        let expr = read.map_err(|wrong| checker.problem(path, wrong.rule, wrong.remedy)).ok()?;
        if expr.shortest_rate().is_some_and(|window| window.nanos() < 2 * self.every.nanos()) {
            let rule = format!("a window that short never holds two scrapes, one every {}", self.every);
            checker.problem(path, rule, "look at a longer window, or scrape more often");
        }
        Some(expr.renumbered(|number| {
            let (component, host, source, further) = &catalogue.sources[number as usize];
            self.reading(component, *host, *source) + further
        }))
    }

    /// The first series of what is read of a component, which is scraped from now on if it was not before.
    fn reading(&mut self, component: &str, host: Option<ServiceId>, source: Source) -> u32 {
        let new = self.targets.len();
        let target = *self.numbers.entry(component.to_owned()).or_insert(new);
        if target == new {
            self.targets.push(TargetPlan { name: component.to_owned(), host, readings: Vec::new() });
        }
        let readings = &mut self.targets[target].readings;
        if let Some((_, first)) = readings.iter().find(|(known, _)| *known == source) {
            return *first;
        }
        let first = self.series;
        readings.push((source, first));
        self.series += source.width();
        first
    }

    /// Sees to it that everything that a formula needs is scraped.
    pub(super) fn signal(&mut self, component: &str, host: Option<ServiceId>, formula: &Formula) -> Signal {
        let mut series = |source: Source| self.reading(component, host, source);
        match *formula {
            Formula::Gauge(source) => Signal::Gauge(series(source)),
            Formula::Rate(source) => Signal::Rate(series(source)),
            Formula::Share(part, whole) => Signal::Share(series(part), series(whole)),
            Formula::Excess(more, less) => Signal::Excess(series(more), series(less)),
            Formula::Quantile(source, q) => Signal::Quantile(series(source), q),
        }
    }
}
