//! Another endpoint's answer instead.

use crate::outcome::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Calls another endpoint, without further policies; its outcome is that of the call.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// What is called: `service.endpoint`.
    pub to: String,
    /// How many such calls there may be at once, the rest fails (Hystrix: 10); no bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u32>,
    /// Which failures are covered; all of them by default, except that nobody waits any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}
