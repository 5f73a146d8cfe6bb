//! Hedging: a second attempt is sent before the first has failed, and the first good answer counts.
//!
//! Who calls what, and when. Each call has a [`Race`], a small record that the world keeps with it:
//!
//! 1. [`Hedge::begin`] when the first attempt is sent.
//! 2. [`Race::next`] says when a further attempt is due; the world sets one timer, and sets it anew after each of the
//!    following.
//! 3. [`Hedge::due`] when that time has come; with [`Due::Send`] a further attempt goes out.
//! 4. [`Hedge::started`] when a callee has begun to serve an attempt (only where [`Hedge::is_tied`]).
//! 5. [`Hedge::ended`] when an attempt has come to an outcome. [`After::Final`] is the outcome of the call; the attempts
//!    that are still under way are then given up, and cancelled where the edge has `cancel`.
//! 6. [`Hedge::finish`] when the call is over, however: it gives back what the race still holds of the budget.

pub mod budget;
pub mod failsafe_go;
pub mod fixed;
pub mod grpc;
pub mod percentile;
pub mod polly;
#[cfg(test)]
mod tests;
pub mod tied;

use crate::outcome::{Failure, Outcome};
use crate::problem::Problem;
use crate::retry::Failures;
use budget::Budget;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Send a call once more before it has failed, and take the first good answer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// After a fixed time without an answer.
    Fixed(fixed::Spec),
    /// After the time that a given share of recent attempts has not exceeded.
    Percentile(percentile::Spec),
    /// As gRPC's service config has it: up to five attempts, the next one at once after a failure that is not fatal.
    Grpc(grpc::Spec),
    /// As Polly v8 has it: at once, after a delay, or only after a failure.
    Polly(polly::Spec),
    /// As failsafe-go has it: whatever comes first counts, even a failure.
    FailsafeGo(failsafe_go::Spec),
    /// To two replicas from the start; whoever begins to serve it first cancels the other.
    Tied(tied::Spec),
}

/// What is wrong with a hedge, by field.
#[must_use]
pub fn check(spec: &Spec) -> Vec<Problem> {
    match spec {
        Spec::Fixed(spec) => fixed::check(spec),
        Spec::Percentile(spec) => percentile::check(spec),
        Spec::Grpc(spec) => grpc::check(spec),
        Spec::Polly(spec) => polly::check(spec),
        Spec::FailsafeGo(spec) => failsafe_go::check(spec),
        Spec::Tied(spec) => tied::check(spec),
    }
}

/// Attempts of one call at the most, the first included.
pub const MOST: u32 = 16;

/// What a call carries for its hedge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Race {
    /// Attempts sent, the first included.
    pub sent: u8,
    /// Attempts under way, one bit each.
    pub running: u16,
    /// When a further attempt is due; [`Time::MAX`] if none is.
    next: Time,
    /// No further attempt will be sent.
    frozen: bool,
    /// Attempts under way that count against the budget.
    budgeted: u8,
    /// How the last attempt failed that did.
    failure: Option<Failure>,
}

impl Race {
    /// When a further attempt is due; none if none is.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        (self.next != Time::MAX).then_some(self.next)
    }

    /// No further attempt is sent: the call goes on with what is under way, or ends as the last attempt did.
    fn hold(&self) -> Due {
        match self.failure {
            Some(failure) if self.running == 0 => Due::Fail(failure),
            _ => Due::Hold,
        }
    }

    fn freeze(&mut self) {
        self.frozen = true;
        self.next = Time::MAX;
    }
}

/// What happens at the time that was set for a further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is sent.
    Send,
    /// It is not sent; the call goes on with what is under way.
    Hold,
    /// The call fails with this.
    Fail(Failure),
}

/// What an attempt's outcome means for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The call has this outcome; the attempts under way are given up.
    Final(Outcome),
    /// The call goes on. [`Race::next`] may be now.
    Wait,
}

/// What a server has said about when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushback {
    /// After this long.
    After(Span),
    /// Not at all.
    Never,
}

/// When further attempts are due.
#[derive(Clone, Debug)]
enum Pace {
    /// All at once.
    Parallel,
    After(Span),
    /// Only after a failure.
    OnFailure,
    Percentile(Box<percentile::Recent>),
}

/// A hedge at work: what all calls of one caller over one edge share.
#[derive(Clone, Debug)]
pub struct Hedge {
    /// Attempts in all.
    attempts: u8,
    pace: Pace,
    /// After a failure of this kind the call goes on, and the next attempt goes out at once.
    goes_on: Failures,
    /// After a failure of any other kind the call goes on as long as something is under way. Otherwise it is over.
    outlasts: bool,
    budget: Option<Budget>,
    /// A budget that is used up fails the call.
    strict: bool,
    throttle: Option<grpc::Throttle>,
    tied: bool,
}

impl Hedge {
    /// A hedge at the beginning of a run.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        match spec {
            Spec::Fixed(spec) => spec.hedge(),
            Spec::Percentile(spec) => spec.hedge(),
            Spec::Grpc(spec) => spec.hedge(),
            Spec::Polly(spec) => spec.hedge(),
            Spec::FailsafeGo(spec) => spec.hedge(),
            Spec::Tied(spec) => spec.hedge(),
        }
    }

    /// A hedge that sends so many attempts at this pace, each as if failures were nothing special.
    fn plain(attempts: u32, pace: Pace) -> Self {
        Self {
            attempts: attempts.min(MOST) as u8,
            pace,
            goes_on: Failures::new(Some(&Vec::new())),
            outlasts: true,
            budget: None,
            strict: false,
            throttle: None,
            tied: false,
        }
    }

    /// Whether it wants to know when callees begin to serve.
    #[must_use]
    pub const fn is_tied(&self) -> bool {
        self.tied
    }

    /// Attempts of one call at the most, the first included.
    #[must_use]
    pub const fn attempts(&self) -> u8 {
        self.attempts
    }

    /// The first attempt is sent.
    pub fn begin(&mut self, now: Time) -> Race {
        if let Some(budget) = &mut self.budget {
            budget.first();
        }
        let mut race = Race { sent: 1, running: 1, next: Time::MAX, frozen: false, budgeted: 0, failure: None };
        self.plan(&mut race, now);
        race
    }

    /// Sets when the attempt after the last one is due.
    fn plan(&mut self, race: &mut Race, now: Time) {
        let throttled = self.throttle.as_ref().is_some_and(|throttle| !throttle.allows());
        if race.frozen || throttled || race.sent >= self.attempts {
            return race.freeze();
        }
        race.next = match &mut self.pace {
            Pace::Parallel => now,
            Pace::After(delay) => now + *delay,
            Pace::OnFailure => Time::MAX,
            Pace::Percentile(recent) => recent.delay(now).map_or(Time::MAX, |delay| now + delay),
        };
    }

    /// The time for a further attempt has come.
    pub fn due(&mut self, race: &mut Race, now: Time) -> Due {
        race.next = Time::MAX;
        if race.frozen || race.sent >= self.attempts {
            return race.hold();
        }
        if let Some(budget) = &mut self.budget {
            if !budget.takes() {
                race.freeze();
                return if self.strict { Due::Fail(Failure::Throttled) } else { race.hold() };
            }
            race.budgeted += 1;
        }
        race.running |= 1 << race.sent;
        race.sent += 1;
        self.plan(race, now);
        Due::Send
    }

    /// A callee has begun to serve attempt number `attempt`, from 0: whether the others are to be cancelled now.
    pub fn started(&mut self, race: &mut Race, attempt: u8) -> bool {
        if !self.tied || race.running & 1 << attempt == 0 {
            return false;
        }
        race.freeze();
        let others = race.running & !(1 << attempt) != 0;
        race.running = 1 << attempt;
        others
    }

    /// Attempt number `attempt`, from 0, took `took` and has come to this outcome.
    pub fn ended(
        &mut self,
        race: &mut Race,
        now: Time,
        (attempt, took): (u8, Span),
        outcome: Outcome,
        pushback: Option<Pushback>,
    ) -> After {
        race.running &= !(1 << attempt);
        if attempt > 0 && race.budgeted > 0 {
            race.budgeted -= 1;
            if let Some(budget) = &mut self.budget {
                budget.gives_back();
            }
        }
        let failure = match outcome {
            Ok(()) => {
                if let Pace::Percentile(recent) = &mut self.pace {
                    recent.record(now, took);
                }
                if let Some(throttle) = &mut self.throttle {
                    throttle.succeeded();
                }
                return After::Final(outcome);
            }
            Err(failure) => failure,
        };
        race.failure = Some(failure);
        if self.goes_on.contains(failure) {
            self.next_now(race, now, pushback);
        } else if !self.outlasts {
            return After::Final(outcome);
        }
        let more = race.running != 0 || race.next != Time::MAX;
        if more { After::Wait } else { After::Final(outcome) }
    }

    /// A failure that calls for the next attempt at once, or when the server says.
    fn next_now(&mut self, race: &mut Race, now: Time, pushback: Option<Pushback>) {
        if let Some(throttle) = &mut self.throttle {
            throttle.failed();
            if !throttle.allows() {
                race.freeze();
            }
        }
        if race.frozen || race.sent >= self.attempts {
            return;
        }
        match pushback {
            Some(Pushback::Never) => race.freeze(),
            Some(Pushback::After(delay)) => race.next = now + delay,
            None => race.next = now,
        }
    }

    /// The call is over.
    pub fn finish(&mut self, race: &mut Race) {
        if let Some(budget) = &mut self.budget {
            for _ in 0..std::mem::take(&mut race.budgeted) {
                budget.gives_back();
            }
            budget.over();
        }
        race.running = 0;
        race.freeze();
    }
}
