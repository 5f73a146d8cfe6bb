//! Rate limits as a layer: so many calls in so much time.

use super::super::call::Invocation;
use super::super::stack::Alarm;
use super::super::{Event, Run};
use super::{Entered, LayerState, Left};
use crate::outcome::{Failure, Outcome};
use crate::plan::LayerKind;
use crate::rate_limit::{RateLimit, Verdict};
use squall_sim::Key;

impl Run<'_> {
    /// The rate limit of a layer: that of the caller's replica, or the one that all of them share.
    fn rate_limit(&mut self, key: Key<Invocation>, layer: u8) -> &mut RateLimit {
        let shared = matches!(&self.layer_plan(key, layer).kind, LayerKind::RateLimit(spec) if spec.shared());
        let at = if shared { self.stack(key).first as usize + usize::from(layer) } else { self.layer_at(key, layer) };
        match &mut self.state.layers[at] {
            LayerState::RateLimit(limit) => limit,
            _ => unreachable!("the layer is a rate limit"),
        }
    }

    pub(super) fn enter_rate_limit(&mut self, key: Key<Invocation>, layer: u8) -> Entered {
        let (now, client) = (self.cx.now(), self.state.invocations[key].client.at());
        let (wait, alarm) = match self.rate_limit(key, layer).admit(now, client) {
            Verdict::Admit => return Entered::Passed,
            Verdict::Wait(wait) => (wait, Alarm::Again),
            Verdict::Reject { after, back } => {
                if let Some(back) = back {
                    self.give_hint(key, back);
                }
                if after.is_zero() {
                    return Entered::Refused(Failure::RateLimited);
                }
                (after, Alarm::Expired)
            }
        };
        let timer = self.cx.after(wait, Event::Layer { invocation: key, layer, alarm });
        self.frame(key, layer).timer = timer;
        Entered::Waits
    }

    pub(super) fn leave_rate_limit(&mut self, key: Key<Invocation>, layer: u8, outcome: Outcome) -> Left {
        let (now, client) = (self.cx.now(), self.state.invocations[key].client.at());
        self.rate_limit(key, layer).ended(now, client, outcome);
        Left::With(outcome)
    }
}
