//! The leaky bucket as a queue.
//!
//! Source: nginx, `ngx_http_limit_req_module.c`, from memory.

use super::Verdict;
use crate::problem::{Found, Problem};
use crate::units::Rate;
use squall_sim::{Span, Time};

super::common::member! {
    /// Calls go on one by one, a step of 1/`rate` apart; up to `burst` of them wait for that, and more are turned away. With
    /// `nodelay` those that may wait go on at once, and only their number is bounded. Counted in thousandths of a call and in
    /// whole milliseconds, as nginx's `limit_req` does.
    {
        /// Calls that go on.
        pub rate: Rate,
        /// Calls that may be ahead of that; none by default.
        #[serde(default)]
        pub burst: u32,
        /// Let those go on at once; off by default.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pub nodelay: bool,
    }
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        super::rate(&mut found, self.rate);
        let rule = format!("{} is less than a thousandth of a call per second", self.rate);
        found.unless(self.rate.get() >= 0.001, "rate", &rule, "use at least 1/h");
        found.within("burst", self.burst.into(), 0, 1_000_000);
        found.all()
    }
}

/// A call, in the thousandths in which excess is counted.
const CALL: u64 = 1000;

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct LeakyBucket {
    /// Thousandths of a call per second.
    rate: u64,
    burst: u64,
    nodelay: bool,
    /// How much is ahead of the rate, and when that was so in milliseconds; nothing before the first call.
    level: Option<(u64, u64)>,
}

impl LeakyBucket {
    pub(super) fn new(spec: &Spec) -> Self {
        let rate = ((spec.rate.get() * CALL as f64) as u64).max(1);
        Self { rate, burst: u64::from(spec.burst) * CALL, nodelay: spec.nodelay, level: None }
    }

    /// How much is ahead of the rate, in thousandths of a call.
    #[must_use]
    pub fn excess(&self) -> u64 {
        self.level.map_or(0, |(excess, _)| excess)
    }

    pub(super) fn admit(&mut self, now: Time) -> Verdict {
        let now = now.nanos() / 1_000_000;
        let Some((excess, last)) = self.level else {
            self.level = Some((0, now));
            return Verdict::Admit;
        };
        let passed = now - last;
        let leaked = self.rate.saturating_mul(passed) / 1000;
        let excess = (excess + CALL).saturating_sub(leaked);
        let time = |thousandths: u64| Span::from_millis(thousandths * 1000 / self.rate);
        if excess > self.burst {
            // What is above the bound has to leak; a millisecond more where that is rounded down.
            let back = time(excess - self.burst) + Span::from_millis(1);
            return Verdict::Reject { after: Span::ZERO, back: Some(back) };
        }
        self.level = Some((excess, if passed > 0 { now } else { last }));
        Verdict::admit_after(if self.nodelay { Span::ZERO } else { time(excess) })
    }
}
