//! Recordings of client-side throttles.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "retry_aws_standard_pre2026", vector: "adaptive_cubic", reason: "waits for the throttles" },
    Exception { file: "retry_aws_standard_pre2026", vector: "adaptive_rate", reason: "waits for the throttles" },
    Exception { file: "retry_aws_standard_pre2026", vector: "adaptive_token", reason: "waits for the throttles" },
    Exception { file: "envoy", vector: "admission_control", reason: "waits for the throttles" },
    Exception { file: "limiters_misc", vector: "sre", reason: "waits for the throttles" },
];
