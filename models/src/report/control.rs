//! What alerts, operators and rollouts came to, over a whole run.

use squall_sim::Span;

/// What became of an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertTotals {
    /// How often it began to fire.
    pub fired: u64,
    /// How long after the first fault of the run had begun it began to fire; none if it did not after that.
    pub first: Option<Span>,
}

/// What an operator did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperatorTotals {
    /// How often it was called.
    pub called: u64,
    /// How often it began; not if it did not answer in time, or if everything was over by then.
    pub begun: u64,
    /// How long after the first fault of the run had begun it began; none if it did not after that.
    pub first: Option<Span>,
    /// Times that it came to the end of its steps, or left them because everything was over.
    pub finished: u64,
    /// Times that it called somebody else.
    pub escalated: u64,
}

/// What became of a rollout: how often each thing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RolloutTotals {
    /// Beginnings: of the first step, or of a switch.
    pub started: u64,
    /// Switches that were not begun because the new side was not well.
    pub blocked: u64,
    /// Wishes that were refused, as that for a second switch at once.
    pub refused: u64,
    /// Times that all the traffic of a switch had gone over.
    pub switched: u64,
    /// Times that it was stopped half way.
    pub interrupted: u64,
    /// Times that it could not be said whether the new side was well, and somebody had to decide.
    pub paused: u64,
    /// Times that the new side had proven itself.
    pub promoted: u64,
    /// Times that the new side lost all of its traffic.
    pub rolled_back: u64,
    /// Conditions that checks found.
    pub failed_checks: u64,
    /// How long after the first fault of the run had begun a check first failed; none if none did after that.
    pub detected: Option<Span>,
    /// The same for the first time that it was rolled back.
    pub time_to_rollback: Option<Span>,
}
