//! failsafe-go's budget for retries and hedges.
//!
//! Source: failsafe-go 0.9, `budget`.

use super::Grant;
use crate::problem::{Found, Problem};
use crate::units::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// At most a share of the calls in flight may be retries (or hedges). What is compared is the share as it is before the
/// next one, so it can go over by one.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Retries over calls in flight; 20 % by default.
    #[serde(default = "fifth")]
    pub share: Share,
    /// Retries at a time that are allowed whatever the load; 3 by default.
    #[serde(default = "three")]
    pub min_concurrency: u32,
}

const fn fifth() -> Share {
    Share::new(0.2)
}

const fn three() -> u32 {
    3
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        Found::default().all()
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct FailsafeGo {
    share: f64,
    least: u32,
    calls: u32,
    retries: u32,
}

impl FailsafeGo {
    pub(super) fn new(spec: &Spec) -> Self {
        Self { share: spec.share.get(), least: spec.min_concurrency, calls: 0, retries: 0 }
    }

    pub(super) fn began(&mut self) {
        self.calls += 1;
    }

    pub(super) fn ended(&mut self) {
        self.calls = self.calls.saturating_sub(1);
    }

    pub(super) fn ask(&mut self) -> Option<Grant> {
        if self.retries >= self.least && f64::from(self.retries) > self.share * f64::from(self.calls) {
            return None;
        }
        self.retries += 1;
        Some(Grant { cost: 1 })
    }

    pub(super) fn settled(&mut self) {
        self.retries = self.retries.saturating_sub(1);
    }
}
