//! Results in the formats of other tools, one file for each.

mod openmetrics;
mod otlp;
mod perfetto;
mod proto;
mod spans;

pub use openmetrics::{Exposition, write};
pub use otlp::otlp;
pub use perfetto::perfetto;
pub use spans::Recording;
