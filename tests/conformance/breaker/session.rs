//! Replays what was done to a breaker of a library, and compares what came of it.

use crate::conformance::given::{at_ms, at_s, ms};
use crate::conformance::vector::{Check, list, number};
use serde_json::Value;
use squall_models::breaker::{Admission, Breaker, Counts, Ended, Permit, Spec, State};
use squall_sim::{Span, Time};
use std::collections::BTreeMap;

/// What can be seen of a breaker after a step.
pub(super) struct Sight {
    pub(super) counts: Counts,
    /// Rejected since it last became half-open or closed.
    pub(super) rejected_here: u64,
    pub(super) now: Time,
    /// How long it stays open, in seconds, where a field needs it.
    pub(super) period: f64,
}

/// A number of a recording, and where it is in squall.
pub(super) type Field = (&'static str, fn(&Sight) -> f64);

/// Where a call is.
#[derive(Clone, Copy, Debug)]
enum Call {
    Running(Permit, Time),
    Waiting,
    Over(&'static str),
}

struct Session {
    breaker: Breaker,
    now: Time,
    calls: BTreeMap<String, Call>,
    /// Those who wait, in order.
    line: Vec<String>,
    state: State,
    /// Rejected before it last became half-open or closed.
    base: u64,
}

pub(super) fn replay(vector: &Value, spec: Spec, fields: &[Field], check: &mut Check) -> Result<(), String> {
    replay_with(vector, spec, fields, 0.0, check)
}

/// Replays a vector of a breaker whose open period is of interest.
pub(super) fn replay_with(
    vector: &Value,
    spec: Spec,
    fields: &[Field],
    period: f64,
    check: &mut Check,
) -> Result<(), String> {
    let mut session = Session {
        breaker: Breaker::new(&spec, Time::ZERO),
        now: Time::ZERO,
        calls: BTreeMap::new(),
        line: Vec::new(),
        state: State::Closed,
        base: 0,
    };
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        if let Some(now) = time(step)? {
            session.move_to(now);
        }
        let got = match step["op"].as_str() {
            Some(op) => session.act(op)?,
            None => session.burst(step)?,
        };
        session.compare(at, step, got, check)?;
        session.look();
        let counts = session.breaker.counts(session.now);
        let rejected_here = counts.rejected - session.base;
        let sight = Sight { counts, rejected_here, now: session.now, period };
        for (name, field) in fields {
            if let Ok(expected) = number(step, *name) {
                // Rates are recorded to four decimals.
                check.near(at, name, expected, field(&sight), 1e-4);
            }
        }
        if let Some(expected) = step["state"].as_str() {
            check.same(at, "state", plain(expected), plain(named(session.state)));
        }
    }
    Ok(())
}

/// When a step was made.
fn time(step: &Value) -> Result<Option<Time>, String> {
    if step["t_ms"].is_number() {
        return number(step, "t_ms").map(|t| Some(at_ms(t)));
    }
    let seconds = ["t_s", "t"].iter().find_map(|name| number(step, *name).ok());
    Ok(seconds.map(at_s))
}

const fn named(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half_open",
        State::ForcedOpen => "forced_open",
    }
}

/// A name without what libraries write differently: `HALF_OPEN`, `half-open` and `halfOpen` are one.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// The number behind a name in text such as `ConsecutiveBreaker(3)` or `CountBreaker{threshold:0.5,size:4}`.
pub(super) fn written(text: &str, name: &str) -> Option<f64> {
    let rest = text[text.find(name)? + name.len()..].trim_start_matches(['(', ':', ' ']);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// What a recording calls a result, in the words used here.
fn result(recorded: &str) -> Result<&'static str, String> {
    let name = recorded.to_lowercase();
    let has = |word: &str| name.contains(word);
    Ok(match name.as_str() {
        "waiting" | "started" | "reported" => {
            ["waiting", "started", "reported"].into_iter().find(|it| *it == name).expect("it is one of them")
        }
        _ if has("tripped") => "tripped",
        _ if has("semaphore") || has("esemlocked") || has("locked") => "full",
        _ if has("timeout") || has("timed") => "timeout",
        _ if has("reject") || has("broken") || has("short") || has("open") => "rejected",
        _ if has("fail") => "failed",
        _ if has("ok") => "ok",
        "allowed" | "probe" => "let through",
        _ => return Err(format!("there is no result `{recorded}`")),
    })
}

impl Session {
    /// Lets time pass, and calls run into the library's own time limit.
    fn move_to(&mut self, now: Time) {
        if let Some(limit) = self.breaker.timeout() {
            let late = self.calls.iter().filter_map(|(name, call)| match call {
                Call::Running(_, began) if *began + limit <= now => Some((*began + limit, name.clone())),
                _ => None,
            });
            let mut late: Vec<(Time, String)> = late.collect();
            late.sort();
            for (at, name) in late {
                self.now = at;
                self.end(&name, Ended::Failure, "timeout");
            }
        }
        self.now = now;
    }

    /// Does what a step says, and says what came of it.
    fn act(&mut self, op: &str) -> Result<&'static str, String> {
        let (verb, rest) = op.split_once(':').unwrap_or((op, ""));
        let took = || rest.parse::<f64>().map(ms).unwrap_or(Span::ZERO);
        match (verb, rest) {
            ("adv", _) => Ok(""),
            ("ok", "") => Ok(self.call(Ended::Success)),
            ("fail" | "err", "") => Ok(self.call(Ended::Failure)),
            // Without having asked: what some recorders tell the breaker directly.
            ("ok", _) => Ok(self.report(Ended::Success, took())),
            ("err" | "fail", _) => Ok(self.report(Ended::Failure, took())),
            ("ign", _) => Ok(self.report(Ended::Ignored, Span::ZERO)),
            ("straggler_ok", _) => Ok(self.report(Ended::Success, Span::ZERO)),
            ("straggler_fail", _) => Ok(self.report(Ended::Failure, Span::ZERO)),
            ("acq", _) => {
                self.look();
                let admitted = matches!(self.breaker.admit(self.now), Admission::Admit(_));
                Ok(if admitted { "let through" } else { "rejected" })
            }
            ("start" | "s", name) => Ok(self.start(name)),
            ("resolve" | "o", name) => Ok(self.end(name, Ended::Success, "ok")),
            ("reject" | "f", name) => Ok(self.end(name, Ended::Failure, "failed")),
            ("status", name) => Ok(match self.calls.get(name) {
                Some(Call::Running(..)) => "started",
                Some(Call::Waiting) => "waiting",
                Some(Call::Over(how)) => how,
                None => return Err(format!("no call `{name}` was started")),
            }),
            _ => Err(format!("there is no operation `{op}`")),
        }
    }

    /// So many calls that end at once; what came of the last one.
    fn burst(&mut self, step: &Value) -> Result<&'static str, String> {
        let calls = number(step, "calls").unwrap_or(1.0) as u64;
        let ended = if step["ok"].as_bool() == Some(true) { Ended::Success } else { Ended::Failure };
        let mut last = "";
        for _ in 0..calls {
            last = self.call(ended);
        }
        Ok(if matches!(last, "ok" | "failed") { "let through" } else { last })
    }

    fn call(&mut self, ended: Ended) -> &'static str {
        self.look();
        match self.breaker.admit(self.now) {
            Admission::Admit(permit) => {
                let released = self.breaker.record(self.now, permit, ended, Span::ZERO);
                if released.masked {
                    "tripped"
                } else if ended == Ended::Success {
                    "ok"
                } else {
                    "failed"
                }
            }
            Admission::Full => "full",
            Admission::Reject => "rejected",
            Admission::Wait => "waiting",
        }
    }

    fn report(&mut self, ended: Ended, took: Span) -> &'static str {
        let _ = self.breaker.record(self.now, Permit::default(), ended, took);
        "reported"
    }

    fn start(&mut self, name: &str) -> &'static str {
        self.look();
        let (call, how) = match self.breaker.admit(self.now) {
            Admission::Admit(permit) => (Call::Running(permit, self.now), "started"),
            Admission::Wait => (Call::Waiting, "waiting"),
            Admission::Full => (Call::Over("full"), "full"),
            Admission::Reject => (Call::Over("rejected"), "rejected"),
        };
        self.calls.insert(name.to_owned(), call);
        if how == "waiting" {
            self.line.push(name.to_owned());
        }
        how
    }

    /// A call ends; those who wait then try again, in turn, until one has to wait.
    fn end(&mut self, name: &str, ended: Ended, how: &'static str) -> &'static str {
        let Some(Call::Running(permit, began)) = self.calls.get(name).copied() else {
            // It is over already: it ran into its time limit.
            return how;
        };
        let released = self.breaker.record(self.now, permit, ended, self.now.since(began));
        self.calls.insert(name.to_owned(), Call::Over(how));
        if released.waiters {
            for name in std::mem::take(&mut self.line) {
                self.start(&name);
            }
        }
        how
    }

    /// Notes whether it has become another.
    fn look(&mut self) {
        let state = self.breaker.state(self.now);
        if state != self.state && matches!(state, State::HalfOpen | State::Closed) {
            self.base = self.breaker.counts(self.now).rejected;
        }
        self.state = state;
    }

    fn compare(&self, at: usize, step: &Value, got: &'static str, check: &mut Check) -> Result<(), String> {
        if let Some(permitted) = step["permitted"].as_bool() {
            check.same(at, "permitted", permitted, got == "let through");
        }
        let Some(recorded) = step["result"].as_str().or(step["last_result"].as_str()) else { return Ok(()) };
        match serde_json::from_str::<BTreeMap<String, String>>(recorded) {
            Ok(calls) => {
                let expected: Result<Vec<_>, String> =
                    calls.iter().map(|(name, how)| Ok((name.as_str(), result(how)?))).collect();
                let over = self.calls.iter().filter_map(|(name, call)| match call {
                    Call::Over(how) => Some((name.as_str(), *how)),
                    Call::Running(..) | Call::Waiting => None,
                });
                check.same(at, "calls that are over", expected?, over.collect());
            }
            Err(_) => check.same(at, "result", result(recorded)?, got),
        }
        Ok(())
    }
}
