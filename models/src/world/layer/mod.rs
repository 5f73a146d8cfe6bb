//! One layer of a stack: what happens when a call enters it, leaves it, or is taken out of it.
//!
//! What each policy decides is in its own family's module; here its verdict becomes what happens to the call.

mod breaker;
mod fallback;
mod gate;
mod hedge;
mod line;
mod rate;
mod retry;
mod throttle;

use super::call::Invocation;
use super::stack::Alarm;
use super::{Cx, Event, Run};
use crate::breaker::Breaker;
use crate::budget::Budget;
use crate::bulkhead::Bulkhead;
use crate::fallback::Fallback;
use crate::hedge::Hedge;
use crate::limit::Limit;
use crate::outcome::{Failure, Outcome};
use crate::plan::{EdgeId, LayerKind, LayerPlan, Plan};
use crate::rate_limit::RateLimit;
use crate::throttle::Throttle;
pub(crate) use hedge::{Branches, Owner};
use line::Line;
use retry::Tries;
use squall_sim::random::{Draw, Luck};
use squall_sim::{Key, Lane, Ticket, Time};

/// What changes about a layer, for one replica of the caller.
#[derive(Clone, Debug)]
pub(crate) enum LayerState {
    Timeout(Lane),
    /// With what pays for retries.
    Retry(Option<Box<Budget>>),
    Breaker(Box<Breaker>, Line),
    Bulkhead(Box<Bulkhead>, Line),
    Limit(Box<Limit>, Line),
    RateLimit(Box<RateLimit>),
    Throttle(Box<Throttle>),
    Hedge(Box<Hedge>),
    Fallback(Box<Fallback>),
}

/// What a call carries for one layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// When it entered, or was let through after a wait.
    pub(crate) since: Time,
    /// Until when what is inside is asked to answer.
    pub(crate) deadline: Time,
    /// The layer's timeout, backoff or wait.
    pub(crate) timer: Ticket,
    pub(crate) holds: Holds,
}

/// What a call holds of a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holds {
    Nothing,
    /// A place in its line, by number.
    Place(u64),
    Tries(Tries),
    Permit(crate::breaker::Permit),
    /// A place in a bulkhead; whether it came as a retry.
    Inside {
        again: bool,
    },
    Token(crate::limit::Token),
    Branches(Key<Branches>),
    /// The call of the fallback's endpoint.
    Fallback(Key<Invocation>),
}

/// What became of a call that entered a layer.
pub(super) enum Entered {
    /// It goes on inwards.
    Passed,
    /// It stays for a while.
    Waits,
    /// It is turned away.
    Refused(Failure),
}

/// What a layer makes of an outcome.
pub(super) enum Left {
    /// It goes on outwards with this one.
    With(Outcome),
    /// It goes inwards once more, or will.
    Again,
}

impl Frame {
    pub(super) const NONE: Self =
        Self { since: Time::ZERO, deadline: Time::MAX, timer: Ticket::NONE, holds: Holds::Nothing };
}

/// The states of all layers of a plan: for each stack and caller, one for each layer.
pub(super) fn all(plan: &Plan, cx: &mut Cx) -> Vec<LayerState> {
    let mut states = Vec::with_capacity(plan.layers as usize);
    for stack in &plan.stacks {
        for _ in 0..stack.callers {
            states.extend(stack.layers.iter().map(|layer| match &layer.kind {
                LayerKind::Timeout(span) => LayerState::Timeout(cx.lane(*span)),
                LayerKind::Retry(_, budget) => {
                    let budget = budget.as_ref().map(|spec| Box::new(Budget::new(spec, Time::ZERO)));
                    LayerState::Retry(budget)
                }
                LayerKind::Breaker(spec) => {
                    LayerState::Breaker(Box::new(Breaker::new(spec, Time::ZERO)), Line::default())
                }
                LayerKind::Bulkhead(spec) => LayerState::Bulkhead(Box::new(Bulkhead::new(spec)), Line::default()),
                LayerKind::Limit(spec) => LayerState::Limit(Box::new(Limit::new(spec)), Line::default()),
                LayerKind::RateLimit(spec) => {
                    LayerState::RateLimit(Box::new(RateLimit::new(spec, plan.clients.len(), Time::ZERO)))
                }
                LayerKind::Throttle(spec) => LayerState::Throttle(Box::new(Throttle::new(spec, Time::ZERO))),
                LayerKind::Hedge(spec) => LayerState::Hedge(Box::new(Hedge::new(spec))),
                LayerKind::Fallback(plan) => LayerState::Fallback(Box::new(Fallback::new(&plan.spec))),
            }));
        }
    }
    states
}

impl<'a> Run<'a> {
    pub(super) fn layer_plan(&self, key: Key<Invocation>, layer: u8) -> &'a LayerPlan {
        &self.stack(key).layers[usize::from(layer)]
    }

    /// Where the state of a layer is for the replica that a call comes from.
    fn layer_at(&self, key: Key<Invocation>, layer: u8) -> usize {
        let (stack, caller) = (self.stack(key), self.state.invocations[key].caller);
        stack.first as usize + caller as usize * stack.layers.len() + usize::from(layer)
    }

    /// The draws of a layer for the entry of a call that is under way.
    fn draws(&self, key: Key<Invocation>, layer: u8) -> impl Draw + use<> {
        let invocation = &self.state.invocations[key];
        let place = self.layer_plan(key, layer).place;
        let luck: Luck = invocation.luck.child(place, self.state.frames[invocation.frames].entries);
        luck.at(place)
    }

    /// A call enters a layer.
    pub(super) fn enter_layer(&mut self, key: Key<Invocation>, layer: u8) -> Entered {
        let at = self.layer_at(key, layer);
        match &mut self.state.layers[at] {
            LayerState::Timeout(lane) => {
                let lane = *lane;
                let timer = self.cx.after_lane(lane, Event::Layer { invocation: key, layer, alarm: Alarm::Timeout });
                let frame = self.frame(key, layer);
                frame.timer = timer;
                frame.deadline = frame.deadline.min(frame.since + lane.delay());
                Entered::Passed
            }
            LayerState::Retry(_) => self.enter_retry(key, layer, at),
            LayerState::Breaker(..) => self.enter_breaker(key, layer, at),
            LayerState::Bulkhead(..) => self.enter_bulkhead(key, layer, at),
            LayerState::Limit(..) => self.enter_limit(key, layer, at),
            LayerState::RateLimit(_) => self.enter_rate_limit(key, layer),
            LayerState::Throttle(_) => self.enter_throttle(key, layer, at),
            LayerState::Hedge(_) => self.enter_hedge(key, layer, at),
            LayerState::Fallback(_) => Entered::Passed,
        }
    }

    /// What is inside of a layer has come to an outcome.
    pub(super) fn leave_layer(&mut self, key: Key<Invocation>, layer: u8, outcome: Outcome) -> Left {
        match &self.layer_plan(key, layer).kind {
            LayerKind::Timeout(_) => {
                let timer = self.frame(key, layer).timer;
                self.cx.cancel(timer);
                Left::With(outcome)
            }
            LayerKind::Retry(retry, _) => self.leave_retry(key, layer, retry, outcome),
            LayerKind::Breaker(_) => Left::With(self.leave_breaker(key, layer, outcome)),
            LayerKind::RateLimit(_) => self.leave_rate_limit(key, layer, outcome),
            LayerKind::Throttle(_) => self.leave_throttle(key, layer, outcome),
            LayerKind::Hedge(_) => Left::With(outcome),
            LayerKind::Fallback(plan) => self.leave_fallback(key, layer, plan, outcome),
            LayerKind::Bulkhead(_) | LayerKind::Limit(_) => {
                self.give_up_hold(key, layer, Some(outcome));
                Left::With(outcome)
            }
        }
    }

    /// A call is taken out of a layer, because nobody waits for it further out.
    pub(super) fn cut_layer(&mut self, key: Key<Invocation>, layer: u8) {
        let timer = self.frame(key, layer).timer;
        self.cx.cancel(timer);
        self.give_up_hold(key, layer, None);
    }

    /// A call gives back what it holds of a layer; without an outcome if its caller has gone.
    fn give_up_hold(&mut self, key: Key<Invocation>, layer: u8, outcome: Option<Outcome>) {
        let at = self.layer_at(key, layer);
        let frame = self.frame(key, layer);
        let (holds, since) = (std::mem::replace(&mut frame.holds, Holds::Nothing), frame.since);
        match holds {
            Holds::Nothing => {}
            Holds::Tries(tries) => self.cut_tries(at, tries),
            Holds::Place(_) => self.give_up_place(key, at),
            Holds::Permit(permit) => self.cancel_permit(at, layer, permit, since),
            Holds::Inside { again } => self.leave_bulkhead(at, layer, again),
            Holds::Token(token) => self.leave_limit(key, layer, token, outcome),
            Holds::Branches(branches) => self.end_branches(key, layer, branches),
            Holds::Fallback(other) => self.end_fallback(key, at, other),
        }
    }

    /// Brings what layers count themselves into the totals of their edges.
    pub(in super::super) fn settle_layers(&mut self, now: Time) {
        let plan = self.plan;
        let current = plan.edges.iter().zip(0..).filter_map(|(edge, id)| Some((EdgeId(id), edge.stack?)));
        let all = || current.clone().chain(plan.retired.iter().copied());
        all().for_each(|(edge, _)| self.state.edges[edge.at()].totals.opened = 0);
        for (edge, stack) in all() {
            let (state, stack) = (&mut self.state.edges[edge.at()], &plan.stacks[stack.at()]);
            let count = stack.callers as usize * stack.layers.len();
            for layer in &mut self.state.layers[stack.first as usize..][..count] {
                if let LayerState::Breaker(breaker, _) = layer {
                    state.totals.opened += breaker.counts(now).opened;
                }
            }
        }
    }
}
