//! How a new version gets its traffic, and who takes it away again.

use crate::rollout::AnalysisSpec;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A controller that changes the weights of a split. It sees what has been scraped, and nothing else.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rollout {
    /// A new version gets its traffic step by step.
    Canary(Canary),
    /// All traffic goes over from one side to the other.
    BlueGreen(BlueGreen),
}

/// A new version gets its traffic step by step, for as long as nothing speaks against it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// The split whose weights it changes.
    pub split: String,
    /// The side with the new version. The others share the rest as at the beginning.
    pub side: String,
    /// When it begins; by default when an action `switch` says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Duration>,
    /// What the new side gets, one step after the other. After the last one it gets everything.
    pub steps: Vec<CanaryStep>,
    /// How it is decided whether the new side is well; without it nobody looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisSpec>,
    /// If not all replicas of the new side have been ready for this long at some check, it is rolled back; never by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
}

/// A step of a canary.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanaryStep {
    /// The share of the calls that the new side gets.
    pub weight: Share,
    /// How long until the next step; by default for as long as it takes until an action says `promote`, or, with `flagger`, until
    /// the next check that passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Duration>,
}

/// All traffic goes over from one side to the other. There is never more than one switch under way.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlueGreen {
    /// The split whose weights it changes.
    pub split: String,
    /// The side that has the traffic at the beginning.
    pub from: String,
    /// The side that gets it. The next switch after that goes back again.
    pub to: String,
    /// When it begins; by default when an action `switch` says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Duration>,
    /// What is done for a cache before anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm: Option<CacheWarming>,
    /// How the new side has to be before it gets any traffic; nobody looks by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// How long the traffic takes to go over; all at once by default.
    #[serde(default = "no_time")]
    pub over: Duration,
    /// In how many equal parts it goes over in that time, the first one at once; 10 by default.
    #[serde(default = "ten")]
    pub parts: u32,
    /// How long is looked at the new side, with all the traffic, before it counts as proven; no time by default. Until then the old
    /// side is kept.
    #[serde(default = "no_time")]
    pub validate: Duration,
    /// How it is decided in that time whether the new side is well; if it is not, the traffic goes back at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisSpec>,
    /// How long after that the old side is scaled down; Argo Rollouts has `30s`. Never by default. It takes a `lifecycle`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_down_delay: Option<Duration>,
}

/// What is done for a cache before a switch.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CacheWarming {
    /// The cache, whose `warm` jobs are done once more.
    pub cache: String,
    /// How long is waited for that.
    pub r#for: Duration,
}

/// How a side has to be before it gets any traffic.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The least share of its replicas that are ready, as the platform knows them; `100%` by default. With `probes` in the service
    /// that is what these have found.
    #[serde(default = "all")]
    pub ready: Share,
    /// So many good looks in a row; 3 by default.
    #[serde(default = "three")]
    pub checks: u32,
    /// How often is looked, the first time at once; `5s` by default.
    #[serde(default = "five_seconds")]
    pub every: Duration,
    /// After a bad look it is tried again until this long after the first. Then the switch is blocked: at once by default.
    #[serde(default = "no_time")]
    pub within: Duration,
}

fn no_time() -> Duration {
    Duration::from_seconds(0.0)
}

fn five_seconds() -> Duration {
    Duration::from_seconds(5.0)
}

fn ten() -> u32 {
    10
}

fn three() -> u32 {
    3
}

fn all() -> Share {
    Share::new(1.0)
}
