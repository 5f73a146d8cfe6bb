//! Throttles as a layer: calls that the caller holds back by itself.

use super::super::call::Invocation;
use super::super::stack::Alarm;
use super::super::{Event, Run};
use super::{Entered, LayerState, Left};
use crate::outcome::{Failure, Outcome};
use crate::throttle::{Throttle, Verdict};
use squall_sim::Key;

impl Run<'_> {
    fn throttle(&mut self, at: usize) -> &mut Throttle {
        match &mut self.state.layers[at] {
            LayerState::Throttle(throttle) => throttle,
            _ => unreachable!("the layer is a throttle"),
        }
    }

    pub(super) fn enter_throttle(&mut self, key: Key<Invocation>, layer: u8, at: usize) -> Entered {
        let (now, mut draws) = (self.cx.now(), self.draws(key, layer));
        match self.throttle(at).admit(now, &mut draws) {
            Verdict::Admit => Entered::Passed,
            Verdict::Reject => Entered::Refused(Failure::Throttled),
            Verdict::Again(wait) => {
                let timer = self.cx.after(wait, Event::Layer { invocation: key, layer, alarm: Alarm::Ask });
                self.frame(key, layer).timer = timer;
                Entered::Waits
            }
        }
    }

    pub(super) fn leave_throttle(&mut self, key: Key<Invocation>, layer: u8, outcome: Outcome) -> Left {
        let (now, at) = (self.cx.now(), self.layer_at(key, layer));
        self.throttle(at).ended(now, outcome);
        Left::With(outcome)
    }

    /// A call that was told to wait asks once more.
    pub(in super::super) fn ask_again(&mut self, key: Key<Invocation>, layer: u8) {
        match self.enter_layer(key, layer) {
            Entered::Passed => self.descend(key),
            Entered::Waits => {}
            Entered::Refused(failure) => self.send_back(key, failure),
        }
    }
}
