//! What variants are compared by: which numbers of a run, which of them are objectives, and which way is better.

use super::measure::{Metric, answered, metrics};
use super::runner::Run;
use crate::scenario::Case;
use squall_models::histogram::Histogram;
use squall_models::report::Names;
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
    /// Its say in whether a variant helped.
    pub role: Role,
}

/// What say a quantity has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// An objective that users see: how their requests ended, how long they took, what was done twice. These decide.
    Users,
    /// An objective that only who runs the system sees, such as amplification. These count where users see no difference.
    System,
    /// Worth knowing, but no objective.
    Aside,
}

/// All clients together.
const ALL: &str = "clients";

/// The metric that comes first: requests that ended well, of those that arrived.
pub(super) const LEAD: &str = "goodput_share";

impl Quantity {
    fn new(component: &str, metric: &str, unit: &'static str, role: Role) -> Self {
        Self {
            component: component.to_owned(),
            metric: metric.to_owned(),
            window: String::new(),
            unit,
            better: better(metric),
            role,
        }
    }

    /// It has a say in whether a variant helped.
    #[must_use]
    pub fn is_objective(&self) -> bool {
        self.role != Role::Aside
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
        "offered" | "utilisation" | "work_share" | "writes" | "acknowledged" | "persisted" | "deduplicated"
        | "fills" | "present" | "in_flight" => None,
        // Everything else that is measured is a failure, a delay, or work that nobody wants.
        _ => Some(Better::Lower),
    }
}

/// Whom an objective is for. Users see what becomes of their requests, what is done twice and what is wrong; how often a
/// client has to try is not for them to see.
fn role(component: &str, metric: &str, names: &Names) -> Role {
    let client = component.starts_with("clients.") || names.clients.iter().any(|name| name == component);
    let inner = matches!(metric, "attempts" | "offered");
    let harm = matches!(
        metric.strip_prefix("count.").unwrap_or(metric),
        "duplicate_writes" | "wrong" | "data_loss" | "stale_reads"
    );
    if (client && !inner) || harm { Role::Users } else { Role::System }
}

/// What the variants of a scenario are compared by: the objectives first, then what else is worth knowing.
///
/// Objectives are the share of all requests that ended well, the same for each client, duplicate writes, and whatever the
/// expectations measure: of clients for the users, of anything else for the system.
pub(super) fn quantities(cases: &[&Case]) -> Vec<Quantity> {
    let Some(base) = cases.first() else { return Vec::new() };
    let names = base.blueprint.names();
    let mut all = vec![Quantity::new(ALL, LEAD, "share", Role::Users)];
    let component = |kind: &str, name: &str| format!("{kind}.{name}");
    for client in names.clients.iter().filter(|_| names.clients.len() > 1) {
        all.push(Quantity::new(&component("clients", client), LEAD, "share", Role::Users));
    }
    let writes = |service: &str| base.world.services.get(service).is_some_and(|s| format!("{s:?}").contains("Write("));
    for service in names.services.iter().filter(|service| writes(service)) {
        all.push(Quantity::new(&component("services", service), "count.duplicate_writes", "count", Role::Users));
    }
    let keeps = |service: &str| base.world.services.get(service).is_some_and(|service| service.data.is_some());
    for service in names.services.iter().filter(|service| keeps(service)) {
        all.push(Quantity::new(&component("services", service), "count.data_loss", "count", Role::Users));
    }
    for measured in cases.iter().flat_map(|case| &case.expectations).filter_map(|expectation| expectation.measures()) {
        let better = better(&measured.metric);
        let role = role(&measured.component, &measured.metric, names);
        let quantity = Quantity {
            component: measured.component,
            metric: measured.metric,
            window: measured.window,
            unit: measured.unit,
            better,
            role: better.map_or(Role::Aside, |_| role),
        };
        let known = |old: &Quantity| old.label() == quantity.label() || same_but_count(old, &quantity);
        if !all.iter().any(known) {
            all.push(quantity);
        }
    }
    all.push(Quantity::new(ALL, "latency.p50", "s", Role::Aside));
    all.push(Quantity::new(ALL, "latency.p99", "s", Role::Aside));
    for client in names.clients.iter().filter(|_| names.clients.len() > 1) {
        all.push(Quantity::new(&component("clients", client), "latency.p99", "s", Role::Aside));
    }
    for service in &names.services {
        for (metric, unit) in [("amplification", "ratio"), ("utilisation", "share"), ("wasted", "share")] {
            all.push(Quantity::new(&component("services", service), metric, unit, Role::Aside));
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
    fn users_see_what_becomes_of_their_requests() {
        let names = Names { clients: vec!["web".to_owned()], services: vec!["api".to_owned()], ..Names::default() };
        for (component, metric, wanted) in [
            ("clients.web", "goodput_share", Role::Users),
            ("web", "latency.p99", Role::Users),
            ("clients.web", "attempts", Role::System),
            ("services.api", "amplification", Role::System),
            ("api", "queue.max", Role::System),
            ("services.api", "duplicate_writes", Role::Users),
            ("caches.front", "wrong", Role::Users),
            ("caches.front", "hit_rate", Role::System),
        ] {
            assert_eq!(role(component, metric, &names), wanted, "{component}.{metric}");
        }
    }

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
