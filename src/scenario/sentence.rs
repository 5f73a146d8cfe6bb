//! The grammar of expectations: a sentence to a rule. It is described in [`super::expect`].

mod window;

use super::metric::{Measure, Metered, OF_OPERATOR, OF_ROLLOUT, OfOperator, OfRollout, Unit, find};
use super::words::{did_you_mean, list, nearest, shorten};
use squall_models::report::{CacheTotals, ClientTotals, EdgeTotals, PoolTotals, ServiceTotals, SplitTotals};
use squall_sim::{Span, Time};
use std::ops::Range;
use window::{fault, time, window};
use winnow::ascii::space0;
use winnow::combinator::{opt, preceded};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location};
use winnow::token::take_while;

/// What a sentence says.
#[derive(Clone, Debug)]
pub(super) enum Rule {
    /// A metric against a value, over a window (by number) or over all that is measured.
    Compare { reading: Reading, unit: Unit, op: Op, value: f64, window: Option<usize> },
    /// A client is as well as before, at the latest so long after the end of a fault.
    Recovers { client: String, before: (Time, Time), end: Time, within: Span },
    /// A client is in the last part of the run far from as well as before a fault.
    Collapsed { client: String, before: (Time, Time), from: Time },
    /// Whether a wait-for cycle closes.
    Deadlock(bool),
}

/// Whose metric, and which.
#[derive(Clone, Debug)]
pub(super) enum Reading {
    Client(String, Measure<ClientTotals>),
    Service(String, Measure<ServiceTotals>),
    Pool((String, String), Measure<PoolTotals>),
    Cache(String, Measure<CacheTotals>),
    Split((String, String), Measure<SplitTotals>),
    Edge((String, String), Measure<EdgeTotals>),
    Alert(String, Of),
    Operator(String, &'static OfOperator),
    Rollout(String, &'static OfRollout),
}

impl Reading {
    /// Whether it is counted over the whole run.
    const fn is_of_the_run(&self) -> bool {
        matches!(self, Self::Alert(..) | Self::Operator(..) | Self::Rollout(..))
    }
}

/// What is asked of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Fired,
    First,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    AtLeast,
    Above,
    AtMost,
    Below,
    Equal,
}

const OPS: [(&str, Op); 5] =
    [(">=", Op::AtLeast), (">", Op::Above), ("<=", Op::AtMost), ("<", Op::Below), ("==", Op::Equal)];

/// What sentences can be about: the names and the times of one variant.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) clients: Vec<String>,
    pub(super) services: Vec<String>,
    pub(super) pools: Vec<(String, String)>,
    pub(super) caches: Vec<String>,
    /// Sides of splits, as split and side.
    pub(super) splits: Vec<(String, String)>,
    /// Who calls whom.
    pub(super) edges: Vec<(String, String)>,
    /// Start of each fault and its end, which is its start if it takes no time, and nothing if it stays.
    pub(super) faults: Vec<(Time, Option<Time>)>,
    pub(super) alerts: Vec<String>,
    /// Services that say how they keep what they store.
    pub(super) data: Vec<String>,
    pub(super) operators: Vec<String>,
    pub(super) rollouts: Vec<String>,
    pub(super) warmup: Time,
    pub(super) duration: Time,
}

/// What is wrong with a sentence, and in which part of it (in bytes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) span: Range<usize>,
    pub(super) rule: String,
    pub(super) remedy: String,
}

/// A component by kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    Client(String),
    Service(String),
    Pool(String, String),
    Cache(String),
    Split(String, String),
    Edge(String, String),
    Alert(String),
    Operator(String),
    Rollout(String),
}

const KINDS: [&str; 9] =
    ["clients", "services", "pools", "caches", "splits", "edges", "alerts", "operators", "rollouts"];

/// At the least this much time has to be left after a fault to see whether a client recovers.
pub(super) const STRETCH_SECONDS: f64 = 10.0;

type Input<'a> = LocatingSlice<&'a str>;

/// A word or an operator with its place.
#[derive(Clone, Debug)]
struct Token<'a> {
    text: &'a str,
    span: Range<usize>,
}

impl Token<'_> {
    fn wrong(&self, rule: impl Into<String>, remedy: impl Into<String>) -> Wrong {
        Wrong { span: self.span.clone(), rule: rule.into(), remedy: remedy.into() }
    }
}

fn is_operator(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '!' | '≥' | '≤')
}

fn next<'a>(input: &mut Input<'a>) -> Option<Token<'a>> {
    let operator = take_while(1.., is_operator);
    let word = take_while(1.., |c: char| !c.is_whitespace() && !is_operator(c));
    let token = winnow::combinator::alt((operator, word)).with_span();
    let found: Result<_, winnow::error::EmptyError> = opt(preceded(space0, token)).parse_next(input);
    let (text, span) = found.ok()??;
    Some(Token { text, span })
}

/// The next token, or an error that says what could stand here.
fn want<'a>(input: &mut Input<'a>, what: &str) -> Result<Token<'a>, Wrong> {
    next(input).ok_or_else(|| {
        let end = input.previous_token_end();
        Wrong { span: end..end, rule: "the sentence ends too early".to_owned(), remedy: format!("go on with {what}") }
    })
}

/// One of a few words.
fn keyword<'a>(input: &mut Input<'a>, words: &[&str]) -> Result<Token<'a>, Wrong> {
    let what = list(words.iter().copied()).unwrap_or_default().replace(" and ", " or ");
    let token = want(input, &what)?;
    if words.contains(&token.text) {
        return Ok(token);
    }
    let remedy = match nearest(token.text, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write {what}"),
    };
    Err(token.wrong(format!("`{}` is not understood here", shorten(token.text)), remedy))
}

fn finish(mut input: Input<'_>) -> Result<(), Wrong> {
    match next(&mut input) {
        None => Ok(()),
        Some(token) => {
            let rule = format!("the sentence should end before `{}`", shorten(token.text));
            Err(token.wrong(rule, "remove the rest; write a second sentence for a second rule"))
        }
    }
}

/// Reads a sentence. Windows that it speaks of are added to `windows`.
pub(super) fn parse(text: &str, scope: &Scope, windows: &mut Vec<(Time, Time)>) -> Result<Rule, Wrong> {
    let mut input = Input::new(text);
    let first = want(&mut input, "a client, service, pool or cache, as in `clients.web.success >= 99.9%`")?;
    match first.text {
        "no" => {
            keyword(&mut input, &["deadlock"])?;
            finish(input)?;
            return Ok(Rule::Deadlock(false));
        }
        "deadlock" => {
            finish(input)?;
            return Ok(Rule::Deadlock(true));
        }
        verb @ ("recovers" | "stays") if subject(&first, scope).is_err() => {
            let client = scope.clients.first().map_or("NAME", String::as_str);
            let remedy = format!("begin with a client, as in `clients.{client} {verb} …`");
            return Err(first.wrong(format!("the sentence does not say who {verb}"), remedy));
        }
        _ => {}
    }
    let ahead = next(&mut input.clone());
    match ahead.as_ref().map(|token| token.text) {
        Some("recovers" | "stays") => recovery(input, &first, scope),
        Some(word) if !word.starts_with(is_operator) => {
            let known = ["recovers", "stays", ">=", "<="];
            let remedy = match nearest(word, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "write `>=`, `>`, `<=`, `<` or `==`, or `recovers within …`, or `stays collapsed …`".to_owned(),
            };
            let token = ahead.unwrap_or(first);
            Err(token.wrong(format!("`{}` is not understood here", shorten(token.text)), remedy))
        }
        _ => comparison(input, &first, scope, windows),
    }
}

fn comparison(
    mut input: Input<'_>,
    first: &Token<'_>,
    scope: &Scope,
    windows: &mut Vec<(Time, Time)>,
) -> Result<Rule, Wrong> {
    let (subject, metric) = subject(first, scope)?;
    let named = Token { text: first.text, span: first.span.end - metric.len()..first.span.end };
    stored(&named, &subject, &metric, scope)?;
    let (reading, unit) = reading(&named, subject, &metric)?;
    let sign = want(&mut input, "`>=`, `>`, `<=`, `<` or `==`")?;
    let Some((_, op)) = OPS.iter().find(|(text, _)| *text == sign.text) else {
        let rule = format!("`{}` is no comparison", shorten(sign.text));
        return Err(sign.wrong(rule, "write `>=`, `>`, `<=`, `<` or `==`"));
    };
    if *op == Op::Equal && unit != Unit::Count {
        let rule = format!("`==` is for counts, and `{metric}` is measured");
        return Err(sign.wrong(rule, "write `>=` or `<=`"));
    }
    let token = want(&mut input, unit.wanted())?;
    let value = unit.parse(token.text).map_err(|_| {
        let rule = format!("`{}` is no value for `{metric}`", shorten(token.text));
        token.wrong(rule, format!("write {}", unit.wanted()))
    })?;
    let of_run = next(&mut input.clone()).filter(|_| reading.is_of_the_run());
    if let Some(token) = of_run {
        return Err(
            token.wrong("alerts, operators and rollouts are counted over the whole run", "leave the window out")
        );
    }
    let window = window(&mut input, scope)?;
    finish(input)?;
    let number = window.map(|window| {
        windows.iter().position(|known| *known == window).unwrap_or_else(|| {
            windows.push(window);
            windows.len() - 1
        })
    });
    Ok(Rule::Compare { reading, unit, op: *op, value, window: number })
}

/// What nobody keeps books of is never lost, which says nothing.
fn stored(token: &Token<'_>, subject: &Subject, metric: &str, scope: &Scope) -> Result<(), Wrong> {
    const KEPT: [&str; 7] =
        ["acknowledged", "persisted", "data_loss", "refused_writes", "stale_reads", "stale_share", "staleness.max"];
    let kept = match subject {
        Subject::Client(_) => !scope.data.is_empty(),
        Subject::Service(name) => scope.data.contains(name),
        _ => true,
    };
    if kept || !KEPT.contains(&metric) {
        return Ok(());
    }
    let rule = format!("nothing says how what is written is kept, so there is no `{metric}` here");
    Err(token.wrong(rule, "give the service that stores it `data`"))
}

/// The component that the first word names, and what is left of the word: the metric.
fn subject(token: &Token<'_>, scope: &Scope) -> Result<(Subject, String), Wrong> {
    let parts: Vec<&str> = token.text.split('.').collect();
    let rest = |from: usize| parts.get(from..).unwrap_or_default().join(".");
    let name = |at: usize| parts.get(at).copied().unwrap_or_default();
    match parts[0] {
        "clients" => Ok((Subject::Client(known(token, name(1), &scope.clients, "client")?), rest(2))),
        "alerts" => Ok((Subject::Alert(known(token, name(1), &scope.alerts, "alert")?), rest(2))),
        "operators" => Ok((Subject::Operator(known(token, name(1), &scope.operators, "operator")?), rest(2))),
        "rollouts" => Ok((Subject::Rollout(known(token, name(1), &scope.rollouts, "rollout")?), rest(2))),
        "services" => Ok((Subject::Service(known(token, name(1), &scope.services, "service")?), rest(2))),
        // A class of a cache's keys.
        "caches" if scope.caches.contains(&format!("{}.{}", name(1), name(2))) => {
            Ok((Subject::Cache(format!("{}.{}", name(1), name(2))), rest(3)))
        }
        "caches" => Ok((Subject::Cache(known(token, name(1), &scope.caches, "cache")?), rest(2))),
        "pools" => {
            let (service, pool) =
                pair(token, (name(1), "service with pools"), (name(2), "pool of this service"), &scope.pools)?;
            Ok((Subject::Pool(service, pool), rest(3)))
        }
        "splits" => {
            let (split, side) = pair(token, (name(1), "split"), (name(2), "side of this split"), &scope.splits)?;
            Ok((Subject::Split(split, side), rest(3)))
        }
        "edges" => {
            let (caller, callee) = pair(token, (name(1), "caller"), (name(2), "callee of this caller"), &scope.edges)?;
            Ok((Subject::Edge(caller, callee), rest(3)))
        }
        bare => Ok((unique(token, bare, scope)?, rest(1))),
    }
}

/// One of these pairs, by the names of its two sides and what they are.
fn pair(
    token: &Token<'_>,
    (first, is): (&str, &str),
    (second, of): (&str, &str),
    pairs: &[(String, String)],
) -> Result<(String, String), Wrong> {
    let mut firsts: Vec<String> = pairs.iter().map(|(first, _)| first.clone()).collect();
    firsts.dedup();
    let first = known(token, first, &firsts, is)?;
    let seconds: Vec<String> = pairs.iter().filter(|(f, _)| *f == first).map(|(_, second)| second.clone()).collect();
    Ok((first, known(token, second, &seconds, of)?))
}

fn known(token: &Token<'_>, name: &str, names: &[String], kind: &str) -> Result<String, Wrong> {
    if names.iter().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let what = if names.is_empty() { "there is".to_owned() } else { "there are".to_owned() };
    let rule = if name.is_empty() {
        format!("the name of a {kind} is missing")
    } else {
        format!("there is no {kind} `{}`", shorten(name))
    };
    Err(token.wrong(rule, did_you_mean(name, names.iter().map(String::as_str), &what)))
}

/// A component by its name alone, if only one has it.
fn unique(token: &Token<'_>, name: &str, scope: &Scope) -> Result<Subject, Wrong> {
    let has = |names: &[String]| names.iter().any(|known| known == name);
    let owned = || name.to_owned();
    let mut found = Vec::new();
    if has(&scope.clients) {
        found.push(("clients", Subject::Client(owned())));
    }
    if has(&scope.services) {
        found.push(("services", Subject::Service(owned())));
    }
    if has(&scope.caches) {
        found.push(("caches", Subject::Cache(owned())));
    }
    if found.len() > 1 {
        let full: Vec<String> = found.iter().map(|(kind, _)| format!("{kind}.{name}")).collect();
        let remedy =
            format!("write {}", list(full.iter().map(String::as_str)).unwrap_or_default().replace(" and ", " or "));
        return Err(token.wrong(format!("`{name}` is the name of more than one component"), remedy));
    }
    found.pop().map(|(_, subject)| subject).ok_or_else(|| {
        let names = [&scope.clients, &scope.services, &scope.caches].into_iter().flatten().map(String::as_str);
        let all: Vec<&str> = names.chain(KINDS).chain(["no deadlock", "deadlock"]).collect();
        let rule = format!("there is no client, service or cache `{}`", shorten(name));
        token.wrong(rule, did_you_mean(name, all, "a sentence begins with"))
    })
}

fn reading(token: &Token<'_>, subject: Subject, metric: &str) -> Result<(Reading, Unit), Wrong> {
    fn measure<T: Metered>(token: &Token<'_>, metric: &str, kind: &str) -> Result<(Measure<T>, Unit), Wrong> {
        find(metric).map_err(|remedy| {
            let rule = match metric {
                "" => "a metric is missing after the name".to_owned(),
                _ => format!("a {kind} has no metric `{}`", shorten(metric)),
            };
            token.wrong(rule, remedy)
        })
    }
    Ok(match subject {
        Subject::Alert(name) => match metric {
            "fired" => (Reading::Alert(name, Of::Fired), Unit::Count),
            "first" => (Reading::Alert(name, Of::First), Unit::Duration),
            _ => {
                let rule = format!("an alert has no metric `{}`", shorten(metric));
                return Err(token.wrong(rule, "its metrics are `fired` and `first`"));
            }
        },
        Subject::Operator(name) => {
            let of = pick(token, metric, "an operator", &OF_OPERATOR, |of| of.0)?;
            (Reading::Operator(name, of), of.1)
        }
        Subject::Rollout(name) => {
            let of = pick(token, metric, "a rollout", &OF_ROLLOUT, |of| of.0)?;
            (Reading::Rollout(name, of), of.1)
        }
        Subject::Client(name) => measure(token, metric, "client").map(|(m, unit)| (Reading::Client(name, m), unit))?,
        Subject::Service(name) => {
            measure(token, metric, "service").map(|(m, unit)| (Reading::Service(name, m), unit))?
        }
        Subject::Pool(service, pool) => {
            measure(token, metric, "pool").map(|(m, unit)| (Reading::Pool((service, pool), m), unit))?
        }
        Subject::Cache(name) => measure(token, metric, "cache").map(|(m, unit)| (Reading::Cache(name, m), unit))?,
        Subject::Split(split, side) => {
            measure(token, metric, "side of a split").map(|(m, unit)| (Reading::Split((split, side), m), unit))?
        }
        Subject::Edge(caller, callee) => {
            measure(token, metric, "edge").map(|(m, unit)| (Reading::Edge((caller, callee), m), unit))?
        }
    })
}

/// One of a few metrics by name.
fn pick<T>(
    token: &Token<'_>,
    metric: &str,
    whose: &str,
    all: &'static [T],
    name: fn(&T) -> &'static str,
) -> Result<&'static T, Wrong> {
    all.iter().find(|of| name(of) == metric).ok_or_else(|| {
        let rule = format!("{whose} has no metric `{}`", shorten(metric));
        token.wrong(rule, did_you_mean(metric, all.iter().map(name), "its metrics are"))
    })
}

/// `recovers within 120s after fault 1`, `stays collapsed after fault 1`.
fn recovery(mut input: Input<'_>, first: &Token<'_>, scope: &Scope) -> Result<Rule, Wrong> {
    let client = match subject(first, scope)? {
        (Subject::Client(client), rest) if rest.is_empty() => client,
        (Subject::Client(_), rest) => {
            return Err(first.wrong(
                format!("only a client as a whole recovers, not its `{}`", shorten(&rest)),
                "name the client only",
            ));
        }
        _ => return Err(first.wrong("only a client recovers or stays collapsed", "write `clients.NAME`")),
    };
    let verb = keyword(&mut input, &["recovers", "stays"])?;
    let mut within = None;
    if verb.text == "recovers" {
        keyword(&mut input, &["within"])?;
        within = Some(time(&mut input)?);
    } else {
        keyword(&mut input, &["collapsed"])?;
    }
    keyword(&mut input, &["after"])?;
    keyword(&mut input, &["fault"])?;
    let (token, (start, end)) = fault(&mut input, scope)?;
    finish(input)?;
    let end = end.ok_or_else(|| token.wrong("this fault has no end to recover from", "give it an end with `for`"))?;
    if start <= scope.warmup {
        let rule = format!("there is nothing before this fault to compare with: it starts at {start}");
        return Err(token.wrong(rule, format!("let it start after the warm-up, which ends at {}", scope.warmup)));
    }
    let before = (scope.warmup, start);
    let Some((within, place)) = within else {
        let from = last_fifth(scope.duration);
        if from < end {
            let rule = format!("the last fifth of the run begins at {from}, before the fault ends at {end}");
            return Err(token.wrong(rule, "make `run.duration` longer"));
        }
        return Ok(Rule::Collapsed { client, before, from });
    };
    let within = within.since(Time::ZERO);
    let needed = end + within.max(Span::from_seconds(STRETCH_SECONDS));
    if needed > scope.duration {
        let rule = format!("whether it recovers shows at {needed}, after the end of the run at {}", scope.duration);
        return Err(Wrong { span: place, rule, remedy: "make `run.duration` longer, or the time shorter".to_owned() });
    }
    Ok(Rule::Recovers { client, before, end, within })
}

fn last_fifth(duration: Time) -> Time {
    Time::from_nanos(duration.nanos() - duration.nanos() / 5)
}
