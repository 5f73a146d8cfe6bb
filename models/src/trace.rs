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
    },
    /// One attempt of a call, as its caller sees it.
    Attempt {
        /// The number of the edge.
        edge: usize,
        /// From 1.
        number: u16,
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
