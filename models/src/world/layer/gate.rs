//! Bulkheads and concurrency limits as layers: so many calls inside at once.

use super::super::Run;
use super::super::stack::{Alarm, Spot};
use super::{Entered, Holds, LayerState};
use crate::bulkhead::{self, Bulkhead};
use crate::limit::{self, Limit, Token};
use crate::outcome::{Failure, Outcome};
use squall_sim::{Ticket, Time};

impl Run<'_> {
    fn bulkhead(&mut self, at: usize) -> &mut Bulkhead {
        match &mut self.state.layers[at] {
            LayerState::Bulkhead(bulkhead, _) => bulkhead,
            _ => unreachable!("the layer is a bulkhead"),
        }
    }

    fn limit(&mut self, at: usize) -> &mut Limit {
        match &mut self.state.layers[at] {
            LayerState::Limit(limit, _) => limit,
            _ => unreachable!("the layer is a limit"),
        }
    }

    pub(super) fn enter_bulkhead(&mut self, spot: Spot) -> Entered {
        let (now, again) = (self.cx.now(), self.state.invocations[spot.key].attempt > 0);
        match self.bulkhead(spot.at).enter(now, again) {
            bulkhead::Verdict::Admit => {
                self.frame(spot).holds = Holds::Inside { again };
                Entered::Passed
            }
            bulkhead::Verdict::Wait { until } => self.hold_back(spot, until),
            bulkhead::Verdict::Reject => Entered::Refused(Failure::BulkheadFull),
        }
    }

    pub(super) fn leave_bulkhead(&mut self, Spot { at, layer, .. }: Spot, again: bool) {
        let now = self.cx.now();
        if self.bulkhead(at).leave(now, again) {
            let next = self.first_in_line(at, layer, false);
            let again = next.is_some_and(|next| self.state.invocations[next].attempt > 0);
            self.call_up(at, layer, false, Entered::Passed, Holds::Inside { again });
        }
    }

    pub(super) fn enter_limit(&mut self, spot: Spot) -> Entered {
        let (now, mut draws) = (self.cx.now(), self.draws(spot));
        match self.limit(spot.at).admit(now, &mut draws) {
            limit::Verdict::Admit(token) => {
                self.frame(spot).holds = Holds::Token(token);
                Entered::Passed
            }
            limit::Verdict::Wait { until } => self.hold_back(spot, until),
            limit::Verdict::Reject => Entered::Refused(Failure::BulkheadFull),
        }
    }

    /// A call that a limit has let through is over; `None` if its caller has gone.
    pub(super) fn leave_limit(&mut self, spot: Spot, token: Token, outcome: Option<Outcome>) {
        let (now, mut draws) = (self.cx.now(), self.draws(spot));
        let Spot { at, layer, .. } = spot;
        let limit = self.limit(at);
        limit.ended(now, token, seen(outcome), &mut draws);
        let newest = limit.newest_first();
        let first_task = self.state.tasks.len();
        while let Some(token) = self.limit(at).resume(now) {
            self.call_up(at, layer, newest, Entered::Passed, Holds::Token(token));
        }
        // The stack of tasks is worked off from its top: the first in line goes first.
        self.state.tasks.reverse_from(first_task);
    }

    fn hold_back(&mut self, spot: Spot, until: Time) -> Entered {
        let holds = self.line(spot.at).join(spot.key);
        let timer = if until == Time::MAX { Ticket::NONE } else { self.cx.at(until, spot.event(Alarm::Expired)) };
        let frame = self.frame(spot);
        (frame.holds, frame.timer) = (holds, timer);
        Entered::Waits
    }

    /// A call leaves the line of a layer without having been called up.
    pub(super) fn give_up_place(&mut self, Spot { key, at, .. }: Spot) {
        self.leave_line(at);
        let again = self.state.invocations[key].attempt > 0;
        match &mut self.state.layers[at] {
            LayerState::Bulkhead(bulkhead, _) => bulkhead.gave_up(again),
            LayerState::Limit(limit, _) => limit.gave_up(),
            _ => {}
        }
    }

    /// A call has waited too long in a line, or for nothing.
    pub(in super::super) fn expired(&mut self, spot: Spot) {
        if let LayerState::RateLimit(_) | LayerState::SharedLimit(_) = &self.state.layers[spot.at] {
            return self.send_back(spot.key, Failure::RateLimited);
        }
        self.frame(spot).holds = Holds::Nothing;
        self.give_up_place(spot);
        self.send_back(spot.key, Failure::BulkheadFull);
    }
}

/// How an outcome looks to a concurrency limit: what was refused or came too late tells of overload, other failures
/// tell nothing.
fn seen(outcome: Option<Outcome>) -> limit::Ended {
    match outcome {
        Some(Ok(())) => limit::Ended::Success,
        Some(Err(
            Failure::Timeout
            | Failure::Rejected
            | Failure::QueueTimeout
            | Failure::PoolTimeout
            | Failure::Expired
            | Failure::RateLimited
            | Failure::Throttled
            | Failure::Shed,
        )) => limit::Ended::Dropped,
        Some(Err(_)) | None => limit::Ended::Ignored,
    }
}
