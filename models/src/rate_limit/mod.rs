//! Rate limits: so many calls in so much time, however long they take.
//!
//! A rate limit is a policy of an edge, before calls are sent, or a guard at the door of a service. Each replica of the caller,
//! or of the service, has its own, unless it is `shared`; with `per_client`, the calls of each client count apart.
//!
//! # Who calls what, and when
//!
//! 1. A call comes: [`RateLimit::admit`]. It goes on at once or after a wait, or is turned away, at once or after a wait, as
//!    `rate_limited`. Whoever waits has been counted, and is not asked again.
//! 2. What was let in has come to an outcome: [`RateLimit::ended`]. Only `adaptive` cares.
//!
//! Nothing draws.

mod common;

pub mod adaptive;
pub mod fixed_window;
pub mod gcra;
pub mod leaky_bucket;
pub mod resilience4j;
pub mod sliding_log;
pub mod sliding_window;
pub mod token_bucket;

#[cfg(test)]
mod tests;

use crate::outcome::Outcome;
use crate::problem::{Found, Problem};
use crate::units::{Duration, Rate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Let only so many calls through in so much time.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "RateLimit")]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// By tokens that come at a rate, with a burst (Go's `x/time/rate`).
    TokenBucket(token_bucket::Spec),
    /// One by one at a rate, with a line that waits (nginx's `limit_req`).
    LeakyBucket(leaky_bucket::Spec),
    /// By the time at which the next one is due (redis-cell).
    Gcra(gcra::Spec),
    /// By a count for each window of the clock.
    FixedWindow(fixed_window::Spec),
    /// By the counts of two windows, as an estimate of a sliding one.
    SlidingWindow(sliding_window::Spec),
    /// By the times of the last calls.
    SlidingLog(sliding_log::Spec),
    /// As resilience4j does (Java), which makes calls wait.
    Resilience4j(resilience4j::Spec),
    /// By a count for each window, that follows what becomes of the calls.
    Adaptive(adaptive::Spec),
}

/// Evaluates an expression on whichever member there is.
macro_rules! each {
    ($on:expr, $type:ident, $member:ident => $do:expr) => {
        match $on {
            $type::TokenBucket($member) => $do,
            $type::LeakyBucket($member) => $do,
            $type::Gcra($member) => $do,
            $type::FixedWindow($member) => $do,
            $type::SlidingWindow($member) => $do,
            $type::SlidingLog($member) => $do,
            $type::Resilience4j($member) => $do,
            $type::Adaptive($member) => $do,
        }
    };
}

impl Spec {
    /// What is wrong with it, each with its path below `rate_limit`.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let tag = match self {
            Self::TokenBucket(_) => "token_bucket",
            Self::LeakyBucket(_) => "leaky_bucket",
            Self::Gcra(_) => "gcra",
            Self::FixedWindow(_) => "fixed_window",
            Self::SlidingWindow(_) => "sliding_window",
            Self::SlidingLog(_) => "sliding_log",
            Self::Resilience4j(_) => "resilience4j",
            Self::Adaptive(_) => "adaptive",
        };
        each!(self, Spec, spec => spec.check()).into_iter().map(|problem| problem.below(tag)).collect()
    }

    /// Whether all replicas count together.
    #[must_use]
    pub fn shared(&self) -> bool {
        each!(self, Spec, spec => spec.shared)
    }

    /// The field that lets calls wait, if it does.
    #[must_use]
    pub fn waits(&self) -> Option<&'static str> {
        match self {
            Self::TokenBucket(spec) => {
                spec.max_wait.filter(|wait| !wait.span().is_zero()).map(|_| "token_bucket.max_wait")
            }
            Self::LeakyBucket(spec) => (spec.burst > 0 && !spec.nodelay).then_some("leaky_bucket.nodelay"),
            Self::Resilience4j(spec) => (!spec.timeout.span().is_zero()).then_some("resilience4j.timeout"),
            _ => None,
        }
    }
}

/// A rate that lets something through at all.
fn rate(found: &mut Found, rate: Rate) {
    found.unless(rate.get() > 0.0, "rate", "then nothing would ever be let through", "use a rate above zero");
}

/// So many in a window.
fn window(found: &mut Found, limit: u32, window: &Duration) {
    found.within("limit", limit.into(), 1, 1_000_000_000);
    found.span("window", Some(window));
}

/// What becomes of a call that comes to a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Admit,
    /// It goes on after so long.
    Wait(Span),
    /// It is turned away.
    Reject {
        /// After how long.
        after: Span,
        /// How long after that it would be let in, as far as is known.
        back: Option<Span>,
    },
}

impl Verdict {
    fn admit_after(wait: Span) -> Self {
        if wait.is_zero() { Self::Admit } else { Self::Wait(wait) }
    }
}

/// One count at work.
#[derive(Clone, Debug)]
pub enum Limiter {
    /// See [`token_bucket`].
    TokenBucket(token_bucket::TokenBucket),
    /// See [`leaky_bucket`].
    LeakyBucket(leaky_bucket::LeakyBucket),
    /// See [`gcra`].
    Gcra(gcra::Gcra),
    /// See [`fixed_window`].
    FixedWindow(fixed_window::FixedWindow),
    /// See [`sliding_window`].
    SlidingWindow(sliding_window::SlidingWindow),
    /// See [`sliding_log`].
    SlidingLog(sliding_log::SlidingLog),
    /// See [`resilience4j`].
    Resilience4j(resilience4j::Resilience4j),
    /// See [`adaptive`].
    Adaptive(adaptive::Adaptive),
}

impl Limiter {
    /// The count that a user wants. It allocates only here.
    #[must_use]
    pub fn new(spec: &Spec, now: Time) -> Self {
        match spec {
            Spec::TokenBucket(spec) => Self::TokenBucket(token_bucket::TokenBucket::new(spec, now)),
            Spec::LeakyBucket(spec) => Self::LeakyBucket(leaky_bucket::LeakyBucket::new(spec)),
            Spec::Gcra(spec) => Self::Gcra(gcra::Gcra::new(spec)),
            Spec::FixedWindow(spec) => Self::FixedWindow(fixed_window::FixedWindow::new(spec)),
            Spec::SlidingWindow(spec) => Self::SlidingWindow(sliding_window::SlidingWindow::new(spec)),
            Spec::SlidingLog(spec) => Self::SlidingLog(sliding_log::SlidingLog::new(spec)),
            Spec::Resilience4j(spec) => Self::Resilience4j(resilience4j::Resilience4j::new(spec, now)),
            Spec::Adaptive(spec) => Self::Adaptive(adaptive::Adaptive::new(spec)),
        }
    }

    /// May a call that comes now go on?
    #[inline]
    pub fn admit(&mut self, now: Time) -> Verdict {
        each!(self, Self, limiter => limiter.admit(now))
    }

    /// What was let in has come to this outcome.
    #[inline]
    pub fn ended(&mut self, now: Time, outcome: Outcome) {
        if let Self::Adaptive(limiter) = self {
            limiter.ended(now, outcome);
        }
    }
}

/// A rate limit at work, with a count for each client where these are apart.
#[derive(Clone, Debug)]
pub struct RateLimit {
    limiters: Vec<Limiter>,
    tells: bool,
}

impl RateLimit {
    /// The rate limit that a user wrote, for so many clients.
    #[must_use]
    pub fn new(spec: &Spec, clients: usize, now: Time) -> Self {
        let (per_client, tells) = each!(spec, Spec, spec => (spec.per_client, spec.retry_after));
        Self { limiters: vec![Limiter::new(spec, now); if per_client { clients } else { 1 }], tells }
    }

    fn of(&mut self, client: usize) -> &mut Limiter {
        let at = if self.limiters.len() == 1 { 0 } else { client };
        &mut self.limiters[at]
    }

    /// May a call of a client go on? When to come back is only said if the user wants it.
    #[inline]
    pub fn admit(&mut self, now: Time, client: usize) -> Verdict {
        match self.of(client).admit(now) {
            Verdict::Reject { after, .. } if !self.tells => Verdict::Reject { after, back: None },
            verdict => verdict,
        }
    }

    /// What was let in for a client has come to this outcome.
    #[inline]
    pub fn ended(&mut self, now: Time, client: usize, outcome: Outcome) {
        self.of(client).ended(now, outcome);
    }
}
