//! One call at a time.
//!
//! Source: pybreaker 1.4, which runs every call under the breaker's own lock: the others wait, without a bound.

use super::semaphore::Places;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One call at a time. The others wait in line, first come, first served, as long as it takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {}

pub(super) const fn places() -> Places {
    Places::new(1, u32::MAX, None)
}
