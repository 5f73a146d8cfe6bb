//! Polly's hedging. Draws nothing.
//!
//! Source: Polly 8, `Hedging`.

use super::{Hedge, MOST, Pace};
use crate::checks::Problems;
use crate::outcome::Failure;
use crate::problem::Problem;
use crate::retry::Failures;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Further attempts after a delay, or at once after a failure that is handled. The first outcome that is not handled
/// counts; if all attempts fail, the last failure does.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spec {
    /// Attempts beyond the first.
    pub max_hedged_attempts: u32,
    /// When a further attempt goes out.
    pub mode: Mode,
    /// Which failures are handled; all of them by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Failure>>,
}

/// When a further attempt goes out.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mode {
    /// All attempts at once: a delay of zero.
    Parallel,
    /// After this long without an answer, or at once after a failure; `2s` in Polly.
    Delay(Duration),
    /// Only after a failure: a negative delay.
    Fallback,
}

impl Default for Spec {
    fn default() -> Self {
        Self { max_hedged_attempts: 1, mode: Mode::Delay(Duration::from_seconds(2.0)), on: None }
    }
}

impl Spec {
    pub(super) fn hedge(&self) -> Hedge {
        let pace = match self.mode {
            Mode::Parallel => Pace::Parallel,
            Mode::Delay(delay) if delay.span().is_zero() => Pace::Parallel,
            Mode::Delay(delay) => Pace::After(delay.span()),
            Mode::Fallback => Pace::OnFailure,
        };
        let goes_on = Failures::new(self.on.as_ref());
        Hedge { goes_on, outlasts: false, ..Hedge::plain(self.max_hedged_attempts.saturating_add(1), pace) }
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Problems::of("polly");
    problems.count(spec.max_hedged_attempts.into(), 1, 10.min(MOST.into()), "max_hedged_attempts");
    problems.into_found()
}
