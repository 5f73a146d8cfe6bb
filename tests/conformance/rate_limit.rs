//! Recordings of rate limiters.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "limiters_misc", vector: "gcra", reason: "waits for the rate limits" },
    Exception { file: "limiters_misc", vector: "sliding", reason: "waits for the rate limits" },
    Exception { file: "ratelimiter", vector: "", reason: "waits for the rate limits" },
];
