//! The verdicts: what was expected, in how many seeds it held, and where it is written.

use super::Findings;
use super::number::percent;
use super::style::{BAD, DIM, GOOD, HEADING, paint, wrap};
use crate::experiment::{Judged, Outcome};

/// A heading and a line for each expectation of each variant.
pub(super) fn verdicts(findings: &Findings<'_>, width: usize) -> String {
    let mut out = paint(HEADING, "Verdicts");
    if findings.outcomes.iter().any(|outcome| outcome.lines.len() > 1) {
        out += &format!(" {}", paint(DIM, "(seeds in which each is true, and the median)"));
    }
    out += "\n";
    if findings.outcomes.iter().all(|outcome| outcome.judged.is_empty()) {
        let hint = "  nothing is expected: the section `expect` says what must hold (squall list expect)";
        out += &format!("{}\n", paint(DIM, hint));
        return out;
    }
    let longest = |outcome: &Outcome| outcome.judged.iter().map(|j| j.expectation.text.chars().count()).max();
    let column = findings.outcomes.iter().filter_map(longest).max().unwrap_or(0).min(width.saturating_sub(28));
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
        out += &format!("        {}\n", paint(DIM, format!("{}:{}", expectation.file.display(), expectation.line)));
    }
    out
}

fn found(judged: &Judged) -> String {
    let (expectation, verdict) = (&judged.expectation, judged.verdict());
    let mut words = if verdict.of == 1 {
        judged.judgements.first().map(|judgement| judgement.shown.clone()).unwrap_or_default()
    } else {
        let median = judged.median().map_or("", |median| median.shown.as_str());
        format!("{}/{} seeds, {median}", verdict.held, verdict.of)
    };
    if expectation.seeds < 1.0 && !expectation.broken_by_this {
        words += &format!(" (needed in {})", percent(expectation.seeds));
    }
    match (expectation.broken_by_this, verdict.ok) {
        (true, true) => format!("{words}; broken here, as expected"),
        (true, false) => format!("{words}; not broken here, though `broken_by` says so"),
        (false, _) => words,
    }
}
