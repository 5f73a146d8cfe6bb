//! Staggered refresh: every key has its own moment.
//!
//! Source: the aurum runbook's staggered cache refresh (window 300 s, jitter 60 s), which names the two numbers and not
//! the algorithm; this is the plain reading of them. One draw for each write, from the luck of who filled.

use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::{Draw, Luck, Place, Purpose};
use squall_sim::{Span, Time};

/// Staggered refresh: an entry that was read is made anew in the background before its end, at a moment that depends on
/// its key: somewhere in the last `window` of its time, give or take the `jitter`. So entries that were filled together do
/// not go together. No entry is renewed before half of its time is over; one whose moment comes too late for the work to be
/// done in time is missed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Over how long the keys are spread; 300 s by default, and at most half of the TTL.
    #[serde(default = "five_minutes")]
    pub window: Duration,
    /// How far each refresh is off at random, to either side; 60 s by default.
    #[serde(default = "one_minute")]
    pub jitter: Duration,
}

fn five_minutes() -> Duration {
    Duration::from_seconds(300.0)
}

fn one_minute() -> Duration {
    Duration::from_seconds(60.0)
}

/// Staggered refresh at work.
#[derive(Clone, Copy, Debug)]
pub struct Staggered {
    window: Span,
    jitter: Span,
}

const PLACE: Place = Place::named("caches.staggered", Purpose::Jitter);

impl Staggered {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self { window: spec.window.span(), jitter: spec.jitter.span() }
    }

    /// When an entry that is written now is renewed.
    pub fn due(&self, key: u64, now: Time, expires: Time, draws: &mut impl Draw) -> Option<Time> {
        if expires == Time::MAX {
            return None;
        }
        let half = expires.since(now).scaled(0.5);
        let before = self.window.min(half).scaled(Luck::new(key).at(PLACE).unit()).seconds();
        let off = self.jitter.seconds() * (2.0 * draws.unit() - 1.0);
        let before = Span::from_seconds((before + off).clamp(0.0, half.seconds()));
        Some(now + (expires.since(now) - before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_spread_over_the_last_half() {
        let policy = Staggered::new(&Spec { window: five_minutes(), jitter: one_minute() });
        let expires = Time::ZERO + Span::from_secs(300);
        let mut due: Vec<f64> = (0..1000)
            .filter_map(|key| policy.due(key, Time::ZERO, expires, &mut Luck::new(key).at(PLACE)))
            .map(|due| due.since(Time::ZERO).seconds())
            .collect();
        due.sort_by(f64::total_cmp);
        assert!(due[0] >= 150.0 && due[999] <= 300.0);
        let median = due[500];
        assert!((median - 225.0).abs() < 10.0, "{median}");
    }
}
