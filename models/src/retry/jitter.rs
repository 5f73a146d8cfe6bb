//! Jitter: how a backoff is spread so that callers that failed together do not come back together.
//!
//! Sources: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015), and its published simulator; Polly 8,
//! `RetryHelper.cs`, for `decorrelated_v2`; gRFC A6 for a share around the backoff.

use super::Next;
use crate::units::{self, Duration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;
use squall_sim::random::Draw;

/// How a backoff is spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
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
    /// A smooth spread that doubles on the average and has no peaks, from Polly; it goes by the base and the number of
    /// attempts alone, so `factor` means nothing to it.
    DecorrelatedV2,
    /// Uniform between so much less and so much more than the backoff, as in `share: 20%`.
    Share(units::Share),
    /// The backoff, plus uniform up to so much, as in `add: 1s`.
    Add(Duration),
}

/// What a jitter goes by.
pub(super) struct Around {
    /// The delay before jitter.
    pub(super) backoff: Span,
    pub(super) base: Span,
    pub(super) cap: Span,
    pub(super) attempts: u16,
    /// The previous delay, or what `decorrelated_v2` left.
    pub(super) memory: u64,
}

impl Jitter {
    /// The delay to wait. Draws once, except with `none`.
    #[inline]
    pub(super) fn spread(self, around: &Around, draws: &mut impl Draw) -> Next {
        let &Around { backoff, base, cap, attempts, memory } = around;
        Next::after(match self {
            Self::None => backoff,
            Self::Full => backoff.scaled(draws.unit()),
            Self::Equal => backoff.scaled(0.5 + 0.5 * draws.unit()),
            Self::Decorrelated => {
                let ceiling = Span::from_nanos(memory).max(base).scaled(3.0);
                (base + (ceiling - base).scaled(draws.unit())).min(cap)
            }
            Self::DecorrelatedV2 => {
                let (factor, memory) = decorrelated_v2(attempts, memory, draws.unit());
                return Next { delay: Span::from_seconds(base.seconds() * factor).min(cap), memory };
            }
            Self::Share(share) => backoff.scaled(1.0 - share.get() + 2.0 * share.get() * draws.unit()),
            Self::Add(most) => backoff + most.span().scaled(draws.unit()),
        })
    }
}

/// Polly's spread: with t = attempts before this one + u and g(t) = 2^t · tanh(√(4t)), the delay over the base is the
/// growth of g since the last draw, over 1.4. Returns that factor, and what to remember.
pub(super) fn decorrelated_v2(attempts: u16, memory: u64, uniform: f64) -> (f64, u64) {
    let t = f64::from(attempts.saturating_sub(1)) + uniform;
    let grown = libm::exp2(t) * libm::tanh((4.0 * t).sqrt());
    // 0 is the number 0.0 as well, which is where it starts.
    let before = f64::from_bits(memory);
    // Beyond what a float holds, the delay is endless, and the cap is for that.
    let factor = if grown.is_finite() { ((grown - before) / 1.4).max(0.0) } else { f64::INFINITY };
    (factor, grown.to_bits())
}
