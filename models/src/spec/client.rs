//! Who sends requests, when, and with how much patience.

use super::{Distribution, Edge};
use crate::units::{Duration, Rate, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A source of requests.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// What this stands for, and where its numbers come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The endpoint that requests go to, as `service.endpoint`, or `split.endpoint`.
    pub to: String,
    /// When requests come.
    pub arrivals: Arrivals,
    /// How the client calls: link, balancer, timeouts, retries.
    #[serde(default)]
    pub edge: Edge,
    /// How many processes of this client there are; 1 by default. Each has policies, a balancer and a turn of its own, so
    /// that their breakers, for example, do not open together. A user of a closed loop stays with one.
    #[serde(default = "one")]
    pub instances: u32,
    /// Requests belong to so many sessions, each to one of them by its own luck; a user of a closed loop stays with one. A session
    /// stays with its side of a split for as long as the weights allow. By default requests have nothing to do with each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u32>,
    /// The person behind a request gives up waiting after this long, whatever the software does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<Patience>,
    /// The person presses reload when a request failed or took too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reload: Option<Reload>,
    /// Class for queues with `order: priority`; 0 is served first.
    #[serde(default)]
    pub priority: u8,
}

fn one() -> u32 {
    1
}

/// How long a person waits for an answer.
pub type Patience = Distribution;

/// What people do after a failed or abandoned request: ask again, for the same thing.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reload {
    /// How many people do.
    pub share: Share,
    /// How long they take to do it.
    pub delay: Distribution,
    /// How often one person does, at most.
    pub times: u16,
}

/// When requests come. Open loop: regardless of answers. Closed loop: each user waits for the answer first.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Arrivals {
    /// Open loop, independent of each other: the sum of many people.
    Poisson {
        /// How many, over time.
        rate: Load,
    },
    /// Open loop, evenly spaced, the first after one interval.
    Deterministic {
        /// How many, over time.
        rate: Load,
        /// When the first request comes, instead of after one interval.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first: Option<Duration>,
    },
    /// Open loop with gamma-distributed gaps.
    Gamma {
        /// How many, over time.
        rate: Load,
        /// Coefficient of variation of the gaps: 0.5 is regular, 1 is Poisson, 3 is bursty.
        cv: f64,
    },
    /// Open loop, Poisson with a rate that jumps between quiet and burst (a two-state MMPP).
    Bursty {
        /// The mean over both states, over time.
        rate: Load,
        /// Rate in a burst over rate in between.
        ratio: f64,
        /// Mean length of a burst (exponential).
        burst: Duration,
        /// Mean length of the quiet in between (exponential).
        quiet: Duration,
    },
    /// Open loop, read from a CSV file with one arrival time a line, in seconds and rising.
    Trace {
        /// A file relative to the scenario file.
        file: String,
        /// The times that were read, in seconds; filled in by the reader, not by the user.
        #[serde(skip)]
        times: Vec<f64>,
    },
    /// Open loop, this many at once at one instant, or spread over a while: a herd that reconnects.
    Herd {
        /// How many.
        count: u64,
        /// When it begins.
        at: Duration,
        /// Spread uniformly over this long.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        over: Option<Duration>,
    },
    /// Closed loop: each user thinks, asks, waits for the answer (or failure), thinks again.
    Closed {
        /// How many users.
        users: u32,
        /// How long a user thinks before each request, the first one included.
        think: Distribution,
    },
}

scalar_or_tagged! {
    /// A rate over time: a plain rate (`200/s`) or a profile by name.
    Load(Profile), Rate,
    "a rate such as `200/s`, or a profile such as `{ramp: {from: 10/s, to: 90/s, start: 0s, over: 60s}}`",
    Profile::Constant
}

/// A rate over time, by name.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Profile {
    /// Always the same.
    Constant(Rate),
    /// Jumps to each rate at its time and stays there.
    Steps(Vec<RatePoint>),
    /// Rises or falls in a straight line, constant before and after.
    Ramp {
        /// Rate until `start`.
        from: Rate,
        /// Rate after `start` + `over`.
        to: Rate,
        /// When it begins to change.
        start: Duration,
        /// How long it changes.
        over: Duration,
    },
    /// One rectangular peak.
    Spike {
        /// Rate before and after.
        base: Rate,
        /// Rate in the peak.
        peak: Rate,
        /// When the peak begins.
        at: Duration,
        /// How long it lasts.
        over: Duration,
    },
    /// A sine wave, drawn as 96 straight lines a period.
    Diurnal {
        /// Mean rate over a period.
        mean: Rate,
        /// How far it swings from the mean, for example `40%`.
        swing: Share,
        /// Length of a period, usually `24h`.
        period: Duration,
        /// When the first peak is.
        peak: Duration,
    },
    /// Read from a CSV file with lines of time in seconds and rate per second; straight lines in between.
    Trace {
        /// A file relative to the scenario file.
        file: String,
        /// Pairs of seconds and rate per second that were read; filled in by the reader, not by the user.
        #[serde(skip)]
        points: Vec<(f64, f64)>,
    },
}

/// From this time on, this rate.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RatePoint {
    /// When. The first step begins at `0s`.
    pub at: Duration,
    /// The rate from then on.
    pub rate: Rate,
}
