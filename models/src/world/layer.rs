//! One layer of a stack: what happens when a call enters it, leaves it, or is taken out of it.

use super::call::Invocation;
use super::stack::Alarm;
use super::{Cx, Event, Run, Task};
use crate::outcome::{Failure, Outcome};
use crate::plan::{LayerPlan, Plan};
use crate::retry::{Facts, Retry};
use squall_sim::{Key, Lane};

/// What changes about a layer, for one replica of the caller.
#[derive(Clone, Debug)]
pub(crate) enum LayerState {
    Timeout(Lane),
    Retry,
}

/// What became of a call that entered a layer.
pub(super) enum Entered {
    /// It goes on inwards.
    Passed,
}

/// What a layer makes of an outcome.
pub(super) enum Left {
    /// It goes on outwards with this one.
    With(Outcome),
    /// It goes inwards once more, or will.
    Again,
}

/// The states of all layers of a plan: for each stack and caller, one for each layer.
pub(super) fn all(plan: &Plan, cx: &mut Cx) -> Vec<LayerState> {
    let mut states = Vec::with_capacity(plan.layers as usize);
    for stack in &plan.stacks {
        for _ in 0..stack.callers {
            states.extend(stack.layers.iter().map(|layer| match layer {
                LayerPlan::Timeout(span) => LayerState::Timeout(cx.lane(*span)),
                LayerPlan::Retry(..) => LayerState::Retry,
            }));
        }
    }
    states
}

impl Run<'_> {
    /// The state of a layer for the replica that a call comes from.
    fn layer(&mut self, key: Key<Invocation>, layer: u8) -> &mut LayerState {
        let (stack, caller) = (self.stack(key), self.state.invocations[key].caller);
        let at = stack.first as usize + caller as usize * stack.layers.len() + usize::from(layer);
        &mut self.state.layers[at]
    }

    /// A call enters a layer.
    pub(super) fn enter_layer(&mut self, key: Key<Invocation>, layer: u8) -> Entered {
        match self.layer(key, layer) {
            LayerState::Timeout(lane) => {
                let lane = *lane;
                let timer = self.cx.after_lane(lane, Event::Layer { invocation: key, layer, alarm: Alarm::Timeout });
                let frame = self.frame(key, layer);
                frame.timer = timer;
                frame.deadline = frame.deadline.min(frame.since + lane.delay());
            }
            LayerState::Retry => self.frame(key, layer).attempts = 1,
        }
        Entered::Passed
    }

    /// What is inside of a layer has come to an outcome.
    pub(super) fn leave_layer(&mut self, key: Key<Invocation>, layer: u8, outcome: Outcome) -> Left {
        match (&self.stack(key).layers[usize::from(layer)], outcome) {
            (LayerPlan::Timeout(_), _) => {
                let timer = self.frame(key, layer).timer;
                self.cx.cancel(timer);
            }
            (LayerPlan::Retry(retry, number), Err(failure)) => {
                return self.retry(key, layer, (retry, *number), failure);
            }
            (LayerPlan::Retry(..), Ok(())) => {}
        }
        Left::With(outcome)
    }

    /// A call is taken out of a layer, because nobody waits for it further out.
    pub(super) fn cut_layer(&mut self, key: Key<Invocation>, layer: u8) {
        let timer = self.frame(key, layer).timer;
        self.cx.cancel(timer);
    }

    fn retry(&mut self, key: Key<Invocation>, layer: u8, (retry, number): (&Retry, u32), failure: Failure) -> Left {
        let place = self.plan.edges[self.state.invocations[key].edge.at()].jitter_place;
        let luck = self.state.invocations[key].luck;
        let frame = self.frame(key, layer);
        let facts = Facts { attempts: frame.attempts, previous: frame.previous, failure };
        let number = number << 16 | u32::from(frame.attempts);
        let Some(delay) = retry.decide(facts, &mut luck.child(place, number).at(place)) else {
            return Left::With(Err(failure));
        };
        frame.attempts += 1;
        frame.previous = delay;
        if delay.is_zero() {
            self.state.tasks.push(Task::Descend(key));
        } else {
            let again = Event::Layer { invocation: key, layer, alarm: Alarm::Again };
            let timer = self.cx.after(delay, again);
            self.frame(key, layer).timer = timer;
        }
        Left::Again
    }
}
