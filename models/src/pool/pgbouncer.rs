//! PgBouncer: server connections behind a proxy, opened one at a time.
//!
//! Source: PgBouncer 1.25.2, `main.c`, `janitor.c` and `objects.c`. It draws nothing.
//!
//! - Only one log-in is under way at a time, so a cold pool fills one after the other. After a failed log-in the next one
//!   begins no earlier than `server_login_retry` after the failed one began.
//! - Who waits is served in order of arrival; what is idle is reused last in, first out.
//! - Time is looked at by a janitor that comes three times a second, so waits and ages end on that grid.
//! - It sees at once that the other end has closed an idle connection.

use super::book::{Book, Doing, Health, Slot, Verdict};
use crate::outcome::Failure;
use crate::spec::Limit;
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::{Span, Time};

/// PgBouncer: one log-in at a time, a retry pause of 15 s after a failed one, and a long wait for who finds nothing free.
/// A connection is held from `acquire` to its end, which stands for a session or a transaction.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Server connections that there can be; 20 by default.
    #[serde(default = "twenty")]
    pub default_pool_size: u32,
    /// Server connections that are kept once they are there; none by default.
    #[serde(default)]
    pub min_pool_size: u32,
    /// Further server connections while somebody has waited for `reserve_pool_timeout`; none by default.
    #[serde(default)]
    pub reserve_pool_size: u32,
    /// How long the first in line waits before the reserve is used; 5 s by default.
    #[serde(default = "five_seconds")]
    pub reserve_pool_timeout: Duration,
    /// Callers that can hold or wait for a connection at once; further ones are `refused`. 100 by default.
    #[serde(default = "hundred")]
    pub max_client_conn: Limit,
    /// How long to wait before failing with `pool_timeout`; 120 s by default, 0 for ever.
    #[serde(default = "two_minutes")]
    pub query_wait_timeout: Duration,
    /// How long a connection can be idle; 10 min by default, 0 for ever.
    #[serde(default = "ten_minutes")]
    pub server_idle_timeout: Duration,
    /// How old a connection can get while it is not in use; 1 h by default, 0 for ever. Of a pool of n connections one is
    /// closed for its age every `server_lifetime` / n at most.
    #[serde(default = "hour")]
    pub server_lifetime: Duration,
    /// How long a log-in may take; 15 s by default.
    #[serde(default = "quarter_minute")]
    pub server_connect_timeout: Duration,
    /// The pause between a failed log-in and the next; 15 s by default.
    #[serde(default = "quarter_minute")]
    pub server_login_retry: Duration,
    /// Reuse what has been idle longest instead of what came back last.
    #[serde(default)]
    pub server_round_robin: bool,
}

fn twenty() -> u32 {
    20
}

fn hundred() -> Limit {
    Limit::At(100)
}

fn five_seconds() -> Duration {
    Duration::from_seconds(5.0)
}

fn quarter_minute() -> Duration {
    Duration::from_seconds(15.0)
}

fn two_minutes() -> Duration {
    Duration::from_seconds(120.0)
}

fn ten_minutes() -> Duration {
    Duration::from_seconds(600.0)
}

fn hour() -> Duration {
    Duration::from_seconds(3600.0)
}

/// The janitor comes this often.
const ROUND: Span = Span::from_nanos(333_333_000);

/// The pool at work.
#[derive(Clone, Debug)]
pub struct PgBouncer {
    size: u32,
    least: u32,
    reserve: u32,
    reserve_timeout: Span,
    most_clients: u64,
    wait: Span,
    idle_timeout: Span,
    lifetime: Span,
    connect_timeout: Span,
    login_retry: Span,
    round_robin: bool,
    /// The log-in under way, when the last one began, and whether it failed.
    login: Option<Slot>,
    began: Time,
    failed: bool,
    /// When a connection was last closed for its age.
    aged: Time,
    started: Time,
    janitor: Time,
}

impl PgBouncer {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            size: spec.default_pool_size,
            least: spec.min_pool_size,
            reserve: spec.reserve_pool_size,
            reserve_timeout: spec.reserve_pool_timeout.span(),
            most_clients: match spec.max_client_conn {
                Limit::At(most) => most,
                Limit::Unlimited => u64::MAX,
            },
            wait: spec.query_wait_timeout.span(),
            idle_timeout: spec.server_idle_timeout.span(),
            lifetime: spec.server_lifetime.span(),
            connect_timeout: spec.server_connect_timeout.span(),
            login_retry: spec.server_login_retry.span(),
            round_robin: spec.server_round_robin,
            login: None,
            began: Time::ZERO,
            failed: false,
            aged: Time::ZERO,
            started: Time::ZERO,
            janitor: Time::MAX,
        }
    }

    pub(super) const fn size(&self) -> u32 {
        self.size
    }

    pub(super) const fn most(&self) -> u32 {
        self.size.saturating_add(self.reserve)
    }

    pub(super) const fn connect_timeout(&self) -> Span {
        self.connect_timeout
    }

    pub(super) const fn next_wake(&self) -> Time {
        self.janitor
    }

    pub(super) fn start<W: Copy + PartialEq>(&mut self, book: &Book<W>, now: Time) {
        self.started = now;
        self.call_janitor(book, now);
    }

    /// The janitor comes while there is something to look after.
    fn call_janitor<W: Copy + PartialEq>(&mut self, book: &Book<W>, now: Time) {
        let idle = book.counts().total() == 0 && book.waiters.is_empty() && self.least == 0;
        if !idle && (self.janitor == Time::MAX || self.janitor <= now) {
            self.janitor = self.round_after(now);
        } else if idle {
            self.janitor = Time::MAX;
        }
    }

    /// The janitor's first round after this.
    fn round_after(&self, time: Time) -> Time {
        let rounds = time.since(self.started).nanos() / ROUND.nanos() + 1;
        self.started + Span::from_nanos(rounds.saturating_mul(ROUND.nanos()))
    }

    pub(super) fn acquire<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, waiter: W) -> Verdict {
        let clients = u64::from(book.counts().taken) + book.waiters.len() as u64;
        if clients >= self.most_clients {
            return Verdict::Failed(Failure::Refused);
        }
        let idle = if self.round_robin { book.idle.pop_front() } else { book.idle.pop_back() };
        if let Some(slot) = idle {
            book.take(slot);
            return Verdict::Given(slot);
        }
        book.queue(waiter, now);
        self.launch(book, now);
        self.call_janitor(book, now);
        Verdict::Wait((!self.wait.is_zero()).then(|| self.round_after(now + self.wait).since(now)))
    }

    /// Begins a log-in, if none is under way and there is room.
    fn launch<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time) {
        let pausing = self.failed && now.since(self.began) < self.login_retry;
        if self.login.is_some() || pausing {
            return;
        }
        let long = book.waiters.front().is_some_and(|(_, since)| now.since(*since) >= self.reserve_timeout);
        let reserve = if long { self.reserve } else { 0 };
        if book.counts().total() < self.size.saturating_add(reserve) {
            self.began = now;
            self.login = Some(book.open(None));
        }
    }

    pub(super) fn connected<W: Copy + PartialEq>(
        &mut self,
        book: &mut Book<W>,
        now: Time,
        slot: Slot,
        result: Result<(), Failure>,
    ) {
        self.login = None;
        self.failed = result.is_err();
        if self.failed {
            book.remove(slot);
        } else {
            book.opened(now, slot);
            self.put(book, now, slot);
        }
        if !book.waiters.is_empty() {
            self.launch(book, now);
        }
        self.call_janitor(book, now);
    }

    pub(super) fn release<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, slot: Slot) {
        let connection = book.get(slot);
        if connection.health != Some(Health::Dead)
            && connection.health.is_some()
            && !self.too_old(now, connection.opened)
        {
            return self.put(book, now, slot);
        }
        if connection.health == Some(Health::Alive) {
            self.aged = now;
        }
        book.remove(slot);
        if !book.waiters.is_empty() {
            self.launch(book, now);
        }
    }

    fn put<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, slot: Slot) {
        book.get_mut(slot).used = now;
        match book.waiters.pop_front() {
            Some((waiter, _)) => book.give(slot, waiter),
            None => book.rest(slot),
        }
    }

    fn too_old(&self, now: Time, opened: Time) -> bool {
        let spacing = Span::from_nanos(self.lifetime.nanos() / u64::from(self.size.max(1)));
        !self.lifetime.is_zero() && now.since(opened) >= self.lifetime && now.since(self.aged) >= spacing
    }

    /// The other end of a connection is gone; what was closed properly is seen at once.
    pub(super) fn died<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, slot: Slot) {
        let connection = book.get(slot);
        if connection.health == Some(Health::Dead) && connection.doing == Doing::Idle {
            book.unrest(slot);
            book.remove(slot);
        }
    }

    /// The janitor's round.
    pub(super) fn wake<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time) {
        if now < self.janitor {
            return;
        }
        for slot in book.idle.iter().copied().collect::<Vec<_>>() {
            let connection = book.get(slot);
            let kept = book.counts().total() - book.counts().connecting <= self.least;
            let unused = !self.idle_timeout.is_zero() && now.since(connection.used) > self.idle_timeout;
            let old = self.too_old(now, connection.opened);
            if old {
                self.aged = now;
            }
            if old || (unused && !(self.least > 0 && kept)) {
                book.unrest(slot);
                book.remove(slot);
            }
        }
        self.close_surplus(book);
        if !book.waiters.is_empty() || book.counts().total() < self.least {
            self.launch(book, now);
        }
        self.call_janitor(book, now);
    }

    /// After the pool was made smaller, what is idle beyond its size goes. Whoever waits still gets what comes back.
    fn close_surplus<W: Copy + PartialEq>(&self, book: &mut Book<W>) {
        while book.counts().total() > self.most() {
            let Some(slot) = book.idle.pop_front() else { break };
            book.remove(slot);
        }
    }

    pub(super) fn resize<W: Copy + PartialEq>(&mut self, book: &mut Book<W>, now: Time, size: u32) {
        self.size = size;
        self.close_surplus(book);
        if !book.waiters.is_empty() {
            self.launch(book, now);
        }
    }

    pub(super) fn cleared(&mut self) {
        (self.login, self.failed, self.janitor) = (None, false, Time::MAX);
        self.aged = Time::ZERO;
    }

    /// At most one log-in is under way, and it is known.
    pub(super) fn audit<W: Copy + PartialEq>(&self, book: &Book<W>) -> Result<(), String> {
        let (found, known) = (book.counts().connecting, u32::from(self.login.is_some()));
        if found == known { Ok(()) } else { Err(format!("{found} log-ins under way, {known} is known")) }
    }
}
