//! Series as OpenMetrics text with time stamps, as `promtool tsdb create-blocks-from openmetrics` takes it.

use crate::record::results::{Column, Results, Unreadable};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What is exported, and when it is said to have happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposition {
    /// The variants.
    pub variants: Vec<String>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// When the run began, in seconds since 1970.
    pub start: u64,
}

/// Rates that are exported as counters too, since that is what a service exposes and alert rules ask for: the kind of
/// component, the metric, the counter's name and its label.
const COUNTERS: [(&str, &str, &str, &str); 6] = [
    ("clients", "offered", "squall_client_arrivals", ""),
    ("clients", "goodput", "squall_client_requests", "ok"),
    ("clients", "failed", "squall_client_requests", "failed"),
    ("services", "arrivals", "squall_service_calls", ""),
    ("services", "failed", "squall_service_failures", ""),
    ("caches", "misses", "squall_cache_misses", ""),
];

/// One time series: the labels, and the values with the ends of their windows.
type Samples = Vec<(String, Vec<(f64, f64)>)>;

/// The text.
///
/// # Errors
/// The results cannot be read.
pub fn write(results: &Results, what: &Exposition) -> Result<String, Unreadable> {
    let series = results.series()?;
    let mut gauges: BTreeMap<String, (&Column, Samples)> = BTreeMap::new();
    let mut counters: BTreeMap<&str, Samples> = BTreeMap::new();
    for column in &series.columns {
        for variant in &what.variants {
            for seed in &what.seeds {
                let Some(values) = series.get(variant, *seed, &column.component, &column.metric) else { continue };
                let labels = labels(results.name(), variant, *seed, &column.component);
                let samples = samples((&series.times, series.resolution), values, what.start);
                for (.., name, outcome) in COUNTERS.iter().filter(|counter| is(column, counter)) {
                    let labels =
                        if outcome.is_empty() { labels.clone() } else { format!("{labels},outcome=\"{outcome}\"") };
                    counters
                        .entry(name)
                        .or_default()
                        .push((labels, sums((&series.times, series.resolution), values, what.start)));
                }
                gauges.entry(name(column)).or_insert_with(|| (column, Vec::new())).1.push((labels, samples));
            }
        }
    }
    Ok(text(&gauges, &counters))
}

fn is(column: &Column, (kind, metric, ..): &(&str, &str, &str, &str)) -> bool {
    column.component.split('.').next() == Some(kind) && column.metric == *metric
}

fn text(gauges: &BTreeMap<String, (&Column, Samples)>, counters: &BTreeMap<&str, Samples>) -> String {
    let mut out = String::new();
    for (name, (column, family)) in gauges {
        let _ =
            writeln!(out, "# HELP {name} {} of {}, mean of a window.", column.metric.replace('_', " "), kind(column));
        let _ = writeln!(out, "# TYPE {name} gauge");
        if column.unit == "s" {
            let _ = writeln!(out, "# UNIT {name} seconds");
        }
        family.iter().for_each(|(labels, samples)| lines(&mut out, name, labels, samples));
    }
    for (name, family) in counters {
        let _ = writeln!(out, "# HELP {name} Counted since the beginning of the run.");
        let _ = writeln!(out, "# TYPE {name} counter");
        let total = format!("{name}_total");
        family.iter().for_each(|(labels, samples)| lines(&mut out, &total, labels, samples));
    }
    out + "# EOF\n"
}

fn lines(out: &mut String, name: &str, labels: &str, samples: &[(f64, f64)]) {
    for (time, value) in samples {
        let _ = writeln!(out, "{name}{{{labels}}} {value} {time}");
    }
}

fn kind(column: &Column) -> &str {
    match column.component.split('.').next() {
        Some("clients") => "a client",
        Some("services") => "a service",
        Some("pools") => "a pool",
        _ => "a cache",
    }
}

/// A name after Prometheus' customs: the kind, the metric, the base unit.
fn name(column: &Column) -> String {
    let kind = column.component.split('.').next().unwrap_or_default().trim_end_matches('s');
    let unit = match column.unit.as_str() {
        "s" => "_seconds",
        "1/s" => "_per_second",
        "share" => "_ratio",
        _ => "",
    };
    format!("squall_{kind}_{}{unit}", column.metric)
}

fn labels(scenario: &str, variant: &str, seed: u64, component: &str) -> String {
    let mut parts = component.split('.');
    let of = match (parts.next(), parts.next(), parts.next()) {
        (Some("pools"), Some(service), Some(pool)) => format!("service=\"{service}\",pool=\"{pool}\""),
        (Some(kind), Some(name), _) => format!("{}=\"{name}\"", kind.trim_end_matches('s')),
        _ => format!("component=\"{component}\""),
    };
    let scenario = scenario.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{of},scenario=\"{scenario}\",variant=\"{variant}\",seed=\"{seed}\"")
}

/// Values with the ends of their windows: by then they had been measured.
fn samples((times, width): (&[f64], f64), values: &[f32], start: u64) -> Vec<(f64, f64)> {
    let of = |(time, value): (&f64, &f32)| (end(*time + width, start), f64::from(*value));
    times.iter().zip(values).filter(|(_, value)| value.is_finite()).map(of).collect()
}

/// Counts that a rate adds up to. A counter is there from the beginning, or its first rate would be missing.
fn sums((times, width): (&[f64], f64), values: &[f32], start: u64) -> Vec<(f64, f64)> {
    let mut sum = 0.0;
    let mut all = vec![(start as f64, 0.0)];
    for (time, value) in times.iter().zip(values) {
        if value.is_finite() {
            sum += (f64::from(*value) * width).round();
        }
        all.push((end(*time + width, start), sum));
    }
    all
}

/// The end of a window, to the millisecond that Prometheus keeps.
fn end(time: f64, start: u64) -> f64 {
    start as f64 + (time * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(component: &str, metric: &str, unit: &str) -> Column {
        Column { component: component.to_owned(), metric: metric.to_owned(), unit: unit.to_owned() }
    }

    #[test]
    fn names_and_labels_follow_the_customs() {
        assert_eq!(name(&column("clients.web", "latency_p99", "s")), "squall_client_latency_p99_seconds");
        assert_eq!(name(&column("pools.api.db", "utilisation", "share")), "squall_pool_utilisation_ratio");
        assert_eq!(
            labels("a\"b", "unmitigated", 3, "pools.api.db"),
            "service=\"api\",pool=\"db\",scenario=\"a\\\"b\",variant=\"unmitigated\",seed=\"3\""
        );
    }

    #[test]
    fn counters_never_fall() {
        let sums = sums((&[0.0, 1.0, 2.0], 1.0), &[2.0, f32::NAN, 3.0], 100);
        assert_eq!(sums, [(100.0, 0.0), (101.0, 2.0), (102.0, 2.0), (103.0, 5.0)]);
    }
}
