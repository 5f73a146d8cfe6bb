//! The circuit breaker of Hystrix.
//!
//! Source: Hystrix 1.5, `HystrixCircuitBreaker`, `HealthCountsStream`, `BucketedRollingCounterStream`,
//! `HystrixCommandProperties`, `AbstractCommand`.

use super::ring::{Slice, Slices};
use super::{Admission, Counts, Ended, Machine, Permit, Released, State, limits};
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Opens when, over the last seconds, enough calls were made and enough of them failed, as Hystrix does.
///
/// Health is only looked at when a `bucket` is over, and only in whole buckets, so that up to half a second of calls
/// still passes after things went wrong. The failure rate is cut to whole percent and compared with `>=`. It stays open
/// until a call arrives later than `sleep` (not at it, on a clock of milliseconds); that one call is let through and all
/// others are rejected. Any success then closes it, with an empty window; anything else, and a caller that goes away,
/// opens it again. Calls that the breaker rejected are not counted; timeouts and full bulkheads are failures. Hystrix
/// bounds each call by a time limit of its own, 1 s unless told otherwise.
///
/// Example: `breaker: { hystrix: { volume: 50, sleep: 10s, timeout: 300ms } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How far back it looks; `10s` by default.
    #[serde(default = "ten_seconds")]
    pub window: Duration,
    /// How often health is looked at; `500ms` by default.
    #[serde(default = "half_a_second")]
    pub bucket: Duration,
    /// Calls in the window needed to open it; 20 by default.
    #[serde(default = "twenty")]
    pub volume: u32,
    /// Opens when at least this share of the calls failed, cut to whole percent; `50%` by default.
    #[serde(default = "half")]
    pub error_rate: Share,
    /// How long it stays open; `5s` by default.
    #[serde(default = "five_seconds")]
    pub sleep: Duration,
    /// Time limit of each call, `1s` by default; `0s` turns it off.
    #[serde(default = "second")]
    pub timeout: Duration,
    /// Which failures count as failures; all of them by default. Others are left out, as bad requests are in Hystrix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

fn ten_seconds() -> Duration {
    Duration::from_seconds(10.0)
}

fn half_a_second() -> Duration {
    Duration::from_seconds(0.5)
}

fn twenty() -> u32 {
    20
}

fn half() -> Share {
    Share::new(0.5)
}

fn five_seconds() -> Duration {
    Duration::from_seconds(5.0)
}

fn second() -> Duration {
    Duration::from_seconds(1.0)
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    limits::millis(problems, path, "bucket", spec.bucket);
    limits::count(problems, path, "volume", spec.volume.into());
    let (window, bucket) = (spec.window.span().nanos(), spec.bucket.span().nanos().max(1));
    if !window.is_multiple_of(bucket) || !(1..=limits::MOST).contains(&(window / bucket)) {
        let rule = format!("a window of {} is not a whole number of buckets of {}", spec.window, spec.bucket);
        problems.push(Problem::new(format!("{path}.window"), rule, "use a multiple of `bucket`"));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    Open,
    HalfOpen,
}

#[derive(Clone, Debug)]
pub(crate) struct Hystrix {
    bucket: u64,
    buckets: u64,
    volume: u32,
    /// In whole percent.
    error_rate: u32,
    sleep: u64,
    phase: Phase,
    /// When the stream of buckets began.
    origin: Time,
    /// When the current bucket is over, and its number.
    tick: Time,
    number: u64,
    counts: Slices,
    opened: u64,
    opened_at: Time,
}

impl Hystrix {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let bucket = spec.bucket.span().nanos().max(1_000_000);
        let buckets = (spec.window.span().nanos() / bucket).clamp(1, limits::MOST);
        let mut breaker = Self {
            bucket,
            buckets,
            volume: spec.volume,
            // The property is a whole number of percent.
            error_rate: (spec.error_rate.get() * 100.0 + 1e-9) as u32,
            sleep: millis(spec.sleep.span().nanos()),
            phase: Phase::Closed,
            origin: now,
            tick: now,
            number: 0,
            counts: Slices::new(buckets as u32),
            opened: 0,
            opened_at: now,
        };
        breaker.begin(now);
        breaker
    }

    /// Begins the stream of buckets.
    fn begin(&mut self, now: Time) {
        self.origin = now;
        self.tick = now + Span::from_nanos(self.bucket);
        self.number = 0;
        self.counts.restart(0);
    }

    fn open(&mut self, now: Time) {
        self.phase = Phase::Open;
        self.opened += 1;
        self.opened_at = now;
    }

    /// Ends the buckets that are over by now, and looks at health after each.
    #[inline]
    fn advance(&mut self, now: Time) {
        if now >= self.tick {
            self.ticks(now);
        }
    }

    fn ticks(&mut self, now: Time) {
        let over = now.since(self.origin).nanos() / self.bucket;
        // After a whole window without calls there is nothing left to look at.
        let last = over.min(self.number + self.buckets);
        while self.number < last {
            let total = self.counts.total;
            if self.phase == Phase::Closed && total.calls >= self.volume.max(1) && self.error_rate <= percent(total) {
                self.open(self.origin + Span::from_nanos((self.number + 1) * self.bucket));
            }
            self.number += 1;
            self.counts.advance(self.number);
        }
        self.number = over;
        self.counts.advance(over);
        self.tick = self.origin + Span::from_nanos((over + 1) * self.bucket);
    }
}

fn millis(nanos: u64) -> u64 {
    nanos / 1_000_000
}

/// Failures in whole percent, as the library computes them: through a double, and cut.
fn percent(total: Slice) -> u32 {
    (f64::from(total.failed) / f64::from(total.calls) * 100.0) as u32
}

impl Machine for Hystrix {
    fn admit(&mut self, now: Time) -> Admission {
        self.advance(now);
        match self.phase {
            Phase::Closed => Admission::Admit(Permit::default()),
            Phase::Open if millis(now.nanos()) > millis(self.opened_at.nanos()) + self.sleep => {
                self.phase = Phase::HalfOpen;
                Admission::Admit(Permit::default())
            }
            Phase::Open | Phase::HalfOpen => Admission::Reject,
        }
    }

    fn record(&mut self, now: Time, _permit: Permit, ended: Ended, _took: Span) -> Released {
        self.advance(now);
        match (self.phase, ended) {
            (Phase::HalfOpen, Ended::Success) => {
                self.phase = Phase::Closed;
                self.begin(now);
                return Released::default();
            }
            (Phase::HalfOpen, _) => self.open(now),
            _ => {}
        }
        match ended {
            Ended::Success => self.counts.add(Slice::one(false, false)),
            Ended::Failure => self.counts.add(Slice::one(true, false)),
            Ended::Ignored | Ended::Cancelled => {}
        }
        Released::default()
    }

    fn state(&mut self, now: Time) -> State {
        self.advance(now);
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open => State::Open,
            Phase::HalfOpen => State::HalfOpen,
        }
    }

    fn counts(&mut self, now: Time) -> Counts {
        self.advance(now);
        Counts { opened: self.opened, opened_at: self.opened_at, ..Counts::of(self.counts.total) }
    }

    fn reset(&mut self, now: Time) {
        self.phase = Phase::Closed;
        self.begin(now);
    }
}
