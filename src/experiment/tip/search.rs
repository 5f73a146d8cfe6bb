//! Bisecting seeds.

use super::branch::{Branch, collapsed, on_branch};
use crate::experiment::order::in_order;
use crate::experiment::runner::one;
use crate::experiment::sweep::{Range, Trouble};
use crate::experiment::{Plan, Stopped};
use crate::scenario::{Loaded, load_for};
use squall_sim::random::{Draw, Stream};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What is looked for, and where.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// The scenario file.
    pub file: &'a Path,
    /// The `--set` options that hold everywhere.
    pub sets: Vec<String>,
    /// The path whose value is looked for.
    pub path: String,
    /// From where to where, and how precisely.
    pub range: Range,
    /// The variants.
    pub variants: Vec<String>,
    /// The branches.
    pub branches: Vec<Branch>,
    /// The seeds.
    pub seeds: Vec<u64>,
}

/// The threshold of one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// The seed.
    pub seed: u64,
    /// Whether it collapses at the lower and at the upper end of the range.
    pub ends: (bool, bool),
    /// The values between which it tips; the whole range where it does not.
    pub bracket: (f64, f64),
    /// It collapses below, not above.
    pub falling: bool,
    /// Every run that was made, as the value and whether it collapsed.
    pub probes: Vec<(f64, bool)>,
    /// Runs away from the threshold that were made as a check.
    pub checks: usize,
    /// Those among them that did not fit.
    pub odd: usize,
}

impl Threshold {
    /// The value below which this seed does not tip; infinite outside of the range.
    pub(super) fn low(&self, falling: bool) -> f64 {
        self.outside(falling).unwrap_or(self.bracket.0)
    }

    /// The value above which it has tipped.
    pub(super) fn high(&self, falling: bool) -> f64 {
        self.outside(falling).unwrap_or(self.bracket.1)
    }

    fn outside(&self, falling: bool) -> Option<f64> {
        match (self.ends, falling) {
            ((false, false), false) | ((true, true), true) => Some(f64::INFINITY),
            ((false, false), true) | ((true, true), false) => Some(f64::NEG_INFINITY),
            _ => None,
        }
    }

    pub(super) fn collapses_at(&self, value: f64, falling: bool) -> bool {
        if falling { value <= self.low(falling) } else { value >= self.high(falling) }
    }
}

/// Points of a curve, at most, beyond its first.
const POINTS: usize = 40;
/// Steps where no precision is asked for.
const USUAL_STEPS: usize = 64;

impl Search<'_> {
    /// Into how many steps the range is cut.
    #[must_use]
    pub fn steps(&self) -> usize {
        let width = self.range.high - self.range.low;
        if self.whole() && self.range.step.is_none() {
            return width as usize;
        }
        self.range.step.map_or(USUAL_STEPS, |step| ((width / step - 1e-9).ceil() as usize).clamp(1, 1_000_000))
    }

    /// The range is one of whole numbers without a unit: replicas, workers, attempts.
    fn whole(&self) -> bool {
        let ends = [self.range.low, self.range.high, self.range.step.unwrap_or(1.0)];
        self.range.unit.is_empty() && ends.iter().all(|end| end.fract() == 0.0)
    }

    /// The value at a step.
    #[must_use]
    pub fn value(&self, step: usize) -> f64 {
        let value = self.range.low + (self.range.high - self.range.low) * step as f64 / self.steps() as f64;
        if self.whole() { value.round() } else { value }
    }

    /// The values at which a curve is written down.
    #[must_use]
    pub fn grid(&self) -> Vec<f64> {
        let steps = self.steps();
        let points = steps.min(POINTS);
        (0..=points).map(|at| self.value(at * steps / points)).collect()
    }

    /// The scenario at a value.
    ///
    /// # Errors
    /// It is not valid there.
    pub fn load(&self, value: f64) -> Result<Loaded, Trouble> {
        let set = format!("{}={}", self.path, self.range.text(value));
        let sets: Vec<String> = self.sets.iter().cloned().chain([set]).collect();
        load_for(self.file, &sets, &self.variants)
            .map_err(|told| Trouble::Invalid(told.to_string().trim_end().to_owned()))
    }

    /// Searches for every seed of every variant and branch, in parallel; `each` gets the thresholds in that order, with the
    /// numbers of the variant and the branch. True if it came to an end.
    ///
    /// # Errors
    /// The first trouble.
    pub fn run(
        &self,
        threads: usize,
        stop: &AtomicBool,
        mut each: impl FnMut(usize, usize, Threshold),
    ) -> Result<bool, Stopped<Trouble>> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| Stopped::Threads(error.to_string()))?;
        let place = |unit: usize| {
            let (rest, seed) = (unit / self.seeds.len(), unit % self.seeds.len());
            (rest / self.branches.len(), rest % self.branches.len(), seed)
        };
        let count = self.variants.len() * self.branches.len() * self.seeds.len();
        let work = |unit: usize| {
            let (variant, branch, seed) = place(unit);
            self.bisect(&self.variants[variant], self.branches[branch], self.seeds[seed])
        };
        in_order(&pool, count, stop, work, |unit, threshold| {
            let (variant, branch, _) = place(unit);
            each(variant, branch, threshold.map_err(Stopped::Receiver)?);
            Ok(())
        })
    }

    fn bisect(&self, variant: &str, branch: Branch, seed: u64) -> Result<Threshold, Trouble> {
        let mut probes = Vec::new();
        let mut probe = |step: usize| -> Result<bool, Trouble> {
            let value = self.value(step);
            let case = on_branch(&self.load(value)?, variant, branch).map_err(Trouble::Invalid)?;
            let plan = Plan { cases: vec![&case], seeds: Vec::new(), threads: 1, twice: false };
            let run = one(&plan, 0, seed).map_err(|broken| Trouble::Broken(broken, 0))?;
            let yes = collapsed(&run.report);
            probes.push((value, yes));
            Ok(yes)
        };
        let steps = self.steps();
        let ends = (probe(0)?, probe(steps)?);
        let (mut low, mut high) = (0, steps);
        let (mut checks, mut odd) = (0, 0);
        if ends.0 != ends.1 {
            while high - low > 1 {
                let middle = usize::midpoint(low, high);
                if probe(middle)? == ends.0 { low = middle } else { high = middle }
            }
            // Once on each side, where there is room: it should be as at the end of that side.
            let mut draws = Stream::new(seed, "tip.checks");
            for (from, to, expected) in [(1, low, ends.0), (high + 1, steps, ends.1)] {
                if from < to {
                    checks += 1;
                    odd += usize::from(probe(from + draws.below((to - from) as u64) as usize)? != expected);
                }
            }
        }
        let (bracket, falling) = ((self.value(low), self.value(high)), ends == (true, false));
        Ok(Threshold { seed, ends, bracket, falling, probes, checks, odd })
    }
}
