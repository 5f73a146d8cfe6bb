//! A hedge after a percentile of recent latencies. Draws nothing.
//!
//! Source: J. Dean and L. Barroso, "The Tail at Scale", CACM 56(2), 2013: after the 95th percentile a hedge costs about
//! 5 % more load.

use super::{Hedge, MOST, Pace, budget};
use crate::checks::Problems;
use crate::latencies::{Latencies, quantile};
use crate::problem::Problem;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// A further attempt when there is no answer after the time that a share of recent successes has not exceeded. Recent is
/// the window under way and the one before. Until there are enough of them the delay is `initial`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Of which percentile; `95%` by default.
    #[serde(default = "p95")]
    pub percentile: Share,
    /// How long a window is; `10s` by default.
    #[serde(default = "ten_seconds")]
    pub window: Duration,
    /// How many successes are enough; 100 by default.
    #[serde(default = "hundred")]
    pub samples: u32,
    /// The delay until then; no hedge by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<Duration>,
    /// The shortest delay; none by default.
    #[serde(default = "nothing")]
    pub least: Duration,
    /// Attempts in all, the first one included; 2 by default.
    #[serde(default = "two")]
    pub attempts: u32,
    /// How many hedges there may be; no bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<budget::Spec>,
}

fn p95() -> Share {
    Share::new(0.95)
}

fn ten_seconds() -> Duration {
    Duration::from_seconds(10.0)
}

fn hundred() -> u32 {
    100
}

fn nothing() -> Duration {
    Duration::from_seconds(0.0)
}

fn two() -> u32 {
    2
}

impl Spec {
    pub(super) fn hedge(&self) -> Hedge {
        let pace = Pace::Percentile(Box::new(Recent::new(self)));
        Hedge { budget: self.budget.as_ref().map(budget::Budget::new), ..Hedge::plain(self.attempts, pace) }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("percentile");
    problems.count(spec.attempts.into(), 2, MOST.into(), "attempts").positive(spec.window, "window");
    problems.count(spec.samples.into(), 1, 1_000_000, "samples");
    budget::check(spec.budget.as_ref(), &mut problems);
    problems.into_found()
}

/// Latencies of this window and of the one before.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    percentile: f64,
    window: Span,
    samples: u64,
    initial: Option<Span>,
    least: Span,
    sets: [Latencies; 2],
    /// Which of the two this window's are.
    present: usize,
    began: Time,
    /// The percentile, and how many latencies it was taken from.
    known: Option<(Span, u64)>,
}

impl Recent {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            percentile: spec.percentile.get(),
            window: spec.window.span(),
            samples: spec.samples.into(),
            initial: spec.initial.map(|initial| initial.span()),
            least: spec.least.span(),
            sets: [Latencies::default(), Latencies::default()],
            present: 0,
            began: Time::ZERO,
            known: None,
        }
    }

    fn turn(&mut self, now: Time) {
        let age = now.since(self.began);
        if age < self.window {
            return;
        }
        if age >= self.window + self.window {
            self.sets[self.present].clear();
        }
        self.present = 1 - self.present;
        self.sets[self.present].clear();
        self.began = now;
        self.known = None;
    }

    pub(super) fn record(&mut self, now: Time, took: Span) {
        self.turn(now);
        self.sets[self.present].record(took);
    }

    /// How long to wait for an answer; none if there is to be no hedge. The percentile is taken anew when a tenth more
    /// latencies are known, so that it costs little.
    pub(super) fn delay(&mut self, now: Time) -> Option<Span> {
        self.turn(now);
        let count: u64 = self.sets.iter().map(Latencies::count).sum();
        if count < self.samples {
            return self.initial.map(|initial| initial.max(self.least));
        }
        let delay = match self.known {
            Some((delay, from)) if count < from + from / 10 + 1 => delay,
            _ => {
                let delay = quantile(&[&self.sets[0], &self.sets[1]], self.percentile)?;
                self.known = Some((delay, count));
                delay
            }
        };
        Some(delay.max(self.least))
    }
}
