//! The story of one run as parts with lines: what a terminal prints and what a page shows.

use super::number::{or_dash, percent, time, times};
use crate::experiment::diagnosis::{Affected, Diagnosis, Grade, Level, Steady};
use serde::Serialize;
use std::collections::BTreeMap;

/// Steps that are told, at most; as many deeds besides.
const MOST: usize = 15;

/// The story of one run.
#[derive(Debug, Serialize)]
pub(super) struct Story {
    /// What it comes to; with `rest` a sentence.
    pub(super) verdict: String,
    pub(super) rest: String,
    pub(super) good: bool,
    pub(super) parts: Vec<Part>,
}

/// A part of it, under a heading.
#[derive(Debug, Serialize)]
pub(super) struct Part {
    pub(super) heading: String,
    /// Less important words beside it.
    pub(super) aside: String,
    pub(super) lines: Vec<Line>,
    /// The first row are the headings of the columns.
    pub(super) table: Vec<Vec<String>>,
}

/// A line of a part.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    pub(super) form: Form,
    /// What stands in front: a time, or a name.
    pub(super) head: String,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    Sentence,
    Point,
    Time,
    Name,
}

impl Part {
    fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), aside: String::new(), lines: Vec::new(), table: Vec::new() }
    }

    fn line(&mut self, form: Form, head: &str, text: impl Into<String>) {
        self.lines.push(Line { form, head: head.to_owned(), text: text.into() });
    }

    fn tell(&mut self, text: impl Into<String>) {
        self.line(Form::Sentence, "", text);
    }

    fn point(&mut self, text: impl Into<String>) {
        self.line(Form::Point, "", text);
    }
}

/// Tells it.
pub(super) fn story(diagnosis: &Diagnosis) -> Story {
    let mut parts = Vec::new();
    let (verdict, rest) = verdict(diagnosis, &mut parts);
    parts.extend(events(diagnosis));
    parts.extend(cycles(diagnosis));
    parts.extend(radius(diagnosis));
    parts.extend(waste(diagnosis));
    parts.push(steady(&diagnosis.steady));
    Story { verdict, rest, good: diagnosis.trouble.is_none(), parts }
}

fn verdict(diagnosis: &Diagnosis, parts: &mut Vec<Part>) -> (String, String) {
    let Some(trouble) = diagnosis.trouble else { return ("Nothing failed or filled up.".to_owned(), String::new()) };
    let end = match trouble.recovered {
        true => format!("to {:.1} s, when it was over", trouble.to_s),
        false => format!("to the end of the run at {:.1} s", trouble.to_s),
    };
    let what = diagnosis.causes.first().map_or("no known cause".to_owned(), |first| first.cause.to_string());
    for (finding, rank) in diagnosis.causes.iter().zip(["Verdict", "Runner-up"]) {
        let mut part = Part::new(format!("{rank}: {}", finding.cause));
        part.aside = format!("(score {:.2})", finding.score);
        finding.evidence.iter().for_each(|evidence| part.point(evidence.as_str()));
        parts.push(part);
    }
    (capital(&what), format!("from {:.1} s {end}", trouble.from_s))
}

fn events(diagnosis: &Diagnosis) -> Option<Part> {
    let mut lines: Vec<(f64, String)> = Vec::new();
    for trigger in &diagnosis.triggers {
        lines.push((trigger.at_s, format!("fault {} begins: {}", trigger.number, trigger.what)));
        lines.extend(trigger.until_s.map(|until| (until, format!("fault {} ends", trigger.number))));
    }
    let first = diagnosis.origin.as_ref().map(|origin| origin.component.as_str());
    for step in diagnosis.propagation.iter().take(MOST) {
        let mark = if first == Some(step.component.as_str()) { " [origin]" } else { "" };
        let through = match step.through.as_deref() {
            Some(through) => format!(", {:.1} s after the origin, next to {through}", step.after_s),
            None => String::new(),
        };
        lines.push((step.at_s, format!("{}{mark}: {}{through}", step.component, step.evidence)));
    }
    lines.extend(diagnosis.deeds.iter().take(MOST).map(|deed| (deed.at_s, deed.told())));
    for cycle in &diagnosis.cycles {
        lines.extend(cycle.closed_at_s.map(|at| (at, format!("the circle closes: {}", cycle.components.join(" → ")))));
    }
    if let Some(trouble) = diagnosis.trouble.filter(|trouble| trouble.recovered) {
        lines.push((trouble.to_s, "all clients are as well as before".to_owned()));
    }
    if lines.is_empty() {
        return None;
    }
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut part = Part::new("What happened");
    if let Some(origin) = &diagnosis.origin {
        part.tell(format!("Origin: {} at {:.1} s. {}.", origin.component, origin.at_s, capital(&origin.evidence)));
    }
    for (at, line) in lines {
        part.line(Form::Time, &format!("{at:.1} s"), line);
    }
    for (count, what) in [(diagnosis.propagation.len(), "components"), (diagnosis.deeds.len(), "alerts and actions")] {
        if count > MOST {
            part.tell(format!("… and {} more {what}", count - MOST));
        }
    }
    Some(part)
}

fn cycles(diagnosis: &Diagnosis) -> Vec<Part> {
    let of = |cycle: &crate::experiment::diagnosis::Cycle| {
        let mut part = Part::new("Waiting in a circle");
        let ring = cycle.components.join(" → ");
        let first = cycle.components.first().map_or("", String::as_str);
        part.tell(match cycle.closed_at_s {
            Some(at) => format!("{ring} → {first}: closed for good at {at:.1} s, {} calls are stuck.", cycle.stuck),
            None => format!("{ring} → {first}: all are full; only timeouts open it, and it closes again."),
        });
        part
    };
    diagnosis.cycles.iter().map(of).collect()
}

fn radius(diagnosis: &Diagnosis) -> Option<Part> {
    diagnosis.trouble?;
    let radius = &diagnosis.radius;
    let grade = match radius.grade {
        Grade::None => "none",
        Grade::Low => "low",
        Grade::Medium => "medium",
        Grade::High => "high",
    };
    let mut part = Part::new(format!("Blast radius: {grade}"));
    part.tell(format!("{}.", capital(&radius.reason)));
    let traffic = format!("{} of what began while it lasted, {:.0} requests", percent(radius.traffic), radius.requests);
    part.line(Form::Name, "traffic", traffic);
    part.line(Form::Name, "clients", affected(&radius.clients));
    part.line(Form::Name, "services", affected(&radius.services));
    if radius.sessions > 0.0 {
        part.line(Form::Name, "sessions", format!("{} of them were lost", percent(radius.sessions)));
    }
    if radius.lasting > 0 {
        part.line(Form::Name, "lasting", format!("{} effects made twice, served wrong or lost", radius.lasting));
    }
    let meta = match diagnosis.metastable.as_slice() {
        [] => "no".to_owned(),
        clients => format!("yes: {} down for good after the fault is over", clients.join(", ")),
    };
    part.line(Form::Name, "metastable", meta);
    Some(part)
}

fn waste(diagnosis: &Diagnosis) -> Option<Part> {
    let mut part = Part::new("Wasted work and added load");
    for wasted in diagnosis.wasted.iter().take(5) {
        let words = format!("{} of its work was for nobody ({})", percent(wasted.share), time(wasted.work_s));
        part.point(format!("services.{}: {words}", wasted.service));
    }
    for amplified in diagnosis.amplified.iter().take(5) {
        let before = or_dash(amplified.before, times);
        let words = format!("{} the calls that nobody repeated; before {before}", times(amplified.during));
        part.point(format!("services.{}: {words}", amplified.service));
    }
    (!part.lines.is_empty()).then_some(part)
}

fn steady(all: &[Steady]) -> Part {
    let row = |steady: &Steady| {
        let share = |level: &Level, held: Option<bool>| {
            let mark = match held {
                Some(true) => " ✓",
                Some(false) => " ✗",
                None => "",
            };
            format!("{}{mark}", or_dash(level.goodput_share, percent))
        };
        let tail = |level: &Level| or_dash(level.latency_p99_s, time);
        vec![
            steady.client.clone(),
            share(&steady.before, None),
            share(&steady.during, steady.held_during),
            share(&steady.after, steady.held_after),
            tail(&steady.before),
            tail(&steady.during),
            tail(&steady.after),
        ]
    };
    let mut part = Part::new("Steady state");
    part.tell("Requests that ended well, of those that began; ✓ keeps 95% of before.");
    let head = ["client", "before", "during", "after", "p99 before", "p99 during", "p99 after"];
    part.table = [head.map(str::to_owned).to_vec()].into_iter().chain(all.iter().map(row)).collect();
    part
}

/// What runs of one variant came to: a verdict, where it began, and in how many of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// The kind of failure, as in the story; `nothing failed` without any.
    pub(crate) verdict: String,
    /// The component where it began.
    pub(crate) origin: String,
    pub(crate) seeds: usize,
}

/// Verdicts and origins of several seeds, the most frequent first.
pub(crate) fn tally<'a>(diagnoses: impl IntoIterator<Item = &'a Diagnosis>) -> Vec<Tally> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for diagnosis in diagnoses {
        let verdict = match (diagnosis.trouble, diagnosis.causes.first()) {
            (None, _) => "nothing failed".to_owned(),
            (_, None) => "no known cause".to_owned(),
            (_, Some(first)) => first.cause.to_string(),
        };
        let origin = diagnosis.origin.as_ref().map_or("–".to_owned(), |origin| origin.component.clone());
        *counts.entry((verdict, origin)).or_default() += 1;
    }
    let of = |((verdict, origin), seeds)| Tally { verdict, origin, seeds };
    let mut all: Vec<Tally> = counts.into_iter().map(of).collect();
    all.sort_by_key(|tally| std::cmp::Reverse(tally.seeds));
    all
}

fn affected(affected: &Affected) -> String {
    let count = affected.direct.len() + affected.indirect.len();
    let part = |what: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("; {what} {}", names.join(", ")),
    };
    format!(
        "{count} of {} {}{}{}",
        affected.of,
        "affected",
        part("directly", &affected.direct),
        part("indirectly", &affected.indirect)
    )
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
