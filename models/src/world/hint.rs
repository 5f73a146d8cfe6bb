//! What a call is told beside its outcome: when to come back, and whether a fallback has had a part in it.

use super::Run;
use super::call::{Call, Invocation};
use crate::outcome::Failure;
use crate::retry::Hint;
use squall_sim::{Key, Span};

impl Run<'_> {
    /// A callee turns a call away, and says when to come back if it knows.
    pub(super) fn tell_when(&mut self, key: Key<Call>, failure: Failure, back: Option<Span>) {
        if !speaks(failure) {
            return;
        }
        let call = &self.state.calls[key];
        let Some(back) = back.or(self.plan.services[call.service.at()].retry_after) else { return };
        let asked = call.invocation;
        if self.state.invocations.get(asked).is_some_and(|caller| caller.waiting && caller.call == key) {
            self.give_hint(asked, back);
        }
    }

    /// A call is told to come back after so long.
    pub(super) fn give_hint(&mut self, key: Key<Invocation>, back: Span) {
        self.state.hints.insert(key.raw(), back);
    }

    /// What a call was told when it failed like this.
    pub(super) fn take_hint(&mut self, key: Key<Invocation>, failure: Failure) -> Hint {
        if self.state.hints.len() == 0 {
            return Hint::None;
        }
        match self.state.hints.remove(key.raw()) {
            Some(back) if speaks(failure) => Hint::After(back),
            // The answer was lost on its way, or came too late.
            _ => Hint::None,
        }
    }

    /// What a call was told does not matter any more.
    pub(super) fn forget_hint(&mut self, key: Key<Invocation>) {
        if self.state.hints.len() > 0 {
            self.state.hints.remove(key.raw());
        }
    }

    /// A fallback has had a part in what a call has been told.
    #[cold]
    #[inline(never)]
    pub(super) fn degrade(&mut self, key: Key<Call>) {
        if let Some(call) = self.state.calls.get_mut(key) {
            call.degraded = true;
        }
    }
}

/// Whether a failure is one after which the callee can say when to come back.
const fn speaks(failure: Failure) -> bool {
    matches!(failure, Failure::Rejected | Failure::Shed | Failure::RateLimited)
}
