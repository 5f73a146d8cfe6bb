//! SQLAlchemy's `QueuePool`: a queue of idle connections, and a count of how many more may be opened.
//!
//! Source: SQLAlchemy 2.1.9, `pool/impl.py` and `pool/base.py`. It draws nothing.
//!
//! - The pool begins empty. The overflow counter begins at minus `pool_size` and counts everything that is open, so the
//!   first `pool_size` connections to come back stay and later ones are closed, whichever of them was "overflow".
//! - Whoever finds no idle connection opens one itself, which `timeout` does not bound. When that fails, nobody else in
//!   the line hears of it; a waiter looks at the counter again only when its own time is over, and may then open one.
//! - A slot can lose its connection (recycled, invalidated) and is then used like any other: the next user connects.

use super::Action;
use super::book::{Book, Late, Slot, Verdict};
use crate::outcome::Failure;
use crate::spec::Limit;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// SQLAlchemy's `QueuePool`: the first `pool_size` connections to come back stay open, and up to `max_overflow` more are
/// opened when none is idle, each by whoever needs it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Connections that stay open when idle; 5 by default. 0 keeps and opens as many as are asked for.
    #[serde(default = "five")]
    pub pool_size: u32,
    /// Further connections when all of those are taken; 10 by default.
    #[serde(default = "ten")]
    pub max_overflow: Limit,
    /// How long to wait for one before failing with `pool_timeout`; 30 s by default.
    #[serde(default = "half_a_minute")]
    pub timeout: Duration,
    /// A connection older than this when it is taken is closed and opened again; never by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recycle: Option<Duration>,
    /// One round trip before a connection is handed out. If it fails, all connections opened before that are opened again
    /// when they are next taken.
    #[serde(default)]
    pub pre_ping: bool,
    /// Hand out the connection that came back last instead of the one that has been idle longest.
    #[serde(default)]
    pub use_lifo: bool,
    /// One round trip (a rollback) when a connection comes back, during which nobody else can have it; on by default.
    #[serde(default = "yes")]
    pub reset_on_return: bool,
}

fn five() -> u32 {
    5
}

fn ten() -> Limit {
    Limit::At(10)
}

fn half_a_minute() -> Duration {
    Duration::from_seconds(30.0)
}

fn yes() -> bool {
    true
}

/// The pool at work.
#[derive(Clone, Debug)]
pub struct SqlAlchemy {
    size: u32,
    most_overflow: Option<i64>,
    timeout: Span,
    recycle: Option<Span>,
    pre_ping: bool,
    lifo: bool,
    reset: bool,
    /// Open slots, less `size`.
    overflow: i64,
    /// Connections opened before this are to be opened again.
    invalidated: Time,
}

impl SqlAlchemy {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            size: spec.pool_size,
            most_overflow: match spec.max_overflow {
                Limit::At(most) if spec.pool_size > 0 => Some(i64::try_from(most).unwrap_or(i64::MAX)),
                _ => None,
            },
            timeout: spec.timeout.span(),
            recycle: spec.recycle.map(|age| age.span()),
            pre_ping: spec.pre_ping,
            lifo: spec.use_lifo,
            reset: spec.reset_on_return,
            overflow: -i64::from(spec.pool_size),
            invalidated: Time::ZERO,
        }
    }

    pub(super) const fn size(&self) -> u32 {
        self.size
    }

    /// Slots that there can be.
    pub(super) fn most(&self) -> Option<u32> {
        let most = i64::from(self.size).saturating_add(self.most_overflow?);
        Some(u32::try_from(most).unwrap_or(u32::MAX))
    }

    /// The overflow counter.
    pub(super) const fn overflow(&self) -> i64 {
        self.overflow
    }

    fn may_open(&self) -> bool {
        self.most_overflow.is_none_or(|most| self.overflow < most)
    }

    pub(super) fn acquire<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, waiter: W) -> Verdict {
        let idle = if self.lifo { book.idle.pop_back() } else { book.idle.pop_front() };
        if let Some(slot) = idle {
            return self.check_out(book, now, slot, waiter);
        }
        if self.may_open() {
            self.overflow += 1;
            book.open(Some((waiter, Time::MAX)));
            return Verdict::Wait(None);
        }
        book.queue(waiter, now + self.timeout);
        Verdict::Wait(Some(self.timeout))
    }

    /// Makes a slot ready for its next user.
    fn check_out<W: Copy + PartialEq>(&self, book: &mut Book<W>, now: Time, slot: Slot, waiter: W) -> Verdict {
        let caller = Some((waiter, Time::MAX));
        let connection = book.get(slot);
        let old = self.recycle.is_some_and(|age| now.since(connection.opened) > age);
        if connection.health.is_none() || old || self.invalidated > connection.opened {
            book.close(slot);
            book.reopen(slot, caller);
            return Verdict::Wait(None);
        }
        if self.pre_ping {
            book.test(slot, caller, None);
            return Verdict::Wait(None);
        }
        book.take(slot);
        Verdict::Given(slot)
    }

    pub(super) fn connected<W: Copy + PartialEq>(
        &mut self,
        book: &mut Book<W>,
        now: Time,
        slot: Slot,
        result: Result<(), Failure>,
    ) {
        match result {
            Ok(()) => match book.opened(now, slot) {
                Some((caller, _)) => book.give(slot, caller),
                None => self.put_back(book, now, slot),
            },
            Err(failure) => {
                let caller = book.get_mut(slot).caller.take();
                if let Some((caller, _)) = caller {
                    book.actions.push_back(Action::Fail(caller, failure));
                }
                if book.get(slot).fresh {
                    self.overflow -= 1;
                    book.remove(slot);
                } else {
                    self.put_back(book, now, slot);
                }
            }
        }
    }

    pub(super) fn tested<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, slot: Slot, alive: bool) {
        let caller = book.get_mut(slot).caller.take();
        if !alive {
            // A failed ping speaks for all connections, a failed reset for its own.
            if caller.is_some() {
                self.invalidate_all(now, book.get(slot).opened);
            }
            book.close(slot);
        }
        match caller {
            Some(caller) if alive => book.give(slot, caller.0),
            Some(caller) => book.reopen(slot, Some(caller)),
            None => self.put_back(book, now, slot),
        }
    }

    pub(super) fn release<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, slot: Slot) {
        if self.reset && book.get(slot).health.is_some() {
            book.test(slot, None, None);
        } else {
            self.put_back(book, now, slot);
        }
    }

    /// A slot comes back: to who waits longest, to the idle ones, or out of the pool.
    fn put_back<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, slot: Slot) {
        book.get_mut(slot).used = now;
        // After the pool was made smaller there are slots too many, whoever waits.
        if self.most_overflow.is_some_and(|most| self.overflow > most) {
            self.overflow -= 1;
            book.remove(slot);
        } else if let Some((waiter, _)) = book.waiters.pop_front() {
            if let Verdict::Given(slot) = self.check_out(book, now, slot, waiter) {
                book.actions.push_back(Action::Give(slot, waiter));
            }
        } else if self.size > 0 && book.idle.len() >= self.size as usize {
            self.overflow -= 1;
            book.remove(slot);
        } else {
            book.rest(slot);
        }
    }

    /// A user has found the connection dead, or has left it in the middle of something.
    pub(super) fn broken<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, slot: Slot, dead: bool) {
        if dead {
            self.invalidate_all(now, book.get(slot).opened);
        }
        book.close(slot);
    }

    fn invalidate_all(&mut self, now: Time, opened: Time) {
        // One that was opened after the last time says something new; an older one was known to be gone.
        if self.invalidated < opened || self.invalidated == Time::ZERO {
            self.invalidated = now;
        }
    }

    /// Somebody who has left the line looks at the counter once more.
    pub(super) fn timed_out<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, waiter: W) -> Late {
        if !self.may_open() {
            return Late::Fails;
        }
        self.overflow += 1;
        book.open(Some((waiter, Time::MAX)));
        Late::GoesOn
    }

    pub(super) fn resize<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, size: u32) {
        self.overflow += i64::from(self.size) - i64::from(size);
        self.size = size;
        while self.size > 0 && book.idle.len() > self.size as usize {
            let Some(slot) = book.idle.pop_front() else { break };
            self.overflow -= 1;
            book.remove(slot);
        }
        while self.may_open() {
            let Some((waiter, _)) = book.waiters.pop_front() else { break };
            self.overflow += 1;
            book.open(Some((waiter, Time::MAX)));
        }
    }

    pub(super) fn cleared(&mut self) {
        self.overflow = -i64::from(self.size);
    }

    /// Every open slot is counted.
    pub(super) fn audit<W: Copy + PartialEq>(&self, book: &Book<W>) -> Result<(), String> {
        let open = i64::from(self.size) + self.overflow;
        let total = i64::from(book.counts().total());
        if open == total { Ok(()) } else { Err(format!("the overflow counter says {open} slots, there are {total}")) }
    }
}
