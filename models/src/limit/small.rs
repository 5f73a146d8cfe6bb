//! The two slow functions by which steps and queues grow with a limit.

/// The whole part of log10, at least 1.
pub(super) const fn log10(limit: u32) -> u32 {
    match limit.checked_ilog10() {
        Some(log) if log > 1 => log,
        _ => 1,
    }
}

/// The whole part of the square root.
pub(super) const fn square_root(limit: u32) -> u32 {
    limit.isqrt()
}
