//! The checks of Flagger.
//!
//! Source: Flagger, `pkg/controller/scheduler.go` (`advanceCanary`), `pkg/apis/flagger/v1beta1/canary.go`.

use super::analysis::{Verdict, analysis, worst};
use super::{Found, NoData};
use squall_sim::{Span, Time};

analysis! {
    /// Each check that passes takes the rollout a step further. Failed ones are counted over the whole rollout, not in a row, and
    /// looked at when the next check begins: the new version is given up one interval after the last failed one.
    "How often is checked, `60s` by default and `10s` at the least. The first time gives the first step its traffic and checks nothing.",
    "What a check without data is; `fail` by default: what Flagger makes of missing metrics.",
    NoData::Fail;
    {
        /// So many failed checks in all, and the new version is given up; 1 by default.
        #[serde(default = "one")]
        threshold: u32,
    }
}

fn one() -> u32 {
    1
}

/// Checks more often than this are made this often.
pub(super) const SHORTEST: Span = Span::from_secs(10);

/// The count under way.
#[derive(Clone, Debug)]
pub struct Machine {
    interval: Span,
    threshold: u32,
    no_data: NoData,
    failed: u32,
    pub(super) next: Time,
}

impl Machine {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let interval = spec.interval.span().max(SHORTEST);
        Self { interval, threshold: spec.threshold, no_data: spec.no_data, failed: 0, next: now + interval }
    }

    /// Nothing is looked at while the new version is not there.
    pub(super) fn skip(&mut self, now: Time) {
        self.next = now + self.interval;
    }

    pub(super) fn check(&mut self, now: Time, found: &[Found]) -> Verdict {
        self.next = now + self.interval;
        if self.failed >= self.threshold {
            return Verdict::Failed(format!("{} failed checks", self.failed));
        }
        match (worst(found), self.no_data) {
            (Found::Healthy, _) | (Found::Unknown, NoData::Pass) => Verdict::Going,
            (Found::Unknown, NoData::Hold | NoData::Error) => Verdict::Held,
            (Found::Unhealthy, _) | (Found::Unknown, NoData::Fail) => {
                self.failed += 1;
                Verdict::Held
            }
        }
    }
}
