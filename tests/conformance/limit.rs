//! Recordings of rate limiters and of concurrency limits.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "limit_netflix", vector: "", reason: "waits for the concurrency limits" },
    Exception { file: "envoy", vector: "adaptive_concurrency", reason: "waits for the concurrency limits" },
];
