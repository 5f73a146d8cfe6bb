//! failsafe-go's hedging. Draws nothing.
//!
//! Source: failsafe-go 0.9, `hedgepolicy` and `budget`.

use super::{Hedge, MOST, Pace, budget, percentile};
use crate::checks::Problems;
use crate::problem::Problem;
use crate::retry::Failures;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Further attempts after a delay. Whatever comes first is the outcome of the call, even a failure, unless `cancel_on`
/// says what counts; then the last of all attempts counts if none of them does. A call whose hedge is refused by the
/// budget fails with `throttled`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// When a further attempt goes out.
    pub delay: Delay,
    /// Attempts beyond the first; 1 by default.
    #[serde(default = "one")]
    pub max_hedges: u32,
    /// What ends the call at once; anything by default.
    #[serde(default)]
    pub cancel_on: CancelOn,
    /// How many hedges there may be; no bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<budget::Spec>,
}

/// When a further attempt goes out.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Delay {
    /// After this long without an answer.
    After(Duration),
    /// After the time that this share of recent attempts has not exceeded; not before there are 100 of them.
    Percentile(Share),
}

/// What ends the call at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelOn {
    /// Any outcome.
    #[default]
    Any,
    /// A success.
    Success,
}

fn one() -> u32 {
    1
}

impl Spec {
    pub(super) fn hedge(&self) -> Hedge {
        let pace = match self.delay {
            Delay::After(delay) => Pace::After(delay.span()),
            Delay::Percentile(share) => {
                let spec = percentile::Spec {
                    percentile: share,
                    window: Duration::from_seconds(10.0),
                    samples: 100,
                    initial: None,
                    least: Duration::from_seconds(0.0),
                    attempts: 2,
                    budget: None,
                };
                Pace::Percentile(Box::new(percentile::Recent::new(&spec)))
            }
        };
        Hedge {
            budget: self.budget.as_ref().map(budget::Budget::new),
            strict: true,
            outlasts: self.cancel_on == CancelOn::Success,
            goes_on: Failures::new(Some(&Vec::new())),
            ..Hedge::plain(self.max_hedges.saturating_add(1), pace)
        }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("failsafe_go");
    problems.count(spec.max_hedges.into(), 1, u64::from(MOST) - 1, "max_hedges");
    budget::check(spec.budget.as_ref(), &mut problems);
    problems.into_found()
}
