//! The world that squall simulates: clients, services, links, pools, caches, retries and faults.
//!
//! A world is data ([`spec::World`], read from YAML or JSON by whoever has the file). [`Blueprint::new`] checks and
//! compiles it; [`run`] runs it once with a seed and returns a [`report::Report`]. Nothing here reads a file, a clock or
//! the environment, so a blueprint can be run on as many threads as there are, and each run is the same everywhere.
//!
//! ```
//! use squall_models::{Blueprint, Limits, Settings, run, spec};
//! use squall_sim::Span;
//!
//! let world: spec::World = serde_json::from_str(r#"{
//!     "clients": {"web": {"to": "api.get", "arrivals": {"poisson": {"rate": "85/s"}}}},
//!     "services": {"api": {
//!         "capacity": {"workers": 1},
//!         "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "10ms"}}}]}}
//!     }}
//! }"#)?;
//! let settings = Settings {
//!     duration: Span::from_secs(600),
//!     warmup: Span::from_secs(60),
//!     resolution: Span::from_secs(1),
//!     windows: Vec::new(),
//!     limits: Limits { events: 10_000_000, in_flight: 100_000, depth: 64 },
//! };
//! let blueprint = Blueprint::new(&world, settings).expect("nothing is wrong with it");
//! let report = run(&blueprint, 1).expect("the books balance");
//! let web = &report.measured.clients[0];
//! // M/M/1 at 85 %: the mean time in the system is 1/(100 - 85) s.
//! assert!((web.latency.mean().unwrap() - 0.067).abs() < 0.02);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # What holds in every run
//!
//! - Every request ends in exactly one fate, success or a [`outcome::Failure`], or is still in flight at the end. That
//!   arrivals are fates plus what is in flight is asserted for each client, edge and service when a run ends; a run whose
//!   books do not balance is a [`Violation`], never a report.
//! - A call that has timed out is still served. Only `cancel` and `propagate_deadline`, both off by default, let the
//!   callee know.
//! - Draws follow from the seed and from names. Adding a component shifts no other one's draws; changing a policy leaves
//!   every request's arrival, keys and service demands as they were.
//! - Every queue, slab and run has a bound ([`Limits`]); reaching it is an [`report::Ending`] with a name.
//! - Problems of a world are found before it runs, all at once, each with its path and a remedy ([`problem::Problem`]).
#![forbid(unsafe_code)]

pub mod autoscale;
pub mod balance;
mod blueprint;
pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod cache;
mod checks;
pub mod eject;
pub mod fallback;
pub mod fork;
pub mod hedge;
pub mod histogram;
pub mod latencies;
pub mod limit;
pub mod monitor;
pub mod outcome;
mod plan;
pub mod platform;
pub mod pool;
pub mod presets;
pub mod problem;
pub mod rate_limit;
pub mod report;
pub mod retry;
pub mod rollout;
pub mod shed;
pub mod spec;
pub mod throttle;
pub mod trace;
pub mod units;
mod world;

pub use blueprint::{Blueprint, Limits, Settings, Violation, run, run_traced};
