//! Refresh after write, on read.
//!
//! Source: Caffeine `BoundedLocalCache.refreshIfNeeded`: on a read of an entry older (strictly) than the interval, with no
//! refresh in flight, an asynchronous reload begins; the reader gets the old value; a failure keeps the old value and its
//! age, so that the next read tries again. Without a read nothing is refreshed. No draw.

use super::{Facts, Verdict};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;

/// Caffeine's `refreshAfterWrite`: the first read of an entry older than this has it made anew in the background, and
/// takes the old value. If that fails, the next read tries again. An entry that nobody reads is not renewed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The age; shorter than the `ttl`.
    pub after: Duration,
}

/// Refresh after write at work.
#[derive(Clone, Copy, Debug)]
pub struct AfterWrite {
    after: Span,
}

impl AfterWrite {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self { after: spec.after.span() }
    }

    /// What a reader does.
    #[must_use]
    pub fn on_read(&self, facts: &Facts) -> Verdict {
        if facts.now.since(facts.set) > self.after { Verdict::RenewBehind } else { Verdict::Take }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use squall_sim::Time;

    #[test]
    fn exactly_at_the_age_nothing_happens_yet() {
        let policy = AfterWrite::new(&Spec { after: Duration::from_seconds(1.0) });
        let at = |nanos| Facts {
            now: Time::ZERO + Span::from_nanos(nanos),
            set: Time::ZERO,
            expires: Time::MAX,
            took: Span::ZERO,
        };
        assert_eq!(policy.on_read(&at(1_000_000_000)), Verdict::Take);
        assert_eq!(policy.on_read(&at(1_000_000_001)), Verdict::RenewBehind);
    }
}
