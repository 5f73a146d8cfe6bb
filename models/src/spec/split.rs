//! Traffic that is split between several services: two versions of one, or two environments.

use super::Named;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name that stands for several services, its sides. Whoever calls it calls one of them.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// What this stands for, and where its numbers come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The services, each with its share of the calls in relation to the others: `{control: 90, canary: 10}`. One with 0 gets
    /// nothing. All need the endpoints that are called.
    pub weights: Named<f64>,
    /// How long it takes until everybody has heard of new weights: each caller asks once in this time, at a moment of its own, as
    /// with a name server's TTL. By default everybody knows at once. A caller is a session where there are sessions, otherwise a
    /// replica of a service, or any single request of a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
    /// What becomes of a session that comes to another side; `shared` by default. For clients with `sessions`.
    #[serde(default, skip_serializing_if = "State::is_shared")]
    pub state: State,
}

/// Where the state of sessions is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In one store that all sides use: a session goes on wherever it comes.
    #[default]
    Shared,
    /// In each side, and every change is copied to the others at once, as long as copying works.
    Copied,
    /// In each side alone: a session is lost where it has not been before, or has been elsewhere since.
    Local,
}

impl State {
    /// The default.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        *self == Self::Shared
    }
}
