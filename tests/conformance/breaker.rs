//! Recordings of circuit breakers and of outlier ejection.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "cb_circuitbreaker_py", vector: "", reason: "waits for the breakers" },
    Exception { file: "cb_cockatiel", vector: "", reason: "waits for the breakers" },
    Exception { file: "cb_gobreaker", vector: "", reason: "waits for the breakers" },
    Exception { file: "cb_pybreaker", vector: "", reason: "waits for the breakers" },
    Exception { file: "cb_resilience4j", vector: "", reason: "waits for the breakers" },
    Exception { file: "cb_hystrix", vector: "", reason: "waits for the breakers" },
    Exception { file: "envoy", vector: "max_ejection_percent", reason: "waits for the ejectors" },
    Exception { file: "envoy", vector: "ejection_timeline", reason: "waits for the ejectors" },
    Exception { file: "envoy", vector: "success_rate_threshold", reason: "waits for the ejectors" },
];
