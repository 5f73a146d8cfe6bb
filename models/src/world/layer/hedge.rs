//! Hedges as a layer: several attempts at once, of which the first good answer counts.
//!
//! Each attempt is a call of its own, a *branch*, that goes through the layers inside of the hedge and reports to the
//! call that it belongs to. The first branch has the luck of that call, so that it meets what it would have met alone.

use super::super::call::Invocation;
use super::super::stack::{Alarm, Frames, Spot};
use super::super::{Run, Task};
use super::{Entered, Frame, Holds, LayerState};
use crate::hedge::{After, Due, Hedge, MOST, Race};
use crate::outcome::{Failure, Outcome};
use crate::trace::Verdict;
use squall_sim::{Key, Ticket};

/// A hedged call and its branches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Branches {
    race: Race,
    branches: [Key<Invocation>; MOST as usize],
}

/// The call that a branch belongs to, and the number of the branch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub(crate) call: Key<Invocation>,
    pub(crate) number: u8,
}

impl Owner {
    pub(super) const fn new(call: Key<Invocation>, number: u8) -> Self {
        Self { call, number }
    }
}

impl Run<'_> {
    fn hedge(&mut self, at: usize) -> &mut Hedge {
        match &mut self.state.layers[at] {
            LayerState::Hedge(hedge) => hedge,
            _ => unreachable!("the layer is a hedge"),
        }
    }

    pub(super) fn enter_hedge(&mut self, spot: Spot) -> Entered {
        let now = self.cx.now();
        let race = self.hedge(spot.at).begin(now);
        let branches = self.state.branches.insert(Branches { race, branches: [Key::NONE; MOST as usize] });
        self.frame(spot).holds = Holds::Branches(branches);
        self.set_hedge_timer(spot, branches);
        self.branch(spot, branches, 0);
        Entered::Waits
    }

    fn set_hedge_timer(&mut self, spot: Spot, branches: Key<Branches>) {
        let next = self.state.branches[branches].race.next();
        let old = self.frame(spot).timer;
        self.cx.cancel(old);
        let timer = next.map_or(Ticket::NONE, |next| self.cx.at(next, spot.event(Alarm::Hedge)));
        self.frame(spot).timer = timer;
    }

    /// Sends a branch.
    fn branch(&mut self, spot: Spot, branches: Key<Branches>, number: u8) {
        let (now, place) = (self.cx.now(), self.layer_plan(spot).place);
        let Spot { key, layer, .. } = spot;
        let call = self.state.invocations[key];
        let outside = self.state.frames[spot.frames];
        let mut layers = [Frame::NONE; crate::plan::MAX_LAYERS];
        layers[usize::from(layer)].deadline = outside.layers[usize::from(layer)].deadline;
        let (inside, owner) = (layer + 1, Some(Owner { call: key, number }));
        let frames = Frames { inside, base: inside, entries: 0, owner, layers, ..outside };
        let frames = self.state.frames.insert(frames);
        let luck = if number == 0 { call.luck } else { call.luck.child(place, number.into()) };
        let first = call.first && number == 0;
        let branch = Invocation { luck, frames, first, parent: Key::NONE, began: now, attempt: 0, ..call };
        let branch = self.state.invocations.insert(Invocation {
            call: Key::NONE,
            timer: Ticket::NONE,
            total_timer: Ticket::NONE,
            patience: Ticket::NONE,
            waiting: false,
            memory: 0,
            ..branch
        });
        self.state.branches[branches].branches[usize::from(number)] = branch;
        let stand = self.stand(branch);
        self.state.edges[call.edge.at()].totals.hedges += u64::from(number > 0);
        self.state.tasks.push(Task::Descend(branch, stand));
    }

    /// The time for a further attempt has come.
    pub(in super::super) fn hedge_due(&mut self, spot: Spot) {
        let (now, at) = (self.cx.now(), spot.at);
        let Holds::Branches(branches) = self.frame(spot).holds else { return };
        let mut race = self.state.branches[branches].race;
        let number = race.sent;
        let due = self.hedge(at).due(&mut race, now);
        self.state.branches[branches].race = race;
        match due {
            Due::Send => {
                self.traced_layer(spot.key, Verdict::Hedged);
                self.set_hedge_timer(spot, branches);
                self.branch(spot, branches, number);
            }
            Due::Hold => {}
            Due::Fail(failure) => self.decided(spot, Err(failure)),
        }
    }

    /// A branch, or the call of a fallback, has come to its outcome.
    pub(in super::super) fn branch_ended(&mut self, branch: Key<Invocation>, owner: Owner, outcome: Outcome) {
        let Owner { call: key, number } = owner;
        let record = self.state.invocations[branch];
        if record.edge != self.state.invocations[key].edge {
            return self.fallback_ended(branch, key, outcome);
        }
        self.state.invocations.free(branch);
        let call = &mut self.state.invocations[key];
        call.attempt += record.attempt;
        call.degraded |= record.degraded && outcome.is_ok();
        let spot = self.innermost(key);
        let Holds::Branches(branches) = self.frame(spot).holds else { unreachable!("a branch ends before its call") };
        let (now, at) = (self.cx.now(), spot.at);
        let mut race = self.state.branches[branches].race;
        let took = now.since(record.began);
        let after = self.hedge(at).ended(&mut race, now, (number, took), outcome, None);
        self.state.branches[branches].race = race;
        match after {
            After::Wait => self.set_hedge_timer(spot, branches),
            After::Final(outcome) => {
                let won = number > 0 && outcome.is_ok();
                self.state.edges[record.edge.at()].totals.hedge_wins += u64::from(won);
                self.decided(spot, outcome);
            }
        }
    }

    fn decided(&mut self, spot: Spot, outcome: Outcome) {
        let Holds::Branches(branches) = self.frame(spot).holds else { return };
        let timer = self.frame(spot).timer;
        self.cx.cancel(timer);
        self.end_branches(spot, branches);
        self.frame(spot).holds = Holds::Nothing;
        self.ascend(spot.key, outcome);
    }

    /// Gives up all branches that are under way.
    pub(super) fn end_branches(&mut self, spot: Spot, branches: Key<Branches>) {
        let Some(Branches { mut race, branches: all }) = self.state.branches.remove(branches) else { return };
        for branch in all {
            self.drop_branch(spot.key, branch);
        }
        self.hedge(spot.at).finish(&mut race);
    }

    fn drop_branch(&mut self, key: Key<Invocation>, branch: Key<Invocation>) {
        if self.state.invocations.get(branch).is_none() {
            return;
        }
        self.cut_all(branch, Failure::Cancelled);
        if let Some(record) = self.state.invocations.remove(branch) {
            self.cx.cancel(record.timer);
            self.state.invocations[key].attempt += record.attempt;
        }
    }

    /// A callee has begun to serve an attempt: if it is one of a tied pair, the other one is taken back.
    pub(in super::super) fn tied_started(&mut self, branch: Key<Invocation>) {
        let Some(record) = self.state.invocations.get(branch) else { return };
        let Some(owner) = self.state.frames.get(record.frames).and_then(|frames| frames.owner) else { return };
        let spot = self.innermost(owner.call);
        let Holds::Branches(branches) = self.frame(spot).holds else { return };
        let mut race = self.state.branches[branches].race;
        let others = self.hedge(spot.at).started(&mut race, owner.number);
        self.state.branches[branches].race = race;
        if others {
            let all = self.state.branches[branches].branches;
            let others = all.into_iter().zip(0..).filter(|(_, number)| *number != owner.number);
            others.for_each(|(other, _)| self.drop_branch(owner.call, other));
        }
    }

    /// The branches of a call that is hedged at the moment; none if it is not.
    pub(in super::super) fn branches_of(&self, call: &Invocation) -> [Key<Invocation>; MOST as usize] {
        let frames = self.state.frames.get(call.frames);
        let innermost = frames.and_then(|frames| frames.layers.get(usize::from(frames.inside).wrapping_sub(1)));
        match innermost.map(|frame| frame.holds) {
            Some(Holds::Branches(branches)) => self.state.branches[branches].branches,
            _ => [Key::NONE; MOST as usize],
        }
    }

    /// Whether some layer that a call has entered will end its wait by itself.
    pub(in super::super) fn timed(&self, call: &Invocation) -> bool {
        let frames = self.state.frames.get(call.frames);
        frames.is_some_and(|frames| {
            frames.layers[..usize::from(frames.inside)].iter().any(|frame| frame.timer != Ticket::NONE)
        })
    }
}
