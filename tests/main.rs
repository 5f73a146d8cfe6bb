//! Integration tests that need nothing but the two libraries underneath squall, in one binary.
//!
//! - `analytic`: worlds whose answers somebody else has worked out.
//! - `caching`: small worlds with a cache, and what each protection does in them.
//! - `conformance`: policies against step-by-step recordings of the libraries that they imitate.
//! - `coverage`: what the five runbooks ask for, and where it is.
//! - `determinism`: the same run is the same run, and a change shifts nothing that it does not touch.
//! - `platform`: what is done to a system from outside, and what looks after its replicas.
//! - `policies`: what each policy does to calls, alone and in order.
//! - `properties`: random worlds, which must keep the books balanced whatever happens in them.

mod analytic;
mod caching;
mod conformance;
mod coverage;
mod determinism;
mod platform;
mod policies;
mod pools;
mod properties;
mod support;
