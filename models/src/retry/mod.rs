//! Retries: whether a failed attempt is tried again, and after how long.
//!
//! # Who calls what, and when
//!
//! A retry policy keeps no state: what it has to know of a call, the call carries in [`Facts`]. Its budget
//! ([`crate::budget`]) is the part with a state, one for each caller. For each call:
//!
//! 1. The first attempt goes out: `budget.began(now, true)`.
//! 2. An attempt is over: `budget.over(now, result)`, with [`Retry::retries`] for whether a failure is one of the kind that
//!    is tried again. A success ends the call, see 6.
//! 3. It has failed: [`Retry::decide`]. `None` ends the call. Otherwise the call keeps `memory` for the next time.
//! 4. `budget.ask(now, failure)`, before the delay. Without a grant the call ends; with one it waits out the delay. The call
//!    keeps the grant. A grant from before is given back first, by `budget.settled(now, grant)`.
//! 5. The delay is over and the retry goes out: `budget.began(now, false)`; and so on with 2.
//! 6. The call is over, in whatever way: `budget.settled(now, grant)` if it holds one, then `budget.ended(now, ok, grant)`.
//!
//! `decide` draws at most once, from the request's own luck.

mod attempts;
mod common;
mod jitter;

pub mod aws_standard;
pub mod cockatiel;
pub mod constant;
pub mod envoy;
pub mod exponential;
pub mod finagle;
pub mod grpc;
pub mod linear;
pub mod polly;
pub mod resilience4j;
pub mod tenacity;
pub mod urllib3;

#[cfg(test)]
mod tests;

pub use attempts::Attempts;
pub use common::Failures;
pub use jitter::Jitter;

use crate::budget;
use crate::outcome::Failure;
use crate::problem::Problem;
use common::Rules;
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
    /// After delays that grow by the same step.
    Linear(linear::Spec),
    /// After delays that grow by a factor.
    Exponential(exponential::Spec),
    /// As an AWS SDK does in its `standard` mode.
    AwsStandard(aws_standard::Spec),
    /// As cockatiel does (Node.js).
    Cockatiel(cockatiel::Spec),
    /// As Envoy does, and with it Istio.
    Envoy(envoy::Spec),
    /// As Finagle's backoffs do.
    Finagle(finagle::Spec),
    /// As gRPC does by its service config.
    Grpc(grpc::Spec),
    /// As Polly 8 does (.NET).
    Polly(polly::Spec),
    /// As resilience4j does (Java).
    Resilience4j(resilience4j::Spec),
    /// As tenacity does (Python).
    Tenacity(tenacity::Spec),
    /// As urllib3 does (Python), and with it requests.
    Urllib3(urllib3::Spec),
}

/// Evaluates an expression on whichever member there is.
macro_rules! each {
    ($on:expr, $type:ident, $member:ident => $do:expr) => {
        match $on {
            $type::Constant($member) => $do,
            $type::Linear($member) => $do,
            $type::Exponential($member) => $do,
            $type::AwsStandard($member) => $do,
            $type::Cockatiel($member) => $do,
            $type::Envoy($member) => $do,
            $type::Finagle($member) => $do,
            $type::Grpc($member) => $do,
            $type::Polly($member) => $do,
            $type::Resilience4j($member) => $do,
            $type::Tenacity($member) => $do,
            $type::Urllib3($member) => $do,
        }
    };
}

impl Spec {
    /// The budget that these retries are paid from.
    #[must_use]
    pub fn budget(&self) -> Option<&budget::Spec> {
        each!(self, Spec, spec => spec.budget.as_ref())
    }

    /// What is wrong with it, each with its path below `retry`.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let (tag, mut problems) = match self {
            Self::Constant(spec) => ("constant", spec.check()),
            Self::Linear(spec) => ("linear", spec.check()),
            Self::Exponential(spec) => ("exponential", spec.check()),
            Self::AwsStandard(spec) => ("aws_standard", spec.check()),
            Self::Cockatiel(spec) => ("cockatiel", spec.check()),
            Self::Envoy(spec) => ("envoy", spec.check()),
            Self::Finagle(spec) => ("finagle", spec.check()),
            Self::Grpc(spec) => ("grpc", spec.check()),
            Self::Polly(spec) => ("polly", spec.check()),
            Self::Resilience4j(spec) => ("resilience4j", spec.check()),
            Self::Tenacity(spec) => ("tenacity", spec.check()),
            Self::Urllib3(spec) => ("urllib3", spec.check()),
        };
        problems.extend(each!(self, Spec, spec => spec.check_common()));
        problems.into_iter().map(|problem| problem.below(tag)).collect()
    }
}

/// A retry policy at work. It keeps no state of its own: what it needs to know of the call, the call carries.
#[derive(Clone, Debug)]
pub struct Retry {
    rules: Rules,
    backoff: Backoff,
}

/// How long to wait, for each member.
#[derive(Clone, Debug)]
enum Backoff {
    Constant(constant::Constant),
    Linear(linear::Linear),
    Exponential(exponential::Exponential),
    AwsStandard(aws_standard::AwsStandard),
    Cockatiel(cockatiel::Cockatiel),
    Envoy(envoy::Envoy),
    Finagle(finagle::Finagle),
    Grpc(grpc::Grpc),
    Polly(polly::Polly),
    Resilience4j(resilience4j::Resilience4j),
    Tenacity(tenacity::Tenacity),
    Urllib3(urllib3::Urllib3),
}

/// What a retry policy sees of a call, when an attempt of it has failed.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Attempts made so far, from 1.
    pub attempts: u16,
    /// Since the first attempt began.
    pub elapsed: Span,
    /// What the policy left with the call the last time; 0 before the first retry.
    pub memory: u64,
    /// How the last attempt failed.
    pub failure: Failure,
    /// What the callee asked for when it failed the call.
    pub hint: Hint,
    /// Whether a second execution does no harm.
    pub idempotent: bool,
}

/// What a callee can ask for when it turns a call away: `Retry-After`, gRPC's pushback, AWS' `x-amz-retry-after`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    /// Nothing.
    #[default]
    None,
    /// To come back after so long.
    After(Span),
    /// Not to come back with this call.
    Never,
}

/// A retry that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// After how long.
    pub delay: Span,
    /// To be kept with the call, and shown again as [`Facts::memory`].
    pub memory: u64,
}

impl Next {
    /// A retry after a delay, for a policy that wants to be told that delay the next time.
    const fn after(delay: Span) -> Self {
        Self { delay, memory: delay.nanos() }
    }
}

impl Retry {
    /// The policy that a user wrote.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        let backoff = match spec {
            Spec::Constant(spec) => Backoff::Constant(constant::Constant::new(spec)),
            Spec::Linear(spec) => Backoff::Linear(linear::Linear::new(spec)),
            Spec::Exponential(spec) => Backoff::Exponential(exponential::Exponential::new(spec)),
            Spec::AwsStandard(spec) => Backoff::AwsStandard(aws_standard::AwsStandard::new(spec)),
            Spec::Cockatiel(spec) => Backoff::Cockatiel(cockatiel::Cockatiel::new(spec)),
            Spec::Envoy(spec) => Backoff::Envoy(envoy::Envoy::new(spec)),
            Spec::Finagle(spec) => Backoff::Finagle(finagle::Finagle::new(spec)),
            Spec::Grpc(spec) => Backoff::Grpc(grpc::Grpc::new(spec)),
            Spec::Polly(spec) => Backoff::Polly(polly::Polly::new(spec)),
            Spec::Resilience4j(spec) => Backoff::Resilience4j(resilience4j::Resilience4j::new(spec)),
            Spec::Tenacity(spec) => Backoff::Tenacity(tenacity::Tenacity::new(spec)),
            Spec::Urllib3(spec) => Backoff::Urllib3(urllib3::Urllib3::new(spec)),
        };
        Self { rules: each!(spec, Spec, spec => spec.rules(spec.most())), backoff }
    }

    /// How many attempts there are at most, the first one included.
    #[must_use]
    pub const fn attempts(&self) -> u16 {
        self.rules.attempts
    }

    /// Whether this failure is of a kind that is tried again, if attempts are left.
    #[must_use]
    pub const fn retries(&self, failure: Failure) -> bool {
        self.rules.on.contains(failure)
    }

    /// When to try again; `None` to give up. Draws at most once.
    #[inline]
    pub fn decide(&self, facts: Facts, draws: &mut impl Draw) -> Option<Next> {
        if !self.rules.allow(facts) {
            return None;
        }
        let next = each!(&self.backoff, Backoff, policy => policy.next(facts, draws))?;
        (facts.elapsed + next.delay < self.rules.stop_before).then_some(next)
    }
}
