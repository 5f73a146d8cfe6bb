//! Retry budgets: what retries are paid from, so that they stay a share of the load instead of multiplying it.
//!
//! A budget is shared by all calls that one replica of a caller makes over an edge; it is written into the retry policy
//! (`retry: {exponential: {…, budget: {finagle: {}}}}`).
//!
//! # Who calls what, and when
//!
//! | call | when | who cares |
//! |---|---|---|
//! | [`Budget::began`] | an attempt goes out | deposits at the first one: Finagle, Linkerd, `token_bucket`; calls in flight: Envoy, failsafe-go |
//! | [`Budget::over`] | an attempt is over: answered, timed out, or left | gRPC pays and earns; Envoy counts |
//! | [`Budget::ask`] | a retry is to be made, before its delay: may it? | all; the only one that can refuse |
//! | [`Budget::settled`] | the retry that was granted is over, or its call was given up during the delay | slots: Envoy, `concurrent`, failsafe-go |
//! | [`Budget::ended`] | the call is over | AWS gives back; failsafe-go counts |
//!
//! An attempt that fails pays (`over`) before it is known whether the policy has attempts left, so that the last failure of
//! a call pays too, as in gRPC. A slot is held through the backoff, as in Envoy. No budget draws.

pub mod aws_quota;
pub mod concurrent;
pub mod envoy;
pub mod failsafe_go;
pub mod finagle;
pub mod grpc_throttle;
pub mod linkerd;
pub mod token_bucket;
mod window;

#[cfg(test)]
mod tests;

use crate::outcome::{Failure, Outcome};
use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Time;

/// What retries are paid from.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// A share of a token for each first attempt, a token for each retry.
    TokenBucket(token_bucket::Spec),
    /// At most so many retries at a time, whatever the load.
    Concurrent(concurrent::Spec),
    /// A share of the calls in flight, as in Envoy.
    Envoy(envoy::Spec),
    /// A share of the first attempts of the last seconds, as in Finagle.
    Finagle(finagle::Spec),
    /// A share of the first attempts of the last seconds, as in Linkerd and tower.
    Linkerd(linkerd::Spec),
    /// The token quota of an AWS SDK.
    AwsQuota(aws_quota::Spec),
    /// The throttle of a gRPC service config.
    GrpcThrottle(grpc_throttle::Spec),
    /// The budget of failsafe-go, which hedges share.
    FailsafeGo(failsafe_go::Spec),
}

impl Spec {
    /// What is wrong with it, each with its path below `budget`.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let (tag, problems) = match self {
            Self::TokenBucket(spec) => ("token_bucket", spec.check()),
            Self::Concurrent(spec) => ("concurrent", spec.check()),
            Self::Envoy(spec) => ("envoy", spec.check()),
            Self::Finagle(spec) => ("finagle", spec.check()),
            Self::Linkerd(spec) => ("linkerd", spec.check()),
            Self::AwsQuota(spec) => ("aws_quota", spec.check()),
            Self::GrpcThrottle(spec) => ("grpc_throttle", spec.check()),
            Self::FailsafeGo(spec) => ("failsafe_go", spec.check()),
        };
        problems.into_iter().map(|problem| problem.below(tag)).collect()
    }
}

/// A budget at work.
#[derive(Clone, Debug)]
pub enum Budget {
    /// See [`token_bucket`].
    TokenBucket(token_bucket::TokenBucket),
    /// See [`concurrent`].
    Concurrent(concurrent::Concurrent),
    /// See [`envoy`].
    Envoy(envoy::Envoy),
    /// See [`finagle`].
    Finagle(finagle::Finagle),
    /// See [`linkerd`].
    Linkerd(linkerd::Linkerd),
    /// See [`aws_quota`].
    AwsQuota(aws_quota::AwsQuota),
    /// See [`grpc_throttle`].
    GrpcThrottle(grpc_throttle::GrpcThrottle),
    /// See [`failsafe_go`].
    FailsafeGo(failsafe_go::FailsafeGo),
}

/// A retry that was allowed, and what it cost; the call keeps the last one until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    pub(crate) cost: u32,
}

/// How an attempt ended, for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Answered, well or not; `retryable` says whether the policy tries such a failure again.
    Answered {
        /// How.
        outcome: Outcome,
        /// The failure is one that the policy tries again, or the callee has asked for no retry.
        retryable: bool,
    },
    /// Nobody waits for it any more: the caller itself was left, or has timed out further out.
    Left,
}

impl Budget {
    /// The budget that a user wrote. It allocates only here.
    #[must_use]
    pub fn new(spec: &Spec, now: Time) -> Self {
        match spec {
            Spec::TokenBucket(spec) => Self::TokenBucket(token_bucket::TokenBucket::new(spec)),
            Spec::Concurrent(spec) => Self::Concurrent(concurrent::Concurrent::new(spec)),
            Spec::Envoy(spec) => Self::Envoy(envoy::Envoy::new(spec, now)),
            Spec::Finagle(spec) => Self::Finagle(finagle::Finagle::new(spec, now)),
            Spec::Linkerd(spec) => Self::Linkerd(linkerd::Linkerd::new(spec, now)),
            Spec::AwsQuota(spec) => Self::AwsQuota(aws_quota::AwsQuota::new(spec)),
            Spec::GrpcThrottle(spec) => Self::GrpcThrottle(grpc_throttle::GrpcThrottle::new(spec)),
            Spec::FailsafeGo(spec) => Self::FailsafeGo(failsafe_go::FailsafeGo::new(spec)),
        }
    }

    /// An attempt goes out: the first one of its call, or a retry.
    #[inline]
    pub fn began(&mut self, now: Time, first: bool) {
        match self {
            Self::TokenBucket(budget) if first => budget.deposit(),
            Self::Finagle(budget) if first => budget.deposit(now),
            Self::Linkerd(budget) if first => budget.deposit(now),
            Self::Envoy(budget) => budget.began(now),
            Self::FailsafeGo(budget) if first => budget.began(),
            _ => {}
        }
    }

    /// An attempt is over.
    #[inline]
    pub fn over(&mut self, over: Over) {
        match self {
            Self::Envoy(budget) => budget.over(),
            Self::GrpcThrottle(budget) => match over {
                Over::Answered { outcome: Ok(()), .. } => budget.succeeded(),
                Over::Answered { outcome: Err(_), retryable: true } => budget.failed(),
                _ => {}
            },
            _ => {}
        }
    }

    /// May the call be tried again after this failure? Takes what the retry costs if so.
    #[inline]
    pub fn ask(&mut self, now: Time, failure: Failure) -> Option<Grant> {
        match self {
            Self::TokenBucket(budget) => budget.ask(),
            Self::Concurrent(budget) => budget.ask(),
            Self::Envoy(budget) => budget.ask(now),
            Self::Finagle(budget) => budget.ask(now),
            Self::Linkerd(budget) => budget.ask(now),
            Self::AwsQuota(budget) => budget.ask(failure),
            Self::GrpcThrottle(budget) => budget.ask(),
            Self::FailsafeGo(budget) => budget.ask(),
        }
    }

    /// The retry that was granted is over, or will not be made.
    #[inline]
    pub fn settled(&mut self, _: Grant) {
        match self {
            Self::Concurrent(budget) => budget.settled(),
            Self::Envoy(budget) => budget.settled(),
            Self::FailsafeGo(budget) => budget.settled(),
            _ => {}
        }
    }

    /// A call is over: whether it succeeded, and the last grant that it got.
    #[inline]
    pub fn ended(&mut self, success: bool, last: Option<Grant>) {
        match self {
            Self::AwsQuota(budget) if success => budget.succeeded(last),
            Self::FailsafeGo(budget) => budget.ended(),
            _ => {}
        }
    }
}
