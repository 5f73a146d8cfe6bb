//! Adaptive concurrency: how many calls may be under way at once, learnt from how long they take.
//!
//! Who calls what, and when:
//!
//! 1. [`Limit::admit`] before a call goes out. [`Verdict::Wait`] puts it in line; the line itself is the world's, which
//!    serves it from the end that [`Limit::newest_first`] says.
//! 2. [`Limit::ended`] when the call is over, with the token that `admit` gave.
//! 3. Then [`Limit::resume`] as long as it gives a token and somebody waits: that one goes out now.
//! 4. [`Limit::gave_up`] for each that leaves the line without having gone out.

pub mod aimd;
pub mod envoy_gradient;
pub mod failsafe_go;
pub mod fixed;
pub mod gradient;
pub mod gradient2;
mod rolling;
mod small;
#[cfg(test)]
mod tests;
pub mod vegas;
mod waiting;
pub mod window;

pub use waiting::Waiting;

use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};
use window::Window;

/// Let only so many calls be under way at once, and find out how many that should be.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// A number that never changes.
    Fixed(fixed::Spec),
    /// One more while calls are quick, a tenth less after a slow or dropped one (Netflix concurrency-limits).
    Aimd(aimd::Spec),
    /// Estimates the queue from the shortest time seen, as TCP Vegas does (Netflix concurrency-limits).
    Vegas(vegas::Spec),
    /// Follows the shortest time over the time now (Netflix concurrency-limits, first version).
    Gradient(gradient::Spec),
    /// Follows the usual time over the time now (Netflix concurrency-limits, second version).
    Gradient2(gradient2::Spec),
    /// Envoy's adaptive concurrency: measures the time without load now and then, at a concurrency of 3.
    EnvoyGradient(envoy_gradient::Spec),
    /// failsafe-go's adaptive limiter: Vegas on a smoothed p90, checked against the course of throughput.
    FailsafeGo(failsafe_go::Spec),
}

/// What is wrong with a limit, by field.
#[must_use]
pub fn check(spec: &Spec) -> Vec<Problem> {
    match spec {
        Spec::Fixed(spec) => fixed::check(spec),
        Spec::Aimd(spec) => aimd::check(spec),
        Spec::Vegas(spec) => vegas::check(spec),
        Spec::Gradient(spec) => gradient::check(spec),
        Spec::Gradient2(spec) => gradient2::check(spec),
        Spec::EnvoyGradient(spec) => envoy_gradient::check(spec),
        Spec::FailsafeGo(spec) => failsafe_go::check(spec),
    }
}

impl Spec {
    /// What a call does that finds the limit reached.
    #[must_use]
    pub const fn waiting(&self) -> Waiting {
        match self {
            Self::Fixed(spec) => spec.waiting,
            Self::Aimd(spec) => spec.waiting,
            Self::Vegas(spec) => spec.waiting,
            Self::Gradient(spec) => spec.waiting,
            Self::Gradient2(spec) => spec.waiting,
            Self::EnvoyGradient(spec) => spec.waiting,
            Self::FailsafeGo(spec) => spec.waiting,
        }
    }
}

/// What becomes of a call that wants to go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes out; give the token back when it has ended.
    Admit(Token),
    /// It waits in line until this time at the latest.
    Wait {
        /// When it has waited long enough.
        until: Time,
    },
    /// It does not go out.
    Reject,
}

/// What a call under way carries for its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// When it went out.
    pub started: Time,
    /// How many were under way then, itself included.
    pub in_flight: u32,
}

/// How a call came out, in the eyes of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its time says something.
    Success,
    /// It was refused or timed out: a sign of overload.
    Dropped,
    /// It says nothing: cancelled, or failed for reasons of its own.
    Ignored,
}

/// What a law learns from one call, or from one window of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it ended.
    pub now: Time,
    /// How long it took.
    pub rtt: Span,
    /// How many were under way when it started.
    pub in_flight: u32,
    /// It was dropped.
    pub dropped: bool,
}

/// A limit at work.
#[derive(Clone, Debug)]
pub struct Limit {
    law: Law,
    window: Option<Window>,
    waiting: Waiting,
    in_flight: u32,
    queued: u32,
    /// How many of the line may still go out for what has ended last.
    wakes: u32,
}

#[derive(Clone, Debug)]
enum Law {
    Fixed(u32),
    Aimd(aimd::Aimd),
    Vegas(vegas::Vegas),
    Gradient(gradient::Gradient),
    Gradient2(gradient2::Gradient2),
    EnvoyGradient(Box<envoy_gradient::EnvoyGradient>),
    FailsafeGo(Box<failsafe_go::FailsafeGo>),
}

impl Limit {
    /// A limit at its initial value, with nothing under way.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        let (law, window) = match spec {
            Spec::Fixed(spec) => (Law::Fixed(spec.limit), None),
            Spec::Aimd(spec) => (Law::Aimd(aimd::Aimd::new(spec)), spec.window),
            Spec::Vegas(spec) => (Law::Vegas(vegas::Vegas::new(spec)), spec.window),
            Spec::Gradient(spec) => (Law::Gradient(gradient::Gradient::new(spec)), spec.window),
            Spec::Gradient2(spec) => (Law::Gradient2(gradient2::Gradient2::new(spec)), spec.window),
            Spec::EnvoyGradient(spec) => (Law::EnvoyGradient(Box::new(envoy_gradient::EnvoyGradient::new(spec))), None),
            Spec::FailsafeGo(spec) => (Law::FailsafeGo(Box::new(failsafe_go::FailsafeGo::new(spec))), None),
        };
        let waiting = spec.waiting();
        Self { law, window: window.as_ref().map(Window::new), waiting, in_flight: 0, queued: 0, wakes: 0 }
    }

    /// How many may be under way at once, as of the last `admit` or `ended`.
    #[must_use]
    pub fn limit(&self) -> u32 {
        match &self.law {
            Law::Fixed(limit) => *limit,
            Law::Aimd(law) => law.limit(),
            Law::Vegas(law) => law.limit(),
            Law::Gradient(law) => law.limit(),
            Law::Gradient2(law) => law.limit(),
            Law::EnvoyGradient(law) => law.limit(),
            Law::FailsafeGo(law) => law.limit(),
        }
    }

    /// How many are under way. It may be above a limit that has come down.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many wait in line.
    #[must_use]
    pub const fn queued(&self) -> u32 {
        self.queued
    }

    /// Who came last is next in line.
    #[must_use]
    pub const fn newest_first(&self) -> bool {
        matches!(self.waiting, Waiting::Lifo { .. })
    }

    /// May a call go out? Draws once where `waiting` is `queueing` and its line is between its two bounds; else never.
    pub fn admit(&mut self, now: Time, draws: &mut impl Draw) -> Verdict {
        if let Law::EnvoyGradient(law) = &mut self.law {
            law.advance(now);
        }
        let limit = self.limit();
        if self.in_flight < limit {
            return Verdict::Admit(self.start(now));
        }
        match self.waiting.join(now, self.queued, limit, draws) {
            Some(until) => {
                self.queued += 1;
                Verdict::Wait { until }
            }
            None => Verdict::Reject,
        }
    }

    fn start(&mut self, now: Time) -> Token {
        self.in_flight += 1;
        Token { started: now, in_flight: self.in_flight }
    }

    /// A call that was admitted is over. How often it draws, the law's page says.
    pub fn ended(&mut self, now: Time, token: Token, ended: Ended, draws: &mut impl Draw) {
        let sample =
            Sample { now, rtt: now.since(token.started), in_flight: token.in_flight, dropped: ended == Ended::Dropped };
        let full = self.in_flight >= self.limit();
        self.in_flight -= 1;
        self.wakes = self.waiting.wakes();
        match &mut self.law {
            Law::EnvoyGradient(law) => law.ended(sample, token.started, ended, draws),
            Law::FailsafeGo(law) => law.ended(sample, ended, full),
            _ if ended == Ended::Ignored => {}
            _ => self.sample(sample, draws),
        }
    }

    /// Learns from one call. Only for a limit whose law goes by samples, as those of Netflix do; `ended` calls it.
    pub fn sample(&mut self, sample: Sample, draws: &mut impl Draw) {
        let sample = match &mut self.window {
            None => sample,
            Some(window) => match window.add(sample) {
                Some(whole) => whole,
                None => return,
            },
        };
        match &mut self.law {
            Law::Fixed(_) => {}
            Law::Aimd(law) => law.sample(sample),
            Law::Vegas(law) => law.sample(sample, draws),
            Law::Gradient(law) => law.sample(sample, draws),
            Law::Gradient2(law) => law.sample(sample),
            Law::EnvoyGradient(law) => law.ended(sample, sample.now, Ended::Success, draws),
            Law::FailsafeGo(law) => law.ended(sample, Ended::Success, false),
        }
    }

    /// Whether one of the line goes out now. It has then left the line.
    pub fn resume(&mut self, now: Time) -> Option<Token> {
        if self.queued == 0 || self.wakes == 0 || self.in_flight >= self.limit() {
            return None;
        }
        self.queued -= 1;
        self.wakes -= 1;
        Some(self.start(now))
    }

    /// One of the line has left it without going out.
    pub fn gave_up(&mut self) {
        self.queued -= 1;
    }
}
