//! What is known of a system from outside: samples with their times, what is read from a stretch of them, and alerts.
//!
//! All of it does as Prometheus 3 does, down to what users run into: a rate wants two samples, is extrapolated to the edges
//! of its window, and takes a counter that falls for one that began anew; a percentile is as good as its buckets; an alert
//! without data is not firing, which is not the same as being well.
//!
//! Source: Prometheus, `promql/functions.go` (`extrapolatedRate`), `promql/quantile.go` (`BucketQuantile`),
//! `rules/alerting.go` (`Eval`).

mod alert;
mod buckets;
pub mod promql;
mod quantile;
mod range;

pub use alert::{Alert, State};
pub(crate) use buckets::Buckets;
pub use quantile::{BOUNDS, histogram_quantile};
pub use range::{LOOKBACK, Sample, average, increase, largest, last, newest, rate, smallest, total};
