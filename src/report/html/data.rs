//! What the page's script draws: one run of each variant over time, thinned out so that the page stays small.

use crate::report::plots::{Undrawn, View, deeds};
use serde_json::{Map, Value, json};

/// Bytes that numbers take at most; a number takes about five.
const MOST_BYTES: usize = 420_000;
const MOST_POINTS: usize = 400;
const FEWEST_POINTS: usize = 60;

/// The metrics that are offered of each kind of component, with what to call them.
const METRICS: [(&str, &str, &str); 12] = [
    ("clients", "goodput", "goodput"),
    ("clients", "offered", "offered load"),
    ("clients", "failed", "failures"),
    ("clients", "latency_p50", "median latency"),
    ("clients", "latency_p99", "99th percentile of latency"),
    ("services", "utilisation", "utilisation"),
    ("services", "queue", "calls waiting"),
    ("services", "amplification", "load amplified"),
    ("pools", "utilisation", "connections in use"),
    ("pools", "waiting", "calls waiting for a connection"),
    ("caches", "hit_rate", "hit rate"),
    ("caches", "misses", "misses"),
];

/// The data, in about so many bytes.
pub(super) fn data(view: &View<'_>, bytes: usize) -> Result<Value, Undrawn> {
    let (series, variants, seed) = (view.series()?, view.variants(), view.seed());
    let mut metrics = Vec::new();
    if series.components("clients", "goodput").len() > 1 {
        for (metric, label) in [("goodput", "goodput"), ("offered", "offered load")] {
            metrics.push(("clients".to_owned(), metric.to_owned(), format!("all clients: {label}"), "1/s".to_owned()));
        }
    }
    for (kind, metric, label) in METRICS {
        for component in series.components(kind, metric) {
            let unit = series.columns.iter().find(|c| c.component == component && c.metric == metric);
            let unit = unit.map_or(String::new(), |column| column.unit.clone());
            metrics.push((component.to_owned(), metric.to_owned(), format!("{component}: {label}"), unit));
        }
    }
    let windows = series.times.len();
    let points =
        (bytes.min(MOST_BYTES) / 5 / (metrics.len() * variants.len()).max(1)).clamp(FEWEST_POINTS, MOST_POINTS);
    let step = windows.div_ceil(points).max(1);
    let deeds = deeds::of(view, &variants)?;
    let of = |(at, variant): (usize, &&str)| {
        let mut columns = Map::new();
        for (component, metric, ..) in &metrics {
            let column = if component == "clients" {
                view.sum(variant, seed, "clients", metric)
            } else {
                view.column(variant, seed, component, metric)
            };
            if let Some(column) = column {
                let peak = metric.starts_with("latency");
                columns.insert(format!("{component} {metric}"), thin(&column, step, peak));
            }
        }
        let failing = view.results.failures.iter().filter(|row| row.variant == **variant && row.seed == seed);
        let failing = failing.filter(|row| row.kind == "failing");
        let marks = view.results.marks(variant);
        let deeds = deeds.marks.get(at).into_iter().flatten();
        json!({
            "name": variant,
            "series": columns,
            "failing": failing.map(|row| json!({ "component": row.component, "place": row.place, "at": row.time_s })).collect::<Vec<_>>(),
            "deeds": deeds.map(|mark| json!({ "letter": mark.letter, "role": mark.deed.role, "from": mark.deed.at_s, "until": mark.deed.until_s, "what": mark.deed.told() })).collect::<Vec<_>>(),
            "marks": marks.iter().map(|mark| json!({ "from": mark.from, "until": mark.until, "what": mark.told() })).collect::<Vec<_>>(),
        })
    };
    let find = |kind: &str, metric: &str| metrics.iter().position(|(c, m, ..)| c.starts_with(kind) && m == metric);
    let busiest = busiest(view, &metrics).or_else(|| find("services", "utilisation"));
    Ok(json!({
        "times": series.times.iter().step_by(step).copied().map(short).collect::<Vec<_>>(),
        "end": series.end(),
        "at": view.at(),
        "first": [find("clients", "goodput").unwrap_or(0), busiest.unwrap_or(0)],
        "metrics": metrics.iter().map(|(component, metric, label, unit)| json!({ "key": format!("{component} {metric}"), "label": label, "unit": unit })).collect::<Vec<_>>(),
        "variants": variants.iter().enumerate().map(of).collect::<Vec<_>>(),
    }))
}

/// The utilisation of the service that failed or filled up first.
fn busiest(view: &View<'_>, metrics: &[(String, String, String, String)]) -> Option<usize> {
    let mut rows: Vec<_> = view.results.failures.iter().filter(|row| row.variant == view.variant()).collect();
    rows.retain(|row| row.seed == view.seed() && row.kind == "failing" && row.component.starts_with("services."));
    let first = rows.into_iter().min_by_key(|row| row.place)?;
    metrics.iter().position(|(component, metric, ..)| *component == first.component && metric == "utilisation")
}

/// Each `step` values as one: their mean, or the largest where a peak matters more.
fn thin(values: &[f64], step: usize, peak: bool) -> Value {
    let join = |part: &[f64]| {
        let good: Vec<f64> = part.iter().copied().filter(|value| value.is_finite()).collect();
        match good.len() {
            0 => Value::Null,
            _ if peak => json!(short(good.iter().copied().fold(f64::MIN, f64::max))),
            count => json!(short(good.iter().sum::<f64>() / count as f64)),
        }
    };
    Value::Array(values.chunks(step).map(join).collect())
}

/// Four digits: more than a screen has pixels for.
fn short(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_mean_or_the_peak() {
        let values = [1.0, 3.0, f64::NAN, 8.0, f64::NAN, f64::NAN];
        assert_eq!(thin(&values, 2, false), json!([2.0, 8.0, null]));
        assert_eq!(thin(&values, 4, true), json!([8.0, null]));
        assert_eq!(short(1.234_567), 1.235);
    }
}
