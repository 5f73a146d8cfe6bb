//! Go's `database/sql`: a last-in, first-out list of idle connections, and waiters served in no order.
//!
//! Source: Go 1.27.3, `database/sql/sql.go`.
//!
//! - Without `max_open` nobody ever waits for another one's connection. With it, who waits is served at random: one draw
//!   for each connection that goes to a waiter, or for each failed log-in that a waiter is told of.
//! - Nobody's wait is bounded but by the caller's own deadline.
//! - Only `max_idle` connections stay open when they come back. With the default of 2 a burst of twenty opens eighteen
//!   anew each time.
//! - A connection that proves to be closed when it is taken is tried again: twice from the idle ones, then with a new one.
//! - Whoever finds room opens a connection itself. For who waits, one opener logs in, one connection after the other.

use super::Action;
use super::book::{Book, Health, Slot, Verdict};
use crate::outcome::Failure;
use crate::spec::Limit;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// Go's `database/sql`: opens as many connections as are asked for unless told otherwise, keeps two, and serves who
/// waits in random order.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Connections that can be open at once (`SetMaxOpenConns`); no bound by default.
    #[serde(default)]
    pub max_open: Limit,
    /// Idle connections that are kept (`SetMaxIdleConns`); 2 by default, and never more than `max_open`.
    #[serde(default = "two")]
    pub max_idle: u32,
    /// How old a connection can be when it is taken (`SetConnMaxLifetime`); no bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<Duration>,
    /// How long a connection can be idle (`SetConnMaxIdleTime`); no bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_idle_time: Option<Duration>,
}

fn two() -> u32 {
    2
}

/// Connections from the idle ones that may prove closed before a new one is opened.
const BAD_TRIES: u32 = 2;
/// The cleaner does not come more often than this.
const CLEANER_PAUSE: Span = Span::from_secs(1);

/// The pool at work.
#[derive(Clone, Debug)]
pub struct GoSql {
    most: Option<u32>,
    max_idle: u32,
    kept: u32,
    lifetime: Option<Span>,
    idle_time: Option<Span>,
    /// Connections that are open, being opened, or promised.
    open: u32,
    /// Promised to the opener, which has not begun with them.
    promised: u32,
    opening: Option<Slot>,
    cleaner: Time,
}

impl GoSql {
    pub(super) fn new(spec: &Spec) -> Self {
        let most = match spec.max_open {
            Limit::At(most) if most > 0 => Some(u32::try_from(most).unwrap_or(u32::MAX)),
            _ => None,
        };
        Self {
            most,
            max_idle: spec.max_idle.min(most.unwrap_or(u32::MAX)),
            kept: spec.max_idle,
            lifetime: spec.max_lifetime.map(|age| age.span()),
            idle_time: spec.max_idle_time.map(|age| age.span()),
            open: 0,
            promised: 0,
            opening: None,
            cleaner: Time::MAX,
        }
    }

    pub(super) const fn most(&self) -> Option<u32> {
        self.most
    }

    /// What the pool is measured against: its bound, or without one what it keeps.
    pub(super) fn size(&self) -> u32 {
        self.most.unwrap_or(self.max_idle)
    }

    pub(super) const fn next_wake(&self) -> Time {
        self.cleaner
    }

    fn room(&self) -> bool {
        self.most.is_none_or(|most| self.open < most)
    }

    fn expired<W>(&self, now: Time, connection: &super::book::Connection<W>) -> bool {
        self.lifetime.is_some_and(|age| now.since(connection.opened) > age)
    }

    pub(super) fn acquire<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, waiter: W) -> Verdict {
        let mut bad = 0;
        while bad < BAD_TRIES
            && let Some(slot) = book.idle.pop_back()
        {
            let connection = book.get(slot);
            if connection.health != Some(Health::Dead) && !self.expired(now, connection) {
                book.take(slot);
                return Verdict::Given(slot);
            }
            bad += 1;
            self.drop_one(book, slot);
        }
        if self.room() {
            self.open += 1;
            book.open(Some((waiter, Time::MAX)));
        } else {
            book.queue(waiter, Time::MAX);
        }
        Verdict::Wait(None)
    }

    /// Closes a connection for good; that makes room for somebody who waits.
    fn drop_one<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, slot: Slot) {
        book.remove(slot);
        self.open -= 1;
        self.make_up(book);
    }

    /// Promises as many connections as there are waiters and room.
    fn make_up<W: Copy + PartialEq>(&mut self, book: &mut Book<W>) {
        let room = self.most.map_or(u32::MAX, |most| most.saturating_sub(self.open));
        let wanted = (book.waiters.len() as u32).min(room);
        self.open += wanted;
        self.promised += wanted;
        self.open_next(book);
    }

    fn open_next<W: Copy + PartialEq>(&mut self, book: &mut Book<W>) {
        if self.opening.is_none() && self.promised > 0 {
            self.promised -= 1;
            self.opening = Some(book.open(None));
        }
    }

    pub(super) fn connected<W: Copy + PartialEq>(
        &mut self,
        book: &mut Book<W>,
        now: Time,
        slot: Slot,
        result: Result<(), Failure>,
        draws: &mut impl Draw,
    ) {
        let by_opener = self.opening == Some(slot);
        if by_opener {
            self.opening = None;
        }
        match result {
            Ok(()) => match book.opened(now, slot) {
                Some((caller, _)) => book.give(slot, caller),
                None => self.put(book, now, slot, draws),
            },
            Err(failure) => {
                let told = if by_opener { book.any_waiter(draws) } else { book.get_mut(slot).caller.take() };
                if let Some((waiter, _)) = told {
                    book.actions.push_back(Action::Fail(waiter, failure));
                }
                self.drop_one(book, slot);
            }
        }
        self.open_next(book);
    }

    pub(super) fn release<W: Copy + PartialEq>(
        &mut self,
        book: &mut Book<W>,
        now: Time,
        slot: Slot,
        draws: &mut impl Draw,
    ) {
        if book.get(slot).health == Some(Health::Dead) || book.get(slot).health.is_none() {
            return self.drop_one(book, slot);
        }
        self.put(book, now, slot, draws);
    }

    /// A connection goes to any of those who wait, to the idle ones, or is closed.
    fn put<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, slot: Slot, draws: &mut impl Draw) {
        book.get_mut(slot).used = now;
        if self.most.is_some_and(|most| self.open > most) {
            return self.drop_one(book, slot);
        }
        if let Some((waiter, _)) = book.any_waiter(draws) {
            if self.expired(now, book.get(slot)) {
                self.drop_one(book, slot);
                if let Verdict::Given(slot) = self.acquire(book, now, waiter) {
                    book.actions.push_back(Action::Give(slot, waiter));
                }
                return;
            }
            return book.give(slot, waiter);
        }
        if book.idle.len() >= self.max_idle as usize {
            return self.drop_one(book, slot);
        }
        book.rest(slot);
        self.start_cleaner(now);
    }

    /// The shorter of the two ages.
    fn shortest(&self) -> Option<Span> {
        match (self.lifetime, self.idle_time) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    fn start_cleaner(&mut self, now: Time) {
        if let Some(pause) = self.shortest()
            && self.cleaner == Time::MAX
        {
            self.cleaner = now + pause.max(CLEANER_PAUSE);
        }
    }

    /// The cleaner closes idle connections that are too old, or have been idle for too long.
    pub(super) fn wake<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time) {
        if now < self.cleaner {
            return;
        }
        self.cleaner = Time::MAX;
        let Some(mut pause) = self.shortest().filter(|_| self.open > 0) else { return };
        let mut gone = Vec::new();
        for &slot in &book.idle {
            let connection = book.get(slot);
            let ages = [(self.lifetime, connection.opened), (self.idle_time, connection.used)];
            for (age, since) in ages.into_iter().filter_map(|(age, since)| Some((age?, since))) {
                let lived = now.since(since);
                if lived > age {
                    gone.push(slot);
                    break;
                }
                pause = pause.min(age - lived);
            }
        }
        for slot in gone {
            book.unrest(slot);
            self.drop_one(book, slot);
        }
        self.cleaner = now + pause.max(CLEANER_PAUSE);
    }

    pub(super) fn resize<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, size: u32) {
        self.most = Some(size).filter(|&size| size > 0);
        self.max_idle = self.kept.min(self.most.unwrap_or(u32::MAX));
        while book.idle.len() > self.max_idle as usize {
            let Some(slot) = book.idle.pop_front() else { break };
            self.drop_one(book, slot);
        }
        self.make_up(book);
    }

    pub(super) fn cleared(&mut self) {
        (self.open, self.promised, self.opening, self.cleaner) = (0, 0, None, Time::MAX);
    }

    /// Every connection is counted.
    pub(super) fn audit<W: Copy + PartialEq>(&self, book: &Book<W>) -> Result<(), String> {
        let total = book.counts().total() + self.promised;
        if total == self.open { Ok(()) } else { Err(format!("{} counted as open, there are {total}", self.open)) }
    }
}
