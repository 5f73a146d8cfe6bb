//! Recordings of cache protection.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "cache_singleflight", vector: "", reason: "waits for cache protection" },
    Exception { file: "cache_nginx", vector: "", reason: "waits for cache protection" },
    Exception { file: "limiters_misc", vector: "xfetch", reason: "waits for cache protection" },
];
