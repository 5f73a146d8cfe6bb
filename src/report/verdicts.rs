//! The verdicts: what was expected, in how many seeds it held, and where it is written.

use super::Findings;
use super::number::percent;
use super::style::{BAD, DIM, GOOD, HEADING, paint, wrap};
use super::text::plural;
use crate::experiment::{Judged, Outcome};

/// A heading and a line for each expectation of each variant.
pub(super) fn verdicts(findings: &Findings<'_>, width: usize) -> String {
    let mut out = format!("{}\n", paint(HEADING, "Verdicts"));
    if findings.outcomes.iter().all(|outcome| outcome.judged.is_empty()) {
        let hint = "  nothing is expected: the section `expect` says what must hold (squall list expect)";
        out += &format!("{}\n", paint(DIM, hint));
        return out;
    }
    let longest = |outcome: &Outcome| outcome.judged.iter().map(|j| j.expectation.text.chars().count()).max();
    let column = findings
        .outcomes
        .iter()
        .filter_map(longest)
        .max()
        .unwrap_or(0)
        .min(width / 2);
    for outcome in findings.outcomes {
        out += &format!("  {}\n", outcome.name);
        for judged in &outcome.judged {
            out += &line(judged, column, width);
        }
    }
    out
}

fn line(judged: &Judged, column: usize, width: usize) -> String {
    let (expectation, verdict) = (&judged.expectation, judged.verdict());
    let (mark, style) = if verdict.ok { ("✓", GOOD) } else { ("✗", BAD) };
    let found = found(judged);
    let length = expectation.text.chars().count();
    let mut out = format!("    {} {}", paint(style, mark), expectation.text);
    if 6 + column.max(length) + 2 + found.chars().count() <= width {
        out += &format!("{}  {found}\n", " ".repeat(column.saturating_sub(length)));
    } else {
        out += "\n";
        for line in wrap(&found, width - 8) {
            out += &format!("        {line}\n");
        }
    }
    if !verdict.ok {
        out += &format!(
            "        {}\n",
            paint(DIM, format!("{}:{}", expectation.file.display(), expectation.line))
        );
    }
    out
}

fn found(judged: &Judged) -> String {
    let (expectation, verdict) = (&judged.expectation, judged.verdict());
    let mut words = if verdict.of == 1 {
        judged
            .judgements
            .first()
            .map(|judgement| judgement.shown.clone())
            .unwrap_or_default()
    } else {
        let held = format!(
            "held in {} of {} {}",
            verdict.held,
            verdict.of,
            plural(verdict.of, "seed")
        );
        match judged.median() {
            Some(median) => format!("{held}, median {}", median.shown),
            None => held,
        }
    };
    if expectation.seeds < 1.0 && !expectation.broken_by_this {
        words += &format!(" (needed in {})", percent(expectation.seeds));
    }
    match (expectation.broken_by_this, verdict.ok) {
        (true, true) => format!("breaks here, as expected: {words}"),
        (true, false) => format!("does not break here, though `broken_by` says so: {words}"),
        (false, _) => words,
    }
}
