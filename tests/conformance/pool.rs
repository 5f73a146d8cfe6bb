//! Recordings of connection pools.

use super::{Exception, Family};

pub(super) const FAMILY: Family = Family { kinds: &[], exceptions: EXCEPTIONS };

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "pool_sqlalchemy", vector: "", reason: "waits for the pools" },
    Exception { file: "pool_go", vector: "", reason: "waits for the pools" },
];
