//! The two records of everything in flight: the caller's side of a call, and the callee's.

use super::caller::UNCOUNTED;
use super::stack::Frames;
use crate::plan::{ClientId, EdgeId, EndpointId, MAX_SCOPES, Pc, ReplicaId, ServiceId};
use squall_sim::random::Luck;
use squall_sim::{Key, Span, Ticket, Time};

/// The caller's side: one call over an edge, with all its attempts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invocation {
    /// The call that waits for this one; none for a client's request.
    pub(crate) parent: Key<Call>,
    /// The callee's side of the attempt under way; none while it is on the link or in backoff.
    pub(crate) call: Key<Call>,
    /// What the circumstances of this call follow from.
    pub(crate) luck: Luck,
    /// What the identity of the request follows from: its keys, its effects.
    pub(crate) root: Luck,
    /// The request's number among its client's.
    pub(crate) number: u64,
    pub(crate) began: Time,
    /// Until when the caller itself is asked to answer.
    pub(crate) deadline: Time,
    /// The attempt's timeout, or the backoff.
    pub(crate) timer: Ticket,
    pub(crate) total_timer: Ticket,
    pub(crate) patience: Ticket,
    /// Where it stands among the policies of its edge, if they need a record.
    pub(crate) frames: Key<Frames>,
    /// What the retry policy left here the last time.
    pub(crate) memory: u64,
    /// When the attempt under way was made, if a balancer counts it.
    pub(crate) sent: Time,
    pub(crate) edge: EdgeId,
    pub(crate) endpoint: EndpointId,
    pub(crate) client: ClientId,
    /// A closed-loop client's user.
    pub(crate) user: u32,
    /// The session of the request, from 1; 0 if there are none.
    pub(crate) session: u32,
    /// The caller's replica within its service, and the callee's.
    pub(crate) caller: u32,
    pub(crate) target: u32,
    pub(crate) depth: u32,
    // Next to a number that is zero at first as well: the two are written at once, and the processor can read the first
    // back while that is under way.
    pub(crate) attempt: u16,
    pub(crate) reloads: u16,
    /// The depth, from 1, of the scope of the caller whose connection this goes over; 0 for none.
    pub(crate) via: u8,
    pub(crate) priority: u8,
    /// An attempt is under way (as opposed to a backoff).
    pub(crate) waiting: bool,
    /// No retry or reload has led here.
    pub(crate) first: bool,
    /// Nobody waits for the caller's answer any more.
    pub(crate) orphan: bool,
    /// A fallback has had a part in the answer.
    pub(crate) degraded: bool,
}

/// What lies in a place that nobody has used yet.
impl Default for Invocation {
    fn default() -> Self {
        Self::new(EdgeId(0), EndpointId(0), Time::ZERO)
    }
}

impl Invocation {
    /// A call over an edge that begins now, for nobody yet.
    #[inline(always)]
    pub(crate) fn new(edge: EdgeId, endpoint: EndpointId, now: Time) -> Self {
        Self {
            parent: Key::NONE,
            call: Key::NONE,
            luck: Luck::new(0),
            root: Luck::new(0),
            number: 0,
            began: now,
            deadline: Time::MAX,
            timer: Ticket::NONE,
            total_timer: Ticket::NONE,
            patience: Ticket::NONE,
            frames: Key::NONE,
            memory: 0,
            sent: now,
            edge,
            endpoint,
            client: ClientId(0),
            user: 0,
            session: 0,
            caller: 0,
            target: UNCOUNTED,
            attempt: 0,
            depth: 0,
            reloads: 0,
            via: 0,
            priority: 0,
            waiting: false,
            first: false,
            orphan: false,
            degraded: false,
        }
    }
}

/// The callee's side: one attempt that is served, or a strand of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Who asked; none for a strand.
    pub(crate) invocation: Key<Invocation>,
    /// What this one waits for.
    pub(crate) child: Key<Invocation>,
    pub(crate) number: u64,
    pub(crate) luck: Luck,
    pub(crate) root: Luck,
    pub(crate) arrived: Time,
    /// When it came into its present state.
    pub(crate) since: Time,
    /// Work done so far, and the length of the piece under way.
    pub(crate) work: Span,
    pub(crate) piece: Span,
    pub(crate) deadline: Time,
    /// End of the work, of the wait for a worker or of the wait for a connection.
    pub(crate) timer: Ticket,
    pub(crate) family: Family,
    pub(crate) replica: ReplicaId,
    pub(crate) service: ServiceId,
    pub(crate) endpoint: EndpointId,
    pub(crate) pc: Pc,
    pub(crate) client: ClientId,
    // From here on what is zero at first lies together, and is written at once.
    pub(crate) depth: u32,
    /// As of the request.
    pub(crate) session: u32,
    pub(crate) scopes: [Pc; MAX_SCOPES],
    pub(crate) attempt: u16,
    pub(crate) open: u8,
    pub(crate) state: State,
    /// Holds a worker, or a place in a replica.
    pub(crate) served: bool,
    /// The guards of its replica have let it in, and hear of its end.
    pub(crate) guarded: bool,
    /// A branch of `parallel`, or spawned: runs within the replica of its parent, without a worker of its own.
    pub(crate) strand: bool,
    /// Sent to fill a cache, and done when that is filled.
    pub(crate) renews: bool,
    /// A fallback has had a part in what it has been told.
    pub(crate) degraded: bool,
    /// Nobody waits for the answer any more.
    pub(crate) orphan: bool,
    pub(crate) first: bool,
    pub(crate) priority: u8,
}

/// Where a call goes: the callee, one of its replicas, and its program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) service: ServiceId,
    pub(crate) replica: ReplicaId,
    pub(crate) pc: Pc,
}

/// What lies in a place that nobody has used yet.
impl Default for Call {
    fn default() -> Self {
        let nowhere = Destination { service: ServiceId(0), replica: ReplicaId(0), pc: Pc(0) };
        Self::new((Key::NONE, &Invocation::default()), nowhere, (0, Luck::default()), (Time::ZERO, Time::MAX))
    }
}

impl Call {
    /// The callee's side of an attempt that is made now.
    #[inline(always)]
    pub(crate) fn new(
        (key, caller): (Key<Invocation>, &Invocation),
        to: Destination,
        (attempt, luck): (u16, Luck),
        (now, deadline): (Time, Time),
    ) -> Self {
        Self {
            invocation: key,
            child: Key::NONE,
            luck,
            root: caller.root,
            number: caller.number,
            arrived: now,
            since: now,
            deadline,
            work: Span::ZERO,
            piece: Span::ZERO,
            timer: Ticket::NONE,
            replica: to.replica,
            service: to.service,
            endpoint: caller.endpoint,
            pc: to.pc,
            family: Family::NONE,
            scopes: [Pc(0); MAX_SCOPES],
            open: 0,
            attempt,
            depth: caller.depth,
            client: caller.client,
            session: caller.session,
            priority: caller.priority,
            state: State::Transit,
            orphan: caller.orphan,
            first: caller.first && attempt == 1,
            served: false,
            guarded: false,
            strand: false,
            renews: false,
            degraded: false,
        }
    }
}

impl Call {
    /// It has come to a replica that stands still, and waits to be let in.
    pub(crate) fn is_outside(&self) -> bool {
        self.state == State::Frozen && !self.served && !self.strand
    }
}

/// How strands hang together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub(crate) parent: Key<Call>,
    pub(crate) first: Key<Call>,
    pub(crate) next: Key<Call>,
    pub(crate) previous: Key<Call>,
    /// Strands still running, and successes still needed.
    pub(crate) running: u32,
    pub(crate) needed: u32,
}

impl Family {
    pub(crate) const NONE: Self =
        Self { parent: Key::NONE, first: Key::NONE, next: Key::NONE, previous: Key::NONE, running: 0, needed: 0 };
}

/// What a call is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// On the link to its callee.
    Transit,
    /// Waits for a worker.
    Queued,
    /// Is about to go on, at this very instant.
    Ready,
    Working,
    Sleeping,
    /// Waits for the answer of `child`.
    Calling,
    /// Waits for a connection.
    WaitingForPool,
    /// Waits for another one's fill of the same cache key.
    WaitingForFill,
    /// Waits for its strands.
    Joining,
    /// Stands still, at work or at the door, because its replica hangs.
    Frozen,
}

/// Somebody who will press reload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reload {
    pub(crate) client: ClientId,
    pub(crate) root: Luck,
    pub(crate) number: u64,
    pub(crate) reloads: u16,
}
