//! Retries as a layer: send the call inwards once more.

use super::super::call::Invocation;
use super::super::stack::{Alarm, Frames, Spot};
use super::super::{Run, Task};
use super::{Entered, Holds, LayerState, Left};
use crate::budget::{Budget, Grant, Over};
use crate::outcome::{Failure, Outcome};
use crate::plan::LayerKind;
use crate::retry::{Facts, Retry};
use crate::trace::Verdict;
use squall_sim::Key;

/// What a call carries for its retries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tries {
    /// Times that it was sent inwards.
    attempts: u16,
    /// It is inside, as opposed to a backoff.
    out: bool,
    /// What paid for the last one.
    grant: Option<Grant>,
    /// What the policy wants to be shown the next time.
    memory: u64,
}

impl<'a> Run<'a> {
    fn budget(&mut self, at: usize) -> Option<&mut Budget> {
        match &mut self.state.layers[at] {
            LayerState::Retry(budget) => budget.as_deref_mut(),
            _ => unreachable!("the layer is a retry"),
        }
    }

    fn retry(&self, spot: Spot) -> &'a Retry {
        match &self.layer_plan(spot).kind {
            LayerKind::Retry(retry, _) => retry,
            _ => unreachable!("the layer is a retry"),
        }
    }

    pub(super) fn enter_retry(&mut self, spot: Spot) -> Entered {
        let now = self.cx.now();
        self.frame(spot).holds = Holds::Tries(Tries { attempts: 1, out: true, grant: None, memory: 0 });
        if let Some(budget) = self.budget(spot.at) {
            budget.began(now, true);
        }
        Entered::Passed
    }

    pub(super) fn leave_retry(&mut self, spot: Spot, outcome: Outcome) -> Left {
        let Holds::Tries(mut tries) = self.frame(spot).holds else { unreachable!("set on the way in") };
        tries.out = false;
        if self.budget(spot.at).is_some() {
            let retryable = outcome.err().is_some_and(|failure| self.retry(spot).retries(failure));
            let budget = self.budget(spot.at).expect("it was there just now");
            budget.over(Over::Answered { outcome, retryable });
        }
        if let Err(failure) = outcome
            && self.try_again(spot, failure, &mut tries)
        {
            self.frame(spot).holds = Holds::Tries(tries);
            return Left::Again;
        }
        self.frame(spot).holds = Holds::Nothing;
        self.end_tries(spot.at, tries, outcome.is_ok());
        Left::With(outcome)
    }

    /// Whether a call that has failed is tried again; it then waits for that, or goes at once.
    fn try_again(&mut self, spot: Spot, failure: Failure, tries: &mut Tries) -> bool {
        let (now, key) = (self.cx.now(), spot.key);
        let (retry, place) = (self.retry(spot), self.layer_plan(spot).place);
        let hint = self.take_hint(key, failure);
        let invocation = &self.state.invocations[key];
        let (luck, edge) = (invocation.luck, invocation.edge.at());
        let facts = Facts {
            attempts: tries.attempts,
            elapsed: now.since(self.state.frames[spot.frames].layers[usize::from(spot.layer)].since),
            memory: tries.memory,
            failure,
            hint,
            idempotent: self.plan.endpoint(invocation.endpoint).idempotent,
        };
        let Some(next) = retry.decide(facts, &mut luck.child(place, tries.attempts.into()).at(place)) else {
            return false;
        };
        if let Some(budget) = self.budget(spot.at) {
            if let Some(grant) = tries.grant.take() {
                budget.settled(grant);
            }
            tries.grant = budget.ask(now, failure);
            if tries.grant.is_none() {
                self.state.edges[edge].totals.retries_denied += 1;
                self.traced_layer(key, Verdict::NotTriedAgain);
                return false;
            }
        }
        self.traced_layer(key, Verdict::TriedAgain);
        tries.attempts += 1;
        tries.memory = next.memory;
        if next.delay.is_zero() {
            let stand = self.stand(key);
            self.state.tasks.push(Task::Descend(key, stand));
        } else {
            let timer = self.cx.after(next.delay, spot.event(Alarm::Again));
            self.frame(spot).timer = timer;
        }
        true
    }

    /// A call that goes on inwards does so for a further try, if a retry is the last layer that it has entered.
    pub(in super::super) fn try_goes_out(&mut self, key: Key<Invocation>, frames: Key<Frames>) {
        let Some(layer) = self.state.frames[frames].inside.checked_sub(1) else { return };
        let (now, spot) = (self.cx.now(), self.spot(key, layer));
        if let Holds::Tries(tries) = &mut self.frame(spot).holds {
            tries.out = true;
            if let Some(budget) = self.budget(spot.at) {
                budget.began(now, false);
            }
        }
    }

    /// The caller of a call that may be tried again has gone.
    pub(super) fn cut_tries(&mut self, at: usize, tries: Tries) {
        if let Some(budget) = self.budget(at)
            && tries.out
        {
            budget.over(Over::Left);
        }
        self.end_tries(at, tries, false);
    }

    fn end_tries(&mut self, at: usize, tries: Tries, success: bool) {
        if let Some(budget) = self.budget(at) {
            if let Some(grant) = tries.grant {
                budget.settled(grant);
            }
            budget.ended(success, tries.grant);
        }
    }
}
