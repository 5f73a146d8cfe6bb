//! A log of the calls of the last while.

use super::Verdict;
use crate::problem::{Found, Problem};
use crate::units::Duration;
use squall_sim::{Span, Time};
use std::collections::VecDeque;

super::common::member! {
    /// So many calls in any window of this length, exactly: the time of each is kept. What is turned away is not counted.
    {
        /// Calls in a window.
        pub limit: u32,
        /// Its length.
        pub window: Duration,
    }
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut found = Found::default();
        super::window(&mut found, self.limit, &self.window);
        found.within("limit", self.limit.into(), 1, 1_000_000);
        found.all()
    }
}

/// See [`Spec`].
#[derive(Clone, Debug)]
pub struct SlidingLog {
    limit: usize,
    window: Span,
    log: VecDeque<Time>,
}

impl SlidingLog {
    pub(super) fn new(spec: &Spec) -> Self {
        let limit = spec.limit as usize;
        Self { limit, window: spec.window.span(), log: VecDeque::with_capacity(limit.min(1_000_000)) }
    }

    pub(super) fn admit(&mut self, now: Time) -> Verdict {
        while self.log.front().is_some_and(|first| now.since(*first) >= self.window) {
            self.log.pop_front();
        }
        match self.log.front() {
            Some(first) if self.log.len() == self.limit => {
                Verdict::Reject { after: Span::ZERO, back: Some((*first + self.window).since(now)) }
            }
            _ => {
                self.log.push_back(now);
                Verdict::Admit
            }
        }
    }
}
