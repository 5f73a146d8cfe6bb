//! Circuit breakers: whether a call may be made at all, by how the calls before it went.
//!
//! A breaker belongs to one caller replica and one edge (or to one callee replica); breakers of different replicas know
//! nothing of each other. None of them draws random numbers.
//!
//! # Who calls what, and when
//!
//! 1. [`Breaker::admit`] just before each attempt that passes through it. `Admit` hands out a [`Permit`], which the call
//!    carries; `Reject` and `Full` end the attempt at once; `Wait` puts it into a queue, first in, first out.
//! 2. [`Breaker::timeout`] says whether the library bounds the call by a time limit of its own, which then runs inside.
//! 3. [`Breaker::record`] exactly once for each permit, when the call ends, with [`Breaker::judge`]'s reading of how it
//!    came out, or [`Ended::Cancelled`] if the caller went away. Its answer says whether those who wait shall try again:
//!    then `admit` is asked for each in turn, until one of them has to `Wait` again.
//! 4. [`Breaker::state`] and [`Breaker::counts`] at any time, for metrics.
//!
//! Timers are not needed: a breaker works out, at its next call, what its timers would have done in the meantime.

pub mod circuitbreaker_py;
pub mod cockatiel;
pub mod consecutive;
pub mod failsafe_go;
pub mod gobreaker;
mod growth;
pub mod hystrix;
pub(crate) mod limits;
pub mod opossum;
pub mod polly;
#[cfg(test)]
mod properties;
pub mod pybreaker;
pub mod resilience4j;
pub(crate) mod ring;
#[cfg(test)]
mod tests;

pub use growth::Growth;

use crate::outcome::{Failure, Outcome};
use crate::problem::Problem;
use crate::retry::Failures;
use ring::Slice;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Stop calling a callee that keeps failing, and try it again after a while.
///
/// Each library's breaker is here as that library has it, quirks included, and with its defaults. They differ in what
/// they count (calls that end or calls that begin, the last so many or those of a while), in how they compare, in who is
/// let through to try whether the callee is well again, and in what late answers do. Every replica of the caller has a
/// breaker of its own, so that they do not open together.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// After so many failures in a row; no library's, but what most runbooks mean.
    Consecutive(consecutive::Spec),
    /// resilience4j (Java): by the share of failed and of slow calls among the last so many, or of the last seconds.
    Resilience4j(resilience4j::Spec),
    /// Hystrix (Java): by the share of failures in the last seconds, looked at twice a second.
    Hystrix(hystrix::Spec),
    /// Polly 8 (.NET): by the share of failures in the last while; one call tries.
    Polly(polly::Spec),
    /// The package `circuitbreaker` (Python): after so many failures in a row; any late success closes it.
    CircuitbreakerPy(circuitbreaker_py::Spec),
    /// The package `pybreaker` (Python): after so many failures in a row; one call at a time through it.
    Pybreaker(pybreaker::Spec),
    /// opossum (Node.js): by failures per call begun in the last seconds; half-open by a timer.
    Opossum(opossum::Spec),
    /// cockatiel (TypeScript): by one of three counters; callers wait while one tries.
    Cockatiel(cockatiel::Spec),
    /// sony/gobreaker (Go): by a condition on its counts; late answers mean nothing.
    Gobreaker(gobreaker::Spec),
    /// failsafe-go (Go): by a number or a share of failures, among calls or within a while.
    FailsafeGo(failsafe_go::Spec),
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Make it, and hand the permit back to [`Breaker::record`] when it ends.
    Admit(Permit),
    /// Not now: the circuit is open.
    Reject,
    /// Not now: the breaker's own bound on calls at once is reached, which it counts as a failure.
    Full,
    /// Wait until [`Breaker::record`] says that those who wait may try again.
    Wait,
}

/// What a call that was let through carries: under which count of its breaker it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permit {
    generation: u32,
    slot: u32,
    life: u32,
}

impl Permit {
    /// Of a call that passes while the breaker is held closed: nothing is counted.
    const UNCOUNTED: Self = Self { generation: 0, slot: 0, life: u32::MAX };

    const fn new(generation: u32, slot: u32) -> Self {
        Self { generation, slot, life: 0 }
    }
}

/// How a call ended, as a breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With an answer that is no failure.
    Success,
    /// With a failure that counts.
    Failure,
    /// With a failure that the library is told to leave out.
    Ignored,
    /// The caller went away; there is no result.
    Cancelled,
}

/// The state of a breaker, as the library reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls are rejected.
    Open,
    /// Some calls pass, to see whether the callee is well again.
    HalfOpen,
    /// Calls are rejected until an operator says otherwise.
    ForcedOpen,
}

/// What the end of a call does to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Released {
    /// Those who wait may try again.
    pub waiters: bool,
    /// This call opened the circuit, and its caller sees "circuit open" rather than the call's own failure.
    pub masked: bool,
}

impl Released {
    const WAITERS: Self = Self { waiters: true, masked: false };
}

/// What a breaker has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// How many times it opened.
    pub opened: u64,
    /// When it last opened, or last had its open period begin anew.
    pub opened_at: Time,
    /// Calls that it did not let through.
    pub rejected: u64,
    /// Calls in its window; of some libraries those that began, of others those that ended.
    pub calls: u64,
    /// Failures in its window.
    pub failures: u64,
    /// Slow calls in its window.
    pub slow: u64,
    /// Failures since the last success.
    pub failures_in_a_row: u64,
    /// Successes since the last failure, where the library counts them.
    pub successes_in_a_row: u64,
    /// Failures per call in percent, once the library takes it seriously.
    pub failure_rate: Option<f64>,
    /// Slow calls per call in percent, once the library takes it seriously.
    pub slow_rate: Option<f64>,
}

impl Counts {
    fn of(total: Slice) -> Self {
        let (calls, failures, slow) = (total.calls.into(), total.failed.into(), total.slow.into());
        Self { calls, failures, slow, ..Self::default() }
    }
}

/// What each library's breaker does; none of it is asked while an operator holds the breaker open or closed.
trait Machine {
    fn admit(&mut self, now: Time) -> Admission;
    fn record(&mut self, now: Time, permit: Permit, ended: Ended, took: Span) -> Released;
    fn state(&mut self, now: Time) -> State;
    fn counts(&mut self, now: Time) -> Counts;
    /// Closed, with nothing counted; calls under way go on.
    fn reset(&mut self, now: Time);
    /// A call ended of which nothing is to be counted; it only gives back what it holds.
    fn forget(&mut self, _permit: Permit) -> Released {
        Released::default()
    }
    /// As new: nothing is under way.
    fn restart(&mut self, now: Time) {
        self.reset(now);
    }
}

#[derive(Clone, Debug)]
enum Kind {
    Consecutive(consecutive::Consecutive),
    Resilience4j(resilience4j::Resilience4j),
    Hystrix(hystrix::Hystrix),
    Polly(polly::Polly),
    CircuitbreakerPy(circuitbreaker_py::CircuitbreakerPy),
    Pybreaker(pybreaker::Pybreaker),
    Opossum(opossum::Opossum),
    Cockatiel(cockatiel::Cockatiel),
    Gobreaker(gobreaker::Gobreaker),
    FailsafeGo(failsafe_go::FailsafeGo),
}

/// Asks whichever machine it is.
macro_rules! ask {
    ($kind:expr, $machine:ident => $question:expr) => {
        match $kind {
            Kind::Consecutive($machine) => $question,
            Kind::Resilience4j($machine) => $question,
            Kind::Hystrix($machine) => $question,
            Kind::Polly($machine) => $question,
            Kind::CircuitbreakerPy($machine) => $question,
            Kind::Pybreaker($machine) => $question,
            Kind::Opossum($machine) => $question,
            Kind::Cockatiel($machine) => $question,
            Kind::Gobreaker($machine) => $question,
            Kind::FailsafeGo($machine) => $question,
        }
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    No,
    Open,
    Closed,
}

/// A circuit breaker at work. It allocates when it is built, and never after.
#[derive(Clone, Debug)]
pub struct Breaker {
    kind: Kind,
    on: Failures,
    ignore: Failures,
    /// What a failure is that is neither in `on` nor in `ignore`.
    other: Ended,
    timeout: Option<Span>,
    held: Held,
    life: u32,
    rejected: u64,
}

impl Breaker {
    /// A breaker that begins its life closed, at this time. The specification must have passed [`check`].
    #[must_use]
    pub fn new(spec: &Spec, now: Time) -> Self {
        let none = Vec::new();
        let (kind, on, ignore, other, timeout) = match spec {
            Spec::Consecutive(s) => {
                (Kind::Consecutive(consecutive::Consecutive::new(s, now)), &s.on, &none, Ended::Ignored, None)
            }
            Spec::Resilience4j(s) => {
                (Kind::Resilience4j(resilience4j::Resilience4j::new(s, now)), &s.on, &s.ignore, Ended::Success, None)
            }
            Spec::Hystrix(s) => {
                (Kind::Hystrix(hystrix::Hystrix::new(s, now)), &s.on, &none, Ended::Ignored, Some(s.timeout))
            }
            Spec::Polly(s) => (Kind::Polly(polly::Polly::new(s, now)), &s.on, &none, Ended::Success, None),
            Spec::CircuitbreakerPy(s) => {
                let machine = circuitbreaker_py::CircuitbreakerPy::new(s, now);
                (Kind::CircuitbreakerPy(machine), &s.on, &none, Ended::Success, None)
            }
            Spec::Pybreaker(s) => {
                (Kind::Pybreaker(pybreaker::Pybreaker::new(s, now)), &s.on, &none, Ended::Success, None)
            }
            Spec::Opossum(s) => {
                (Kind::Opossum(opossum::Opossum::new(s, now)), &s.on, &none, Ended::Success, Some(s.timeout))
            }
            Spec::Cockatiel(s) => {
                (Kind::Cockatiel(cockatiel::Cockatiel::new(s, now)), &s.on, &none, Ended::Ignored, None)
            }
            Spec::Gobreaker(s) => {
                (Kind::Gobreaker(gobreaker::Gobreaker::new(s, now)), &s.on, &s.ignore, Ended::Success, None)
            }
            Spec::FailsafeGo(s) => {
                (Kind::FailsafeGo(failsafe_go::FailsafeGo::new(s, now)), &s.on, &none, Ended::Success, None)
            }
        };
        Self {
            kind,
            on: Failures::new(on.as_ref()),
            ignore: Failures::new(Some(ignore)),
            other,
            timeout: timeout.map(|timeout| timeout.span()).filter(|timeout| !timeout.is_zero()),
            held: Held::No,
            life: 0,
            rejected: 0,
        }
    }

    /// The time limit that the library itself puts on a call; the call then ends as a timeout.
    #[must_use]
    pub const fn timeout(&self) -> Option<Span> {
        self.timeout
    }

    /// How the library counts an outcome.
    #[must_use]
    pub fn judge(&self, outcome: Outcome) -> Ended {
        match outcome {
            Ok(()) => Ended::Success,
            Err(failure) if self.ignore.contains(failure) => Ended::Ignored,
            Err(failure) if self.on.contains(failure) => Ended::Failure,
            Err(_) => self.other,
        }
    }

    /// May a call be made now?
    #[inline]
    pub fn admit(&mut self, now: Time) -> Admission {
        let admission = match self.held {
            Held::No => ask!(&mut self.kind, machine => machine.admit(now)),
            Held::Open => Admission::Reject,
            Held::Closed => return Admission::Admit(Permit::UNCOUNTED),
        };
        match admission {
            Admission::Admit(permit) => Admission::Admit(Permit { life: self.life, ..permit }),
            Admission::Reject | Admission::Full => {
                self.rejected += 1;
                admission
            }
            Admission::Wait => admission,
        }
    }

    /// A call that was let through ended, after so long. Each permit is handed back once.
    #[inline]
    pub fn record(&mut self, now: Time, permit: Permit, ended: Ended, took: Span) -> Released {
        if permit.life != self.life {
            return Released::default();
        }
        match self.held {
            Held::No => ask!(&mut self.kind, machine => machine.record(now, permit, ended, took)),
            Held::Open | Held::Closed => ask!(&mut self.kind, machine => machine.forget(permit)),
        }
    }

    /// The state, as the library reports it.
    pub fn state(&mut self, now: Time) -> State {
        match self.held {
            Held::No => ask!(&mut self.kind, machine => machine.state(now)),
            Held::Open => State::ForcedOpen,
            Held::Closed => State::Closed,
        }
    }

    /// What it has counted. A window of time is as of now.
    pub fn counts(&mut self, now: Time) -> Counts {
        let counts = ask!(&mut self.kind, machine => machine.counts(now));
        Counts { rejected: self.rejected, ..counts }
    }

    /// An operator opens it: every call is rejected, and nothing is counted, until [`Self::reset`] or
    /// [`Self::force_close`]. Those who wait may try again, and are rejected.
    pub fn force_open(&mut self) -> Released {
        self.held = Held::Open;
        Released::WAITERS
    }

    /// An operator closes it: every call passes, and nothing is counted, until [`Self::reset`] or
    /// [`Self::force_open`]. Those who wait may try again, and pass.
    pub fn force_close(&mut self) -> Released {
        self.held = Held::Closed;
        Released::WAITERS
    }

    /// An operator lets it work again: closed, with nothing counted. Calls under way go on, and those who wait may try
    /// again.
    pub fn reset(&mut self, now: Time) -> Released {
        self.held = Held::No;
        ask!(&mut self.kind, machine => machine.reset(now));
        Released::WAITERS
    }

    /// The process that holds it starts anew: closed, with nothing counted and nothing under way. What an operator had
    /// set is forgotten, and permits from before mean nothing any more.
    pub fn restart(&mut self, now: Time) {
        self.held = Held::No;
        // The last number is that of permits that count nothing.
        self.life = (self.life + 1) % u32::MAX;
        ask!(&mut self.kind, machine => machine.restart(now));
    }
}

/// The name of a member in a file, and which failures count.
fn head(spec: &Spec) -> (&'static str, Option<&Vec<Failure>>) {
    match spec {
        Spec::Consecutive(spec) => ("consecutive", spec.on.as_ref()),
        Spec::Resilience4j(spec) => ("resilience4j", spec.on.as_ref()),
        Spec::Hystrix(spec) => ("hystrix", spec.on.as_ref()),
        Spec::Polly(spec) => ("polly", spec.on.as_ref()),
        Spec::CircuitbreakerPy(spec) => ("circuitbreaker_py", spec.on.as_ref()),
        Spec::Pybreaker(spec) => ("pybreaker", spec.on.as_ref()),
        Spec::Opossum(spec) => ("opossum", spec.on.as_ref()),
        Spec::Cockatiel(spec) => ("cockatiel", spec.on.as_ref()),
        Spec::Gobreaker(spec) => ("gobreaker", spec.on.as_ref()),
        Spec::FailsafeGo(spec) => ("failsafe_go", spec.on.as_ref()),
    }
}

/// What is wrong with a specification. Paths begin with the member's name: `resilience4j.window.calls`.
#[must_use]
pub fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (path, on) = head(spec);
    match spec {
        Spec::Consecutive(spec) => consecutive::check(spec, path, &mut problems),
        Spec::Resilience4j(spec) => resilience4j::check(spec, path, &mut problems),
        Spec::Hystrix(spec) => hystrix::check(spec, path, &mut problems),
        Spec::Polly(spec) => polly::check(spec, path, &mut problems),
        // Zero means the default in both of its fields, so that nothing can be wrong with them.
        Spec::CircuitbreakerPy(_) => {}
        Spec::Pybreaker(spec) => pybreaker::check(spec, path, &mut problems),
        Spec::Opossum(spec) => opossum::check(spec, path, &mut problems),
        Spec::Cockatiel(spec) => cockatiel::check(spec, path, &mut problems),
        Spec::Gobreaker(spec) => gobreaker::check(spec, path, &mut problems),
        Spec::FailsafeGo(spec) => failsafe_go::check(spec, path, &mut problems),
    }
    if on.is_some_and(Vec::is_empty) {
        let rule = "no failure counts, so that it never opens";
        problems.push(Problem::new(format!("{path}.on"), rule, "name some failures, or leave `on` out"));
    }
    problems
}
