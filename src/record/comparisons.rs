//! The tables of a comparison.

use super::folder::{Folder, RecordError};
use super::tables::Table;
use crate::experiment::stats::Paired;
use crate::experiment::{Better, Compared, Conclusion, Finding, Role, Standing};

const COMPARISONS: [&str; 30] = [
    "variant",
    "baseline",
    "component",
    "metric",
    "window",
    "unit",
    "better",
    "objective",
    "role",
    "seeds",
    "seeds_without",
    "mean",
    "deviation",
    "baseline_mean",
    "baseline_deviation",
    "difference",
    "level",
    "low",
    "high",
    "bootstrap_low",
    "bootstrap_high",
    "effect",
    "share_higher",
    "variance_removed",
    "p",
    "p_holm",
    "margin",
    "finding",
    "seeds_to_decide",
    "conclusion",
];

const ANSWERS: [&str; 13] = [
    "variant",
    "baseline",
    "number",
    "expectation",
    "held",
    "of",
    "level",
    "low",
    "high",
    "only_here",
    "only_baseline",
    "p",
    "p_holm",
];

/// A derived number: nine digits, so that the last bit of a platform's logarithm shows nowhere.
pub(super) fn nine(value: f64) -> String {
    let rounded: f64 = format!("{value:.8e}").parse().unwrap_or(value);
    rounded.to_string()
}

fn maybe(value: Option<f64>) -> String {
    value.map(nine).unwrap_or_default()
}

/// The name of a finding in results.
#[must_use]
pub fn finding(finding: Finding) -> &'static str {
    match finding {
        Finding::Better => "better",
        Finding::Worse => "worse",
        Finding::Other => "different",
        Finding::Same => "no_difference",
        Finding::Undecided(_) => "undecided",
        Finding::NoData => "no_data",
    }
}

/// The name of a role in results; empty for what is no objective.
#[must_use]
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Users => "users",
        Role::System => "system",
        Role::Aside => "",
    }
}

/// The name of a conclusion in results.
#[must_use]
pub fn conclusion(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Baseline => "baseline",
        Conclusion::Helped => "helped",
        Conclusion::HelpedAtACost => "helped_at_a_cost",
        Conclusion::Mixed => "mixed",
        Conclusion::NoDifference => "no_difference",
        Conclusion::NoDifferenceToUsers => "no_difference_to_users",
        Conclusion::MadeWorse => "made_worse",
        Conclusion::Undecided(_) => "undecided",
        Conclusion::Bound => "bound",
    }
}

pub(super) fn write(folder: &Folder, compared: &Compared) -> Result<(), RecordError> {
    let base = compared.standings.first().map_or("", |standing| standing.name.as_str());
    let mut table = Table::create(folder, "comparisons.csv", &COMPARISONS)?;
    for standing in compared.standings.iter().skip(1) {
        rows(&mut table, compared, base, standing)?;
    }
    table.finish()?;
    let mut table = Table::create(folder, "answers.csv", &ANSWERS)?;
    let level = nine(compared.level);
    for standing in &compared.standings {
        for (number, answers) in standing.answers.iter().enumerate() {
            let only = |count: fn(&crate::experiment::stats::Discordant) -> usize| {
                answers.pairs.as_ref().map(|pairs| count(pairs).to_string()).unwrap_or_default()
            };
            table.row([
                standing.name.as_str(),
                base,
                &(number + 1).to_string(),
                &answers.question,
                &answers.held.to_string(),
                &answers.of.to_string(),
                &level,
                &nine(answers.interval.low),
                &nine(answers.interval.high),
                &only(|pairs| pairs.only_other),
                &only(|pairs| pairs.only_base),
                &nine(answers.p),
                &nine(answers.p_holm),
            ])?;
        }
    }
    table.finish()
}

fn rows(table: &mut Table, compared: &Compared, base: &str, standing: &Standing) -> Result<(), RecordError> {
    for comparison in &standing.comparisons {
        let quantity = &compared.quantities[comparison.quantity];
        let Some(pairs) = &comparison.pairs else { continue };
        let seeds = match comparison.finding {
            Finding::Undecided(seeds) => seeds.map(|seeds| seeds.to_string()).unwrap_or_default(),
            _ => String::new(),
        };
        table.row([
            standing.name.as_str(),
            base,
            &quantity.component,
            &quantity.metric,
            &quantity.window,
            quantity.unit,
            match quantity.better {
                Some(Better::Higher) => "higher",
                Some(Better::Lower) => "lower",
                None => "",
            },
            if quantity.is_objective() { "true" } else { "false" },
            role(quantity.role),
            &pairs.difference.count.to_string(),
            &comparison.missing.to_string(),
            &nine(pairs.other.mean),
            &nine(pairs.other.deviation),
            &nine(pairs.base.mean),
            &nine(pairs.base.deviation),
            &nine(pairs.difference.mean),
            &nine(compared.level),
            &maybe(comparison.interval.map(|i| i.low)),
            &maybe(comparison.interval.map(|i| i.high)),
            &maybe(comparison.bootstrap.map(|i| i.low)),
            &maybe(comparison.bootstrap.map(|i| i.high)),
            &maybe(pairs.effect()),
            &nine(pairs.share(1.0)),
            &maybe(Paired::variance_removed(pairs)),
            &nine(comparison.p),
            &nine(comparison.p_holm),
            &nine(comparison.margin),
            finding(comparison.finding),
            &seeds,
            conclusion(standing.conclusion),
        ])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_digits_are_kept() {
        assert_eq!(
            [0.1 + 0.2, 12_345_678_912.0, 0.0, 1e-30].map(nine),
            ["0.3", "12345678900", "0", "0.000000000000000000000000000001"]
        );
    }
}
