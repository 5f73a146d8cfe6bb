//! CoDel as folly and Wangle have it for requests. Draws nothing.
//!
//! Source: folly, `executors/Codel.cpp`.

use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// If the shortest wait of an interval was above the target, the queue is overloaded for the next one: calls that have
/// waited for longer than `slough` are then dropped when their turn comes. The first call of an interval is never
/// dropped, and an interval ends only when a call's turn comes after it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// The wait that is all right.
    pub target: Duration,
    /// Over which the shortest wait is taken.
    pub interval: Duration,
    /// The wait from which calls are dropped under overload; twice the target by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slough: Option<Duration>,
}

impl Default for Spec {
    fn default() -> Self {
        Self { target: Duration::from_seconds(0.005), interval: Duration::from_seconds(0.1), slough: None }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("codel_folly");
    problems.positive(spec.target, "target").positive(spec.interval, "interval");
    let rule = format!("the interval `{}` is not longer than the target `{}`", spec.interval, spec.target);
    problems.require(spec.interval > spec.target, "interval", rule, "make it about twenty times as long");
    problems.into_found()
}

/// The state of this CoDel.
#[derive(Clone, Debug)]
pub struct Codel {
    target: Span,
    interval: Span,
    slough: Span,
    shortest: Span,
    ends: Time,
    /// The next call is the first of an interval.
    fresh: bool,
    overloaded: bool,
}

impl Codel {
    pub(super) fn new(spec: &Spec) -> Self {
        let target = spec.target.span();
        Self {
            target,
            interval: spec.interval.span(),
            slough: spec.slough.map_or(target + target, |slough| slough.span()),
            shortest: Span::ZERO,
            ends: Time::ZERO,
            fresh: true,
            overloaded: false,
        }
    }

    /// Whether the last whole interval was overloaded.
    #[must_use]
    pub const fn overloaded(&self) -> bool {
        self.overloaded
    }

    /// The shortest wait of this interval so far.
    #[must_use]
    pub const fn shortest(&self) -> Span {
        self.shortest
    }

    pub(super) fn drops(&mut self, now: Time, waited: Span) -> bool {
        if now > self.ends && !self.fresh {
            self.fresh = true;
            self.ends = now + self.interval;
            self.overloaded = self.shortest > self.target;
        }
        if self.fresh {
            self.fresh = false;
            self.shortest = waited;
            return false;
        }
        self.shortest = self.shortest.min(waited);
        self.overloaded && waited > self.slough
    }
}
