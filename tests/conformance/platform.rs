//! Recordings of the control side: autoscalers, probes, rollouts, queries over metrics.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "k8s_", vector: "", reason: "waits for the control side" },
    Exception { file: "prometheus", vector: "", reason: "waits for the control side" },
];
