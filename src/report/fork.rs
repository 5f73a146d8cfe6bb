//! What `squall fork` prints: the same incident under every variant that could take over.

use super::number::{or_dash, percent};
use super::style::{DIM, HEADING, paint, wrap};
use super::table::table;
use super::text::plural;
use crate::experiment::Forked;
use crate::scenario::Loaded;
use squall_sim::Span;

/// The branches as text.
#[must_use]
pub fn forks(loaded: &Loaded, forked: &Forked, at: Span, width: usize) -> String {
    let width = width.clamp(40, 140);
    let seeds = forked.seeds;
    let mut out = format!("{}\n", paint(HEADING, &loaded.name));
    let scope = format!(
        "the run of `{}` up to {at}, then each variant; {seeds} {}; what was in flight stayed in flight",
        forked.from,
        plural(seeds, "seed")
    );
    for line in wrap(&scope, width) {
        out += &format!("{}\n", paint(DIM, line));
    }
    let columns = [
        ("from then on", 0),
        ("ended\nwell", 0),
        ("points\n[95% interval]", 0),
        ("back in", 0),
        ("back after\n(median)", 1),
    ];
    let base = forked.branches.first();
    let rows: Vec<Vec<String>> = forked
        .branches
        .iter()
        .filter(|branch| branch.refused.is_none())
        .map(|branch| {
            let mean = branch.shares.iter().sum::<f64>() / branch.shares.len().max(1) as f64;
            let pairs = base.filter(|base| base.name != branch.name).and_then(|base| branch.against(base));
            let points = pairs.map(|pairs| {
                let gain = pairs.difference.mean * 100.0;
                pairs.interval(0.95).map_or(format!("{gain:+.1}"), |interval| {
                    format!("{gain:+.1} [{:+.1}, {:+.1}]", interval.low * 100.0, interval.high * 100.0)
                })
            });
            let mut back: Vec<Span> = branch.back.iter().flatten().copied().collect();
            back.sort_unstable();
            let median = (2 * back.len() > branch.back.len()).then(|| back[branch.back.len().div_ceil(2) - 1]);
            vec![
                branch.name.clone(),
                or_dash(Some(mean.min(1.0)), percent),
                points.unwrap_or("-".to_owned()),
                format!("{}/{}", back.len(), branch.back.len()),
                match median {
                    None => "never".to_owned(),
                    Some(median) if median.is_zero() => "at once".to_owned(),
                    Some(median) => median.to_string(),
                },
            ]
        })
        .collect();
    out += &format!("\n{}", table(&columns, &rows, width));
    for branch in &forked.branches {
        if let Some(told) = &branch.refused {
            for (number, line) in
                wrap(&format!("{} cannot take over: {told}", branch.name), width - 4).into_iter().enumerate()
            {
                out += &format!("  {}{line}\n", if number == 0 { "" } else { "  " });
            }
        }
    }
    out
}
