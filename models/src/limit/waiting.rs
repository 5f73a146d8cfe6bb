//! What a call does that finds the limit reached.
//!
//! Source: `SimpleLimiter`, `LifoBlockingLimiter` and `BlockingLimiter` of Netflix concurrency-limits; the queueing
//! limiter of failsafe-go 0.9.

use crate::checks::Problems;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Time;
use squall_sim::random::Draw;

/// What a call does that finds the limit reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Waiting {
    /// It is refused at once.
    #[default]
    None,
    /// It waits; who came last goes first. Each call that ends lets one out.
    Lifo {
        /// How many can wait; 100 by default.
        #[serde(default = "hundred")]
        backlog: u32,
        /// How long each waits before it is refused; `1s` by default.
        #[serde(default = "second")]
        timeout: Duration,
    },
    /// It waits; first come, first served, as many as the limit allows.
    Fifo {
        /// How long each waits before it is refused; `1h` by default.
        #[serde(default = "hour")]
        timeout: Duration,
    },
    /// It waits, first come, first served; the longer the line already is, the more are refused.
    Queueing {
        /// Below this many times the limit, all may wait; 2 by default.
        #[serde(default = "two")]
        from: f64,
        /// From this many times the limit on, none may; 3 by default. In between the share rises in proportion.
        #[serde(default = "three")]
        most: f64,
    },
}

fn hundred() -> u32 {
    100
}

fn second() -> Duration {
    Duration::from_seconds(1.0)
}

fn hour() -> Duration {
    Duration::from_seconds(3600.0)
}

fn two() -> f64 {
    2.0
}

fn three() -> f64 {
    3.0
}

impl Waiting {
    /// Until when a call may wait; `None` if it may not. Draws once between the bounds of `queueing`.
    pub(super) fn join(&self, now: Time, queued: u32, limit: u32, draws: &mut impl Draw) -> Option<Time> {
        match *self {
            Self::None => None,
            Self::Lifo { backlog, timeout } => (queued < backlog).then(|| now + timeout.span()),
            Self::Fifo { timeout } => Some(now + timeout.span()),
            Self::Queueing { from, most } => {
                let bound = |factor: f64| (f64::from(limit) * factor) as u32;
                let (from, most) = (bound(from), bound(most));
                let refused = if queued < from {
                    false
                } else if queued >= most {
                    true
                } else {
                    let share = f64::from(queued - from) / f64::from(most - from);
                    share > 0.0 && share >= draws.unit()
                };
                (!refused).then_some(Time::MAX)
            }
        }
    }

    /// How many may leave the line for one call that has ended.
    pub(super) const fn wakes(&self) -> u32 {
        match self {
            Self::None => 0,
            Self::Lifo { .. } | Self::Queueing { .. } => 1,
            Self::Fifo { .. } => u32::MAX,
        }
    }

    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        match *self {
            Self::None => {}
            Self::Lifo { backlog, timeout } => {
                problems.count(backlog.into(), 1, 1_000_000, "waiting.lifo.backlog");
                problems.positive(timeout, "waiting.lifo.timeout");
            }
            Self::Fifo { timeout } => {
                problems.positive(timeout, "waiting.fifo.timeout");
            }
            Self::Queueing { from, most } => {
                problems.between(from, 1.0, 1000.0, "waiting.queueing.from");
                let rule = format!("`most` {most} is below `from` {from}");
                problems.require(most >= from, "waiting.queueing.most", rule, "make it at least as large");
            }
        }
    }
}
