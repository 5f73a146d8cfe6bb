//! Open periods that become longer while the callee stays broken.

use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;

/// Each open period over the one before, as long as half-open calls keep failing. Closing starts it over.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// Each open period over the one before, such as `2`.
    pub factor: f64,
    /// The longest open period; none by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Duration>,
}

/// A problem with `growth`, if there is one.
pub(super) fn check(growth: Option<&Growth>, path: &str, problems: &mut Vec<Problem>) {
    if let Some(growth) = growth
        && !(growth.factor >= 1.0 && growth.factor <= 1000.0)
    {
        let rule = format!("a factor of {} is not between 1 and 1000", growth.factor);
        problems.push(Problem::new(format!("{path}.growth.factor"), rule, "use a factor such as `2`"));
    }
}

/// How long to stay open, by how many times in a row it opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    first: Span,
    factor: f64,
    max: Span,
    /// Whether the library cuts each period to whole milliseconds.
    whole_millis: bool,
}

impl Waits {
    pub(super) fn new(first: Duration, growth: Option<&Growth>, whole_millis: bool) -> Self {
        let factor = growth.map_or(1.0, |growth| growth.factor);
        let max = growth.and_then(|growth| growth.max).map_or(Span::MAX, |max| max.span());
        Self { first: first.span(), factor, max, whole_millis }
    }

    /// The period of the `attempt`th time in a row, from 1.
    pub(super) fn of(&self, attempt: u32) -> Span {
        let cut = |span: Span| {
            if self.whole_millis { Span::from_millis(span.nanos() / 1_000_000) } else { span }
        };
        let mut wait = cut(self.first);
        if self.factor != 1.0 {
            // A thousand doublings are past every cap; the loop need not go on for ever.
            for _ in 1..attempt.min(1000) {
                if wait >= self.max {
                    break;
                }
                wait = cut(wait.scaled(self.factor));
            }
        }
        wait.min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_cap_and_are_cut_to_milliseconds() {
        let growth = Growth { factor: 1.5, max: Some(Duration::from_seconds(0.02)) };
        let waits = Waits::new(Duration::from_seconds(0.005), Some(&growth), true);
        let millis = [1, 2, 3, 4, 5, 99].map(|attempt| waits.of(attempt).nanos() / 1_000_000);
        assert_eq!(millis, [5, 7, 10, 15, 20, 20]);
        assert_eq!(Waits::new(Duration::from_seconds(60.0), None, true).of(7), Span::from_secs(60));
    }
}
