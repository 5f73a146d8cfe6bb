//! What one run did, request by request, over a part of its time: spans to look at in a trace viewer.

use crate::outcome::Outcome;
use crate::report::Report;
use squall_sim::Time;

/// A run that was traced.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    /// The same report as that of a run that was not.
    pub report: Report,
    /// Everything that began before the end of the part and ended after its beginning, in the order in which it began.
    pub spans: Vec<Span>,
    /// What policies did about the calls among them, by span and in order.
    pub notes: Vec<Note>,
    /// There were more spans than are kept; those that began later are missing.
    pub cut: bool,
}

/// Something that took time.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its number, from 1.
    pub id: u64,
    /// What it is a part of; 0 for a client's request.
    pub parent: u64,
    /// The number of the client, and of the request among its client's.
    pub request: (usize, u64),
    /// When it began.
    pub begin: Time,
    /// When it ended; none if it was still under way when the run ended.
    pub end: Option<Time>,
    /// How it came out, if it did.
    pub outcome: Option<Outcome>,
    /// What it is.
    pub kind: Kind,
}

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call over an edge with all its attempts; a client's request if it has no parent.
    Call {
        /// The number of the edge.
        edge: usize,
        /// How often the person had asked before.
        reloads: u16,
        /// It is a fallback's: made because the call that it is a part of failed.
        fallback: bool,
    },
    /// One attempt of a call, as its caller sees it.
    Attempt {
        /// The number of the edge.
        edge: usize,
        /// From 1, among those of its branch.
        number: u16,
        /// 0 for the call itself; the others are sent beside it, by a hedge.
        branch: u8,
    },
    /// The attempt as its callee sees it: from its arrival, through the wait for a worker, to the end.
    Service {
        /// The number of the service.
        service: usize,
        /// The replica among all replicas of the service.
        replica: usize,
        /// When a worker took it.
        started: Option<Time>,
        /// Nobody waited for the answer any more.
        wasted: bool,
    },
}

/// What a policy did about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// The number of the call's span.
    pub span: u64,
    /// When.
    pub at: Time,
    /// The kind of policy, as in the file.
    pub policy: &'static str,
    /// What it decided.
    pub verdict: Verdict,
}

/// What a policy decides about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does not let it pass.
    TurnedAway,
    /// It lets it wait.
    HeldBack,
    /// It no longer waits for an answer.
    TimedOut,
    /// It sends it once more.
    TriedAgain,
    /// It would, and its budget does not pay for it.
    NotTriedAgain,
    /// It sends another attempt beside those that are under way.
    Hedged,
    /// It gives another answer.
    FellBack,
}

impl Note {
    /// The verdict with its policy, in a few words.
    #[must_use]
    pub const fn words(&self) -> &'static str {
        match (self.verdict, self.policy.as_bytes()) {
            (Verdict::TurnedAway, b"breaker") => "breaker open",
            (Verdict::TurnedAway, b"bulkhead") => "bulkhead rejected",
            (Verdict::TurnedAway, b"limit") => "limit rejected",
            (Verdict::TurnedAway, b"rate_limit") => "rate limited",
            (Verdict::TurnedAway, b"throttle") => "throttled",
            (Verdict::TurnedAway, _) => "turned away",
            (Verdict::HeldBack, b"breaker") => "waits for breaker",
            (Verdict::HeldBack, b"bulkhead") => "waits for bulkhead",
            (Verdict::HeldBack, b"limit") => "waits for limit",
            (Verdict::HeldBack, b"rate_limit") => "waits for rate limit",
            (Verdict::HeldBack, b"throttle") => "waits for throttle",
            (Verdict::HeldBack, _) => "waits",
            (Verdict::TimedOut, _) => "timeout",
            (Verdict::TriedAgain, _) => "retry",
            (Verdict::NotTriedAgain, _) => "retry denied",
            (Verdict::Hedged, _) => "hedge",
            (Verdict::FellBack, _) => "fallback",
        }
    }
}
