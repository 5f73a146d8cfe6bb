//! Linkerd's retry budget, which is tower's.
//!
//! A quirk of the ring: when something happens a little less often than once in a slice (a tenth of `ttl`), each event
//! skips a slot that has only begun, and what was paid or taken is forgotten after half of `ttl`.
//!
//! Source: tower 0.5 `tps_budget.rs`; linkerd2 `profile_translator.go`; recording in `tests/conformance/vectors/`.

use super::Grant;
use super::finagle::{check_ttl, ten_a_second, ten_seconds};
use super::window::Window;
use crate::problem::{Found, Problem};
use crate::units::{Duration, Rate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// Each first attempt pays in, each retry takes out, and both are forgotten after `ttl`, or up to a tenth later. Retries
/// are paid in whole first attempts, so a ratio of 0.3 is one in three: 33 %.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Retries for each first attempt; 0.2 by default, and up to 1000.
    #[serde(default = "fifth")]
    pub ratio: f64,
    /// Retries that are allowed whatever the load, as a rate over `ttl`; 10/s by default.
    #[serde(default = "ten_a_second")]
    pub floor: Rate,
    /// For how long a first attempt pays, and a retry is held against the caller; 10 s by default, 1 to 60 s.
    #[serde(default = "ten_seconds")]
    pub ttl: Duration,
}

fn fifth() -> f64 {
    0.2
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        check_ttl(&self.ttl, &mut found);
        let rule = format!("the ratio {} is not between 0 and 1000", self.ratio);
        found.unless((0.0..=1000.0).contains(&self.ratio), "ratio", &rule, "0.2 is usual");
        found.all()
    }
}

const SLOTS: usize = 10;

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct Linkerd {
    window: Window,
    deposit: i64,
    withdraw: i64,
    reserve: i64,
}

impl Linkerd {
    pub(super) fn new(spec: &Spec, now: Time) -> Self {
        // The library computes with 32-bit floats, which decides how 1/0.3 and the like are cut off.
        let ratio = spec.ratio as f32;
        let (deposit, withdraw) = if ratio <= 0.0 {
            (0, 1)
        } else if ratio <= 1.0 {
            (1, (1.0 / ratio) as i64)
        } else {
            (1000, (1000.0 / ratio) as i64)
        };
        let reserve = spec.floor.get().trunc() as i64 * spec.ttl.seconds().trunc() as i64 * withdraw;
        let slice = Span::from_nanos(spec.ttl.span().nanos() / SLOTS as u64);
        Self { window: Window::new(SLOTS, slice, now), deposit, withdraw, reserve }
    }

    pub(super) fn deposit(&mut self, now: Time) {
        self.window.expire_rounding_up(now);
        self.window.add(self.deposit);
    }

    /// How many retries it could grant at once.
    pub fn balance(&mut self, now: Time) -> u64 {
        self.window.expire_rounding_up(now);
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
