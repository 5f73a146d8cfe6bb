//! The circuit breaker of opossum.
//!
//! Source: opossum 9.0.0, `lib/circuit.js`, `lib/status.js`; 10.0.0 is the same.

use super::ring::{Slice, Slices};
use super::{Admission, Counts, Ended, Machine, Permit, Released, State, limits};
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Opens when enough of the calls of the last seconds failed, as opossum does.
///
/// Calls are counted when they begin, failures when they end: calls under way, and calls that it rejected itself, make
/// the share of failures smaller. The share is compared with `>`, at each failure; with the default `volume` of 0 the
/// first failure in an empty window opens it. After `reset` a timer makes it half-open: one call is let through and the
/// others are rejected until it ends. A success closes it, but the window is kept, so that the next failure can open it
/// at once; a failure opens it again. While half-open that is also true of late answers to calls from before. A call
/// over `capacity` counts as a failure. opossum bounds each call by a time limit of its own, 10 s unless told otherwise;
/// without one, a half-open call that never ends leaves it half-open for ever. Failures that do not count are successes.
///
/// Departs from the library in this: a caller that goes away while its call is the half-open one counts as its failure
/// at once, not at its time limit.
///
/// Example: `breaker: { opossum: { timeout: 3s, volume: 10, reset: 10s } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Time limit of each call, `10s` by default; `0s` turns it off.
    #[serde(default = "ten_seconds")]
    pub timeout: Duration,
    /// Opens when more than this share of the calls failed; `50%` by default.
    #[serde(default = "half")]
    pub error_rate: Share,
    /// How long it stays open; `30s` by default.
    #[serde(default = "thirty_seconds")]
    pub reset: Duration,
    /// How far back it looks; `10s` by default.
    #[serde(default = "ten_seconds")]
    pub window: Duration,
    /// Parts of the window, which fall out one by one by a timer that runs from the start; 10 by default.
    #[serde(default = "ten")]
    pub buckets: u32,
    /// Calls in the window needed to open it; 0 by default.
    #[serde(default)]
    pub volume: u32,
    /// Calls at once; any number by default. Further ones fail, and count as failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Never opens in the first `window` of its life; off by default.
    #[serde(default)]
    pub warm_up: bool,
    /// Which failures count as failures; all of them by default. Others count as successes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

fn ten_seconds() -> Duration {
    Duration::from_seconds(10.0)
}

fn thirty_seconds() -> Duration {
    Duration::from_seconds(30.0)
}

fn half() -> Share {
    Share::new(0.5)
}

fn ten() -> u32 {
    10
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    limits::count(problems, path, "buckets", spec.buckets.into());
    limits::slices(problems, path, "window", spec.window, spec.buckets.into(), 1_000_000);
    limits::millis(problems, path, "reset", spec.reset);
    if let Some(capacity) = spec.capacity {
        limits::count(problems, path, "capacity", capacity.into());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    /// A timer makes it half-open then.
    Open {
        until: Time,
    },
    /// `pending` until the one call that may try has begun.
    HalfOpen {
        pending: bool,
    },
}

/// A call under way: the half-open one, or any other.
const PROBE: u32 = 1;

#[derive(Clone, Debug)]
pub(crate) struct Opossum {
    /// In percent.
    error_rate: f64,
    reset: Span,
    bucket: u64,
    volume: u32,
    capacity: u32,
    timed: bool,
    /// How long it never opens at the start of its life.
    warm_up: Span,
    warm_until: Time,
    born: Time,
    /// When the current bucket is over.
    turn: Time,
    phase: Phase,
    running: u32,
    window: Slices,
    opened: u64,
    opened_at: Time,
}

impl Opossum {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let whole_millis = |nanos: u64| nanos / 1_000_000 * 1_000_000;
        let buckets = spec.buckets.max(1);
        let window = spec.window.span();
        let bucket = whole_millis(window.nanos() / u64::from(buckets)).max(1_000_000);
        let warm_up = if spec.warm_up { window } else { Span::ZERO };
        Self {
            error_rate: spec.error_rate.get() * 100.0,
            reset: spec.reset.span(),
            bucket,
            volume: spec.volume,
            capacity: spec.capacity.unwrap_or(u32::MAX),
            timed: !spec.timeout.span().is_zero(),
            warm_up,
            warm_until: now + warm_up,
            born: now,
            turn: now + Span::from_nanos(bucket),
            phase: Phase::Closed,
            running: 0,
            window: Slices::new(buckets),
            opened: 0,
            opened_at: now,
        }
    }

    /// What timers did up to now.
    #[inline]
    fn advance(&mut self, now: Time) {
        if let Phase::Open { until } = self.phase
            && now >= until
        {
            self.phase = Phase::HalfOpen { pending: true };
        }
        if now >= self.turn {
            let number = now.since(self.born).nanos() / self.bucket;
            self.window.advance(number);
            self.turn = self.born + Span::from_nanos((number + 1) * self.bucket);
        }
    }

    fn fail(&mut self, now: Time) {
        self.window.add(Slice { calls: 0, failed: 1, slow: 0 });
        if now < self.warm_until {
            return;
        }
        let half_open = matches!(self.phase, Phase::HalfOpen { .. });
        let total = self.window.total;
        if total.calls < self.volume && !half_open {
            return;
        }
        // Failures can be left in the window when the calls have fallen out of it: the rate is then infinite.
        let rate = f64::from(total.failed) / f64::from(total.calls) * 100.0;
        if (rate > self.error_rate || half_open) && !matches!(self.phase, Phase::Open { .. }) {
            self.phase = Phase::Open { until: now + self.reset };
            self.opened += 1;
            self.opened_at = now;
        }
    }
}

impl Machine for Opossum {
    fn admit(&mut self, now: Time) -> Admission {
        self.advance(now);
        self.window.add(Slice { calls: 1, failed: 0, slow: 0 });
        let slot = match &mut self.phase {
            Phase::Closed => 0,
            Phase::HalfOpen { pending } if *pending => {
                *pending = false;
                PROBE
            }
            Phase::Open { .. } | Phase::HalfOpen { .. } => return Admission::Reject,
        };
        if self.running >= self.capacity {
            self.fail(now);
            return Admission::Full;
        }
        self.running += 1;
        Admission::Admit(Permit::new(0, slot))
    }

    fn record(&mut self, now: Time, permit: Permit, ended: Ended, _took: Span) -> Released {
        self.advance(now);
        self.running = self.running.saturating_sub(1);
        match ended {
            Ended::Success | Ended::Ignored => {
                if matches!(self.phase, Phase::HalfOpen { .. }) {
                    self.phase = Phase::Closed;
                }
            }
            Ended::Failure => self.fail(now),
            Ended::Cancelled => {
                let probing = permit.slot == PROBE && self.phase == Phase::HalfOpen { pending: false };
                if probing && self.timed {
                    self.fail(now);
                }
            }
        }
        Released::default()
    }

    fn state(&mut self, now: Time) -> State {
        self.advance(now);
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    fn counts(&mut self, now: Time) -> Counts {
        self.advance(now);
        Counts { opened: self.opened, opened_at: self.opened_at, ..Counts::of(self.window.total) }
    }

    fn reset(&mut self, now: Time) {
        self.phase = Phase::Closed;
        self.born = now;
        self.turn = now + Span::from_nanos(self.bucket);
        self.window.restart(0);
    }

    fn forget(&mut self, _permit: Permit) -> Released {
        self.running = self.running.saturating_sub(1);
        Released::default()
    }

    fn restart(&mut self, now: Time) {
        self.running = 0;
        self.warm_until = now + self.warm_up;
        self.reset(now);
    }
}
