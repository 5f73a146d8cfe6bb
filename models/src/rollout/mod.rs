//! Rollouts: how a new version gets its traffic, who looks whether it is well, and what is then done.
//!
//! All of it are state machines of their own: they are told the time and what was found, and say what to do. They see nothing
//! of the world, and what they are told of it comes from the metrics plane, late, with gaps, and wrong if that is wrong.

mod analysis;
mod argo;
mod blue_green;
mod canary;
mod consecutive;
mod flagger;
#[cfg(test)]
mod tests;

pub use analysis::{Analysis, NoData, Spec as AnalysisSpec, Verdict, check};
pub use argo::Spec as ArgoSpec;
pub use blue_green::{BlueGreen, Health, Times};
pub use canary::{Canary, Leg};
pub use consecutive::Spec as ConsecutiveSpec;
pub use flagger::Spec as FlaggerSpec;

/// What one condition has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is data, and it is within bounds.
    Healthy,
    /// There is data, and it is out of bounds.
    Unhealthy,
    /// There is no data, or too little to say.
    Unknown,
}

/// What a controller wants done, or written down.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// The new side gets this share of the calls; of two sides that take turns, the second one.
    Share(f64),
    /// The caches of the new side are filled.
    Warm,
    /// It begins to give traffic to the new side.
    Started,
    /// What was asked for is not done, for this reason.
    Refused(String),
    /// A switch does not begin, because the new side is not well.
    Blocked(String),
    /// It does not go on, and waits for somebody.
    Paused(String),
    /// The new side has all of the traffic.
    Switched,
    /// It stays as it is, half way.
    Interrupted,
    /// The new side has proven itself, and gets or keeps all of the traffic.
    Promoted,
    /// The new side gets nothing more, for this reason.
    RolledBack(String),
    /// The side without traffic is no longer needed.
    ScaleDown,
}
