//! What memory is in use, and what garbage collection makes of that.

use crate::spec::Memory;
use squall_sim::Span;

/// The memory of each replica of a service, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemoryPlan {
    pub(crate) limit: f64,
    base: f64,
    per_call: f64,
    per_queued: f64,
    /// Each second.
    leak: f64,
    leak_per_call: f64,
    /// From which share of the limit on, and the factor on work at the limit.
    gc: Option<(f64, f64)>,
    garbage: GarbagePlan,
}

/// What calls leave behind until it is collected.
#[derive(Clone, Copy, Debug)]
struct GarbagePlan {
    /// In bytes.
    per_call: f64,
    /// By which factor memory grows until it is collected; infinite if that is only when it is full.
    growth: f64,
    /// For how long a collection stops a replica that is full of what stays.
    pause: Span,
}

impl GarbagePlan {
    const NONE: Self = Self { per_call: 0.0, growth: f64::INFINITY, pause: Span::ZERO };
}

impl MemoryPlan {
    /// What a process uses that does nothing.
    pub(crate) fn empty(&self) -> f64 {
        self.base
    }

    pub(crate) fn new(spec: &Memory) -> Self {
        Self {
            limit: spec.limit.get(),
            base: spec.base.get(),
            per_call: spec.per_call.get(),
            per_queued: spec.per_queued.get(),
            leak: spec.leak.get(),
            leak_per_call: spec.leak_per_call.get(),
            gc: spec.gc.as_ref().map(|gc| (gc.from.get(), gc.factor)),
            garbage: spec.garbage.as_ref().map_or(GarbagePlan::NONE, |garbage| GarbagePlan {
                per_call: garbage.per_call.get(),
                growth: garbage.growth.unwrap_or(f64::INFINITY),
                pause: garbage.pause.span(),
            }),
        }
    }

    /// What is in use with so many calls in service and waiting, apart from what leaks.
    pub(crate) fn used(&self, served: u64, waiting: u64) -> f64 {
        self.base + served as f64 * self.per_call + waiting as f64 * self.per_queued
    }

    /// What a process has lost by itself since it started, and after so many calls.
    pub(crate) fn leaked(&self, age: Span, ended: u64) -> f64 {
        self.leak * age.seconds() + self.leak_per_call * ended as f64
    }

    /// What so many calls have left behind.
    pub(crate) fn garbage(&self, ended: u64) -> f64 {
        self.garbage.per_call * ended as f64
    }

    /// A replica in which so much is in use, so much of it garbage, has to collect by itself, by what stayed in use the last time.
    pub(crate) fn is_due(&self, used: f64, garbage: f64, stayed: f64) -> bool {
        let grown = stayed.max(self.base) * (1.0 + self.garbage.growth);
        garbage > 0.0 && (used > self.limit || used > grown)
    }

    /// For how long a collection stops a replica, by what stays in use.
    pub(crate) fn pause(&self, stays: f64) -> Span {
        self.garbage.pause.scaled((stays / self.limit).min(1.0))
    }

    /// The most that one more call can take.
    pub(crate) fn largest_call(&self) -> f64 {
        self.per_call.max(self.per_queued)
    }

    pub(crate) fn leaks_over_time(&self) -> bool {
        self.leak > 0.0
    }

    /// How many times as long work takes.
    pub(crate) fn slowdown(&self, used: f64) -> f64 {
        let Some((from, factor)) = self.gc else { return 1.0 };
        let above = (used / self.limit - from) / (1.0 - from);
        1.0 + (factor - 1.0) * above.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_collection_costs_more_the_fuller_it_is() {
        let spec = serde_json::json!({"limit": "100MB", "base": "50MB", "per_call": "1MB", "per_queued": "500KB",
            "leak": "2MB", "leak_per_call": "10KB", "gc": {"from": "60%", "factor": 5}});
        let plan = MemoryPlan::new(&serde_json::from_value(spec).unwrap());
        assert_eq!(plan.used(20, 10), 75e6);
        assert_eq!(plan.leaked(Span::from_secs(5), 100), 11e6);
        assert_eq!((plan.slowdown(60e6), plan.slowdown(200e6)), (1.0, 5.0));
        assert!((plan.slowdown(80e6) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn garbage_is_due_when_memory_has_grown_and_what_stays_makes_the_pause() {
        let spec = serde_json::json!({"limit": "100MB", "base": "20MB",
            "garbage": {"per_call": "1MB", "growth": 0.5, "pause": "200ms"}});
        let plan = MemoryPlan::new(&serde_json::from_value(spec).unwrap());
        assert_eq!(plan.garbage(30), 30e6);
        let due = |used, garbage, stayed| plan.is_due(used, garbage, stayed);
        assert_eq!((due(60e6, 1e6, 40e6), due(60e6 + 1.0, 1e6, 40e6), due(90e6, 0.0, 40e6)), (false, true, false));
        // The first time it is what a process uses that does nothing; and at the limit it is always due.
        assert_eq!((due(30e6 + 1.0, 1e6, 0.0), due(99e6, 1e6, 90e6), due(101e6, 1e6, 90e6)), (true, false, true));
        assert_eq!((plan.pause(50e6), plan.pause(300e6)), (Span::from_millis(100), Span::from_millis(200)));
    }
}
