//! Failure accrual of Linkerd.
//!
//! Source: linkerd2-proxy, `http/breaker/`: `consecutive_failures.rs`, `unified.rs`, `success_rate.rs`; `exp-backoff`;
//! linkerd2, `controller/api/destination`.

use super::{Answer, Availability, Detector};
use crate::breaker::limits;
use crate::breaker::ring::{Slice, Slices};
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// Shuts an endpoint out after failures in a row, for longer each time, and then tries one call, as Linkerd does.
///
/// It is off unless a service is annotated for it. An endpoint is shut out for `min_penalty`, and for twice as long
/// after each call that is tried and fails, up to `max_penalty`; a call that succeeds clears everything. Answers that
/// come in while it is shut out mean nothing; once it is on probation, the first answer of any call decides. There is no
/// maximum: all endpoints can be out. "Too many requests" is a success for failures in a row. With `success_rate`, as in
/// the proxies of 2026, it also shuts out endpoints whose share of good answers is low; "too many requests" then counts
/// against the share, and a call that is tried must not get it.
///
/// Departs from the library in this: if the caller of the call that is tried goes away, another one is tried.
///
/// Example: `eject: { linkerd: { max_failures: 5, success_rate: {} } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Failures in a row that shut an endpoint out; 7 by default, 0 turns it off.
    pub max_failures: u32,
    /// How long it is shut out at first; `1s` by default.
    pub min_penalty: Duration,
    /// The longest it is shut out; `60s` by default.
    pub max_penalty: Duration,
    /// Each time is longer by up to this share of it, at random, but not beyond `max_penalty`; `50%` by default.
    pub jitter: Share,
    /// Shut endpoints out by their share of good answers too; off by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_rate: Option<SuccessRate>,
}

/// Shut endpoints out by their share of good answers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SuccessRate {
    /// A smaller share than this is too low; `80%` by default.
    pub threshold: Share,
    /// How far back it looks, in tenths; `10s` by default.
    pub window: Duration,
    /// Answers in the window needed; 5 by default.
    pub min_requests: u32,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            max_failures: 7,
            min_penalty: Duration::from_seconds(1.0),
            max_penalty: Duration::from_seconds(60.0),
            jitter: Share::new(0.5),
            success_rate: None,
        }
    }
}

impl Default for SuccessRate {
    fn default() -> Self {
        Self { threshold: Share::new(0.8), window: Duration::from_seconds(10.0), min_requests: 5 }
    }
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    limits::span(problems, path, "min_penalty", spec.min_penalty);
    if spec.max_penalty < spec.min_penalty {
        let rule = "the longest penalty is shorter than the shortest";
        problems.push(Problem::new(format!("{path}.max_penalty"), rule, "use at least `min_penalty`"));
    }
    if let Some(rate) = &spec.success_rate {
        limits::slices(problems, path, "success_rate.window", rate.window, BUCKETS.into(), 1_000_000);
    }
    if spec.max_failures == 0 && spec.success_rate.is_none() {
        let rule = "nothing shuts an endpoint out";
        problems.push(Problem::new(format!("{path}.max_failures"), rule, "use at least 1, or set `success_rate: {}`"));
    }
}

const BUCKETS: u32 = 10;

#[derive(Clone, Copy, Debug)]
enum Gate {
    Open,
    /// Until then nothing; from then on one call.
    Shut {
        until: Time,
    },
    /// That one call is under way.
    Probing,
}

#[derive(Clone, Debug)]
struct Endpoint {
    gate: Gate,
    failures: u32,
    /// How many times in a row it was shut out.
    penalties: u32,
    /// Good and bad answers, counted from when it last opened.
    opened: Time,
    answers: Slices,
}

impl Endpoint {
    fn new(now: Time, slices: u32) -> Self {
        Self { gate: Gate::Open, failures: 0, penalties: 0, opened: now, answers: Slices::new(slices) }
    }

    fn open(&mut self, now: Time) {
        self.gate = Gate::Open;
        self.failures = 0;
        self.penalties = 0;
        self.opened = now;
        self.answers.restart(0);
    }

    /// On probation: whoever answers next decides.
    fn probation(&self, now: Time) -> bool {
        match self.gate {
            Gate::Open => false,
            Gate::Shut { until } => now >= until,
            Gate::Probing => true,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Linkerd {
    max_failures: u32,
    min_penalty: Span,
    max_penalty: Span,
    jitter: f64,
    rate: Option<SuccessRate>,
    bucket: u64,
    endpoints: Vec<Endpoint>,
    ejections: u64,
}

impl Linkerd {
    pub(super) fn new(spec: &Spec, endpoints: usize, now: Time) -> Self {
        let window = spec.success_rate.as_ref().map_or(Span::from_secs(1), |rate| rate.window.span());
        let slices = if spec.success_rate.is_some() { BUCKETS } else { 1 };
        Self {
            max_failures: spec.max_failures,
            min_penalty: spec.min_penalty.span(),
            max_penalty: spec.max_penalty.span(),
            jitter: spec.jitter.get(),
            rate: spec.success_rate.clone(),
            bucket: (window.nanos() / u64::from(BUCKETS)).max(1_000_000),
            endpoints: (0..endpoints).map(|_| Endpoint::new(now, slices)).collect(),
            ejections: 0,
        }
    }

    fn shut(&mut self, endpoint: usize, now: Time, draws: &mut impl Draw) {
        let endpoint = &mut self.endpoints[endpoint];
        self.ejections += u64::from(endpoint.penalties == 0);
        let factor = 1u64 << endpoint.penalties.min(31);
        let base = Span::from_nanos(self.min_penalty.nanos().saturating_mul(factor)).min(self.max_penalty);
        let jitter = if self.jitter > 0.0 { base.scaled(self.jitter * draws.unit()) } else { Span::ZERO };
        endpoint.penalties += 1;
        endpoint.gate = Gate::Shut { until: now + (base + jitter).min(self.max_penalty) };
    }

    /// An answer while the endpoint is open; whether it is shut out for it.
    fn trips(&mut self, endpoint: usize, now: Time, answer: Answer) -> bool {
        let endpoint = &mut self.endpoints[endpoint];
        endpoint.failures = if answer.failed() { endpoint.failures + 1 } else { 0 };
        let in_a_row = self.max_failures > 0 && endpoint.failures >= self.max_failures;
        let Some(rate) = &self.rate else { return in_a_row };
        endpoint.answers.advance(now.since(endpoint.opened).nanos() / self.bucket);
        endpoint.answers.add(Slice::one(answer != Answer::Success, false));
        let total = endpoint.answers.total;
        let share = f64::from(total.calls - total.failed) / f64::from(total.calls);
        in_a_row || (total.calls >= rate.min_requests && share < rate.threshold.get())
    }
}

impl Detector for Linkerd {
    fn started(&mut self, replica: usize, now: Time) {
        let endpoint = &mut self.endpoints[replica];
        if endpoint.probation(now) {
            endpoint.gate = Gate::Probing;
        }
    }

    fn ended(&mut self, replica: usize, now: Time, answer: Answer, draws: &mut impl Draw) {
        let endpoint = &mut self.endpoints[replica];
        match (endpoint.gate, answer) {
            (Gate::Probing, Answer::Cancelled) => endpoint.gate = Gate::Shut { until: now },
            (_, Answer::Cancelled) => {}
            (Gate::Open, _) => {
                let trips = self.trips(replica, now, answer);
                if trips {
                    self.shut(replica, now, draws);
                }
            }
            _ if endpoint.probation(now) => {
                let well = !answer.failed() && (self.rate.is_none() || answer != Answer::Overload);
                if well {
                    endpoint.open(now);
                } else {
                    self.shut(replica, now, draws);
                }
            }
            _ => {}
        }
    }

    fn available(&self, replica: usize, now: Time) -> Availability {
        let endpoint = &self.endpoints[replica];
        match endpoint.gate {
            Gate::Open => Availability::Yes,
            Gate::Shut { until } if now >= until => Availability::Probe,
            Gate::Shut { .. } | Gate::Probing => Availability::No,
        }
    }

    fn replicas(&self) -> usize {
        self.endpoints.len()
    }

    fn resize(&mut self, replicas: usize, now: Time) {
        let slices = if self.rate.is_some() { BUCKETS } else { 1 };
        self.endpoints.resize_with(replicas, || Endpoint::new(now, slices));
    }

    fn ejections(&self) -> u64 {
        self.ejections
    }

    fn strikes(&self, replica: usize) -> u32 {
        self.endpoints[replica].penalties
    }
}
