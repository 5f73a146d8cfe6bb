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
use super::stack::{Alarm, Spot};
use super::{Cx, Run};
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
    /// The same rate limit as this many states before.
    SharedLimit(u32),
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
        for caller in 0..stack.callers {
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
                LayerKind::RateLimit(spec) if caller > 0 && spec.shared() => {
                    LayerState::SharedLimit(caller * stack.layers.len() as u32)
                }
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
    pub(super) fn layer_plan(&self, spot: Spot) -> &'a LayerPlan {
        &self.stack(spot.frames).layers[usize::from(spot.layer)]
    }

    /// The draws of a layer for the entry of a call that is under way.
    fn draws(&self, spot: Spot) -> impl Draw + use<> {
        let place = self.layer_plan(spot).place;
        let luck: Luck = self.state.invocations[spot.key].luck.child(place, self.state.frames[spot.frames].entries);
        luck.at(place)
    }

    /// A call enters a layer.
    #[inline(always)]
    pub(super) fn enter_layer(&mut self, spot: Spot) -> Entered {
        match &mut self.state.layers[spot.at] {
            LayerState::Timeout(lane) => {
                let lane = *lane;
                let timer = self.cx.after_lane(lane, spot.event(Alarm::Timeout));
                let frame = self.frame(spot);
                frame.timer = timer;
                frame.deadline = frame.deadline.min(frame.since + lane.delay());
                Entered::Passed
            }
            LayerState::Retry(_) => self.enter_retry(spot),
            LayerState::Breaker(..) => self.enter_breaker(spot),
            LayerState::Bulkhead(..) => self.enter_bulkhead(spot),
            LayerState::Limit(..) => self.enter_limit(spot),
            LayerState::RateLimit(_) | LayerState::SharedLimit(_) => self.enter_rate_limit(spot),
            LayerState::Throttle(_) => self.enter_throttle(spot),
            LayerState::Hedge(_) => self.enter_hedge(spot),
            LayerState::Fallback(_) => Entered::Passed,
        }
    }

    /// What is inside of a layer has come to an outcome.
    #[inline(always)]
    pub(super) fn leave_layer(&mut self, spot: Spot, outcome: Outcome) -> Left {
        match &self.state.layers[spot.at] {
            LayerState::Timeout(_) => {
                let timer = self.frame(spot).timer;
                self.cx.cancel(timer);
            }
            LayerState::Retry(_) => return self.leave_retry(spot, outcome),
            LayerState::Breaker(..) => return Left::With(self.leave_breaker(spot, outcome)),
            LayerState::RateLimit(_) | LayerState::SharedLimit(_) => self.leave_rate_limit(spot, outcome),
            LayerState::Throttle(_) => self.leave_throttle(spot, outcome),
            LayerState::Hedge(_) => {}
            LayerState::Fallback(_) => return self.leave_fallback(spot, outcome),
            LayerState::Bulkhead(..) | LayerState::Limit(..) => self.give_up_hold(spot, Some(outcome)),
        }
        Left::With(outcome)
    }

    /// A call is taken out of a layer, because nobody waits for it further out.
    pub(super) fn cut_layer(&mut self, spot: Spot) {
        let timer = self.frame(spot).timer;
        self.cx.cancel(timer);
        self.give_up_hold(spot, None);
    }

    /// A call gives back what it holds of a layer; without an outcome if its caller has gone.
    fn give_up_hold(&mut self, spot: Spot, outcome: Option<Outcome>) {
        let frame = self.frame(spot);
        let (holds, since) = (std::mem::replace(&mut frame.holds, Holds::Nothing), frame.since);
        match holds {
            Holds::Nothing => {}
            Holds::Tries(tries) => self.cut_tries(spot.at, tries),
            Holds::Place(_) => self.give_up_place(spot),
            Holds::Permit(permit) => self.cancel_permit(spot, permit, since),
            Holds::Inside { again } => self.leave_bulkhead(spot, again),
            Holds::Token(token) => self.leave_limit(spot, token, outcome),
            Holds::Branches(branches) => self.end_branches(spot, branches),
            Holds::Fallback(other) => self.end_fallback(spot, other),
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
