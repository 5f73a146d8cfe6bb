//! A call on its way through the policies of its edge: inwards layer by layer until it is sent, and outwards again with
//! its outcome.
//!
//! Only edges with other policies than a timeout around a retry around a timeout come here; see `plan::stack`. A call
//! then has a record of its [`Frames`], one for each layer that it has entered. A layer can let it pass, turn it away,
//! or hold it for a while; on the way out it can change the outcome, or send the call inwards once more.

use super::call::{Call, Invocation};
use super::layer::{Entered, Frame, Holds, Left, Owner};
use super::{Event, Run, Task};
use crate::outcome::{Failure, Outcome};
use crate::plan::{MAX_LAYERS, StackId, StackPlan};
use crate::trace::Verdict;
use squall_sim::{Key, Ticket, Time};

/// What a call carries for the policies of its edge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frames {
    /// The stack that it went into: a run that goes on by other rules keeps the old ones for whoever is inside of them.
    pub(crate) stack: StackId,
    /// Where the states of its layers begin for the replica that it comes from.
    pub(crate) first: u32,
    /// Layers that it has entered and not left.
    pub(crate) inside: u8,
    /// Times that it has entered one: what its draws in there are numbered by.
    pub(crate) entries: u32,
    /// The outermost layer that it goes through: all of them, unless it is a branch of a hedge.
    pub(crate) base: u8,
    /// Whose branch it is.
    pub(crate) owner: Option<Owner>,
    pub(crate) layers: [Frame; MAX_LAYERS],
}

/// What lies in a place that nobody has used yet.
impl Default for Frames {
    fn default() -> Self {
        Self {
            stack: StackId(0),
            first: 0,
            inside: 0,
            entries: 0,
            base: 0,
            owner: None,
            layers: [Frame::NONE; MAX_LAYERS],
        }
    }
}

impl Frames {
    fn stand(&self) -> Stand {
        Stand { inside: self.inside, entries: self.entries }
    }

    /// Until when the innermost layer asks for an answer.
    pub(crate) fn deadline(&self) -> Time {
        self.inside.checked_sub(1).map_or(Time::MAX, |at| self.layers[usize::from(at)].deadline)
    }
}

/// A layer that a call has entered, with all that leads to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) key: Key<Invocation>,
    pub(super) frames: Key<Frames>,
    /// Its number from the outermost one.
    pub(super) layer: u8,
    /// Where its state is.
    pub(super) at: usize,
}

/// Where a call stands in its stack, so that what was decided about it can be told from what has become of it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    inside: u8,
    entries: u32,
}

/// What a layer has been waiting for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alarm {
    /// Its timeout.
    Timeout,
    /// The end of a backoff.
    Again,
    /// The end of its patience in a line.
    Expired,
    /// The time for a further attempt beside the others.
    Hedge,
    /// The time to ask the layer once more.
    Ask,
}

impl Alarm {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 5] = [Self::Timeout, Self::Again, Self::Expired, Self::Hedge, Self::Ask];
}

impl Spot {
    /// What wakes the layer up.
    pub(super) const fn event(self, alarm: Alarm) -> Event {
        Event::Layer { invocation: self.key, layer: self.layer, alarm }
    }
}

impl<'a> Run<'a> {
    /// A call begins that has to go through a stack.
    pub(super) fn enter_stack(&mut self, key: Key<Invocation>) -> Option<Key<Call>> {
        let invocation = &mut self.state.invocations[key];
        let id = self.plan.edges[invocation.edge.at()].stack.expect("only edges with a stack come here");
        let stack = &self.plan.stacks[id.at()];
        let (frames, record) = self.state.frames.take_place();
        // What is left in the frames of layers does not matter: each is written when its layer is entered.
        (record.stack, record.first, record.owner) = (id, stack.first_of(invocation.caller), None);
        (record.inside, record.entries, record.base) = (0, 0, 0);
        invocation.frames = frames;
        self.go_inwards(key, frames, stack)
    }

    /// Goes inwards from the innermost layer that the call has entered, and sends it.
    pub(super) fn descend(&mut self, key: Key<Invocation>) {
        let Some(frames) = self.state.invocations.get(key).map(|invocation| invocation.frames) else { return };
        self.try_goes_out(key, frames);
        let begun = self.go_inwards(key, frames, self.stack(frames));
        self.execute_later(begun);
    }

    /// The same for a call that is known to be there. A callee's side that has got a worker at once is to be executed
    /// next.
    #[inline]
    fn go_inwards(&mut self, key: Key<Invocation>, frames: Key<Frames>, stack: &StackPlan) -> Option<Key<Call>> {
        loop {
            let record = &self.state.frames[frames];
            let (layer, at) = (record.inside, record.first as usize + usize::from(record.inside));
            if usize::from(layer) == stack.layers.len() {
                return self.attempt_here(key);
            }
            self.open_frame(frames);
            match self.enter_layer(Spot { key, frames, layer, at }) {
                Entered::Passed => {}
                Entered::Waits => {
                    self.traced_layer(key, Verdict::HeldBack);
                    return None;
                }
                Entered::Refused(failure) => {
                    self.send_back(key, failure);
                    return None;
                }
            }
        }
    }

    /// A call goes on inwards, or is turned away by its innermost layer, unless it has been taken out meanwhile.
    pub(super) fn proceed(&mut self, key: Key<Invocation>, stand: Stand, turned_away: Option<Failure>) {
        let Some(invocation) = self.state.invocations.get(key) else { return };
        if self.state.frames.get(invocation.frames).is_none_or(|frames| frames.stand() != stand) {
            return;
        }
        match turned_away {
            None => self.descend(key),
            Some(failure) => self.send_back(key, failure),
        }
    }

    /// Where a call stands now.
    pub(super) fn stand(&self, key: Key<Invocation>) -> Stand {
        self.state.frames[self.state.invocations[key].frames].stand()
    }

    #[inline(always)]
    fn open_frame(&mut self, frames: Key<Frames>) {
        let frames = &mut self.state.frames[frames];
        let at = usize::from(frames.inside);
        let deadline = if at == 0 { Time::MAX } else { frames.layers[at - 1].deadline };
        let frame = &mut frames.layers[at];
        (frame.since, frame.deadline) = (self.cx.now(), deadline);
        (frame.timer, frame.holds) = (Ticket::NONE, Holds::Nothing);
        frames.inside += 1;
        frames.entries += 1;
    }

    /// What is inside of the innermost layer has come to this outcome: goes outwards until a layer sends the call in
    /// again, or it is over.
    pub(super) fn ascend(&mut self, key: Key<Invocation>, outcome: Outcome) {
        if let Some((call, outcome)) = self.go_outwards(key, outcome) {
            self.state.tasks.push(Task::Resume { call, outcome });
        }
    }

    /// The same for an answer that was good; whose turn it is then, if it still is good for them.
    #[inline(never)]
    pub(super) fn ascend_answered(&mut self, key: Key<Invocation>) -> Option<Key<Call>> {
        match self.go_outwards(key, Ok(()))? {
            (call, Ok(())) => Some(call),
            (call, outcome) => {
                self.state.tasks.push(Task::Resume { call, outcome });
                None
            }
        }
    }

    /// The same, without a jump to whoever waits for the call; they go on next, with this outcome.
    pub(super) fn go_outwards(&mut self, key: Key<Invocation>, mut outcome: Outcome) -> Option<(Key<Call>, Outcome)> {
        let frames = self.state.invocations[key].frames;
        let Frames { base, owner, first, mut inside, .. } = self.state.frames[frames];
        while inside > base {
            let (layer, at) = (inside - 1, first as usize + usize::from(inside - 1));
            match self.leave_layer(Spot { key, frames, layer, at }, outcome) {
                Left::With(left) => outcome = left,
                Left::Again => return None,
            }
            inside = layer;
            self.state.frames[frames].inside = layer;
        }
        self.state.frames.free(frames);
        self.state.invocations[key].frames = Key::NONE;
        self.forget_hint(key);
        match owner {
            None => self.conclude_here(key, outcome).map(|call| (call, outcome)),
            Some(owner) => {
                self.branch_ended(key, owner, outcome);
                None
            }
        }
    }

    /// Something that a layer has waited for.
    pub(super) fn alarm(&mut self, key: Key<Invocation>, layer: u8, alarm: Alarm) {
        let spot = self.spot(key, layer);
        self.frame(spot).timer = Ticket::NONE;
        match alarm {
            Alarm::Timeout => {
                self.traced_timeout(key);
                self.cut(key, layer + 1, Failure::Timeout);
                self.ascend(key, Err(Failure::Timeout));
            }
            Alarm::Again => self.descend(key),
            Alarm::Expired => self.expired(spot),
            Alarm::Hedge => self.hedge_due(spot),
            Alarm::Ask => self.ask_again(spot),
        }
    }

    /// Ends everything that goes on inside of layer number `keep`, without a word to the layers in there but that.
    pub(super) fn cut(&mut self, key: Key<Invocation>, keep: u8, failure: Failure) {
        let invocation = &self.state.invocations[key];
        let (edge, frames) = (invocation.edge, invocation.frames);
        if invocation.waiting {
            self.cx.cancel(invocation.timer);
            self.state.edges[edge.at()].totals.failed_attempts[failure as usize] += 1;
            self.leave(key, failure);
        }
        while let Some(at) = self.state.frames[frames].inside.checked_sub(1).filter(|&at| at >= keep) {
            self.cut_layer(self.spot(key, at));
            self.state.frames[frames].inside = at;
        }
    }

    /// Nobody waits for a call any more.
    pub(super) fn cut_all(&mut self, key: Key<Invocation>, failure: Failure) {
        self.cut(key, 0, failure);
        self.forget_hint(key);
        let frames = std::mem::replace(&mut self.state.invocations[key].frames, Key::NONE);
        self.state.frames.free(frames);
    }

    /// The stack that a call with these frames goes through.
    pub(super) fn stack(&self, frames: Key<Frames>) -> &'a StackPlan {
        &self.plan.stacks[self.state.frames[frames].stack.at()]
    }

    /// Where a layer that a call has entered is.
    pub(super) fn spot(&self, key: Key<Invocation>, layer: u8) -> Spot {
        let frames = self.state.invocations[key].frames;
        Spot { key, frames, layer, at: self.state.frames[frames].first as usize + usize::from(layer) }
    }

    /// The innermost layer that a call has entered.
    pub(super) fn innermost(&self, key: Key<Invocation>) -> Spot {
        self.spot(key, self.state.frames[self.state.invocations[key].frames].inside - 1)
    }

    /// The record of a layer that a call has entered.
    #[inline(always)]
    pub(super) fn frame(&mut self, spot: Spot) -> &mut Frame {
        &mut self.state.frames[spot.frames].layers[usize::from(spot.layer)]
    }
}
