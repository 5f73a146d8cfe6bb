//! So many failed checks in a row.

use super::analysis::{Verdict, analysis, worst};
use super::{Found, NoData};
use squall_sim::{Span, Time};

analysis! {
    /// The new version is given up after so many failed checks in a row. A good one in between begins the count anew.
    "How often is checked, `60s` by default; the first time one interval after the beginning.",
    "What a check without data is; `hold` by default: the count stays, and nothing goes on.",
    NoData::Hold;
    {
        /// So many in a row; 3 by default.
        #[serde(default = "three")]
        failures: u32,
    }
}

fn three() -> u32 {
    3
}

/// The count under way.
#[derive(Clone, Debug)]
pub struct Machine {
    interval: Span,
    limit: u32,
    no_data: NoData,
    failed: u32,
    pub(super) next: Time,
}

impl Machine {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let interval = spec.interval.span();
        Self { interval, limit: spec.failures, no_data: spec.no_data, failed: 0, next: now + interval }
    }

    pub(super) fn check(&mut self, now: Time, found: &[Found]) -> Verdict {
        self.next = now + self.interval;
        let found = match (worst(found), self.no_data) {
            (Found::Unknown, NoData::Fail) => Found::Unhealthy,
            (Found::Unknown, NoData::Pass) => Found::Healthy,
            (found, _) => found,
        };
        match found {
            Found::Healthy => {
                self.failed = 0;
                Verdict::Going
            }
            Found::Unknown => Verdict::Held,
            Found::Unhealthy => {
                self.failed += 1;
                if self.failed < self.limit {
                    return Verdict::Held;
                }
                Verdict::Failed(format!("{} failed checks in a row", self.failed))
            }
        }
    }
}
