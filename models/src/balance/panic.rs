//! Panic threshold: when too few replicas are left, take all of them, dead ones included.
//!
//! Source: Envoy's `healthy_panic_threshold`, 50 % by default: exactly half is no panic.

/// Whether so few of all replicas are healthy that health is no longer believed.
#[must_use]
pub fn panics(healthy: usize, total: usize, threshold: f64) -> bool {
    (healthy as f64) < threshold * total as f64
}
