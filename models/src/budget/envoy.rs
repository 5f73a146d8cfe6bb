//! Envoy's retry budget.
//!
//! Source: Envoy, `resource_manager_impl.h`, circuit_breaker.proto (`RetryBudget`).

use super::Grant;
use super::window::Window;
use crate::problem::{Found, Problem};
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// At most a share of the calls in flight may be retries. A retry counts from the moment that it is decided on, through
/// its delay, to its answer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Retries over attempts in flight; 20 % by default.
    #[serde(default = "fifth")]
    pub share: Share,
    /// Retries at a time that are allowed whatever the load; 3 by default.
    #[serde(default = "three")]
    pub min_concurrency: u32,
    /// Count the attempts that began within so long, in ten slices, instead of those in flight; not by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}

const fn fifth() -> Share {
    Share::new(0.2)
}

const fn three() -> u32 {
    3
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        if let Some(interval) = &self.interval {
            found.millis("interval", interval);
        }
        found.all()
    }
}

const SLOTS: usize = 10;

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct Envoy {
    share: f64,
    least: u64,
    /// Attempts in flight, and retries decided on and not answered.
    in_flight: u64,
    retries: u64,
    began: Option<Window>,
}

impl Envoy {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let slice = |interval: &Duration| Span::from_nanos((interval.span().nanos() / SLOTS as u64).max(1));
        Self {
            share: spec.share.get(),
            least: spec.min_concurrency.into(),
            in_flight: 0,
            retries: 0,
            began: spec.interval.as_ref().map(|interval| Window::new(SLOTS, slice(interval), now)),
        }
    }

    pub(super) fn began(&mut self, now: Time) {
        self.in_flight += 1;
        if let Some(began) = &mut self.began {
            began.expire_rounding_up(now);
            began.add(1);
        }
    }

    pub(super) fn over(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// How many retries there may be at a time, at the moment.
    pub fn limit(&mut self, now: Time) -> u64 {
        let attempts = match &mut self.began {
            Some(began) => {
                began.expire_rounding_up(now);
                began.sum() as u64
            }
            None => self.in_flight,
        };
        // Cut off as in the library, where 29 % of 100 are 28 for the way floats are.
        ((self.share * attempts as f64) as u64).max(self.least)
    }

    pub(super) fn ask(&mut self, now: Time) -> Option<Grant> {
        if self.retries >= self.limit(now) {
            return None;
        }
        self.retries += 1;
        Some(Grant { cost: 1 })
    }

    pub(super) fn settled(&mut self) {
        self.retries = self.retries.saturating_sub(1);
    }
}
