//! What a diagnosis is made from: when something was wrong, and what was different then.

use super::{Amplified, Cycle, Trigger, Trouble, Wasted, round};
use crate::experiment::measure::share;
use crate::scenario::Case;
use crate::scenario::graph::{self, Graph, Kind};
use crate::scenario::line::{COLLAPSED, Line};
use crate::scenario::marks::{self, Mark};
use squall_models::outcome::Failure;
use squall_models::report::{Names, Report};
use squall_sim::{Span, Time};
use std::ops::Range;

/// So many windows without trouble at the end are a recovery.
const LAST: usize = 5;

/// All that is known about one run.
pub(super) struct Facts<'a> {
    pub(super) case: &'a Case,
    pub(super) report: &'a Report,
    pub(super) names: &'a Names,
    pub(super) graph: Graph,
    pub(super) marks: Vec<Mark>,
    pub(super) trouble: Option<Trouble>,
    /// Windows of the series: after the warm-up and before anything happened; while something was wrong; after it.
    pub(super) before: Range<usize>,
    pub(super) during: Range<usize>,
    pub(super) after: Range<usize>,
    lines: Vec<Line>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(case: &'a Case, report: &'a Report) -> Self {
        let names = case.blueprint.names();
        let world = serde_json::to_value(&case.world).unwrap_or_default();
        let (marks, resolution) = (marks::of(&world), report.series.resolution.seconds());
        let windows = report.series.len();
        let window = |seconds: f64| (((seconds / resolution) + 1e-9) as usize).min(windows);
        // The first window that lies after the warm-up as a whole.
        let warm = report.measured.from.nanos().div_ceil(report.series.resolution.nanos().max(1));
        let warm = usize::try_from(warm).unwrap_or(windows).min(windows);
        let failed = report.failure_order.first().map(|failing| failing.at.seconds());
        let signs = marks.iter().map(|mark| mark.from).chain(failed);
        let calm = window(signs.fold(f64::INFINITY, f64::min)).max(warm);
        let until = Time::ZERO + Span::from_seconds(calm as f64 * resolution);
        let line = |name: &String| {
            let before = (report.measured.from, until);
            Line::of(&report.series, name, before).or_else(|| Line::read(&report.series, name))
        };
        let lines: Vec<Line> = names.clients.iter().filter_map(line).collect();
        let mut facts = Self {
            case,
            report,
            names,
            graph: graph::of(&world),
            marks,
            trouble: None,
            before: warm..calm,
            during: windows..windows,
            after: windows..windows,
            lines,
        };
        if let Some(during) = facts.wrong(warm, failed.map(window)) {
            let (from, to) = (during.start as f64 * resolution, during.end as f64 * resolution);
            facts.trouble = Some(Trouble {
                from_s: round(failed.map_or(from, |failed| failed.min(from))),
                to_s: round(to.min(report.ended_at.seconds())),
                recovered: during.end + LAST <= windows && report.deadlocks.is_empty(),
            });
            facts.before.end = facts.before.end.min(during.start).max(warm);
            (facts.after, facts.during) = (during.end..windows, during);
        }
        facts
    }

    /// The windows from the first in which something was wrong to the last.
    fn wrong(&self, warm: usize, failed: Option<usize>) -> Option<Range<usize>> {
        let mut all: Vec<usize> = self.lines.iter().flat_map(|line| sick(line, warm, self.before.end)).collect();
        if let Some(failed) = failed.filter(|_| all.is_empty()) {
            // What fills up without harm to clients is trouble as long as it is full.
            all.extend(self.report.failure_order.iter().flat_map(|failing| self.full(&failing.component, failed)));
        }
        all.extend(failed);
        let (first, last) = (all.iter().min()?, all.iter().max()?);
        Some(*first..(*last + 1).min(self.report.series.len()).max(*first))
    }

    fn full(&self, component: &str, from: usize) -> Vec<usize> {
        let column = self.column(component, "utilisation");
        column.iter().enumerate().skip(from).filter(|(_, value)| **value >= 0.99).map(|(at, _)| at).collect()
    }

    /// A column of the series; empty if there is none.
    pub(super) fn column(&self, component: &str, metric: &str) -> Vec<f64> {
        self.report.series.column(component, metric).map(Iterator::collect).unwrap_or_default()
    }

    /// The mean over some windows of what exists there.
    pub(super) fn mean(&self, component: &str, metric: &str, windows: &Range<usize>) -> Option<f64> {
        let column = self.column(component, metric);
        let values = column.get(windows.clone())?.iter().filter(|value| value.is_finite());
        let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    }

    /// The largest value over some windows.
    pub(super) fn most(&self, component: &str, metric: &str, windows: &Range<usize>) -> Option<f64> {
        let column = self.column(component, metric);
        let values = column.get(windows.clone())?.iter().copied().filter(|value| value.is_finite());
        values.max_by(f64::total_cmp)
    }

    /// Calls for each call that no retry or reload caused, over some windows.
    pub(super) fn amplification(&self, component: &str, windows: &Range<usize>) -> Option<f64> {
        let (arrivals, ratios) = (self.column(component, "arrivals"), self.column(component, "amplification"));
        let pairs = arrivals.get(windows.clone())?.iter().zip(ratios.get(windows.clone())?);
        // A window with retries only has no ratio, but its calls count all the same.
        let (all, first) = pairs.fold((0.0, 0.0), |(all, first), (arrivals, ratio)| {
            (all + arrivals, first + if ratio.is_finite() && *ratio > 0.0 { arrivals / ratio } else { 0.0 })
        });
        (first > 0.0).then(|| all / first)
    }

    /// The share of a client's requests that ended well, of those that it began, over some windows.
    pub(super) fn goodput(&self, client: usize, windows: &Range<usize>) -> Option<f64> {
        self.lines.get(client)?.share(windows.start, windows.end)
    }

    /// What share is usual for a client.
    pub(super) fn usual(&self, client: usize) -> f64 {
        self.lines.get(client).map_or(1.0, |line| line.reference)
    }

    /// Whether a component is in the failure order.
    pub(super) fn failed(&self, component: &str) -> bool {
        self.report.failure_order.iter().any(|failing| failing.component == component)
    }

    /// When a component failed or filled up, in seconds.
    pub(super) fn failed_at(&self, component: &str) -> Option<f64> {
        let known = self.report.failure_order.iter().find(|failing| failing.component == component);
        known.map(|failing| failing.at.seconds())
    }

    /// Failures of the requests of all clients, of these kinds.
    pub(super) fn failures(&self, kinds: &[Failure]) -> u64 {
        let clients = self.report.measured.clients.iter();
        clients.map(|client| kinds.iter().map(|kind| client.failed[*kind as usize]).sum::<u64>()).sum()
    }

    /// The faults that had begun when it began to go wrong, the last of them first. What is over for longer than a
    /// minute is held to be no part of it.
    pub(super) fn triggers_before(&self) -> impl Iterator<Item = &Mark> {
        let from = self.trouble.map_or(0.0, |trouble| trouble.from_s);
        let slack = self.report.series.resolution.seconds();
        let near = move |mark: &&Mark| {
            mark.from <= from + slack && mark.until.is_none_or(|until| until.max(mark.from) + 60.0 >= from)
        };
        self.marks.iter().rev().filter(near)
    }

    pub(super) fn triggers(&self) -> Vec<Trigger> {
        let trigger = |(number, mark): (usize, &Mark)| Trigger {
            number,
            at_s: round(mark.from),
            until_s: mark.until.filter(|until| *until > mark.from).map(round),
            what: mark.what.clone(),
        };
        (1..).zip(&self.marks).map(trigger).collect()
    }

    /// Services in which something waits for itself: closed for good, or a circle of calls that all have filled up.
    pub(super) fn cycles(&self) -> Vec<Cycle> {
        let closed = self.report.deadlocks.iter().map(|deadlock| Cycle {
            components: deadlock.cycle.clone(),
            closed_at_s: Some(round(deadlock.at.seconds())),
            stuck: deadlock.stuck,
        });
        let mut cycles: Vec<Cycle> = closed.collect();
        if cycles.is_empty()
            && let Some(components) = self.circle()
        {
            cycles.push(Cycle { components, closed_at_s: None, stuck: 0 });
        }
        cycles
    }

    /// A circle of calls among services that all have filled up, from its first by name.
    fn circle(&self) -> Option<Vec<String>> {
        let services = || self.graph.nodes.iter().filter(|(_, kind)| *kind == Kind::Service).map(|(name, _)| name);
        let full: Vec<&String> = services().filter(|name| self.failed(name)).collect();
        full.iter().find_map(|start| {
            let mut ways = vec![vec![*start]];
            while let Some(way) = ways.pop() {
                let last = way.last()?;
                for next in full.iter().filter(|next| self.graph.uses(last, next)) {
                    if next == start {
                        return Some(way.iter().map(|name| (*name).clone()).collect());
                    }
                    if !way.contains(next) {
                        ways.push(way.iter().chain([next]).copied().collect());
                    }
                }
            }
            None
        })
    }

    /// Clients that stay collapsed though the last fault has been over for a tenth of the run.
    pub(super) fn metastable(&self) -> Vec<String> {
        let end = self.report.ended_at.seconds();
        let over = self.marks.iter().map(|mark| mark.until).collect::<Option<Vec<f64>>>();
        let Some(over) = over.filter(|all| !all.is_empty()) else { return Vec::new() };
        if over.iter().any(|until| *until > 0.7 * end) {
            return Vec::new();
        }
        let last = |line: &Line| line.share(line.len() - line.len() / 5, line.len()).unwrap_or(0.0);
        let down = |line: &Line| last(line) < COLLAPSED * line.reference;
        let all = self.names.clients.iter().zip(&self.lines);
        all.filter(|(_, line)| down(line)).map(|(name, _)| format!("clients.{name}")).collect()
    }

    pub(super) fn wasted(&self) -> Vec<Wasted> {
        let pairs = self.names.services.iter().zip(&self.report.measured.services);
        let one = |(name, service): (&String, &squall_models::report::ServiceTotals)| {
            let part = share(service.wasted, service.work).filter(|part| *part >= 0.001)?;
            Some(Wasted { service: name.clone(), share: round(part), work_s: round(service.wasted.seconds()) })
        };
        let mut all: Vec<Wasted> = pairs.filter_map(one).collect();
        all.sort_by(|a, b| b.share.total_cmp(&a.share));
        all
    }

    pub(super) fn amplified(&self) -> Vec<Amplified> {
        let one = |name: &String| {
            let component = format!("services.{name}");
            let during = self.amplification(&component, &self.during).filter(|ratio| *ratio >= 1.01)?;
            let before = self.amplification(&component, &self.before).map(round);
            Some(Amplified { service: name.clone(), before, during: round(during) })
        };
        let mut all: Vec<Amplified> = self.names.services.iter().filter_map(one).collect();
        all.sort_by(|a, b| b.during.total_cmp(&a.during));
        all
    }
}

/// A client that keeps this share of what is usual for it is well. A tenth would be the usual harm of one replica of ten.
pub(super) const WELL: f64 = 0.95;
/// Fewer requests than this missing over a stretch are chance.
const FEW: f64 = 10.0;

/// The windows in which a client was less well than usual, over a stretch and in themselves. A stretch that reaches over
/// the first sign would count what was chance before it.
fn sick(line: &Line, warm: usize, sign: usize) -> Vec<usize> {
    let mut found = Vec::new();
    let seconds = line.resolution.seconds();
    let below = |from: usize, to: usize| line.share(from, to).is_some_and(|share| share < WELL * line.reference);
    let missing = |from: usize, to: usize| -> f64 {
        let sum = |values: &[f64]| values.get(from..to).map_or(0.0, |part| part.iter().sum::<f64>()) * seconds;
        line.reference * sum(&line.offered) - sum(&line.goodput)
    };
    let stretch = line.stretch().min(line.len());
    for start in warm..(line.len() + 1).saturating_sub(stretch) {
        let end = start + stretch;
        let straddles = start < sign && sign < end;
        if !straddles && below(start, end) && missing(start, end) >= FEW {
            found.extend((start..end).filter(|at| below(*at, at + 1)));
        }
    }
    found
}
