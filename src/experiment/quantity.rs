//! What variants are compared by: which numbers of a run, which of them are objectives, and which way is better.

use super::measure::{Metric, answered, metrics};
use super::runner::Run;
use crate::scenario::Case;
use squall_models::histogram::Histogram;
use std::collections::BTreeMap;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// A number that every run has.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    /// The component; `clients` for all clients together.
    pub component: String,
    /// The metric.
    pub metric: String,
    /// The window in words, such as `during fault 1`; empty for all that is measured.
    pub window: String,
    /// The unit.
    pub unit: &'static str,
    /// Which way is better; `None` for what is neither.
    pub better: Option<Better>,
    /// It decides whether a variant helped.
    pub objective: bool,
}

/// All clients together.
const ALL: &str = "clients";

/// The metric that comes first: requests that ended well, of those that arrived.
pub(super) const LEAD: &str = "goodput_share";

impl Quantity {
    fn new(component: &str, metric: &str, unit: &'static str, objective: bool) -> Self {
        Self {
            component: component.to_owned(),
            metric: metric.to_owned(),
            window: String::new(),
            unit,
            better: better(metric),
            objective,
        }
    }

    /// Component and metric, and the window if there is one.
    #[must_use]
    pub fn label(&self) -> String {
        let space = if self.window.is_empty() { "" } else { " " };
        format!("{}.{}{space}{}", self.component, self.metric, self.window)
    }

    /// The share of the requests of all clients that ended well.
    #[must_use]
    pub fn is_lead(&self) -> bool {
        self.component == ALL && self.metric == LEAD && self.window.is_empty()
    }
}

/// Which way is better for a metric, by its name.
#[must_use]
fn better(metric: &str) -> Option<Better> {
    let first = metric.split('.').next().unwrap_or(metric);
    match first {
        "goodput" | "goodput_share" | "success" | "throughput" | "hit_rate" | "served_at_once" | "coalesced" => {
            Some(Better::Higher)
        }
        "offered" | "utilisation" | "work_share" | "writes" | "fills" | "present" | "in_flight" => None,
        // Everything else that is measured is a failure, a delay, or work that nobody wants.
        _ => Some(Better::Lower),
    }
}

/// What the variants of a scenario are compared by: the objectives first, then what else is worth knowing.
///
/// Objectives are the share of all requests that ended well, the same for each client, duplicate writes, and whatever the
/// expectations measure.
pub(super) fn quantities(cases: &[&Case]) -> Vec<Quantity> {
    let Some(base) = cases.first() else { return Vec::new() };
    let names = base.blueprint.names();
    let mut all = vec![Quantity::new(ALL, LEAD, "share", true)];
    let component = |kind: &str, name: &str| format!("{kind}.{name}");
    for client in names.clients.iter().filter(|_| names.clients.len() > 1) {
        all.push(Quantity::new(&component("clients", client), LEAD, "share", true));
    }
    let writes = |service: &str| base.world.services.get(service).is_some_and(|s| format!("{s:?}").contains("Write("));
    for service in names.services.iter().filter(|service| writes(service)) {
        all.push(Quantity::new(&component("services", service), "count.duplicate_writes", "count", true));
    }
    for measured in cases.iter().flat_map(|case| &case.expectations).filter_map(|expectation| expectation.measures()) {
        let better = better(&measured.metric);
        let quantity = Quantity {
            component: measured.component,
            metric: measured.metric,
            window: measured.window,
            unit: measured.unit,
            better,
            objective: better.is_some(),
        };
        let known = |old: &Quantity| old.label() == quantity.label() || same_but_count(old, &quantity);
        if !all.iter().any(known) {
            all.push(quantity);
        }
    }
    all.push(Quantity::new(ALL, "latency.p50", "s", false));
    all.push(Quantity::new(ALL, "latency.p99", "s", false));
    for client in names.clients.iter().filter(|_| names.clients.len() > 1) {
        all.push(Quantity::new(&component("clients", client), "latency.p99", "s", false));
    }
    for service in &names.services {
        for (metric, unit) in [("amplification", "ratio"), ("utilisation", "share"), ("wasted", "share")] {
            all.push(Quantity::new(&component("services", service), metric, unit, false));
        }
    }
    let mut kept: Vec<Quantity> = Vec::new();
    for quantity in all {
        if !kept.iter().any(|known| known.label() == quantity.label()) {
            kept.push(quantity);
        }
    }
    kept
}

/// `services.db.duplicate_writes` of a sentence is `count.duplicate_writes` of the results.
fn same_but_count(known: &Quantity, other: &Quantity) -> bool {
    known.component == other.component
        && known.window == other.window
        && known.metric.strip_prefix("count.") == Some(other.metric.as_str())
}

/// The values of these quantities in one run, in order; `None` where a run has none.
pub(super) fn values(quantities: &[Quantity], case: &Case, run: &Run) -> Vec<Option<f64>> {
    let report = &run.report;
    let seconds = report.measured.to.since(report.measured.from).seconds();
    let rows: BTreeMap<(String, String), Option<f64>> = metrics(&report.measured, case.blueprint.names(), seconds)
        .into_iter()
        .map(|Metric { component, metric, value, .. }| ((component, metric), value))
        .collect();
    let judged: Vec<_> = case.expectations.iter().map(|e| e.measures()).zip(&run.judgements).collect();
    let one = |quantity: &Quantity| {
        if quantity.component == ALL {
            return together(&report.measured.clients, &quantity.metric);
        }
        if quantity.window.is_empty()
            && let Some(value) = rows.get(&(quantity.component.clone(), quantity.metric.clone()))
        {
            return *value;
        }
        let same = |(measured, _): &&(Option<crate::scenario::Measured>, _)| {
            measured.as_ref().is_some_and(|m| {
                m.component == quantity.component && m.metric == quantity.metric && m.window == quantity.window
            })
        };
        judged.iter().find(same).and_then(|(_, judgement)| judgement.measured)
    };
    quantities.iter().map(one).collect()
}

/// A metric of all clients together.
fn together(clients: &[squall_models::report::ClientTotals], metric: &str) -> Option<f64> {
    if metric == LEAD {
        return answered(clients);
    }
    let mut latency = Histogram::default();
    clients.iter().for_each(|client| latency.add(&client.latency));
    let (_, share) =
        super::measure::QUANTILES.iter().find(|(name, _)| metric.strip_prefix("latency.") == Some(name))?;
    latency.quantile(*share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_direction() {
        for (metric, wanted) in [
            ("goodput", Some(Better::Higher)),
            ("latency.p99", Some(Better::Lower)),
            ("count.duplicate_writes", Some(Better::Lower)),
            ("timeout", Some(Better::Lower)),
            ("hit_rate", Some(Better::Higher)),
            ("utilisation", None),
            ("present.max", None),
        ] {
            assert_eq!(better(metric), wanted, "{metric}");
        }
    }
}
