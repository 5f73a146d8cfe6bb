//! Outlier detection of gRPC.
//!
//! Source: gRFC A50; grpc-go, `xds/internal/balancer/outlierdetection`.

use super::envoy::{threshold, times};
use super::{Answer, Availability, Detector, enforced, percent};
use crate::breaker::limits;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// Ejects hosts that stand out at regular sweeps, as gRPC clients do (gRFC A50).
///
/// It has no failures in a row: only the calls of the last interval count, and only what is set of
/// `success_rate_ejection` and `failure_percentage_ejection` is looked at. Any status but OK is a failure, that of a call
/// whose caller went away among them. A host stays out for `base_ejection_time` times the number of its ejections, up to
/// `max_ejection_time`, and comes back at the first sweep after that; each sweep at which it is in takes one off that
/// number. It ejects until `max_ejection_percent` is reached, so that one host always may be.
///
/// Departs from the library in this: a host that is out is not ejected again for late answers.
///
/// Example: `eject: { grpc_a50: { success_rate_ejection: {}, max_ejection_percent: 50% } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Time between sweeps; `10s` by default.
    pub interval: Duration,
    /// How long a host stays out, times the number of its ejections; `30s` by default.
    pub base_ejection_time: Duration,
    /// The longest time out; `300s` by default, and never less than `base_ejection_time`.
    pub max_ejection_time: Duration,
    /// No host is ejected once this share of them is out; `10%` by default.
    pub max_ejection_percent: Share,
    /// Eject hosts whose success rate is far below that of all; off by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate_ejection: Option<SuccessRate>,
    /// Eject hosts with too many failures; off by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_percentage_ejection: Option<FailurePercentage>,
}

/// Eject hosts whose success rate is far below that of all.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SuccessRate {
    /// How many thousandths of a standard deviation below the mean are too far; 1900 by default.
    pub stdev_factor: u32,
    /// To which share hosts that are found are ejected; `100%` by default.
    pub enforcement_percentage: Share,
    /// Hosts with enough calls needed; 5 by default.
    pub minimum_hosts: u32,
    /// Calls to a host in an interval needed to judge it; 100 by default.
    pub request_volume: u32,
}

/// Eject hosts with too many failures.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FailurePercentage {
    /// More failures than this are too many; `85%` by default.
    pub threshold: Share,
    /// To which share hosts that are found are ejected; `100%` by default.
    pub enforcement_percentage: Share,
    /// Hosts with enough calls needed; 5 by default.
    pub minimum_hosts: u32,
    /// Calls to a host in an interval needed to judge it; 50 by default.
    pub request_volume: u32,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            interval: Duration::from_seconds(10.0),
            base_ejection_time: Duration::from_seconds(30.0),
            max_ejection_time: Duration::from_seconds(300.0),
            max_ejection_percent: Share::new(0.1),
            success_rate_ejection: None,
            failure_percentage_ejection: None,
        }
    }
}

impl Default for SuccessRate {
    fn default() -> Self {
        let enforcement_percentage = Share::new(1.0);
        Self { stdev_factor: 1900, enforcement_percentage, minimum_hosts: 5, request_volume: 100 }
    }
}

impl Default for FailurePercentage {
    fn default() -> Self {
        let (threshold, enforcement_percentage) = (Share::new(0.85), Share::new(1.0));
        Self { threshold, enforcement_percentage, minimum_hosts: 5, request_volume: 50 }
    }
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    limits::millis(problems, path, "interval", spec.interval);
    limits::millis(problems, path, "base_ejection_time", spec.base_ejection_time);
    if spec.success_rate_ejection.is_none() && spec.failure_percentage_ejection.is_none() {
        let rule = "nothing is looked at, so that no host is ever ejected";
        let remedy = "set `success_rate_ejection: {}`, `failure_percentage_ejection: {}` or both";
        problems.push(Problem::new(path, rule, remedy));
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    successes: u32,
    failures: u32,
}

impl Calls {
    fn all(self) -> u32 {
        self.successes + self.failures
    }

    fn success_rate(self) -> f64 {
        f64::from(self.successes) / f64::from(self.all())
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    ejected_at: Option<Time>,
    multiplier: u32,
    /// The current interval, and the one before.
    current: Calls,
    last: Calls,
}

#[derive(Clone, Debug)]
pub(crate) struct GrpcA50 {
    spec: Spec,
    interval: Span,
    base: Span,
    max: Span,
    hosts: Vec<Host>,
    out: usize,
    sweep: Time,
    ejections: u64,
}

impl GrpcA50 {
    pub(super) fn new(spec: &Spec, hosts: usize, now: Time) -> Self {
        let (interval, base) = (spec.interval.span(), spec.base_ejection_time.span());
        Self {
            spec: spec.clone(),
            interval,
            base,
            max: base.max(spec.max_ejection_time.span()),
            hosts: vec![Host::default(); hosts],
            out: 0,
            sweep: now + interval,
            ejections: 0,
        }
    }

    /// Hosts with so many calls in the last interval, whether they are out or not.
    fn judged(&self, volume: u32) -> impl Iterator<Item = f64> {
        let calls = self.hosts.iter().map(|host| host.last);
        calls.filter(move |calls| calls.all() >= volume.max(1)).map(Calls::success_rate)
    }

    /// Ejects whom `outlier` finds among those with enough calls, until enough are out.
    fn eject(
        &mut self,
        volume: u32,
        enforcing: Share,
        now: Time,
        draws: &mut impl Draw,
        outlier: impl Fn(Calls) -> bool,
    ) {
        for at in 0..self.hosts.len() {
            if self.out as f64 / self.hosts.len() as f64 * 100.0 >= percent(self.spec.max_ejection_percent) {
                return;
            }
            let host = &mut self.hosts[at];
            let judged = host.ejected_at.is_none() && host.last.all() >= volume.max(1);
            if judged && outlier(host.last) && enforced(enforcing, draws) {
                host.ejected_at = Some(now);
                host.multiplier += 1;
                self.out += 1;
                self.ejections += 1;
            }
        }
    }

    fn sweep(&mut self, now: Time, draws: &mut impl Draw) {
        for host in &mut self.hosts {
            host.last = std::mem::take(&mut host.current);
        }
        if let Some(SuccessRate { stdev_factor, enforcement_percentage, minimum_hosts, request_volume }) =
            self.spec.success_rate_ejection
            && self.judged(request_volume).count() >= minimum_hosts.max(1) as usize
        {
            let least = threshold(|| self.judged(request_volume), f64::from(stdev_factor) / 1000.0);
            self.eject(request_volume, enforcement_percentage, now, draws, |calls| calls.success_rate() < least);
        }
        if let Some(FailurePercentage { threshold, enforcement_percentage, minimum_hosts, request_volume }) =
            self.spec.failure_percentage_ejection
            && self.judged(request_volume).count() >= minimum_hosts.max(1) as usize
        {
            let most = percent(threshold);
            let failures = |calls: Calls| f64::from(calls.failures) / f64::from(calls.all()) * 100.0;
            self.eject(request_volume, enforcement_percentage, now, draws, |calls| failures(calls) > most);
        }
        for host in &mut self.hosts {
            match host.ejected_at {
                None => host.multiplier = host.multiplier.saturating_sub(1),
                Some(ejected) if now > ejected + times(self.base, host.multiplier).min(self.max) => {
                    host.ejected_at = None;
                    self.out -= 1;
                }
                Some(_) => {}
            }
        }
    }
}

impl Detector for GrpcA50 {
    #[inline]
    fn advance(&mut self, now: Time, draws: &mut impl Draw) {
        while self.sweep <= now {
            let at = self.sweep;
            self.sweep(at, draws);
            self.sweep = at + self.interval;
        }
    }

    fn next_sweep(&self) -> Option<Time> {
        Some(self.sweep)
    }

    fn ended(&mut self, replica: usize, _now: Time, answer: Answer, _draws: &mut impl Draw) {
        let calls = &mut self.hosts[replica].current;
        if answer == Answer::Success {
            calls.successes += 1;
        } else {
            calls.failures += 1;
        }
    }

    fn available(&self, replica: usize, _now: Time) -> Availability {
        if self.hosts[replica].ejected_at.is_some() { Availability::No } else { Availability::Yes }
    }

    fn replicas(&self) -> usize {
        self.hosts.len()
    }

    fn resize(&mut self, replicas: usize, _now: Time) {
        self.hosts.resize(replicas, Host::default());
        self.out = self.hosts.iter().filter(|host| host.ejected_at.is_some()).count();
    }

    fn ejections(&self) -> u64 {
        self.ejections
    }

    fn strikes(&self, replica: usize) -> u32 {
        self.hosts[replica].multiplier
    }
}
