//! The steady-state hypothesis: every client is as well as it was.

use super::facts::{Facts, WELL};
use super::round;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How well a client was in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Level {
    /// Requests that ended well, of those that began; `None` if none began.
    pub goodput_share: Option<f64>,
    /// The 99th percentile of latency, a mean over windows; `None` if no request ended well.
    pub latency_p99_s: Option<f64>,
}

/// The hypothesis that a client keeps 95 % of the goodput share that it had before, and what became of it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Steady {
    /// The client.
    pub client: String,
    /// After the warm-up, before the first fault and the first failure.
    pub before: Level,
    /// While something was wrong.
    pub during: Level,
    /// After it.
    pub after: Level,
    /// It held while something was wrong; `None` if nothing was, or nothing arrived then.
    pub held_during: Option<bool>,
    /// It held after it; `None` if there was no time after it.
    pub held_after: Option<bool>,
}

pub(super) fn steady(facts: &Facts<'_>) -> Vec<Steady> {
    let one = |(at, name): (usize, &String)| {
        let component = format!("clients.{name}");
        let level = |windows: &Range<usize>| Level {
            goodput_share: facts.goodput(at, windows).map(|share| round(share.min(1.0))),
            latency_p99_s: facts.mean(&component, "latency_p99", windows).map(round),
        };
        let held = |level: &Level| level.goodput_share.map(|share| share >= WELL * facts.usual(at));
        let (during, after) = (level(&facts.during), level(&facts.after));
        let (held_during, held_after) = (held(&during), held(&after));
        Steady { client: component.clone(), before: level(&facts.before), during, after, held_during, held_after }
    };
    facts.names.clients.iter().enumerate().map(one).collect()
}
