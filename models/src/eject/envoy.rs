//! Outlier detection of Envoy.
//!
//! Source: Envoy, `outlier_detection_impl.cc` of 2019 and of 2025, `outlier_detection.proto`.

use super::{Answer, Availability, Detector, enforced, percent};
use crate::breaker::limits;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// Ejects hosts with failures in a row at once, and hosts that stand out at regular sweeps, as Envoy does.
///
/// A host stays out for `base_ejection_time` times the number of times it was ejected, up to `max_ejection_time`; each
/// sweep at which it has been well for an interval takes one off that number. Hosts only come back at a sweep, so that
/// the time is rounded up to one. At a sweep, a host is ejected whose success rate over the last interval is less than
/// the mean of all hosts less some standard deviations, or whose failures reach a percentage. Each detector only
/// ejects to the share that `enforcing_…` says: those with `0%` do nothing. Timeouts and refused connections count as
/// HTTP 504 and 503, unless they are split from answers.
///
/// With `max_ejection_percent: 10%` and fewer than ten hosts, current versions eject none at all unless
/// `always_eject_one_host` is set; before 1.31 at least one was.
///
/// Departs from the library in this: a host that both detectors of a sweep find is ejected once.
///
/// Example: `eject: { envoy: { consecutive_5xx: 3, max_ejection_percent: 50% } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Server errors in a row that eject a host, gateway errors among them; 5 by default.
    pub consecutive_5xx: u32,
    /// To which share; `100%` by default.
    pub enforcing_consecutive_5xx: Share,
    /// Gateway errors (502, 503, 504) in a row that eject a host; 5 by default.
    pub consecutive_gateway_failure: u32,
    /// To which share; `0%` by default.
    pub enforcing_consecutive_gateway_failure: Share,
    /// Count timeouts and refused connections apart from answers; off by default.
    pub split_external_local_origin_errors: bool,
    /// Timeouts and refused connections in a row that eject a host, if they are counted apart; 5 by default.
    pub consecutive_local_origin_failure: u32,
    /// To which share; `100%` by default.
    pub enforcing_consecutive_local_origin_failure: Share,
    /// Time between sweeps; `10s` by default.
    pub interval: Duration,
    /// How long a host stays out, times the number of its ejections; `30s` by default.
    pub base_ejection_time: Duration,
    /// The longest time out; the longer of `300s` and `base_ejection_time` by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ejection_time: Option<Duration>,
    /// Each time out is longer by up to this, at random; `0s` by default.
    pub max_ejection_time_jitter: Duration,
    /// The most hosts that may be out at once; `10%` by default.
    pub max_ejection_percent: Share,
    /// Eject one host even if that is more than `max_ejection_percent`; off by default.
    pub always_eject_one_host: bool,
    /// How `max_ejection_percent` is meant; `current` by default.
    pub maximum: Maximum,
    /// Hosts with enough requests needed to compare success rates; 5 by default.
    pub success_rate_minimum_hosts: u32,
    /// Requests to a host in an interval needed to judge its success rate; 100 by default.
    pub success_rate_request_volume: u32,
    /// How many thousandths of a standard deviation below the mean are too far; 1900 by default.
    pub success_rate_stdev_factor: u32,
    /// To which share; `100%` by default.
    pub enforcing_success_rate: Share,
    /// To which share for timeouts and refused connections, if they are counted apart; `100%` by default.
    pub enforcing_local_origin_success_rate: Share,
    /// Failures that are too many; `85%` by default.
    pub failure_percentage_threshold: Share,
    /// Hosts with enough requests needed to judge failures; 5 by default.
    pub failure_percentage_minimum_hosts: u32,
    /// Requests to a host in an interval needed to judge its failures; 50 by default.
    pub failure_percentage_request_volume: u32,
    /// To which share; `0%` by default.
    pub enforcing_failure_percentage: Share,
    /// To which share for timeouts and refused connections, if they are counted apart; `0%` by default.
    pub enforcing_failure_percentage_local_origin: Share,
}

/// How the most hosts that may be out at once are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Maximum {
    /// No more than this once the host is out.
    #[default]
    Current,
    /// Less than this before the host is out, so that one more may be, and one always may.
    Legacy,
}

impl Default for Spec {
    fn default() -> Self {
        let (all, none) = (Share::new(1.0), Share::new(0.0));
        Self {
            consecutive_5xx: 5,
            enforcing_consecutive_5xx: all,
            consecutive_gateway_failure: 5,
            enforcing_consecutive_gateway_failure: none,
            split_external_local_origin_errors: false,
            consecutive_local_origin_failure: 5,
            enforcing_consecutive_local_origin_failure: all,
            interval: Duration::from_seconds(10.0),
            base_ejection_time: Duration::from_seconds(30.0),
            max_ejection_time: None,
            max_ejection_time_jitter: Duration::from_seconds(0.0),
            max_ejection_percent: Share::new(0.1),
            always_eject_one_host: false,
            maximum: Maximum::Current,
            success_rate_minimum_hosts: 5,
            success_rate_request_volume: 100,
            success_rate_stdev_factor: 1900,
            enforcing_success_rate: all,
            enforcing_local_origin_success_rate: all,
            failure_percentage_threshold: Share::new(0.85),
            failure_percentage_minimum_hosts: 5,
            failure_percentage_request_volume: 50,
            enforcing_failure_percentage: none,
            enforcing_failure_percentage_local_origin: none,
        }
    }
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    limits::millis(problems, path, "interval", spec.interval);
    limits::millis(problems, path, "base_ejection_time", spec.base_ejection_time);
    if spec.max_ejection_time.is_some_and(|max| max < spec.base_ejection_time) {
        let rule = "the longest time out is shorter than the first, which Envoy refuses";
        let remedy = "use at least `base_ejection_time`";
        problems.push(Problem::new(format!("{path}.max_ejection_time"), rule, remedy));
    }
}

/// Requests in an interval.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    requests: u32,
    successes: u32,
}

impl Bucket {
    fn add(&mut self, success: bool) {
        self.requests += 1;
        self.successes += u32::from(success);
    }

    /// In percent.
    fn success_rate(self) -> f64 {
        f64::from(self.successes) * 100.0 / f64::from(self.requests)
    }
}

/// What is detected at once; the number is its place in a host's counters.
#[derive(Clone, Copy)]
enum InARow {
    Server = 0,
    Gateway = 1,
    Local = 2,
}

/// Answers, and timeouts and refused connections where those are counted apart.
const ORIGINS: usize = 2;
const EXTERNAL: usize = 0;
const LOCAL: usize = 1;

#[derive(Clone, Copy, Debug, Default)]
struct Host {
    ejected: bool,
    ejected_at: Time,
    returned_at: Option<Time>,
    jitter: Span,
    /// How many base ejection times it stays out.
    multiplier: u32,
    in_a_row: [u32; 3],
    /// The current interval, and the one before.
    current: [Bucket; ORIGINS],
    last: [Bucket; ORIGINS],
}

#[derive(Clone, Debug)]
pub(crate) struct Envoy {
    spec: Spec,
    interval: Span,
    base: Span,
    max: Span,
    /// Below this share of hosts that are in, in percent, all of them are called.
    panic: f64,
    hosts: Vec<Host>,
    out: usize,
    sweep: Time,
    ejections: u64,
}

impl Envoy {
    pub(super) fn new(spec: &Spec, hosts: usize, now: Time) -> Self {
        Self::with_panic(spec, 0.0, hosts, now)
    }

    pub(super) fn with_panic(spec: &Spec, panic: f64, hosts: usize, now: Time) -> Self {
        let (interval, base) = (spec.interval.span(), spec.base_ejection_time.span());
        let max = spec.max_ejection_time.map_or(base.max(Span::from_secs(300)), |max| max.span());
        let spec = spec.clone();
        Self {
            spec,
            interval,
            base,
            max,
            panic,
            hosts: vec![Host::default(); hosts],
            out: 0,
            sweep: now + interval,
            ejections: 0,
        }
    }

    /// Ejects a host if there may be one more, and if this detector is enforced.
    fn eject(&mut self, host: usize, enforcing: Share, now: Time, draws: &mut impl Draw) {
        let max = percent(self.spec.max_ejection_percent);
        let share = |out: usize| 100.0 * out as f64 / self.hosts.len() as f64;
        let may = match self.spec.maximum {
            Maximum::Current => share(self.out + 1) <= max,
            Maximum::Legacy => share(self.out) < max,
        };
        let may = may || (self.spec.always_eject_one_host && self.out == 0);
        if !may || !enforced(enforcing, draws) {
            return;
        }
        let jitter = self.spec.max_ejection_time_jitter.span().nanos() / 1_000_000;
        let jitter = if jitter == 0 { 0 } else { draws.below(jitter + 1) };
        self.out += 1;
        self.ejections += 1;
        let host = &mut self.hosts[host];
        host.ejected = true;
        host.ejected_at = now;
        host.jitter = Span::from_millis(jitter);
        if times(self.base, host.multiplier) < self.max + self.base {
            host.multiplier += 1;
        }
    }

    /// One more failure in a row.
    fn row(&mut self, host: usize, what: InARow, now: Time, draws: &mut impl Draw) {
        let (limit, enforcing) = match what {
            InARow::Server => (self.spec.consecutive_5xx, self.spec.enforcing_consecutive_5xx),
            InARow::Gateway => (self.spec.consecutive_gateway_failure, self.spec.enforcing_consecutive_gateway_failure),
            InARow::Local => {
                (self.spec.consecutive_local_origin_failure, self.spec.enforcing_consecutive_local_origin_failure)
            }
        };
        let row = &mut self.hosts[host].in_a_row[what as usize];
        *row = row.saturating_add(1);
        // At the limit, not beyond it: a host that is out already can pass it without effect.
        if *row == limit && !self.hosts[host].ejected {
            self.eject(host, enforcing, now, draws);
            // It starts over even if the host could not be ejected.
            self.hosts[host].in_a_row[what as usize] = 0;
        }
    }

    fn return_host(&mut self, host: usize, now: Time) {
        self.out -= 1;
        let host = &mut self.hosts[host];
        host.ejected = false;
        host.in_a_row = [0; 3];
        host.returned_at = Some(now);
    }

    fn sweep(&mut self, now: Time, draws: &mut impl Draw) {
        for at in 0..self.hosts.len() {
            let host = &mut self.hosts[at];
            host.last = std::mem::take(&mut host.current);
            let out = times(self.base, host.multiplier).min(self.max) + host.jitter;
            if host.ejected && out <= now.since(host.ejected_at) {
                self.return_host(at, now);
            }
        }
        for origin in [EXTERNAL, LOCAL] {
            self.outliers(origin, now, draws);
        }
        for host in self.hosts.iter_mut().filter(|host| !host.ejected) {
            if host.returned_at.is_some_and(|returned| now.since(returned) >= self.interval) {
                host.multiplier = host.multiplier.saturating_sub(1);
            }
        }
    }

    /// Hosts that are in and had so many requests in the last interval.
    fn judged(&self, origin: usize, volume: u32) -> impl Iterator<Item = f64> {
        let hosts = self.hosts.iter().filter(|host| !host.ejected).map(move |host| host.last[origin]);
        hosts.filter(move |bucket| bucket.requests >= volume.max(1)).map(Bucket::success_rate)
    }

    fn outliers(&mut self, origin: usize, now: Time, draws: &mut impl Draw) {
        let spec = &self.spec;
        let (rate_volume, failure_volume) = (spec.success_rate_request_volume, spec.failure_percentage_request_volume);
        let factor = f64::from(spec.success_rate_stdev_factor) / 1000.0;
        let (rate_share, failure_share) = match origin {
            EXTERNAL => (spec.enforcing_success_rate, spec.enforcing_failure_percentage),
            _ => (spec.enforcing_local_origin_success_rate, spec.enforcing_failure_percentage_local_origin),
        };
        let rate_hosts = self.judged(origin, rate_volume).count();
        let failure_hosts = self.judged(origin, failure_volume).count();
        let enough = |hosts: usize, least: u32| hosts > 0 && hosts >= least as usize;
        let rates = enough(rate_hosts, spec.success_rate_minimum_hosts);
        let failures = enough(failure_hosts, spec.failure_percentage_minimum_hosts);
        let too_low = if rates { threshold(|| self.judged(origin, rate_volume), factor) } else { f64::MIN };
        let too_many = percent(spec.failure_percentage_threshold);
        // Whoever is ejected on the way was judged with the others all the same.
        for at in 0..self.hosts.len() {
            let bucket = self.hosts[at].last[origin];
            let judged = !self.hosts[at].ejected && bucket.requests >= rate_volume.max(1);
            if rates && judged && bucket.success_rate() < too_low {
                self.eject(at, rate_share, now, draws);
            }
        }
        for at in 0..self.hosts.len() {
            let bucket = self.hosts[at].last[origin];
            let judged = !self.hosts[at].ejected && bucket.requests >= failure_volume.max(1);
            if failures && judged && 100.0 - bucket.success_rate() >= too_many {
                self.eject(at, failure_share, now, draws);
            }
        }
    }
}

/// The success rate below which a host stands out: the mean less so many standard deviations of all. `rates` gives them
/// anew each time.
pub fn threshold<I: Iterator<Item = f64>>(rates: impl Fn() -> I, factor: f64) -> f64 {
    let n = rates().count() as f64;
    let mean = rates().sum::<f64>() / n;
    let variance = rates().map(|rate| (rate - mean) * (rate - mean)).sum::<f64>() / n;
    mean - factor * variance.sqrt()
}

/// A span so many times.
pub(super) fn times(span: Span, factor: u32) -> Span {
    Span::from_nanos(span.nanos().saturating_mul(factor.into()))
}

impl Detector for Envoy {
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

    fn ended(&mut self, replica: usize, now: Time, answer: Answer, draws: &mut impl Draw) {
        let split = self.spec.split_external_local_origin_errors;
        let host = &mut self.hosts[replica];
        if split && answer == Answer::Local {
            host.current[LOCAL].add(false);
            return self.row(replica, InARow::Local, now, draws);
        }
        if split && answer != Answer::Cancelled {
            host.current[LOCAL].add(true);
            host.in_a_row[InARow::Local as usize] = 0;
        }
        match answer {
            Answer::Cancelled => {}
            Answer::Success | Answer::Overload => {
                host.current[EXTERNAL].add(true);
                host.in_a_row[InARow::Server as usize] = 0;
                host.in_a_row[InARow::Gateway as usize] = 0;
            }
            Answer::Error => {
                host.current[EXTERNAL].add(false);
                host.in_a_row[InARow::Gateway as usize] = 0;
                self.row(replica, InARow::Server, now, draws);
            }
            Answer::Gateway | Answer::Local => {
                host.current[EXTERNAL].add(false);
                self.row(replica, InARow::Gateway, now, draws);
                self.row(replica, InARow::Server, now, draws);
            }
        }
    }

    fn available(&self, replica: usize, _now: Time) -> Availability {
        let well = 100.0 * (self.hosts.len() - self.out) as f64 / self.hosts.len() as f64;
        if self.hosts[replica].ejected && well >= self.panic { Availability::No } else { Availability::Yes }
    }

    fn replicas(&self) -> usize {
        self.hosts.len()
    }

    fn resize(&mut self, replicas: usize, _now: Time) {
        self.hosts.resize(replicas, Host::default());
        self.out = self.hosts.iter().filter(|host| host.ejected).count();
    }

    fn ejections(&self) -> u64 {
        self.ejections
    }

    fn strikes(&self, replica: usize) -> u32 {
        self.hosts[replica].multiplier
    }
}
