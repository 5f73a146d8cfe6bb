//! Rate limits as a layer: so many calls in so much time.

use super::super::Run;
use super::super::stack::{Alarm, Spot};
use super::{Entered, LayerState};
use crate::outcome::{Failure, Outcome};
use crate::rate_limit::{RateLimit, Verdict};

impl Run<'_> {
    /// The rate limit of a layer: that of the caller's replica, or the one that all of them share.
    fn rate_limit(&mut self, at: usize) -> &mut RateLimit {
        let at = if let LayerState::SharedLimit(before) = self.state.layers[at] { at - before as usize } else { at };
        match &mut self.state.layers[at] {
            LayerState::RateLimit(limit) => limit,
            _ => unreachable!("the layer is a rate limit"),
        }
    }

    pub(super) fn enter_rate_limit(&mut self, spot: Spot) -> Entered {
        let (now, client) = (self.cx.now(), self.state.invocations[spot.key].client.at());
        let (wait, alarm) = match self.rate_limit(spot.at).admit(now, client) {
            Verdict::Admit => return Entered::Passed,
            Verdict::Wait(wait) => (wait, Alarm::Again),
            Verdict::Reject { after, back } => {
                if let Some(back) = back {
                    self.give_hint(spot.key, back);
                }
                if after.is_zero() {
                    return Entered::Refused(Failure::RateLimited);
                }
                (after, Alarm::Expired)
            }
        };
        let timer = self.cx.after(wait, spot.event(alarm));
        self.frame(spot).timer = timer;
        Entered::Waits
    }

    pub(super) fn leave_rate_limit(&mut self, spot: Spot, outcome: Outcome) {
        let (now, client) = (self.cx.now(), self.state.invocations[spot.key].client.at());
        self.rate_limit(spot.at).ended(now, client, outcome);
    }
}
