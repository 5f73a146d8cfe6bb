//! Single-flight: one does the work, the others share its outcome.
//!
//! Source: Go `golang.org/x/sync/singleflight`; the window and its 5 s are the aurum runbook's request coalescing. No
//! more than one fill of a key begins within a window and a scope.

use super::{Facts, Verdict};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;

/// While one call fills an entry, others that want the same key wait for it and share its outcome. Nothing is remembered
/// afterwards but what is in the cache. As Go's `singleflight`, errors are shared too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How long a fill can be joined; a call that comes later begins another one. For as long as it runs by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Duration>,
    /// Who shares: all who use the cache, or the calls within one replica, which is how a library in the process works;
    /// `cache` by default. (With `per_replica` the cache is the replica's.)
    #[serde(default)]
    pub scope: Scope,
    /// What those who wait do when the work fails; `share` by default.
    #[serde(default)]
    pub errors: Errors,
}

/// Who shares the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All calls that look into the same cache.
    #[default]
    Cache,
    /// Calls within the same replica.
    Replica,
}

/// What those who wait do when the work fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Errors {
    /// Fail as well, with the same cause.
    #[default]
    Share,
    /// Look again: one of them does the work anew, and the rest waits for that.
    Retry,
}

/// Single-flight at work.
#[derive(Clone, Copy, Debug)]
pub struct SingleFlight {
    window: Span,
    pub(crate) by_replica: bool,
    pub(crate) shares_errors: bool,
}

impl SingleFlight {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self {
            window: spec.window.map_or(Span::MAX, Duration::span),
            by_replica: spec.scope == Scope::Replica,
            shares_errors: spec.errors == Errors::Share,
        }
    }

    /// What a call is to do after a miss.
    #[must_use]
    pub fn ask(&self, facts: &Facts) -> Verdict {
        match facts.filling {
            Some(began) if facts.now.since(began) < self.window => Verdict::Join,
            _ => Verdict::Fill { lock: None },
        }
    }
}
