//! The loop: take the next event, hand it to the model, until there is none or a bound is reached.

use crate::digest::Digest;
use crate::queue::{Lane, Queue, Source, Ticket};
use crate::time::{Span, Time};

/// What is simulated: some state, and what each event does to it.
pub trait Model {
    /// What can happen. Make it a small closed enum.
    type Event: Copy;

    /// Something happens now.
    fn handle(&mut self, event: Self::Event, cx: &mut Context<Self::Event>);
}

/// What a model can do while it handles an event: look at the clock, schedule, cancel, note.
///
/// Whatever can be turned into an event can be scheduled, for a model that keeps its events in another form than it
/// speaks of them.
#[derive(Clone, Debug)]
pub struct Context<E> {
    now: Time,
    queue: Queue<E>,
    digest: Digest,
    stopped: bool,
}

/// Why [`Simulation::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The time was reached. What is due later is still pending.
    Time,
    /// Nothing is pending.
    Drained,
    /// The number of events was reached.
    Events,
    /// The model called [`Context::stop`].
    Stopped,
    /// More events were pending than the queue can hold.
    Overflow,
    /// An event was due before the present: a bug in the kernel. The run cannot be trusted.
    Backwards,
}

/// A model under way. Cloning it forks the run: both copies go on in the same way until something differs.
#[derive(Clone, Debug)]
pub struct Simulation<M: Model> {
    /// The model.
    pub model: M,
    context: Context<M::Event>,
    handled: u64,
}

impl<E: Copy> Context<E> {
    /// The present.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Schedules an event this long after now.
    #[inline(always)]
    pub fn after<F>(&mut self, span: Span, event: F) -> Ticket
    where
        E: From<F>,
    {
        self.queue.push(self.now + span, E::from(event))
    }

    /// Schedules an event at a time. One in the past happens now: time never goes back.
    #[inline(always)]
    pub fn at<F>(&mut self, time: Time, event: F) -> Ticket
    where
        E: From<F>,
    {
        self.queue.push(time.max(self.now), E::from(event))
    }

    /// Declares a delay that is the same on every use; events after it are cheaper to schedule and to cancel.
    pub fn lane(&mut self, delay: Span) -> Lane {
        self.queue.lane(delay)
    }

    /// Schedules an event after the delay of a lane.
    #[inline(always)]
    pub fn after_lane<F>(&mut self, lane: Lane, event: F) -> Ticket
    where
        E: From<F>,
    {
        self.queue.push_lane(lane, self.now, E::from(event))
    }

    /// Declares a source of an event that comes again and again, such as the arrivals of one client.
    pub fn source<F>(&mut self, event: F) -> Source
    where
        E: From<F>,
    {
        self.queue.source(E::from(event))
    }

    /// Schedules the next event of a source, in place of the one that was scheduled before and has not come. One in the
    /// past happens now.
    #[inline(always)]
    pub fn at_source(&mut self, source: Source, time: Time) {
        self.queue.push_source(source, time.max(self.now));
    }

    /// Takes an event back; false if it has happened or was taken back before.
    #[inline(always)]
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        self.queue.cancel(ticket)
    }

    /// Puts a fact into the run's digest.
    #[inline]
    pub fn note(&mut self, fact: u64) {
        self.digest.fold(fact);
    }

    /// Ends the run after this event.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// How many events are pending.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.queue.len()
    }
}

impl<M: Model> Simulation<M> {
    /// A model at time zero with nothing scheduled.
    pub fn new(model: M) -> Self {
        let context = Context { now: Time::ZERO, queue: Queue::default(), digest: Digest::default(), stopped: false };
        Self { model, context, handled: 0 }
    }

    /// The model and the context, to schedule the first events.
    pub fn parts(&mut self) -> (&mut M, &mut Context<M::Event>) {
        (&mut self.model, &mut self.context)
    }

    /// Handles events until `until` (those due at that very time included), or until `events` have been handled in
    /// all since the beginning.
    pub fn run(&mut self, until: Time, events: u64) -> Ended {
        // One test of both, for this is done at every event.
        while !(self.context.stopped | self.context.queue.overflowed()) {
            if self.handled >= events {
                return Ended::Events;
            }
            let Some((time, event)) = self.context.queue.pop(until) else {
                if self.context.queue.is_empty() {
                    return Ended::Drained;
                }
                self.context.now = until;
                return Ended::Time;
            };
            if time < self.context.now {
                return Ended::Backwards;
            }
            self.context.now = time;
            self.context.digest.fold(time.nanos());
            self.handled += 1;
            self.model.handle(event, &mut self.context);
        }
        if self.context.queue.overflowed() { Ended::Overflow } else { Ended::Stopped }
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Time {
        self.context.now
    }

    /// How many events were handled.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.handled
    }

    /// The digest of all that has happened so far.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.context.digest.value()
    }
}
