//! The policies of an edge, compiled.
//!
//! Most edges have a timeout, a retry and another timeout inside of it, or some of these. That form has a path of its own
//! without any record beside the call's. Every other list becomes a stack of layers.

use super::{Checker, EdgeId, EndpointId, KeysId, Plan};
use crate::breaker::{self, Breaker};
use crate::budget;
use crate::hedge::{self, Hedge};
use crate::limit;
use crate::retry::Retry;
use crate::spec::{Edge, Policy};
use crate::{bulkhead, fallback, rate_limit, throttle};
use squall_sim::random::{Place, Purpose};
use squall_sim::{Span, Time};
use std::mem::discriminant;

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

impl StackPlan {
    /// The first state of a caller.
    pub(crate) fn first_of(&self, caller: u32) -> u32 {
        self.first + caller * self.layers.len() as u32
    }
}

/// A layer: what it does, and where its draws are made. What changes about it is in the world's state.
#[derive(Clone, Debug)]
pub(crate) struct LayerPlan {
    pub(crate) kind: LayerKind,
    /// Named by the edge, the kind and the number among its kind, so that no other layer shifts its draws.
    pub(crate) place: Place,
}

/// What a layer does.
#[derive(Clone, Debug)]
pub(crate) enum LayerKind {
    Timeout(Span),
    Retry(Retry, Option<budget::Spec>),
    Breaker(breaker::Spec),
    Bulkhead(bulkhead::Spec),
    Limit(limit::Spec),
    RateLimit(rate_limit::Spec),
    Throttle(throttle::Spec),
    Hedge(hedge::Spec),
    Fallback(Box<FallbackPlan>),
}

/// A fallback with what it refers to.
#[derive(Clone, Debug)]
pub(crate) struct FallbackPlan {
    pub(crate) spec: fallback::Spec,
    /// What a kept answer is about.
    pub(crate) keys: Option<KeysId>,
    /// The endpoint that is called instead, and the way to it.
    pub(crate) to: Option<(EdgeId, EndpointId)>,
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
    /// Compiles the policies of the edge of this name, over which so many replicas call.
    pub(super) fn compile(
        plan: &mut Plan,
        (path, edge): (&str, &str),
        policies: &[Policy],
        (caller, callers): (&str, u32),
        checker: &mut Checker<'_>,
    ) -> Self {
        let mut layers: Vec<LayerPlan> = Vec::new();
        for (at, policy) in policies.iter().enumerate() {
            let path = format!("{path}.{at}");
            for kind in plan.layers_of(&path, policy, (caller, callers), checker) {
                let same = |other: &&LayerPlan| discriminant(&other.kind) == discriminant(&kind);
                let place = kind.place(edge, layers.iter().filter(same).count());
                layers.push(LayerPlan { kind, place });
            }
        }
        if layers.len() > MAX_LAYERS {
            let rule = format!("these policies make {} layers, more than {MAX_LAYERS}", layers.len());
            checker.problem(path, rule, "take some out; a breaker with a timeout of its own is two layers");
        }
        longer_inside(path, policies, checker);
        use LayerKind::{Retry as R, Timeout as T};
        let plain = match layers.iter().map(|layer| &layer.kind).collect::<Vec<_>>()[..] {
            [] => (None, None, None),
            [T(timeout)] => (None, None, Some(*timeout)),
            [R(retry, None)] => (None, Some(retry.clone()), None),
            [T(total), R(retry, None)] => (Some(*total), Some(retry.clone()), None),
            [R(retry, None), T(timeout)] => (None, Some(retry.clone()), Some(*timeout)),
            [T(total), R(retry, None), T(timeout)] => (Some(*total), Some(retry.clone()), Some(*timeout)),
            _ => return Self { stack: Some(plan.push_stack(layers, callers)), ..Self::default() },
        };
        let (total, retry, timeout) = plain;
        Self { total, retry, timeout, stack: None }
    }
}

impl LayerKind {
    fn place(&self, edge: &str, number: usize) -> Place {
        let (kind, purpose) = match self {
            Self::Timeout(_) => ("timeout", Purpose::Other(0)),
            Self::Retry(..) => ("retry", Purpose::Jitter),
            Self::Breaker(_) => ("breaker", Purpose::Choose),
            Self::Bulkhead(_) => ("bulkhead", Purpose::Choose),
            Self::Limit(_) => ("limit", Purpose::Choose),
            Self::RateLimit(_) => ("rate_limit", Purpose::Choose),
            Self::Throttle(_) => ("throttle", Purpose::Choose),
            Self::Hedge(_) => ("hedge", Purpose::Call),
            Self::Fallback(_) => ("fallback", Purpose::Call),
        };
        match (self, number) {
            // The first retry of a stack draws where a retry without a stack does.
            (Self::Retry(..), 0) => Place::named(edge, purpose),
            _ => Place::named(&format!("{edge}.{kind}.{number}"), purpose),
        }
    }
}

impl Plan {
    /// A fallback of a caller with so many replicas.
    fn compile_fallback(
        &mut self,
        path: &str,
        (caller, callers): (&str, u32),
        spec: &fallback::Spec,
        checker: &mut Checker<'_>,
    ) -> FallbackPlan {
        let (mut keys, mut to) = (None, None);
        match spec {
            fallback::Spec::Value(_) => {}
            fallback::Spec::Cached(cached) => {
                keys = cached.keys.as_ref().and_then(|name| checker.keys(&format!("{path}.cached.keys"), name));
            }
            fallback::Spec::Endpoint(other) => {
                let path = format!("{path}.endpoint.to");
                let callee = other.to.split_once('.').map_or("", |(service, _)| service);
                to = checker.endpoint(&path, &other.to).and_then(|endpoint| {
                    let plain = Edge::default();
                    let edge = self.compile_edge((&path, caller, callee), callers, &plain, checker)?;
                    // It has no policies, but its calls report to the one that they stand in for.
                    let stack = self.push_stack(Vec::new(), callers);
                    let compiled = &mut self.edges[edge.at()];
                    compiled.stack = Some(stack);
                    compiled.callee_name = format!("{callee} (fallback)");
                    Some((edge, endpoint))
                });
            }
        }
        FallbackPlan { spec: spec.clone(), keys, to }
    }

    /// The layers that a policy makes, outermost first.
    fn layers_of(
        &mut self,
        path: &str,
        policy: &Policy,
        (caller, callers): (&str, u32),
        checker: &mut Checker<'_>,
    ) -> Vec<LayerKind> {
        match policy {
            Policy::Timeout(span) => vec![LayerKind::Timeout(checker.span(format!("{path}.timeout"), *span))],
            Policy::Retry(spec) => {
                checker.found(&format!("{path}.retry"), spec.check());
                vec![LayerKind::Retry(Retry::new(spec), spec.budget().cloned())]
            }
            Policy::Breaker(spec) => {
                checker.found(&format!("{path}.breaker"), breaker::check(spec));
                let own = Breaker::new(spec, Time::ZERO).timeout().map(LayerKind::Timeout);
                [LayerKind::Breaker(spec.clone())].into_iter().chain(own).collect()
            }
            Policy::Bulkhead(spec) => {
                checker.found(&format!("{path}.bulkhead"), bulkhead::check(spec));
                vec![LayerKind::Bulkhead(spec.clone())]
            }
            Policy::Limit(spec) => {
                checker.found(&format!("{path}.limit"), limit::check(spec));
                vec![LayerKind::Limit(spec.clone())]
            }
            Policy::RateLimit(spec) => {
                checker.found(&format!("{path}.rate_limit"), spec.check());
                vec![LayerKind::RateLimit(spec.clone())]
            }
            Policy::Throttle(spec) => {
                checker.found(&format!("{path}.throttle"), spec.check());
                vec![LayerKind::Throttle(spec.clone())]
            }
            Policy::Hedge(spec) => {
                checker.found(&format!("{path}.hedge"), hedge::check(spec));
                self.tied |= Hedge::new(spec).is_tied();
                vec![LayerKind::Hedge(spec.clone())]
            }
            Policy::Fallback(spec) => {
                let path = format!("{path}.fallback");
                checker.found(&path, fallback::check(spec));
                vec![LayerKind::Fallback(Box::new(self.compile_fallback(&path, (caller, callers), spec, checker)))]
            }
        }
    }

    fn push_stack(&mut self, layers: Vec<LayerPlan>, callers: u32) -> StackId {
        let first = self.layers;
        self.layers = first.saturating_add(callers.saturating_mul(layers.len() as u32));
        self.stacks.push(StackPlan { layers, first, callers });
        StackId(self.stacks.len() as u32 - 1)
    }
}

/// A timeout that is longer than one around it never fires.
fn longer_inside(path: &str, policies: &[Policy], checker: &mut Checker<'_>) {
    let mut shortest: Option<Span> = None;
    for (at, policy) in policies.iter().enumerate() {
        let Policy::Timeout(timeout) = policy else { continue };
        let timeout = timeout.span();
        if let Some(outer) = shortest.filter(|outer| timeout > *outer) {
            let rule = format!("this timeout ({timeout}) is longer than one around it ({outer})");
            checker.problem(format!("{path}.{at}.timeout"), rule, "make the inner timeout shorter");
        }
        shortest = Some(shortest.map_or(timeout, |outer| outer.min(timeout)));
    }
}
