//! The story of one run in a terminal: what happened, why, and to whom, with times.

use super::story::{Form, Line, Story, Tally, story, tally};
use super::style::{BAD, DIM, GOOD, HEADING, paint, wrap};
use super::table::{Column, table};
use crate::experiment::diagnosis::Diagnosis;
use serde_json::{Value, json};

/// A diagnosis as a story. `name` is that of the scenario.
#[must_use]
pub fn explanation(name: &str, diagnosis: &Diagnosis, width: usize) -> String {
    let width = width.clamp(40, 120);
    let of = format!("(variant {}, seed {})", diagnosis.variant, diagnosis.seed);
    let Story { verdict, rest, good, parts } = story(diagnosis);
    let mut out = format!("{} {}\n", paint(HEADING, name), paint(DIM, of));
    for line in wrap(&format!("{verdict} {rest}"), width) {
        // In a very narrow terminal the verdict itself may be broken.
        let (strong, plain) =
            if line.starts_with(&verdict) { line.split_at(verdict.len()) } else { ("", line.as_str()) };
        let strong = if strong.is_empty() { String::new() } else { paint(if good { GOOD } else { BAD }, strong) };
        out += &format!("{strong}{plain}\n");
    }
    for part in &parts {
        let aside = if part.aside.is_empty() { String::new() } else { format!(" {}", paint(DIM, &part.aside)) };
        out += &format!("\n{}{aside}\n", paint(HEADING, &part.heading));
        part.lines.iter().for_each(|line| item(&mut out, line, width));
        if let Some((head, rows)) = part.table.split_first() {
            // What is after them in time, and tails, matter less.
            let columns: Vec<Column<'_>> =
                head.iter().map(|name| (name.as_str(), u8::from(name.starts_with("p99")))).collect();
            out += &table(&columns, rows, width);
        }
    }
    out
}

/// A line with something in front of it, and the rest of it below itself.
fn item(out: &mut String, line: &Line, width: usize) {
    let head = match line.form {
        Form::Sentence => "  ".to_owned(),
        Form::Point => "  - ".to_owned(),
        Form::Time => format!("  {:>9}  ", line.head),
        Form::Name => format!("  {:<8}  ", line.head),
    };
    let indent = head.chars().count();
    for (number, text) in wrap(&line.text, width.saturating_sub(indent).max(20)).iter().enumerate() {
        let start = if number == 0 { head.clone() } else { " ".repeat(indent) };
        *out += &format!("{start}{text}\n");
    }
}

/// What all seeds of a variant came to, as a table.
#[must_use]
pub fn over_seeds(diagnoses: &[Diagnosis], width: usize) -> String {
    let row = |tally: Tally| vec![tally.verdict, tally.origin, format!("{} of {}", tally.seeds, diagnoses.len())];
    let rows: Vec<Vec<String>> = tally(diagnoses).into_iter().map(row).collect();
    let heading = paint(HEADING, format!("Over {} seeds", diagnoses.len()));
    let columns = [("verdict", 0), ("origin", 0), ("seeds", 0)];
    format!("\n{heading}\n{}", table(&columns, &rows, width.clamp(40, 120)))
}

/// The same for a program.
#[must_use]
pub fn over_seeds_json(diagnoses: &[Diagnosis]) -> Value {
    json!(tally(diagnoses))
}
