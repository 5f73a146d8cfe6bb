//! Balancing: which replica gets a call.

pub mod ketama;
