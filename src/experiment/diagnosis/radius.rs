//! How far a failure reached: shares of traffic, clients and services, direct and indirect, and a grade.

use super::facts::{Facts, WELL};
use super::round;
use super::spread::origin;
use crate::scenario::graph::Kind;
use serde::{Deserialize, Serialize};

/// How bad it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Nothing was affected.
    #[default]
    None,
    /// Less than a tenth of the traffic.
    Low,
    /// A tenth of the traffic or more, or all of one client's.
    Medium,
    /// Half of the traffic or more, effects that cannot be taken back, or no way back.
    High,
}

/// Who was affected among those of a kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Affected {
    /// The origin, and who calls it or is called by it.
    pub direct: Vec<String>,
    /// All others.
    pub indirect: Vec<String>,
    /// How many there are, affected or not.
    pub of: usize,
}

/// How far it reached.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Radius {
    /// The grade.
    pub grade: Grade,
    /// Why that grade.
    pub reason: String,
    /// Requests that did not end well, of those that began while something was wrong.
    pub traffic: f64,
    /// The same in requests.
    pub requests: f64,
    /// Clients that lost more than a twentieth of what is usual for them.
    pub clients: Affected,
    /// Services that filled up, or of whose calls more than a twentieth failed.
    pub services: Affected,
    /// Durable effects that were made twice, corrupt entries that were served, and sessions that were lost.
    pub lasting: u64,
    /// Sessions that were lost, as a share of all there are; one that is lost twice counts twice.
    #[serde(default, skip_serializing_if = "is_none")]
    pub sessions: f64,
}

fn is_none(share: &f64) -> bool {
    *share == 0.0
}

pub(super) fn radius(facts: &Facts<'_>) -> Radius {
    let (clients, services) = (clients(facts), services(facts));
    let mut radius = Radius { clients, services, ..Radius::default() };
    if facts.trouble.is_none() {
        "nothing failed or filled up".clone_into(&mut radius.reason);
        return radius;
    }
    let (offered, good) = requests(facts);
    radius.requests = (offered - good).max(0.0).round();
    radius.traffic = round(traffic(facts));
    let measured = &facts.report.measured;
    radius.lasting = measured.services.iter().map(|service| service.duplicate_writes + service.data.lost).sum::<u64>()
        + measured.caches.iter().map(|cache| cache.wrong).sum::<u64>();
    let lost = measured.splits.iter().map(|side| side.lost).sum::<u64>();
    let all: u32 = facts.case.world.clients.values().filter_map(|client| client.sessions).sum();
    radius.lasting += lost;
    radius.sessions = round(lost as f64 / f64::from(all.max(1)));
    (radius.grade, radius.reason) = grade(&radius, facts);
    radius
}

/// Requests that began while something was wrong, and those among them that ended well, nearly: what ends in a window may
/// have begun before it.
fn requests(facts: &Facts<'_>) -> (f64, f64) {
    let seconds = facts.report.series.resolution.seconds();
    let sum = |metric: &str| -> f64 {
        let column = |name: &String| facts.column(&format!("clients.{name}"), metric);
        let part = |column: Vec<f64>| column.get(facts.during.clone()).map_or(0.0, finite);
        facts.names.clients.iter().map(|name| part(column(name))).sum::<f64>() * seconds
    };
    (sum("offered"), sum("goodput"))
}

/// The share of the requests that did not end well, of those that began while something was wrong.
pub(super) fn traffic(facts: &Facts<'_>) -> f64 {
    let (offered, good) = requests(facts);
    if offered > 0.0 { (1.0 - good / offered).clamp(0.0, 1.0) } else { 0.0 }
}

fn finite(values: &[f64]) -> f64 {
    values.iter().filter(|value| value.is_finite()).sum()
}

/// The shares are those of the runbooks of chaos experiments, where a canary's tenth is the smallest unit of harm.
fn grade(radius: &Radius, facts: &Facts<'_>) -> (Grade, String) {
    let percent = format!("{:.1}% of the requests that began then did not end well", radius.traffic * 100.0);
    let stuck = facts.metastable();
    if !facts.report.deadlocks.is_empty() {
        return (Grade::High, "a deadlock does not end by itself".to_owned());
    }
    if !stuck.is_empty() {
        return (Grade::High, format!("{} {} down after the fault is over", stuck.join(", "), stays(stuck.len())));
    }
    if radius.traffic >= 0.5 {
        return (Grade::High, percent);
    }
    if radius.lasting > 0 {
        return (Grade::High, format!("{} effects cannot be taken back", radius.lasting));
    }
    let whole = |at: usize| facts.goodput(at, &facts.during).is_some_and(|share| share < 0.01);
    if let Some(client) = (0..facts.names.clients.len()).find(|at| whole(*at)) {
        return (Grade::Medium, format!("nothing worked for clients.{}", facts.names.clients[client]));
    }
    let harm = radius.traffic > 0.0 && !(radius.clients.direct.is_empty() && radius.clients.indirect.is_empty());
    match radius.traffic {
        share if share >= 0.1 => (Grade::Medium, percent),
        _ if harm => (Grade::Low, percent),
        _ => (Grade::Low, "something filled up, and no client lost a twentieth of its requests".to_owned()),
    }
}

fn stays(count: usize) -> &'static str {
    if count == 1 { "stays" } else { "stay" }
}

fn clients(facts: &Facts<'_>) -> Affected {
    let hurt = |(at, _): &(usize, &String)| {
        facts.goodput(*at, &facts.during).is_some_and(|share| share < WELL * facts.usual(*at))
    };
    let names = facts.names.clients.iter().enumerate().filter(hurt).map(|(_, name)| format!("clients.{name}"));
    split(facts, names.collect(), facts.names.clients.len())
}

fn services(facts: &Facts<'_>) -> Affected {
    let hurt = |component: &String| {
        let mean = |metric| facts.mean(component, metric, &facts.during).unwrap_or(0.0);
        facts.failed(component) || mean("failed") > 0.05 * mean("arrivals")
    };
    let all = facts.graph.nodes.iter().filter(|(_, kind)| *kind == Kind::Service).map(|(name, _)| name.clone());
    let names = if facts.trouble.is_some() { all.filter(hurt).collect() } else { Vec::new() };
    split(facts, names, facts.names.services.len())
}

fn split(facts: &Facts<'_>, names: Vec<String>, of: usize) -> Affected {
    let origin = origin(facts).map(|origin| origin.component).unwrap_or_default();
    let near = |name: &String| *name == origin || facts.graph.uses(name, &origin) || facts.graph.uses(&origin, name);
    let (direct, indirect) = names.into_iter().partition(near);
    Affected { direct, indirect, of }
}
