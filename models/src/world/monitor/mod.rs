//! The metrics plane: what has been scraped, and what alerts make of it. Nothing here looks at the world but
//! [`scrape`], and nothing that alerts and operators do looks at anything but what that has brought.

mod operate;
mod scrape;

use super::{Event, Run};
use crate::monitor::{self, Alert, BOUNDS, Sample, State, promql};
use crate::plan::{AlertPlan, Cause, CheckPlan, MonitorPlan, Plan, Rule, ServiceId, Signal, Test};
use crate::report::{AlertTotals, OperatorTotals};
use crate::rollout::Found;
use operate::Operator;
use squall_sim::random::Stream;
use squall_sim::{Span, Time};
use std::collections::{BTreeMap, VecDeque};

/// What has been scraped, and who makes what of it. Empty without alerts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Monitor {
    series: Vec<VecDeque<Kept>>,
    /// For each target: what the usual loss and delay follow from, and what those of faults do.
    streams: Vec<(Stream, Stream)>,
    alerts: Vec<Watched>,
    operators: Vec<Operator>,
    /// When the first fault of the run began.
    troubled: Option<Time>,
    /// When it was last scraped.
    scraped: Option<Time>,
    /// Samples of one series, as an evaluation sees them.
    scratch: Vec<Sample>,
}

/// A sample, and from when on it can be seen.
#[derive(Clone, Copy, Debug)]
struct Kept {
    sample: Sample,
    visible: Time,
}

/// An alert.
#[derive(Clone, Debug)]
struct Watched {
    /// One for each series that an expression has given, and one without labels for a sentence.
    alerts: BTreeMap<promql::Labels, Alert>,
    /// The last evaluation had something to go by.
    known: bool,
    totals: AlertTotals,
}

impl Watched {
    /// It fires while any of its alerts does.
    fn state(&self) -> State {
        let of = |state| self.alerts.values().any(|alert| alert.state() == state);
        [State::Firing, State::Pending].into_iter().find(|state| of(*state)).unwrap_or_default()
    }

    fn fires(&self) -> bool {
        self.state() == State::Firing
    }

    /// It is over, and that is known.
    fn is_over(&self) -> bool {
        self.known && self.state() == State::Inactive
    }

    /// An evaluation, with those series for which the condition holds.
    fn evaluate(&mut self, now: Time, holds: Vec<promql::Labels>, plan: &AlertPlan) {
        for (labels, alert) in &mut self.alerts {
            if !holds.contains(labels) {
                alert.evaluate(now, false);
            }
        }
        for labels in holds {
            self.alerts.entry(labels).or_insert(Alert::new(plan.wait, plan.keep)).evaluate(now, true);
        }
        self.alerts.retain(|_, alert| alert.state() != State::Inactive);
    }
}

impl Monitor {
    pub(crate) fn new(plan: &Plan, seed: u64) -> Self {
        let Some(monitor) = plan.monitor.as_deref() else { return Self::default() };
        let stream = |name: String| Stream::new(seed, &name);
        let of_target = |target: &crate::plan::TargetPlan| {
            let name = &target.name;
            (stream(format!("monitoring.{name}")), stream(format!("monitoring.{name}.faults")))
        };
        let watched = |_: &AlertPlan| Watched { alerts: BTreeMap::new(), known: false, totals: AlertTotals::default() };
        Self {
            series: vec![VecDeque::new(); monitor.series as usize],
            streams: monitor.targets.iter().map(of_target).collect(),
            alerts: monitor.alerts.iter().map(watched).collect(),
            operators: monitor.operators.iter().map(|plan| Operator::new(&plan.name, seed)).collect(),
            troubled: None,
            scraped: None,
            scratch: Vec::new(),
        }
    }

    /// The first of them counts.
    pub(super) fn fault_begins(&mut self, now: Time) {
        self.troubled.get_or_insert(now);
    }

    /// How long the first fault of the run has been there.
    pub(super) fn since_trouble(&self, now: Time) -> Option<Span> {
        self.troubled.map(|since| now.since(since))
    }

    pub(super) fn totals(&self) -> Vec<AlertTotals> {
        self.alerts.iter().map(|watched| watched.totals).collect()
    }

    pub(super) fn operator_totals(&self) -> Vec<OperatorTotals> {
        self.operators.iter().map(|operator| operator.totals).collect()
    }

    /// What somebody can see of a series now.
    fn seen<T>(&mut self, series: u32, now: Time, read: impl FnOnce(&[Sample]) -> T) -> T {
        self.scratch.clear();
        let visible = self.series[series as usize].iter().filter(|kept| kept.visible <= now);
        self.scratch.extend(visible.map(|kept| kept.sample));
        read(&self.scratch)
    }

    fn rate(&mut self, series: u32, now: Time, over: Span) -> Option<f64> {
        self.seen(series, now, |samples| monitor::rate(samples, now, over))
    }

    /// The value of a signal; none without data, and not a number where there is data that says nothing.
    fn value(&mut self, signal: Signal, over: Option<Span>, now: Time) -> Option<f64> {
        let window = over.unwrap_or(monitor::LOOKBACK);
        match signal {
            Signal::Gauge(series) => self.seen(series, now, |samples| match over {
                Some(over) => monitor::average(samples, now, over),
                None => monitor::newest(samples, now),
            }),
            Signal::Rate(series) => self.rate(series, now, window),
            Signal::Share(part, whole) => Some(self.rate(part, now, window)? / self.rate(whole, now, window)?),
            Signal::Excess(more, less) => {
                Some((self.rate(more, now, window)? - self.rate(less, now, window)?).max(0.0))
            }
            Signal::Quantile(first, q) => {
                let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
                let buckets = bounds.zip(first..).map(|(bound, series)| Some((bound, self.rate(series, now, window)?)));
                let buckets: Option<Vec<(f64, f64)>> = buckets.collect();
                Some(monitor::histogram_quantile(q, &buckets?))
            }
        }
    }
}

impl Monitor {
    /// What the query of an autoscaler gives, all of it together; none without data.
    pub(super) fn external(&self, plan: &Plan, of: (ServiceId, usize), now: Time) -> Option<f64> {
        let queries = plan.monitor.as_deref().map_or(&[][..], |monitor| &monitor.queries);
        let (_, query) = queries.iter().find(|(known, _)| *known == of)?;
        let promql::Value::Vector(all) = self.evaluate(query, now).value else { return None };
        let sum: f64 = all.iter().map(|(_, value)| value).sum();
        (!all.is_empty() && !sum.is_nan()).then_some(sum)
    }

    fn evaluate(&self, expr: &promql::Expr, now: Time) -> promql::Found {
        expr.evaluate(now, &mut |number, samples| {
            let visible = self.series[number as usize].iter().filter(|kept| kept.visible <= now);
            samples.extend(visible.map(|kept| kept.sample));
        })
    }

    /// For which series a rule holds, whether that is known, and a value for the log.
    fn asked(&mut self, rule: &Rule, now: Time) -> (Vec<promql::Labels>, bool, String) {
        let none = || "no data".to_owned();
        match rule {
            Rule::When(when) => {
                let value = self.value(when.signal, when.over, now);
                let known = value.is_some_and(|value| !value.is_nan()) || matches!(when.test, Test::Absent);
                let shown = value.filter(|value| !value.is_nan()).map(|value| when.unit.show(value));
                let holds = when.test.holds(value).then(promql::Labels::new);
                (holds.into_iter().collect(), known, shown.unwrap_or_else(none))
            }
            Rule::Expression(expr, _) => {
                let found = self.evaluate(expr, now);
                let promql::Value::Vector(all) = found.value else { return (Vec::new(), found.known, none()) };
                let shown = match all.first() {
                    Some((_, value)) => format!("{value:.3}"),
                    None if found.known => "no longer".to_owned(),
                    None => none(),
                };
                (all.into_iter().map(|(labels, _)| labels).collect(), found.known, shown)
            }
        }
    }
}

/// What was scraped says this of a condition of a rollout, with the value for the log.
pub(super) fn seen_now(monitor: &mut Monitor, check: &CheckPlan, now: Time) -> (Found, String) {
    let when = &check.condition;
    let (calls, window, least) = check.samples;
    let sampled = monitor.value(calls, Some(window), now).map_or(0.0, |rate| rate * window.seconds());
    let value = monitor.value(when.signal, when.over, now).filter(|value| !value.is_nan());
    match value {
        Some(value) if sampled + 0.5 >= least => {
            let found = if when.test.holds(Some(value)) { Found::Unhealthy } else { Found::Healthy };
            (found, when.unit.show(value))
        }
        Some(_) => (Found::Unknown, format!("{sampled:.0} calls, {least} wanted")),
        None => (Found::Unknown, String::new()),
    }
}

impl Test {
    fn holds(self, value: Option<f64>) -> bool {
        match (self, value) {
            (Self::Absent, value) => value.is_none(),
            (_, None) => false,
            (Self::Above(limit), Some(value)) => value > limit,
            (Self::AtLeast(limit), Some(value)) => value >= limit,
            (Self::Below(limit), Some(value)) => value < limit,
            (Self::AtMost(limit), Some(value)) => value <= limit,
        }
    }
}

impl Run<'_> {
    pub(super) fn begin_monitoring(&mut self) {
        if self.plan.monitor.is_some() {
            self.cx.at(Time::ZERO, Event::Watch);
        }
    }

    /// Whether components are scraped at this very instant, and have not been yet.
    pub(super) fn is_to_be_scraped(&self) -> bool {
        let now = self.cx.now();
        let every = self.plan.monitor.as_deref().map(|monitor| monitor.every);
        every.is_some_and(|every| now.nanos().is_multiple_of(every.nanos())) && self.state.monitor.scraped != Some(now)
    }

    /// It is time to scrape, to evaluate, or for somebody to look; in this order where several are due.
    pub(super) fn watch(&mut self) {
        let plan = self.plan;
        let Some(monitor) = plan.monitor.as_deref() else { return };
        let nanos = self.cx.now().nanos();
        let looks =
            || monitor.operators.iter().zip(0..).filter_map(|(operator, number)| Some((operator.every?, number)));
        let due = |every: Span| nanos.is_multiple_of(every.nanos());
        let all = [monitor.every, monitor.evaluate].into_iter().chain(looks().map(|(every, _)| every));
        let left = all.map(|every| every.nanos() - nanos % every.nanos()).min();
        self.cx.after(Span::from_nanos(left.unwrap_or(u64::MAX)), Event::Watch);
        if due(monitor.every) {
            self.state.monitor.scraped = Some(self.cx.now());
            self.scrape(monitor);
        }
        if due(monitor.evaluate) {
            self.evaluate(monitor);
        }
        looks().filter(|(every, _)| due(*every)).for_each(|(_, number)| self.look(number));
    }

    fn evaluate(&mut self, plan: &MonitorPlan) {
        let now = self.cx.now();
        for (alert, number) in plan.alerts.iter().zip(0..) {
            let monitor = &mut self.state.monitor;
            let (holds, known, shown) = monitor.asked(&alert.rule, now);
            let watched = &mut monitor.alerts[number as usize];
            watched.known = known;
            let before = watched.state();
            watched.evaluate(now, holds, alert);
            let after = watched.state();
            if before == after {
                continue;
            }
            if after == State::Firing {
                watched.totals.fired += 1;
                let first = monitor.troubled.map(|since| now.since(since));
                watched.totals.first = watched.totals.first.or(first);
            }
            let name = match (before, after) {
                (State::Firing, _) => "resolved",
                (_, after) => after.name(),
            };
            let what = match &alert.rule {
                Rule::When(when) => &when.what,
                Rule::Expression(_, text) => text,
            };
            self.write_down(Cause::Alert(number), name, what.clone(), shown);
            if after == State::Firing {
                self.call_for(number);
            }
        }
        self.look_whether_over();
    }
}
