//! Recordings of cache protection.

use super::vector::{Check, count, flag, list, maybe, number, text};
use super::{Exception, Family, Kind};
use serde_json::Value;
use squall_models::cache::flight::Flights;
use squall_models::cache::protect::lock::Locks;
use squall_models::cache::protect::nginx_lock::{NginxLock, Spec};
use squall_models::cache::protect::single_flight::{self, SingleFlight};
use squall_models::cache::protect::{Facts, Verdict};
use squall_models::cache::refresh;
use squall_models::cache::refresh::xfetch::{self, Xfetch};
use squall_models::units::Duration;
use squall_sim::{Span, Time};

pub(super) const FAMILY: Family = Family { kinds: KINDS, exceptions: EXCEPTIONS };

const KINDS: &[Kind] = &[
    Kind { file: "cache_singleflight", vector: "three_callers", run: one_execution },
    Kind { file: "cache_singleflight", vector: "error_is_shared", run: shared_error },
    Kind { file: "cache_singleflight", vector: "forget", run: forgotten },
    Kind { file: "cache_nginx_lock", vector: "", run: nginx_lock },
    Kind { file: "limiters_misc", vector: "xfetch", run: early_recompute },
];

const EXCEPTIONS: &[Exception] = &[];

const KEY: u64 = 7;

fn at(seconds: f64) -> Time {
    Time::ZERO + Span::from_seconds(seconds)
}

/// Callers of one key with single-flight, one after the other; the recording does not say when they call, so it is given
/// here. Each execution takes a second.
struct Callers {
    flights: Flights<usize>,
    guard: SingleFlight,
    executions: u64,
    /// The execution that each leader does, and when it ends.
    under_way: Vec<(usize, u64, Time)>,
    /// Who got what, when, and whether it was shared.
    got: Vec<(usize, u64, Time, bool)>,
}

impl Callers {
    fn new() -> Self {
        let guard = SingleFlight::new(&single_flight::Spec::default());
        Self { flights: Flights::default(), guard, executions: 0, under_way: Vec::new(), got: Vec::new() }
    }

    /// A call; the number of the execution that it begins, if it begins one.
    fn call(&mut self, who: usize, now: Time) -> Option<u64> {
        let filling = self.flights.joinable(KEY);
        let facts = Facts { now, waits: None, filling, locked: None, stale: false };
        if self.guard.ask(&facts) == Verdict::Join {
            self.flights.join(KEY, who);
            return None;
        }
        self.flights.begin(KEY, who, now);
        self.executions += 1;
        self.under_way.push((who, self.executions, now + Span::from_secs(1)));
        Some(self.executions)
    }

    /// Everything under way ends, in order.
    fn finish(&mut self) {
        for (leader, execution, end) in std::mem::take(&mut self.under_way) {
            let waiting = self.flights.end(KEY, leader);
            let shared = !waiting.is_empty();
            let all = std::iter::once(leader).chain(waiting);
            self.got.extend(all.map(|who| (who, execution, end, shared)));
        }
    }

    /// What a caller got.
    fn outcome(&self, who: usize) -> Option<(u64, Time, bool)> {
        let found = self.got.iter().find(|(caller, ..)| *caller == who)?;
        Some((found.1, found.2, found.3))
    }
}

/// The number at the end of a name such as `caller2-after`.
fn caller(event: &Value) -> Result<Option<usize>, String> {
    let who = text(event, "Who")?;
    Ok(who.strip_prefix("caller").and_then(|rest| rest.split('-').next()?.parse().ok()))
}

fn one_execution(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut callers = Callers::new();
    let begun: Vec<Option<u64>> = (0..3).map(|who| callers.call(who, at(0.0))).collect();
    callers.finish();
    for (step, event) in list(vector, "events_t_who_what")?.iter().enumerate() {
        let (when, what) = (at(number(event, "T")?), text(event, "What")?);
        match caller(event)? {
            None => {
                check.same(step, "executions", Some(what), begun[0].map(|number| number.to_string()).as_deref());
                check.same(step, "executions by others", 0, begun[1..].iter().flatten().count());
            }
            Some(who) => {
                let (value, end, shared) = callers.outcome(who).ok_or("this caller got nothing")?;
                check.same(step, "time", when, end);
                check.same(step, "outcome", what, format!("{value} <nil> {shared}").as_str());
            }
        }
    }
    Ok(())
}

fn shared_error(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut callers = Callers::new();
    let begun: Vec<Option<u64>> = (0..2).map(|who| callers.call(who, at(0.0))).collect();
    check.same(0, "executions", vec![Some(1), None], begun);
    callers.finish();
    check.same("caller2", "joinable", None, callers.flights.joinable(KEY));
    callers.call(2, at(1.5));
    callers.finish();
    for (step, event) in list(vector, "events_t_who_what")?.iter().enumerate() {
        let who = caller(event)?.ok_or("an event of nobody")?;
        let (value, end, shared) = callers.outcome(who).ok_or("this caller got nothing")?;
        check.same(step, "time", at(number(event, "T")?), end);
        check.same(step, "outcome", text(event, "What")?, format!("err{value} {shared}").as_str());
    }
    Ok(())
}

fn forgotten(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut callers = Callers::new();
    let first = callers.call(0, at(0.0));
    callers.flights.forget(KEY);
    let second = callers.call(1, at(0.3));
    callers.finish();
    let mut begun = [first, second].into_iter();
    for (step, event) in list(vector, "events_t_who_what")?.iter().enumerate() {
        let what = text(event, "What")?;
        match caller(event)? {
            None => {
                let number = begun.next().flatten().map(|number| number.to_string());
                check.same(step, "execution", Some(what), number.as_deref());
            }
            Some(who) => {
                let (value, end, _) = callers.outcome(who).ok_or("this caller got nothing")?;
                check.same(step, "time", at(number(event, "T")?), end);
                check.same(step, "value", what, value.to_string().as_str());
            }
        }
    }
    Ok(())
}

/// The fill that everybody waits for begins at 0 and takes as long as the vector's name says.
fn nginx_lock(vector: &Value, check: &mut Check) -> Result<(), String> {
    let millis = |number: f64| Duration::from_seconds(number / 1e3);
    let mut spec = Spec::default();
    if let Some(timeout) = maybe(&vector["config"], "lock_timeout_ms")? {
        spec.timeout = millis(timeout);
    }
    if let Some(age) = maybe(&vector["config"], "lock_age_ms")? {
        spec.age = millis(age);
    }
    let digits: String =
        check.name().chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let filled = at(digits.parse::<f64>().map_err(|error| error.to_string())? / 1e3);
    let served = vector.get("arrival_ms_served_ms").is_some();
    let key = if served { "arrival_ms_served_ms" } else { "arrival_ms_outcome" };
    let rows = list(vector, key)?;
    let (guard, mut locks) = (NginxLock::new(&spec), Locks::default());
    locks.lock(KEY, at(0.0), spec.age.span());
    // Who looks next, and since when it waits: events in the order of time.
    let mut agenda: Vec<(Time, usize, Option<Time>)> = Vec::new();
    for (row, fields) in rows.iter().enumerate() {
        agenda.push((at(number(fields, 0)? / 1e3), row, None));
    }
    while !agenda.is_empty() {
        agenda.sort_unstable();
        let (now, row, waits) = agenda.remove(0);
        let done = if now >= filled {
            Some("served from cache (filled)")
        } else {
            let facts = Facts { now, waits, filling: None, locked: locks.until(KEY), stale: false };
            match guard.ask(&facts) {
                Verdict::LookAgain(after) => {
                    agenda.push((now + after, row, waits.or(Some(now))));
                    None
                }
                Verdict::Fill { lock } => {
                    locks.lock(KEY, now, lock.unwrap_or(Span::ZERO));
                    Some("takes over the lock, fetches and may store")
                }
                Verdict::FillUnstored => Some("lock timeout: fetches, response not stored"),
                other => return Err(format!("{other:?} is no verdict of this lock")),
            }
        };
        if let Some(done) = done {
            check.same(row, "time in ms", count(&rows[row], 1)?, now.since(Time::ZERO).nanos() / 1_000_000);
            check.same(row, "outcome", text(&rows[row], 2)?, done);
        }
    }
    Ok(())
}

fn early_recompute(vector: &Value, check: &mut Check) -> Result<(), String> {
    let policy = Xfetch::new(&xfetch::Spec { beta: number(&vector["config"], "beta")?, ..xfetch::Spec::default() });
    let took = Span::from_seconds(number(&vector["config"], "delta_s")?);
    for (step, row) in list(vector, "seconds_to_expiry_and_u_to_recompute")?.iter().enumerate() {
        let expires = at(1000.0) + Span::from_seconds(number(row, 0)?);
        let facts = refresh::Facts { now: at(1000.0), set: at(0.0), expires, took };
        let renews = policy.on_read(&facts, number(row, 1)?) == refresh::Verdict::Renew;
        check.same(step, "recompute", flag(row, 2)?, renews);
    }
    Ok(())
}
