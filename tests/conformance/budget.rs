//! Recordings of retry budgets, throttles and rate limits.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "retry_budget", vector: "", reason: "waits for the budgets" },
    Exception { file: "retry_grpc", vector: "", reason: "waits for the budgets" },
    Exception { file: "envoy", vector: "retry_budget", reason: "waits for the budgets" },
    Exception { file: "envoy", vector: "admission_control", reason: "waits for the throttles" },
    Exception { file: "limiters_misc", vector: "sre", reason: "waits for the throttles" },
    Exception { file: "limiters_misc", vector: "gcra", reason: "waits for the rate limits" },
    Exception { file: "limiters_misc", vector: "sliding", reason: "waits for the rate limits" },
    Exception { file: "ratelimiter", vector: "", reason: "waits for the rate limits" },
];
