//! What failed first, and what waits for itself.

use super::style::{BAD, DIM, HEADING, paint, wrap};
use super::text::plural;
use crate::experiment::Outcome;
use squall_models::report::Report;

/// More components than this are not listed.
const MOST: usize = 12;

/// The failure order of the first seed, in how many seeds each came first, and deadlocks.
pub(super) fn failures(outcome: &Outcome, first: &Report, width: usize) -> String {
    let mut out = format!("\n{}", paint(HEADING, "Failure order"));
    if first.failure_order.is_empty() {
        out += ": nothing failed or filled up\n";
    } else {
        out += &format!(" {}\n", paint(DIM, format!("(seed {}; what saturated or failed first)", first.seed)));
        out += &order(outcome, first, width);
    }
    out + &deadlocks(outcome, first, width)
}

fn order(outcome: &Outcome, first: &Report, width: usize) -> String {
    let mut out = String::new();
    let shown = &first.failure_order[..first.failure_order.len().min(MOST)];
    let names = shown.iter().map(|failing| failing.component.chars().count()).max().unwrap_or(0).min(width / 3);
    for (place, failing) in shown.iter().enumerate() {
        let at = format!("{:.1}s", failing.at.seconds());
        let head = format!("  {:>2}. {at:>9}  {:names$}  ", place + 1, failing.component);
        let indent = head.chars().count();
        for (number, line) in wrap(&failing.evidence, width.saturating_sub(indent).max(20)).into_iter().enumerate() {
            let start = if number == 0 { head.clone() } else { " ".repeat(indent) };
            out += &format!("{start}{line}\n");
        }
    }
    if first.failure_order.len() > MOST {
        out += &format!("  {}\n", paint(DIM, format!("… and {} more", first.failure_order.len() - MOST)));
    }
    let seeds = outcome.lines.len();
    if seeds > 1 {
        let mut firsts: Vec<_> = outcome.failed_first.iter().collect();
        firsts.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let words: Vec<_> = firsts.iter().take(4).map(|(name, count)| format!("{name} in {count}")).collect();
        let line = format!("first of {seeds} {}: {}", plural(seeds, "seed"), words.join(", "));
        for line in wrap(&line, width - 2) {
            out += &format!("  {}\n", paint(DIM, line));
        }
    }
    out
}

fn deadlocks(outcome: &Outcome, first: &Report, width: usize) -> String {
    let with = outcome.lines.iter().filter(|line| line.deadlocks > 0).count();
    if with == 0 {
        return String::new();
    }
    let mut out = format!("\n{}", paint(BAD, format!("Deadlock in {with} of {} seeds", outcome.lines.len())));
    let Some(deadlock) = first.deadlocks.first() else {
        let seed = outcome.lines.iter().find(|line| line.deadlocks > 0).map_or(0, |line| line.seed);
        return out + &format!(": see --seed {seed}\n");
    };
    let ring = deadlock.cycle.first().into_iter();
    let cycle: Vec<&str> = deadlock.cycle.iter().chain(ring).map(String::as_str).collect();
    out += "\n";
    let told = format!(
        "at {:.1}s: {} wait for each other in a ring; {} calls are stuck in it or behind it",
        deadlock.at.seconds(),
        cycle.join(" → "),
        deadlock.stuck
    );
    for line in wrap(&told, width - 2) {
        out += &format!("  {line}\n");
    }
    if first.deadlocks.len() > 1 {
        out += &format!("  {}\n", paint(DIM, format!("… and {} later ones", first.deadlocks.len() - 1)));
    }
    out
}
