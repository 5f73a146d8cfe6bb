//! The policies of an edge, compiled.
//!
//! Most edges have a timeout, a retry and another timeout inside of it, or some of these. That form has a path of its own
//! without any record beside the call's. Every other list becomes a stack of layers.

use super::{Checker, Plan};
use crate::retry::{self, Retry};
use crate::spec::Policy;
use squall_sim::Span;

/// Layers that one edge can have.
pub(crate) const MAX_LAYERS: usize = 8;

id! { /// A stack of policies.
StackId }

/// A stack of policies, outermost first.
#[derive(Clone, Debug)]
pub(crate) struct StackPlan {
    pub(crate) layers: Vec<LayerPlan>,
    /// Its first state: there is one for each caller and layer.
    pub(crate) first: u32,
    /// Replicas of the caller.
    pub(crate) callers: u32,
}

/// What a layer does. What changes about it is in the world's state.
#[derive(Clone, Debug)]
pub(crate) enum LayerPlan {
    Timeout(Span),
    /// With its number among the retries of the stack, so that no other layer shifts its draws.
    Retry(Retry, u32),
}

/// The policies of an edge.
#[derive(Default)]
pub(super) struct Policies {
    /// The whole call, retries included.
    pub(super) total: Option<Span>,
    pub(super) retry: Option<Retry>,
    /// One attempt.
    pub(super) timeout: Option<Span>,
    pub(super) stack: Option<StackId>,
}

impl Policies {
    /// Compiles the policies of an edge that so many replicas call over.
    pub(super) fn compile(
        plan: &mut Plan,
        path: &str,
        (policies, callers): (&[Policy], u32),
        checker: &mut Checker<'_>,
    ) -> Self {
        checker.within(path, policies.len() as u64, 0, MAX_LAYERS as u64);
        let layers: Vec<LayerPlan> = policies
            .iter()
            .enumerate()
            .map(|(at, policy)| {
                let retries = policies[..at].iter().filter(|policy| matches!(policy, Policy::Retry(_))).count();
                layer(&format!("{path}.{at}"), policy, retries as u32, checker)
            })
            .collect();
        longer_inside(path, &layers, checker);
        match &layers[..] {
            [] => Self::default(),
            [LayerPlan::Timeout(timeout)] => Self { timeout: Some(*timeout), ..Self::default() },
            [LayerPlan::Retry(retry, _)] => Self { retry: Some(retry.clone()), ..Self::default() },
            [LayerPlan::Timeout(total), LayerPlan::Retry(retry, _)] => {
                Self { total: Some(*total), retry: Some(retry.clone()), ..Self::default() }
            }
            [LayerPlan::Retry(retry, _), LayerPlan::Timeout(timeout)] => {
                Self { timeout: Some(*timeout), retry: Some(retry.clone()), ..Self::default() }
            }
            [LayerPlan::Timeout(total), LayerPlan::Retry(retry, _), LayerPlan::Timeout(timeout)] => {
                Self { total: Some(*total), retry: Some(retry.clone()), timeout: Some(*timeout), stack: None }
            }
            _ => Self { stack: Some(plan.push_stack(layers, callers)), ..Self::default() },
        }
    }
}

impl Plan {
    fn push_stack(&mut self, layers: Vec<LayerPlan>, callers: u32) -> StackId {
        let first = self.layers;
        self.layers = first.saturating_add(callers.saturating_mul(layers.len() as u32));
        self.stacks.push(StackPlan { layers, first, callers });
        StackId(self.stacks.len() as u32 - 1)
    }
}

/// A timeout that is longer than one around it never fires.
fn longer_inside(path: &str, layers: &[LayerPlan], checker: &mut Checker<'_>) {
    let mut shortest: Option<Span> = None;
    for (at, layer) in layers.iter().enumerate() {
        let LayerPlan::Timeout(timeout) = *layer else { continue };
        if let Some(outer) = shortest.filter(|outer| timeout > *outer) {
            let rule = format!("this timeout ({timeout}) is longer than one around it ({outer})");
            checker.problem(format!("{path}.{at}.timeout"), rule, "make the inner timeout shorter");
        }
        shortest = Some(shortest.map_or(timeout, |outer| outer.min(timeout)));
    }
}

fn layer(path: &str, policy: &Policy, retries: u32, checker: &mut Checker<'_>) -> LayerPlan {
    match policy {
        Policy::Timeout(span) => LayerPlan::Timeout(checker.span(format!("{path}.timeout"), *span)),
        Policy::Retry(spec) => LayerPlan::Retry(compile_retry(&format!("{path}.retry"), spec, checker), retries),
    }
}

fn compile_retry(path: &str, spec: &retry::Spec, checker: &mut Checker<'_>) -> Retry {
    for problem in spec.check() {
        checker.problem(format!("{path}.{}", problem.path), problem.rule, problem.remedy);
    }
    if spec.budget().is_some() {
        checker.problem(path, "budgets are not acted on yet", "leave `budget` out");
    }
    Retry::new(spec)
}
