//! The runs of a variant folded into what is reported about it, with bounded memory: histograms and sums of all seeds,
//! a line for each seed, and the whole report of the first.

use super::measure::{answered, metrics};
use super::runner::Run;
use super::totals;
use crate::scenario::{Case, Expectation, Judgement, Verdict};
use squall_models::report::{Ending, Names, Report, Totals};
use squall_sim::Time;
use std::collections::BTreeMap;

/// What all runs of one variant found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The variant's name.
    pub name: String,
    /// What it does, for a person.
    pub about: Option<String>,
    /// The names behind the indices.
    pub names: Names,
    /// One for each seed, in order.
    pub lines: Vec<Line>,
    /// The expectations and how each seed stands to them.
    pub judged: Vec<Judged>,
    /// All seeds added up; `None` if none was run.
    pub totals: Option<Totals>,
    /// The measured time of all seeds together.
    pub seconds: f64,
    /// For each component and metric, the spread of its value over the seeds.
    pub ranges: BTreeMap<(String, String), Range>,
    /// The whole report of the first seed.
    pub first: Option<Report>,
    /// In how many seeds each component was the first to fail or fill up.
    pub failed_first: BTreeMap<String, usize>,
}

/// What is kept of every single run.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The seed.
    pub seed: u64,
    /// The run's digest.
    pub digest: u64,
    /// Why it ended.
    pub ending: Ending,
    /// When it ended.
    pub ended_at: Time,
    /// Events that were handled.
    pub events: u64,
    /// Deadlocks.
    pub deadlocks: usize,
    /// Share of the requests of all clients together that ended well, of those that arrived.
    pub success: Option<f64>,
}

/// An expectation, and how each seed stands to it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The expectation.
    pub expectation: Expectation,
    /// For each seed, in order.
    pub judgements: Vec<Judgement>,
}

/// The spread of a value over the seeds in which it exists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Over how many seeds.
    pub seeds: usize,
}

impl Judged {
    /// How all seeds together stand to the expectation.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.expectation.verdict(&self.judgements)
    }

    /// The judgement of the seed in the middle, by what was measured: its text is the median as a person reads it.
    #[must_use]
    pub fn median(&self) -> Option<&Judgement> {
        let mut measured: Vec<_> = self.judgements.iter().filter(|j| j.measured.is_some()).collect();
        measured.sort_by(|a, b| a.measured.unwrap_or(0.0).total_cmp(&b.measured.unwrap_or(0.0)));
        measured.get(measured.len().saturating_sub(1) / 2).copied().or_else(|| self.judgements.first())
    }
}

impl Outcome {
    /// True if every expectation came out as expected.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.judged.iter().all(|judged| judged.verdict().ok)
    }

    /// The spread of a metric over the seeds.
    #[must_use]
    pub fn range(&self, component: &str, metric: &str) -> Option<Range> {
        self.ranges.get(&(component.to_owned(), metric.to_owned())).copied()
    }
}

/// Takes runs in the order of (variant, seed).
#[derive(Clone, Debug)]
pub struct Fold {
    outcomes: Vec<Outcome>,
}

impl Fold {
    /// Nothing yet, of these variants.
    #[must_use]
    pub fn new(cases: &[&Case]) -> Self {
        let judged = |expectation: &Expectation| Judged { expectation: expectation.clone(), judgements: Vec::new() };
        let outcome = |case: &&Case| Outcome {
            name: case.name.clone(),
            about: case.about.clone(),
            names: case.blueprint.names().clone(),
            lines: Vec::new(),
            judged: case.expectations.iter().map(judged).collect(),
            totals: None,
            seconds: 0.0,
            ranges: BTreeMap::new(),
            first: None,
            failed_first: BTreeMap::new(),
        };
        Self { outcomes: cases.iter().map(outcome).collect() }
    }

    /// Takes the next run.
    pub fn take(&mut self, run: Run) {
        self.outcomes[run.case].take(run);
    }

    /// What was found so far, of every variant.
    #[must_use]
    pub fn so_far(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// What was found; variants of which no run has ended are left out.
    #[must_use]
    pub fn finish(self) -> Vec<Outcome> {
        self.outcomes.into_iter().filter(|outcome| !outcome.lines.is_empty()).collect()
    }
}

impl Outcome {
    fn take(&mut self, run: Run) {
        let Run { report, judgements, .. } = run;
        let seconds = report.measured.to.since(report.measured.from).seconds();
        self.seconds += seconds;
        self.lines.push(Line {
            seed: report.seed,
            digest: report.digest,
            ending: report.ending,
            ended_at: report.ended_at,
            events: report.events,
            deadlocks: report.deadlocks.len(),
            success: answered(&report.measured.clients),
        });
        for (judged, judgement) in self.judged.iter_mut().zip(judgements) {
            judged.judgements.push(judgement);
        }
        for metric in metrics(&report.measured, &self.names, seconds) {
            let Some(value) = metric.value else { continue };
            let range = self.ranges.entry((metric.component, metric.metric)).or_insert(Range {
                min: value,
                max: value,
                seeds: 0,
            });
            *range = Range { min: range.min.min(value), max: range.max.max(value), seeds: range.seeds + 1 };
        }
        if let Some(failing) = report.failure_order.first() {
            *self.failed_first.entry(failing.component.clone()).or_default() += 1;
        }
        match &mut self.totals {
            Some(sum) => totals::add(sum, &report.measured),
            None => self.totals = Some(report.measured.clone()),
        }
        if self.first.is_none() {
            self.first = Some(report);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Plan, execute};
    use crate::scenario::load_bytes;
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    const SCENARIO: &str = "
squall: 1
clients:
  web: { to: api.get, arrivals: { poisson: { rate: 50/s } } }
services:
  api:
    capacity: { workers: 1 }
    endpoints: { get: { steps: [{ work: { exponential: { mean: 15ms } } }] } }
variants:
  wide: { set: { services.api.capacity.workers: 4 } }
run: { duration: 20s, seeds: 3 }
expect: [clients.web.latency.p99 < 10ms]
";

    fn outcomes(seeds: &[u64], threads: usize) -> Vec<Outcome> {
        let loaded = load_bytes(Path::new("test.yaml"), SCENARIO.as_bytes(), &[]).unwrap();
        let cases: Vec<&Case> = loaded.cases.iter().collect();
        let mut fold = Fold::new(&cases);
        let plan = Plan { cases, seeds: seeds.to_vec(), threads, twice: true };
        let all = execute(&plan, &AtomicBool::new(false), |run| {
            fold.take(run);
            Ok::<(), ()>(())
        });
        assert_eq!(all, Ok(true));
        fold.finish()
    }

    #[test]
    fn the_whole_is_the_sum_of_its_seeds() {
        let together = &outcomes(&[1, 2, 3], 2)[0];
        let alone: Vec<Outcome> = [1, 2, 3].iter().map(|seed| outcomes(&[*seed], 1).remove(0)).collect();
        let arrivals = |outcome: &Outcome| outcome.totals.as_ref().unwrap().clients[0].arrivals;
        let latencies = |outcome: &Outcome| outcome.totals.as_ref().unwrap().clients[0].latency.count();
        assert_eq!(arrivals(together), alone.iter().map(arrivals).sum::<u64>());
        assert_eq!(latencies(together), alone.iter().map(latencies).sum::<u64>());
        assert!((together.seconds - 60.0).abs() < 1e-9);
        assert_eq!(together.first, alone[0].first);
        let offered: Vec<f64> = alone.iter().map(|one| one.range("clients.web", "offered").unwrap().min).collect();
        let range = together.range("clients.web", "offered").unwrap();
        assert_eq!(
            (range.min, range.max),
            (offered.iter().copied().fold(f64::MAX, f64::min), offered.iter().copied().fold(0.0, f64::max))
        );
        assert_eq!(range.seeds, 3);
    }

    #[test]
    fn threads_change_nothing() {
        let (one, many) = (outcomes(&[1, 2, 3, 4, 5], 1), outcomes(&[1, 2, 3, 4, 5], 8));
        for (one, many) in one.iter().zip(&many) {
            assert_eq!((&one.lines, &one.totals, &one.ranges), (&many.lines, &many.totals, &many.ranges));
        }
    }

    #[test]
    fn the_median_is_a_judgement_that_was_made() {
        let outcome = &outcomes(&[1, 2, 3], 2)[0];
        let judged = &outcome.judged[0];
        let mut measured: Vec<f64> = judged.judgements.iter().filter_map(|judgement| judgement.measured).collect();
        measured.sort_by(f64::total_cmp);
        assert_eq!(judged.median().unwrap().measured, Some(measured[1]));
        assert!(!judged.verdict().ok && !outcome.ok());
    }
}
