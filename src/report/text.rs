//! What `squall run` prints: verdicts first, then the variants side by side, then one variant in detail.

use super::number::{or_dash, percent, rate, time, times};
use super::style::{BAD, DIM, HEADING, paint, wrap};
use super::{Findings, actions, details, failures, table, timeline, verdicts};
use crate::experiment::Outcome;
use crate::experiment::measure::{answered, ratio, share};
use squall_models::histogram::Histogram;
use squall_models::report::{ClientTotals, Ending, ServiceTotals, Totals};

/// How the report is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Columns of the terminal.
    pub width: usize,
    /// Only the verdicts.
    pub quiet: bool,
    /// The options that lead to the same runs again, such as `--seed 7`, as the user gave them.
    pub options: String,
    /// The user chose among the variants.
    pub chosen: bool,
}

/// The report as text with colours; what removes them where they are not wanted is the writer.
#[must_use]
pub fn text(findings: &Findings<'_>, shown: &Shown) -> String {
    let width = shown.width.clamp(40, 140);
    let mut out = String::new();
    if shown.quiet {
        out += &verdicts::verdicts(findings, width);
        return out;
    }
    out += &title(findings, width);
    out += &verdicts::verdicts(findings, width);
    out += "\n";
    out += &side_by_side(findings, width);
    if let Some(outcome) = findings.outcomes.first() {
        out += &one_variant(findings, outcome, width);
    }
    out += &hints(findings, shown, width);
    out
}

pub(super) fn title(findings: &Findings<'_>, width: usize) -> String {
    let loaded = findings.loaded;
    let mut out = format!("{}\n", paint(HEADING, &loaded.name));
    for line in loaded.about.iter().flat_map(|about| wrap(about, width.min(100))) {
        out += &format!("{line}\n");
    }
    let settings = &loaded.settings;
    let mut scope = format!("{} simulated", settings.duration);
    if !settings.warmup.is_zero() {
        scope += &format!(", the first {} not counted", settings.warmup);
    }
    let counts = findings.outcomes.iter().map(|outcome| outcome.lines.len());
    let (least, most) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
    let seeds = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let variants = findings.outcomes.len();
    scope += &format!(", {variants} {}, {seeds} {}", plural(variants, "variant"), plural(most, "seed"));
    for line in wrap(&scope, width) {
        out += &format!("{}\n", paint(DIM, line));
    }
    if findings.interrupted {
        out += &format!("{}\n", paint(BAD, "Interrupted: only the runs that had finished are in here."));
    }
    out + "\n"
}

/// `seed` or `seeds`.
pub(super) fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

fn side_by_side(findings: &Findings<'_>, width: usize) -> String {
    let columns = [
        ("variant", 0),
        ("offered", 1),
        ("goodput", 0),
        ("ended\nwell", 0),
        ("per seed", 5),
        ("p50", 3),
        ("p99", 0),
        ("attempts\nper request", 4),
        ("most load\namplified", 2),
        ("worst\nutilisation", 0),
        ("bottleneck", 6),
    ];
    let rows: Vec<_> = findings.outcomes.iter().filter_map(summary).collect();
    let seeds = findings.outcomes.iter().map(|outcome| outcome.lines.len()).max().unwrap_or(0);
    let scope = if seeds == 1 { String::new() } else { format!(" {}", paint(DIM, "(all seeds and clients together)")) };
    format!("{}{scope}\n{}\n", paint(HEADING, "Variants"), table::table(&columns, &rows, width))
}

fn summary(outcome: &Outcome) -> Option<Vec<String>> {
    let totals = outcome.totals.as_ref()?;
    let mut latency = Histogram::default();
    totals.clients.iter().for_each(|client| latency.add(&client.latency));
    let sum = |of: fn(&ClientTotals) -> u64| totals.clients.iter().map(of).sum::<u64>();
    let (ok, ended) = (sum(|c| c.ok), sum(ClientTotals::ended));
    let per_second = |count: u64| (outcome.seconds > 0.0).then(|| count as f64 / outcome.seconds);
    let amplified = worst(outcome, totals, |s| ratio(s.arrivals, s.first_arrivals));
    let busiest = worst(outcome, totals, |s| share(s.held, s.available));
    Some(vec![
        outcome.name.clone(),
        or_dash(per_second(sum(|c| c.arrivals)), rate),
        or_dash(per_second(ok), rate),
        or_dash(answered(&totals.clients).map(|share| share.min(1.0)), percent),
        spread(outcome),
        or_dash(latency.quantile(0.5), time),
        or_dash(latency.quantile(0.99), time),
        or_dash(ratio(sum(|c| c.attempts), ended), super::number::digits),
        or_dash(amplified.map(|(value, _)| value), times),
        or_dash(busiest.map(|(value, _)| value), percent),
        busiest.map_or("-", |(_, name)| name).to_owned(),
    ])
}

/// The smallest and the largest share of requests that ended well in a seed, over all clients.
fn spread(outcome: &Outcome) -> String {
    let shares = outcome.lines.iter().filter_map(|line| line.success);
    let (low, high) = shares.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), m| (low.min(m), high.max(m)));
    if low > high || outcome.lines.len() < 2 {
        return "-".to_owned();
    }
    let (low, high) = (percent(low), percent(high));
    if low == high { low } else { format!("{} – {high}", low.trim_end_matches('%')) }
}

/// The service with the largest value, and that value.
fn worst<'a>(outcome: &'a Outcome, totals: &Totals, of: fn(&ServiceTotals) -> Option<f64>) -> Option<(f64, &'a str)> {
    let services = outcome.names.services.iter().zip(&totals.services);
    let values = services.filter_map(|(name, service)| of(service).map(|value| (value, name.as_str())));
    values.max_by(|a, b| a.0.total_cmp(&b.0))
}

fn one_variant(findings: &Findings<'_>, outcome: &Outcome, width: usize) -> String {
    let mut out = paint(HEADING, format!("{} in detail", outcome.name));
    let seeds = outcome.lines.len();
    if seeds > 1 {
        out += &format!(" {}", paint(DIM, format!("(all {seeds} seeds together)")));
    }
    out += "\n";
    for line in outcome.about.iter().flat_map(|about| wrap(about, width.min(100) - 2)) {
        out += &format!("  {line}\n");
    }
    out += &details::details(outcome, width);
    let Some(first) = &outcome.first else { return out };
    let case = findings.loaded.cases.iter().find(|case| case.name == outcome.name);
    let marks: Vec<_> = case.iter().flat_map(|case| &case.world.faults).filter_map(timeline::mark).collect();
    let lines = timeline::timeline(first, &marks, width);
    if !lines.is_empty() {
        out += &format!("\n{} {}\n{lines}", paint(HEADING, "Over time"), paint(DIM, format!("(seed {})", first.seed)));
        for (number, fault) in outcome.names.faults.iter().enumerate() {
            for (at, line) in wrap(fault, width - 5).into_iter().enumerate() {
                let label = if at == 0 { format!("{:>3}", number + 1) } else { "   ".to_owned() };
                out += &format!("{label}  {line}\n");
            }
        }
    }
    out += &actions::actions(first, width);
    out += &failures::failures(outcome, first, width);
    out += &endings(outcome);
    out
}

/// Runs that did not come to their planned end.
fn endings(outcome: &Outcome) -> String {
    let mut out = String::new();
    for (ending, words) in
        [(Ending::EventLimit, "`run.limits.events`"), (Ending::InFlightLimit, "`run.limits.in_flight`")]
    {
        let ended: Vec<_> = outcome.lines.iter().filter(|line| line.ending == ending).collect();
        if let Some(first) = ended.first() {
            let count = format!("{} of {} seeds", ended.len(), outcome.lines.len());
            let told = format!("{count} ended early at {words}, seed {} at {}.", first.seed, first.ended_at);
            out += &format!("\n{}\n", paint(BAD, told));
        }
    }
    out
}

fn hints(findings: &Findings<'_>, shown: &Shown, width: usize) -> String {
    let file = findings.loaded.path.display();
    let mut out = "\n".to_owned();
    let mut hint = |what: &str, how: String| {
        let line = format!("{what}: {how}");
        let line = if line.chars().count() > width { format!("{what}:\n  {how}") } else { line };
        out += &format!("{}\n", paint(DIM, line));
    };
    let another = findings
        .loaded
        .cases
        .iter()
        .map(|case| &case.name)
        .find(|name| findings.outcomes.first().is_none_or(|outcome| outcome.name != **name));
    if let (Some(another), false) = (another, shown.chosen) {
        hint("another variant in detail", format!("squall run {file} --variant {another}{}", shown.options));
    }
    if let Some((outcome, line)) = findings.outcomes.first().and_then(|o| o.lines.first().map(|line| (o, line))) {
        let how = format!("squall run {file} --variant {} --seed {} --seeds 1", outcome.name, line.seed);
        hint("one run again, the same to the last event", format!("{how}{}", sets(&shown.options)));
    }
    out
}

/// The `--set` options among the options: the seeds are given anew.
fn sets(options: &str) -> &str {
    options.find(" --set ").map_or("", |at| &options[at..])
}
