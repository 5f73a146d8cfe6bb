//! Recordings of balancers.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "lb_ketama", vector: "", reason: "waits for the balancers" },
    Exception { file: "envoy", vector: "panic", reason: "waits for the balancers" },
    Exception { file: "envoy", vector: "slow_start", reason: "waits for the balancers" },
];
