//! Analysis: what is made of what was found, check after check.

use super::{Found, argo, consecutive, flagger};
use crate::problem::Problem;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Declares the settings of a member: those that all have, and its own.
macro_rules! analysis {
    ($(#[$doc:meta])* $every:literal, $no_data:literal, $usual:expr; { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Spec {
            #[doc = $every]
            #[serde(default = "crate::rollout::analysis::minute")]
            pub interval: crate::units::Duration,
            /// Conditions, as in alerts: when one of them holds, the check has failed. Without a component before it a metric is one of
            /// the new side: `failure > 5%`, `latency.p99 > 500ms`.
            #[serde(default)]
            pub fail_when: Vec<String>,
            /// The window that is looked at; as in alerts by default.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub over: Option<crate::units::Duration>,
            /// With fewer calls to the new side than this in the window there is no data; 1 by default.
            #[serde(default = "crate::rollout::analysis::one")]
            pub min_samples: u64,
            #[doc = $no_data]
            #[serde(default = "no_data")]
            pub no_data: crate::rollout::NoData,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        fn no_data() -> crate::rollout::NoData {
            $usual
        }
    };
}

pub(super) use analysis;

pub(super) fn minute() -> Duration {
    Duration::from_seconds(60.0)
}

pub(super) fn one() -> u64 {
    1
}

/// How it is decided that a new version is well.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// It is not after so many failed checks in a row.
    Consecutive(consecutive::Spec),
    /// An `AnalysisRun` of Argo Rollouts: each condition is a metric of its own, with limits for its failures, its errors and for
    /// what is inconclusive.
    Argo(argo::Spec),
    /// Flagger: every check that passes is a step further, and failed checks are counted over the whole rollout.
    Flagger(flagger::Spec),
}

/// What a check without data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// Neither good nor bad: everything stays as it is. For `argo`, inconclusive.
    Hold,
    /// As bad as a failed one.
    Fail,
    /// As good as one that has passed.
    Pass,
    /// An error of the measurement, which is counted for itself. Only for `argo`.
    Error,
}

/// What a check has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well so far.
    Going,
    /// This was no good check, and not enough to give up.
    Held,
    /// The new version is not well, for this reason.
    Failed(String),
    /// It cannot be said whether it is.
    Inconclusive(String),
    /// Enough has been seen: it is well.
    Done,
}

impl Spec {
    /// How often is checked.
    #[must_use]
    pub fn interval(&self) -> Span {
        match self {
            Self::Consecutive(spec) => spec.interval.span(),
            Self::Argo(spec) => spec.interval.span(),
            Self::Flagger(spec) => spec.interval.span().max(flagger::SHORTEST),
        }
    }

    /// The conditions under which a check fails, with the window and the least number of calls.
    #[must_use]
    pub fn conditions(&self) -> (&'static str, &[String], Option<Duration>, u64) {
        match self {
            Self::Consecutive(spec) => ("consecutive", &spec.fail_when, spec.over, spec.min_samples),
            Self::Argo(spec) => ("argo", &spec.fail_when, spec.over, spec.min_samples),
            Self::Flagger(spec) => ("flagger", &spec.fail_when, spec.over, spec.min_samples),
        }
    }
}

/// What is wrong with the settings.
#[must_use]
pub fn check(spec: &Spec) -> Vec<Problem> {
    let (tag, conditions, ..) = spec.conditions();
    let mut problems = Vec::new();
    let mut wrong = |field: &str, rule: &str, remedy: &str| {
        problems.push(Problem::new(format!("{tag}.{field}"), rule, remedy));
    };
    let (interval, no_data) = match spec {
        Spec::Consecutive(spec) => (spec.interval, spec.no_data),
        Spec::Argo(spec) => (spec.interval, spec.no_data),
        Spec::Flagger(spec) => (spec.interval, spec.no_data),
    };
    if interval.span().is_zero() {
        wrong("interval", "checks without a pause between them never end", "use `10s`, for example");
    }
    if conditions.is_empty() {
        wrong("fail_when", "no check could ever fail", "name conditions such as `failure > 5%`");
    }
    if no_data == NoData::Error && !matches!(spec, Spec::Argo(_)) {
        wrong("no_data", "only `argo` tells errors from failures", "use `hold`, `fail` or `pass`");
    }
    match spec {
        Spec::Consecutive(spec) if spec.failures == 0 => {
            wrong("failures", "no failed check at all is reason enough", "use 1 or more");
        }
        Spec::Flagger(spec) if spec.threshold == 0 => {
            wrong("threshold", "no failed check at all is reason enough", "use 1 or more");
        }
        Spec::Argo(spec) if spec.error_interval.span().is_zero() => {
            wrong("error_interval", "measurements without a pause between them never end", "use `10s`, for example");
        }
        _ => {}
    }
    problems
}

/// An analysis under way.
#[derive(Clone, Debug)]
pub enum Analysis {
    /// So many failed checks in a row.
    Consecutive(consecutive::Machine),
    /// As Argo Rollouts does it.
    Argo(argo::Machine),
    /// As Flagger does it.
    Flagger(flagger::Machine),
}

impl Analysis {
    /// An analysis that begins now.
    #[must_use]
    pub fn new(spec: &Spec, now: Time) -> Self {
        match spec {
            Spec::Consecutive(spec) => Self::Consecutive(consecutive::Machine::new(spec, now)),
            Spec::Argo(spec) => Self::Argo(argo::Machine::new(spec, now)),
            Spec::Flagger(spec) => Self::Flagger(flagger::Machine::new(spec, now)),
        }
    }

    /// When it wants to look again; none if it has seen enough.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        match self {
            Self::Consecutive(machine) => Some(machine.next),
            Self::Argo(machine) => machine.next(),
            Self::Flagger(machine) => Some(machine.next),
        }
    }

    /// Looks at what was found of each condition.
    pub fn check(&mut self, now: Time, found: &[Found]) -> Verdict {
        match self {
            Self::Consecutive(machine) => machine.check(now, found),
            Self::Argo(machine) => machine.check(now, found),
            Self::Flagger(machine) => machine.check(now, found),
        }
    }

    /// Whether a step forward waits for a good check.
    #[must_use]
    pub const fn blocks(&self) -> bool {
        // Argo's background analysis goes on beside the steps, and only ever stops them.
        !matches!(self, Self::Argo(_))
    }
}

/// What was found of all conditions together: one that is out of bounds says more than others of which nothing is known.
pub(super) fn worst(found: &[Found]) -> Found {
    if found.contains(&Found::Unhealthy) {
        Found::Unhealthy
    } else if found.contains(&Found::Unknown) {
        Found::Unknown
    } else {
        Found::Healthy
    }
}
