//! Failure accrual of Finagle.
//!
//! Source: Finagle 24, `FailureAccrualFactory`, `FailureAccrualPolicy`; `Backoff.equalJittered`, `Ema`, and
//! `WindowedAdder` of util.

use super::{Answer, Availability, Detector};
use crate::breaker::limits;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// Marks a node dead for a low success rate or for failures in a row, and then tries one request, as Finagle does.
///
/// The success rate is a moving average that forgets over `window`; it means something once the node has been alive for
/// that long and got `min_requests` requests in it. It is looked at when a request fails. A node is dead for `dead_min` at
/// first; then, each time that the request that is tried fails, for longer: between one and two times `dead_min`, two and
/// four, and so on, up to `dead_max`. Once the request that is tried succeeds, everything is forgotten. There is no
/// maximum: all nodes can be dead. A caller that goes away counts as nothing.
///
/// Example: `eject: { finagle: { failures: 3, dead_min: 1s } }`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// A smaller success rate than this is too low; `80%` by default.
    pub success_rate: Share,
    /// Over which time the success rate forgets; `30s` by default.
    pub window: Duration,
    /// Requests in the window needed to look at the success rate; 5 by default.
    pub min_requests: u32,
    /// Failures in a row that mark a node dead; 5 by default.
    pub failures: u32,
    /// How long a node is dead at first; `5s` by default.
    pub dead_min: Duration,
    /// The longest it is dead; `300s` by default.
    pub dead_max: Duration,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            success_rate: Share::new(0.8),
            window: Duration::from_seconds(30.0),
            min_requests: 5,
            failures: 5,
            dead_min: Duration::from_seconds(5.0),
            dead_max: Duration::from_seconds(300.0),
        }
    }
}

pub(super) fn check(spec: &Spec, path: &str, problems: &mut Vec<Problem>) {
    limits::slices(problems, path, "window", spec.window, SLICES, 1_000_000);
    limits::count(problems, path, "failures", spec.failures.into());
    limits::span(problems, path, "dead_min", spec.dead_min);
    if spec.dead_max < spec.dead_min {
        let rule = "the longest time is shorter than the shortest";
        problems.push(Problem::new(format!("{path}.dead_max"), rule, "use at least `dead_min`"));
    }
}

/// Slices in which requests are counted: four that are over, and the one that is not.
const SLICES: u64 = 5;
const KEPT: usize = SLICES as usize - 1;

fn millis(span: Span) -> u64 {
    span.nanos() / 1_000_000
}

/// Requests of about the last window. A slice ends with the first request after its time, not at its time.
#[derive(Clone, Copy, Debug, Default)]
struct Adder {
    kept: [u32; KEPT],
    at: usize,
    current: u32,
    began: u64,
}

impl Adder {
    fn new(now: u64) -> Self {
        Self { began: now, ..Self::default() }
    }

    fn turn(&mut self, now: u64, width: u64) {
        let gone = (now - self.began) / width;
        if gone == 0 {
            return;
        }
        self.kept[self.at] = std::mem::take(&mut self.current);
        self.at = (self.at + 1) % KEPT;
        for _ in 0..(gone - 1).min(KEPT as u64) {
            self.kept[self.at] = 0;
            self.at = (self.at + 1) % KEPT;
        }
        self.began = now;
    }

    fn add(&mut self, now: u64, width: u64) {
        self.turn(now, width);
        self.current += 1;
    }

    fn sum(&self) -> u32 {
        self.kept.iter().sum::<u32>() + self.current
    }
}

/// Times to be dead, each longer than the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Backoff {
    taken: u32,
    longest: bool,
}

impl Backoff {
    /// The next one. Draws once, from the second to the longest.
    fn next(&mut self, min: Span, max: Span, draws: &mut impl Draw) -> Span {
        self.taken += 1;
        if self.longest || min >= max {
            return max;
        }
        if self.taken == 1 {
            return min;
        }
        let half = Span::from_nanos(min.nanos().saturating_mul(1 << (self.taken - 2).min(62)));
        let next = half + half.scaled(draws.unit());
        self.longest = next > max;
        next.min(max)
    }
}

#[derive(Clone, Copy, Debug)]
enum Life {
    Alive,
    /// Until then nothing; from then on one request.
    Dead {
        until: Time,
    },
    /// That one request is under way.
    Probing,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    life: Life,
    failures: u32,
    /// When its success rate began to be watched.
    born: Time,
    /// Success rate, and when it was last updated, in milliseconds since.
    rate: Option<(f64, u64)>,
    requests: Adder,
    by_rate: Backoff,
    by_row: Backoff,
}

impl Node {
    fn new(now: Time) -> Self {
        Self {
            life: Life::Alive,
            failures: 0,
            born: now,
            rate: None,
            requests: Adder::new(0),
            by_rate: Backoff::default(),
            by_row: Backoff::default(),
        }
    }

    /// Counts a request; its success rate is then up to date.
    fn update(&mut self, stamp: u64, window: u64, success: bool) -> f64 {
        self.requests.add(stamp, (window / SLICES).max(1));
        let sample = f64::from(u8::from(success));
        let rate = self.rate.map_or(sample, |(rate, last)| {
            let weight = libm::exp(-((stamp - last) as f64) / window as f64);
            sample * (1.0 - weight) + rate * weight
        });
        self.rate = Some((rate, stamp));
        rate
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Finagle {
    success_rate: f64,
    window: u64,
    min_requests: u32,
    failures: u32,
    dead_min: Span,
    dead_max: Span,
    nodes: Vec<Node>,
    ejections: u64,
}

impl Finagle {
    pub(super) fn new(spec: &Spec, nodes: usize, now: Time) -> Self {
        Self {
            success_rate: spec.success_rate.get(),
            window: millis(spec.window.span()).max(1),
            min_requests: spec.min_requests,
            failures: spec.failures,
            dead_min: spec.dead_min.span(),
            dead_max: spec.dead_max.span(),
            nodes: vec![Node::new(now); nodes],
            ejections: 0,
        }
    }

    fn fail(&mut self, node: usize, now: Time, draws: &mut impl Draw) {
        let (min, max) = (self.dead_min, self.dead_max);
        let node = &mut self.nodes[node];
        let stamp = millis(now.since(node.born));
        let rate = node.update(stamp, self.window, false);
        let low = stamp >= self.window && rate < self.success_rate && node.requests.sum() >= self.min_requests;
        node.failures = node.failures.saturating_add(1);
        let by_rate = low.then(|| node.by_rate.next(min, max, draws));
        let by_row = (node.failures >= self.failures).then(|| node.by_row.next(min, max, draws));
        match by_rate.max(by_row) {
            Some(dead) => {
                self.ejections += u64::from(matches!(node.life, Life::Alive));
                node.life = Life::Dead { until: now + dead };
            }
            // The request that was tried failed, but neither detector minds: another one is tried.
            None if matches!(node.life, Life::Probing) => node.life = Life::Dead { until: now },
            None => {}
        }
    }
}

impl Detector for Finagle {
    fn started(&mut self, replica: usize, now: Time) {
        let node = &mut self.nodes[replica];
        if let Life::Dead { until } = node.life
            && now >= until
        {
            node.life = Life::Probing;
        }
    }

    fn ended(&mut self, replica: usize, now: Time, answer: Answer, draws: &mut impl Draw) {
        let node = &mut self.nodes[replica];
        match answer {
            Answer::Cancelled => {
                if matches!(node.life, Life::Probing) {
                    node.life = Life::Dead { until: now };
                }
            }
            Answer::Success | Answer::Overload => {
                if matches!(node.life, Life::Probing) {
                    *node = Node::new(now);
                }
                node.failures = 0;
                let stamp = millis(now.since(node.born));
                node.update(stamp, self.window, true);
            }
            Answer::Error | Answer::Gateway | Answer::Local => {
                if !matches!(node.life, Life::Dead { .. }) {
                    self.fail(replica, now, draws);
                }
            }
        }
    }

    fn available(&self, replica: usize, now: Time) -> Availability {
        match self.nodes[replica].life {
            Life::Alive => Availability::Yes,
            Life::Dead { until } if now >= until => Availability::Probe,
            Life::Dead { .. } | Life::Probing => Availability::No,
        }
    }

    fn replicas(&self) -> usize {
        self.nodes.len()
    }

    fn resize(&mut self, replicas: usize, now: Time) {
        self.nodes.resize(replicas, Node::new(now));
    }

    fn ejections(&self) -> u64 {
        self.ejections
    }

    fn strikes(&self, replica: usize) -> u32 {
        let node = &self.nodes[replica];
        node.by_rate.taken.max(node.by_row.taken)
    }
}
