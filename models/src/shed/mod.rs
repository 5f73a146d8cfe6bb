//! Load shedding: which calls a replica turns away, at its door or when a worker would take them; and what it leaves out
//! of the others.
//!
//! Who calls what, and when, for each replica:
//!
//! 1. [`Shed::arrive`] when a call arrives, whether it then waits or starts at once. A verdict with a time bounds its
//!    wait.
//! 2. [`Shed::newest_first`] when a worker comes free: from which end of the line to take the next.
//! 3. [`Shed::turn`] when a worker would take a call, also one that starts at once, after a wait of nothing. If it is
//!    dropped, the next in line gets its turn at the same instant.
//! 4. [`Shed::ended`] when a call that was served is over.
//! 5. [`Shed::serves_optional`] when a call comes to a step that can be left out.

pub mod age;
pub mod breakwater;
pub mod brownout;
pub mod cinnamon;
pub mod codel_folly;
pub mod codel_rfc8289;
pub mod dagor;
pub mod deadline;
pub mod degradation;
pub mod fail_at_scale;
pub mod priority;
mod rank;
#[cfg(test)]
mod tests;

use crate::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// Turn calls away, or leave parts of them out, when there is more than can be done in time.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// Controlled delay as for network queues: drops ever more often while waits stay above the target (RFC 8289).
    CodelRfc8289(codel_rfc8289::Spec),
    /// Controlled delay for requests: drops what has waited twice the target while the queue is overloaded (folly).
    CodelFolly(codel_folly::Spec),
    /// Short waits and the newest call first while a queue stands (Facebook, "Fail at Scale").
    FailAtScale(fail_at_scale::Spec),
    /// Drops calls that have waited too long when their turn comes.
    Age(age::Spec),
    /// Drops calls that could not be answered in time any more when their turn comes.
    Deadline(deadline::Spec),
    /// Gives the important classes of clients more room in the queue than others.
    Priority(priority::Spec),
    /// WeChat's DAGOR: a threshold over business and user priorities that follows the waits.
    Dagor(dagor::Spec),
    /// The server's part of Breakwater: credits for calls in the replica that follow the waits.
    Breakwater(breakwater::Spec),
    /// A share of rejections from a PID controller, the least important first; after Uber's Cinnamon.
    Cinnamon(cinnamon::Spec),
    /// Leaves out `optional` steps with a probability that follows the latency.
    Brownout(brownout::Spec),
    /// Leaves out `optional` steps level by level as the load rises.
    Degradation(degradation::Spec),
}

/// What is wrong with a shedding policy, by field.
#[must_use]
pub fn check(spec: &Spec) -> Vec<Problem> {
    match spec {
        Spec::CodelRfc8289(spec) => codel_rfc8289::check(spec),
        Spec::CodelFolly(spec) => codel_folly::check(spec),
        Spec::FailAtScale(spec) => fail_at_scale::check(spec),
        Spec::Age(spec) => age::check(spec),
        Spec::Deadline(_) => Vec::new(),
        Spec::Priority(spec) => priority::check(spec),
        Spec::Dagor(spec) => dagor::check(spec),
        Spec::Breakwater(spec) => breakwater::check(spec),
        Spec::Cinnamon(spec) => cinnamon::check(spec),
        Spec::Brownout(spec) => brownout::check(spec),
        Spec::Degradation(spec) => degradation::check(spec),
    }
}

impl Spec {
    /// Whether it decides about `optional` steps.
    #[must_use]
    pub const fn dims(&self) -> bool {
        matches!(self, Self::Brownout(_) | Self::Degradation(_))
    }
}

/// A call that has arrived, and the replica as it is without it.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Now.
    pub now: Time,
    /// Calls that wait.
    pub waiting: u64,
    /// Calls that are served.
    pub busy: u64,
    /// How many can be served at once.
    pub capacity: u64,
    /// The client's priority class; 0 is the most important.
    pub priority: u8,
    /// Who is behind the call: a number that stays the same for the same request.
    pub user: u64,
    /// A retry or reload has led here.
    pub again: bool,
}

/// A call whose turn has come.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Now.
    pub now: Time,
    /// How long it has waited.
    pub waited: Span,
    /// How many still wait behind it.
    pub behind: u64,
    /// Calls that are served, without it.
    pub busy: u64,
    /// Until when its caller waits, as far as the replica knows.
    pub deadline: Time,
}

/// A call that is over.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Now.
    pub now: Time,
    /// From its arrival to now.
    pub latency: Span,
    /// Calls that are still served, and those that wait.
    pub busy: u64,
    /// Calls that wait.
    pub waiting: u64,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays. If it has to wait, then until this time at the latest.
    Admit {
        /// [`Time::MAX`] if it may wait for ever.
        until: Time,
    },
    /// It is turned away.
    Drop,
}

impl Verdict {
    /// It stays, however long it waits.
    pub const STAY: Self = Self::Admit { until: Time::MAX };

    const fn drop_if(dropped: bool) -> Self {
        if dropped { Self::Drop } else { Self::STAY }
    }
}

/// A shedding policy at work, in one replica.
#[derive(Clone, Debug)]
pub enum Shed {
    /// See [`codel_rfc8289`].
    CodelRfc8289(codel_rfc8289::Codel),
    /// See [`codel_folly`].
    CodelFolly(codel_folly::Codel),
    /// See [`fail_at_scale`].
    FailAtScale(fail_at_scale::FailAtScale),
    /// Drops what has waited for longer than this.
    Age(Span),
    /// Drops what has less than this left.
    Deadline(Span),
    /// See [`priority`].
    Priority(priority::Priority),
    /// See [`dagor`].
    Dagor(Box<dagor::Dagor>),
    /// See [`breakwater`].
    Breakwater(breakwater::Breakwater),
    /// See [`cinnamon`].
    Cinnamon(Box<cinnamon::Cinnamon>),
    /// See [`brownout`].
    Brownout(Box<brownout::Brownout>),
    /// See [`degradation`].
    Degradation(degradation::Degradation),
}

impl Shed {
    /// A policy at the beginning of a run, in a replica that can serve so many calls at once.
    #[must_use]
    pub fn new(spec: &Spec, capacity: u64) -> Self {
        match spec {
            Spec::CodelRfc8289(spec) => Self::CodelRfc8289(codel_rfc8289::Codel::new(spec)),
            Spec::CodelFolly(spec) => Self::CodelFolly(codel_folly::Codel::new(spec)),
            Spec::FailAtScale(spec) => Self::FailAtScale(fail_at_scale::FailAtScale::new(spec)),
            Spec::Age(spec) => Self::Age(spec.most.span()),
            Spec::Deadline(spec) => Self::Deadline(spec.margin.span()),
            Spec::Priority(spec) => Self::Priority(priority::Priority::new(spec)),
            Spec::Dagor(spec) => Self::Dagor(Box::new(dagor::Dagor::new(spec))),
            Spec::Breakwater(spec) => Self::Breakwater(breakwater::Breakwater::new(spec)),
            Spec::Cinnamon(spec) => Self::Cinnamon(Box::new(cinnamon::Cinnamon::new(spec))),
            Spec::Brownout(spec) => Self::Brownout(Box::new(brownout::Brownout::new(spec))),
            Spec::Degradation(spec) => Self::Degradation(degradation::Degradation::new(spec, capacity)),
        }
    }

    /// A call has arrived. Draws nothing: who is turned away follows from priorities and identities.
    pub fn arrive(&mut self, facts: &Arrival) -> Verdict {
        match self {
            Self::FailAtScale(policy) => policy.arrive(facts),
            Self::Priority(policy) => Verdict::drop_if(!policy.admits(facts)),
            Self::Dagor(policy) => Verdict::drop_if(!policy.admits(facts)),
            Self::Breakwater(policy) => Verdict::drop_if(!policy.admits(facts)),
            Self::Cinnamon(policy) => Verdict::drop_if(!policy.admits(facts)),
            Self::Degradation(policy) => {
                policy.observe(facts.now, facts.busy, facts.waiting);
                Verdict::STAY
            }
            Self::CodelRfc8289(_) | Self::CodelFolly(_) | Self::Age(_) | Self::Deadline(_) | Self::Brownout(_) => {
                Verdict::STAY
            }
        }
    }

    /// Whether the call that came last is next.
    #[must_use]
    pub fn newest_first(&self, now: Time) -> bool {
        matches!(self, Self::FailAtScale(policy) if policy.newest_first(now))
    }

    /// A worker would take this call now; whether it is dropped instead.
    pub fn turn(&mut self, facts: &Turn) -> bool {
        match self {
            Self::CodelRfc8289(policy) => policy.drops(facts),
            Self::CodelFolly(policy) => policy.drops(facts.now, facts.waited),
            Self::FailAtScale(policy) => {
                policy.turn(facts);
                false
            }
            Self::Age(most) => facts.waited > *most,
            Self::Deadline(margin) => facts.deadline != Time::MAX && facts.deadline <= facts.now + *margin,
            Self::Dagor(policy) => {
                policy.turn(facts.waited);
                false
            }
            Self::Breakwater(policy) => policy.drops(facts.waited),
            Self::Cinnamon(policy) => {
                policy.turn(facts);
                false
            }
            Self::Degradation(policy) => {
                policy.observe(facts.now, facts.busy, facts.behind);
                false
            }
            Self::Priority(_) | Self::Brownout(_) => false,
        }
    }

    /// A call that was served is over.
    pub fn ended(&mut self, facts: &End) {
        match self {
            Self::Brownout(policy) => policy.ended(facts.now, facts.latency),
            Self::Degradation(policy) => policy.observe(facts.now, facts.busy, facts.waiting),
            _ => {}
        }
    }

    /// Whether an optional step that is left out from this level on is run. A brownout draws once; others never.
    pub fn serves_optional(&mut self, now: Time, level: u8, draws: &mut impl Draw) -> bool {
        match self {
            Self::Brownout(policy) => draws.unit() < policy.dimmer(now),
            Self::Degradation(policy) => policy.level(now) < level,
            _ => true,
        }
    }

    /// The share of optional work that is done (of a brownout), or the level (of a degradation); for reports.
    #[must_use]
    pub fn dimmed(&self) -> f64 {
        match self {
            Self::Brownout(policy) => policy.theta(),
            Self::Degradation(policy) => policy.present().into(),
            _ => 1.0,
        }
    }
}
