//! Throttles as a layer: calls that the caller holds back by itself.

use super::super::Run;
use super::super::stack::{Alarm, Spot};
use super::{Entered, LayerState};
use crate::outcome::{Failure, Outcome};
use crate::throttle::{Throttle, Verdict};

impl Run<'_> {
    fn throttle(&mut self, at: usize) -> &mut Throttle {
        match &mut self.state.layers[at] {
            LayerState::Throttle(throttle) => throttle,
            _ => unreachable!("the layer is a throttle"),
        }
    }

    pub(super) fn enter_throttle(&mut self, spot: Spot) -> Entered {
        let (now, mut draws) = (self.cx.now(), self.draws(spot));
        match self.throttle(spot.at).admit(now, &mut draws) {
            Verdict::Admit => Entered::Passed,
            Verdict::Reject => Entered::Refused(Failure::Throttled),
            Verdict::Again(wait) => {
                let timer = self.cx.after(wait, spot.event(Alarm::Ask));
                self.frame(spot).timer = timer;
                Entered::Waits
            }
        }
    }

    pub(super) fn leave_throttle(&mut self, spot: Spot, outcome: Outcome) {
        let now = self.cx.now();
        self.throttle(spot.at).ended(now, outcome);
    }

    /// A call that was told to wait asks once more.
    pub(in super::super) fn ask_again(&mut self, spot: Spot) {
        match self.enter_layer(spot) {
            Entered::Passed => self.descend(spot.key),
            Entered::Waits => {}
            Entered::Refused(failure) => self.send_back(spot.key, failure),
        }
    }
}
