//! Fallbacks as a layer: another answer instead of a failure.

use super::super::Run;
use super::super::call::Invocation;
use super::super::stack::{Frames, Spot};
use super::hedge::Owner;
use super::{Frame, Holds, LayerState, Left};
use crate::fallback::{Fallback, Verdict};
use crate::outcome::{Failure, Outcome};
use crate::plan::{FallbackPlan, LayerKind, MAX_LAYERS};
use crate::trace;
use squall_sim::{Key, Ticket};

impl Run<'_> {
    fn fallback(&mut self, at: usize) -> &mut Fallback {
        match &mut self.state.layers[at] {
            LayerState::Fallback(fallback) => fallback,
            _ => unreachable!("the layer is a fallback"),
        }
    }

    pub(super) fn leave_fallback(&mut self, spot: Spot, outcome: Outcome) -> Left {
        let LayerKind::Fallback(plan) = &self.layer_plan(spot).kind else { unreachable!("the layer is a fallback") };
        let (now, at, key) = (self.cx.now(), spot.at, spot.key);
        let call = &self.state.invocations[key];
        let edge = call.edge;
        let about = plan.keys.map_or(0, |keys| self.plan.keys[keys.at()].key(call.root, call.number));
        let verdict = match outcome {
            Ok(()) => {
                self.fallback(at).succeeded(now, about);
                return Left::With(outcome);
            }
            Err(failure) => self.fallback(at).decide(now, about, failure),
        };
        if verdict == Verdict::Fail {
            return Left::With(outcome);
        }
        self.state.edges[edge.at()].totals.fallbacks += 1;
        self.traced_layer(key, trace::Verdict::FellBack);
        if verdict == Verdict::Call {
            self.call_fallback(spot, plan);
            return Left::Again;
        }
        self.state.invocations[key].degraded = true;
        Left::With(Ok(()))
    }

    /// Calls the fallback's own endpoint.
    fn call_fallback(&mut self, spot: Spot, plan: &FallbackPlan) {
        let (now, place, key) = (self.cx.now(), self.layer_plan(spot).place, spot.key);
        let (edge, endpoint) = plan.to.expect("only a fallback with an endpoint calls");
        let call = self.state.invocations[key];
        let deadline = self.frame(spot).deadline.min(call.deadline);
        let (owner, layers) = (Some(Owner::new(key, 0)), [Frame::NONE; MAX_LAYERS]);
        let stack = self.plan.edges[edge.at()].stack.expect("the way to a fallback has a stack, if an empty one");
        let first = self.plan.stacks[stack.at()].first_of(call.caller);
        let frames = self.state.frames.insert(Frames { stack, first, inside: 0, base: 0, entries: 0, owner, layers });
        let other = self.state.invocations.insert(Invocation {
            frames,
            edge,
            endpoint,
            deadline,
            luck: call.luck.child(place, 0),
            parent: Key::NONE,
            call: Key::NONE,
            began: now,
            timer: Ticket::NONE,
            total_timer: Ticket::NONE,
            patience: Ticket::NONE,
            memory: 0,
            attempt: 0,
            waiting: false,
            ..call
        });
        self.state.edges[edge.at()].totals.calls += 1;
        self.frame(spot).holds = Holds::Fallback(other);
        self.traced_fallback(other, key);
        self.descend(other);
    }

    /// The call of a fallback's endpoint has come to its outcome.
    pub(in super::super) fn fallback_ended(&mut self, other: Key<Invocation>, key: Key<Invocation>, outcome: Outcome) {
        self.traced_call_end(other, Some(outcome));
        let edge = self.state.invocations[other].edge;
        let totals = &mut self.state.edges[edge.at()].totals;
        match outcome {
            Ok(()) => totals.ok += 1,
            Err(failure) => totals.failed[failure as usize] += 1,
        }
        self.state.invocations.free(other);
        let spot = self.innermost(key);
        self.fallback(spot.at).call_ended();
        self.frame(spot).holds = Holds::Nothing;
        let call = &mut self.state.invocations[key];
        call.degraded = outcome.is_ok();
        if outcome.is_err() {
            // It was no help after all.
            self.state.edges[call.edge.at()].totals.fallbacks -= 1;
        }
        // The fallback itself has had its say.
        self.state.frames[spot.frames].inside = spot.layer;
        self.ascend(key, outcome);
    }

    /// The caller of a fallback has gone.
    pub(super) fn end_fallback(&mut self, Spot { key, at, .. }: Spot, other: Key<Invocation>) {
        let edge = self.state.invocations[key].edge;
        self.state.edges[edge.at()].totals.fallbacks -= 1;
        self.cut_all(other, Failure::Cancelled);
        self.traced_call_end(other, None);
        if let Some(record) = self.state.invocations.remove(other) {
            self.cx.cancel(record.timer);
            self.state.edges[record.edge.at()].totals.abandoned += 1;
        }
        self.fallback(at).call_ended();
    }
}
