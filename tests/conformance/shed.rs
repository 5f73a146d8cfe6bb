//! Recordings of load shedding.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "codel_folly", vector: "", reason: "waits for load shedding" },
    Exception { file: "limiters_misc", vector: "codel", reason: "waits for load shedding" },
];
