//! What a scenario came to once, and what it comes to now: did the bytes change, did the outcome, and is it worse than is
//! allowed?

use super::compare::Samples;
use super::quantity::Better;
use super::stats::{Interval, Paired};
use std::collections::{BTreeMap, BTreeSet};

/// What is kept of one scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// The seeds, in the order of the values.
    pub seeds: Vec<u64>,
    /// The digests of each variant's runs.
    pub digests: BTreeMap<String, Vec<u64>>,
    /// The values.
    pub rows: Vec<Values>,
    /// Expectations that did not hold even then: the variant and the sentence.
    pub broken: BTreeSet<(String, String)>,
}

/// One quantity of one variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// The variant.
    pub variant: String,
    /// The component.
    pub component: String,
    /// The metric, and the window if there is one.
    pub metric: String,
    /// The unit.
    pub unit: String,
    /// Which way is better.
    pub better: Option<Better>,
    /// For each seed; `None` where there is none, infinite where something never came.
    pub values: Vec<Option<f64>>,
}

/// What may get worse by how much before it is a failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Tolerance {
    /// Shares, by so many points (as a share).
    pub share: f64,
    /// Other values, by this part of what they were.
    pub other: f64,
    /// Exceptions by metric.
    pub metrics: BTreeMap<String, f64>,
}

/// What became of one quantity of one variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The same values.
    Same,
    /// Other values, but no more than noise, or no more than is allowed.
    Small,
    /// Better by more than the tolerance and than noise.
    Better,
    /// Worse by more than the tolerance, but within the noise of so few seeds.
    Unclear,
    /// It was not there before, or is not there any more.
    Moved,
    /// Worse by more than the tolerance and than noise.
    Worse,
}

/// One quantity, then and now.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The variant.
    pub variant: String,
    /// The component.
    pub component: String,
    /// The metric, and the window if there is one.
    pub metric: String,
    /// The unit.
    pub unit: String,
    /// The mean over seeds as it was recorded.
    pub before: Option<f64>,
    /// The mean over seeds today.
    pub after: Option<f64>,
    /// Student's interval for the mean of the paired differences.
    pub interval: Option<Interval>,
    /// By how much it may get worse.
    pub tolerance: f64,
    /// What became of it.
    pub change: Change,
}

/// One variant, then and now.
#[derive(Clone, Debug, PartialEq)]
pub struct Variance {
    /// The variant.
    pub variant: String,
    /// Not one event is different.
    pub same_bytes: bool,
    /// It is not there any more.
    pub gone: bool,
    /// It was not there before.
    pub new: bool,
    /// What became of its quantities, the worst first.
    pub changes: Vec<Changed>,
}

impl Recorded {
    /// What these samples come to.
    #[must_use]
    pub fn of(samples: &Samples) -> Self {
        let mut recorded = Self::default();
        for variant in &samples.variants {
            recorded.seeds.clone_from(&variant.seeds);
            recorded.digests.insert(variant.name.clone(), variant.digests.clone());
            for (quantity, values) in samples.quantities.iter().zip(&variant.values) {
                if quantity.better.is_none() || values.iter().all(Option::is_none) {
                    continue;
                }
                let space = if quantity.window.is_empty() { "" } else { " " };
                recorded.rows.push(Values {
                    variant: variant.name.clone(),
                    component: quantity.component.clone(),
                    metric: format!("{}{space}{}", quantity.metric, quantity.window),
                    unit: quantity.unit.to_owned(),
                    better: quantity.better,
                    values: values.clone(),
                });
            }
        }
        recorded
    }
}

impl Tolerance {
    fn of(&self, row: &Values, before: f64) -> f64 {
        let plain = row.metric.split(' ').next().unwrap_or_default();
        let own = self.metrics.get(plain).copied();
        if row.unit == "share" { own.unwrap_or(self.share) } else { own.unwrap_or(self.other) * before.abs() }
    }
}

/// Holds what a scenario comes to now against what was recorded.
#[must_use]
pub fn differences(before: &Recorded, after: &Recorded, tolerance: &Tolerance) -> Vec<Variance> {
    let mut names: Vec<&String> = before.digests.keys().chain(after.digests.keys()).collect();
    names.sort();
    names.dedup();
    let one = |name: &String| {
        let (then, now) = (before.digests.get(name), after.digests.get(name));
        let mut changes = Vec::new();
        let of = |recorded: &Recorded| -> BTreeMap<(String, String), Values> {
            let rows = recorded.rows.iter().filter(|row| row.variant == *name);
            rows.map(|row| ((row.component.clone(), row.metric.clone()), row.clone())).collect()
        };
        if then.is_some() && now.is_some() {
            let (then, now) = (of(before), of(after));
            let mut keys: Vec<_> = then.keys().chain(now.keys()).cloned().collect();
            keys.sort();
            keys.dedup();
            changes.extend(keys.iter().filter_map(|key| changed(then.get(key), now.get(key), tolerance)));
            changes.sort_by(|a: &Changed, b: &Changed| {
                b.change.cmp(&a.change).then(weight(b).total_cmp(&weight(a))).then(a.metric.cmp(&b.metric))
            });
        }
        Variance { variant: name.clone(), same_bytes: then == now, gone: now.is_none(), new: then.is_none(), changes }
    };
    names.into_iter().map(one).collect()
}

/// By how many tolerances it changed.
fn weight(changed: &Changed) -> f64 {
    let difference = changed.after.zip(changed.before).map_or(f64::INFINITY, |(after, before)| (after - before).abs());
    difference / changed.tolerance.max(f64::MIN_POSITIVE)
}

fn changed(then: Option<&Values>, now: Option<&Values>, tolerance: &Tolerance) -> Option<Changed> {
    let row = now.or(then)?;
    let mean = |values: Option<&Values>| {
        let finite: Vec<f64> = values?.values.iter().copied().flatten().filter(|value| value.is_finite()).collect();
        (!finite.is_empty()).then(|| finite.iter().sum::<f64>() / finite.len() as f64)
    };
    let (before, after) = (mean(then), mean(now));
    let allowed = tolerance.of(row, before.unwrap_or(0.0));
    let pairs = then.zip(now).and_then(|(then, now)| {
        let both = then.values.iter().zip(&now.values);
        let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
        let (left, right): (Vec<f64>, Vec<f64>) = both.filter_map(|(a, b)| Some((finite(a)?, finite(b)?))).unzip();
        Paired::of(&left, &right)
    });
    let interval = pairs.as_ref().and_then(|pairs| pairs.interval(0.95));
    let change = if then.map(|v| &v.values) == now.map(|v| &v.values) {
        Change::Same
    } else if let Some(pairs) = &pairs {
        let worse = match row.better {
            Some(Better::Higher) => -pairs.difference.mean,
            Some(Better::Lower) => pairs.difference.mean,
            None => 0.0,
        };
        // Noise is what could as well be zero. A single seed has no noise to measure.
        let noise = interval.is_some_and(|interval| interval.holds(0.0));
        match worse {
            worse if worse > allowed && noise => Change::Unclear,
            worse if worse > allowed => Change::Worse,
            worse if worse < -allowed && !noise => Change::Better,
            _ => Change::Small,
        }
    } else {
        Change::Moved
    };
    Some(Changed {
        variant: row.variant.clone(),
        component: row.component.clone(),
        metric: row.metric.clone(),
        unit: row.unit.clone(),
        before,
        after,
        interval,
        tolerance: allowed,
        change,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(digest: u64, share: [f64; 4], latency: [f64; 4]) -> Recorded {
        let row = |metric: &str, unit: &str, better, values: [f64; 4]| Values {
            variant: "v".to_owned(),
            component: "clients".to_owned(),
            metric: metric.to_owned(),
            unit: unit.to_owned(),
            better: Some(better),
            values: values.iter().map(|value| Some(*value)).collect(),
        };
        Recorded {
            seeds: vec![1, 2, 3, 4],
            digests: BTreeMap::from([("v".to_owned(), vec![digest; 4])]),
            rows: vec![
                row("goodput_share", "share", Better::Higher, share),
                row("latency.p99 after fault 1", "s", Better::Lower, latency),
            ],
            broken: BTreeSet::new(),
        }
    }

    fn changes(after: &Recorded) -> (bool, [Change; 2]) {
        let before = recorded(1, [0.9, 0.92, 0.91, 0.9], [1.0, 1.1, 0.9, 1.0]);
        let tolerance = Tolerance { share: 0.01, other: 0.1, metrics: BTreeMap::from([("goodput".to_owned(), 0.5)]) };
        let found = differences(&before, after, &tolerance).remove(0);
        let of = |metric: &str| found.changes.iter().find(|c| c.metric.starts_with(metric)).unwrap().change;
        (found.same_bytes, [of("goodput_share"), of("latency")])
    }

    #[test]
    fn the_bytes_may_change_without_the_outcome() {
        let same = [Change::Same, Change::Same];
        assert_eq!(changes(&recorded(1, [0.9, 0.92, 0.91, 0.9], [1.0, 1.1, 0.9, 1.0])), (true, same));
        let small = recorded(2, [0.905, 0.915, 0.91, 0.9], [1.02, 1.08, 0.9, 1.0]);
        assert_eq!(changes(&small), (false, [Change::Small, Change::Small]));
    }

    #[test]
    fn worse_is_what_is_worse_by_more_than_is_allowed_and_than_noise() {
        let worse = recorded(2, [0.8, 0.82, 0.81, 0.8], [1.5, 1.6, 1.4, 1.5]);
        assert_eq!(changes(&worse), (false, [Change::Worse, Change::Worse]));
        let better = recorded(2, [0.99, 0.99, 1.0, 0.99], [0.5, 0.6, 0.4, 0.5]);
        assert_eq!(changes(&better), (false, [Change::Better, Change::Better]));
        let noisy = recorded(2, [0.5, 0.99, 0.99, 0.9], [0.1, 5.0, 0.1, 0.1]);
        assert_eq!(changes(&noisy), (false, [Change::Unclear, Change::Unclear]));
    }

    #[test]
    fn what_is_gone_is_told() {
        let before = recorded(1, [0.9; 4], [1.0; 4]);
        let mut after = before.clone();
        after.rows.pop();
        after.digests.insert("w".to_owned(), vec![2; 4]);
        let tolerance = Tolerance { share: 0.01, other: 0.1, metrics: BTreeMap::new() };
        let found = differences(&before, &after, &tolerance);
        assert_eq!(found[0].changes[0].change, Change::Moved);
        assert!(found[1].new && !found[0].new);
        let back = differences(&after, &before, &tolerance);
        assert!(back[1].gone);
    }
}
