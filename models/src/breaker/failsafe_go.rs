//! The circuit breaker of failsafe-go.
//!
//! Source: failsafe-go 0.9.7, `circuitbreaker/`: `circuitstates.go`, `circuitstats.go`, `circuitbreakerbuilder.go`.

use super::ring::{Calls, Slice, Slices};
use super::{Admission, Counts, Ended, Machine, Permit, Released, State, limits};
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Opens at a number or share of failures, as failsafe-go does; by default at the first one.
///
/// It stays open for `delay` (a call at that very moment is let through). Half-open, it lets through as many calls at a
/// time as the thresholds speak of: those of `success`, or else the `calls` of `rate`, or else those of the failure
/// threshold; a call that ends makes room for another. Enough successes close it, enough failures open it again: with
/// `success` set, `successes` of the last `of`; without, the failure threshold decides both ways. Answers to calls from
/// before it opened are counted with them, and make room for more. Rates are rounded to whole percent and compared with
/// `>=`. Failures that do not count are successes; a caller that goes away is a failure.
///
/// Example: `breaker: { failsafe_go: { failure: { rate: { failures: 50%, calls: 20, within: 60s } }, delay: 30s } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What opens it; the first failure by default.
    #[serde(default)]
    pub failure: Threshold,
    /// What closes it from half-open; by default the failure threshold says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Success>,
    /// How long it stays open; `60s` by default.
    #[serde(default = "minute")]
    pub delay: Duration,
    /// Which failures count as failures; all of them by default. Others count as successes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

/// What opens the circuit.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Threshold {
    /// So many failures in a row.
    InARow(u32),
    /// So many failures among the last so many calls, also while there are fewer calls than that.
    Ratio {
        /// Failures.
        failures: u32,
        /// Calls.
        of: u32,
    },
    /// So many failures within a while.
    Period {
        /// Failures.
        failures: u32,
        /// How far back it looks, in tenths.
        within: Duration,
    },
    /// A share of failures within a while.
    Rate {
        /// The share, in whole percent.
        failures: Share,
        /// Calls needed, while closed and while half-open.
        calls: u32,
        /// How far back it looks, in tenths.
        within: Duration,
    },
}

impl Default for Threshold {
    fn default() -> Self {
        Self::InARow(1)
    }
}

/// What closes the circuit from half-open.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Success {
    /// So many successes.
    pub successes: u32,
    /// Among so many calls; as many as `successes` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
}

fn minute() -> Duration {
    Duration::from_seconds(60.0)
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    let part = |problems: &mut Vec<Problem>, field: &str, part: u32, whole: u32| {
        limits::count(problems, path, field, whole.into());
        if part == 0 || part > whole {
            let rule = format!("{part} of {whole} calls can never be");
            problems.push(Problem::new(format!("{path}.{field}"), rule, "use a number from 1 up to the calls"));
        }
    };
    match &spec.failure {
        Threshold::InARow(failures) => limits::count(problems, path, "failure.in_a_row", (*failures).into()),
        Threshold::Ratio { failures, of } => part(problems, "failure.ratio", *failures, *of),
        Threshold::Period { failures, within } => {
            limits::count(problems, path, "failure.period.failures", (*failures).into());
            limits::slices(problems, path, "failure.period.within", *within, SLICES.into(), 1);
        }
        Threshold::Rate { failures, calls, within } => {
            limits::count(problems, path, "failure.rate.calls", (*calls).into());
            limits::share(problems, path, "failure.rate.failures", *failures);
            limits::slices(problems, path, "failure.rate.within", *within, SLICES.into(), 1);
        }
    }
    if let Some(success) = &spec.success {
        part(problems, "success", success.successes, success.of.unwrap_or(success.successes));
    }
}

/// Slices of a window of time.
const SLICES: u32 = 10;

/// When the circuit opens, in the words of the library.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// So many failures, unless a rate in percent decides.
    failures: u32,
    rate: Option<u32>,
    /// Among so many calls.
    of: u32,
    /// Calls needed; 0 for none.
    calls: u32,
    /// Slice of the window of time; 0 without one.
    slice: u64,
    success: Option<(u32, u32)>,
}

impl Limits {
    fn new(spec: &Spec) -> Self {
        let slice = |within: &Duration| (within.span().nanos() / u64::from(SLICES)).max(1);
        let success = spec.success.as_ref().map(|it| (it.successes, it.of.unwrap_or(it.successes)));
        let (failures, rate, of, calls, slice) = match &spec.failure {
            Threshold::InARow(failures) => (*failures, None, *failures, 0, 0),
            Threshold::Ratio { failures, of } => (*failures, None, *of, 0, 0),
            Threshold::Period { failures, within } => (*failures, None, *failures, *failures, slice(within)),
            Threshold::Rate { failures, calls, within } => {
                (1, Some((failures.get() * 100.0 + 0.5) as u32), 1, *calls, slice(within))
            }
        };
        Self { failures, rate, of, calls, slice, success }
    }

    /// Calls let through at a time while half-open.
    fn half_open(&self) -> u32 {
        match self.success {
            Some((_, of)) => of,
            None if self.calls > 0 => self.calls,
            None => self.of,
        }
    }

    /// Whether the circuit opens from closed.
    fn trips(&self, total: Slice) -> bool {
        let enough = total.calls >= self.calls;
        enough && self.rate.map_or(total.failed >= self.failures, |rate| percent(total.failed, total.calls) >= rate)
    }

    /// The verdict while half-open: close, open, or neither yet.
    fn verdict(&self, total: Slice) -> Option<Phase> {
        let successes = total.calls - total.failed;
        let (well, ill) = match (self.success, self.rate) {
            (Some((least, of)), _) => (successes >= least, total.failed > of.saturating_sub(least)),
            (None, Some(rate)) => {
                let enough = total.calls >= self.calls;
                let (well, ill) = (percent(successes, total.calls), percent(total.failed, total.calls));
                (enough && well > 100 - rate.min(100), enough && ill >= rate)
            }
            (None, None) => (successes > self.of.saturating_sub(self.failures), total.failed >= self.failures),
        };
        if well { Some(Phase::Closed) } else { ill.then_some(Phase::Open) }
    }
}

/// Rounded to whole percent; nothing of nothing is nothing.
fn percent(part: u32, whole: u32) -> u32 {
    if whole == 0 { 0 } else { (f64::from(part) / f64::from(whole) * 100.0 + 0.5) as u32 }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    Open,
    HalfOpen,
}

#[derive(Clone, Debug)]
pub(crate) struct FailsafeGo {
    limits: Limits,
    delay: Span,
    phase: Phase,
    /// Calls that may still begin while half-open.
    left: u32,
    /// The counts are those of the window of time, not those of the last calls.
    timed: bool,
    calls: Calls,
    slices: Slices,
    opened: u64,
    opened_at: Time,
}

impl FailsafeGo {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let limits = Limits::new(spec);
        let mut breaker = Self {
            limits,
            delay: spec.delay.span(),
            phase: Phase::Closed,
            left: 0,
            timed: false,
            calls: Calls::new(limits.of.max(limits.calls).max(limits.half_open())),
            slices: Slices::new(SLICES),
            opened: 0,
            opened_at: now,
        };
        breaker.close(now);
        breaker
    }

    fn close(&mut self, now: Time) {
        self.phase = Phase::Closed;
        self.timed = self.limits.slice > 0;
        if self.timed {
            self.slices.restart(now.nanos() / self.limits.slice);
        } else {
            self.calls.restart(self.limits.of);
        }
    }

    fn half_open(&mut self) {
        self.phase = Phase::HalfOpen;
        self.timed = false;
        self.left = self.limits.half_open();
        self.calls.restart(self.left);
    }

    fn open(&mut self, now: Time) {
        self.phase = Phase::Open;
        self.opened += 1;
        self.opened_at = now;
    }

    fn total(&self) -> Slice {
        if self.timed { self.slices.total } else { self.calls.total }
    }
}

impl Machine for FailsafeGo {
    fn admit(&mut self, now: Time) -> Admission {
        if self.phase == Phase::Open && now >= self.opened_at + self.delay {
            self.half_open();
        }
        match self.phase {
            Phase::Closed => Admission::Admit(Permit::default()),
            Phase::HalfOpen if self.left > 0 => {
                self.left -= 1;
                Admission::Admit(Permit::default())
            }
            Phase::Open | Phase::HalfOpen => Admission::Reject,
        }
    }

    fn record(&mut self, now: Time, _permit: Permit, ended: Ended, _took: Span) -> Released {
        let failed = matches!(ended, Ended::Failure | Ended::Cancelled);
        if self.timed {
            self.slices.advance(now.nanos() / self.limits.slice);
            self.slices.add(Slice::one(failed, false));
        } else {
            self.calls.push(failed, false);
        }
        match self.phase {
            Phase::Closed if self.limits.trips(self.total()) => self.open(now),
            Phase::Closed | Phase::Open => {}
            Phase::HalfOpen => {
                self.left += 1;
                match self.limits.verdict(self.total()) {
                    Some(Phase::Closed) => self.close(now),
                    Some(_) => self.open(now),
                    None => {}
                }
            }
        }
        Released::default()
    }

    fn state(&mut self, _now: Time) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open => State::Open,
            Phase::HalfOpen => State::HalfOpen,
        }
    }

    fn counts(&mut self, _now: Time) -> Counts {
        let total = self.total();
        let rate = (total.calls > 0).then(|| f64::from(percent(total.failed, total.calls)));
        Counts { opened: self.opened, opened_at: self.opened_at, failure_rate: rate, ..Counts::of(total) }
    }

    fn reset(&mut self, now: Time) {
        self.close(now);
    }
}
