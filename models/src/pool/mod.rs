//! Connection pools as the libraries behave: who opens connections and when, who waits for whom, what is thrown away.
//!
//! A pool is told what happens and answers with what is to be done. Its surroundings log in, send round trips and keep
//! clocks:
//!
//! ```text
//! start              the process begins (again)
//! acquire            somebody wants a connection: given, wait (and for how long), or none
//! connected          a log-in that Action::Connect asked for is over
//! tested             a round trip that Action::Test asked for is over
//! release            somebody gives a connection back
//! broken             somebody has found the connection dead, or has left it in the middle of something
//! died               the other end of a connection is gone; most libraries see that only at its next use
//! timed_out, leave   somebody has waited for as long as it was told to, or no longer waits
//! wake               the time is there that next_wake named
//! resize             from now on there are so many connections
//! clear              the process is gone, and everything with it
//! ```
//!
//! After each of these, the surroundings take all [`Action`]s with [`Pool::action`] and carry them out in order.
//! Randomness comes in with the calls that need it; each library says how many draws it makes.

pub mod adaptive;
mod book;
pub mod go_sql;
pub mod hikaricp;
pub mod pgbouncer;
pub mod sqlalchemy;

#[cfg(test)]
mod tests;

pub use book::{Action, Connection, Counts, Doing, Health, Late, Slot, Verdict};

use crate::outcome::Failure;
use book::Book;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// The library whose pool it is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// SQLAlchemy's `QueuePool`: some connections stay, further ones are opened and closed as needed.
    Sqlalchemy(sqlalchemy::Spec),
    /// HikariCP: one creator thread keeps the pool full; connections are tested before use.
    Hikaricp(hikaricp::Spec),
    /// PgBouncer: one log-in at a time, a pause after a failed one, a long wait in order of arrival.
    Pgbouncer(pgbouncer::Spec),
    /// Go's `database/sql`: unbounded unless told otherwise, two idle connections, waiters at random.
    GoSql(go_sql::Spec),
}

/// The libraries' pools at work.
#[derive(Clone, Debug)]
enum Library {
    Sqlalchemy(sqlalchemy::SqlAlchemy),
    Hikaricp(hikaricp::HikariCp),
    Pgbouncer(pgbouncer::PgBouncer),
    GoSql(go_sql::GoSql),
}

/// A pool at work, for users that are called `W`.
#[derive(Clone, Debug)]
pub struct Pool<W> {
    book: Book<W>,
    library: Library,
}

impl<W: Copy + PartialEq> Pool<W> {
    /// A pool before its process begins.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        let library = match spec {
            Spec::Sqlalchemy(spec) => Library::Sqlalchemy(sqlalchemy::SqlAlchemy::new(spec)),
            Spec::Hikaricp(spec) => Library::Hikaricp(hikaricp::HikariCp::new(spec)),
            Spec::Pgbouncer(spec) => Library::Pgbouncer(pgbouncer::PgBouncer::new(spec)),
            Spec::GoSql(spec) => Library::GoSql(go_sql::GoSql::new(spec)),
        };
        Self { book: Book::new(), library }
    }

    /// The process begins. Pools that are filled ahead begin with that.
    pub fn start(&mut self, now: Time) {
        match &mut self.library {
            Library::Hikaricp(pool) => pool.start(&mut self.book, now),
            Library::Pgbouncer(pool) => pool.start(&self.book, now),
            Library::Sqlalchemy(_) | Library::GoSql(_) => {}
        }
    }

    /// Somebody wants a connection.
    pub fn acquire(&mut self, now: Time, waiter: W) -> Verdict {
        let book = &mut self.book;
        match &mut self.library {
            Library::Sqlalchemy(pool) => pool.acquire(book, now, waiter),
            Library::Hikaricp(pool) => pool.acquire(book, now, waiter),
            Library::Pgbouncer(pool) => pool.acquire(book, now, waiter),
            Library::GoSql(pool) => pool.acquire(book, now, waiter),
        }
    }

    /// Somebody gives a connection back.
    pub fn release(&mut self, now: Time, slot: Slot, draws: &mut impl Draw) {
        let book = &mut self.book;
        match &mut self.library {
            Library::Sqlalchemy(pool) => pool.release(book, now, slot),
            Library::Hikaricp(pool) => pool.release(book, now, slot),
            Library::Pgbouncer(pool) => pool.release(book, now, slot),
            Library::GoSql(pool) => pool.release(book, now, slot, draws),
        }
    }

    /// A log-in is over.
    pub fn connected(&mut self, now: Time, slot: Slot, result: Result<(), Failure>, draws: &mut impl Draw) {
        let book = &mut self.book;
        match &mut self.library {
            Library::Sqlalchemy(pool) => pool.connected(book, now, slot, result),
            Library::Hikaricp(pool) => pool.connected(book, now, slot, result, draws),
            Library::Pgbouncer(pool) => pool.connected(book, now, slot, result),
            Library::GoSql(pool) => pool.connected(book, now, slot, result, draws),
        }
    }

    /// A round trip is over, with or without an answer.
    pub fn tested(&mut self, now: Time, slot: Slot, alive: bool) {
        let book = &mut self.book;
        match &mut self.library {
            Library::Sqlalchemy(pool) => pool.tested(book, now, slot, alive),
            Library::Hikaricp(pool) => pool.tested(book, now, slot, alive),
            Library::Pgbouncer(_) | Library::GoSql(_) => {}
        }
    }

    /// The user of a connection cannot go on with it: it was found `dead`, or an answer is still to come that nobody
    /// waits for. The user still has to give it back.
    pub fn broken(&mut self, now: Time, slot: Slot, dead: bool) {
        let book = &mut self.book;
        match &mut self.library {
            Library::Sqlalchemy(pool) => pool.broken(book, now, slot, dead),
            Library::Hikaricp(_) | Library::Pgbouncer(_) | Library::GoSql(_) => book.close(slot),
        }
    }

    /// The other end of a connection is gone, properly or without a word.
    pub fn died(&mut self, slot: Slot, health: Health) {
        let connection = self.book.get_mut(slot);
        if connection.health.is_some() {
            connection.health = Some(health);
        }
        if let Library::Pgbouncer(pool) = &mut self.library {
            pool.died(&mut self.book, slot);
        }
    }

    /// Somebody has waited for as long as [`Verdict::Wait`] said. A log-in or a test that is under way for that one is
    /// not cut short; what comes of it decides.
    pub fn timed_out(&mut self, waiter: W) -> Late {
        if !self.book.unqueue(waiter) {
            return Late::GoesOn;
        }
        match &mut self.library {
            Library::Sqlalchemy(pool) => pool.timed_out(&mut self.book, waiter),
            Library::Hikaricp(_) | Library::Pgbouncer(_) | Library::GoSql(_) => Late::Fails,
        }
    }

    /// Somebody who waits is gone. A log-in under way for that one goes on, for nobody in particular.
    pub fn leave(&mut self, waiter: W) {
        if !self.book.unqueue(waiter) {
            self.book.disown(waiter);
        }
    }

    /// When to [`wake`](Self::wake) the pool next.
    #[must_use]
    pub fn next_wake(&self) -> Time {
        match &self.library {
            Library::Hikaricp(pool) => pool.next_wake(),
            Library::Pgbouncer(pool) => pool.next_wake(),
            Library::GoSql(pool) => pool.next_wake(),
            Library::Sqlalchemy(_) => Time::MAX,
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Time) {
        let book = &mut self.book;
        match &mut self.library {
            Library::Hikaricp(pool) => pool.wake(book, now),
            Library::Pgbouncer(pool) => pool.wake(book, now),
            Library::GoSql(pool) => pool.wake(book, now),
            Library::Sqlalchemy(_) => {}
        }
    }

    /// From now on there are so many connections. Those in use beyond that go when they come back.
    pub fn resize(&mut self, now: Time, size: u32) {
        let book = &mut self.book;
        match &mut self.library {
            Library::Sqlalchemy(pool) => pool.resize(book, size),
            Library::Hikaricp(pool) => pool.resize(book, size),
            Library::Pgbouncer(pool) => pool.resize(book, now, size),
            Library::GoSql(pool) => pool.resize(book, size),
        }
    }

    /// The process is gone: nobody waits, and every connection is closed.
    pub fn clear(&mut self) {
        self.book.clear();
        match &mut self.library {
            Library::Sqlalchemy(pool) => pool.cleared(),
            Library::Hikaricp(pool) => pool.cleared(),
            Library::Pgbouncer(pool) => pool.cleared(),
            Library::GoSql(pool) => pool.cleared(),
        }
    }

    /// What is to be done next; call it until there is nothing.
    pub fn action(&mut self) -> Option<Action<W>> {
        self.book.actions.pop_front()
    }

    /// A slot and the connection in it.
    #[must_use]
    pub fn connection(&self, slot: Slot) -> &Connection<W> {
        self.book.get(slot)
    }

    /// All slots that are in use for anything.
    pub fn slots(&self) -> impl Iterator<Item = (Slot, &Connection<W>)> {
        self.book.slots()
    }

    /// How many slots are doing what.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.book.counts()
    }

    /// Who waits in line, not counting those for whom a log-in or test is under way.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.book.waiters.len()
    }

    /// The size that use is measured against: the connections that the library keeps.
    #[must_use]
    pub fn size(&self) -> u32 {
        match &self.library {
            Library::Sqlalchemy(pool) => pool.size(),
            Library::Hikaricp(pool) => pool.most(),
            Library::Pgbouncer(pool) => pool.size(),
            Library::GoSql(pool) => pool.size(),
        }
    }

    /// The most connections that there can be; none if there is no bound.
    #[must_use]
    pub fn most(&self) -> Option<u32> {
        match &self.library {
            Library::Sqlalchemy(pool) => pool.most(),
            Library::Hikaricp(pool) => Some(pool.most()),
            Library::Pgbouncer(pool) => Some(pool.most()),
            Library::GoSql(pool) => pool.most(),
        }
    }

    /// SQLAlchemy's overflow counter; none in other libraries.
    #[must_use]
    pub const fn overflow(&self) -> Option<i64> {
        match &self.library {
            Library::Sqlalchemy(pool) => Some(pool.overflow()),
            _ => None,
        }
    }

    /// How long the library itself lets a log-in take.
    #[must_use]
    pub const fn connect_timeout(&self) -> Option<Span> {
        match &self.library {
            Library::Pgbouncer(pool) => Some(pool.connect_timeout()),
            Library::Hikaricp(pool) => Some(pool.timeout()),
            Library::Sqlalchemy(_) | Library::GoSql(_) => None,
        }
    }

    /// What does not add up, if anything.
    ///
    /// # Errors
    /// A sentence with the numbers that should agree and do not.
    pub fn audit(&self) -> Result<(), String> {
        self.book.audit()?;
        match &self.library {
            Library::Sqlalchemy(pool) => pool.audit(&self.book),
            Library::Hikaricp(pool) => pool.audit(&self.book),
            Library::Pgbouncer(pool) => pool.audit(&self.book),
            Library::GoSql(pool) => pool.audit(&self.book),
        }
    }
}
