//! gRPC's retry throttling.
//!
//! Source: gRFC A6; grpc-go `clientconn.go`, grpc-java `RetriableStream.java`, grpc-js; recording in
//! `tests/conformance/vectors/`.

use super::Grant;
use crate::problem::{Found, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tokens of which each failure takes one and each success gives back a part; retries are made only while more than half
/// are there. The last failure of a call pays as well. From full, five failures out of ten tokens stop all retries, and at
/// a ratio of 0.1 a success for each failure that is above 9 % of the load keeps them stopped.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Tokens when it is full, as it is at first; up to 1000.
    pub max_tokens: f64,
    /// What a success gives back, of a token.
    pub token_ratio: f64,
    /// Count in whole thousandths, as grpc-java does; by default in floating point, as the others do, where ten tenths are
    /// a little less or more than one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub thousandths: bool,
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        let rule = format!("{} is not above 0, up to 1000", self.max_tokens);
        let fine = self.max_tokens > 0.0 && self.max_tokens <= 1000.0;
        found.unless(fine, "max_tokens", &rule, "10 is usual");
        let rule = format!("{} is not above 0, up to 1000", self.token_ratio);
        let fine = self.token_ratio > 0.0 && self.token_ratio <= 1000.0;
        found.unless(fine, "token_ratio", &rule, "0.1 is usual");
        found.all()
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct GrpcThrottle {
    tokens: f64,
    most: f64,
    ratio: f64,
    threshold: f64,
    one: f64,
}

impl GrpcThrottle {
    pub(super) fn new(spec: &Spec) -> Self {
        // Whole thousandths are exact in a float, so one arithmetic serves both.
        let (one, most, ratio) = if spec.thousandths {
            (1000.0, (spec.max_tokens * 1000.0).trunc(), (spec.token_ratio * 1000.0).trunc())
        } else {
            (1.0, spec.max_tokens, spec.token_ratio)
        };
        let threshold = if spec.thousandths { (most / 2.0).trunc() } else { most / 2.0 };
        Self { tokens: most, most, ratio, threshold, one }
    }

    /// Tokens there are.
    #[must_use]
    pub fn tokens(&self) -> f64 {
        self.tokens / self.one
    }

    pub(super) fn failed(&mut self) {
        self.tokens = (self.tokens - self.one).max(0.0);
    }

    pub(super) fn succeeded(&mut self) {
        self.tokens = (self.tokens + self.ratio).min(self.most);
    }

    pub(super) fn ask(&self) -> Option<Grant> {
        (self.tokens > self.threshold).then_some(Grant { cost: 0 })
    }
}
