//! gRPC's hedging. Draws nothing.
//!
//! Source: gRFC A6 and grpc-java's `RetriableStream`. The throttle is that of the service config; the edge's retry policy
//! has its own here.

use super::{Hedge, Pace};
use crate::checks::Problems;
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::retry::Failures;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One attempt for each delay, until one succeeds or fails for good. A failure that is not fatal sends the next one at
/// once, and the delay begins anew; one that is fatal is the outcome of the call.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Attempts in all, the first one included; from 2 to 5.
    pub max_attempts: u32,
    /// Time from one attempt to the next; all at once with `0s`, the default.
    #[serde(default = "nothing")]
    pub hedging_delay: Duration,
    /// Which failures are not fatal; none by default.
    #[serde(default)]
    pub non_fatal: Vec<Failure>,
    /// Stops further attempts while too many fail; not by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttle: Option<ThrottleSpec>,
}

/// A count of tokens that all calls of the caller share: each failure that is not fatal takes one, each success gives
/// `token_ratio` back. At half of the tokens or less no further attempts are planned.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThrottleSpec {
    /// The most tokens, and how many there are at the start.
    pub max_tokens: f64,
    /// What a success gives back; three decimals count.
    pub token_ratio: f64,
}

fn nothing() -> Duration {
    Duration::from_seconds(0.0)
}

impl Spec {
    pub(super) fn hedge(&self) -> Hedge {
        let delay = self.hedging_delay.span();
        let pace = if delay.is_zero() { Pace::Parallel } else { Pace::After(delay) };
        Hedge {
            goes_on: Failures::new(Some(&self.non_fatal)),
            outlasts: false,
            throttle: self.throttle.as_ref().map(Throttle::new),
            ..Hedge::plain(self.max_attempts, pace)
        }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("grpc");
    problems.count(spec.max_attempts.into(), 2, 5, "max_attempts");
    if let Some(throttle) = spec.throttle {
        problems.between(throttle.max_tokens, 1.0, 1000.0, "throttle.max_tokens");
        problems.between(throttle.token_ratio, 0.001, 1000.0, "throttle.token_ratio");
    }
    problems.into_found()
}

/// Tokens, in thousandths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Throttle {
    tokens: u64,
    most: u64,
    ratio: u64,
}

impl Throttle {
    fn new(spec: &ThrottleSpec) -> Self {
        let most = (spec.max_tokens * 1000.0) as u64;
        Self { tokens: most, most, ratio: (spec.token_ratio * 1000.0) as u64 }
    }

    pub(super) const fn allows(&self) -> bool {
        self.tokens > self.most / 2
    }

    pub(super) fn failed(&mut self) {
        self.tokens = self.tokens.saturating_sub(1000);
    }

    pub(super) fn succeeded(&mut self) {
        self.tokens = (self.tokens + self.ratio).min(self.most);
    }
}
