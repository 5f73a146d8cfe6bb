//! The story of one run: what happened, why, and to whom, with times.

use super::number::{or_dash, percent, time, times};
use super::style::{BAD, DIM, GOOD, HEADING, paint, wrap};
use super::table::table;
use crate::experiment::diagnosis::{Affected, Diagnosis, Finding, Grade, Level, Steady};

/// Steps that are told, at most.
const MOST: usize = 15;

/// A diagnosis as a story. `name` is that of the scenario.
#[must_use]
pub fn explanation(name: &str, diagnosis: &Diagnosis, width: usize) -> String {
    let width = width.clamp(40, 120);
    let mut story = Story { out: String::new(), width };
    story.out += &format!(
        "{} {}\n",
        paint(HEADING, name),
        paint(DIM, format!("(variant {}, seed {})", diagnosis.variant, diagnosis.seed))
    );
    story.verdict(diagnosis);
    story.events(diagnosis);
    story.cycles(diagnosis);
    story.radius(diagnosis);
    story.waste(diagnosis);
    story.steady(&diagnosis.steady);
    story.out
}

struct Story {
    out: String,
    width: usize,
}

impl Story {
    fn heading(&mut self, text: &str) {
        self.out += &format!("\n{}\n", paint(HEADING, text));
    }

    /// A paragraph under a heading.
    fn tell(&mut self, text: &str) {
        for line in wrap(text, self.width - 2) {
            self.out += &format!("  {line}\n");
        }
    }

    /// A line with something in front of it, and the rest of it below itself.
    fn item(&mut self, head: &str, text: &str) {
        let indent = head.chars().count();
        for (number, line) in wrap(text, self.width.saturating_sub(indent).max(20)).iter().enumerate() {
            let start = if number == 0 { head.to_owned() } else { " ".repeat(indent) };
            self.out += &format!("{start}{line}\n");
        }
    }

    fn verdict(&mut self, diagnosis: &Diagnosis) {
        let Some(trouble) = diagnosis.trouble else {
            self.out += &format!("{}\n", paint(GOOD, "Nothing failed or filled up."));
            return;
        };
        let end = match trouble.recovered {
            true => format!("to {:.1} s, when it was over", trouble.to_s),
            false => format!("to the end of the run at {:.1} s", trouble.to_s),
        };
        let what = diagnosis.causes.first().map_or("no known cause".to_owned(), |first| first.cause.to_string());
        self.out += &format!("{} from {:.1} s {end}\n", paint(BAD, capital(&what)), trouble.from_s);
        for (finding, rank) in diagnosis.causes.iter().zip(["Verdict", "Runner-up"]) {
            self.heading(&format!("{rank}: {} {}", finding.cause, paint(DIM, format!("(score {:.2})", finding.score))));
            self.evidence(finding);
        }
    }

    fn evidence(&mut self, finding: &Finding) {
        for evidence in &finding.evidence {
            self.item("  - ", evidence);
        }
    }

    fn events(&mut self, diagnosis: &Diagnosis) {
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
        for cycle in &diagnosis.cycles {
            lines.extend(
                cycle.closed_at_s.map(|at| (at, format!("the circle closes: {}", cycle.components.join(" → ")))),
            );
        }
        if let Some(trouble) = diagnosis.trouble.filter(|trouble| trouble.recovered) {
            lines.push((trouble.to_s, "all clients are as well as before".to_owned()));
        }
        if lines.is_empty() {
            return;
        }
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.heading("What happened");
        if let Some(origin) = &diagnosis.origin {
            self.tell(&format!("Origin: {} at {:.1} s. {}.", origin.component, origin.at_s, capital(&origin.evidence)));
        }
        for (at, line) in lines {
            self.item(&format!("  {:>9}  ", format!("{at:.1} s")), &line);
        }
        if diagnosis.propagation.len() > MOST {
            self.tell(&format!("… and {} more components", diagnosis.propagation.len() - MOST));
        }
    }

    fn cycles(&mut self, diagnosis: &Diagnosis) {
        for cycle in &diagnosis.cycles {
            self.heading("Waiting in a circle");
            let ring = cycle.components.join(" → ");
            let first = cycle.components.first().map_or("", String::as_str);
            self.tell(&match cycle.closed_at_s {
                Some(at) => format!("{ring} → {first}: closed for good at {at:.1} s, {} calls are stuck.", cycle.stuck),
                None => format!("{ring} → {first}: all are full; only timeouts open it, and it closes again."),
            });
        }
    }

    fn radius(&mut self, diagnosis: &Diagnosis) {
        if diagnosis.trouble.is_none() {
            return;
        }
        let radius = &diagnosis.radius;
        let grade = match radius.grade {
            Grade::None => "none",
            Grade::Low => "low",
            Grade::Medium => "medium",
            Grade::High => "high",
        };
        self.heading(&format!("Blast radius: {grade}"));
        self.tell(&format!("{}.", capital(&radius.reason)));
        self.item(
            "  traffic   ",
            &format!("{} of what began while it lasted, {:.0} requests", percent(radius.traffic), radius.requests),
        );
        self.item("  clients   ", &affected(&radius.clients));
        self.item("  services  ", &affected(&radius.services));
        if radius.sessions > 0.0 {
            self.item("  sessions  ", &format!("{} of them were lost", percent(radius.sessions)));
        }
        if radius.lasting > 0 {
            self.item("  lasting   ", &format!("{} effects made twice, served wrong or lost", radius.lasting));
        }
        let meta = match diagnosis.metastable.as_slice() {
            [] => "no".to_owned(),
            clients => format!("yes: {} down for good after the fault is over", clients.join(", ")),
        };
        self.item("  metastable  ", &meta);
    }

    fn waste(&mut self, diagnosis: &Diagnosis) {
        if diagnosis.wasted.is_empty() && diagnosis.amplified.is_empty() {
            return;
        }
        self.heading("Wasted work and added load");
        for wasted in diagnosis.wasted.iter().take(5) {
            let words = format!("{} of its work was for nobody ({})", percent(wasted.share), time(wasted.work_s));
            self.item("  - ", &format!("services.{}: {words}", wasted.service));
        }
        for amplified in diagnosis.amplified.iter().take(5) {
            let before = or_dash(amplified.before, times);
            let words = format!("{} the calls that nobody repeated; before {before}", times(amplified.during));
            self.item("  - ", &format!("services.{}: {words}", amplified.service));
        }
    }

    fn steady(&mut self, all: &[Steady]) {
        let columns = [
            ("client", 0),
            ("before", 0),
            ("during", 0),
            ("after", 0),
            ("p99 before", 1),
            ("p99 during", 1),
            ("p99 after", 1),
        ];
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
        let rows: Vec<Vec<String>> = all.iter().map(row).collect();
        self.heading("Steady state");
        self.tell("Requests that ended well, of those that began; ✓ keeps 95% of before.");
        self.out += &table(&columns, &rows, self.width);
    }
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
