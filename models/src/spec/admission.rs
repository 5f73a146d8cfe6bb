//! Whom a service lets in when there is more than it can do, and what it leaves out for those.

use super::Step;
use crate::{limit, rate_limit, shed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One guard at a service's door. Each replica has its own, and sees only its own calls; a rate limit can be shared.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Admission {
    /// A limit on the calls in a replica, waiting and served, that follows their latency. What is beyond it is `shed`.
    Limit(limit::Spec),
    /// So many calls in so much time; what is beyond it is `rate_limited`.
    RateLimit(rate_limit::Spec),
    /// A rule by which calls are `shed` on arrival or when their turn comes, or by which optional steps are left out.
    Shed(shed::Spec),
}

/// Steps that can be left out under load. With a `brownout` they are run with the probability of its dimmer, with a
/// `degradation` below the level.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Optional {
    /// The level of degradation from which on they are left out; 1 by default.
    #[serde(default = "first")]
    pub level: u8,
    /// What is then not done.
    pub steps: Vec<Step>,
}

fn first() -> u8 {
    1
}
