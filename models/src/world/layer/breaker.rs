//! Circuit breakers as a layer.

use super::super::Run;
use super::super::stack::Spot;
use super::{Entered, Frame, Holds, LayerState};
use crate::breaker::{Admission, Breaker, Ended, Permit, Released};
use crate::outcome::{Failure, Outcome};
use crate::plan::EdgeId;
use crate::spec::Hold;
use squall_sim::Time;

impl Run<'_> {
    fn breaker(&mut self, at: usize) -> &mut Breaker {
        match &mut self.state.layers[at] {
            LayerState::Breaker(breaker, _) => breaker,
            _ => unreachable!("the layer is a breaker"),
        }
    }

    pub(super) fn enter_breaker(&mut self, spot: Spot) -> Entered {
        let now = self.cx.now();
        let LayerState::Breaker(breaker, line) = &mut self.state.layers[spot.at] else {
            unreachable!("the layer is a breaker")
        };
        let (entered, holds) = match breaker.admit(now) {
            Admission::Admit(permit) => (Entered::Passed, Holds::Permit(permit)),
            Admission::Wait => (Entered::Waits, line.join(spot.key)),
            Admission::Reject => (Entered::Refused(Failure::CircuitOpen), Holds::Nothing),
            Admission::Full => (Entered::Refused(Failure::BulkheadFull), Holds::Nothing),
        };
        self.frame(spot).holds = holds;
        entered
    }

    pub(super) fn leave_breaker(&mut self, spot: Spot, outcome: Outcome) -> Outcome {
        let now = self.cx.now();
        let &mut Frame { holds, since, .. } = self.frame(spot);
        let Holds::Permit(permit) = holds else { unreachable!("it was let through") };
        let breaker = self.breaker(spot.at);
        let ended = breaker.judge(outcome);
        let released = breaker.record(now, permit, ended, now.since(since));
        self.release_line(spot, released);
        if released.masked { Err(Failure::CircuitOpen) } else { outcome }
    }

    /// The caller of a call that was let through has gone.
    pub(super) fn cancel_permit(&mut self, spot: Spot, permit: Permit, since: Time) {
        let now = self.cx.now();
        let released = self.breaker(spot.at).record(now, permit, Ended::Cancelled, now.since(since));
        self.release_line(spot, released);
    }

    /// Somebody holds the breakers of an edge, or all of them, or lets them go.
    pub(in crate::world) fn hold_breakers(&mut self, edge: Option<EdgeId>, hold: Hold) -> String {
        let (plan, now, mut held) = (self.plan, self.cx.now(), 0);
        for (id, edge_plan) in (0..).map(EdgeId).zip(&plan.edges) {
            let stack = edge_plan.stack.filter(|_| edge.is_none_or(|edge| edge == id));
            let Some(stack) = stack.map(|stack| &plan.stacks[stack.at()]) else { continue };
            let layers = stack.layers.len() as u32;
            for at in stack.first..stack.first + stack.callers * layers {
                let LayerState::Breaker(breaker, _) = &mut self.state.layers[at as usize] else { continue };
                let released = match hold {
                    Hold::Open => breaker.force_open(),
                    Hold::Closed => breaker.force_close(),
                    Hold::Automatic => breaker.reset(now),
                };
                held += 1;
                if released.waiters {
                    self.ask_line(at as usize, ((at - stack.first) % layers) as u8);
                }
            }
        }
        let word = match hold {
            Hold::Open => "held open",
            Hold::Closed => "held closed",
            Hold::Automatic => "let go",
        };
        format!("{held} breakers {word}")
    }

    /// Those who wait try again, in turn, until one has to go on waiting.
    #[inline]
    fn release_line(&mut self, spot: Spot, released: Released) {
        if released.waiters {
            self.ask_line(spot.at, spot.layer);
        }
    }

    fn ask_line(&mut self, at: usize, layer: u8) {
        let (now, first_task) = (self.cx.now(), self.state.tasks.len());
        while self.first_in_line(at, layer, false).is_some() {
            let (verdict, holds) = match self.breaker(at).admit(now) {
                Admission::Admit(permit) => (Entered::Passed, Holds::Permit(permit)),
                Admission::Reject => (Entered::Refused(Failure::CircuitOpen), Holds::Nothing),
                Admission::Full => (Entered::Refused(Failure::BulkheadFull), Holds::Nothing),
                Admission::Wait => break,
            };
            self.call_up(at, layer, false, verdict, holds);
        }
        // The stack of tasks is worked off from its top: the first in line goes first.
        self.state.tasks.reverse_from(first_task);
    }
}
