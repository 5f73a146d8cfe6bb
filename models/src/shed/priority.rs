//! Room in the queue by the importance of the client. Draws nothing.

use super::Arrival;
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A call is turned away on arrival when the queue is already as long as its class allows.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How many waiting calls are a full queue.
    pub full: u64,
    /// Up to which share of that each class may join: the first is for priority 0, the last for all classes from there
    /// on; `[100%, 75%, 50%]` by default.
    #[serde(default = "thirds")]
    pub shares: Vec<Share>,
    /// Up to which share calls may join to which a retry or a reload has led, if that is less; as their class by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Share>,
}

fn thirds() -> Vec<Share> {
    vec![Share::new(1.0), Share::new(0.75), Share::new(0.5)]
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("priority");
    problems.count(spec.full, 1, 1 << 32, "full").count(spec.shares.len() as u64, 1, 256, "shares");
    problems.into_found()
}

/// The longest queue that each class may join.
#[derive(Clone, Debug)]
pub struct Priority {
    classes: Vec<u64>,
    retries: u64,
}

impl Priority {
    pub(super) fn new(spec: &Spec) -> Self {
        let bound = |share: &Share| (spec.full as f64 * share.get()) as u64;
        let retries = spec.retries.as_ref().map_or(u64::MAX, bound);
        Self { classes: spec.shares.iter().map(bound).collect(), retries }
    }

    pub(super) fn admits(&self, facts: &Arrival) -> bool {
        let class = usize::from(facts.priority).min(self.classes.len() - 1);
        let most = if facts.again { self.classes[class].min(self.retries) } else { self.classes[class] };
        // Who finds a free worker does not join the queue.
        facts.busy < facts.capacity || facts.waiting < most
    }
}
