//! A deterministic discrete-event simulation kernel.
#![forbid(unsafe_code)]

pub mod digest;
pub mod dist;
pub mod engine;
pub mod queue;
pub mod random;
pub mod slab;
pub mod time;

pub use engine::{Context, Ended, Model, Simulation};
pub use queue::{Lane, Ticket};
pub use slab::{Key, Slab};
pub use time::{Span, Time};
