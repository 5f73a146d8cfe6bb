//! Drop at dequeue by the caller's deadline, with a margin for the work. Draws nothing.

use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Drops a call whose deadline is too near to still be met, when a worker would take it. It knows the deadline only of
/// calls over edges with `propagate_deadline`; of these it drops more than the queue does by itself, which drops what is
/// already late.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How much time has to be left: about as long as the work takes.
    pub margin: Duration,
}
