//! The circuit breaker of sony/gobreaker.
//!
//! Source: gobreaker v2.4.0, `gobreaker.go`, `counter.go`; recordings of it.

use super::{Admission, Counts, Ended, Machine, Permit, Released, State, limits};
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Opens when a condition on its counts holds at a failure, as sony/gobreaker does; by default at the sixth in a row.
///
/// Counts are kept for ever while closed, unless `interval` says otherwise: then they are cleared at the first call
/// after each interval, or fall out bucket by bucket if `bucket` is set. It stays open until it is asked later than
/// `timeout` (not at it). Half-open it lets through `max_requests` calls in all; so many successes in a row close it,
/// one failure opens it again. A half-open call that never ends leaves it half-open for ever. Answers to calls from
/// before a change of state count for nothing. A caller that goes away is a failure.
///
/// Example: `breaker: { gobreaker: { max_requests: 3, interval: 60s, trip: { ratio: { failures: 60%, calls: 10 } } } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Calls let through while half-open; 1 by default, and also when it is 0.
    #[serde(default = "one")]
    pub max_requests: u32,
    /// How often counts are cleared while closed; `0s`, the default, means never.
    #[serde(default = "zero")]
    pub interval: Duration,
    /// Counts fall out of the interval in parts of this length; `0s`, the default, means all at once.
    #[serde(default = "zero")]
    pub bucket: Duration,
    /// How long it stays open; `60s` by default, and also when it is `0s`.
    #[serde(default = "minute")]
    pub timeout: Duration,
    /// When a failure opens it; more than 5 in a row by default.
    #[serde(default)]
    pub trip: Trip,
    /// Which failures count as failures; all of them by default. Others count as successes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
    /// Which failures count as nothing at all; none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Failure>,
}

/// When a failure opens the circuit (`ReadyToTrip`).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trip {
    /// When there are more than so many in a row.
    InARowOver(u32),
    /// When there are at least so many among those counted.
    Failures(u32),
    /// When enough calls were counted, and enough of them failed.
    Ratio {
        /// At least this share failed.
        failures: Share,
        /// At least so many calls were counted, those under way included.
        calls: u32,
    },
}

impl Default for Trip {
    fn default() -> Self {
        Self::InARowOver(5)
    }
}

fn one() -> u32 {
    1
}

fn zero() -> Duration {
    Duration::from_seconds(0.0)
}

fn minute() -> Duration {
    Duration::from_seconds(60.0)
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    match &spec.trip {
        // The tenth in a row is one more than nine, so that 0 makes sense: the first failure opens it.
        Trip::InARowOver(_) => {}
        Trip::Failures(failures) => limits::count(problems, path, "trip.failures", (*failures).into()),
        Trip::Ratio { failures, .. } => limits::share(problems, path, "trip.ratio.failures", *failures),
    }
    let (interval, bucket) = (spec.interval.span().nanos(), spec.bucket.span().nanos());
    if bucket > 0 && interval == 0 {
        let rule = "a bucket without an `interval` does nothing";
        problems.push(Problem::new(format!("{path}.bucket"), rule, "set `interval`, or leave `bucket` out"));
    }
    if bucket > 0 {
        limits::count(problems, path, "bucket", interval.div_ceil(bucket).max(1));
    }
}

/// What is counted, in all or in one bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    requests: u32,
    successes: u32,
    failures: u32,
    exclusions: u32,
    successes_in_a_row: u32,
    failures_in_a_row: u32,
}

impl Tally {
    fn end(&mut self, ended: Ended) {
        match ended {
            Ended::Success => {
                self.successes += 1;
                self.successes_in_a_row += 1;
                self.failures_in_a_row = 0;
            }
            Ended::Failure | Ended::Cancelled => {
                self.failures += 1;
                self.failures_in_a_row += 1;
                self.successes_in_a_row = 0;
            }
            Ended::Ignored => self.exclusions += 1,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    Open,
    HalfOpen,
}

#[derive(Clone, Debug)]
pub(crate) struct Gobreaker {
    max_requests: u32,
    interval: Span,
    bucket: u64,
    timeout: Span,
    trip: Trip,
    phase: Phase,
    generation: u32,
    /// When the counts began, and when the phase or the interval is over.
    start: Time,
    expiry: Time,
    total: Tally,
    buckets: Box<[Tally]>,
    age: u32,
    opened: u64,
    opened_at: Time,
}

impl Gobreaker {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let (interval, bucket) = (spec.interval.span(), spec.bucket.span().nanos());
        let buckets = if bucket == 0 { 1 } else { interval.nanos().div_ceil(bucket).clamp(1, limits::MOST) };
        let timeout = spec.timeout.span();
        let mut breaker = Self {
            max_requests: spec.max_requests.max(1),
            interval: if bucket == 0 { interval } else { Span::from_nanos(buckets * bucket) },
            bucket,
            timeout: if timeout.is_zero() { minute().span() } else { timeout },
            trip: spec.trip.clone(),
            phase: Phase::Closed,
            generation: 0,
            start: now,
            expiry: Time::MAX,
            total: Tally::default(),
            buckets: vec![Tally::default(); buckets as usize].into(),
            age: 0,
            opened: 0,
            opened_at: now,
        };
        breaker.enter(Phase::Closed, now);
        breaker
    }

    /// Begins a new generation: nothing from before counts any more.
    fn enter(&mut self, phase: Phase, now: Time) {
        self.phase = phase;
        self.generation = self.generation.wrapping_add(1);
        self.start = now;
        self.clear();
        self.age = 0;
        self.expiry = match phase {
            Phase::Closed if !self.interval.is_zero() && self.buckets.len() == 1 => now + self.interval,
            Phase::Open => now + self.timeout,
            Phase::Closed | Phase::HalfOpen => Time::MAX,
        };
    }

    fn clear(&mut self) {
        self.total = Tally::default();
        self.buckets.fill(Tally::default());
    }

    fn open(&mut self, now: Time) {
        self.opened += 1;
        self.opened_at = now;
        self.enter(Phase::Open, now);
    }

    /// What asking for the state does to it.
    fn advance(&mut self, now: Time) {
        match self.phase {
            Phase::Closed if self.buckets.len() > 1 => self.grow((now.since(self.start).nanos() / self.bucket) as u32),
            Phase::Closed if now > self.expiry => self.enter(Phase::Closed, now),
            Phase::Open if now > self.expiry => self.enter(Phase::HalfOpen, now),
            _ => {}
        }
    }

    fn grow(&mut self, age: u32) {
        if age.saturating_sub(self.age) as usize >= self.buckets.len() {
            self.clear();
            self.age = age;
        }
        while self.age < age {
            self.age += 1;
            self.drop_oldest();
        }
    }

    /// Takes the oldest bucket out of the totals; its place is that of the new one. Failures in a row lose it only if
    /// they reach back to it, which the library tells from the totals of the other buckets.
    fn drop_oldest(&mut self) {
        let oldest = self.age as usize % self.buckets.len();
        let gone = std::mem::take(&mut self.buckets[oldest]);
        let total = &mut self.total;
        if total.successes_in_a_row == gone.successes_in_a_row + (total.successes - gone.successes) {
            total.successes_in_a_row = total.successes_in_a_row.saturating_sub(gone.successes_in_a_row);
        }
        if total.failures_in_a_row == gone.failures_in_a_row + (total.failures - gone.failures) {
            total.failures_in_a_row = total.failures_in_a_row.saturating_sub(gone.failures_in_a_row);
        }
        total.requests -= gone.requests;
        total.successes -= gone.successes;
        total.failures -= gone.failures;
        total.exclusions -= gone.exclusions;
    }

    fn trips(&self) -> bool {
        let total = self.total;
        match &self.trip {
            Trip::InARowOver(most) => total.failures_in_a_row > *most,
            Trip::Failures(least) => total.failures >= *least,
            Trip::Ratio { failures, calls } => {
                total.requests >= *calls && f64::from(total.failures) / f64::from(total.requests) >= failures.get()
            }
        }
    }
}

impl Machine for Gobreaker {
    fn admit(&mut self, now: Time) -> Admission {
        self.advance(now);
        let tried = self.total.requests - self.total.exclusions;
        match self.phase {
            Phase::Open => return Admission::Reject,
            Phase::HalfOpen if tried >= self.max_requests => return Admission::Reject,
            Phase::Closed | Phase::HalfOpen => {}
        }
        self.total.requests += 1;
        let bucket = self.age as usize % self.buckets.len();
        self.buckets[bucket].requests += 1;
        Admission::Admit(Permit::new(self.generation, self.age))
    }

    fn record(&mut self, now: Time, permit: Permit, ended: Ended, _took: Span) -> Released {
        self.advance(now);
        if permit.generation != self.generation {
            return Released::default();
        }
        let failed = matches!(ended, Ended::Failure | Ended::Cancelled);
        if self.phase == Phase::HalfOpen && failed {
            self.open(now);
            return Released::default();
        }
        // A result counts in the bucket in which its call began, if that is still there.
        if ((self.age - permit.slot) as usize) < self.buckets.len() {
            self.total.end(ended);
            let bucket = permit.slot as usize % self.buckets.len();
            self.buckets[bucket].end(ended);
        }
        if self.phase == Phase::Closed && failed && self.trips() {
            self.open(now);
        } else if self.phase == Phase::HalfOpen && self.total.successes_in_a_row >= self.max_requests {
            self.enter(Phase::Closed, now);
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

    fn counts(&mut self, _now: Time) -> Counts {
        Counts {
            opened: self.opened,
            opened_at: self.opened_at,
            calls: self.total.requests.into(),
            failures: self.total.failures.into(),
            failures_in_a_row: self.total.failures_in_a_row.into(),
            successes_in_a_row: self.total.successes_in_a_row.into(),
            ..Counts::default()
        }
    }

    fn reset(&mut self, now: Time) {
        self.enter(Phase::Closed, now);
    }
}
