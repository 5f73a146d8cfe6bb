//! CoDel as for network queues. Draws nothing.
//!
//! Source: RFC 8289, section 5. What is a packet there is a call here, and the last one that waits is never dropped.

use super::Turn;
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Once every call has waited longer than the target for a whole interval, one is dropped when its turn comes, and then
/// one after interval / √n for the n-th, until a call has waited less.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// The wait that is all right.
    pub target: Duration,
    /// How long waits have to stay above it: about the longest round trip.
    pub interval: Duration,
}

impl Default for Spec {
    fn default() -> Self {
        Self { target: Duration::from_seconds(0.005), interval: Duration::from_seconds(0.1) }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("codel_rfc8289");
    problems.positive(spec.target, "target").positive(spec.interval, "interval");
    let rule = format!("the interval `{}` is not longer than the target `{}`", spec.interval, spec.target);
    problems.require(spec.interval > spec.target, "interval", rule, "make it about twenty times as long");
    problems.into_found()
}

/// Why the call before this one, at the same instant, was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dropped {
    No,
    /// It was the first of a series.
    First,
    /// It was a further one.
    Further,
}

/// CoDel's state.
#[derive(Clone, Debug)]
pub struct Codel {
    target: Span,
    interval: Span,
    /// When waits will have been above the target for an interval.
    first_above: Option<Time>,
    dropping: bool,
    next_drop: Time,
    count: u64,
    last_count: u64,
    dropped: Dropped,
}

impl Codel {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            target: spec.target.span(),
            interval: spec.interval.span(),
            first_above: None,
            dropping: false,
            next_drop: Time::ZERO,
            count: 0,
            last_count: 0,
            dropped: Dropped::No,
        }
    }

    /// After how long the next one is dropped when so many have been.
    #[must_use]
    pub fn next_interval(interval: Span, count: u64) -> Span {
        Span::from_seconds(interval.seconds() / libm::sqrt(count as f64))
    }

    fn after(&self, at: Time) -> Time {
        at + Self::next_interval(self.interval, self.count)
    }

    /// Whether waits have been above the target for an interval.
    fn stands(&mut self, now: Time, waited: Span, behind: u64) -> bool {
        if waited < self.target || behind == 0 {
            self.first_above = None;
            return false;
        }
        match self.first_above {
            None => {
                self.first_above = Some(now + self.interval);
                false
            }
            Some(at) => now >= at,
        }
    }

    pub(super) fn drops(&mut self, facts: &Turn) -> bool {
        let Turn { now, waited, behind, .. } = *facts;
        let stands = self.stands(now, waited, behind);
        match std::mem::replace(&mut self.dropped, Dropped::No) {
            Dropped::First => {
                self.begin(now);
                return false;
            }
            Dropped::Further if stands => self.next_drop = self.after(self.next_drop),
            Dropped::Further | Dropped::No => {}
        }
        if self.dropping {
            if !stands {
                self.dropping = false;
                return false;
            }
            if now < self.next_drop {
                return false;
            }
            self.count += 1;
            self.dropped = Dropped::Further;
            return true;
        }
        if stands {
            self.dropped = Dropped::First;
        }
        stands
    }

    /// A series of drops begins: where the last one left off, if that was not long ago.
    fn begin(&mut self, now: Time) {
        self.dropping = true;
        let before = self.count.saturating_sub(self.last_count);
        let recently = now.since(self.next_drop) < Span::from_nanos(self.interval.nanos().saturating_mul(16));
        self.count = if before > 1 && recently { before } else { 1 };
        self.next_drop = self.after(now);
        self.last_count = self.count;
    }
}
