//! Circuit breakers as a layer.

use super::super::Run;
use super::super::stack::Spot;
use super::{Entered, Frame, Holds, LayerState};
use crate::breaker::{Admission, Breaker, Ended, Permit, Released};
use crate::outcome::{Failure, Outcome};
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
