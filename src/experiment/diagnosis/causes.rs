//! What kind of failure it was: for each cause how much speaks for it, and what.
//!
//! Each cause has a rule of its own, from 0 to 1. Causes explain each other: a database is full *because* of retries, so a
//! stronger and more special cause takes from the weight of the one that it explains. The order of the explanations:
//! a circle explains everything; capacity that is gone, a stampede and a control plane's action explain that something is full;
//! retries explain that it is full and that work is wasted; too much demand explains that work is wasted.

use super::demand::{Demand, lost, of_fault, seen};
use super::facts::Facts;
use super::{Finding, round};
use crate::scenario::marks::Mark;
use serde::{Deserialize, Serialize};
use squall_models::outcome::Failure;
use std::fmt;

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Workers, connections or places run out: more is asked for than there is.
    ResourceExhaustion,
    /// Failed calls are tried again, and the retries are what is too much.
    RetryStorm,
    /// Callers leave before the answer is there, and the work for them goes on.
    CascadingTimeout,
    /// Components wait for each other in a circle.
    CircularDependency,
    /// A cache's misses come all at once.
    Stampede,
    /// Replicas, or the way to them, are gone.
    CapacityLoss,
    /// Who controls the system did it: an operator's action, a controller, or a policy that turned away what could be served.
    ControlPlaneError,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ResourceExhaustion => "resource exhaustion",
            Self::RetryStorm => "retry storm",
            Self::CascadingTimeout => "cascading timeout",
            Self::CircularDependency => "circular dependency",
            Self::Stampede => "stampede",
            Self::CapacityLoss => "capacity loss",
            Self::ControlPlaneError => "control-plane error",
        })
    }
}

/// Below this nothing speaks for a cause.
const FAINT: f64 = 0.1;

/// How much speaks for something, and what.
#[derive(Default)]
struct Case {
    weight: f64,
    evidence: Vec<String>,
}

impl Case {
    /// Something that weighs at least so much by itself.
    fn found(&mut self, weight: f64, evidence: String) {
        self.weight = self.weight.max(weight.clamp(0.0, 1.0));
        self.evidence.push(evidence);
    }

    /// Another cause explains a part of it.
    fn explained(&mut self, by: f64) {
        self.weight *= 1.0 - by.clamp(0.0, 1.0);
    }
}

/// The causes that something speaks for, the likeliest first.
pub(super) fn causes(facts: &Facts<'_>) -> Vec<Finding> {
    let trigger = facts.triggers_before().next();
    let (mut circle, mut lost) = (circle(facts), capacity(facts, trigger));
    let (mut stampede, mut control) = (stampede(facts, trigger), control(facts, trigger));
    let (mut storm, mut full) = (storm(facts), exhaustion(facts, trigger));
    let mut late = timeout(facts);
    let whole = circle.weight;
    for case in [&mut lost, &mut stampede, &mut control, &mut storm, &mut full, &mut late] {
        case.explained(0.7 * whole);
    }
    let gone = lost.weight.max(control.weight).max(stampede.weight);
    // Retries that go on long after what set them off are a cause of their own; before that they are an effect.
    storm.explained(if lingers(facts) { 0.0 } else { 0.6 * gone });
    for case in [&mut lost, &mut stampede, &mut control] {
        case.explained(if lingers(facts) { 0.5 * storm.weight } else { 0.0 });
    }
    let special = lost.weight.max(control.weight).max(stampede.weight).max(storm.weight);
    full.explained(0.75 * special);
    late.explained((0.75 * special).max(0.5 * full.weight));
    circle.weight = circle.weight.min(1.0);
    let all = [
        (Cause::CircularDependency, circle),
        (Cause::RetryStorm, storm),
        (Cause::Stampede, stampede),
        (Cause::CapacityLoss, lost),
        (Cause::ControlPlaneError, control),
        (Cause::CascadingTimeout, late),
        (Cause::ResourceExhaustion, full),
    ];
    let finding = |(cause, case): (Cause, Case)| Finding { cause, score: round(case.weight), evidence: case.evidence };
    let mut found: Vec<Finding> = all.into_iter().map(finding).filter(|finding| finding.score >= FAINT).collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}

/// The trouble goes on for longer than its trigger, by half and by 10 s.
fn lingers(facts: &Facts<'_>) -> bool {
    let Some(trouble) = facts.trouble else { return false };
    let Some(until) = facts.triggers_before().next().and_then(|mark| mark.until) else { return false };
    trouble.to_s - until > 10.0_f64.max(0.5 * (until - trouble.from_s))
}

fn circle(facts: &Facts<'_>) -> Case {
    let mut case = Case::default();
    for cycle in facts.cycles() {
        let ring = cycle.components.join(" → ");
        match cycle.closed_at_s {
            Some(at) => {
                case.found(1.0, format!("{ring} wait for each other since {at:.1} s, {} calls are stuck", cycle.stuck))
            }
            None => {
                case.found(0.8, format!("{ring} call each other in a circle, and all are full; only timeouts open it"))
            }
        }
    }
    case
}

fn capacity(facts: &Facts<'_>, trigger: Option<&Mark>) -> Case {
    let mut case = Case::default();
    let Some(mark) = trigger else { return case };
    let partial = mark.replicas.is_some();
    match mark.kind.as_str() {
        "crash" | "errors" | "kill" | "crash_loop" | "hang" | "memory_leak" | "corrupt_state" | "disk_full"
        | "io_errors" => {
            let part = lost(facts, mark).unwrap_or(0.0);
            case.found(0.5 + 0.4 * part, format!("{}: {:.0}% of what answers there is gone", mark.what, part * 100.0));
        }
        "slow" | "cpu_stolen" | "gpu_lost" | "io_slow" if partial => {
            let part = lost(facts, mark).unwrap_or(0.0);
            case.found(0.6, format!("{}: {:.0}% of its speed is gone, in some replicas only", mark.what, part * 100.0));
        }
        "session_loss" | "state_sync_failure" => {
            let lost = facts.failures(&[Failure::SessionLost]);
            if lost > 0 {
                let words = format!("{}: {lost} requests came where their session was not known", mark.what);
                case.found(0.8, words);
            }
        }
        "partition" | "split" | "dns" => case.found(0.9, format!("{}: no message gets through", mark.what)),
        "replica_lag" => case.found(0.5, format!("{}: followers do not keep up", mark.what)),
        "link" if mark.share.is_some() => case.found(0.6, format!("{}: messages are lost", mark.what)),
        _ => return case,
    }
    if let Some(demand) = of_fault(facts, mark).filter(|demand| demand.ratio >= 1.0) {
        case.found(0.9, demand.evidence);
    }
    let (down, all) = (facts.failures(&[Failure::Refused, Failure::Crashed, Failure::Disconnected]), every(facts));
    if down > 0 {
        case.evidence.push(format!("{down} of {all} failed requests found nobody, or the replica died under them"));
    }
    case
}

fn stampede(facts: &Facts<'_>, trigger: Option<&Mark>) -> Case {
    let mut case = Case::default();
    let hit = trigger.filter(|mark| mark.targets.iter().any(|target| target.starts_with("caches.")));
    for (name, totals) in facts.names.caches.iter().zip(&facts.report.measured.caches) {
        let component = format!("caches.{name}");
        let early = &(facts.during.start..(facts.during.start + 10).min(facts.during.end));
        let (before, then) = (facts.mean(&component, "misses", &facts.before), facts.most(&component, "misses", early));
        let more = before.zip(then).map_or(0.0, |(before, then)| then / before.max(1e-9));
        let first = facts.failed_at(&component);
        // What filled up first is no effect of the misses.
        let leads = facts.report.failure_order.iter().find(|failing| !failing.component.starts_with("clients."));
        let leads = leads.is_some_and(|leads| first.is_some_and(|first| first <= leads.at.seconds() + 1.0));
        let hit = hit.is_some_and(|mark| mark.targets.contains(&component));
        if hit || leads {
            let what = if hit { trigger.map_or("", |mark| mark.what.as_str()) } else { "its hit rate fell first" };
            case.found(if hit { 0.85 } else { 0.8 }, format!("{component}: {what}"));
        }
        if more >= 2.0 && (hit || leads) {
            let (before, then) = (before.unwrap_or(0.0), then.unwrap_or(0.0));
            case.found(0.9, format!("{component}: {then:.0} misses a second instead of {before:.0}"));
        }
        if totals.same_key_max >= 5 {
            let weight = if hit || leads { 0.95 } else { 0.3 + 0.02 * totals.same_key_max.min(20) as f64 };
            let most = totals.same_key_max;
            case.found(weight, format!("{component}: up to {most} fills of one key at once"));
        }
    }
    case
}

/// Actions that only somebody who runs the system takes.
const ACTIONS: [&str; 4] = ["resize_pool", "limit_connections", "kill_queries", "interrupt"];

fn control(facts: &Facts<'_>, trigger: Option<&Mark>) -> Case {
    let mut case = Case::default();
    if let Some(mark) = trigger.filter(|mark| ACTIONS.contains(&mark.kind.as_str())) {
        case.found(0.9, format!("{} was done to the system, and it went wrong from then on", mark.what));
    }
    if let Some(part) = trigger.filter(|mark| mark.replicas.is_some()).and_then(|mark| lost(facts, mark)) {
        let failed = super::radius::traffic(facts);
        if part > 0.0 && failed > 2.0 * part {
            let words = format!(
                "{:.0}% of the replicas' power is gone, and {:.0}% of requests fail: they are sent to where they fail",
                part * 100.0,
                failed * 100.0
            );
            case.found(0.5 * failed, words);
        }
    }
    for ((from, to), edge) in facts.names.edges.iter().zip(&facts.report.measured.edges) {
        let (away, asked) =
            (edge.turned_away.iter().sum::<u64>(), edge.attempts + edge.turned_away.iter().sum::<u64>());
        let part = away as f64 / (asked as f64).max(1.0);
        let busy = facts.mean(&format!("services.{to}"), "utilisation", &facts.during).unwrap_or(0.0);
        if part >= 0.05 && busy > 0.0 && busy < 0.8 && !facts.failed(&format!("services.{to}")) {
            let words = format!(
                "the policies of {from} turned away {:.0}% of its calls to {to}, which was {:.0}% busy",
                part * 100.0,
                busy * 100.0
            );
            case.found(0.4 + 0.5 * part, words);
        }
    }
    case
}

fn storm(facts: &Facts<'_>) -> Case {
    let mut case = Case::default();
    for amplified in facts.amplified() {
        let component = format!("services.{}", amplified.service);
        let usual = amplified.before.unwrap_or(1.0);
        let more = amplified.during / usual.max(1.0);
        let busy = facts.most(&component, "utilisation", &facts.during).unwrap_or(0.0);
        // Retries at something that has room are no storm.
        let full = facts.failed(&component) || busy >= 0.95;
        let weight = ((more - 1.2) / 0.8).clamp(0.0, 1.0) * if full { 1.0 } else { 0.3 };
        if weight >= FAINT {
            let words =
                format!("{component} got {:.1} calls for each first call instead of {usual:.1}", amplified.during);
            case.found(weight, words);
        }
    }
    if case.weight > 0.0 && lingers(facts) {
        case.evidence.push("it goes on though what set it off is over".to_owned());
    }
    case
}

fn every(facts: &Facts<'_>) -> u64 {
    facts.failures(&Failure::ALL)
}

fn exhaustion(facts: &Facts<'_>, trigger: Option<&Mark>) -> Case {
    let mut case = Case::default();
    let inner = |component: &str| component.starts_with("services.") || component.starts_with("pools.");
    for failing in facts.report.failure_order.iter().filter(|failing| inner(&failing.component)).take(3) {
        case.found(0.5, format!("{}: {} at {:.1} s", failing.component, failing.evidence, failing.at.seconds()));
    }
    let demand = trigger.and_then(|mark| of_fault(facts, mark)).filter(|demand| demand.ratio >= 1.0);
    let demand = demand.into_iter().chain(seen(facts)).max_by(|a, b| a.ratio.total_cmp(&b.ratio));
    if let Some(Demand { evidence, .. }) = demand {
        case.found(0.9, evidence);
    }
    let client = facts.report.failure_order.iter().find(|failing| failing.component.starts_with("clients."));
    let pool = facts.report.failure_order.iter().find(|failing| failing.component.starts_with("pools."));
    if let Some(pool) = pool.filter(|pool| client.is_none_or(|client| pool.at <= client.at)) {
        case.found(0.8, format!("{} ran empty before any client failed", pool.component));
    }
    let full = [Failure::Rejected, Failure::QueueTimeout, Failure::PoolTimeout, Failure::Shed, Failure::BulkheadFull];
    let (full, all) = (facts.failures(&full), every(facts));
    if full * 5 >= all && full > 0 {
        let share = full as f64 / all as f64;
        case.found(
            0.5 + 0.3 * share,
            format!("{full} of {all} failed requests found no place, or waited too long for one"),
        );
    }
    case
}

fn timeout(facts: &Facts<'_>) -> Case {
    let mut case = Case::default();
    let gone = [Failure::Timeout, Failure::Expired, Failure::Cancelled, Failure::Abandoned];
    let (gone, all) = (facts.failures(&gone), every(facts));
    let share = gone as f64 / (all as f64).max(1.0);
    for wasted in facts.wasted().iter().filter(|wasted| wasted.share >= 0.05).take(3) {
        let words = format!(
            "{:.0}% of the work of services.{} was for callers who had left",
            wasted.share * 100.0,
            wasted.service
        );
        case.found((wasted.share / 0.5).min(1.0) * share, words);
    }
    if gone > 0 && !case.evidence.is_empty() {
        case.evidence.push(format!("{gone} of {all} failed requests timed out"));
    }
    case
}
