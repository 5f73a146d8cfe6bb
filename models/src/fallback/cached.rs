//! The last good answer instead of a new one.

use crate::checks::Problems;
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// The call succeeds at once with the last good answer about the same key, if there is one that is young enough; it is
/// counted as a degraded success. Each replica of the caller has its own answers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// The key set that says what an answer is about; without it one answer does for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// How old an answer may be; any age by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// How many answers are kept. A new one takes the place of one that its key falls on.
    pub entries: u32,
    /// Which failures are covered; all of them by default, except that nobody waits any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

impl Default for Spec {
    fn default() -> Self {
        Self { keys: None, max_age: None, entries: 1024, on: None }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("cached");
    problems.count(spec.entries.into(), 1, 10_000_000, "entries");
    problems.into_found()
}

/// Keys with the time of their last good answer, each in the place that its number falls on.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    places: Vec<Option<(u64, Time)>>,
    max_age: Span,
}

impl Answers {
    pub(super) fn new(spec: &Spec) -> Self {
        let max_age = spec.max_age.map_or(Span::MAX, |age| age.span());
        Self { places: vec![None; spec.entries as usize], max_age }
    }

    fn place(&self, key: u64) -> usize {
        // Keys are numbered by popularity, so the plain remainder keeps the popular ones apart.
        (key % self.places.len() as u64) as usize
    }

    pub(super) fn keep(&mut self, now: Time, key: u64) {
        let place = self.place(key);
        self.places[place] = Some((key, now));
    }

    pub(super) fn age(&self, now: Time, key: u64) -> Option<Span> {
        let (known, since) = self.places[self.place(key)]?;
        let age = now.since(since);
        (known == key && age <= self.max_age).then_some(age)
    }
}
