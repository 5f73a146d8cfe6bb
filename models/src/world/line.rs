//! A waiting line from which anybody may disappear.

use squall_sim::{Key, Slab};
use std::collections::VecDeque;

use super::call::{Call, State};

/// Calls that wait for the same thing. Who left stays in the line until it comes to the front or leavers are the
/// majority; then all of them are thrown out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    waiting: VecDeque<Key<Call>>,
    present: usize,
}

impl Line {
    pub(crate) fn len(&self) -> usize {
        self.present
    }

    pub(crate) fn push(&mut self, call: Key<Call>) {
        self.waiting.push_back(call);
        self.present += 1;
    }

    /// The next that still waits in `state`: the first to come, or with `last` the last.
    #[inline]
    pub(crate) fn pop(&mut self, calls: &Slab<Call>, state: State, last: bool) -> Option<Key<Call>> {
        if self.present == 0 {
            self.waiting.clear();
            return None;
        }
        loop {
            let key = if last { self.waiting.pop_back() } else { self.waiting.pop_front() }?;
            if calls.get(key).is_some_and(|call| call.state == state) {
                self.present -= 1;
                return Some(key);
            }
        }
    }

    /// One of the line has left it: its state is no longer `state`, or it is gone.
    pub(crate) fn left(&mut self, calls: &Slab<Call>, state: State) {
        self.present -= 1;
        if self.waiting.len() > 2 * self.present + 64 {
            self.waiting.retain(|&key| calls.get(key).is_some_and(|call| call.state == state));
        }
    }
}
