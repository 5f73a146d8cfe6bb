//! The circuit breaker of cockatiel.
//!
//! Source: cockatiel 3.2.1 and 4.0.0, `CircuitBreakerPolicy`, `ConsecutiveBreaker`, `CountBreaker`, `SamplingBreaker`;
//! recordings of 3.2.1.

use super::growth::{self, Growth, Waits};
use super::ring::{Calls, Slice};
use super::{Admission, Counts, Ended, Machine, Permit, Released, State, limits};
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::units::{Duration, Rate, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Opens as one of three counters says, and lets callers wait while it is half-open, as cockatiel does.
///
/// It stays open for `half_open_after` (a call at that very moment is let through). Then one call is let through, and
/// all others wait until it ends: if it succeeds they all go at once, if it fails they are all rejected. Shares are
/// compared with `>`. A failure of a call from before it opened can open it again while half-open. Failures that do not
/// count are left out, and close it when it is half-open; a caller that goes away is a failure.
///
/// Example: `breaker: { cockatiel: { counter: { in_a_row: { failures: 5 } }, half_open_after: 10s } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What opens it.
    pub counter: Counter,
    /// How long it stays open.
    pub half_open_after: Duration,
    /// Longer and longer open periods while it does not close; all the same by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// How many calls are tried while half-open, as in version 4. Without it, one is, as in version 3: late answers then
    /// act a little differently, and a failure that does not count closes it without clearing the counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_open: Option<HalfOpen>,
    /// Which failures count as failures; all of them by default. Others count as nothing while closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

/// What opens the circuit.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Counter {
    /// Failures in a row (`ConsecutiveBreaker`).
    InARow {
        /// So many open it.
        failures: u32,
    },
    /// Failures among the last so many calls (`CountBreaker`).
    Count {
        /// Opens when more than this share of them failed.
        threshold: Share,
        /// How many calls back it looks.
        size: u32,
        /// Calls needed to open it; `size` by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<u32>,
    },
    /// Failures among the calls of the last while (`SamplingBreaker`). It is cut into parts of at most a second, of which
    /// only one falls out with each call, so that after a quiet time old failures still count.
    Sampling {
        /// Opens when more than this share of them failed.
        threshold: Share,
        /// How far back it looks.
        duration: Duration,
        /// Calls needed to open it; by default five failures for each second, `5/s` over the threshold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<Rate>,
    },
}

/// How many calls are tried while half-open.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HalfOpen {
    /// Calls let through; once all of them have ended it closes. 1 by default.
    #[serde(default = "one")]
    pub calls: u32,
    /// Opens again when more than this share of `calls` failed; `0%` by default.
    #[serde(default = "nothing")]
    pub threshold: Share,
}

fn one() -> u32 {
    1
}

fn nothing() -> Share {
    Share::new(0.0)
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    match &spec.counter {
        Counter::InARow { failures } => limits::count(problems, path, "counter.in_a_row.failures", (*failures).into()),
        Counter::Count { threshold, size, minimum } => {
            limits::inner_share(problems, path, "counter.count.threshold", *threshold);
            limits::count(problems, path, "counter.count.size", (*size).into());
            if minimum.is_some_and(|minimum| !(1..=*size).contains(&minimum)) {
                let rule = "a minimum must be between 1 and the size of the window";
                problems.push(Problem::new(format!("{path}.counter.count.minimum"), rule, "use at most `size`"));
            }
        }
        Counter::Sampling { threshold, duration, .. } => {
            limits::inner_share(problems, path, "counter.sampling.threshold", *threshold);
            let millis = duration.span().nanos() / 1_000_000;
            limits::slices(problems, path, "counter.sampling.duration", *duration, 5, 1_000_000);
            limits::count(problems, path, "counter.sampling.duration", millis.div_ceil(1000).max(1));
        }
    }
    limits::millis(problems, path, "half_open_after", spec.half_open_after);
    growth::check(spec.growth.as_ref(), path, problems);
    if let Some(half_open) = &spec.half_open {
        limits::count(problems, path, "half_open.calls", half_open.calls.into());
        if half_open.threshold.get() >= 1.0 {
            let rule = "a threshold of 100% is never passed";
            problems.push(Problem::new(format!("{path}.half_open.threshold"), rule, "use less than `100%`"));
        }
    }
}

/// The clock of JavaScript.
fn millis(now: Time) -> u64 {
    now.nanos() / 1_000_000
}

/// A part of the window of a sampling counter.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    start: u64,
    calls: u32,
    failed: u32,
}

#[derive(Clone, Debug)]
enum Meter {
    InARow { most: u32, failures: u32 },
    Count { threshold: f64, minimum: u32, calls: Calls },
    Sampling { threshold: f64, minimum: f64, width: u64, parts: Box<[Part]>, at: usize, total: Slice },
}

impl Meter {
    fn new(spec: &Counter) -> Self {
        match spec {
            Counter::InARow { failures } => Self::InARow { most: *failures, failures: 0 },
            Counter::Count { threshold, size, minimum } => Self::Count {
                threshold: threshold.get(),
                minimum: minimum.unwrap_or(*size),
                calls: Calls::new((*size).min(limits::MOST as u32)),
            },
            Counter::Sampling { threshold, duration, minimum } => {
                let millis = (duration.span().nanos() / 1_000_000).max(5);
                let parts = millis.div_ceil(1000).clamp(5, limits::MOST);
                // Math.round, of a number above zero.
                let width = (2 * millis + parts) / (2 * parts);
                let threshold = threshold.get();
                let per_milli = minimum.map_or(5.0 / (threshold * 1000.0), |rate| rate.get() / 1000.0);
                let minimum = (width * parts) as f64 * per_milli;
                let parts = vec![Part::default(); parts as usize].into();
                Self::Sampling { threshold, minimum, width, parts, at: 0, total: Slice::default() }
            }
        }
    }

    fn push(&mut self, now: Time, failed: bool) {
        match self {
            Self::InARow { failures, .. } => *failures = if failed { failures.saturating_add(1) } else { 0 },
            Self::Count { calls, .. } => calls.push(failed, false),
            Self::Sampling { width, parts, at, total, .. } => {
                let now = millis(now);
                if now - parts[*at].start >= *width {
                    *at = if *at + 1 == parts.len() { 0 } else { *at + 1 };
                    total.calls -= parts[*at].calls;
                    total.failed -= parts[*at].failed;
                    parts[*at] = Part { start: now, ..Part::default() };
                }
                parts[*at].calls += 1;
                parts[*at].failed += u32::from(failed);
                total.calls += 1;
                total.failed += u32::from(failed);
            }
        }
    }

    /// Whether a failure that has just been counted opens a closed circuit.
    fn trips(&self) -> bool {
        let over = |total: Slice, threshold: f64| f64::from(total.failed) > threshold * f64::from(total.calls);
        match self {
            Self::InARow { most, failures } => failures >= most,
            Self::Count { threshold, minimum, calls } => calls.total.calls >= *minimum && over(calls.total, *threshold),
            Self::Sampling { threshold, minimum, total, .. } => {
                f64::from(total.calls) >= *minimum && over(*total, *threshold)
            }
        }
    }

    fn clear(&mut self) {
        match self {
            Self::InARow { failures, .. } => *failures = 0,
            Self::Count { calls, .. } => calls.restart(calls.size()),
            Self::Sampling { parts, total, .. } => {
                parts.fill(Part::default());
                *total = Slice::default();
            }
        }
    }

    /// A success while half-open: nothing counts but itself.
    fn recover(&mut self, now: Time) {
        self.clear();
        self.push(now, false);
    }

    fn total(&self) -> Slice {
        match self {
            Self::InARow { failures, .. } => Slice { calls: 0, failed: *failures, slow: 0 },
            Self::Count { calls, .. } => calls.total,
            Self::Sampling { total, .. } => *total,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open,
    HalfOpen { running: u32, successes: u32, failures: u32 },
}

/// Where a call began: while closed, or as one of those that are tried.
const PROBE: u32 = 1;

#[derive(Clone, Debug)]
pub(crate) struct Cockatiel {
    meter: Meter,
    waits: Waits,
    /// Calls to try, and how many of them may fail, in version 4.
    sampling: Option<(u32, f64)>,
    phase: Phase,
    /// Grows with each half-open period, so that version 4 knows late answers.
    generation: u32,
    attempts: u32,
    opened: u64,
    opened_at: Time,
}

impl Cockatiel {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let sampling = spec.half_open.as_ref();
        Self {
            meter: Meter::new(&spec.counter),
            waits: Waits::new(spec.half_open_after, spec.growth.as_ref(), false),
            sampling: sampling.map(|it| (it.calls, it.threshold.get() * f64::from(it.calls))),
            phase: Phase::Closed,
            generation: 0,
            attempts: 0,
            opened: 0,
            opened_at: now,
        }
    }

    fn open(&mut self, now: Time) {
        self.attempts = if matches!(self.phase, Phase::HalfOpen { .. }) { self.attempts + 1 } else { 1 };
        self.phase = Phase::Open;
        self.opened += 1;
        self.opened_at = now;
    }

    /// The end of a call that began while closed. Whatever the state is by now, the counter takes it as if closed.
    fn ordinary(&mut self, now: Time, ended: Ended) -> Released {
        match ended {
            Ended::Ignored => {}
            Ended::Success => self.meter.push(now, false),
            Ended::Failure | Ended::Cancelled => {
                self.meter.push(now, true);
                if self.meter.trips() && !matches!(self.phase, Phase::Open) {
                    let half_open = matches!(self.phase, Phase::HalfOpen { .. });
                    self.open(now);
                    // In version 3 those who wait do so for the end of the one call, not for the verdict.
                    return Released { waiters: half_open && self.sampling.is_some(), masked: false };
                }
            }
        }
        Released::default()
    }

    /// The end of the one call that version 3 tries.
    fn single(&mut self, now: Time, ended: Ended) -> Released {
        match ended {
            Ended::Success => self.meter.recover(now),
            Ended::Failure | Ended::Cancelled => self.meter.push(now, true),
            Ended::Ignored => {}
        }
        let failed = matches!(ended, Ended::Failure | Ended::Cancelled);
        match self.phase {
            Phase::HalfOpen { .. } if !failed => self.phase = Phase::Closed,
            Phase::HalfOpen { .. } | Phase::Closed if failed => self.open(now),
            _ => {}
        }
        Released::WAITERS
    }

    /// The end of one of the calls that version 4 tries.
    fn sampled(&mut self, now: Time, permit: Permit, ended: Ended, calls: u32, most: f64) -> Released {
        let Phase::HalfOpen { running, successes, failures } = &mut self.phase else { return Released::default() };
        if permit.generation != self.generation {
            return Released::default();
        }
        *running = running.saturating_sub(1);
        match ended {
            Ended::Success | Ended::Ignored => *successes += 1,
            Ended::Failure | Ended::Cancelled => {
                *failures += 1;
                if f64::from(*failures) > most {
                    self.meter.push(now, true);
                    self.open(now);
                    return Released::WAITERS;
                }
            }
        }
        if *running > 0 || *successes + *failures < calls {
            return Released::default();
        }
        self.meter.recover(now);
        self.phase = Phase::Closed;
        Released::WAITERS
    }
}

impl Machine for Cockatiel {
    fn admit(&mut self, now: Time) -> Admission {
        if matches!(self.phase, Phase::Open) {
            let waited = Span::from_millis(millis(now) - millis(self.opened_at));
            if waited < self.waits.of(self.attempts) {
                return Admission::Reject;
            }
            self.generation = self.generation.wrapping_add(1);
            self.phase = Phase::HalfOpen { running: 0, successes: 0, failures: 0 };
        }
        let Phase::HalfOpen { running, successes, failures } = &mut self.phase else {
            return Admission::Admit(Permit::default());
        };
        if *running + *successes + *failures >= self.sampling.map_or(1, |(calls, _)| calls) {
            return Admission::Wait;
        }
        *running += 1;
        Admission::Admit(Permit::new(self.generation, PROBE))
    }

    fn record(&mut self, now: Time, permit: Permit, ended: Ended, _took: Span) -> Released {
        match (permit.slot, self.sampling) {
            (PROBE, Some((calls, most))) => self.sampled(now, permit, ended, calls, most),
            (PROBE, None) => self.single(now, ended),
            _ => self.ordinary(now, ended),
        }
    }

    fn state(&mut self, _now: Time) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    fn counts(&mut self, _now: Time) -> Counts {
        let total = self.meter.total();
        let failures_in_a_row = if matches!(self.meter, Meter::InARow { .. }) { total.failed.into() } else { 0 };
        Counts { opened: self.opened, opened_at: self.opened_at, failures_in_a_row, ..Counts::of(total) }
    }

    fn reset(&mut self, _now: Time) {
        self.phase = Phase::Closed;
        self.attempts = 0;
        self.meter.clear();
    }
}
