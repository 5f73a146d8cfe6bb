//! What is to be done at this very instant. A stack instead of recursion: a world of calls that take no time must not
//! exhaust the machine's stack.

use super::call::{Call, Invocation};
use super::stack::Stand;
use crate::outcome::{Failure, Outcome};
use squall_sim::Key;

/// One thing to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    /// Go on with a call at its next instruction.
    Execute(Key<Call>),
    /// Make the next attempt.
    Attempt(Key<Invocation>),
    /// Go on inwards through the policies.
    Descend(Key<Invocation>, Stand),
    /// The policy that a call has come to sends it back.
    SendBack(Key<Invocation>, Stand, Failure),
    /// Go on with a call that waited for another.
    Resume { call: Key<Call>, outcome: Outcome },
    /// A call ends.
    Finish { call: Key<Call>, outcome: Outcome },
    /// A call that waits for a cache entry looks again.
    LookAgain(Key<Call>),
    /// Stop a call that nobody waits for.
    Cancel(Key<Call>),
    /// Something of the plan is exchanged, by its number.
    Exchange(u32),
}

/// What is to be done, the last that came first.
///
/// The top lies apart from the rest, because there is hardly ever more than one. Without a top there is no rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    top: Option<Task>,
    rest: Vec<Task>,
    /// What has been done at this instant, for the bound on it.
    pub(crate) done: u64,
}

impl Tasks {
    #[inline]
    pub(crate) fn push(&mut self, task: Task) {
        if let Some(below) = self.top.replace(task) {
            self.rest.push(below);
        }
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Task> {
        let top = self.top?;
        self.top = self.rest.pop();
        Some(top)
    }

    /// The call to go on with, if that is what is to be done next.
    #[inline]
    pub(crate) fn pop_execute(&mut self) -> Option<Key<Call>> {
        let Some(Task::Execute(call)) = self.top else { return None };
        self.top = self.rest.pop();
        Some(call)
    }

    pub(crate) fn len(&self) -> usize {
        self.rest.len() + usize::from(self.top.is_some())
    }

    /// Turns the order of the tasks round that came when there were so many already.
    pub(crate) fn reverse_from(&mut self, len: usize) {
        self.rest.extend(self.top.take());
        self.rest[len..].reverse();
        self.top = self.rest.pop();
    }
}
