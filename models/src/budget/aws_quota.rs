//! The retry quota of the AWS SDKs.
//!
//! Source: botocore 1.40.0 and 1.44.5, `retries/quota.py`, `retries/standard.py`; recordings in
//! `tests/conformance/vectors/`.

use super::Grant;
use crate::outcome::Failure;
use crate::problem::{Found, Problem};
use crate::retry::Failures;
use crate::retry::aws_standard::throttling;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A bucket of tokens that a retry takes from by the kind of its failure. A call that succeeds gives back what its last
/// retry cost, or `success` if it needed none. A call that fails gives back nothing. A retry that costs more than there is
/// is not made.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Tokens when it is full, as it is at first; 500 by default.
    #[serde(default = "five_hundred")]
    pub capacity: u32,
    /// What a retry costs; 14 by default, and 5 before 2026.
    #[serde(default = "fourteen")]
    pub cost: u32,
    /// What a retry costs after a timeout; 14 by default, and 10 before 2026.
    #[serde(default = "fourteen")]
    pub timeout_cost: u32,
    /// What a retry costs after throttling; 5 by default.
    #[serde(default = "five")]
    pub throttling_cost: u32,
    /// Failures that are throttling; `rate_limited` and `shed` by default.
    #[serde(default = "throttling")]
    pub throttling: Vec<Failure>,
    /// What a call gives that succeeds at once; 1 by default.
    #[serde(default = "one")]
    pub success: u32,
}

const fn five_hundred() -> u32 {
    500
}

const fn fourteen() -> u32 {
    14
}

const fn five() -> u32 {
    5
}

const fn one() -> u32 {
    1
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.within("capacity", self.capacity.into(), 1, 1_000_000_000);
        found.all()
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct AwsQuota {
    capacity: u32,
    available: u32,
    cost: u32,
    timeout_cost: u32,
    throttling_cost: u32,
    throttling: Failures,
    success: u32,
}

impl AwsQuota {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            capacity: spec.capacity,
            available: spec.capacity,
            cost: spec.cost,
            timeout_cost: spec.timeout_cost,
            throttling_cost: spec.throttling_cost,
            throttling: Failures::these(&spec.throttling),
            success: spec.success,
        }
    }

    /// Tokens there are.
    #[must_use]
    pub const fn available(&self) -> u32 {
        self.available
    }

    pub(super) fn ask(&mut self, failure: Failure) -> Option<Grant> {
        let cost = match failure {
            _ if self.throttling.contains(failure) => self.throttling_cost,
            Failure::Timeout => self.timeout_cost,
            _ => self.cost,
        };
        self.available = self.available.checked_sub(cost)?;
        Some(Grant { cost })
    }

    pub(super) fn succeeded(&mut self, last: Option<Grant>) {
        let given = last.map_or(self.success, |grant| grant.cost);
        self.available = self.available.saturating_add(given).min(self.capacity);
    }
}
