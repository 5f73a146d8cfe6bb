//! A call on its way through the policies of its edge: inwards layer by layer until it is sent, and outwards again with
//! its outcome.
//!
//! Only edges with other policies than a timeout around a retry around a timeout come here; see `plan::stack`. A call
//! then has a record of its [`Frames`], one for each layer that it has entered. A layer can let it pass, turn it away,
//! or hold it for a while; on the way out it can change the outcome, or send the call inwards once more.

use super::Run;
use super::call::Invocation;
use super::layer::{Entered, Left};
use crate::outcome::{Failure, Outcome};
use crate::plan::{MAX_LAYERS, StackPlan};
use squall_sim::{Key, Span, Ticket, Time};

/// What a call carries for the policies of its edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frames {
    /// Layers that it has entered and not left.
    pub(crate) inside: u8,
    pub(crate) layers: [Frame; MAX_LAYERS],
}

/// What a call carries for one layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// When it entered.
    pub(crate) since: Time,
    /// Until when what is inside is asked to answer.
    pub(crate) deadline: Time,
    /// The layer's timeout, backoff or wait.
    pub(crate) timer: Ticket,
    /// The last backoff.
    pub(crate) previous: Span,
    /// Times that it was sent inwards.
    pub(crate) attempts: u16,
}

impl Frames {
    /// Until when the innermost layer asks for an answer.
    pub(crate) fn deadline(&self) -> Time {
        self.inside.checked_sub(1).map_or(Time::MAX, |at| self.layers[usize::from(at)].deadline)
    }
}

impl Frame {
    const NONE: Self =
        Self { since: Time::ZERO, deadline: Time::MAX, timer: Ticket::NONE, previous: Span::ZERO, attempts: 0 };
}

/// What a layer has been waiting for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alarm {
    /// Its timeout.
    Timeout,
    /// The end of a backoff.
    Again,
}

impl Alarm {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 2] = [Self::Timeout, Self::Again];
}

impl<'a> Run<'a> {
    /// A call begins that has to go through a stack.
    pub(super) fn enter_stack(&mut self, key: Key<Invocation>) {
        let frames = Frames { inside: 0, layers: [Frame::NONE; MAX_LAYERS] };
        self.state.invocations[key].frames = self.state.frames.insert(frames);
        self.descend(key);
    }

    /// Goes inwards from the innermost layer that the call has entered, and sends it.
    pub(super) fn descend(&mut self, key: Key<Invocation>) {
        let Some(invocation) = self.state.invocations.get(key) else { return };
        let (layers, frames) = (&self.stack(key).layers, invocation.frames);
        loop {
            let at = self.state.frames[frames].inside;
            if usize::from(at) == layers.len() {
                return self.attempt(key);
            }
            self.open_frame(frames);
            match self.enter_layer(key, at) {
                Entered::Passed => {}
            }
        }
    }

    fn open_frame(&mut self, frames: Key<Frames>) {
        let frames = &mut self.state.frames[frames];
        let (now, at) = (self.cx.now(), usize::from(frames.inside));
        let deadline = if at == 0 { Time::MAX } else { frames.layers[at - 1].deadline };
        frames.layers[at] = Frame { since: now, deadline, ..Frame::NONE };
        frames.inside += 1;
    }

    /// What is inside of the innermost layer has come to this outcome: goes outwards until a layer sends the call in
    /// again, or it is over.
    pub(super) fn ascend(&mut self, key: Key<Invocation>, mut outcome: Outcome) {
        let frames = self.state.invocations[key].frames;
        while let Some(at) = self.state.frames[frames].inside.checked_sub(1) {
            match self.leave_layer(key, at, outcome) {
                Left::With(left) => outcome = left,
                Left::Again => return,
            }
            self.state.frames[frames].inside = at;
        }
        self.state.frames.free(frames);
        self.state.invocations[key].frames = Key::NONE;
        self.conclude(key, outcome);
    }

    /// Something that a layer has waited for.
    pub(super) fn alarm(&mut self, key: Key<Invocation>, layer: u8, alarm: Alarm) {
        match alarm {
            Alarm::Timeout => {
                self.cut(key, layer + 1, Failure::Timeout);
                self.ascend(key, Err(Failure::Timeout));
            }
            Alarm::Again => self.descend(key),
        }
    }

    /// Ends everything that goes on inside of layer number `keep`, without a word to the layers in there but that.
    pub(super) fn cut(&mut self, key: Key<Invocation>, keep: u8, failure: Failure) {
        let invocation = &self.state.invocations[key];
        let (edge, frames) = (invocation.edge, invocation.frames);
        if invocation.waiting {
            self.cx.cancel(invocation.timer);
            self.state.edges[edge.at()].totals.failed_attempts[failure as usize] += 1;
            self.leave(key);
        }
        while let Some(at) = self.state.frames[frames].inside.checked_sub(1).filter(|&at| at >= keep) {
            self.cut_layer(key, at);
            self.state.frames[frames].inside = at;
        }
    }

    /// Nobody waits for a call any more.
    pub(super) fn cut_all(&mut self, key: Key<Invocation>, failure: Failure) {
        self.cut(key, 0, failure);
        let frames = std::mem::replace(&mut self.state.invocations[key].frames, Key::NONE);
        self.state.frames.free(frames);
    }

    /// The stack that a call goes through.
    pub(super) fn stack(&self, key: Key<Invocation>) -> &'a StackPlan {
        let plan = self.plan;
        let stack = plan.edges[self.state.invocations[key].edge.at()].stack;
        &plan.stacks[stack.expect("only calls of an edge with a stack have frames").at()]
    }

    /// The record of a layer that a call has entered.
    pub(super) fn frame(&mut self, key: Key<Invocation>, layer: u8) -> &mut Frame {
        let frames = self.state.invocations[key].frames;
        &mut self.state.frames[frames].layers[usize::from(layer)]
    }
}
