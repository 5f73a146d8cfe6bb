//! Jitter: how a backoff is spread so that callers that failed together do not come back together.
//!
//! Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015), and its published simulator.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

/// How a backoff is spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Not at all.
    #[default]
    None,
    /// Uniform between zero and the backoff.
    Full,
    /// Half of the backoff, plus uniform up to the other half.
    Equal,
    /// Uniform between the base and three times the previous delay, up to the cap.
    Decorrelated,
}

impl Jitter {
    /// The delay to wait, from the backoff before jitter. Draws once, except with `none`.
    #[inline]
    pub(super) fn spread(self, backoff: Span, base: Span, cap: Span, previous: Span, draws: &mut impl Draw) -> Span {
        match self {
            Self::None => backoff,
            Self::Full => backoff.scaled(draws.unit()),
            Self::Equal => backoff.scaled(0.5 + 0.5 * draws.unit()),
            Self::Decorrelated => {
                let ceiling = previous.max(base).scaled(3.0);
                (base + (ceiling - base).scaled(draws.unit())).min(cap)
            }
        }
    }
}
