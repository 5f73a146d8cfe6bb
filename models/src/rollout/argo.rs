//! The `AnalysisRun` of Argo Rollouts.
//!
//! Source: Argo Rollouts, `analysis/analysis.go` (`assessMetricStatus`), `utils/defaults/defaults.go`.

use super::analysis::{Verdict, analysis};
use super::{Found, NoData};
use crate::units::Duration;
use squall_sim::{Span, Time};

analysis! {
    /// Each condition is measured by itself until its `count` is reached, or for as long as the rollout goes on. One that is over its
    /// limit ends the analysis: failures and errors abort the rollout, what is inconclusive pauses it.
    "How often each condition is measured, `60s` by default; the first time after `initial_delay`.",
    "What a measurement without data is; `error` by default: what Argo makes of an empty result.",
    NoData::Error;
    {
        /// More failed measurements of a condition than this, and the analysis has failed; 0 by default.
        #[serde(default)]
        failure_limit: u32,
        /// More inconclusive ones than this, and the rollout pauses; 0 by default.
        #[serde(default)]
        inconclusive_limit: u32,
        /// More errors in a row than this, and the rollout is aborted; 4 by default.
        #[serde(default = "four")]
        consecutive_error_limit: u32,
        /// How long after an error it is measured again; `10s` by default.
        #[serde(default = "ten_seconds")]
        error_interval: Duration,
        /// After so many good measurements in a row a condition has been met; no end by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        consecutive_success_limit: Option<u32>,
        /// After so many measurements, errors not counted, a condition has been met; no end by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u32>,
        /// When each condition is measured for the first time, from the beginning; at once by default.
        #[serde(default = "no_time")]
        initial_delay: Duration,
    }
}

fn four() -> u32 {
    4
}

fn ten_seconds() -> Duration {
    Duration::from_seconds(10.0)
}

fn no_time() -> Duration {
    Duration::from_seconds(0.0)
}

/// One condition.
#[derive(Clone, Copy, Debug)]
struct Metric {
    /// None when it has been met.
    next: Option<Time>,
    failed: u32,
    inconclusive: u32,
    errors: u32,
    good: u32,
    measured: u32,
}

/// The analysis under way.
#[derive(Clone, Debug)]
pub struct Machine {
    spec: Spec,
    metrics: Vec<Metric>,
}

/// What has become of a condition, the worst last.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Met,
    Inconclusive(u32),
    Error(u32),
    Failed(u32),
}

impl Machine {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let next = Some(now + spec.initial_delay.span());
        let fresh = Metric { next, failed: 0, inconclusive: 0, errors: 0, good: 0, measured: 0 };
        Self { spec: spec.clone(), metrics: vec![fresh; spec.fail_when.len()] }
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.metrics.iter().filter_map(|metric| metric.next).min()
    }

    pub(super) fn check(&mut self, now: Time, found: &[Found]) -> Verdict {
        let (mut failed, mut unclear) = (None, None);
        for (metric, found) in self.metrics.iter_mut().zip(found) {
            if metric.next.is_none_or(|next| next > now) {
                continue;
            }
            match metric.measure(&self.spec, now, *found) {
                Phase::Running => {}
                Phase::Met => metric.next = None,
                Phase::Failed(times) => {
                    failed.get_or_insert(format!("{times} failed, more than {}", self.spec.failure_limit));
                }
                Phase::Error(times) => {
                    let most = self.spec.consecutive_error_limit;
                    failed.get_or_insert(format!("{times} errors in a row, more than {most}"));
                }
                Phase::Inconclusive(times) => {
                    let most = self.spec.inconclusive_limit;
                    unclear = Some(format!("{times} inconclusive, more than {most}"));
                }
            }
        }
        match (failed, unclear) {
            (Some(why), _) => Verdict::Failed(why),
            (None, Some(why)) => Verdict::Inconclusive(why),
            (None, None) if self.next().is_none() => Verdict::Done,
            (None, None) => Verdict::Going,
        }
    }
}

impl Metric {
    fn measure(&mut self, spec: &Spec, now: Time, found: Found) -> Phase {
        let wait: Span = match (found, spec.no_data) {
            (Found::Healthy, _) | (Found::Unknown, NoData::Pass) => {
                (self.errors, self.good, self.measured) = (0, self.good + 1, self.measured + 1);
                spec.interval.span()
            }
            (Found::Unhealthy, _) | (Found::Unknown, NoData::Fail) => {
                (self.errors, self.good, self.measured) = (0, 0, self.measured + 1);
                self.failed += 1;
                spec.interval.span()
            }
            (Found::Unknown, NoData::Hold) => {
                (self.errors, self.good, self.measured) = (0, 0, self.measured + 1);
                self.inconclusive += 1;
                spec.interval.span()
            }
            (Found::Unknown, NoData::Error) => {
                (self.errors, self.good) = (self.errors + 1, 0);
                spec.error_interval.span()
            }
        };
        self.next = Some(now + wait);
        // Where several limits are passed at once, the later one counts.
        let mut phase = Phase::Running;
        if self.failed > spec.failure_limit {
            phase = Phase::Failed(self.failed);
        }
        if self.inconclusive > spec.inconclusive_limit {
            phase = Phase::Inconclusive(self.inconclusive);
        }
        if self.errors > spec.consecutive_error_limit {
            phase = Phase::Error(self.errors);
        }
        let met = spec.consecutive_success_limit.is_some_and(|limit| self.good >= limit)
            || spec.count.is_some_and(|count| self.measured >= count);
        if phase == Phase::Running && met { Phase::Met } else { phase }
    }
}
