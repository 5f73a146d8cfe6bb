//! The book of a pool: which connections there are, what each is doing, who waits, and what is to be done next.
//!
//! All libraries keep the same book and differ in what they write into it. A slot is the place of one connection; with
//! [`SqlAlchemy`](super::sqlalchemy) it can outlive its connection and get another one.

use crate::outcome::Failure;
use squall_sim::random::Draw;
use squall_sim::{Span, Time};
use std::collections::VecDeque;

/// The place of one connection in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

impl Slot {
    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// What is known of a connection at its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Alive,
    /// The other end has closed it. The next use of it, or a test, shows that.
    Dead,
    /// The other end is gone without a word: whatever is sent gets no answer. A half-open connection.
    Silent,
}

/// What a slot is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Nothing; it may be used for another connection.
    Free,
    /// A log-in is under way.
    Connecting,
    /// Somebody makes sure that the connection works, or resets it.
    Testing,
    /// Waits to be used.
    Idle,
    /// In somebody's hands.
    Taken,
}

/// One slot, and the connection in it.
#[derive(Clone, Debug)]
pub struct Connection<W> {
    /// What the slot is doing.
    pub doing: Doing,
    /// How the connection is; none if the slot has lost its connection, or does not have it yet.
    pub health: Option<Health>,
    /// Which connection of the pool it is, counted from 1 in the order in which log-ins began.
    pub serial: u64,
    /// When the log-in was over.
    pub opened: Time,
    /// When it was last given back, tested or opened.
    pub used: Time,
    /// When it is to be closed for its age.
    pub expires: Time,
    /// When it is next to be tested while idle.
    pub beat: Time,
    /// It is not to be given to anybody any more.
    pub evicted: bool,
    /// The slot was made for this log-in, and goes if that fails.
    pub fresh: bool,
    /// Whom the log-in or test under way is for, with the time that the library needs to know.
    pub caller: Option<(W, Time)>,
}

/// What the surroundings of a pool are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<W> {
    /// Log in for this slot, and then say [`connected`](super::Pool::connected).
    Connect(Slot),
    /// Go to the server and back once over this connection, giving up after this long, and then say
    /// [`tested`](super::Pool::tested).
    Test(Slot, Option<Span>),
    /// This connection is now this waiter's.
    Give(Slot, W),
    /// This waiter gets no connection.
    Fail(W, Failure),
    /// Close the connection in this slot.
    Close(Slot),
}

/// What becomes of somebody who asks for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Here it is.
    Given(Slot),
    /// Wait; for as long as this at most, then say [`timed_out`](super::Pool::timed_out). Without a bound, wait.
    Wait(Option<Span>),
    /// None today.
    Failed(Failure),
}

/// What becomes of somebody who has waited for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// Gets none.
    Fails,
    /// Is being served after all, and waits for a log-in or a test.
    GoesOn,
}

/// How many slots are doing what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In somebody's hands.
    pub taken: u32,
    /// Waiting to be used.
    pub idle: u32,
    /// Logging in.
    pub connecting: u32,
    /// Being tested or reset.
    pub testing: u32,
}

impl Counts {
    /// All slots that are there.
    #[must_use]
    pub const fn total(&self) -> u32 {
        self.taken + self.idle + self.connecting + self.testing
    }
}

/// The book of a pool whose users are called `W`.
#[derive(Clone, Debug)]
pub(super) struct Book<W> {
    connections: Vec<Connection<W>>,
    free: Vec<Slot>,
    /// Idle slots in the order in which they became so.
    pub(super) idle: VecDeque<Slot>,
    /// Who waits, in the order of arrival, each with a time that the library needs to know.
    pub(super) waiters: VecDeque<(W, Time)>,
    pub(super) actions: VecDeque<Action<W>>,
    serial: u64,
    counts: Counts,
}

impl<W: Copy + PartialEq> Book<W> {
    pub(super) fn new() -> Self {
        Self {
            connections: Vec::new(),
            free: Vec::new(),
            idle: VecDeque::new(),
            waiters: VecDeque::new(),
            actions: VecDeque::new(),
            serial: 0,
            counts: Counts::default(),
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn get(&self, slot: Slot) -> &Connection<W> {
        &self.connections[slot.at()]
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> &mut Connection<W> {
        &mut self.connections[slot.at()]
    }

    /// All slots that are not free, by their numbers.
    pub(super) fn slots(&self) -> impl Iterator<Item = (Slot, &Connection<W>)> {
        let numbered = self.connections.iter().zip(0..).map(|(connection, at)| (Slot(at), connection));
        numbered.filter(|(_, connection)| connection.doing != Doing::Free)
    }

    const fn count(&mut self, doing: Doing) -> Option<&mut u32> {
        match doing {
            Doing::Free => None,
            Doing::Connecting => Some(&mut self.counts.connecting),
            Doing::Testing => Some(&mut self.counts.testing),
            Doing::Idle => Some(&mut self.counts.idle),
            Doing::Taken => Some(&mut self.counts.taken),
        }
    }

    fn change(&mut self, slot: Slot, doing: Doing) {
        let before = std::mem::replace(&mut self.connections[slot.at()].doing, doing);
        if let Some(count) = self.count(before) {
            *count -= 1;
        }
        if let Some(count) = self.count(doing) {
            *count += 1;
        }
    }

    /// Starts a log-in in a slot of its own.
    pub(super) fn open(&mut self, caller: Option<(W, Time)>) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.connections.push(Connection {
                doing: Doing::Free,
                health: None,
                serial: 0,
                opened: Time::ZERO,
                used: Time::ZERO,
                expires: Time::MAX,
                beat: Time::MAX,
                evicted: false,
                fresh: true,
                caller: None,
            });
            Slot(self.connections.len() as u32 - 1)
        });
        self.log_in(slot, caller, true);
        slot
    }

    /// Starts another log-in in a slot that has lost its connection. It is in no list.
    pub(super) fn reopen(&mut self, slot: Slot, caller: Option<(W, Time)>) {
        self.log_in(slot, caller, false);
    }

    fn log_in(&mut self, slot: Slot, caller: Option<(W, Time)>, fresh: bool) {
        self.serial += 1;
        let serial = self.serial;
        self.change(slot, Doing::Connecting);
        let connection = self.get_mut(slot);
        (connection.serial, connection.caller, connection.fresh) = (serial, caller, fresh);
        (connection.expires, connection.beat, connection.evicted) = (Time::MAX, Time::MAX, false);
        self.actions.push_back(Action::Connect(slot));
    }

    /// A log-in has succeeded; whom it was for, if that one still waits.
    pub(super) fn opened(&mut self, now: Time, slot: Slot) -> Option<(W, Time)> {
        let connection = self.get_mut(slot);
        connection.health = Some(Health::Alive);
        (connection.opened, connection.used) = (now, now);
        connection.caller.take()
    }

    /// Starts a round trip over a connection.
    pub(super) fn test(&mut self, slot: Slot, caller: Option<(W, Time)>, limit: Option<Span>) {
        self.change(slot, Doing::Testing);
        self.get_mut(slot).caller = caller;
        self.actions.push_back(Action::Test(slot, limit));
    }

    /// Puts a connection into somebody's hands.
    pub(super) fn take(&mut self, slot: Slot) {
        self.change(slot, Doing::Taken);
    }

    /// Puts a connection into the hands of somebody who waits.
    pub(super) fn give(&mut self, slot: Slot, waiter: W) {
        self.take(slot);
        self.actions.push_back(Action::Give(slot, waiter));
    }

    /// Puts a connection at the end of the idle ones.
    pub(super) fn rest(&mut self, slot: Slot) {
        self.change(slot, Doing::Idle);
        self.idle.push_back(slot);
    }

    /// Takes an idle connection out of the idle ones, wherever it stands. It must be put somewhere next.
    pub(super) fn unrest(&mut self, slot: Slot) {
        self.idle.retain(|&idle| idle != slot);
    }

    /// Closes the connection in a slot, if there is one. The slot stays.
    pub(super) fn close(&mut self, slot: Slot) {
        if self.get_mut(slot).health.take().is_some() {
            self.actions.push_back(Action::Close(slot));
        }
    }

    /// Closes the connection in a slot, if there is one, and frees the slot. It must be in no list.
    pub(super) fn remove(&mut self, slot: Slot) {
        self.close(slot);
        self.change(slot, Doing::Free);
        self.get_mut(slot).caller = None;
        self.free.push(slot);
    }

    /// Lets somebody wait.
    pub(super) fn queue(&mut self, waiter: W, time: Time) {
        self.waiters.push_back((waiter, time));
    }

    /// The waiter that a uniform draw picks. The last one takes the place of the one who goes.
    pub(super) fn any_waiter(&mut self, draws: &mut impl Draw) -> Option<(W, Time)> {
        if self.waiters.is_empty() {
            return None;
        }
        let at = draws.below(self.waiters.len() as u64) as usize;
        self.waiters.swap_remove_back(at)
    }

    /// Somebody no longer waits in the line; false if that one was not in it.
    pub(super) fn unqueue(&mut self, waiter: W) -> bool {
        let at = self.waiters.iter().position(|(known, _)| *known == waiter);
        at.is_some_and(|at| self.waiters.remove(at).is_some())
    }

    /// Somebody for whom a log-in or a test is under way no longer waits for it; false if there is none.
    pub(super) fn disown(&mut self, waiter: W) -> bool {
        let caller = self.connections.iter_mut().find(|c| c.caller.is_some_and(|(caller, _)| caller == waiter));
        caller.is_some_and(|connection| connection.caller.take().is_some())
    }

    /// All is lost at once: nobody waits, nothing is there. What was open is closed.
    pub(super) fn clear(&mut self) {
        self.idle.clear();
        self.waiters.clear();
        for at in 0..self.connections.len() {
            if self.connections[at].doing != Doing::Free {
                self.remove(Slot(at as u32));
            }
        }
    }

    /// What does not add up, if anything.
    pub(super) fn audit(&self) -> Result<(), String> {
        let count = |doing| self.connections.iter().filter(|connection| connection.doing == doing).count();
        let found = [Doing::Taken, Doing::Idle, Doing::Connecting, Doing::Testing].map(count);
        let Counts { taken, idle, connecting, testing } = self.counts;
        let booked = [taken, idle, connecting, testing].map(|count| count as usize);
        if found != booked {
            return Err(format!("taken, idle, connecting, testing: {booked:?} in the book, {found:?} found"));
        }
        let in_list = self.idle.iter().filter(|&&slot| self.get(slot).doing == Doing::Idle).count();
        if in_list != found[1] || self.idle.len() != in_list {
            return Err(format!("{} in the list of idle connections, {} idle", self.idle.len(), found[1]));
        }
        if self.free.len() + self.counts.total() as usize != self.connections.len() {
            return Err(format!("{} slots, of which {} are free", self.connections.len(), self.free.len()));
        }
        Ok(())
    }
}
