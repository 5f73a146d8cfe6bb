//! The platform's own rules, each a pure machine: when a process is started again, when a probe has decided, how many
//! replicas may go at a time, what memory is in use.
//!
//! Sources: Kubernetes `kubelet.go` and `flowcontrol/backoff.go` (back-off), `prober/worker.go` (probes),
//! `deployment_util.go` and `rolling.go` (rolling updates), `disruption.go` (budgets).

mod backoff;
mod memory;
mod probe;
mod rolling;

pub use backoff::Backoff;
pub(crate) use memory::MemoryPlan;
pub use probe::{Streak, Verdict};
pub use rolling::{Counts, Step, fenceposts, may_move, step};
