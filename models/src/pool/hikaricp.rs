//! HikariCP: a bag of connections that one creator thread keeps full.
//!
//! Source: HikariCP 6.0.0, `HikariPool`, `ConcurrentBag` and `HikariConfig`. It makes two draws for each connection that
//! is opened with `max_lifetime` and `keepalive_time` in force, one for either: the variance of each.
//!
//! - Whoever finds no idle connection asks the creator for one and waits in line. The creator opens one connection at a
//!   time and rests for 30 ms after each; after a failure it rests 10 ms, then 20 ms, and so on up to 5 s.
//! - A connection that was used within the last 500 ms is handed out as it is; any other is tested first. A dead one is
//!   closed, and what is left of the time is used to try again.
//! - A connection reaches the end of its life in the pool: if somebody has it, it is closed when it comes back.
//! - The housekeeper comes every 30 s, for the first time after 100 ms.
//!
//! Here the bag is searched from its oldest connection on. The library looks first at what the calling thread returned
//! last, but requests here are not threads.

use super::Action;
use super::book::{Book, Doing, Slot, Verdict};
use crate::outcome::Failure;
use crate::units::{Duration, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// HikariCP: a pool of fixed size by default, filled by one creator thread, with connections that are tested before use
/// and do not grow old.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Connections that there can be, idle and in use; 10 by default.
    #[serde(default = "ten")]
    pub maximum_pool_size: u32,
    /// Idle connections that the pool tries to have ready; as many as there can be by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_idle: Option<u32>,
    /// How long to wait for a connection before failing with `pool_timeout`; 30 s by default.
    #[serde(default = "half_a_minute")]
    pub connection_timeout: Duration,
    /// How long a test may take before the connection counts as dead; 5 s by default.
    #[serde(default = "five_seconds")]
    pub validation_timeout: Duration,
    /// How long a connection can be idle while there are more than `minimum_idle`; 10 min by default.
    #[serde(default = "ten_minutes")]
    pub idle_timeout: Duration,
    /// How old a connection can get, less a random part; 30 min by default. 0 is for ever.
    #[serde(default = "half_an_hour")]
    pub max_lifetime: Duration,
    /// The largest part of `max_lifetime` that is taken off at random; 2.5 % by default.
    #[serde(default = "little")]
    pub lifetime_variance: Share,
    /// How often an idle connection is tested, less a random tenth; never by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive_time: Option<Duration>,
    /// A connection that was used within this time is handed out without a test; 500 ms by default.
    #[serde(default = "half_a_second")]
    pub alive_bypass: Duration,
    /// Connections held for longer than this are counted as leaks; not counted by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak_detection_threshold: Option<Duration>,
}

fn ten() -> u32 {
    10
}

fn half_a_second() -> Duration {
    Duration::from_seconds(0.5)
}

fn five_seconds() -> Duration {
    Duration::from_seconds(5.0)
}

fn half_a_minute() -> Duration {
    Duration::from_seconds(30.0)
}

fn ten_minutes() -> Duration {
    Duration::from_seconds(600.0)
}

fn half_an_hour() -> Duration {
    Duration::from_seconds(1800.0)
}

fn little() -> Share {
    Share::new(0.025)
}

/// The creator's rest after a connection.
const GAP: Span = Span::from_millis(30);
/// Its first and its longest rest after a failure.
const FIRST_BACKOFF: Span = Span::from_millis(10);
const LONGEST_BACKOFF: Span = Span::from_secs(5);
/// The housekeeper's first visit, and the time between visits.
const FIRST_VISIT: Span = Span::from_millis(100);
const VISITS: Span = Span::from_secs(30);
/// Lives up to this long are not varied.
const NOT_VARIED: Span = Span::from_secs(10);

/// What the creator thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Creator {
    Free,
    Connecting(Slot),
    /// Rests after a connection, and is then free.
    Rests(Time),
    /// Rests after a failure, and then tries again.
    BacksOff(Time),
}

/// The pool at work.
#[derive(Clone, Debug)]
pub struct HikariCp {
    most: u32,
    idle_wanted: Option<u32>,
    timeout: Span,
    validation: Span,
    idle_timeout: Span,
    lifetime: Span,
    variance: f64,
    keepalive: Span,
    bypass: Span,
    creator: Creator,
    backoff: Span,
    /// Connections asked for that the creator has not begun with.
    asked: u32,
    housekeeper: Time,
    /// No connection comes to its end or has to be tested before this.
    ages: Time,
}

impl HikariCp {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            most: spec.maximum_pool_size,
            idle_wanted: spec.minimum_idle,
            timeout: spec.connection_timeout.span(),
            validation: spec.validation_timeout.span(),
            idle_timeout: spec.idle_timeout.span(),
            lifetime: spec.max_lifetime.span(),
            variance: spec.lifetime_variance.get(),
            keepalive: spec.keepalive_time.map_or(Span::ZERO, |time| time.span()),
            bypass: spec.alive_bypass.span(),
            creator: Creator::Free,
            backoff: FIRST_BACKOFF,
            asked: 0,
            housekeeper: Time::MAX,
            ages: Time::MAX,
        }
    }

    pub(super) const fn most(&self) -> u32 {
        self.most
    }

    /// How long a log-in may take: as long as somebody would wait for it.
    pub(super) const fn timeout(&self) -> Span {
        self.timeout
    }

    fn minimum_idle(&self) -> u32 {
        self.idle_wanted.unwrap_or(self.most).min(self.most)
    }

    pub(super) fn start<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time) {
        self.housekeeper = now + FIRST_VISIT;
        self.fill(book);
    }

    pub(super) fn next_wake(&self) -> Time {
        let creator = match self.creator {
            Creator::Rests(until) | Creator::BacksOff(until) => until,
            Creator::Free | Creator::Connecting(_) => Time::MAX,
        };
        creator.min(self.housekeeper).min(self.ages)
    }

    pub(super) fn acquire<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, waiter: W) -> Verdict {
        self.borrow(book, now, (waiter, now + self.timeout))
    }

    fn borrow<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, caller: (W, Time)) -> Verdict {
        let left = caller.1.since(now);
        let oldest = book.idle.iter().copied().min_by_key(|&slot| book.get(slot).serial);
        if let Some(slot) = oldest {
            book.unrest(slot);
            let connection = book.get(slot);
            if now.since(connection.used) > self.bypass {
                book.test(slot, Some(caller), Some(self.validation));
                return Verdict::Wait(Some(left));
            }
            book.take(slot);
            return Verdict::Given(slot);
        }
        book.queue(caller.0, caller.1);
        if book.waiters.len() as u32 > self.asked {
            self.asked += 1;
        }
        self.create(book);
        Verdict::Wait(Some(left))
    }

    /// Asks for as many connections as are missing from the idle ones.
    fn fill<W: Copy + PartialEq>(&mut self, book: &mut Book<W>) {
        let counts = book.counts();
        let missing = self.minimum_idle().saturating_sub(counts.idle);
        let room = self.most.saturating_sub(counts.total());
        self.asked = self.asked.max(missing.min(room));
        self.create(book);
    }

    fn wanted<W: Copy + PartialEq>(&self, book: &Book<W>) -> bool {
        let counts = book.counts();
        let idle = counts.idle;
        counts.total() < self.most && (idle < self.minimum_idle() || book.waiters.len() as u32 > idle)
    }

    /// Lets the creator begin, if it is free and something is wanted.
    fn create<W: Copy + PartialEq>(&mut self, book: &mut Book<W>) {
        while self.creator == Creator::Free && self.asked > 0 {
            self.asked -= 1;
            if self.wanted(book) {
                self.creator = Creator::Connecting(book.open(None));
            }
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
        if result.is_err() {
            book.remove(slot);
            self.creator = Creator::BacksOff(now + self.backoff);
            self.backoff = (self.backoff + self.backoff).min(LONGEST_BACKOFF);
            return;
        }
        book.opened(now, slot);
        self.creator = Creator::Rests(now + GAP);
        self.backoff = FIRST_BACKOFF;
        let connection = book.get_mut(slot);
        if !self.lifetime.is_zero() {
            let part = if self.lifetime > NOT_VARIED { self.variance * draws.unit() } else { 0.0 };
            connection.expires = now + (self.lifetime - self.lifetime.scaled(part));
        }
        if !self.keepalive.is_zero() {
            connection.beat = now + (self.keepalive - self.keepalive.scaled(0.1 * draws.unit()));
        }
        self.ages = self.ages.min(connection.expires).min(connection.beat);
        self.put(book, now, slot);
    }

    pub(super) fn tested<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, slot: Slot, alive: bool) {
        let caller = book.get_mut(slot).caller.take();
        let fit = alive && !book.get(slot).evicted;
        if !fit {
            book.remove(slot);
        }
        match caller {
            Some((waiter, _)) if fit => book.give(slot, waiter),
            // A test is not cut short, but afterwards there may be no time left.
            Some((waiter, until)) if until <= now => book.actions.push_back(Action::Fail(waiter, Failure::PoolTimeout)),
            Some(caller) => {
                if let Verdict::Given(slot) = self.borrow(book, now, caller) {
                    book.actions.push_back(Action::Give(slot, caller.0));
                }
            }
            None if fit => self.put(book, now, slot),
            None => {}
        }
        if !fit {
            self.fill(book);
        }
    }

    pub(super) fn release<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, slot: Slot) {
        let connection = book.get(slot);
        if connection.evicted || connection.health.is_none() {
            book.remove(slot);
            return self.fill(book);
        }
        self.put(book, now, slot);
    }

    /// A connection goes to who has waited longest, or into the bag.
    fn put<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, slot: Slot) {
        book.get_mut(slot).used = now;
        match book.waiters.pop_front() {
            Some((waiter, _)) => book.give(slot, waiter),
            None => book.rest(slot),
        }
    }

    pub(super) fn wake<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time) {
        match self.creator {
            Creator::Rests(until) if until <= now => self.creator = Creator::Free,
            Creator::BacksOff(until) if until <= now => {
                self.creator = Creator::Free;
                // The same request goes on, if it is still wanted.
                self.asked += 1;
            }
            _ => {}
        }
        if self.ages <= now {
            self.age(book, now);
        }
        if self.housekeeper <= now {
            self.housekeeper = now + VISITS;
            self.close_idle(book, now);
            self.fill(book);
        }
        self.create(book);
    }

    /// Connections come to their end, or are due for a test.
    fn age<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time) {
        let due: Vec<Slot> = book.slots().filter(|(_, c)| c.expires.min(c.beat) <= now).map(|(slot, _)| slot).collect();
        for slot in due {
            let connection = book.get_mut(slot);
            let idle = connection.doing == Doing::Idle;
            if connection.expires <= now {
                (connection.evicted, connection.expires, connection.beat) = (true, Time::MAX, Time::MAX);
                if idle {
                    book.unrest(slot);
                    book.remove(slot);
                    self.fill(book);
                }
            } else {
                connection.beat = now + self.keepalive;
                if idle {
                    book.unrest(slot);
                    book.test(slot, None, Some(self.validation));
                }
            }
        }
        let next = book.slots().map(|(_, connection)| connection.expires.min(connection.beat)).min();
        self.ages = next.unwrap_or(Time::MAX);
    }

    /// Closes what has been idle for too long, down to the idle connections that are wanted.
    fn close_idle<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time) {
        let wanted = self.minimum_idle();
        if self.idle_timeout.is_zero() || wanted >= self.most {
            return;
        }
        let surplus = (book.idle.len() as u32).saturating_sub(wanted);
        let long = |slot: &Slot| now.since(book.get(*slot).used) > self.idle_timeout;
        let gone: Vec<Slot> = book.idle.iter().copied().filter(long).take(surplus as usize).collect();
        for slot in gone {
            book.unrest(slot);
            book.remove(slot);
        }
    }

    pub(super) fn resize<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, size: u32) {
        self.most = size;
        while book.counts().total() > size {
            let Some(slot) = book.idle.pop_front() else { break };
            book.remove(slot);
        }
        // Who is in use beyond the new size goes when it comes back.
        let beyond = book.counts().total().saturating_sub(size) as usize;
        let taken: Vec<Slot> = book.slots().filter(|(_, c)| c.doing == Doing::Taken).map(|(slot, _)| slot).collect();
        for slot in taken.into_iter().take(beyond) {
            book.get_mut(slot).evicted = true;
        }
        let waiting = book.waiters.len() as u32;
        self.asked = self.asked.max(waiting.min(size));
        self.fill(book);
    }

    pub(super) fn cleared(&mut self) {
        (self.creator, self.backoff, self.asked) = (Creator::Free, FIRST_BACKOFF, 0);
        (self.housekeeper, self.ages) = (Time::MAX, Time::MAX);
    }

    /// The creator and the book agree on what is being opened.
    pub(super) fn audit<W: Copy + PartialEq>(&self, book: &Book<W>) -> Result<(), String> {
        let expected = u32::from(matches!(self.creator, Creator::Connecting(_)));
        let found = book.counts().connecting;
        if found == expected {
            Ok(())
        } else {
            Err(format!("{found} log-ins under way, the creator knows of {expected}"))
        }
    }
}
