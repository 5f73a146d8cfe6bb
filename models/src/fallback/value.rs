//! A default value instead of an answer.

use crate::outcome::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The call succeeds at once with a default value, which is counted as a degraded success.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Which failures are covered; all of them by default, except that nobody waits any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}
