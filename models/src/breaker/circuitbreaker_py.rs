//! The breaker of the Python package `circuitbreaker`.
//!
//! Source: circuitbreaker 2.1.3; recordings of it.

use super::{Admission, Counts, Ended, Machine, Permit, Released, State};
use crate::outcome::Failure;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Opens after so many failures in a row, as the Python package `circuitbreaker` does.
///
/// Any success closes it and starts the count over, also that of a call from before it opened, which comes late. A
/// late failure while it is open makes it stay open for the whole time again. Once `recovery` is over, every call is
/// let through, however many there are, until the first of them ends: a success closes it, a failure opens it again.
/// Failures that do not count are successes; so is a call whose caller went away.
///
/// Example: `breaker: { circuitbreaker_py: { failures: 10, recovery: 20s } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Failures in a row that open it; 5 by default, and also when it is 0.
    #[serde(default = "five")]
    pub failures: u32,
    /// How long it stays open; `30s` by default, and also when it is `0s`.
    #[serde(default = "thirty_seconds")]
    pub recovery: Duration,
    /// Which failures count as failures; all of them by default. Others count as successes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

fn five() -> u32 {
    5
}

fn thirty_seconds() -> Duration {
    Duration::from_seconds(30.0)
}

#[derive(Clone, Debug)]
pub(crate) struct CircuitbreakerPy {
    threshold: u32,
    recovery: Span,
    open: bool,
    failures: u64,
    opened: u64,
    opened_at: Time,
}

impl CircuitbreakerPy {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let recovery = spec.recovery.span();
        Self {
            threshold: if spec.failures == 0 { five() } else { spec.failures },
            recovery: if recovery.is_zero() { thirty_seconds().span() } else { recovery },
            open: false,
            failures: 0,
            opened: 0,
            opened_at: now,
        }
    }
}

impl Machine for CircuitbreakerPy {
    fn admit(&mut self, now: Time) -> Admission {
        if self.state(now) == State::Open { Admission::Reject } else { Admission::Admit(Permit::default()) }
    }

    fn record(&mut self, now: Time, _permit: Permit, ended: Ended, _took: Span) -> Released {
        if ended == Ended::Failure {
            self.failures += 1;
            if self.failures >= self.threshold.into() {
                // A late failure prolongs an open period; it does not begin another.
                self.opened += u64::from(self.state(now) != State::Open);
                self.open = true;
                self.opened_at = now;
            }
        } else {
            self.failures = 0;
            self.open = false;
        }
        Released::default()
    }

    fn state(&mut self, now: Time) -> State {
        match (self.open, now >= self.opened_at + self.recovery) {
            (false, _) => State::Closed,
            (true, false) => State::Open,
            (true, true) => State::HalfOpen,
        }
    }

    fn counts(&mut self, _now: Time) -> Counts {
        Counts { opened: self.opened, opened_at: self.opened_at, failures_in_a_row: self.failures, ..Counts::default() }
    }

    fn reset(&mut self, _now: Time) {
        self.failures = 0;
        self.open = false;
    }
}
