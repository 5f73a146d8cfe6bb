//! A share of rejections from a PID controller, turned into a cut through priorities. Draws nothing.
//!
//! Inspired by what Uber has written about Cinnamon (2023): six tiers of 128 cohorts, a controller on what comes in, what
//! goes out and what is free, and a cut-off from the priorities of recent requests. Its error function is not published;
//! the one here is squall's own: calls let in, plus calls waiting, less what could be started (calls started, and as many
//! more as the share of free workers allows), over calls started.

use super::{Arrival, Turn, rank};
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// While the queue has not been empty for a while, a controller raises and lowers the share of calls that are turned away
/// on arrival: those of the highest `priority` number first and, within it, by one of 128 classes that a request has by
/// chance.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// The queue is overloaded when it has not been empty for this long.
    pub quiet: Duration,
    /// How often the controller acts.
    pub interval: Duration,
    /// Weight of the error.
    pub proportional: f64,
    /// Weight of the sum of all errors so far.
    pub integral: f64,
    /// Weight of the change of the error.
    pub derivative: f64,
    /// Tiers; clients of a `priority` beyond belong to the last.
    pub tiers: u8,
    /// How many recent calls the cut-off is taken from.
    pub samples: u32,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            quiet: Duration::from_seconds(1.0),
            interval: Duration::from_seconds(0.5),
            proportional: 0.1,
            integral: 0.1,
            derivative: 0.0,
            tiers: 6,
            samples: 1000,
        }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("cinnamon");
    problems.positive(spec.quiet, "quiet").positive(spec.interval, "interval");
    for (value, field) in
        [(spec.proportional, "proportional"), (spec.integral, "integral"), (spec.derivative, "derivative")]
    {
        problems.between(value, 0.0, 100.0, field);
    }
    problems.count(spec.tiers.into(), 1, 255, "tiers").count(spec.samples.into(), 10, 1_000_000, "samples");
    problems.into_found()
}

/// No more than this share is turned away, so that the controller always sees something of the traffic.
const MOST: f64 = 0.95;

/// The controller, and what it has seen.
#[derive(Clone, Debug)]
pub struct Cinnamon {
    spec: Spec,
    quiet: Span,
    interval: Span,
    /// Priorities of recent calls, in a ring, and how many there are of each.
    recent: Vec<u16>,
    next: usize,
    counts: Vec<u32>,
    /// Calls of this rank or a later one are turned away.
    cut: usize,
    rejected: f64,
    sum: f64,
    error: f64,
    came: u32,
    started: u32,
    empty: Time,
    acted: Time,
}

impl Cinnamon {
    pub(super) fn new(spec: &Spec) -> Self {
        let ranks = usize::from(spec.tiers) * rank::USERS;
        Self {
            quiet: spec.quiet.span(),
            interval: spec.interval.span(),
            recent: Vec::with_capacity(spec.samples as usize),
            next: 0,
            counts: vec![0; ranks],
            cut: ranks,
            rejected: 0.0,
            sum: 0.0,
            error: 0.0,
            came: 0,
            started: 0,
            empty: Time::ZERO,
            acted: Time::ZERO,
            spec: spec.clone(),
        }
    }

    /// The share of calls that is turned away.
    #[must_use]
    pub fn rejected(&self) -> f64 {
        self.rejected
    }

    pub(super) fn turn(&mut self, facts: &Turn) {
        self.started += 1;
        if facts.behind == 0 {
            self.empty = facts.now;
        }
    }

    pub(super) fn admits(&mut self, facts: &Arrival) -> bool {
        if facts.waiting == 0 {
            self.empty = facts.now;
        }
        if facts.now.since(self.acted) >= self.interval {
            self.act(facts);
        }
        let rank = rank::of(facts, self.spec.tiers.into());
        self.remember(rank);
        let admitted = rank < self.cut;
        self.came += u32::from(admitted);
        admitted
    }

    fn remember(&mut self, rank: usize) {
        self.counts[rank] += 1;
        if self.recent.len() < self.spec.samples as usize {
            self.recent.push(rank as u16);
            return;
        }
        let old = std::mem::replace(&mut self.recent[self.next], rank as u16);
        self.counts[usize::from(old)] -= 1;
        self.next = (self.next + 1) % self.recent.len();
    }

    fn act(&mut self, facts: &Arrival) {
        let overloaded = facts.now.since(self.empty) > self.quiet;
        if overloaded || self.rejected > 0.0 {
            let started = f64::from(self.started.max(1));
            let free = facts.capacity.saturating_sub(facts.busy) as f64 / facts.capacity.max(1) as f64;
            let error = (f64::from(self.came) + facts.waiting as f64) / started - 1.0 - free;
            let error = error.clamp(-1.0, 1.0);
            self.sum = (self.sum + error).clamp(0.0, MOST / self.spec.integral.max(1e-9));
            let change = error - self.error;
            self.error = error;
            let Spec { proportional, integral, derivative, .. } = self.spec;
            let share = proportional * error + integral * self.sum + derivative * change;
            self.rejected = share.clamp(0.0, MOST);
            self.cut = self.cut_off();
        }
        (self.came, self.started, self.acted) = (0, 0, facts.now);
    }

    /// The rank from which on the wanted share of recent calls lies.
    fn cut_off(&self) -> usize {
        let wanted = self.rejected * self.recent.len() as f64;
        let (mut cut, mut beyond) = (self.counts.len(), 0.0);
        while cut > 1 {
            beyond += f64::from(self.counts[cut - 1]);
            if beyond > wanted {
                break;
            }
            cut -= 1;
        }
        cut
    }
}
