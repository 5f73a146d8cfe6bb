//! What a scenario file holds. The doc comments are the user's documentation.

use super::expect::Expect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_models::spec::Named;
use squall_models::units::{Duration, Share};
use std::collections::BTreeMap;

/// A scenario: a world, what goes wrong in it, what could be done about it, and what is expected of it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Version of the file format; today `1`.
    pub squall: u32,
    /// What this scenario is about, for a person.
    #[serde(default)]
    pub about: Option<String>,
    /// A file (relative to this one) whose sections this one is laid over.
    #[serde(default)]
    pub topology: Option<String>,
    /// Sets of keys that requests are about, with their popularity.
    #[serde(default)]
    pub keys: Named<squall_models::spec::Keys>,
    /// Sources of requests.
    #[serde(default)]
    pub clients: Named<squall_models::spec::Client>,
    /// What serves requests.
    #[serde(default)]
    pub services: Named<squall_models::spec::Service>,
    /// Keyed caches that endpoints look into.
    #[serde(default)]
    pub caches: Named<squall_models::spec::Cache>,
    /// Names that stand for several services, and how calls are shared among them.
    #[serde(default)]
    pub splits: Named<squall_models::spec::Split>,
    /// What goes wrong, and when.
    #[serde(default)]
    pub faults: Vec<squall_models::spec::Fault>,
    /// What is done about it, or to the system anyway, and when.
    #[serde(default)]
    pub actions: Vec<squall_models::spec::Planned>,
    /// What is measured of the system, and what alerts come of it.
    #[serde(default)]
    pub monitoring: Option<squall_models::spec::Monitoring>,
    /// Who answers alerts, and how.
    #[serde(default)]
    pub operators: Named<squall_models::spec::Operator>,
    /// Who changes the weights of splits when a new version comes.
    #[serde(default)]
    pub rollouts: Named<squall_models::spec::Rollout>,
    /// Changes in this scenario against its topology, as paths and values; they hold for every variant.
    #[serde(default)]
    pub set: BTreeMap<String, serde_json::Value>,
    /// What could be done about it, by name. The scenario as it stands is the variant `unmitigated`.
    #[serde(default)]
    pub variants: Named<Variant>,
    /// How long to run, how often, and how precisely to look.
    #[serde(default)]
    pub run: Run,
    /// What must hold, judged by machine.
    #[serde(default)]
    pub expect: Vec<Expect>,
}

/// A variant: changes that are laid over the scenario.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// What it does, for a person.
    #[serde(default)]
    pub about: Option<String>,
    /// Policy files (relative to this one) whose `set` is applied first, in this order.
    #[serde(default)]
    pub apply: Vec<String>,
    /// Paths and the values they get, such as `clients.web.edge.policies: [{timeout: 1s}]`.
    #[serde(default)]
    pub set: BTreeMap<String, serde_json::Value>,
}

/// A policy file: changes under a name, to be laid over any scenario of a system.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Version of the file format; today `1`.
    pub squall: u32,
    /// What it does, for a person.
    #[serde(default)]
    pub about: Option<String>,
    /// Paths and the values they get.
    pub set: BTreeMap<String, serde_json::Value>,
}

/// How long to run, how often, and how precisely to look.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Run {
    /// Simulated time of a run.
    pub duration: Duration,
    /// This long at the beginning is not counted in the results.
    pub warmup: Duration,
    /// The first seed.
    pub seed: u64,
    /// How many runs of each variant, with consecutive seeds.
    pub seeds: u32,
    /// Width of a window in the time series; by default `1s`, or wider where the run would have more than 2000 windows.
    pub resolution: Option<Duration>,
    /// Bounds; a run that reaches one ends there and says so.
    pub limits: Limits,
}

/// Bounds; a run that reaches one ends there and says so.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Events in one run.
    pub events: u64,
    /// Calls in flight at once, over the whole world.
    pub in_flight: u64,
    /// Services that one request may go through, one inside the other, before it fails with `too_deep`.
    pub depth: u16,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            duration: Duration::from_seconds(300.0),
            warmup: Duration::from_seconds(0.0),
            seed: 1,
            seeds: 20,
            resolution: None,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { events: 1_000_000_000, in_flight: 1_000_000, depth: 256 }
    }
}

/// Something that must hold: a sentence, or a sentence with conditions.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectOptions {
    /// The sentence, such as `clients.web.success >= 99.9% between 60s and 120s`.
    pub that: String,
    /// Only in these variants; in all by default.
    #[serde(default)]
    pub only: Vec<String>,
    /// These variants are here to show that it breaks: in more than half of their seeds it must not hold.
    #[serde(default)]
    pub broken_by: Vec<String>,
    /// The share of seeds in which it must hold; `100%` by default.
    #[serde(default)]
    pub seeds: Option<Share>,
}
