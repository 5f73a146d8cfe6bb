//! The breaker of the Python package `pybreaker`.
//!
//! Source: pybreaker 1.4.1; recordings of it.

use super::{Admission, Counts, Ended, Machine, Permit, Released, State, limits};
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Opens after so many failures in a row, as the Python package `pybreaker` does.
///
/// It holds a lock for as long as a call takes: a process makes one call at a time through it, all others wait in line,
/// whatever its state. It stays open for `reset` (a call at that very moment is let through); then one failure opens it
/// again, and `successes` successes in a row close it. The caller of the call that opened it sees "circuit open" in
/// place of that call's own failure. Failures that do not count are successes; a caller that goes away is a failure.
///
/// Example: `breaker: { pybreaker: { failures: 3, reset: 30s, successes: 2 } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Failures in a row that open it (`fail_max`); 5 by default.
    #[serde(default = "five")]
    pub failures: u32,
    /// How long it stays open (`reset_timeout`); `60s` by default.
    #[serde(default = "minute")]
    pub reset: Duration,
    /// Successes in a row that close it from half-open (`success_threshold`); 1 by default.
    #[serde(default = "one")]
    pub successes: u32,
    /// The call that opens it fails as `circuit_open` (`throw_new_error_on_trip`); on by default.
    #[serde(default = "yes")]
    pub new_error_on_trip: bool,
    /// One call at a time, as with `call`; on by default. Off, callers do not wait for each other.
    #[serde(default = "yes")]
    pub serial: bool,
    /// Which failures count as failures; all of them by default. Others count as successes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

fn five() -> u32 {
    5
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn minute() -> Duration {
    Duration::from_seconds(60.0)
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    limits::count(problems, path, "failures", spec.failures.into());
    limits::count(problems, path, "successes", spec.successes.into());
}

#[derive(Clone, Debug)]
pub(crate) struct Pybreaker {
    fail_max: u32,
    reset: Span,
    success_threshold: u32,
    masks: bool,
    serial: bool,
    state: State,
    locked: bool,
    failures: u64,
    successes: u64,
    opened: u64,
    opened_at: Time,
}

impl Pybreaker {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        Self {
            fail_max: spec.failures,
            reset: spec.reset.span(),
            success_threshold: spec.successes,
            masks: spec.new_error_on_trip,
            serial: spec.serial,
            state: State::Closed,
            locked: false,
            failures: 0,
            successes: 0,
            opened: 0,
            opened_at: now,
        }
    }

    fn unlock(&mut self) -> Released {
        self.locked = false;
        Released { waiters: self.serial, masked: false }
    }

    fn open(&mut self, now: Time) -> bool {
        self.state = State::Open;
        self.successes = 0;
        self.opened += 1;
        self.opened_at = now;
        self.masks
    }
}

impl Machine for Pybreaker {
    fn admit(&mut self, now: Time) -> Admission {
        if self.locked {
            return Admission::Wait;
        }
        if self.state == State::Open {
            if now < self.opened_at + self.reset {
                return Admission::Reject;
            }
            self.state = State::HalfOpen;
            self.successes = 0;
        }
        self.locked = self.serial;
        Admission::Admit(Permit::default())
    }

    fn record(&mut self, now: Time, _permit: Permit, ended: Ended, _took: Span) -> Released {
        let failed = matches!(ended, Ended::Failure | Ended::Cancelled);
        let mut masked = false;
        if failed {
            self.failures += 1;
            let trips = match self.state {
                State::HalfOpen => true,
                State::Closed => self.failures >= self.fail_max.into(),
                State::Open | State::ForcedOpen => false,
            };
            masked = trips && self.open(now);
        } else {
            self.failures = 0;
            if self.state == State::HalfOpen {
                self.successes += 1;
                if self.successes >= self.success_threshold.into() {
                    self.state = State::Closed;
                    self.successes = 0;
                }
            }
        }
        Released { masked, ..self.unlock() }
    }

    fn state(&mut self, _now: Time) -> State {
        self.state
    }

    fn counts(&mut self, _now: Time) -> Counts {
        Counts {
            opened: self.opened,
            opened_at: self.opened_at,
            failures_in_a_row: self.failures,
            successes_in_a_row: self.successes,
            ..Counts::default()
        }
    }

    fn reset(&mut self, _now: Time) {
        self.state = State::Closed;
        self.failures = 0;
        self.successes = 0;
    }

    fn forget(&mut self, _permit: Permit) -> Released {
        self.unlock()
    }

    fn restart(&mut self, now: Time) {
        self.locked = false;
        self.reset(now);
    }
}
