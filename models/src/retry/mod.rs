//! Retries: whether a failed attempt is tried again, and after how long.

pub mod constant;
pub mod exponential;
mod jitter;

pub use jitter::Jitter;

use crate::outcome::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

/// Try a failed call again.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// After the same delay each time.
    Constant(constant::Spec),
    /// After delays that grow by a factor.
    Exponential(exponential::Spec),
}

/// A retry policy at work. It keeps no state of its own: what it needs to know of the call, the call carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Retry {
    Constant(constant::Constant),
    Exponential(exponential::Exponential),
}

/// What a retry policy sees of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// Attempts made so far, from 1.
    pub(crate) attempts: u16,
    /// The delay before the last attempt; zero before the first retry.
    pub(crate) previous: Span,
    /// How the last attempt failed.
    pub(crate) failure: Failure,
}

impl Retry {
    pub(crate) fn new(spec: &Spec) -> Self {
        match spec {
            Spec::Constant(spec) => Self::Constant(constant::Constant::new(spec)),
            Spec::Exponential(spec) => Self::Exponential(exponential::Exponential::new(spec)),
        }
    }

    pub(crate) const fn attempts(&self) -> u16 {
        match self {
            Self::Constant(policy) => policy.attempts,
            Self::Exponential(policy) => policy.attempts,
        }
    }

    /// After how long to try again; `None` to give up. Draws at most once.
    #[inline]
    pub(crate) fn decide(&self, facts: Facts, draws: &mut impl Draw) -> Option<Span> {
        let (attempts, on) = match self {
            Self::Constant(policy) => (policy.attempts, policy.on),
            Self::Exponential(policy) => (policy.attempts, policy.on),
        };
        if facts.attempts >= attempts || !on.contains(facts.failure) {
            return None;
        }
        Some(match self {
            Self::Constant(policy) => policy.delay(facts, draws),
            Self::Exponential(policy) => policy.delay(facts, draws),
        })
    }
}

/// A set of failures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failures(u32);

impl Failures {
    /// These failures; without a list, all of them.
    pub(crate) fn new(list: Option<&Vec<Failure>>) -> Self {
        Self(list.map_or(u32::MAX, |list| list.iter().fold(0, |set, &failure| set | 1 << failure as u32)))
    }

    pub(crate) const fn contains(self, failure: Failure) -> bool {
        self.0 & 1 << failure as u32 != 0
    }
}
