//! The one place that reads the wall clock.

use std::time::{Duration, Instant};

/// Runs `work` and says how long it took.
#[allow(clippy::disallowed_methods, reason = "a benchmark measures the wall clock")]
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = work();
    (value, start.elapsed())
}
