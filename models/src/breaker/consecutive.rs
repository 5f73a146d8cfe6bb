//! A plain breaker that opens after so many failures in a row.
//!
//! Source: M. Nygard, "Release It!", and the runbooks of many teams; it is no particular library's.

use super::{Admission, Counts, Ended, Machine, Permit, Released, State, limits};
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Opens after so many failures in a row; the plain breaker that most runbooks mean.
///
/// It is open for `open`; from then on it lets `half_open_calls` calls through at a time. `successes` of them in a row
/// close it, one failure opens it again. A half-open call that ends, however it does, makes room for another, so that
/// it cannot stay half-open for ever unless calls never end. Answers to calls from before it opened count for nothing,
/// and neither do failures that are not in `on`.
///
/// Example: `breaker: { consecutive: { failures: 5, open: 60s, half_open_calls: 3, successes: 2 } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Failures in a row that open it; 5 by default.
    #[serde(default = "five")]
    pub failures: u32,
    /// How long it stays open; `60s` by default.
    #[serde(default = "minute")]
    pub open: Duration,
    /// Calls let through at a time while half-open; 1 by default.
    #[serde(default = "one")]
    pub half_open_calls: u32,
    /// Successes in a row that close it from half-open; 1 by default.
    #[serde(default = "one")]
    pub successes: u32,
    /// Which failures count; all of them by default. Others count as nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

fn five() -> u32 {
    5
}

fn one() -> u32 {
    1
}

fn minute() -> Duration {
    Duration::from_seconds(60.0)
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    limits::count(problems, path, "failures", spec.failures.into());
    limits::count(problems, path, "half_open_calls", spec.half_open_calls.into());
    limits::count(problems, path, "successes", spec.successes.into());
    limits::span(problems, path, "open", spec.open);
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed { failures: u32 },
    Open,
    HalfOpen { running: u32, successes: u32 },
}

#[derive(Clone, Debug)]
pub(crate) struct Consecutive {
    failures: u32,
    open: Span,
    half_open_calls: u32,
    successes: u32,
    phase: Phase,
    /// Grows with each change of state, so that late answers are known.
    generation: u32,
    opened: u64,
    opened_at: Time,
}

impl Consecutive {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        Self {
            failures: spec.failures,
            open: spec.open.span(),
            half_open_calls: spec.half_open_calls,
            successes: spec.successes,
            phase: Phase::Closed { failures: 0 },
            generation: 0,
            opened: 0,
            opened_at: now,
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.generation = self.generation.wrapping_add(1);
    }

    fn trip(&mut self, now: Time) {
        self.opened += 1;
        self.opened_at = now;
        self.enter(Phase::Open);
    }
}

impl Machine for Consecutive {
    fn admit(&mut self, now: Time) -> Admission {
        if matches!(self.phase, Phase::Open) && now >= self.opened_at + self.open {
            self.enter(Phase::HalfOpen { running: 0, successes: 0 });
        }
        match &mut self.phase {
            Phase::Closed { .. } => {}
            Phase::HalfOpen { running, .. } if *running < self.half_open_calls => *running += 1,
            _ => return Admission::Reject,
        }
        Admission::Admit(Permit::new(self.generation, 0))
    }

    fn record(&mut self, now: Time, permit: Permit, ended: Ended, _took: Span) -> Released {
        if permit.generation != self.generation {
            return Released::default();
        }
        match &mut self.phase {
            Phase::Closed { failures } => match ended {
                Ended::Success => *failures = 0,
                Ended::Failure => {
                    *failures += 1;
                    if *failures >= self.failures {
                        self.trip(now);
                    }
                }
                Ended::Ignored | Ended::Cancelled => {}
            },
            Phase::Open => {}
            Phase::HalfOpen { running, successes } => {
                *running = running.saturating_sub(1);
                match ended {
                    Ended::Success => {
                        *successes += 1;
                        if *successes >= self.successes {
                            self.enter(Phase::Closed { failures: 0 });
                        }
                    }
                    Ended::Failure => self.trip(now),
                    Ended::Ignored | Ended::Cancelled => {}
                }
            }
        }
        Released::default()
    }

    fn state(&mut self, _now: Time) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    fn counts(&mut self, _now: Time) -> Counts {
        let (failures, successes) = match self.phase {
            Phase::Closed { failures } => (failures, 0),
            Phase::Open => (0, 0),
            Phase::HalfOpen { successes, .. } => (0, successes),
        };
        Counts {
            opened: self.opened,
            opened_at: self.opened_at,
            failures_in_a_row: failures.into(),
            successes_in_a_row: successes.into(),
            ..Counts::default()
        }
    }

    fn reset(&mut self, _now: Time) {
        self.enter(Phase::Closed { failures: 0 });
    }
}
