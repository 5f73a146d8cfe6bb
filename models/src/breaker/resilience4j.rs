//! The circuit breaker of resilience4j.
//!
//! Source: resilience4j 2.3.0 and 2.4.0, `CircuitBreakerStateMachine`, `CircuitBreakerMetrics`,
//! `SlidingTimeWindowMetrics`, `CircuitBreakerConfig`; recordings of 2.3.0.

use super::growth::{self, Growth, Waits};
use super::ring::{Calls, Slice, Slices};
use super::{Admission, Counts, Ended, Machine, Permit, Released, State, limits};
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Opens when too many of the recent calls failed or were slow, as resilience4j does.
///
/// Calls are counted when they end. Both rates are compared with `>=`, once there are `minimum_calls` results; a
/// success can therefore open it too, by being slow or by completing the minimum. It stays open until a call arrives
/// later than `wait` (not at it), and then lets `half_open_calls` through in all: a call that ends gives its permit
/// only back if its failure is ignored or its caller went away. The verdict falls once `half_open_calls` results are
/// in, or `minimum_calls` if that is less; calls from before that end then are counted with them. A half-open call
/// that never ends leaves it half-open for ever, unless `max_wait_in_half_open` is set.
///
/// Example: `breaker: { resilience4j: { window: { calls: 20 }, minimum_calls: 10, wait: 30s, half_open_calls: 3 } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Opens when at least this share of the calls failed; `50%` by default.
    #[serde(default = "half")]
    pub failure_rate: Share,
    /// Opens when at least this share of the calls was slow; `100%` by default.
    #[serde(default = "whole")]
    pub slow_call_rate: Share,
    /// A call is slow when it takes longer than this; `60s` by default.
    #[serde(default = "minute")]
    pub slow_call_duration: Duration,
    /// Which calls are counted; the last 100 by default.
    #[serde(default)]
    pub window: Window,
    /// Results needed before the rates mean anything; 100 by default, never more than the window of calls.
    #[serde(default = "hundred")]
    pub minimum_calls: u32,
    /// How long it stays open; `60s` by default.
    #[serde(default = "minute")]
    pub wait: Duration,
    /// Longer and longer open periods while it does not close; all the same by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// Calls let through while half-open; 10 by default.
    #[serde(default = "ten")]
    pub half_open_calls: u32,
    /// Opens again after being half-open for this long without a verdict; `0s`, the default, means never.
    #[serde(default = "never")]
    pub max_wait_in_half_open: Duration,
    /// Becomes half-open by a timer rather than by the next call; off by default.
    #[serde(default)]
    pub automatic_transition: bool,
    /// Which failures count as failures; all of them by default. Others count as successes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
    /// Which failures count as nothing at all; none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Failure>,
}

/// Which calls are counted.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Window {
    /// The last so many calls.
    Calls(u32),
    /// The calls of the last so many seconds: the current second so far and the whole ones before it.
    Time(Duration),
}

impl Default for Window {
    fn default() -> Self {
        Self::Calls(100)
    }
}

fn half() -> Share {
    Share::new(0.5)
}

fn whole() -> Share {
    Share::new(1.0)
}

fn minute() -> Duration {
    Duration::from_seconds(60.0)
}

fn never() -> Duration {
    Duration::from_seconds(0.0)
}

fn hundred() -> u32 {
    100
}

fn ten() -> u32 {
    10
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    match &spec.window {
        Window::Calls(calls) => limits::count(problems, path, "window.calls", (*calls).into()),
        Window::Time(time) => limits::seconds(problems, path, "window.time", *time),
    }
    limits::count(problems, path, "minimum_calls", spec.minimum_calls.into());
    limits::count(problems, path, "half_open_calls", spec.half_open_calls.into());
    limits::share(problems, path, "failure_rate", spec.failure_rate);
    limits::share(problems, path, "slow_call_rate", spec.slow_call_rate);
    limits::span(problems, path, "slow_call_duration", spec.slow_call_duration);
    limits::millis(problems, path, "wait", spec.wait);
    growth::check(spec.growth.as_ref(), path, problems);
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open { until: Time },
    HalfOpen { left: u32, deadline: Time },
}

#[derive(Clone, Debug)]
pub(crate) struct Resilience4j {
    failure_rate: f32,
    slow_rate: f32,
    slow: Span,
    /// Calls in the window while closed; 0 with a window of time.
    size: u32,
    minimum: u32,
    half_open_calls: u32,
    waits: Waits,
    patience: Option<Span>,
    automatic: bool,
    phase: Phase,
    /// The counts are those of the window of time, not those of the last calls.
    timed: bool,
    calls: Calls,
    seconds: Slices,
    /// How many times in a row it opened.
    attempts: u32,
    opened: u64,
    opened_at: Time,
}

impl Resilience4j {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let (size, seconds) = match spec.window {
            Window::Calls(calls) => (calls.max(1), 1),
            Window::Time(time) => (0, (time.span().nanos() / 1_000_000_000).clamp(1, limits::MOST) as u32),
        };
        let patience = Span::from_millis(spec.max_wait_in_half_open.span().nanos() / 1_000_000);
        let mut breaker = Self {
            failure_rate: (spec.failure_rate.get() * 100.0) as f32,
            slow_rate: (spec.slow_call_rate.get() * 100.0) as f32,
            slow: spec.slow_call_duration.span(),
            size,
            minimum: spec.minimum_calls,
            half_open_calls: spec.half_open_calls,
            waits: Waits::new(spec.wait, spec.growth.as_ref(), true),
            patience: Some(patience).filter(|patience| !patience.is_zero()),
            automatic: spec.automatic_transition,
            phase: Phase::Closed,
            timed: false,
            calls: Calls::new(size.max(spec.half_open_calls)),
            seconds: Slices::new(seconds),
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
        self.timed = self.size == 0;
        if self.timed {
            self.seconds.restart(second(now));
        } else {
            self.calls.restart(self.size);
        }
    }

    fn open(&mut self, now: Time) {
        self.attempts += 1;
        self.opened += 1;
        self.opened_at = now;
        self.phase = Phase::Open { until: now + self.waits.of(self.attempts) };
    }

    fn half_open(&mut self, now: Time) {
        let deadline = self.patience.map_or(Time::MAX, |patience| now + patience);
        self.phase = Phase::HalfOpen { left: self.half_open_calls, deadline };
        self.timed = false;
        self.calls.restart(self.half_open_calls);
    }

    /// What timers did up to now.
    #[inline]
    fn advance(&mut self, now: Time) {
        if !matches!(self.phase, Phase::Closed) {
            self.catch_up(now);
        }
    }

    fn catch_up(&mut self, now: Time) {
        loop {
            match self.phase {
                Phase::Open { until } if self.automatic && until <= now => self.half_open(until),
                Phase::HalfOpen { deadline, .. } if deadline <= now => self.open(deadline),
                _ => return,
            }
        }
    }

    fn total(&mut self, now: Time) -> Slice {
        if self.timed {
            self.seconds.advance(second(now));
            self.seconds.total
        } else {
            self.calls.total
        }
    }

    /// Failure rate and slow-call rate in percent, once there are enough results.
    fn rates(&self, total: Slice) -> Option<(f32, f32)> {
        // While open the counts are those of the state before, and so is the minimum.
        let minimum = if self.timed { self.minimum } else { self.minimum.min(self.calls.size()) };
        let rate = |part: u32| part as f32 * 100.0 / total.calls as f32;
        (total.calls > 0 && total.calls >= minimum).then(|| (rate(total.failed), rate(total.slow)))
    }
}

fn second(now: Time) -> u64 {
    now.nanos() / 1_000_000_000
}

impl Machine for Resilience4j {
    fn admit(&mut self, now: Time) -> Admission {
        self.advance(now);
        if let Phase::Open { until } = self.phase
            && now > until
        {
            self.half_open(now);
        }
        match &mut self.phase {
            Phase::Closed => Admission::Admit(Permit::default()),
            Phase::HalfOpen { left, .. } if *left > 0 => {
                *left -= 1;
                Admission::Admit(Permit::default())
            }
            _ => Admission::Reject,
        }
    }

    fn record(&mut self, now: Time, _permit: Permit, ended: Ended, took: Span) -> Released {
        self.advance(now);
        if matches!(ended, Ended::Ignored | Ended::Cancelled) {
            if let Phase::HalfOpen { left, .. } = &mut self.phase {
                *left += 1;
            }
            return Released::default();
        }
        let (failed, slow) = (ended == Ended::Failure, took > self.slow);
        if self.timed {
            self.seconds.advance(second(now));
            self.seconds.add(Slice::one(failed, slow));
        } else {
            self.calls.push(failed, slow);
        }
        let total = self.total(now);
        let over = self.rates(total).map(|(fail, slow)| fail >= self.failure_rate || slow >= self.slow_rate);
        match (self.phase, over) {
            (Phase::Closed | Phase::HalfOpen { .. }, Some(true)) => self.open(now),
            (Phase::HalfOpen { .. }, Some(false)) => self.close(now),
            _ => {}
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
        let total = self.total(now);
        let rates = self.rates(total);
        Counts {
            opened: self.opened,
            opened_at: self.opened_at,
            failure_rate: rates.map(|rates| rates.0.into()),
            slow_rate: rates.map(|rates| rates.1.into()),
            ..Counts::of(total)
        }
    }

    fn reset(&mut self, now: Time) {
        self.close(now);
    }
}
