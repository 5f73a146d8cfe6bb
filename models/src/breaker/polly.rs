//! The circuit breaker of Polly 8.
//!
//! Source: Polly 8.7, `CircuitStateController`, `AdvancedCircuitBehavior`, `RollingHealthMetrics`,
//! `SingleHealthMetrics`.

use super::growth::{self, Growth, Waits};
use super::ring::Slice;
use super::{Admission, Counts, Ended, Machine, Permit, Released, State, limits};
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Opens when enough of the calls of the last while failed, as Polly 8 does.
///
/// The share of failures is compared with `>=`, but only when a failure comes in while closed: a success never opens
/// it. The window is made of ten parts that begin with a call rather than by the clock, and falls out part by part.
/// Windows shorter than 200 ms are counted as a whole and then begin anew. It stays open until a call arrives at
/// `break` or later; that one is let through, and all others are rejected until it ends, for ever if it never does. Any
/// success then closes it with an empty window, late answers included, and any failure opens it again. Failures that do
/// not count are successes; so is a call whose caller went away.
///
/// Example: `breaker: { polly: { failure_ratio: 50%, minimum_throughput: 20, sampling: 10s, break: 5s } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Opens when at least this share of the calls failed; `10%` by default.
    #[serde(default = "tenth")]
    pub failure_ratio: Share,
    /// Calls needed in the window, at least 2; 100 by default.
    #[serde(default = "hundred")]
    pub minimum_throughput: u32,
    /// How far back it looks; `30s` by default.
    #[serde(default = "thirty_seconds")]
    pub sampling: Duration,
    /// How long it stays open; `5s` by default.
    #[serde(rename = "break", default = "five_seconds")]
    pub pause: Duration,
    /// Longer and longer open periods while it does not close; all the same by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// Which failures count as failures; all of them by default. Others count as successes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

fn tenth() -> Share {
    Share::new(0.1)
}

fn hundred() -> u32 {
    100
}

fn thirty_seconds() -> Duration {
    Duration::from_seconds(30.0)
}

fn five_seconds() -> Duration {
    Duration::from_seconds(5.0)
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    limits::share(problems, path, "failure_ratio", spec.failure_ratio);
    limits::slices(problems, path, "sampling", spec.sampling, PARTS, 1);
    limits::span(problems, path, "break", spec.pause);
    growth::check(spec.growth.as_ref(), path, problems);
    if spec.minimum_throughput < 2 {
        let rule = format!("{} is less than 2, which Polly refuses", spec.minimum_throughput);
        problems.push(Problem::new(format!("{path}.minimum_throughput"), rule, "use at least 2"));
    }
}

/// Parts of the window.
const PARTS: u64 = 10;
/// Windows shorter than this are not cut into parts.
const SHORTEST: Span = Span::from_millis(200);
/// Parts that can be alive at once: one more than there are, where the window is no multiple of ten nanoseconds.
const ROOM: usize = PARTS as usize + 1;

/// A part of the window.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    start: Time,
    counts: Slice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    Open { until: Time },
    HalfOpen,
}

#[derive(Clone, Debug)]
pub(crate) struct Polly {
    failure_ratio: f64,
    minimum: u32,
    sampling: Span,
    part: Span,
    waits: Waits,
    phase: Phase,
    parts: [Part; ROOM],
    /// The oldest part, and how many there are.
    first: usize,
    held: usize,
    total: Slice,
    attempts: u32,
    opened: u64,
    opened_at: Time,
}

impl Polly {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let sampling = spec.sampling.span();
        let whole = sampling < SHORTEST;
        let mut breaker = Self {
            failure_ratio: spec.failure_ratio.get(),
            minimum: spec.minimum_throughput,
            sampling,
            part: if whole { sampling } else { Span::from_nanos(sampling.nanos() / PARTS) },
            waits: Waits::new(spec.pause, spec.growth.as_ref(), false),
            phase: Phase::Closed,
            parts: [Part::default(); ROOM],
            first: 0,
            held: 0,
            total: Slice::default(),
            attempts: 0,
            opened: 0,
            opened_at: now,
        };
        breaker.close(now);
        breaker
    }

    fn close(&mut self, now: Time) {
        self.phase = Phase::Closed;
        self.attempts = 0;
        self.first = 0;
        self.held = 0;
        self.total = Slice::default();
        if self.sampling < SHORTEST {
            // The one part of a short window begins at once; those of a long one begin with a call.
            self.parts[0] = Part { start: now, counts: Slice::default() };
            self.held = 1;
        }
    }

    fn open(&mut self, now: Time) {
        self.attempts += 1;
        self.opened += 1;
        self.opened_at = now;
        self.phase = Phase::Open { until: now + self.waits.of(self.attempts) };
    }

    fn count(&mut self, now: Time, failed: bool) {
        // With one part, and a part as long as the window, the old one goes before the new one begins.
        while self.held > 0 && now.since(self.parts[self.first].start) >= self.sampling {
            let gone = self.parts[self.first].counts;
            self.total.calls -= gone.calls;
            self.total.failed -= gone.failed;
            self.first = (self.first + 1) % ROOM;
            self.held -= 1;
        }
        let newest = (self.first + self.held + ROOM - 1) % ROOM;
        if self.held == 0 || now.since(self.parts[newest].start) >= self.part {
            self.parts[(newest + 1) % ROOM] = Part { start: now, counts: Slice::default() };
            self.held += 1;
        }
        let newest = (self.first + self.held + ROOM - 1) % ROOM;
        for counts in [&mut self.parts[newest].counts, &mut self.total] {
            counts.calls += 1;
            counts.failed += u32::from(failed);
        }
    }
}

impl Machine for Polly {
    fn admit(&mut self, now: Time) -> Admission {
        match self.phase {
            Phase::Closed => Admission::Admit(Permit::default()),
            Phase::Open { until } if now >= until => {
                self.phase = Phase::HalfOpen;
                Admission::Admit(Permit::default())
            }
            Phase::Open { .. } | Phase::HalfOpen => Admission::Reject,
        }
    }

    fn record(&mut self, now: Time, _permit: Permit, ended: Ended, _took: Span) -> Released {
        let failed = ended == Ended::Failure;
        match self.phase {
            Phase::Closed => {
                self.count(now, failed);
                let ratio = f64::from(self.total.failed) / f64::from(self.total.calls);
                if failed && self.total.calls >= self.minimum && ratio >= self.failure_ratio {
                    self.open(now);
                }
            }
            Phase::Open { .. } => self.count(now, failed),
            Phase::HalfOpen if failed => self.open(now),
            Phase::HalfOpen => self.close(now),
        }
        Released::default()
    }

    fn state(&mut self, _now: Time) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen => State::HalfOpen,
        }
    }

    fn counts(&mut self, _now: Time) -> Counts {
        Counts { opened: self.opened, opened_at: self.opened_at, ..Counts::of(self.total) }
    }

    fn reset(&mut self, now: Time) {
        self.close(now);
    }
}
