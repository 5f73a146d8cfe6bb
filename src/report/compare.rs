//! What `squall compare` prints: the variants by how much they helped, each in a sentence, then what was asked and measured.

use super::number::{in_unit, or_dash, percent, time, times};
use super::style::{BAD, DIM, GOOD, HEADING, paint, wrap};
use super::table::table;
use super::text::plural;
use super::{Findings, words};
use crate::experiment::{Compared, Comparison, Conclusion, Finding, Standing};
use crate::scenario::ORACLE;

/// A comparison and what it was made of.
#[derive(Clone, Copy, Debug)]
pub struct Comparing<'a> {
    /// The scenario and its runs.
    pub findings: Findings<'a>,
    /// The comparison.
    pub compared: &'a Compared,
    /// How often one was ready to look.
    pub looks: usize,
}

/// The comparison as text. With `quiet` only the sentences.
#[must_use]
pub fn comparison(comparing: &Comparing<'_>, width: usize, quiet: bool) -> String {
    let width = width.clamp(40, 140);
    let mut out = String::new();
    if !quiet {
        out += &super::text::title(&comparing.findings, width);
        out += &ranking(comparing, width);
        out += "\n";
    }
    out += &sentences(comparing.compared, width);
    if !quiet {
        out += &questions(comparing.compared, width);
        out += &others(comparing.compared, width);
        out += &notes(comparing, width);
    }
    out
}

/// The standings: the one that is compared with, then the best first, then the bound.
fn ranked(compared: &Compared) -> Vec<&Standing> {
    let gain =
        |s: &Standing| s.lead(&compared.quantities).and_then(|c| c.pairs.as_ref()).map_or(0.0, |p| p.difference.mean);
    let mut rest: Vec<&Standing> = compared.standings.iter().skip(1).collect();
    rest.sort_by(|a, b| {
        let bound = |s: &Standing| s.name == ORACLE;
        bound(a).cmp(&bound(b)).then(gain(b).total_cmp(&gain(a))).then(a.name.cmp(&b.name))
    });
    compared.standings.first().into_iter().chain(rest).collect()
}

fn ranking(comparing: &Comparing<'_>, width: usize) -> String {
    let compared = comparing.compared;
    let base = compared.standings.first().map_or("", |base| base.name.as_str());
    let interval = format!("points\n[{} interval]", level(compared.level));
    let columns = [
        ("variant", 0),
        ("verdict", 0),
        ("ended\nwell", 0),
        (interval.as_str(), 0),
        ("better\nin", 1),
        ("of what is\npossible", 2),
        ("p (Holm)", 3),
        ("effect\nsize", 4),
        ("seeds", 5),
        ("variance\nremoved", 6),
    ];
    let possible = possible(compared);
    let rows: Vec<Vec<String>> = ranked(compared)
        .into_iter()
        .map(|standing| {
            let lead = standing.lead(&compared.quantities);
            let own = lead.and_then(|c| c.pairs.as_ref());
            let mut row = vec![standing.name.clone(), words::verdict(standing.conclusion).to_owned()];
            row.push(own.map_or("-".to_owned(), |pairs| percent(pairs.other.mean.min(1.0))));
            match (lead, own) {
                (Some(lead), Some(pairs)) if standing.conclusion != Conclusion::Baseline => {
                    let gain = pairs.difference.mean;
                    row.push(words::points(lead));
                    row.push(better_in(lead));
                    row.push(or_dash(possible.map(|possible| gain / possible), closed));
                    row.push(if standing.name == ORACLE { "-".to_owned() } else { words::chance(lead.p_holm) });
                    row.push(or_dash(pairs.effect(), |d| format!("{d:+.1}")));
                    row.push(standing.seeds.to_string());
                    row.push(or_dash(pairs.variance_removed(), percent));
                }
                _ => {
                    row.extend(["-"; 5].map(str::to_owned));
                    row.extend([standing.seeds.to_string(), "-".to_owned()]);
                }
            }
            row
        })
        .collect();
    let heading = paint(HEADING, format!("Compared with {base}"));
    let scope = paint(DIM, "(requests that ended well, of all that arrived)");
    format!("{heading} {scope}\n{}", table(&columns, &rows, width))
}

/// A level of confidence: 95%, or 98.75% where several looks share the error rate.
fn level(level: f64) -> String {
    let text = format!("{:.2}", level * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

fn closed(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

fn better_in(lead: &Comparison) -> String {
    let Some(pairs) = &lead.pairs else { return "-".to_owned() };
    let better = pairs.differences.iter().filter(|difference| **difference > 0.0).count();
    format!("{better}/{}", pairs.differences.len())
}

/// How much more of the requests could end well, by the bound.
fn possible(compared: &Compared) -> Option<f64> {
    let bound = compared.standings.iter().find(|standing| standing.name == ORACLE)?;
    let lead = bound.lead(&compared.quantities)?;
    // A gap within what does not matter is no gap to be closed.
    lead.pairs.as_ref().map(|pairs| pairs.difference.mean).filter(|gap| *gap > lead.margin)
}

fn sentences(compared: &Compared, width: usize) -> String {
    let mut out = format!("{}\n", paint(HEADING, "In words"));
    for standing in ranked(compared).into_iter().skip(1) {
        let style = match standing.conclusion {
            Conclusion::Helped | Conclusion::HelpedAtACost => GOOD,
            Conclusion::MadeWorse => BAD,
            _ => DIM,
        };
        let told = words::sentence(standing, compared);
        let mut lines = wrap(&format!("{}: {told}", standing.name), width - 4).into_iter();
        let first = lines.next().unwrap_or_default();
        let (name, rest) = first.split_at(standing.name.len().min(first.len()));
        out += &format!("  {}{rest}\n", paint(style, name));
        lines.for_each(|line| out += &format!("    {line}\n"));
    }
    out
}

fn questions(compared: &Compared, width: usize) -> String {
    let mut asked: Vec<&str> = Vec::new();
    for answers in compared.standings.iter().flat_map(|standing| &standing.answers) {
        if !asked.contains(&answers.question.as_str()) {
            asked.push(&answers.question);
        }
    }
    if asked.is_empty() {
        return String::new();
    }
    let numbers: Vec<String> = (1..=asked.len()).map(|number| format!("#{number}")).collect();
    let mut columns = vec![("variant", 0)];
    columns.extend(numbers.iter().zip(0_u8..).map(|(number, at)| (number.as_str(), at / 6)));
    let row = |standing: &&Standing| {
        let cell = |question: &&str| {
            let answers = standing.answers.iter().find(|answers| answers.question == **question);
            answers.map_or("-".to_owned(), |a| {
                let mark = if a.p_holm < 1.0 - compared.level { "*" } else { "" };
                format!("{}/{}{mark}", a.held, a.of)
            })
        };
        std::iter::once(standing.name.clone()).chain(asked.iter().take(columns.len() - 1).map(cell)).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = ranked(compared).iter().map(row).collect();
    let mut out = format!(
        "\n{} {}\n{}",
        paint(HEADING, "Expectations"),
        paint(DIM, "(seeds in which each is true; * differs by McNemar's test)"),
        table(&columns, &rows, width)
    );
    for (at, question) in asked.iter().enumerate() {
        out += &format!("  {}\n", paint(DIM, format!("#{} {question}", at + 1)));
    }
    out
}

/// What is not an objective, but may be the price of one.
fn others(compared: &Compared, width: usize) -> String {
    let columns = [
        ("variant", 0),
        ("p50", 2),
        ("p99", 0),
        ("most load\namplified", 0),
        ("worst\nutilisation", 1),
        ("most work\nwasted", 0),
        ("duplicate\nwrites", 0),
    ];
    let row = |standing: &&Standing| {
        let mean = |component: &str, metric: &str| {
            let wanted = |c: &&Comparison| {
                let quantity = &compared.quantities[c.quantity];
                quantity.component == component && quantity.metric == metric && quantity.window.is_empty()
            };
            standing.comparisons.iter().find(wanted).and_then(|c| c.pairs.as_ref()).map(|pairs| pairs.other.mean)
        };
        let most = |metric: &str| {
            let of = |c: &&Comparison| compared.quantities[c.quantity].metric == metric;
            let means = standing.comparisons.iter().filter(of).filter_map(|c| c.pairs.as_ref());
            means.map(|pairs| pairs.other.mean).max_by(f64::total_cmp)
        };
        vec![
            standing.name.clone(),
            or_dash(mean("clients", "latency.p50"), time),
            or_dash(mean("clients", "latency.p99"), time),
            or_dash(most("amplification"), times),
            or_dash(most("utilisation"), percent),
            or_dash(most("wasted"), percent),
            or_dash(most("count.duplicate_writes"), |count| in_unit(count, "count")),
        ]
    };
    let rows: Vec<Vec<String>> = ranked(compared).iter().map(row).collect();
    let scope = paint(DIM, "(means over seeds; latency of requests that ended well)");
    format!("\n{} {scope}\n{}", paint(HEADING, "And besides"), table(&columns, &rows, width))
}

fn notes(comparing: &Comparing<'_>, width: usize) -> String {
    let compared = comparing.compared;
    let mut out = "\n".to_owned();
    let mut note = |text: String| {
        for line in wrap(&text, width) {
            out += &format!("{}\n", paint(DIM, line));
        }
    };
    let level = level(compared.level);
    let objectives = compared.quantities.iter().filter(|quantity| quantity.is_objective()).count();
    note(format!(
        "Every variant meets the same customers. Intervals: {level}, of paired differences seed by seed (Student's t). \
         Verdicts: {objectives} {} for each variant, {} tests corrected together (Holm).",
        plural(objectives, "objective"),
        compared.family
    ));
    if comparing.looks > 1 {
        note(format!(
            "Seeds were added in up to {} looks; each may spend an equal part of the error rate of 5%, so that the \
             intervals hold whenever one stops.",
            comparing.looks
        ));
    }
    let mut removed: Vec<f64> = compared
        .standings
        .iter()
        .filter(|s| !matches!(s.conclusion, Conclusion::Baseline | Conclusion::Bound))
        .filter_map(|s| s.lead(&compared.quantities)?.pairs.as_ref()?.variance_removed())
        .collect();
    removed.sort_by(f64::total_cmp);
    if let (Some(least), Some(most)) = (removed.first(), removed.last()) {
        let median = removed[removed.len() / 2];
        note(format!(
            "Meeting the same customers removed {} of the variance of the main difference (median; {} to {}).",
            percent(median),
            percent(*least),
            percent(*most)
        ));
    }
    if compared.standings.iter().any(|standing| standing.conclusion == Conclusion::Bound) {
        note(format!("{ORACLE}: {}.", "nothing is ever lacking there; a bound, not a measure"));
    }
    let lopsided = compared.standings.iter().flat_map(|s| &s.comparisons).filter(|c| disagree(c, compared)).count();
    if lopsided > 0 {
        note(format!(
            "{lopsided} {} where the bootstrap's interval and Student's disagree about zero: the differences are skewed \
             there, and more seeds would tell.",
            plural(lopsided, "comparison")
        ));
    }
    out
}

/// The two intervals do not agree about an objective that was decided.
fn disagree(comparison: &Comparison, compared: &Compared) -> bool {
    let decided = matches!(comparison.finding, Finding::Better | Finding::Worse);
    decided
        && compared.quantities[comparison.quantity].is_objective()
        && comparison.bootstrap.is_some_and(|i| i.holds(0.0))
}
