//! nginx's cache lock.
//!
//! Source: nginx `src/http/ngx_http_file_cache.c`, as recorded in the vector `cache_nginx_lock`: who waits looks again
//! every 500 ms or when its own timeout is due, whichever comes first; the timeout is tested before the lock's age, so
//! that with equal times the first one to time out takes the lock over and its answer is stored, while later ones fetch
//! without storing.

use super::{Facts, Verdict};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;

/// nginx's `proxy_cache_lock`: one request fills a new entry. The others look again every `poll`; after `timeout` they
/// fetch for themselves, and their answer is not stored. After `age` the lock is given to the next who asks. The lock
/// covers new entries only: for an expired one everybody fetches, unless `use_stale_updating` is on.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// `proxy_cache_lock_timeout`: how long a request waits; 5 s by default.
    #[serde(default = "five_seconds")]
    pub timeout: Duration,
    /// `proxy_cache_lock_age`: how long the lock is good; 5 s by default.
    #[serde(default = "five_seconds")]
    pub age: Duration,
    /// How often a waiting request looks; nginx has 500 ms built in.
    #[serde(default = "half_a_second")]
    pub poll: Duration,
    /// `proxy_cache_use_stale updating`: while one renews an expired entry, serve it to the others; off by default.
    #[serde(default)]
    pub use_stale_updating: bool,
}

fn five_seconds() -> Duration {
    Duration::from_seconds(5.0)
}

fn half_a_second() -> Duration {
    Duration::from_seconds(0.5)
}

impl Default for Spec {
    fn default() -> Self {
        Self { timeout: five_seconds(), age: five_seconds(), poll: half_a_second(), use_stale_updating: false }
    }
}

/// The lock at work.
#[derive(Clone, Copy, Debug)]
pub struct NginxLock {
    timeout: Span,
    age: Span,
    poll: Span,
    use_stale_updating: bool,
}

impl NginxLock {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self {
            timeout: spec.timeout.span(),
            age: spec.age.span(),
            poll: spec.poll.span(),
            use_stale_updating: spec.use_stale_updating,
        }
    }

    /// What a call is to do after a miss.
    #[must_use]
    pub fn ask(&self, facts: &Facts) -> Verdict {
        let held = facts.locked.is_some_and(|until| facts.now < until);
        if !held {
            return Verdict::Fill { lock: Some(self.age) };
        }
        if facts.stale {
            return if self.use_stale_updating { Verdict::Stale } else { Verdict::Fill { lock: None } };
        }
        let waited = facts.waits.map_or(Span::ZERO, |since| facts.now.since(since));
        if waited >= self.timeout {
            return Verdict::FillUnstored;
        }
        Verdict::LookAgain(self.poll.min(self.timeout - waited))
    }
}
