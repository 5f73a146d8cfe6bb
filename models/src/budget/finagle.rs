//! Finagle's retry budget.
//!
//! Source: Finagle `RetryBudget.scala`, twitter/util `TokenBucket.scala` and `WindowedAdder.scala`.

use super::Grant;
use super::window::Window;
use crate::problem::{Found, Problem};
use crate::units::{Duration, Rate, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Time;

/// Each first attempt pays in, each retry takes out, and both are forgotten after `ttl`. What `floor` allows over a whole
/// `ttl` is there from the beginning, so that a cold client can make 100 retries at once by default, and gets them back
/// 9 to 10 s later.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Retries for each first attempt; 20 % by default.
    #[serde(default = "fifth")]
    pub share: Share,
    /// Retries that are allowed whatever the load, as a rate over `ttl`; 10/s by default.
    #[serde(default = "ten_a_second")]
    pub floor: Rate,
    /// For how long a first attempt pays, and a retry is held against the caller; 10 s by default, 1 to 60 s.
    #[serde(default = "ten_seconds")]
    pub ttl: Duration,
}

pub(super) const fn fifth() -> Share {
    Share::new(0.2)
}

pub(super) const fn ten_a_second() -> Rate {
    Rate::per_second(10.0)
}

pub(super) const fn ten_seconds() -> Duration {
    Duration::from_seconds(10.0)
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        check_ttl(&self.ttl, &mut found);
        found.all()
    }
}

pub(super) fn check_ttl(ttl: &Duration, found: &mut Found) {
    let fine = (1.0..=60.0).contains(&ttl.seconds());
    let rule = format!("{ttl} is not between 1s and 60s");
    found.unless(fine, "ttl", &rule, "use a duration such as `10s`, as the library asks for");
}

/// What a first attempt pays in, in the library's units.
const DEPOSIT: i64 = 1000;
/// Slots of the ring: ten slices, of which the writer is one.
const SLOTS: usize = 9;

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct Finagle {
    window: Window,
    deposit: i64,
    withdraw: i64,
    reserve: i64,
}

impl Finagle {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        let share = spec.share.get();
        // Without a share first attempts pay nothing in, and the floor is all there is.
        let (deposit, withdraw) = if share > 0.0 { (DEPOSIT, (DEPOSIT as f64 / share) as i64) } else { (0, 1) };
        // Whole retries a second and whole seconds, as the library counts.
        let reserve = spec.floor.get().trunc() as i64 * spec.ttl.seconds().trunc() as i64 * withdraw;
        let slice = squall_sim::Span::from_nanos(spec.ttl.span().nanos() / 10);
        Self { window: Window::new(SLOTS, slice, now), deposit, withdraw, reserve }
    }

    pub(super) fn deposit(&mut self, now: Time) {
        // What is added at the end of a slice still counts to that slice.
        self.window.add(self.deposit);
        self.window.expire_rounding_down(now);
    }

    /// How many retries it could grant at once.
    pub fn balance(&mut self, now: Time) -> u64 {
        self.window.expire_rounding_down(now);
        u64::try_from((self.window.sum() + self.reserve) / self.withdraw).unwrap_or(0)
    }

    pub(super) fn ask(&mut self, now: Time) -> Option<Grant> {
        if self.balance(now) == 0 {
            return None;
        }
        self.window.add(-self.withdraw);
        Some(Grant { cost: 1 })
    }
}
