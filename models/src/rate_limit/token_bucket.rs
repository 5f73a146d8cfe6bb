//! The token bucket.
//!
//! Source: golang.org/x/time/rate, `rate.go`; recording in `tests/conformance/vectors/`.

use super::Verdict;
use crate::problem::{Found, Problem};
use crate::units::{Duration, Rate};
use squall_sim::{Span, Time};

super::common::member! {
    /// Tokens come at a rate, and the bucket holds so many; a call takes one. It is full at first. Without `max_wait` a call
    /// that finds none is turned away (`Allow`); with it, it takes one that is still to come and waits for it (`Wait`). It
    /// keeps that one even if it leaves before.
    {
        /// Tokens that come.
        pub rate: Rate,
        /// Tokens that the bucket holds: how many calls may come at once.
        pub burst: u32,
        /// The longest that a call waits for its token; it does not wait by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub max_wait: Option<Duration>,
    }
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        super::rate(&mut found, self.rate);
        found.within("burst", self.burst.into(), 1, 1_000_000_000);
        found.all()
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: f64,
    burst: f64,
    max_wait: Span,
    tokens: f64,
    last: Time,
}

impl TokenBucket {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let burst = f64::from(spec.burst);
        let max_wait = spec.max_wait.map_or(Span::ZERO, |wait| wait.span());
        Self { rate: spec.rate.get(), burst, max_wait, tokens: burst, last: now }
    }

    /// Tokens there are; fewer than none if some are promised.
    #[must_use]
    pub fn tokens(&self, now: Time) -> f64 {
        (self.tokens + now.since(self.last).seconds() * self.rate).min(self.burst)
    }

    /// Takes so many tokens if the wait for them is no longer than that; the wait.
    ///
    /// # Errors
    /// How long it would be; nothing if there will never be so many.
    pub fn take(&mut self, now: Time, count: u32, max_wait: Span) -> Result<Span, Option<Span>> {
        let count = f64::from(count);
        if count > self.burst {
            return Err(None);
        }
        let left = self.tokens(now) - count;
        let wait = if left < 0.0 { Span::from_seconds(-left / self.rate) } else { Span::ZERO };
        // As in the library, less than a nanosecond is no wait.
        if wait > max_wait {
            return Err(Some(wait));
        }
        (self.tokens, self.last) = (left, now);
        Ok(wait)
    }

    pub(super) fn admit(&mut self, now: Time) -> Verdict {
        match self.take(now, 1, self.max_wait) {
            Ok(wait) => Verdict::admit_after(wait),
            Err(back) => Verdict::Reject { after: Span::ZERO, back },
        }
    }
}
