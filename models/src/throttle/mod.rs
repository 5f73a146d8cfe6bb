//! Client-side throttles: a caller that holds calls back by itself when the callee refuses or fails too many.
//!
//! A throttle is one policy of an edge (`throttle: {sre: {}}`), and each replica of the caller has its own.
//!
//! # Who calls what, and when
//!
//! 1. A call (or, inside of a retry, an attempt) comes to the throttle: [`Throttle::admit`]. [`Verdict::Reject`] ends it as
//!    `throttled`; [`Verdict::Again`] means to wait for so long and to ask once more.
//! 2. What was admitted has come to an outcome: [`Throttle::ended`]. What was rejected is not reported, and neither is what
//!    was left by its caller: nobody knows how it would have ended.
//!
//! `admit` draws at most once, from the call's own luck.

pub mod aws_adaptive;
pub mod envoy_admission;
pub mod failsafe_go;
pub mod sre;
mod tally;

#[cfg(test)]
mod tests;

use crate::outcome::Outcome;
use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// Hold calls back when the callee refuses or fails too many of them.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// By chance, the more the fewer were accepted: Google's adaptive throttling.
    Sre(sre::Spec),
    /// The same idea, as failsafe-go does it.
    FailsafeGo(failsafe_go::Spec),
    /// The same idea, as Envoy's admission control does it.
    EnvoyAdmission(envoy_admission::Spec),
    /// Down to a rate, as an AWS SDK does in its `adaptive` mode.
    AwsAdaptive(aws_adaptive::Spec),
}

impl Spec {
    /// What is wrong with it, each with its path below `throttle`.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let (tag, problems) = match self {
            Self::Sre(spec) => ("sre", spec.check()),
            Self::FailsafeGo(spec) => ("failsafe_go", spec.check()),
            Self::EnvoyAdmission(spec) => ("envoy_admission", spec.check()),
            Self::AwsAdaptive(spec) => ("aws_adaptive", spec.check()),
        };
        problems.into_iter().map(|problem| problem.below(tag)).collect()
    }
}

/// What becomes of a call that comes to a throttle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Admit,
    /// It is over.
    Reject,
    /// It waits for so long, and asks once more.
    Again(Span),
}

/// A throttle at work.
#[derive(Clone, Debug)]
pub enum Throttle {
    /// See [`sre`].
    Sre(sre::Sre),
    /// See [`failsafe_go`].
    FailsafeGo(failsafe_go::FailsafeGo),
    /// See [`envoy_admission`].
    EnvoyAdmission(envoy_admission::EnvoyAdmission),
    /// See [`aws_adaptive`].
    AwsAdaptive(aws_adaptive::AwsAdaptive),
}

impl Throttle {
    /// The throttle that a user wrote. It allocates only here.
    #[must_use]
    pub fn new(spec: &Spec, now: Time) -> Self {
        match spec {
            Spec::Sre(spec) => Self::Sre(sre::Sre::new(spec)),
            Spec::FailsafeGo(spec) => Self::FailsafeGo(failsafe_go::FailsafeGo::new(spec)),
            Spec::EnvoyAdmission(spec) => Self::EnvoyAdmission(envoy_admission::EnvoyAdmission::new(spec)),
            Spec::AwsAdaptive(spec) => Self::AwsAdaptive(aws_adaptive::AwsAdaptive::new(spec, now)),
        }
    }

    /// May this call go on? Draws at most once.
    #[inline]
    pub fn admit(&mut self, now: Time, draws: &mut impl Draw) -> Verdict {
        match self {
            Self::Sre(throttle) => throttle.admit(now, draws),
            Self::FailsafeGo(throttle) => throttle.admit(now, draws),
            Self::EnvoyAdmission(throttle) => throttle.admit(now, draws),
            Self::AwsAdaptive(throttle) => throttle.admit(now),
        }
    }

    /// What was admitted has come to this outcome.
    #[inline]
    pub fn ended(&mut self, now: Time, outcome: Outcome) {
        match self {
            Self::Sre(throttle) => throttle.ended(now, outcome),
            Self::FailsafeGo(throttle) => throttle.ended(now, outcome),
            Self::EnvoyAdmission(throttle) => throttle.ended(now, outcome),
            Self::AwsAdaptive(throttle) => throttle.ended(now, outcome),
        }
    }
}
