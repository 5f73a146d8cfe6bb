//! Outlier detection of Istio.
//!
//! Source: Istio 1.31, `destination_rule.proto` and the translation to Envoy.

use super::envoy;
use crate::breaker::limits;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ejects hosts with failures in a row, in the words of a `DestinationRule`; Envoy does the work.
///
/// Only failures in a row are looked at, success rates are not. Without a `DestinationRule` there is no outlier detection
/// at all: leave `eject` out. For the rest see `envoy`, in its current version: with the default `max_ejection_percent`
/// of `10%` and fewer than ten hosts, none is ever ejected.
///
/// Example: `eject: { istio: { consecutive_5xx_errors: 3, max_ejection_percent: 50% } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Server errors in a row that eject a host; 5 by default, 0 turns it off.
    pub consecutive_5xx_errors: u32,
    /// Gateway errors (502, 503, 504) in a row that eject a host; 0, the default, turns it off.
    pub consecutive_gateway_errors: u32,
    /// Count timeouts and refused connections apart from answers; off by default.
    pub split_external_local_origin_errors: bool,
    /// Timeouts and refused connections in a row that eject a host, if they are counted apart; 5 by default, 0 turns it
    /// off.
    pub consecutive_local_origin_failures: u32,
    /// Time between sweeps, at which hosts come back; `10s` by default.
    pub interval: Duration,
    /// How long a host stays out, times the number of its ejections; `30s` by default.
    pub base_ejection_time: Duration,
    /// The most hosts that may be out at once; `10%` by default.
    pub max_ejection_percent: Share,
    /// With fewer hosts in than this, all of them are called; `0%`, the default, turns it off.
    pub min_health_percent: Share,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            consecutive_5xx_errors: 5,
            consecutive_gateway_errors: 0,
            split_external_local_origin_errors: false,
            consecutive_local_origin_failures: 5,
            interval: Duration::from_seconds(10.0),
            base_ejection_time: Duration::from_seconds(30.0),
            max_ejection_percent: Share::new(0.1),
            min_health_percent: Share::new(0.0),
        }
    }
}

impl Spec {
    /// What Envoy is told.
    pub(super) fn envoy(&self) -> envoy::Spec {
        let enforcing = |limit: u32| Share::new(if limit > 0 { 1.0 } else { 0.0 });
        envoy::Spec {
            consecutive_5xx: self.consecutive_5xx_errors,
            enforcing_consecutive_5xx: enforcing(self.consecutive_5xx_errors),
            consecutive_gateway_failure: self.consecutive_gateway_errors,
            enforcing_consecutive_gateway_failure: enforcing(self.consecutive_gateway_errors),
            split_external_local_origin_errors: self.split_external_local_origin_errors,
            consecutive_local_origin_failure: self.consecutive_local_origin_failures,
            enforcing_consecutive_local_origin_failure: enforcing(self.consecutive_local_origin_failures),
            interval: self.interval,
            base_ejection_time: self.base_ejection_time,
            max_ejection_percent: self.max_ejection_percent,
            enforcing_success_rate: Share::new(0.0),
            enforcing_local_origin_success_rate: Share::new(0.0),
            ..envoy::Spec::default()
        }
    }

    /// Below this share of hosts that are in, in percent, all of them are called.
    pub(super) fn panic(&self) -> f64 {
        super::percent(self.min_health_percent)
    }
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    limits::millis(problems, path, "interval", spec.interval);
    limits::millis(problems, path, "base_ejection_time", spec.base_ejection_time);
}
