//! What all retry policies have in common: what is tried again, and when it is given up whatever the backoff says.

use super::Facts;
use crate::outcome::Failure;
use squall_sim::Span;

/// Declares a member's `Spec`: its own fields, and those that all have.
macro_rules! member {
    ($(#[$about:meta])* { $($fields:tt)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Spec {
            $($fields)*
            /// Which failures are tried again; all of them by default.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub on: Option<Vec<crate::outcome::Failure>>,
            /// Give up once the call has taken so long, looked at when an attempt has failed; never by default.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub stop_after: Option<crate::units::Duration>,
            /// Give up once the call, with the delay to come, would have taken so long; never by default.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub stop_before: Option<crate::units::Duration>,
            /// Try again only what does no harm when it is done twice.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub only_idempotent: bool,
            /// What retries are paid from, shared by all calls of this caller; without it they cost nothing.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub budget: Option<crate::budget::Spec>,
        }

        impl Spec {
            pub(super) fn rules(&self, attempts: u16) -> crate::retry::common::Rules {
                let long = |limit: Option<crate::units::Duration>| limit.map_or(squall_sim::Span::MAX, |limit| limit.span());
                crate::retry::common::Rules {
                    attempts,
                    on: crate::retry::common::Failures::new(self.on.as_ref()),
                    only_idempotent: self.only_idempotent,
                    stop_after: long(self.stop_after),
                    stop_before: long(self.stop_before),
                }
            }

            /// What can be wrong in any member.
            pub(super) fn check_common(&self) -> Vec<crate::problem::Problem> {
                crate::retry::common::check(self.on.as_deref(), [self.stop_after, self.stop_before], self.budget.as_ref())
            }
        }
    };
}

pub(super) use member;

/// When a call is tried again at all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) attempts: u16,
    pub(super) on: Failures,
    pub(super) only_idempotent: bool,
    pub(super) stop_after: Span,
    pub(super) stop_before: Span,
}

impl Rules {
    #[inline]
    pub(super) fn allow(&self, facts: Facts) -> bool {
        facts.attempts < self.attempts
            && self.on.contains(facts.failure)
            && (facts.idempotent || !self.only_idempotent)
            && facts.elapsed < self.stop_after
    }
}

/// A set of failures.
#[derive(Clone, Copy, Debug)]
pub struct Failures(u32);

impl Failures {
    /// These failures; without a list, all of them.
    #[must_use]
    pub fn new(list: Option<&Vec<Failure>>) -> Self {
        list.map_or(Self(u32::MAX), |list| Self::these(list))
    }

    /// These failures.
    #[must_use]
    pub fn these(list: &[Failure]) -> Self {
        Self(list.iter().fold(0, |set, &failure| set | 1 << failure as u32))
    }

    /// Whether a failure is one of them.
    #[must_use]
    pub const fn contains(self, failure: Failure) -> bool {
        self.0 & 1 << failure as u32 != 0
    }
}

/// What can be wrong in any member.
pub(super) fn check(
    on: Option<&[Failure]>,
    stops: [Option<crate::units::Duration>; 2],
    budget: Option<&crate::budget::Spec>,
) -> Vec<crate::problem::Problem> {
    let mut found = crate::problem::Found::default();
    if let Some(on) = on {
        let possible = !on.is_empty() && !on.contains(&Failure::Abandoned) && !on.contains(&Failure::Cancelled);
        let rule = "a caller cannot retry when nobody waits any more (`abandoned`, `cancelled`), nor on nothing";
        found.unless(possible, "on", rule, "list failures such as `timeout` and `error`, or leave `on` out");
    }
    for (stop, name) in stops.iter().zip(["stop_after", "stop_before"]) {
        found.span(name, stop.as_ref());
    }
    let mut problems = found.all();
    problems.extend(budget.map(crate::budget::Spec::check).unwrap_or_default().into_iter().map(|p| p.below("budget")));
    problems
}
