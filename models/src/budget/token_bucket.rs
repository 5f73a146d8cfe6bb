//! The plain retry budget: a share of a token for each first attempt, a token for each retry.
//!
//! Source: Marc Brooker, "Fixing retries with token buckets and circuit breakers" (2022).

use super::Grant;
use crate::problem::{Found, Problem};
use crate::units::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Each first attempt pays a share of a token into a bucket, and each retry takes a whole one, so that in the long run
/// retries are at most that share of first attempts, however many fail.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Retries for each first attempt; 10 % by default.
    #[serde(default = "tenth")]
    pub share: Share,
    /// Tokens when it is full: how many retries there can be at once; 100 by default.
    #[serde(default = "hundred")]
    pub capacity: u32,
    /// It is empty at first; by default it is full.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_empty: bool,
}

const fn tenth() -> Share {
    Share::new(0.1)
}

const fn hundred() -> u32 {
    100
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.within("capacity", self.capacity.into(), 1, 1_000_000_000);
        found.all()
    }
}

/// Tokens are counted in millionths, so that ten tenths are exactly one.
const TOKEN: u64 = 1_000_000;

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct TokenBucket {
    tokens: u64,
    most: u64,
    deposit: u64,
}

impl TokenBucket {
    pub(super) fn new(spec: &Spec) -> Self {
        let most = u64::from(spec.capacity) * TOKEN;
        let deposit = (spec.share.get() * TOKEN as f64).round() as u64;
        Self { tokens: if spec.start_empty { 0 } else { most }, most, deposit }
    }

    pub(super) fn deposit(&mut self) {
        self.tokens = (self.tokens + self.deposit).min(self.most);
    }

    pub(super) fn ask(&mut self) -> Option<Grant> {
        self.tokens = self.tokens.checked_sub(TOKEN)?;
        Some(Grant { cost: 1 })
    }
}
