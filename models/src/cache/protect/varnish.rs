//! Varnish: grace, and a waiting list that is let go a few at a time.
//!
//! Source: Varnish Cache `cache_hash.c` and `params.h`: default_grace 10 s, rush_exponent 3. A waiting request that is let
//! go looks again; if it finds the object it lets more go. If the answer could not be stored, one of those let go fetches
//! and the rest goes back on the list: the classic serialisation, which hit-for-miss objects exist to prevent.

use super::{Facts, Verdict};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Span;

/// Varnish's way: within `grace` after its time an entry is served while one request fetches it anew in the background.
/// Without one, requests wait on a list; when the fetch is over, `rush` of them look again, and each that finds the entry
/// lets as many more go. An answer that cannot be stored lets them fetch one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How long after its time an entry may still be served; 10 s by default.
    #[serde(default = "ten_seconds")]
    pub grace: Duration,
    /// How many waiting requests are let go at a time (`rush_exponent`); 3 by default.
    #[serde(default = "three")]
    pub rush: u32,
}

fn ten_seconds() -> Duration {
    Duration::from_seconds(10.0)
}

fn three() -> u32 {
    3
}

/// Varnish at work.
#[derive(Clone, Copy, Debug)]
pub struct Varnish {
    pub(crate) grace: Span,
    pub(crate) rush: usize,
}

impl Varnish {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self { grace: spec.grace.span(), rush: spec.rush.max(1) as usize }
    }

    /// What a call is to do after a miss.
    #[must_use]
    pub fn ask(&self, facts: &Facts) -> Verdict {
        if facts.filling.is_some() { Verdict::Join } else { Verdict::Fill { lock: None } }
    }
}
