//! Retries as a layer: send the call inwards once more.

use super::super::call::Invocation;
use super::super::stack::Alarm;
use super::super::{Event, Run, Task};
use super::{Holds, Left};
use crate::outcome::Outcome;
use crate::retry::{Facts, Retry};
use squall_sim::Key;

impl Run<'_> {
    pub(super) fn leave_retry(&mut self, key: Key<Invocation>, layer: u8, retry: &Retry, outcome: Outcome) -> Left {
        let Err(failure) = outcome else { return Left::With(outcome) };
        let place = self.layer_plan(key, layer).place;
        let luck = self.state.invocations[key].luck;
        let frame = self.frame(key, layer);
        let Holds::Attempts(attempts, previous) = frame.holds else { unreachable!("set on the way in") };
        let facts = Facts { attempts, previous, failure };
        let Some(delay) = retry.decide(facts, &mut luck.child(place, attempts.into()).at(place)) else {
            return Left::With(outcome);
        };
        frame.holds = Holds::Attempts(attempts + 1, delay);
        if delay.is_zero() {
            let stand = self.stand(key);
            self.state.tasks.push(Task::Descend(key, stand));
        } else {
            let timer = self.cx.after(delay, Event::Layer { invocation: key, layer, alarm: Alarm::Again });
            self.frame(key, layer).timer = timer;
        }
        Left::Again
    }
}
