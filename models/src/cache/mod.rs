//! Caches: what goes when there is no room, who does the work on a miss, and how entries are renewed before they go.
//!
//! Everything here is told the time and the facts and answers with a verdict; the world asks and acts on it.

pub mod eviction;
pub mod flight;
pub(crate) mod place;
pub mod protect;
pub mod refresh;
pub(crate) mod store;
