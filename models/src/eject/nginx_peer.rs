//! Passive health checks of nginx.
//!
//! Source: nginx 1.31, `ngx_http_upstream_round_robin.c`.

use super::{Answer, Availability, Detector};
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Time;
use squall_sim::random::Draw;

/// Takes a peer out for a while once it failed so many times, and then tries one request, as nginx does.
///
/// Time is counted in whole seconds: a peer is out while no more than `fail_timeout` seconds have passed since its last
/// failure, by the second hand. Then one request is sent; while it is under way, others are not, for `fail_timeout` at
/// most. If it is well, the failures are forgotten; if not, it is out again. A success in between forgets no failures.
/// Without a network error, an answer is a success whatever it says, unless `http_errors` is on. A peer that is the only
/// one is never taken out. If all are out, requests fail at once. A client that goes away counts as a success.
///
/// Departs from the library in this: the weight of a peer that failed is not lowered.
///
/// Example: `eject: { nginx_peer: { max_fails: 3, fail_timeout: 30s } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Failures that take a peer out; 1 by default, 0 turns it off.
    pub max_fails: u32,
    /// How long it is out, in whole seconds; `10s` by default.
    pub fail_timeout: Duration,
    /// Server errors and "too many requests" are failures too, as with `proxy_next_upstream http_500 …`; off by default.
    pub http_errors: bool,
}

impl Default for Spec {
    fn default() -> Self {
        Self { max_fails: 1, fail_timeout: Duration::from_seconds(10.0), http_errors: false }
    }
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    if !spec.fail_timeout.span().nanos().is_multiple_of(1_000_000_000) {
        let rule = format!("{} is not a whole number of seconds", spec.fail_timeout);
        problems.push(Problem::new(format!("{path}.fail_timeout"), rule, "use whole seconds, such as `10s`"));
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    fails: u32,
    /// Seconds of its last failure, and from when its time out is counted.
    accessed: u64,
    checked: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct NginxPeer {
    max_fails: u32,
    fail_timeout: u64,
    http_errors: bool,
    peers: Vec<Peer>,
    ejections: u64,
}

impl NginxPeer {
    pub(super) fn new(spec: &Spec, peers: usize) -> Self {
        Self {
            max_fails: spec.max_fails,
            fail_timeout: spec.fail_timeout.span().nanos() / 1_000_000_000,
            http_errors: spec.http_errors,
            peers: vec![Peer::default(); peers],
            ejections: 0,
        }
    }
}

/// The clock of nginx.
fn second(now: Time) -> u64 {
    now.nanos() / 1_000_000_000
}

impl Detector for NginxPeer {
    fn started(&mut self, replica: usize, now: Time) {
        let (now, peer) = (second(now), &mut self.peers[replica]);
        if now.saturating_sub(peer.checked) > self.fail_timeout {
            peer.checked = now;
        }
    }

    fn ended(&mut self, replica: usize, now: Time, answer: Answer, _draws: &mut impl Draw) {
        let failed = match answer {
            Answer::Local => true,
            Answer::Error | Answer::Gateway | Answer::Overload => self.http_errors,
            Answer::Success | Answer::Cancelled => false,
        };
        let (now, peer) = (second(now), &mut self.peers[replica]);
        if failed {
            peer.fails = peer.fails.saturating_add(1);
            peer.accessed = now;
            peer.checked = now;
            self.ejections += u64::from(self.max_fails > 0 && peer.fails == self.max_fails);
        } else if peer.accessed < peer.checked {
            peer.fails = 0;
        }
    }

    fn available(&self, replica: usize, now: Time) -> Availability {
        let peer = &self.peers[replica];
        if self.max_fails == 0 || peer.fails < self.max_fails || self.peers.len() == 1 {
            Availability::Yes
        } else if second(now).saturating_sub(peer.checked) > self.fail_timeout {
            Availability::Probe
        } else {
            Availability::No
        }
    }

    fn replicas(&self) -> usize {
        self.peers.len()
    }

    fn resize(&mut self, replicas: usize, _now: Time) {
        self.peers.resize(replicas, Peer::default());
    }

    fn ejections(&self) -> u64 {
        self.ejections
    }

    fn strikes(&self, replica: usize) -> u32 {
        self.peers[replica].fails
    }
}
