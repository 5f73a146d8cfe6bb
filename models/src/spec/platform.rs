//! How replicas come and go: their life, the probes that watch them, their memory.

use super::Distribution;
use crate::units::{Bytes, Duration, Portion, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The life of a replica: pending, booting, warming, ready, draining, gone. The defaults are those of a Kubernetes
/// Deployment. Without one, replicas are there for good, and come back at once when a crash is over.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lifecycle {
    /// How long a new replica waits for a place to run: scheduling, pulling its image. No time by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Distribution>,
    /// How long a process takes from its start until it listens, also when it is restarted in place. No time by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<Distribution>,
    /// A process that has just started works more slowly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUp>,
    /// How long a replica that has to go still takes calls, while word of it spreads; `0s` by default.
    #[serde(default = "no_time")]
    pub pre_stop: Duration,
    /// A replica that has to go may finish what is in it for so long, `pre_stop` included; `30s` by default. Then what is
    /// left is lost.
    #[serde(default = "half_a_minute")]
    pub grace: Duration,
    /// How long callers take to hear that a replica is ready, or no longer is. No time by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_delay: Option<Distribution>,
    /// A rolling restart has so many more replicas than wanted at a time, rounded up; `25%` by default.
    #[serde(default = "quarter")]
    pub max_surge: Portion,
    /// And so many fewer ready ones, rounded down; `25%` by default. If both come to 0, one can be missing.
    #[serde(default = "quarter")]
    pub max_unavailable: Portion,
    /// The disruption budget: replicas are only moved as far as it allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<DisruptionBudget>,
    /// How long the platform waits before it starts a process again that has ended by itself.
    #[serde(default)]
    pub backoff: CrashBackoff,
    /// Places for replicas, new ones and those that drain included; by default enough for twice as many as there will ever
    /// be wanted. A new replica waits for a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<u32>,
}

fn no_time() -> Duration {
    Duration::from_seconds(0.0)
}

fn half_a_minute() -> Duration {
    Duration::from_seconds(30.0)
}

fn quarter() -> Portion {
    Portion::Share(Share::new(0.25))
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            pending: None,
            boot: None,
            warm_up: None,
            pre_stop: no_time(),
            grace: half_a_minute(),
            endpoint_delay: None,
            max_surge: quarter(),
            max_unavailable: quarter(),
            budget: None,
            backoff: CrashBackoff::default(),
            places: None,
        }
    }
}

/// Slow at first: cold caches, code that is not compiled yet.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// How many times as long work takes at first. It falls in a straight line to 1.
    pub factor: f64,
    /// How long that takes.
    pub r#for: Duration,
}

/// How many replicas have to stay ready when some are moved. It holds for `drain`, not for restarts, crashes and kills. Give
/// one of the two.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisruptionBudget {
    /// At least so many have to be ready; a share is rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_available: Option<Portion>,
    /// At most so many of those that are wanted can be missing; a share is rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<Portion>,
}

/// `CrashLoopBackOff`: a process that has ended by itself is started again at once, and when it ends again, after a wait that
/// doubles each time.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrashBackoff {
    /// The first wait; `10s` by default.
    #[serde(default = "ten_seconds")]
    pub initial: Duration,
    /// The longest; `5m` by default.
    #[serde(default = "five_minutes")]
    pub max: Duration,
    /// After running for longer than this, a process starts anew; `10m` by default.
    #[serde(default = "ten_minutes")]
    pub reset: Duration,
}

fn ten_seconds() -> Duration {
    Duration::from_seconds(10.0)
}

fn five_minutes() -> Duration {
    Duration::from_seconds(300.0)
}

fn ten_minutes() -> Duration {
    Duration::from_seconds(600.0)
}

impl Default for CrashBackoff {
    fn default() -> Self {
        Self { initial: ten_seconds(), max: five_minutes(), reset: ten_minutes() }
    }
}

/// Probes: requests that the platform sends to each replica. They take a worker, wait in the queue and call other services
/// as any other request does.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probes {
    /// A replica that fails it gets no calls until it passes again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Probe>,
    /// A replica that fails it is restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Probe>,
    /// The others wait until a replica has passed it; one that fails it is restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub startup: Option<Probe>,
}

/// One probe. The defaults are those of Kubernetes (`core/v1/defaults.go`).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The endpoint of this service that is called.
    pub to: String,
    /// How often; `10s` by default.
    #[serde(default = "ten_seconds")]
    pub period: Duration,
    /// No answer in this time is a failure; `1s` by default.
    #[serde(default = "one_second")]
    pub timeout: Duration,
    /// So many failures in a row, and the replica has failed it; 3 by default.
    #[serde(default = "three")]
    pub failure_threshold: u32,
    /// So many successes in a row, and it has passed; 1 by default. Only `readiness` can have more.
    #[serde(default = "one")]
    pub success_threshold: u32,
    /// When a process is probed for the first time, from when it listens; `0s` by default.
    #[serde(default = "no_time")]
    pub initial_delay: Duration,
    /// Whether replicas that are there at the beginning of the run are probed for the first time somewhere within a period,
    /// each at a time of its own; `true` by default.
    #[serde(default = "yes")]
    pub jitter: bool,
}

fn one_second() -> Duration {
    Duration::from_seconds(1.0)
}

fn three() -> u32 {
    3
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

/// The memory of each replica. One that comes to its limit is killed with all that is in it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// What there is to use.
    pub limit: Bytes,
    /// What a process uses that does nothing.
    pub base: Bytes,
    /// What each call uses while it is served; nothing by default.
    #[serde(default = "nothing")]
    pub per_call: Bytes,
    /// What each call uses while it waits in the queue; nothing by default.
    #[serde(default = "nothing")]
    pub per_queued: Bytes,
    /// What is lost for good each second; nothing by default.
    #[serde(default = "nothing")]
    pub leak: Bytes,
    /// What is lost for good with each call that was served; nothing by default.
    #[serde(default = "nothing")]
    pub leak_per_call: Bytes,
    /// What garbage collection costs as memory fills up; nothing by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gc: Option<Gc>,
    /// What calls leave behind until it is collected; nothing by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub garbage: Option<Garbage>,
}

fn nothing() -> Bytes {
    Bytes::new(0.0)
}

/// Garbage collection: work takes longer the fuller the memory is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gc {
    /// Up to this share of the limit it costs nothing.
    pub from: Share,
    /// How many times as long work takes at the limit. It rises to that in a straight line.
    pub factor: f64,
}

/// Memory that nothing refers to any more, and that is in use until a replica collects it. What is collected is free at once.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Garbage {
    /// What each call leaves behind when it has been served.
    pub per_call: Bytes,
    /// A replica collects by itself as soon as its memory has grown by this factor of what stayed in use at the last collection, as
    /// Go does (its `GOGC` of 100 is 1). Only when the memory is full by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
    /// For how long a collection stops everything in a replica whose memory is full of what stays in use; for less in proportion
    /// to what does. No time by default.
    #[serde(default = "no_time")]
    pub pause: Duration,
}
