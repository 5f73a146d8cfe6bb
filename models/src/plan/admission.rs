//! Admission to services, checked.

use super::{CapacityPlan, Checker, beside};
use crate::limit::{self, Waiting};
use crate::shed;
use crate::spec::{Admission, Limit, Service, Step};
use squall_sim::Span;

/// How many levels the optional steps of a service can have; none if nothing would leave them out.
pub(super) fn levels(service: &Service) -> Option<u64> {
    service.admission.iter().find_map(|admission| match admission {
        Admission::Shed(shed::Spec::Brownout(_)) => Some(1),
        Admission::Shed(shed::Spec::Degradation(spec)) => Some(spec.levels.len() as u64),
        _ => None,
    })
}

/// What is wrong with the guards of a service.
pub(super) fn check(path: &str, service: &Service, capacity: CapacityPlan, checker: &mut Checker<'_>) {
    let (mut limits, mut dimmers) = (0, 0);
    for (at, admission) in service.admission.iter().enumerate() {
        let path = format!("{path}.admission.{at}");
        let (tag, problems) = match admission {
            Admission::Limit(spec) => ("limit", limit::check(spec)),
            Admission::RateLimit(spec) => ("rate_limit", spec.check()),
            Admission::Shed(spec) => ("shed", shed::check(spec)),
        };
        for problem in problems {
            checker.problem(format!("{path}.{tag}.{}", problem.path), problem.rule, problem.remedy);
        }
        match admission {
            Admission::Limit(spec) => {
                limits += 1;
                if limits > 1 {
                    let rule = "a service has one limit";
                    checker.problem(format!("{path}.limit"), rule, "take the other one out");
                }
                if spec.waiting() != Waiting::None {
                    let rule = "at a service calls wait in its queue, not before its limit";
                    checker.problem(format!("{path}.limit"), rule, "leave `waiting` out");
                }
            }
            Admission::RateLimit(spec) => {
                if let Some(field) = spec.waits() {
                    let rule = "at a service calls wait in its queue, not before its rate limit";
                    checker.problem(format!("{path}.rate_limit.{field}"), rule, "let nothing wait here");
                }
            }
            Admission::Shed(spec) => {
                dimmers += usize::from(spec.dims());
                shed_of(&format!("{path}.shed"), spec, (service, capacity, dimmers), checker);
            }
        }
    }
}

/// What those who are turned away are told, where anybody is turned away.
pub(super) fn retry_after(path: &str, service: &Service, checker: &mut Checker<'_>) -> Option<Span> {
    let told = checker.span(format!("{path}.retry_after"), service.retry_after?);
    let queues = service.endpoints.values().all(|endpoint| endpoint.queues);
    if service.admission.is_empty() && service.queue.capacity == Limit::Unlimited && queues {
        let rule = "this service turns nobody away, so there is nobody to be told";
        checker.problem(format!("{path}.retry_after"), rule, "give it an `admission` or a `queue.capacity`");
    }
    Some(told)
}

/// What of a shedding rule the service has no use for.
fn shed_of(
    path: &str,
    spec: &shed::Spec,
    (service, capacity, dimmers): (&Service, CapacityPlan, usize),
    checker: &mut Checker<'_>,
) {
    let unbounded = match capacity {
        CapacityPlan::Unlimited => true,
        CapacityPlan::Sharing { concurrency, .. } => concurrency == u64::MAX,
        CapacityPlan::Workers(_) => false,
    };
    if unbounded && !matches!(spec, shed::Spec::Brownout(_)) {
        let rule = "calls never wait in a service without a bound on how many it serves at once";
        checker.problem(path, rule, "give it `workers` or a `concurrency`, or use a `limit` or a `brownout`");
    }
    if !spec.dims() {
        return;
    }
    if dimmers > 1 {
        let rule = "a service has one `brownout` or `degradation`";
        checker.problem(path, rule, "take the other one out");
    }
    if !service.endpoints.values().any(|endpoint| any_optional(&endpoint.steps)) {
        let rule = "the service has no `optional` step that could be left out";
        let remedy = "put what can be left out into an `optional` step";
        checker.missing(path, rule, remedy, &[beside(path, "endpoints")]);
    }
}

fn any_optional(steps: &[Step]) -> bool {
    steps.iter().any(|step| match step {
        Step::Optional(_) => true,
        Step::Parallel(parallel) => parallel.branches.iter().any(|branch| any_optional(branch)),
        Step::Choose(choices) => choices.iter().any(|choice| any_optional(&choice.steps)),
        Step::Cache(lookup) => any_optional(&lookup.hit) || any_optional(&lookup.miss),
        Step::Acquire(acquire) => any_optional(&acquire.steps),
        Step::Spawn(steps) => any_optional(steps),
        Step::Work(_) | Step::Sleep(_) | Step::Call(_) | Step::Write(_) | Step::Read(_) | Step::Fail(_) => false,
    })
}
