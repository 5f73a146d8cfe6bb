//! What `squall sweep` prints: the share of requests that ended well, point by point and variant by variant.

use super::number::{or_dash, percent};
use super::style::{DIM, HEADING, paint};
use super::table::table;
use crate::experiment::sweep::{Point, Row};
use crate::scenario::Loaded;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What was found at each point, for each variant.
#[derive(Clone, Debug)]
pub struct Swept {
    points: Vec<Point>,
    variants: Vec<String>,
    /// For each point and variant, by component and metric, what its runs have found.
    found: BTreeMap<(usize, usize), BTreeMap<(String, String), Found>>,
}

/// The values of one metric in the runs of one variant at one point.
#[derive(Clone, Debug)]
struct Found {
    unit: String,
    sum: f64,
    min: f64,
    max: f64,
    seeds: usize,
    /// Runs in which it was infinite.
    infinite: usize,
}

impl Found {
    fn mean(&self) -> Option<f64> {
        (self.seeds > 0).then(|| self.sum / self.seeds as f64)
    }
}

impl Swept {
    /// Nothing found yet.
    #[must_use]
    pub fn new(points: Vec<Point>, variants: Vec<String>) -> Self {
        Self { points, variants, found: BTreeMap::new() }
    }

    /// Takes what one run has found.
    pub fn take(&mut self, point: usize, variant: usize, rows: &[Row]) {
        let all = self.found.entry((point, variant)).or_default();
        for row in rows {
            let key = (row.component.clone(), row.metric.clone());
            let nothing = Found {
                unit: row.unit.clone(),
                sum: 0.0,
                min: f64::INFINITY,
                max: f64::NEG_INFINITY,
                seeds: 0,
                infinite: 0,
            };
            let found = all.entry(key).or_insert(nothing);
            match row.value {
                Some(value) => {
                    found.sum += value;
                    found.min = found.min.min(value);
                    found.max = found.max.max(value);
                    found.seeds += 1;
                }
                None => found.infinite += 1,
            }
        }
    }

    /// The same as JSON, for programs. Documented in `docs/reference/results.md`.
    #[must_use]
    pub fn json(&self, loaded: &Loaded) -> Value {
        let metric = |((component, metric), found): (&(String, String), &Found)| {
            json!({
                "component": component,
                "metric": metric,
                "unit": found.unit,
                "mean": found.mean(),
                "min": found.min,
                "max": found.max,
                "seeds": found.seeds,
                "seeds_infinite": found.infinite,
            })
        };
        let variant = |point: usize, variant: usize| {
            let metrics = self.found.get(&(point, variant)).into_iter().flatten().map(metric);
            json!({ "variant": self.variants[variant], "metrics": metrics.collect::<Vec<_>>() })
        };
        let point = |(at, point): (usize, &Point)| {
            let values: serde_json::Map<String, Value> =
                point.iter().map(|(path, text)| (path.clone(), json!(text))).collect();
            let variants = (0..self.variants.len()).map(|number| variant(at, number));
            json!({ "point": at + 1, "values": values, "variants": variants.collect::<Vec<_>>() })
        };
        json!({
            "name": loaded.name,
            "path": loaded.path.to_string_lossy(),
            "about": loaded.about,
            "sweep": { "points": self.points.iter().enumerate().map(point).collect::<Vec<_>>() },
        })
    }

    /// The table.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        let paths: Vec<&str> = self.points.first().into_iter().flatten().map(|(path, _)| short(path)).collect();
        let mut columns: Vec<(&str, u8)> = paths.iter().map(|path| (*path, 0)).collect();
        columns.extend(self.variants.iter().zip(0_u8..).map(|(variant, at)| (variant.as_str(), at / 3)));
        let row = |(at, point): (usize, &Point)| {
            let values = point.iter().map(|(_, value)| value.clone());
            let shares = (0..self.variants.len()).map(|variant| {
                let lead = ("clients".to_owned(), "goodput_share".to_owned());
                let share = self.found.get(&(at, variant)).and_then(|all| all.get(&lead)?.mean());
                or_dash(share.map(|share| share.min(1.0)), percent)
            });
            values.chain(shares).collect::<Vec<_>>()
        };
        let rows: Vec<_> = self.points.iter().enumerate().map(row).collect();
        let scope = paint(DIM, "(of all that arrived; mean over seeds)");
        format!("{} {scope}\n{}", paint(HEADING, "Requests that ended well"), table(&columns, &rows, width))
    }
}

/// The end of a path, which tells the axes of a sweep apart.
pub(super) fn short(path: &str) -> &str {
    let mut dots = path.rmatch_indices('.').map(|(at, _)| at);
    let _last = dots.next();
    dots.next().map_or(path, |at| &path[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_point_and_a_column_for_each_variant() {
        let point = |rate: &str| vec![("clients.web.arrivals.poisson.rate".to_owned(), rate.to_owned())];
        let variants = vec!["unmitigated".to_owned(), "lifo".to_owned()];
        let mut swept = Swept::new(vec![point("80/s"), point("90/s")], variants);
        let share = |value| {
            let (component, metric, unit) = ("clients".into(), "goodput_share".into(), "share".into());
            [Row { component, metric, unit, value }]
        };
        swept.take(0, 0, &share(Some(0.5)));
        swept.take(0, 0, &share(Some(0.6)));
        swept.take(0, 0, &share(None));
        swept.take(1, 1, &share(Some(1.0)));
        let text = swept.text(80);
        assert!(text.contains("poisson.rate") && text.contains("55.0%") && text.contains("100%"), "{text}");
        assert!(text.lines().any(|line| line.contains("80/s") && line.trim_end().ends_with('-')), "{text}");
    }
}
