//! Leases: a miss hands out a token for the key, at most one in so many seconds.
//!
//! Source: Nishtala et al., "Scaling Memcache at Facebook" (NSDI 2013), section 3.2.1: a token once every 10 s for each
//! key; others are told to wait a short time; a set counts only with the token that is still valid, and a delete makes it
//! invalid; a stale value can be handed out instead of waiting.

use super::{Facts, Verdict};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;

/// memcache leases (NSDI 2013). A miss gives a token for the key to one caller, which does the work; others who want the
/// key within the token's time come back after a short wait. What is written counts only while its token is valid: an
/// invalidation, or a newer token, voids it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// A key's next token is given no sooner than this after the last one; 10 s by default.
    #[serde(default = "ten_seconds")]
    pub token: Duration,
    /// How long those without a token wait before they look again; 50 ms by default.
    #[serde(default = "short")]
    pub retry: Duration,
    /// Give the expired value, if it is still there, to those without a token; off by default.
    #[serde(default)]
    pub stale: bool,
}

fn ten_seconds() -> Duration {
    Duration::from_seconds(10.0)
}

fn short() -> Duration {
    Duration::from_seconds(0.05)
}

impl Default for Spec {
    fn default() -> Self {
        Self { token: ten_seconds(), retry: short(), stale: false }
    }
}

/// Leases at work.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    token: Span,
    retry: Span,
    stale: bool,
}

impl Lease {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self { token: spec.token.span(), retry: spec.retry.span(), stale: spec.stale }
    }

    /// What a call is to do after a miss.
    #[must_use]
    pub fn ask(&self, facts: &Facts) -> Verdict {
        match facts.locked {
            Some(until) if facts.now < until => {
                if self.stale && facts.stale {
                    Verdict::Stale
                } else {
                    Verdict::LookAgain(self.retry)
                }
            }
            _ => Verdict::Fill { lock: Some(self.token) },
        }
    }
}
