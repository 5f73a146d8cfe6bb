//! Strands: branches that run at once, and work that nobody waits for.

use super::call::{Call, Family, State as CallState};
use super::{Run, Task};
use crate::outcome::{Failure, Outcome};
use crate::plan::{Op, Pc};
use squall_sim::random::Place;
use squall_sim::{Key, Span, Ticket};

impl Run<'_> {
    /// Starts the branches of a `parallel`, and lets the call wait for them.
    pub(super) fn fork(&mut self, key: Key<Call>, table: u32) {
        let plan = self.plan;
        let parallel = &plan.parallels[table as usize];
        let call = &mut self.state.calls[key];
        call.state = CallState::Joining;
        call.since = self.cx.now();
        call.family.running = parallel.copies * parallel.branches.len() as u32;
        call.family.needed = parallel.need;
        let parent = *call;
        let first_task = self.state.tasks.len();
        let mut previous = Key::NONE;
        for copy in 0..parallel.copies {
            for &(start, place) in &parallel.branches {
                let strand = self.strand(&parent, start, place, copy);
                let call = &mut self.state.calls[strand];
                call.family.parent = key;
                call.family.previous = previous;
                match self.state.calls.get_mut(previous) {
                    Some(previous) => previous.family.next = strand,
                    None => self.state.calls[key].family.first = strand,
                }
                previous = strand;
                self.state.tasks.push(Task::Execute(strand));
            }
        }
        // The stack is worked off from its top: the first branch goes first.
        self.state.tasks.reverse_from(first_task);
    }

    /// Starts some steps that nobody waits for.
    pub(super) fn spawn(&mut self, key: Key<Call>, start: Pc, place: Place) {
        let parent = self.state.calls[key];
        let strand = self.strand(&parent, start, place, 0);
        self.state.tasks.push(Task::Execute(strand));
    }

    fn strand(&mut self, parent: &Call, start: Pc, place: Place, copy: u32) -> Key<Call> {
        if self.state.calls.len() as u64 >= self.plan.settings.limits.in_flight {
            self.overfull();
        }
        self.state.calls.insert(Call {
            invocation: Key::NONE,
            child: Key::NONE,
            luck: parent.luck.child(place, copy),
            work: Span::ZERO,
            timer: Ticket::NONE,
            pc: start,
            family: Family::NONE,
            open: 0,
            state: CallState::Ready,
            served: false,
            guarded: false,
            strand: true,
            renews: false,
            ..*parent
        })
    }

    /// A strand is over. It has been removed already.
    pub(super) fn strand_ended(&mut self, family: Family, outcome: Outcome) {
        let Family { parent, next, previous, .. } = family;
        if self.state.calls.get(parent).is_none() {
            return;
        }
        if let Some(next) = self.state.calls.get_mut(next) {
            next.family.previous = previous;
        }
        match self.state.calls.get_mut(previous) {
            Some(previous) => previous.family.next = next,
            None => self.state.calls[parent].family.first = next,
        }
        let call = &mut self.state.calls[parent];
        call.family.running -= 1;
        match outcome {
            Ok(()) => {
                call.family.needed -= 1;
                if call.family.needed == 0 {
                    self.join(parent);
                }
            }
            Err(failure) if call.family.running < call.family.needed => {
                call.state = CallState::Ready;
                self.disown_strands(parent);
                self.state.tasks.push(Task::Finish { call: parent, outcome: Err(failure) });
            }
            Err(_) => {}
        }
    }

    /// Enough branches have succeeded.
    fn join(&mut self, key: Key<Call>) {
        self.disown_strands(key);
        let call = &mut self.state.calls[key];
        call.state = CallState::Ready;
        let Op::Parallel { table } = self.plan.ops[call.pc.at()] else { unreachable!("only `parallel` joins") };
        call.pc = self.plan.parallels[table as usize].after;
        self.state.tasks.push(Task::Execute(key));
    }

    /// The strands that still run do so for nobody from now on.
    pub(super) fn disown_strands(&mut self, key: Key<Call>) {
        for strand in self.take_strands(key) {
            self.orphan(strand);
        }
    }

    pub(super) fn kill_strands(&mut self, key: Key<Call>, failure: Failure) {
        for strand in self.take_strands(key) {
            self.kill(strand, failure);
        }
    }

    /// Cuts all strands off their parent.
    fn take_strands(&mut self, key: Key<Call>) -> Vec<Key<Call>> {
        let mut strands = Vec::new();
        let Some(call) = self.state.calls.get_mut(key) else {
            return strands;
        };
        let mut next = std::mem::replace(&mut call.family.first, Key::NONE);
        while let Some(strand) = self.state.calls.get_mut(next) {
            strands.push(next);
            next = strand.family.next;
            let own = strand.family;
            strand.family = Family { first: own.first, running: own.running, needed: own.needed, ..Family::NONE };
        }
        strands
    }
}
