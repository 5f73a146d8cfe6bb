//! Envoy's circuit breaking, which is no breaker but a set of limits.
//!
//! Source: Envoy, `circuit_breaker.proto` and `resource_manager_impl.h`; Istio's `connectionPool` has the same fields with
//! other defaults.

use super::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Time;

/// Over HTTP/1 each call needs a connection, and those that find none wait without a bound of time, up to so many. Over
/// HTTP/2 connections are shared, so only requests are counted. What goes beyond is turned away at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Which of the limits below count.
    pub protocol: Protocol,
    /// Connections, over HTTP/1.
    pub max_connections: u32,
    /// Calls that wait for a connection, over HTTP/1.
    pub max_pending: u32,
    /// Calls at once, over HTTP/2.
    pub max_requests: u32,
    /// Retries at once. A retry counts from when it is sent; where it should count through its backoff as well, as it does
    /// in Envoy, use the budget of the retry policy instead.
    pub max_retries: u32,
}

/// What is spoken over the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// One call at a time on each connection.
    Http1,
    /// Many calls on one connection.
    #[default]
    Http2,
}

impl Default for Spec {
    fn default() -> Self {
        Self { protocol: Protocol::Http2, max_connections: 1024, max_pending: 1024, max_requests: 1024, max_retries: 3 }
    }
}

/// What of the limits is used.
#[derive(Clone, Debug)]
pub struct EnvoyLimits {
    spec: Spec,
    active: u32,
    pending: u32,
    retries: u32,
}

impl EnvoyLimits {
    pub(super) fn new(spec: &Spec) -> Self {
        Self { spec: spec.clone(), active: 0, pending: 0, retries: 0 }
    }

    pub(super) const fn active(&self) -> u32 {
        self.active
    }

    pub(super) const fn pending(&self) -> u32 {
        self.pending
    }

    pub(super) fn enter(&mut self, again: bool) -> Verdict {
        if again && self.retries >= self.spec.max_retries {
            return Verdict::Reject;
        }
        let (most, backlog) = match self.spec.protocol {
            Protocol::Http1 => (self.spec.max_connections, self.spec.max_pending),
            Protocol::Http2 => (self.spec.max_requests, 0),
        };
        let verdict = if self.active < most {
            self.active += 1;
            Verdict::Admit
        } else if self.pending < backlog {
            self.pending += 1;
            Verdict::Wait { until: Time::MAX }
        } else {
            return Verdict::Reject;
        };
        self.retries += u32::from(again);
        verdict
    }

    pub(super) fn leave(&mut self, again: bool) -> bool {
        self.retries -= u32::from(again);
        let next = self.pending > 0;
        if next {
            self.pending -= 1;
        } else {
            self.active -= 1;
        }
        next
    }

    pub(super) fn gave_up(&mut self, again: bool) {
        self.retries -= u32::from(again);
        self.pending -= 1;
    }
}
