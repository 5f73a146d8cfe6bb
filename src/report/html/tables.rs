//! The tables and sentences of the page.

use crate::experiment::diagnosis::Diagnosis;
use crate::record::results::Comparison;
use crate::report::number::{count, in_unit, or_dash, percent, rate, time, times};
use crate::report::plots::{Undrawn, View};
use crate::report::story::{Story, Tally, story, tally};
use crate::scenario::ORACLE;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
pub(super) struct Verdict {
    variant: String,
    expectation: String,
    expected: String,
    held: usize,
    of: usize,
    pub(super) ok: bool,
    median: String,
}

pub(super) fn verdicts(view: &View<'_>) -> Result<Vec<Verdict>, Undrawn> {
    let judgements = view.results.judgements()?;
    let mut rows = Vec::new();
    let variants = view.variants();
    // Where nothing is ever lacking nothing breaks that was to break: a bound is not judged.
    let shown = |name: &str| name != ORACLE && variants.contains(&name);
    for verdict in view.results.verdicts.iter().filter(|row| shown(&row.variant)) {
        let mut own: Vec<_> =
            judgements.iter().filter(|row| row.variant == verdict.variant && row.number == verdict.number).collect();
        // The seed in the middle says for a person what was measured.
        own.sort_by(|a, b| a.measured.unwrap_or(f64::NAN).total_cmp(&b.measured.unwrap_or(f64::NAN)));
        let middle = own.get(own.len().saturating_sub(1) / 2);
        rows.push(Verdict {
            variant: verdict.variant.clone(),
            expectation: verdict.expectation.clone(),
            expected: verdict.expected.clone(),
            held: verdict.held,
            of: verdict.of,
            ok: verdict.ok,
            median: middle.map_or(String::new(), |row| row.shown.clone()),
        });
    }
    // What needs attention comes first; otherwise the order stays.
    rows.sort_by_key(|row| row.ok);
    Ok(rows)
}

#[derive(Serialize)]
pub(super) struct Variant {
    name: String,
    offered: String,
    goodput: String,
    share: String,
    p99: String,
    amplification: String,
    utilisation: String,
}

pub(super) fn variants(view: &View<'_>) -> Result<Vec<Variant>, Undrawn> {
    let (results, latencies) = (view.results, view.latencies()?);
    let of = |name: &&str| {
        let clients = results.components(name, "clients");
        let seeds = results.seeds.len().max(1) as f64;
        let sum = |metric: &str| clients.iter().map(|client| results.total(name, client, metric)).sum::<f64>();
        let mut all: Option<hdrhistogram::Histogram<u64>> = None;
        for client in &clients {
            if let Some(more) = latencies.get(&((*name).to_owned(), (*client).to_owned())) {
                match &mut all {
                    // Both come from files of one kind, so that their ranges agree.
                    Some(all) => all.add(more).unwrap_or_default(),
                    None => all = Some(more.clone()),
                }
            }
        }
        let p99 = all.filter(|all| !all.is_empty()).map(|all| all.value_at_quantile(0.99) as f64 / 1e6);
        let most = |metric: &str| {
            let services = results.components(name, "services").into_iter();
            let mean = |service| {
                let values = results.values(name, service, metric)?;
                Some(values.values().sum::<f64>() / values.len().max(1) as f64)
            };
            services.filter_map(mean).reduce(f64::max)
        };
        let (began, ok) = (sum("count.arrivals"), sum("count.ok"));
        Variant {
            name: (*name).to_owned(),
            offered: rate(sum("offered") / seeds),
            goodput: rate(sum("goodput") / seeds),
            share: or_dash((began > 0.0).then(|| (ok / began).min(1.0)), percent),
            p99: or_dash(p99, time),
            amplification: or_dash(most("amplification"), times),
            utilisation: or_dash(most("utilisation"), percent),
        }
    };
    Ok(view.variants().iter().map(of).collect())
}

#[derive(Serialize)]
pub(super) struct Difference {
    variant: String,
    baseline: String,
    what: String,
    before: String,
    after: String,
    difference: String,
    interval: String,
    finding: String,
    class: &'static str,
    level: String,
}

pub(super) fn comparisons(view: &View<'_>) -> Result<Vec<Difference>, Undrawn> {
    let rows = view.results.comparisons()?;
    let shown = |row: &&Comparison| row.objective && view.variants().contains(&row.variant.as_str());
    Ok(rows.iter().filter(shown).map(difference).collect())
}

fn difference(row: &Comparison) -> Difference {
    let show = |value: Option<f64>| or_dash(value, count).replace('-', "−");
    let unit = |value: Option<f64>| value.map_or_else(|| "−".to_owned(), |value| in_unit(value, &row.unit));
    let signed = |value: Option<f64>| match value {
        Some(value) if value < 0.0 => format!("−{}", in_unit(-value, &row.unit)),
        Some(value) => format!("+{}", in_unit(value, &row.unit)),
        None => show(None),
    };
    Difference {
        variant: row.variant.clone(),
        baseline: row.baseline.clone(),
        what: [row.component.as_str(), row.metric.as_str(), row.window.as_str()].join(" ").trim().to_owned(),
        before: unit(row.baseline_mean),
        after: unit(row.mean),
        difference: signed(row.difference),
        interval: format!("{} to {}", signed(row.low), signed(row.high)),
        finding: if row.variant == ORACLE { "a bound".to_owned() } else { row.finding.replace('_', " ") },
        class: match row.finding.as_str() {
            _ if row.variant == ORACLE => "",
            "better" => "good",
            "worse" => "bad",
            _ => "",
        },
        level: or_dash(row.level, percent),
    }
}

/// What happened in a variant.
#[derive(Serialize)]
pub(super) struct Told {
    name: String,
    story: Story,
    /// What all seeds came to.
    tally: Vec<Tally>,
}

pub(super) fn stories(view: &View<'_>) -> Result<Vec<Told>, Undrawn> {
    let mut told = Vec::new();
    for name in view.variants() {
        let own: Vec<&Diagnosis> = view.explained()?.iter().filter(|diagnosis| diagnosis.variant == name).collect();
        let Some(one) = own.iter().find(|diagnosis| diagnosis.seed == view.seed()) else { continue };
        told.push(Told { name: name.to_owned(), story: story(one), tally: tally(own.iter().copied()) });
    }
    Ok(told)
}

/// The command that makes the results again.
pub(super) fn command(view: &View<'_>) -> String {
    let manifest = &view.results.manifest;
    let text = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let number = |path: &str| manifest.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    let quoted = |word: &str| {
        let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c));
        if plain && !word.is_empty() { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    let sets = manifest.pointer("/scenario/set").and_then(Value::as_array).into_iter().flatten();
    let sets: String = sets.filter_map(Value::as_str).map(|set| format!(" --set {}", quoted(set))).collect();
    let (first, seeds) = (number("/seeds/first"), number("/seeds/count"));
    format!(
        "squall run {} --seed {first} --seeds {seeds}{sets} --out results/local/{}\nsquall report results/local/{}",
        quoted(text("/scenario/path")),
        view.results.name(),
        view.results.name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plots::Look;
    use crate::report::plots::fixtures::others;

    #[test]
    fn a_bound_is_shown_and_not_judged() {
        let (_folder, others) = others();
        let (compared, look) = (&others[0], Look::default());
        let view = View::new(compared, &look);
        assert!(compared.verdicts.iter().any(|row| row.variant == ORACLE));
        let judged = verdicts(&view).unwrap();
        assert!(!judged.is_empty() && judged.iter().all(|row| row.variant != ORACLE));
        let (bound, others): (Vec<_>, Vec<_>) =
            comparisons(&view).unwrap().into_iter().partition(|row| row.variant == ORACLE);
        assert!(!bound.is_empty() && bound.iter().all(|row| row.finding == "a bound" && row.class.is_empty()));
        assert!(!others.is_empty() && others.iter().all(|row| row.finding != "a bound"));
    }
}
