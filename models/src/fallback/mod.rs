//! Fallbacks: what a caller answers instead when a call has failed for good.
//!
//! Who calls what, and when:
//!
//! 1. [`Fallback::succeeded`] when a call has come back well.
//! 2. [`Fallback::decide`] when one has failed. [`Verdict::Degraded`] is a success with less in it, and is counted as such
//!    beside the others; [`Verdict::Call`] is one more call, to the fallback's own endpoint, whose outcome counts.
//! 3. [`Fallback::call_ended`] when such a call is over.
//!
//! Nothing is drawn.

pub mod cached;
pub mod endpoint;
pub mod value;

use crate::outcome::Failure;
use crate::problem::Problem;
use crate::retry::Failures;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Answer something else when the call has failed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// A default value.
    Value(value::Spec),
    /// The last good answer.
    Cached(cached::Spec),
    /// The answer of another endpoint.
    Endpoint(endpoint::Spec),
}

/// What is wrong with a fallback, by field. Names of endpoints and key sets are the world's to check.
#[must_use]
pub fn check(spec: &Spec) -> Vec<Problem> {
    let (member, on) = match spec {
        Spec::Value(spec) => ("value", &spec.on),
        Spec::Cached(spec) => ("cached", &spec.on),
        Spec::Endpoint(spec) => ("endpoint", &spec.on),
    };
    let mut problems = match spec {
        Spec::Cached(spec) => cached::check(spec),
        Spec::Value(_) | Spec::Endpoint(_) => Vec::new(),
    };
    let nobody = |on: &Vec<Failure>| on.contains(&Failure::Abandoned) || on.contains(&Failure::Cancelled);
    if on.as_ref().is_some_and(|on| on.is_empty() || nobody(on)) {
        let rule = "a fallback is of no use when nobody waits any more (`abandoned`, `cancelled`), nor on nothing";
        let remedy = "list failures such as `timeout` and `circuit_open`, or leave `on` out";
        problems.push(Problem::new(format!("{member}.on"), rule, remedy));
    }
    problems
}

/// What becomes of a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays failed.
    Fail,
    /// It is a degraded success.
    Degraded,
    /// It is a degraded success with an answer of this age.
    Stale {
        /// Since that answer was good.
        age: Span,
    },
    /// The fallback's endpoint is called.
    Call,
}

/// A fallback at work: what all calls of one caller over one edge share.
#[derive(Clone, Debug)]
pub struct Fallback {
    on: Failures,
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Value,
    Cached(cached::Answers),
    Endpoint { most: u32, under_way: u32 },
}

impl Fallback {
    /// A fallback at the beginning of a run.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        let (on, source) = match spec {
            Spec::Value(spec) => (&spec.on, Source::Value),
            Spec::Cached(spec) => (&spec.on, Source::Cached(cached::Answers::new(spec))),
            Spec::Endpoint(spec) => {
                (&spec.on, Source::Endpoint { most: spec.max_concurrent.unwrap_or(u32::MAX), under_way: 0 })
            }
        };
        Self { on: Failures::new(on.as_ref()), source }
    }

    /// A call about this key has come back well.
    pub fn succeeded(&mut self, now: Time, key: u64) {
        if let Source::Cached(answers) = &mut self.source {
            answers.keep(now, key);
        }
    }

    /// A call about this key has failed.
    pub fn decide(&mut self, now: Time, key: u64, failure: Failure) -> Verdict {
        if !self.on.contains(failure) || matches!(failure, Failure::Abandoned | Failure::Cancelled) {
            return Verdict::Fail;
        }
        match &mut self.source {
            Source::Value => Verdict::Degraded,
            Source::Cached(answers) => answers.age(now, key).map_or(Verdict::Fail, |age| Verdict::Stale { age }),
            Source::Endpoint { most, under_way } if *under_way < *most => {
                *under_way += 1;
                Verdict::Call
            }
            Source::Endpoint { .. } => Verdict::Fail,
        }
    }

    /// A call to the fallback's endpoint is over.
    pub fn call_ended(&mut self) {
        if let Source::Endpoint { under_way, .. } = &mut self.source {
            *under_way -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fallback(text: &str) -> Fallback {
        let spec: Spec = serde_json::from_str(text).unwrap();
        assert_eq!(check(&spec), [], "{text}");
        Fallback::new(&spec)
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    #[test]
    fn a_default_covers_what_it_says_and_never_those_who_have_left() {
        let mut some = fallback(r#"{"value": {"on": ["timeout"]}}"#);
        assert_eq!(some.decide(at(0), 0, Failure::Timeout), Verdict::Degraded);
        assert_eq!(some.decide(at(0), 0, Failure::Error), Verdict::Fail);
        let mut all = fallback(r#"{"value": {}}"#);
        assert_eq!(all.decide(at(0), 0, Failure::CircuitOpen), Verdict::Degraded);
        assert_eq!(all.decide(at(0), 0, Failure::Abandoned), Verdict::Fail);
    }

    #[test]
    fn the_last_good_answer_is_kept_by_key_and_grows_old() {
        let mut cached = fallback(r#"{"cached": {"max_age": "10s"}}"#);
        assert_eq!(cached.decide(at(0), 7, Failure::Error), Verdict::Fail);
        cached.succeeded(at(1), 7);
        assert_eq!(cached.decide(at(11), 7, Failure::Error), Verdict::Stale { age: Span::from_secs(10) });
        assert_eq!(cached.decide(at(12), 7, Failure::Error), Verdict::Fail);
        assert_eq!(cached.decide(at(2), 8, Failure::Error), Verdict::Fail);
    }

    #[test]
    fn a_full_table_forgets_by_key_and_never_mixes_answers_up() {
        let mut cached = fallback(r#"{"cached": {"entries": 4}}"#);
        for key in 0..100 {
            cached.succeeded(at(key), key);
        }
        let known = (0..100).filter(|&key| match cached.decide(at(200), key, Failure::Error) {
            Verdict::Stale { age } => {
                assert_eq!(age, Span::from_secs(200 - key));
                true
            }
            _ => false,
        });
        assert_eq!(known.count(), 4);
    }

    #[test]
    fn calls_to_the_other_endpoint_can_be_bounded() {
        let mut other = fallback(r#"{"endpoint": {"to": "static.page", "max_concurrent": 1}}"#);
        assert_eq!(other.decide(at(0), 0, Failure::Error), Verdict::Call);
        assert_eq!(other.decide(at(0), 0, Failure::Error), Verdict::Fail);
        other.call_ended();
        assert_eq!(other.decide(at(0), 0, Failure::Error), Verdict::Call);
    }

    #[test]
    fn a_fallback_on_nothing_is_refused() {
        let spec: Spec = serde_json::from_str(r#"{"cached": {"on": [], "entries": 0}}"#).unwrap();
        let paths: Vec<String> = check(&spec).into_iter().map(|problem| problem.path).collect();
        assert_eq!(paths, ["cached.entries", "cached.on"]);
    }
}
