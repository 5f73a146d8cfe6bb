//! WeChat's overload control. Draws nothing: who is turned away follows from its class.
//!
//! Source: H. Zhou et al., "Overload Control for Scaling WeChat Microservices", SoCC 2018. The threshold is not told to
//! callers, so calls are turned away by the callee only.

use super::{Arrival, rank};
use crate::checks::Problems;
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Calls are ordered by the client's `priority` and, within it, by one of 128 classes that a request has by chance and
/// that changes every hour. After each window, if the mean wait was above the threshold, the last classes are turned away
/// until 5 % fewer would have been admitted; else classes are let in again, worth 1 % of all that came.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// A window with a longer mean wait was overloaded.
    pub threshold: Duration,
    /// The longest window.
    pub window: Duration,
    /// A window ends earlier when this many calls have come.
    pub requests: u32,
    /// By which share fewer are admitted after an overloaded window.
    pub alpha: Share,
    /// By which share of all that came more are admitted after another one.
    pub beta: Share,
    /// Business classes; clients of a `priority` beyond belong to the last.
    pub classes: u8,
}

impl Default for Spec {
    fn default() -> Self {
        Self {
            threshold: Duration::from_seconds(0.02),
            window: Duration::from_seconds(1.0),
            requests: 2000,
            alpha: Share::new(0.05),
            beta: Share::new(0.01),
            classes: 8,
        }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("dagor");
    problems.positive(spec.threshold, "threshold").positive(spec.window, "window");
    problems.count(spec.requests.into(), 1, 100_000_000, "requests").count(spec.classes.into(), 1, 255, "classes");
    problems.into_found()
}

/// The threshold, and what came in this window.
#[derive(Clone, Debug)]
pub struct Dagor {
    spec: Spec,
    window: Span,
    /// Arrivals by class, in the order of importance.
    arrivals: Vec<u32>,
    all: u32,
    admitted: u32,
    /// The last class that is admitted.
    last: usize,
    began: Time,
    waits: u128,
    turns: u64,
}

impl Dagor {
    pub(super) fn new(spec: &Spec) -> Self {
        let levels = usize::from(spec.classes) * rank::USERS;
        Self {
            window: spec.window.span(),
            spec: spec.clone(),
            arrivals: vec![0; levels],
            all: 0,
            admitted: 0,
            last: levels - 1,
            began: Time::ZERO,
            waits: 0,
            turns: 0,
        }
    }

    /// The share of classes that are admitted.
    #[must_use]
    pub fn open(&self) -> f64 {
        (self.last + 1) as f64 / self.arrivals.len() as f64
    }

    pub(super) fn turn(&mut self, waited: Span) {
        self.waits += u128::from(waited.nanos());
        self.turns += 1;
    }

    pub(super) fn admits(&mut self, facts: &Arrival) -> bool {
        if facts.now.since(self.began) >= self.window || self.all >= self.spec.requests {
            self.next_window(facts);
        }
        let rank = rank::of(facts, self.spec.classes.into());
        self.arrivals[rank] += 1;
        self.all += 1;
        let admitted = rank <= self.last;
        self.admitted += u32::from(admitted);
        admitted
    }

    fn next_window(&mut self, facts: &Arrival) {
        let threshold = u128::from(self.spec.threshold.span().nanos());
        // A window in which nobody's turn came, though some wait, is as bad as can be.
        let overloaded =
            if self.turns == 0 { facts.waiting > 0 } else { self.waits / u128::from(self.turns) > threshold };
        let mut admitted = f64::from(self.admitted);
        if overloaded {
            let wanted = admitted * (1.0 - self.spec.alpha.get());
            while admitted > wanted && self.last > 0 {
                admitted -= f64::from(self.arrivals[self.last]);
                self.last -= 1;
            }
        } else {
            let wanted = admitted + self.spec.beta.get() * f64::from(self.all);
            while admitted < wanted && self.last + 1 < self.arrivals.len() {
                self.last += 1;
                admitted += f64::from(self.arrivals[self.last]);
            }
        }
        self.arrivals.fill(0);
        (self.all, self.admitted, self.waits, self.turns) = (0, 0, 0, 0);
        self.began = facts.now;
    }
}
