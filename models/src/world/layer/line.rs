//! A line of calls that a layer holds back.

use super::super::call::Invocation;
use super::super::{Run, Task};
use super::{Entered, Holds, LayerState};
use crate::outcome::Failure;
use crate::trace::Verdict;
use squall_sim::Key;
use std::collections::VecDeque;

/// Calls in the order in which they came. Who left stays until it comes to the front or leavers are the majority.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    waiting: VecDeque<(Key<Invocation>, u64)>,
    present: usize,
    next: u64,
}

impl Line {
    /// Puts a call at the end; what it holds from now on.
    pub(super) fn join(&mut self, key: Key<Invocation>) -> Holds {
        let number = self.next;
        self.next += 1;
        self.waiting.push_back((key, number));
        self.present += 1;
        Holds::Place(number)
    }
}

impl Run<'_> {
    pub(super) fn line(&mut self, at: usize) -> &mut Line {
        match &mut self.state.layers[at] {
            LayerState::Breaker(_, line) | LayerState::Bulkhead(_, line) | LayerState::Limit(_, line) => line,
            _ => unreachable!("only layers with a line hold calls back"),
        }
    }

    /// Whether the call of this place still waits in it.
    fn in_line(&self, key: Key<Invocation>, layer: u8, number: u64) -> bool {
        let invocation = self.state.invocations.get(key);
        let frames = invocation.and_then(|invocation| self.state.frames.get(invocation.frames));
        frames.is_some_and(|frames| {
            let held = frames.layers[usize::from(layer)].holds;
            frames.inside == layer + 1 && matches!(held, Holds::Place(place) if place == number)
        })
    }

    /// Who is next in a layer's line; it stays there.
    pub(super) fn first_in_line(&mut self, at: usize, layer: u8, newest: bool) -> Option<Key<Invocation>> {
        loop {
            let line = self.line(at);
            let end = if newest { line.waiting.back() } else { line.waiting.front() };
            let &(key, number) = end?;
            if self.in_line(key, layer, number) {
                return Some(key);
            }
            self.drop_first(at, newest);
        }
    }

    fn drop_first(&mut self, at: usize, newest: bool) {
        let line = self.line(at);
        if newest {
            line.waiting.pop_back()
        } else {
            line.waiting.pop_front()
        };
    }

    /// The first in line leaves it: inwards, or back to where it came from.
    pub(super) fn call_up(&mut self, at: usize, layer: u8, newest: bool, verdict: Entered, holds: Holds) {
        let Some(key) = self.first_in_line(at, layer, newest) else { return };
        self.drop_first(at, newest);
        self.line(at).present -= 1;
        let now = self.cx.now();
        let frame = self.frame(self.spot(key, layer));
        let timer = frame.timer;
        (frame.since, frame.holds) = (now, holds);
        self.cx.cancel(timer);
        let stand = self.stand(key);
        match verdict {
            Entered::Passed => self.state.tasks.push(Task::Descend(key, stand)),
            Entered::Refused(failure) => self.state.tasks.push(Task::SendBack(key, stand, failure)),
            Entered::Waits => unreachable!("who is called up does not wait any longer"),
        }
    }

    /// A call has left the line without having been called up.
    pub(super) fn leave_line(&mut self, at: usize) {
        let line = self.line(at);
        line.present -= 1;
        if line.waiting.len() <= 2 * line.present + 64 {
            return;
        }
        let line = std::mem::take(line);
        let waiting = line.waiting.into_iter().filter(|&(key, number)| self.waits_at(key, number)).collect();
        *self.line(at) = Line { waiting, ..line };
    }

    /// The same as `in_line` for a layer that is not at hand: a call waits in one place at most.
    fn waits_at(&self, key: Key<Invocation>, number: u64) -> bool {
        let Some(invocation) = self.state.invocations.get(key) else { return false };
        let Some(frames) = self.state.frames.get(invocation.frames) else { return false };
        frames.inside.checked_sub(1).is_some_and(|layer| self.in_line(key, layer, number))
    }

    /// A call is turned away by the layer that it has entered last.
    pub(in super::super) fn send_back(&mut self, key: Key<Invocation>, failure: Failure) {
        let Some(invocation) = self.state.invocations.get(key) else { return };
        self.state.edges[invocation.edge.at()].totals.turned_away[failure as usize] += 1;
        let frames = invocation.frames;
        self.traced_layer(key, Verdict::TurnedAway);
        self.state.frames[frames].inside -= 1;
        self.ascend(key, Err(failure));
    }
}
