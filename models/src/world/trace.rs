//! Spans of a run that is traced. A run that is not has no recorder, and pays a look at a pointer.

use super::Run;
use super::call::{Call, Invocation};
use super::layer::Owner;
use crate::outcome::Outcome;
use crate::plan::LayerKind;
use crate::trace::{Kind, Note, Span, Verdict};
use squall_sim::{Key, Time};
use std::collections::BTreeMap;

/// Spans that are kept at most.
const MOST: usize = 2_000_000;

/// What is under way, by its place in a slab, and what is over.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    from: Time,
    to: Time,
    last: u64,
    calls: BTreeMap<usize, Span>,
    attempts: BTreeMap<usize, Span>,
    services: BTreeMap<usize, Span>,
    done: Vec<Span>,
    notes: Vec<Note>,
    cut: bool,
}

impl Recorder {
    pub(crate) fn new(from: Time, to: Time) -> Self {
        let (calls, attempts, services) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { from, to, last: 0, calls, attempts, services, done: Vec::new(), notes: Vec::new(), cut: false }
    }

    fn open(&mut self, parent: u64, invocation: &Invocation, now: Time, kind: Kind) -> Option<Span> {
        if now >= self.to {
            return None;
        }
        let under_way = self.calls.len() + self.attempts.len() + self.services.len();
        if self.done.len() + under_way >= MOST {
            self.cut = true;
            return None;
        }
        self.last += 1;
        let request = (invocation.client.at(), invocation.number);
        Some(Span { id: self.last, parent, request, begin: now, end: None, outcome: None, kind })
    }

    fn close(&mut self, span: Option<Span>, now: Time, outcome: Option<Outcome>) {
        if let Some(span) = span.filter(|_| now >= self.from) {
            self.done.push(Span { end: Some(now), outcome, ..span });
        }
    }

    /// Everything, with what is still under way.
    pub(crate) fn finish(self) -> (Vec<Span>, Vec<Note>, bool) {
        let mut all = self.done;
        all.extend(self.calls.into_values().chain(self.attempts.into_values()).chain(self.services.into_values()));
        all.sort_by_key(|span| span.id);
        // What was over before the part began has no span.
        let mut notes = self.notes;
        notes.retain(|note| all.binary_search_by_key(&note.span, |span| span.id).is_ok());
        notes.sort_by_key(|note| note.span);
        (all, notes, self.cut)
    }
}

impl LayerKind {
    /// The name of the policy, as in the file.
    const fn policy(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Retry(..) => "retry",
            Self::Breaker(_) => "breaker",
            Self::Bulkhead(_) => "bulkhead",
            Self::Limit(_) => "limit",
            Self::RateLimit(_) => "rate_limit",
            Self::Throttle(_) => "throttle",
            Self::Hedge(_) => "hedge",
            Self::Fallback(_) => "fallback",
        }
    }
}

/// Declares what the hot functions call: nothing more than a look at whether the run is traced.
macro_rules! hooks {
    ($($hook:ident => $record:ident($($name:ident: $kind:ty),*);)*) => {
        impl Run<'_> {
            $(
                #[inline(always)]
                pub(super) fn $hook(&mut self, $($name: $kind),*) {
                    if self.state.recorder.is_some() {
                        self.$record($($name),*);
                    }
                }
            )*
        }
    };
}

hooks! {
    traced_call => trace_call(key: Key<Invocation>);
    traced_attempt => trace_attempt(key: Key<Invocation>);
    traced_attempt_end => trace_attempt_end(key: Key<Invocation>, outcome: Option<Outcome>);
    traced_call_end => trace_call_end(key: Key<Invocation>, outcome: Option<Outcome>);
    traced_arrival => trace_arrival(key: Key<Call>);
    traced_start => trace_start(key: Key<Call>);
    traced_finish => trace_finish(key: Key<Call>, outcome: Outcome);
    traced_fallback => trace_fallback(key: Key<Invocation>, of: Key<Invocation>);
    traced_layer => trace_layer(key: Key<Invocation>, verdict: Verdict);
    traced_retry => trace_retry(key: Key<Invocation>);
    traced_timeout => trace_timeout(key: Key<Invocation>);
}

impl Run<'_> {
    /// A call over an edge begins.
    #[cold]
    #[inline(never)]
    fn trace_call(&mut self, key: Key<Invocation>) {
        let now = self.cx.now();
        let Some(invocation) = self.state.invocations.get(key) else { return };
        let mut caller = invocation.parent;
        // A strand is no call of its own: what it asks for is asked for by the call that it belongs to.
        while let Some(strand) = self.state.calls.get(caller).filter(|call| call.strand) {
            caller = strand.family.parent;
        }
        let Some(recorder) = &mut self.state.recorder else { return };
        let parent =
            if caller.is_none() { 0 } else { recorder.services.get(&caller.index()).map_or(0, |span| span.id) };
        // What was asked for before the part began has no span that it could be a part of.
        if parent == 0 && !caller.is_none() {
            return;
        }
        let kind = Kind::Call { edge: invocation.edge.at(), reloads: invocation.reloads, fallback: false };
        if let Some(span) = recorder.open(parent, invocation, now, kind) {
            recorder.calls.insert(key.index(), span);
        }
    }

    /// A fallback calls its own endpoint.
    #[cold]
    #[inline(never)]
    fn trace_fallback(&mut self, key: Key<Invocation>, of: Key<Invocation>) {
        let now = self.cx.now();
        let (whole, _) = self.whole(of);
        let Some(invocation) = self.state.invocations.get(key) else { return };
        let Some(recorder) = &mut self.state.recorder else { return };
        let Some(parent) = recorder.calls.get(&whole.index()).map(|span| span.id) else { return };
        let kind = Kind::Call { edge: invocation.edge.at(), reloads: invocation.reloads, fallback: true };
        if let Some(span) = recorder.open(parent, invocation, now, kind) {
            recorder.calls.insert(key.index(), span);
        }
    }

    /// The call that a branch of a hedge belongs to, and the number of the branch; of any other call itself, and 0.
    fn whole(&self, key: Key<Invocation>) -> (Key<Invocation>, u8) {
        let (mut whole, mut branch) = (key, 0);
        while let Some(invocation) = self.state.invocations.get(whole) {
            let owner = self.state.frames.get(invocation.frames).and_then(|frames| frames.owner);
            // The call of a fallback goes over another edge, and is a whole one.
            let same =
                |owner: &Owner| self.state.invocations.get(owner.call).is_some_and(|call| call.edge == invocation.edge);
            let Some(owner) = owner.filter(same) else { break };
            branch = branch.max(owner.number);
            whole = owner.call;
        }
        (whole, branch)
    }

    /// The innermost policy that a call has entered decides about it.
    #[cold]
    #[inline(never)]
    fn trace_layer(&mut self, key: Key<Invocation>, verdict: Verdict) {
        let Some(frames) = self.state.invocations.get(key).and_then(|call| self.state.frames.get(call.frames)) else {
            return;
        };
        let Some(layer) = frames.inside.checked_sub(1) else { return };
        let policy = self.plan.stacks[frames.stack.at()].layers[usize::from(layer)].kind.policy();
        // A hedge holds every call until one of its branches is back.
        if (policy, verdict) != ("hedge", Verdict::HeldBack) {
            self.note_down(key, policy, verdict);
        }
    }

    /// A call is tried again that has no other policies than a retry and timeouts.
    #[cold]
    #[inline(never)]
    fn trace_retry(&mut self, key: Key<Invocation>) {
        self.note_down(key, "retry", Verdict::TriedAgain);
    }

    /// A timeout of a stack has run out.
    #[cold]
    #[inline(never)]
    fn trace_timeout(&mut self, key: Key<Invocation>) {
        self.note_down(key, "timeout", Verdict::TimedOut);
    }

    fn note_down(&mut self, key: Key<Invocation>, policy: &'static str, verdict: Verdict) {
        let (at, (whole, _)) = (self.cx.now(), self.whole(key));
        let Some(recorder) = &mut self.state.recorder else { return };
        if let Some(span) = recorder.calls.get(&whole.index()).map(|span| span.id).filter(|_| at < recorder.to) {
            recorder.notes.push(Note { span, at, policy, verdict });
        }
    }

    /// An attempt of a call begins.
    #[cold]
    #[inline(never)]
    fn trace_attempt(&mut self, key: Key<Invocation>) {
        let now = self.cx.now();
        let (whole, branch) = self.whole(key);
        let Some(invocation) = self.state.invocations.get(key) else { return };
        let Some(recorder) = &mut self.state.recorder else { return };
        let Some(parent) = recorder.calls.get(&whole.index()).map(|span| span.id) else { return };
        let kind = Kind::Attempt { edge: invocation.edge.at(), number: invocation.attempt, branch };
        if let Some(span) = recorder.open(parent, invocation, now, kind) {
            recorder.attempts.insert(key.index(), span);
        }
    }

    /// The caller no longer waits for the attempt: it has its answer, or has lost patience.
    #[cold]
    #[inline(never)]
    fn trace_attempt_end(&mut self, key: Key<Invocation>, outcome: Option<Outcome>) {
        let now = self.cx.now();
        let Some(recorder) = &mut self.state.recorder else { return };
        let span = recorder.attempts.remove(&key.index());
        recorder.close(span, now, outcome);
    }

    /// A call over an edge is over.
    #[cold]
    #[inline(never)]
    fn trace_call_end(&mut self, key: Key<Invocation>, outcome: Option<Outcome>) {
        self.trace_attempt_end(key, None);
        let now = self.cx.now();
        let Some(recorder) = &mut self.state.recorder else { return };
        let span = recorder.calls.remove(&key.index());
        recorder.close(span, now, outcome);
    }

    /// An attempt reaches its callee.
    #[cold]
    #[inline(never)]
    fn trace_arrival(&mut self, key: Key<Call>) {
        let now = self.cx.now();
        let Some(call) = self.state.calls.get(key) else { return };
        let Some(invocation) = self.state.invocations.get(call.invocation) else { return };
        let service = call.service.at();
        let first = self.state.replicas.iter().position(|replica| replica.service == call.service).unwrap_or(0);
        let Some(recorder) = &mut self.state.recorder else { return };
        let Some(parent) = recorder.attempts.get(&call.invocation.index()).map(|span| span.id) else { return };
        let kind = Kind::Service { service, replica: call.replica.at() - first, started: None, wasted: false };
        if let Some(span) = recorder.open(parent, invocation, now, kind) {
            recorder.services.insert(key.index(), span);
        }
    }

    /// A worker has taken a call.
    #[cold]
    #[inline(never)]
    fn trace_start(&mut self, key: Key<Call>) {
        let now = self.cx.now();
        let Some(recorder) = &mut self.state.recorder else { return };
        if let Some(Span { kind: Kind::Service { started, .. }, .. }) = recorder.services.get_mut(&key.index()) {
            started.get_or_insert(now);
        }
    }

    /// A callee is done with a call.
    #[cold]
    #[inline(never)]
    fn trace_finish(&mut self, key: Key<Call>, outcome: Outcome) {
        let now = self.cx.now();
        let Some(call) = self.state.calls.get(key).filter(|call| !call.strand) else { return };
        let orphan = call.orphan;
        let Some(recorder) = &mut self.state.recorder else { return };
        let mut span = recorder.services.remove(&key.index());
        if let Some(Span { kind: Kind::Service { wasted, .. }, .. }) = &mut span {
            *wasted = orphan;
        }
        recorder.close(span, now, Some(outcome));
    }
}
