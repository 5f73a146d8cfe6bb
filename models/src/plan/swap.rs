//! What actions can exchange under a running system, compiled beforehand.

use super::stack::Policies;
use super::{Action, Checker, EdgeId, EdgePlan, Plan, ServiceId, rank};
use crate::spec::{self, Admission, How, Policy};
use crate::units::Bytes;

/// A part of the plan that takes the place of another one.
#[derive(Clone, Debug)]
pub(crate) enum Swap {
    Edge(EdgeId, Box<EdgePlan>),
    Admission(ServiceId, Vec<Admission>),
    /// In bytes.
    Memory(ServiceId, f64),
}

impl Plan {
    fn swap(&mut self, swap: Swap) -> u32 {
        self.swaps.push(swap);
        self.swaps.len() as u32 - 1
    }

    pub(super) fn new_policies(
        &mut self,
        world: &spec::World,
        path: &str,
        (from, to): (&str, &str),
        policies: &[Policy],
        checker: &mut Checker<'_>,
    ) -> Option<Action> {
        let edge = self.edge_between(path, from, to, checker)?;
        let callers = match (world.clients.get(from), rank(&world.services, from)) {
            (Some(client), _) => client.instances,
            (None, Some(service)) => self.services[service as usize].replicas,
            (None, None) => return None,
        };
        let name = format!("{from}->{to}");
        let path = format!("{path}.policies");
        let policies = Policies::compile(self, (&path, &name), policies, (from, callers), checker);
        let mut plan = self.edges[edge.at()].clone();
        (plan.total, plan.retry) = (policies.total, policies.retry);
        (plan.timeout, plan.stack) = (policies.timeout, policies.stack);
        let swap = self.swap(Swap::Edge(edge, Box::new(plan)));
        Some(Action::Policies { edge, swap })
    }

    pub(super) fn new_admission(
        &mut self,
        world: &spec::World,
        path: &str,
        (service, admission): (&str, &[Admission]),
        checker: &mut Checker<'_>,
    ) -> Option<Action> {
        let id = checker.service(&format!("{path}.service"), service)?;
        let changed = spec::Service { admission: admission.to_vec(), ..world.services[service].clone() };
        super::admission::check(path, &changed, self.services.get(id.at())?.capacity, checker);
        self.services[id.at()].guarded = true;
        let swap = self.swap(Swap::Admission(id, admission.to_vec()));
        Some(Action::Admission { service: id, swap })
    }

    pub(super) fn new_memory(
        &mut self,
        path: &str,
        (service, limit, how): (&str, Bytes, How),
        checker: &mut Checker<'_>,
    ) -> Option<Action> {
        let (id, empty) = self.with_memory(path, service, checker)?;
        if limit.get() <= empty {
            let rule = "a process that does nothing needs more than this";
            checker.problem(format!("{path}.limit"), rule, "give it more than the `base` of its `memory`");
        }
        let swap = self.swap(Swap::Memory(id, limit.get()));
        Some(Action::ResizeMemory { service: id, swap, rolling: how == How::Rolling })
    }

    /// A service of whose memory something is known, and what its processes use that do nothing.
    pub(super) fn with_memory(&self, path: &str, service: &str, checker: &mut Checker<'_>) -> Option<(ServiceId, f64)> {
        let id = self.managed(path, service, checker)?;
        let platform = self.services.get(id.at())?.platform.as_ref();
        let memory = platform.and_then(|platform| platform.memory.as_ref());
        if memory.is_none() {
            let rule = format!("nothing says what memory `{service}` has");
            checker.problem(format!("{path}.service"), rule, "give the service a `memory`");
        }
        Some((id, memory?.empty()))
    }
}

/// Whether something that is done leaves out the optional steps of a service.
pub(super) fn degrades(world: &spec::World, service: &str) -> bool {
    let planned = world.actions.iter().map(|planned| &planned.r#do);
    let steps = world.operators.values().flat_map(|operator| &operator.steps).filter_map(|step| match step {
        spec::OperatorStep::Do(action) => Some(action),
        _ => None,
    });
    let wrong = world.operators.values().filter_map(|operator| operator.mistakes.as_ref());
    let wrong = wrong.flat_map(|mistakes| &mistakes.instead);
    planned
        .chain(steps)
        .chain(wrong)
        .any(|action| matches!(action, spec::Action::Degrade { service: of, .. } if of == service))
}
