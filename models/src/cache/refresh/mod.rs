//! Early refresh: renewing an entry before it goes, so that nobody has to wait for it.
//!
//! Two kinds: on a read the policy decides whether this reader renews the entry (`xfetch`, `after_write`); or a time is
//! set when the entry is written, at which it is renewed if it was wanted (`predictive`, `staggered`).

pub mod after_write;
pub mod predictive;
pub mod staggered;
pub mod xfetch;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// Renewing an entry before it goes.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// Each read renews the entry with a chance that grows towards its end (probabilistic early expiration).
    Xfetch(xfetch::Spec),
    /// The first read after some time renews it in the background, as Caffeine's `refreshAfterWrite`.
    AfterWrite(after_write::Spec),
    /// Renewed in the background when most of its time is over, if it was read lately.
    Predictive(predictive::Spec),
    /// Renewed in the background at its own moment before its end, if it was read at all.
    Staggered(staggered::Spec),
}

/// What a refresh policy sees of an entry that is read.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The present.
    pub now: Time,
    /// When the entry was written, and until when it is good.
    pub set: Time,
    /// See `set`.
    pub expires: Time,
    /// How long it took to make.
    pub took: Span,
}

/// What a reader does about an entry that is still good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it.
    Take,
    /// Make it anew oneself, and wait for that.
    Renew,
    /// Take it, and have it made anew in the background.
    RenewBehind,
}

/// A refresh policy at work.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refresh {
    Xfetch(xfetch::Xfetch),
    AfterWrite(after_write::AfterWrite),
    Predictive(predictive::Predictive),
    Staggered(staggered::Staggered),
}

impl Refresh {
    pub(crate) fn new(spec: &Spec) -> Self {
        match spec {
            Spec::Xfetch(spec) => Self::Xfetch(xfetch::Xfetch::new(spec)),
            Spec::AfterWrite(spec) => Self::AfterWrite(after_write::AfterWrite::new(spec)),
            Spec::Predictive(spec) => Self::Predictive(predictive::Predictive::new(spec)),
            Spec::Staggered(spec) => Self::Staggered(staggered::Staggered::new(spec)),
        }
    }

    /// What a reader does. Draws at most once.
    pub(crate) fn on_read(&self, facts: &Facts, draws: &mut impl Draw) -> Verdict {
        match self {
            Self::Xfetch(policy) => policy.on_read(facts, draws.open()),
            Self::AfterWrite(policy) => policy.on_read(facts),
            Self::Predictive(_) | Self::Staggered(_) => Verdict::Take,
        }
    }

    /// When an entry that is written now is to be renewed, if a time is set. Draws at most once.
    pub(crate) fn due(&self, key: u64, now: Time, expires: Time, draws: &mut impl Draw) -> Option<Time> {
        match self {
            Self::Xfetch(_) | Self::AfterWrite(_) => None,
            Self::Predictive(policy) => policy.due(now, expires),
            Self::Staggered(policy) => policy.due(key, now, expires, draws),
        }
    }

    /// Whether an entry that was last read then is renewed now that its time has come.
    pub(crate) fn wanted(&self, now: Time, set: Time, read: Time) -> bool {
        match self {
            Self::Predictive(policy) => policy.wanted(now, set, read),
            _ => read > set,
        }
    }
}
