//! The wall clock, for the manifest only. No result depends on it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// When an execution began.
pub(super) struct Clock {
    unix: u64,
    begun: Instant,
}

impl Clock {
    #[allow(clippy::disallowed_methods, reason = "the manifest says when and for how long squall ran")]
    pub(super) fn start() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { unix, begun: Instant::now() }
    }

    /// Seconds since 1970 at the start.
    pub(super) fn started(&self) -> u64 {
        self.unix
    }

    /// Seconds since the start, to the millisecond.
    pub(super) fn took(&self) -> f64 {
        (self.begun.elapsed().as_secs_f64() * 1e3).round() / 1e3
    }
}
