//! What was done to the system, by whom, and what came of it.

use super::style::{DIM, HEADING, paint, wrap};
use squall_models::report::{Acted, Report};

/// More entries than this are not listed.
const MOST: usize = 16;

/// The log of the first seed, without what the list of faults says already; nothing if nothing else was done.
pub(super) fn actions(first: &Report, width: usize) -> String {
    let told: Vec<&Acted> = first.actions.iter().filter(|acted| !is_plain(acted)).collect();
    if told.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{} {}\n", paint(HEADING, "What was done"), paint(DIM, format!("(seed {})", first.seed)));
    let shown = &told[..told.len().min(MOST)];
    let causes = shown.iter().map(|acted| acted.cause.chars().count()).max().unwrap_or(0).min(width / 3);
    for acted in shown {
        let at = format!("{:.1}s", acted.at.seconds());
        let head = format!("  {at:>9}  {:causes$}  ", acted.cause);
        let indent = head.chars().count();
        let comma = if acted.effect.is_empty() { "" } else { ": " };
        let text = format!("{} {}{comma}{}", acted.action, acted.target, acted.effect);
        for (number, line) in wrap(&text, width.saturating_sub(indent).max(20)).into_iter().enumerate() {
            let start = if number == 0 { head.clone() } else { " ".repeat(indent) };
            out += &format!("{start}{line}\n");
        }
    }
    let more = (told.len() - shown.len()) as u64 + first.actions_cut;
    if more > 0 {
        out += &format!("  {}\n", paint(DIM, format!("… and {more} more: see actions.csv of --out")));
    }
    out
}

/// A fault that begins or ends as its entry in the file says.
fn is_plain(acted: &Acted) -> bool {
    acted.cause.starts_with("fault ") && acted.effect == "done"
}
