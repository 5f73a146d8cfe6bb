//! Where a failure began, and which way it went.

use super::facts::Facts;
use super::{Origin, Step, round};
use crate::scenario::marks::Mark;
use squall_models::report::Failing;

/// The target of the last fault before the trouble, if what failed first depends on it or is loaded by it; else what failed
/// first.
pub(super) fn origin(facts: &Facts<'_>) -> Option<Origin> {
    let trouble = facts.trouble?;
    let first = facts.report.failure_order.first();
    let target = |mark: &&Mark| known(facts, mark).is_some();
    if let Some(mark) = facts.triggers_before().find(target)
        && let Some(component) = known(facts, mark)
    {
        let first = first.map_or(String::new(), |f| format!("; {} was the first to fail", f.component));
        let evidence = format!("{} began at {:.1} s{first}", mark.what, mark.from);
        return Some(Origin { component: component.to_owned(), at_s: round(mark.from), evidence });
    }
    let Some(first) = first else {
        let evidence = "fewer requests than usual ended well, and nothing inside filled up".to_owned();
        return Some(Origin { component: "clients".to_owned(), at_s: trouble.from_s, evidence });
    };
    let component = first.component.clone();
    let evidence = format!("the first to fail, and no fault had begun: {}", first.evidence);
    Some(Origin { component, at_s: round(first.at.seconds()), evidence })
}

fn known<'m>(facts: &Facts<'_>, mark: &'m Mark) -> Option<&'m str> {
    mark.targets.iter().map(String::as_str).find(|target| facts.graph.find(target).is_some())
}

pub(super) fn propagation(facts: &Facts<'_>) -> Vec<Step> {
    let order = &facts.report.failure_order;
    let begin = origin(facts);
    let start = begin.as_ref().map_or(0.0, |origin| origin.at_s);
    let step = |(place, failing): (usize, &Failing)| {
        let earlier = order[..place].iter().rev().map(|known| known.component.as_str());
        let all = earlier.chain(begin.as_ref().map(|origin| origin.component.as_str()));
        let through =
            all.filter(|known| *known != failing.component).find(|known| near(facts, &failing.component, known));
        Step {
            at_s: round(failing.at.seconds()),
            after_s: round((failing.at.seconds() - start).max(0.0)),
            component: failing.component.clone(),
            evidence: failing.evidence.clone(),
            through: through.map(str::to_owned),
        }
    };
    order.iter().enumerate().map(step).collect()
}

/// Whether one calls the other, belongs to it, or is a pool in front of it.
fn near(facts: &Facts<'_>, one: &str, other: &str) -> bool {
    let pool = |pool: &str, other: &str| {
        let service = pool.strip_prefix("pools.").and_then(|rest| rest.split('.').next());
        service.is_some_and(|service| facts.graph.uses(&format!("services.{service}"), other))
    };
    facts.graph.uses(one, other) || facts.graph.uses(other, one) || pool(one, other) || pool(other, one)
}
