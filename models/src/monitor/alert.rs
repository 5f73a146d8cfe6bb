//! When a condition becomes an alert: after it has held for long enough, at every evaluation.

use squall_sim::{Span, Time};

/// Where an alert stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The condition does not hold, or nothing is known of it.
    #[default]
    Inactive,
    /// It holds, and not for long enough yet.
    Pending,
    /// It has held for long enough, or has only just ceased to.
    Firing,
}

impl State {
    /// The word for it: `inactive`, `pending` or `firing`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// An alert over one series.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    wait: Span,
    keep: Span,
    state: State,
    since: Time,
    /// Since when it fires only because it is kept firing.
    kept: Option<Time>,
}

impl Alert {
    /// An alert that fires after its condition has held for `wait`, and for `keep` after it has ceased to.
    #[must_use]
    pub const fn new(wait: Span, keep: Span) -> Self {
        Self { wait, keep, state: State::Inactive, since: Time::ZERO, kept: None }
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// An evaluation: whether the condition holds. No data is no.
    pub fn evaluate(&mut self, now: Time, holds: bool) -> State {
        if holds {
            self.kept = None;
            if self.state == State::Inactive {
                (self.state, self.since) = (State::Pending, now);
            }
            if self.state == State::Pending && now.since(self.since) >= self.wait {
                self.state = State::Firing;
            }
        } else if self.state == State::Firing && !self.keep.is_zero() {
            let kept = *self.kept.get_or_insert(now);
            if now.since(kept) >= self.keep {
                (self.state, self.kept) = (State::Inactive, None);
            }
        } else {
            self.state = State::Inactive;
        }
        self.state
    }
}
