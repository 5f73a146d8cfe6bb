//! Bulkheads and concurrency limits as layers: so many calls inside at once.

use super::super::call::Invocation;
use super::super::stack::Alarm;
use super::super::{Event, Run};
use super::{Entered, Holds, LayerState};
use crate::bulkhead::{self, Bulkhead};
use crate::limit::{self, Limit, Token};
use crate::outcome::{Failure, Outcome};
use squall_sim::{Key, Ticket, Time};

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

    pub(super) fn enter_bulkhead(&mut self, key: Key<Invocation>, layer: u8, at: usize) -> Entered {
        let (now, again) = (self.cx.now(), self.state.invocations[key].attempt > 0);
        match self.bulkhead(at).enter(now, again) {
            bulkhead::Verdict::Admit => {
                self.frame(key, layer).holds = Holds::Inside { again };
                Entered::Passed
            }
            bulkhead::Verdict::Wait { until } => self.hold_back(key, layer, at, until),
            bulkhead::Verdict::Reject => Entered::Refused(Failure::BulkheadFull),
        }
    }

    pub(super) fn leave_bulkhead(&mut self, at: usize, layer: u8, again: bool) {
        let now = self.cx.now();
        if self.bulkhead(at).leave(now, again) {
            let next = self.first_in_line(at, layer, false);
            let again = next.is_some_and(|next| self.state.invocations[next].attempt > 0);
            self.call_up(at, layer, false, Entered::Passed, Holds::Inside { again });
        }
    }

    pub(super) fn enter_limit(&mut self, key: Key<Invocation>, layer: u8, at: usize) -> Entered {
        let (now, mut draws) = (self.cx.now(), self.draws(key, layer));
        match self.limit(at).admit(now, &mut draws) {
            limit::Verdict::Admit(token) => {
                self.frame(key, layer).holds = Holds::Token(token);
                Entered::Passed
            }
            limit::Verdict::Wait { until } => self.hold_back(key, layer, at, until),
            limit::Verdict::Reject => Entered::Refused(Failure::BulkheadFull),
        }
    }

    /// A call that a limit has let through is over; `None` if its caller has gone.
    pub(super) fn leave_limit(&mut self, key: Key<Invocation>, layer: u8, token: Token, outcome: Option<Outcome>) {
        let (now, at, mut draws) = (self.cx.now(), self.layer_at(key, layer), self.draws(key, layer));
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

    fn hold_back(&mut self, key: Key<Invocation>, layer: u8, at: usize, until: Time) -> Entered {
        let holds = self.line(at).join(key);
        let timer = if until == Time::MAX {
            Ticket::NONE
        } else {
            self.cx.at(until, Event::Layer { invocation: key, layer, alarm: Alarm::Expired })
        };
        let frame = self.frame(key, layer);
        (frame.holds, frame.timer) = (holds, timer);
        Entered::Waits
    }

    /// A call leaves the line of a layer without having been called up.
    pub(super) fn give_up_place(&mut self, key: Key<Invocation>, at: usize) {
        self.leave_line(at);
        let again = self.state.invocations[key].attempt > 0;
        match &mut self.state.layers[at] {
            LayerState::Bulkhead(bulkhead, _) => bulkhead.gave_up(again),
            LayerState::Limit(limit, _) => limit.gave_up(),
            _ => {}
        }
    }

    /// A call has waited too long in a line, or for nothing.
    pub(in super::super) fn expired(&mut self, key: Key<Invocation>, layer: u8) {
        let at = self.layer_at(key, layer);
        if let LayerState::RateLimit(_) = &self.state.layers[at] {
            return self.send_back(key, Failure::RateLimited);
        }
        self.frame(key, layer).holds = Holds::Nothing;
        self.give_up_place(key, at);
        self.send_back(key, Failure::BulkheadFull);
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
