//! What `squall run --watch` shows while runs go on: a line for each variant, and the goodput of the run that has ended last.

use super::number::in_unit;
use super::style::{BAD, DIM, GOOD, HEADING, paint};
use super::timeline::{Fold, axis, shorten, sparkline, squeeze};
use crate::experiment::Outcome;
use crate::experiment::measure::all_clients;
use squall_models::report::Report;

/// Variants that get lines; more of them would fill the screen.
const MOST: usize = 12;

/// What is kept of the run that has ended last.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    variant: String,
    seed: u64,
    /// Of all clients together, window by window.
    goodput: Vec<f64>,
    /// How long the windows are together.
    seconds: f64,
}

impl Latest {
    /// A run of this variant.
    #[must_use]
    pub fn of(variant: &str, report: &Report) -> Self {
        let goodput = all_clients(&report.series, "goodput");
        let seconds = report.series.resolution.seconds() * goodput.len() as f64;
        Self { variant: variant.to_owned(), seed: report.seed, goodput, seconds }
    }
}

/// The view, of variants that are run with so many seeds each. No line is wider than `width`, from 30 columns on.
#[must_use]
pub fn watch(name: &str, outcomes: &[Outcome], seeds: usize, latest: Option<&Latest>, width: usize) -> String {
    let width = width.clamp(30, 140);
    let mut out = paint(HEADING, shorten(name, width));
    // Variants are run one after the other: the one that is being run is in view, and those after it as far as there is room.
    let begun = outcomes.iter().rposition(|outcome| !outcome.lines.is_empty()).unwrap_or(0);
    let shown = &outcomes[(begun + 1).saturating_sub(MOST)..];
    let shown = &shown[..shown.len().min(MOST)];
    let digits = 2 * seeds.to_string().len() + 1;
    // Beside the name there are the runs, and two verdicts of two digits each.
    let room = width.saturating_sub(digits + 16).max(4);
    let names = shown.iter().map(|outcome| outcome.name.chars().count()).max().unwrap_or(0).min(room);
    for outcome in shown {
        let runs = format!("{}/{seeds}", outcome.lines.len());
        out += &format!("\n  {:names$}  {runs:>digits$}{}", shorten(&outcome.name, names), verdicts(outcome));
    }
    if shown.len() < outcomes.len() {
        out += &format!("\n  {}", paint(DIM, format!("… {} more", outcomes.len() - shown.len())));
    }
    if let Some(latest) = latest.filter(|latest| !latest.goodput.is_empty()) {
        out += &goodput_lines(latest, width);
    }
    out
}

/// How many expectations have come out as expected so far, and how many have not.
fn verdicts(outcome: &Outcome) -> String {
    if outcome.lines.is_empty() || outcome.judged.is_empty() {
        return String::new();
    }
    let good = outcome.judged.iter().filter(|judged| judged.verdict().ok).count();
    let bad = outcome.judged.len() - good;
    let mut out = format!("  {}", paint(GOOD, format!("✓ {good}")));
    if bad > 0 {
        out += &format!("  {}", paint(BAD, format!("✗ {bad}")));
    }
    out
}

fn goodput_lines(latest: &Latest, width: usize) -> String {
    let peak = latest.goodput.iter().copied().filter(|rate| rate.is_finite()).fold(0.0, f64::max);
    let most = format!("max {}", in_unit(peak, "1/s"));
    let cells = width.saturating_sub(4 + most.chars().count()).clamp(8, 100).min(latest.goodput.len());
    let line = sparkline(&squeeze(&latest.goodput, cells, Fold::Mean), peak);
    let title = shorten(&format!("goodput of {}, seed {}", latest.variant, latest.seed), width - 2);
    format!("\n  {title}\n  {line}  {most}\n  {}", paint(DIM, axis(cells, latest.seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Fold as Folded, Plan, execute};
    use crate::scenario::{Case, load_bytes};
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    const SCENARIO: &str = "
squall: 1
clients:
  web: { to: api.get, arrivals: { deterministic: { rate: 50/s } } }
  app: { to: api.get, arrivals: { deterministic: { rate: 10/s } } }
services:
  api: { capacity: { workers: 4 }, endpoints: { get: { steps: [{ work: 5ms }] } } }
variants:
  a-variant-with-a-long-name-that-does-not-fit: { set: { services.api.capacity.workers: 8 } }
run: { duration: 40s, seeds: 3 }
expect: [clients.web.success >= 99%, clients.web.latency.p99 < 1ms]
";

    /// What is shown after so many runs, without colours.
    fn shown(runs: usize, width: usize) -> String {
        let loaded = load_bytes(Path::new("test.yaml"), SCENARIO.as_bytes(), &[]).unwrap();
        let cases: Vec<&Case> = loaded.cases.iter().collect();
        let (mut fold, mut latest, mut taken) = (Folded::new(&cases), None, 0);
        let plan = Plan { cases, seeds: vec![1, 2, 3], threads: 1, twice: false };
        let all = execute(&plan, &AtomicBool::new(false), |run| {
            if taken < runs {
                latest = Some(Latest::of(&plan.cases[run.case].name, &run.report));
                fold.take(run);
            }
            taken += 1;
            Ok::<(), ()>(())
        });
        assert_eq!(all, Ok(true));
        let text = watch("test", fold.so_far(), 3, latest.as_ref(), width);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn each_variant_has_a_line_and_the_last_run_its_goodput() {
        let names = ["unmitigated", "a-variant-with-a-long-name-that-does-not-fit"];
        let column = |text: &str| format!("{text:44}");
        let text = shown(4, 140);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "test");
        assert_eq!(lines[1], format!("  {}  3/3  ✓ 1  ✗ 1", column(names[0])));
        assert_eq!(lines[2], format!("  {}  1/3  ✓ 1  ✗ 1", column(names[1])));
        assert_eq!(lines[3], format!("  goodput of {}, seed 1", names[1]));
        assert_eq!(lines[4], format!("  {}  max 60/s", "█".repeat(40)));
        assert!(lines[5].trim_start().starts_with("0s") && lines[5].ends_with("40s"), "{}", lines[5]);
        assert_eq!(lines.len(), 6);
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        for width in [30, 40, 60, 80, 200] {
            let text = shown(5, width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}:\n{text}");
            assert!(text.contains("2/3  ✓ 1  ✗ 1") && text.contains("max 60/s"), "{width}:\n{text}");
        }
    }

    #[test]
    fn before_the_first_run_there_is_nothing_to_judge() {
        let text = shown(0, 80);
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains("0/3") && !text.contains('✓') && !text.contains("goodput"), "{text}");
    }
}
