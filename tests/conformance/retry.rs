//! Recordings of retries and their backoff.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "retry_a", vector: "", reason: "waits for the retries" },
    Exception { file: "retry_cockatiel", vector: "", reason: "waits for the retries" },
    Exception { file: "retry_polly", vector: "", reason: "waits for the retries" },
    Exception { file: "retry_resilience4j", vector: "", reason: "waits for the retries" },
    Exception { file: "retry_tenacity", vector: "", reason: "waits for the retries" },
    Exception { file: "envoy", vector: "backoff", reason: "waits for the retries" },
];
