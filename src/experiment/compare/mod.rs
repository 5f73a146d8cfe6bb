//! Variants against one of them: seed by seed, on the same customers.

use super::quantity::{self, Better, Quantity};
use super::runner::Run;
use super::stats::{Discordant, Interval, Looks, Paired, bca, clopper_pearson, holm, tarone_holm};
use crate::scenario::{Case, Expectation, ORACLE};

mod conclude;

pub use conclude::Conclusion;
use conclude::conclude;

/// What is kept of every run for a comparison.
#[derive(Clone, Debug)]
pub struct Samples {
    /// What is compared.
    pub quantities: Vec<Quantity>,
    /// One for each variant.
    pub variants: Vec<Sampled>,
}

/// The runs of one variant, in the order of their seeds.
#[derive(Clone, Debug, Default)]
pub struct Sampled {
    /// The variant.
    pub name: String,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// The digest of each run.
    pub digests: Vec<u64>,
    /// For each quantity, its value in each run.
    pub values: Vec<Vec<Option<f64>>>,
    /// One for each expectation.
    pub answers: Vec<Asked>,
}

/// A yes-or-no question, and the answer of each run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The expectation's sentence.
    pub question: String,
    /// The answer that users would rather have, where the question is about them and about nothing that is measured.
    pub wanted: Option<bool>,
    /// The answers, in the order of the seeds.
    pub yes: Vec<bool>,
}

/// How to judge.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// How often one looks, and with which error rate.
    pub looks: Looks,
    /// A difference between shares that does not matter, as a share.
    pub margin_share: f64,
    /// Any other difference that does not matter, as a part of the value.
    pub margin: f64,
}

/// What a difference comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Better.
    Better,
    /// Worse.
    Worse,
    /// Different, where neither way is better.
    Other,
    /// No difference that matters.
    Same,
    /// It cannot be told yet; about so many seeds in all would tell.
    Undecided(Option<usize>),
    /// There is nothing to compare.
    NoData,
}

/// One quantity of one variant against the same of the one that it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The number of the quantity.
    pub quantity: usize,
    /// The values of the seeds in which both have one.
    pub pairs: Option<Paired>,
    /// Seeds in which one of the two has none, or an infinite one.
    pub missing: usize,
    /// Student's interval for the mean difference.
    pub interval: Option<Interval>,
    /// The bootstrap's, as a check of the first one.
    pub bootstrap: Option<Interval>,
    /// The p-value of the paired test.
    pub p: f64,
    /// The same after Holm's correction over its family.
    pub p_holm: f64,
    /// A difference of this size does not matter.
    pub margin: f64,
    /// What it comes to.
    pub finding: Finding,
}

/// The answers to a yes-or-no question.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// The question: an expectation's sentence.
    pub question: String,
    /// Seeds with a yes.
    pub held: usize,
    /// Seeds.
    pub of: usize,
    /// The exact interval for the share of yes.
    pub interval: Interval,
    /// How they agree with those of the variant that is compared with; `None` for that one itself.
    pub pairs: Option<Discordant>,
    /// McNemar's exact p-value.
    pub p: f64,
    /// The same after Holm's correction over all questions and variants.
    pub p_holm: f64,
    /// What it comes to for users; `NoData` where the question is not for them.
    pub finding: Finding,
}

/// One variant, compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The variant.
    pub name: String,
    /// How many seeds.
    pub seeds: usize,
    /// Every run is the same, event for event, as that of the variant that is compared with.
    pub identical: bool,
    /// One for each quantity.
    pub comparisons: Vec<Comparison>,
    /// One for each expectation of this variant.
    pub answers: Vec<Answers>,
    /// All in all.
    pub conclusion: Conclusion,
}

/// All variants, compared with the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// What was compared.
    pub quantities: Vec<Quantity>,
    /// The one that the others are compared with first, then the others in their order.
    pub standings: Vec<Standing>,
    /// The level of the intervals.
    pub level: f64,
    /// How many objectives of variants were tested together.
    pub family: usize,
}

impl Samples {
    /// Nothing yet, of these variants; the first is the one that the others are compared with.
    #[must_use]
    pub fn new(cases: &[&Case]) -> Self {
        let quantities = quantity::quantities(cases);
        let variant = |case: &&Case| Sampled {
            name: case.name.clone(),
            values: vec![Vec::new(); quantities.len()],
            answers: case.expectations.iter().map(Asked::about).collect(),
            ..Sampled::default()
        };
        let variants = cases.iter().map(variant).collect();
        Self { quantities, variants }
    }

    /// Takes the next run of a variant, in the order of the seeds.
    pub fn take(&mut self, case: &Case, run: &Run) {
        let values = quantity::values(&self.quantities, case, run);
        let sampled = &mut self.variants[run.case];
        sampled.seeds.push(run.report.seed);
        sampled.digests.push(run.report.digest);
        for (all, value) in sampled.values.iter_mut().zip(values) {
            all.push(value);
        }
        for (asked, judgement) in sampled.answers.iter_mut().zip(&run.judgements) {
            asked.yes.push(judgement.holds);
        }
    }
}

impl Asked {
    fn about(expectation: &Expectation) -> Self {
        Self { question: expectation.text.clone(), wanted: expectation.wanted(), yes: Vec::new() }
    }
}

/// Compares every variant with the first.
#[must_use]
pub fn compare(samples: &Samples, design: &Design) -> Compared {
    let level = design.looks.level();
    let Some(base) = samples.variants.first() else {
        return Compared { quantities: Vec::new(), standings: Vec::new(), level, family: 0 };
    };
    let mut standings: Vec<Standing> = Vec::new();
    for (at, other) in samples.variants.iter().enumerate() {
        let numbers = 0..samples.quantities.len();
        let comparisons = numbers.map(|quantity| pair_up(samples, design, quantity, base, other)).collect();
        standings.push(Standing {
            name: other.name.clone(),
            seeds: other.seeds.len(),
            identical: at > 0 && !other.digests.is_empty() && base.digests.starts_with(&other.digests),
            comparisons,
            answers: other.answers.iter().map(|answer| ask(base, answer, at == 0, level)).collect(),
            conclusion: Conclusion::Baseline,
        });
    }
    let family = correct(&mut standings, &samples.quantities, design.looks.alpha());
    for (at, standing) in standings.iter_mut().enumerate() {
        for comparison in &mut standing.comparisons {
            comparison.finding = find(comparison, &samples.quantities[comparison.quantity], design, family);
        }
        for (answers, asked) in standing.answers.iter_mut().zip(&samples.variants[at].answers) {
            answers.finding = find_answer(answers, asked.wanted, design.looks.alpha());
        }
        standing.conclusion = match at {
            0 => Conclusion::Baseline,
            _ if standing.name == ORACLE => Conclusion::Bound,
            _ => conclude(standing, &samples.quantities),
        };
    }
    Compared { quantities: samples.quantities.clone(), standings, level, family }
}

fn pair_up(samples: &Samples, design: &Design, quantity: usize, base: &Sampled, other: &Sampled) -> Comparison {
    let both: Vec<(Option<f64>, Option<f64>)> =
        base.values[quantity].iter().copied().zip(other.values[quantity].iter().copied()).collect();
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let (left, right): (Vec<f64>, Vec<f64>) =
        both.iter().filter_map(|(base, other)| Some((finite(*base)?, finite(*other)?))).unzip();
    let pairs = Paired::of(&left, &right);
    let level = design.looks.level();
    let size = pairs.as_ref().map_or(0.0, |pairs| pairs.base.mean.abs().max(pairs.other.mean.abs()));
    let margin = if samples.quantities[quantity].unit == "share" { design.margin_share } else { design.margin * size };
    Comparison {
        quantity,
        missing: both.iter().filter(|pair| **pair != (None, None)).count() - left.len(),
        interval: pairs.as_ref().and_then(|pairs| pairs.interval(level)),
        bootstrap: pairs.as_ref().and_then(|pairs| bca(&pairs.differences, level)),
        p: pairs.as_ref().map_or(1.0, Paired::p_value),
        p_holm: 1.0,
        margin,
        finding: Finding::NoData,
        pairs,
    }
}

fn ask(base: &Sampled, asked: &Asked, itself: bool, level: f64) -> Answers {
    let held = asked.yes.iter().filter(|yes| **yes).count();
    let theirs = base.answers.iter().find(|known| known.question == asked.question).filter(|_| !itself);
    let pairs = theirs.map(|theirs| Discordant::of(&theirs.yes, &asked.yes));
    Answers {
        question: asked.question.clone(),
        held,
        of: asked.yes.len(),
        interval: clopper_pearson(held, asked.yes.len(), level),
        pairs,
        p: pairs.map_or(1.0, |pairs| pairs.p_value()),
        p_holm: 1.0,
        finding: Finding::NoData,
    }
}

/// What the answers come to for users. That they do not differ is not shown, so it is never `Same`.
fn find_answer(answers: &Answers, wanted: Option<bool>, alpha: f64) -> Finding {
    match (answers.pairs, wanted) {
        (Some(pairs), Some(wanted)) if answers.p_holm < alpha => {
            if (pairs.only_other > pairs.only_base) == wanted {
                Finding::Better
            } else {
                Finding::Worse
            }
        }
        _ => Finding::NoData,
    }
}

/// Holm's correction over three families: the objectives, what else was measured, and the yes-or-no questions (with
/// Tarone's, since seeds that agree say nothing). The bound is no hypothesis, so it is in none of them. Returns the size
/// of the first.
fn correct(standings: &mut [Standing], quantities: &[Quantity], alpha: f64) -> usize {
    let mut size = 0;
    let judged = |standings: &mut [Standing], then: &mut dyn FnMut(&mut Standing)| {
        standings.iter_mut().skip(1).filter(|standing| standing.name != ORACLE).for_each(then);
    };
    for objective in [true, false] {
        let of = |c: &Comparison| quantities[c.quantity].is_objective() == objective && c.pairs.is_some();
        let mut all = Vec::new();
        judged(standings, &mut |s| all.extend(s.comparisons.iter().filter(|c| of(c)).map(|c| c.p)));
        size = if objective { all.len() } else { size };
        let mut adjusted = holm(&all).into_iter();
        judged(standings, &mut |s| {
            s.comparisons.iter_mut().filter(|c| of(c)).for_each(|c| c.p_holm = adjusted.next().unwrap_or(1.0));
        });
    }
    let mut all = Vec::new();
    judged(standings, &mut |s| all.extend(s.answers.iter().filter_map(|a| Some((a.p, a.pairs?.least_p_value())))));
    let (p_values, least): (Vec<f64>, Vec<f64>) = all.into_iter().unzip();
    let mut adjusted = tarone_holm(&p_values, &least, alpha).into_iter();
    judged(standings, &mut |s| {
        s.answers.iter_mut().filter(|a| a.pairs.is_some()).for_each(|a| a.p_holm = adjusted.next().unwrap_or(1.0));
    });
    size
}

fn find(comparison: &Comparison, quantity: &Quantity, design: &Design, family: usize) -> Finding {
    let Some(pairs) = &comparison.pairs else { return Finding::NoData };
    let margin = comparison.margin;
    let all_zero = pairs.differences.iter().all(|difference| *difference == 0.0);
    let within = comparison.interval.is_some_and(|i| i.low >= -margin && i.high <= margin);
    if all_zero || within {
        return Finding::Same;
    }
    if comparison.p_holm >= design.looks.alpha() {
        // As if all the others of the family stayed undecided too.
        let level = 1.0 - design.looks.alpha() / family.max(1) as f64;
        return Finding::Undecided(pairs.seeds_to_decide(level, margin));
    }
    match (quantity.better, pairs.difference.mean > 0.0) {
        (None, _) => Finding::Other,
        (Some(Better::Higher), true) | (Some(Better::Lower), false) => Finding::Better,
        _ => Finding::Worse,
    }
}

impl Standing {
    /// More seeds could still change what is said about it.
    #[must_use]
    pub fn open(&self) -> bool {
        matches!(self.conclusion, Conclusion::Undecided(_))
    }

    /// The comparison of the share of requests that ended well.
    #[must_use]
    pub fn lead(&self, quantities: &[Quantity]) -> Option<&Comparison> {
        self.comparisons.iter().find(|comparison| quantities[comparison.quantity].is_lead())
    }
}

#[cfg(test)]
mod tests;
