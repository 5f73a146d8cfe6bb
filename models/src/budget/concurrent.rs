//! A number of retries at a time, whatever the load: Envoy's `max_retries`.
//!
//! Source: Envoy, `resource_manager_impl.h`, circuit_breaker.proto.

use super::Grant;
use crate::problem::{Found, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// At most so many retries at a time. A retry counts from the moment that it is decided on, through its delay, to its
/// answer, so slow backoff uses it up as well.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How many; 3 by default.
    #[serde(default = "three")]
    pub retries: u32,
}

const fn three() -> u32 {
    3
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        found.within("retries", self.retries.into(), 1, u32::MAX.into());
        found.all()
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct Concurrent {
    most: u32,
    active: u32,
}

impl Concurrent {
    pub(super) fn new(spec: &Spec) -> Self {
        Self { most: spec.retries, active: 0 }
    }

    pub(super) fn ask(&mut self) -> Option<Grant> {
        if self.active >= self.most {
            return None;
        }
        self.active += 1;
        Some(Grant { cost: 1 })
    }

    pub(super) fn settled(&mut self) {
        self.active = self.active.saturating_sub(1);
    }
}
