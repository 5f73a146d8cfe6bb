//! A comparison as JSON, for programs. Documented in `docs/reference/results.md`.

use super::compare::Comparing;
use super::words;
use crate::experiment::{Answers, Better, Comparison, Conclusion, Standing};
use crate::record::{conclusion, finding, role};
use serde_json::{Value, json};

/// The object of one scenario: that of a run, and the comparison.
#[must_use]
pub fn comparison_json(comparing: &Comparing<'_>) -> Value {
    let compared = comparing.compared;
    let mut object = comparing.findings.json();
    let standing = |standing: &Standing| {
        let seeds = match standing.conclusion {
            Conclusion::Undecided(seeds) => seeds,
            _ => None,
        };
        json!({
            "variant": standing.name,
            "conclusion": conclusion(standing.conclusion),
            "in_words": words::sentence(standing, compared),
            "seeds": standing.seeds,
            "seeds_to_decide": seeds,
            "identical": standing.identical,
            "comparisons": standing.comparisons.iter().map(|c| quantity(comparing, c)).collect::<Vec<_>>(),
            "answers": standing.answers.iter().map(answers).collect::<Vec<_>>(),
        })
    };
    object["comparison"] = json!({
        "baseline": compared.standings.first().map(|base| &base.name),
        "level": compared.level,
        "looks": comparing.looks,
        "family": compared.family,
        "standings": compared.standings.iter().map(standing).collect::<Vec<_>>(),
    });
    object
}

fn quantity(comparing: &Comparing<'_>, comparison: &Comparison) -> Value {
    let quantity = &comparing.compared.quantities[comparison.quantity];
    let pairs = comparison.pairs.as_ref();
    json!({
        "component": quantity.component,
        "metric": quantity.metric,
        "window": quantity.window,
        "unit": quantity.unit,
        "better": quantity.better.map(|better| if better == Better::Higher { "higher" } else { "lower" }),
        "objective": quantity.is_objective(),
        "role": role(quantity.role),
        "seeds": pairs.map_or(0, |p| p.difference.count),
        "seeds_without": comparison.missing,
        "mean": pairs.map(|p| p.other.mean),
        "deviation": pairs.map(|p| p.other.deviation),
        "baseline_mean": pairs.map(|p| p.base.mean),
        "baseline_deviation": pairs.map(|p| p.base.deviation),
        "difference": pairs.map(|p| p.difference.mean),
        "low": comparison.interval.map(|i| i.low),
        "high": comparison.interval.map(|i| i.high),
        "bootstrap_low": comparison.bootstrap.map(|i| i.low),
        "bootstrap_high": comparison.bootstrap.map(|i| i.high),
        "effect": pairs.and_then(crate::experiment::stats::Paired::effect),
        "variance_removed": pairs.and_then(crate::experiment::stats::Paired::variance_removed),
        "p": comparison.p,
        "p_holm": comparison.p_holm,
        "margin": comparison.margin,
        "finding": finding(comparison.finding),
    })
}

fn answers(answers: &Answers) -> Value {
    json!({
        "expectation": answers.question,
        "held": answers.held,
        "of": answers.of,
        "low": answers.interval.low,
        "high": answers.interval.high,
        "only_here": answers.pairs.map(|pairs| pairs.only_other),
        "only_baseline": answers.pairs.map(|pairs| pairs.only_base),
        "p": answers.p,
        "p_holm": answers.p_holm,
    })
}
