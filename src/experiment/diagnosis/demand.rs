//! How much is asked of a service against what it can do: what a fault must have made of it, and what was seen.

use super::facts::Facts;
use crate::scenario::marks::Mark;

/// What is asked of a component, as a multiple of what it can do.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Demand {
    pub(super) component: String,
    pub(super) ratio: f64,
    pub(super) evidence: String,
}

/// The largest demand that a fault of that kind makes: load times the factor, work times the factor, or the same load on fewer
/// replicas.
pub(super) fn of_fault(facts: &Facts<'_>, mark: &Mark) -> Option<Demand> {
    let usual = |component: &str| facts.mean(component, "utilisation", &facts.before).filter(|value| *value > 0.0);
    match mark.kind.as_str() {
        "slow" | "cpu_stolen" if mark.replicas.is_none() => {
            let stretched = mark.share.map(|stolen| 1.0 / (1.0 - stolen).max(1e-9));
            let (component, factor) = (mark.targets.first()?, mark.factor.or(stretched)?);
            let busy = usual(component)?;
            let evidence = told(component, busy, busy * factor, &mark.what);
            Some(Demand { component: component.clone(), ratio: busy * factor, evidence })
        }
        "surge" => {
            let factor = mark.factor?;
            let all = facts.names.services.iter().map(|name| format!("services.{name}"));
            let busiest = all.filter_map(|component| Some((usual(&component)?, component)));
            let (busy, component) = busiest.max_by(|a, b| a.0.total_cmp(&b.0))?;
            let evidence = told(&component, busy, busy * factor, &mark.what);
            Some(Demand { component, ratio: busy * factor, evidence })
        }
        "crash" | "kill" | "crash_loop" | "hang" => {
            let (component, lost) = (mark.targets.first()?, lost(facts, mark)?);
            let busy = usual(component)?;
            if lost >= 1.0 {
                return None;
            }
            let evidence = told(component, busy, busy / (1.0 - lost), &mark.what);
            Some(Demand { component: component.clone(), ratio: busy / (1.0 - lost), evidence })
        }
        _ => None,
    }
}

fn told(component: &str, busy: f64, then: f64, what: &str) -> String {
    format!("{component} was {:.0}% busy before; {what} asks for {:.0}%", busy * 100.0, then * 100.0)
}

/// The share of a service that a fault takes away.
pub(super) fn lost(facts: &Facts<'_>, mark: &Mark) -> Option<f64> {
    let service = mark.targets.first()?.strip_prefix("services.")?;
    let replicas = f64::from(facts.case.world.services.get(service)?.replicas);
    let part = mark.replicas.map_or(1.0, |some| (some as f64 / replicas).min(1.0));
    Some(match mark.kind.as_str() {
        "slow" => part * (1.0 - 1.0 / mark.factor.unwrap_or(1.0).max(1.0)),
        "errors" | "cpu_stolen" | "corrupt_state" | "io_errors" => part * mark.share.unwrap_or(1.0),
        _ => part,
    })
}

/// First calls, those that no retry or reload caused, against calls that began to be served, where a service was full while
/// something was wrong.
pub(super) fn seen(facts: &Facts<'_>) -> Option<Demand> {
    let one = |(name, service): (&String, &squall_models::report::ServiceTotals)| {
        let component = format!("services.{name}");
        let full = facts.mean(&component, "utilisation", &facts.during)? >= 0.95;
        let ratio = service.first_arrivals as f64 / (service.started as f64).max(1.0);
        let percent = ratio * 100.0;
        let evidence =
            format!("{component} was asked for {percent:.0}% of the calls that it could begin, retries apart");
        (full && facts.failed(&component) && ratio > 1.02).then_some(Demand { component, ratio, evidence })
    };
    let all = facts.names.services.iter().zip(&facts.report.measured.services).filter_map(one);
    all.max_by(|a, b| a.ratio.total_cmp(&b.ratio))
}
