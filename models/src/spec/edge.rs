//! From a caller to a callee: the link, the choice of a replica, and the policies in between.

use super::Distribution;
use crate::balance;
use crate::eject;
use crate::retry;
use crate::units::{Duration, Share};
use crate::{breaker, bulkhead, fallback, hedge, limit, rate_limit, throttle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How one component calls another.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The network between them; instant and perfect by default.
    #[serde(default)]
    pub link: Link,
    /// Which replica gets a call; `round_robin` by default.
    #[serde(default)]
    pub balance: balance::Spec,
    /// Leave replicas alone for a while whose answers were bad; never by default. It takes replicas away from `balance`;
    /// when none is left, calls fail with `circuit_open`. It learns from attempts: retries and hedges choose anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eject: Option<eject::Spec>,
    /// When fewer than this share of the replicas are up and not ejected, health is no longer believed, and calls go to all of them, dead
    /// and ejected ones included. Envoy's default is `50%` (exactly half is no panic); never by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic_threshold: Option<Share>,
    /// A replica that has come back gets less at first; its full share at once by default. For balancers that choose at
    /// random or in turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_start: Option<balance::slow_start::Spec>,
    /// What the caller does about slow and failed calls, outermost first, at most eight. Each replica of the caller has
    /// its own. The order matters: a `timeout` around `retry` is for the whole call, one inside of it for each attempt;
    /// a `breaker` inside of `retry` counts every attempt and its rejections are tried again, one around it counts each
    /// call once. resilience4j's annotations nest as `retry`, `breaker`, `rate_limit`, `timeout`, `bulkhead`.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// Tell the callee until when the answer is wanted; it then drops what comes too late, and passes the rest on.
    #[serde(default)]
    pub propagate_deadline: bool,
    /// Tell the callee to stop when the caller no longer waits; without it the work is done for nobody.
    #[serde(default)]
    pub cancel: bool,
}

/// A network link. Each direction takes its own latency and can lose its own message.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// One way; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Distribution>,
    /// The share of messages that never arrive; the caller learns of it only by its timeout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Share>,
}

/// What the caller does about slow and failed calls.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Policy {
    /// Stop waiting after this long for what is inside: the whole call around `retry`, each attempt inside of it.
    Timeout(Duration),
    /// Try a failed call again.
    Retry(retry::Spec),
    /// Stop calling a callee that keeps failing, and try it again after a while.
    Breaker(breaker::Spec),
    /// Let no more than so many calls be under way at once.
    Bulkhead(bulkhead::Spec),
    /// Let only so many calls be under way at once, and find out how many that should be.
    Limit(limit::Spec),
    /// Let only so many calls through in so much time.
    RateLimit(rate_limit::Spec),
    /// Hold calls back when the callee refuses or fails too many of them.
    Throttle(throttle::Spec),
    /// Send a call once more before it has failed, and take the first good answer.
    Hedge(hedge::Spec),
    /// Answer something else when the call has failed.
    Fallback(fallback::Spec),
}
