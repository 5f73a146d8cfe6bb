//! Series as OpenMetrics text with time stamps, as `promtool tsdb create-blocks-from openmetrics` takes it.

use crate::record::results::{Column, Component, Results, Unreadable};
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
const COUNTERS: [(&str, &str, &str, &str); 7] = [
    ("clients", "offered", "squall_client_arrivals", ""),
    ("clients", "goodput", "squall_client_requests", "ok"),
    ("clients", "failed", "squall_client_requests", "failed"),
    ("services", "arrivals", "squall_service_calls", ""),
    ("services", "failed", "squall_service_failures", ""),
    ("caches", "misses", "squall_cache_misses", ""),
    ("splits", "calls", "squall_split_calls", ""),
];

/// Counters of an edge, and the columns that each is the sum of.
const EDGES: [(&str, &[&str]); 4] = [
    ("squall_edge_calls", &["calls"]),
    ("squall_edge_attempts", &["attempts"]),
    ("squall_edge_ended", &["ok", "failed"]),
    ("squall_edge_failures", &["failed"]),
];

/// What is measured at the end of a window, as a scrape would; the other gauges are means.
const INSTANTS: [&str; 6] = ["in_flight", "up", "ready", "replicas", "memory", "busy"];

const COUNTED: &str = "Counted since the beginning of the run.";

/// Values with the ends of their windows, in seconds.
type Samples = Vec<(f64, f64)>;

/// Where the windows of a run begin and end, in seconds. The last one may be shorter than the others.
type Windows = Vec<(f64, f64)>;

/// Metrics of one name.
struct Family {
    kind: &'static str,
    help: String,
    seconds: bool,
    /// Each time series: what is added to the name, the labels, and the samples.
    series: Vec<(&'static str, String, Samples)>,
}

/// All families, as they are being put together.
struct Text<'a> {
    results: &'a Results,
    what: &'a Exposition,
    /// Where windows begin, and how wide they are, in seconds.
    windows: (Vec<f64>, f64),
    families: BTreeMap<String, Family>,
}

/// The text.
///
/// # Errors
/// The results cannot be read.
pub fn write(results: &Results, what: &Exposition) -> Result<String, Unreadable> {
    let series = results.series()?;
    let windows = (series.times.clone(), series.resolution);
    let mut text = Text { results, what, windows, families: BTreeMap::new() };
    for column in &series.columns {
        for variant in &what.variants {
            for seed in &what.seeds {
                if let Some(values) = series.get(variant, *seed, &column.component, &column.metric) {
                    text.column(column, values, (variant, *seed));
                }
            }
        }
    }
    let edges = results.edges(&what.variants, &what.seeds)?;
    edges.of.iter().for_each(|edge| text.edge(&edges.columns, edge));
    let buckets = results.buckets(&what.variants, &what.seeds)?;
    buckets.of.iter().for_each(|client| text.latency(&buckets.columns, client));
    Ok(text.finish())
}

impl Text<'_> {
    fn put(
        &mut self,
        (name, kind, help): (&str, &'static str, &str),
        (suffix, labels): (&'static str, String),
        samples: Samples,
    ) {
        let family = self.families.entry(name.to_owned()).or_insert_with(|| Family {
            kind,
            help: help.to_owned(),
            seconds: name.ends_with("_seconds"),
            series: Vec::new(),
        });
        family.series.push((suffix, labels, samples));
    }

    /// The windows of a run, of those that begin at some times.
    fn windows(&self, times: &[f64], (variant, seed): (&str, u64)) -> Windows {
        let ended = self.results.ended_at(variant, seed).unwrap_or(f64::INFINITY);
        let end = |from: f64| if from < ended { ended.min(from + self.windows.1) } else { from + self.windows.1 };
        times.iter().map(|from| (*from, end(*from))).collect()
    }

    /// A counter, of what was counted in each window.
    fn count(&mut self, name: &str, labels: String, windows: &Windows, counts: &[f64]) {
        let samples = sums(windows, counts, self.what.start);
        self.put((name, "counter", COUNTED), ("_total", labels), samples);
    }

    /// A column of the series, as a gauge and as what else it tells.
    fn column(&mut self, column: &Column, values: &[f64], (variant, seed): (&str, u64)) {
        let labels = labels(self.results.name(), variant, seed, &column.component);
        let windows = self.windows(&self.windows.0, (variant, seed));
        let kind = column.component.split('.').next().unwrap_or_default();
        for (.., name, outcome) in COUNTERS.iter().filter(|counter| (counter.0, counter.1) == (kind, &column.metric)) {
            let labels = if outcome.is_empty() { labels.clone() } else { format!("{labels},outcome=\"{outcome}\"") };
            let counts: Vec<f64> =
                values.iter().zip(&windows).map(|(rate, (from, to))| (rate * (to - from)).round()).collect();
            // A class of a cache's keys is counted in the cache already: sums over a name must not count it twice.
            let of_class = kind == "caches" && column.component.split('.').count() == 3;
            self.count(if of_class { "squall_cache_class_misses" } else { name }, labels, &windows, &counts);
        }
        let up = match (kind, column.metric.as_str()) {
            ("services", "up") => values.iter().map(|replicas| f64::from(u8::from(*replicas > 0.0))).collect(),
            // Clients are always there.
            ("clients", "offered") => vec![1.0; values.len()],
            _ => Vec::new(),
        };
        if !up.is_empty() {
            let samples = samples(&windows, &up, self.what.start);
            self.put(("up", "gauge", "1 if there is somebody to be scraped."), ("", labels.clone()), samples);
        }
        let when = if INSTANTS.contains(&column.metric.as_str()) { "at the end" } else { "mean" };
        let help =
            format!("{} of a {}, {when} of a window.", column.metric.replace('_', " "), kind.trim_end_matches('s'));
        let samples = samples(&windows, values, self.what.start);
        self.put((&name(column), "gauge", &help), ("", labels), samples);
    }

    /// What went over an edge.
    fn edge(&mut self, columns: &[String], edge: &Component) {
        let labels = labels(self.results.name(), &edge.variant, edge.seed, &edge.name);
        let windows = self.windows(&self.windows.0, (&edge.variant, edge.seed));
        for (name, parts) in EDGES {
            let mut counts = vec![0.0; windows.len()];
            for part in parts {
                let part = self.counts(columns, edge, part);
                counts.iter_mut().zip(part).for_each(|(sum, count)| *sum += count);
            }
            self.count(name, labels.clone(), &windows, &counts);
        }
        let open = columns.iter().position(|column| column == "open");
        let open = open.into_iter().flat_map(|at| edge.windows.iter().map(move |(time, values)| (*time, values[at])));
        let (times, open): (Vec<f64>, Vec<f64>) = open.filter(|(_, open)| open.is_finite()).unzip();
        if !open.is_empty() {
            let windows = self.windows(&times, (&edge.variant, edge.seed));
            let samples = samples(&windows, &open, self.what.start);
            let help = "share of an edge's breakers that are open, at the end of a window.";
            self.put(("squall_edge_open_ratio", "gauge", help), ("", labels), samples);
        }
    }

    /// How long the requests of a client took that ended well.
    fn latency(&mut self, columns: &[String], client: &Component) {
        let of = labels(self.results.name(), &client.variant, client.seed, &client.name);
        let windows = self.windows(&self.windows.0, (&client.variant, client.seed));
        let family = ("squall_client_latency_seconds", "histogram", COUNTED);
        for column in columns {
            let Some(bound) = column.strip_prefix("le_") else { continue };
            let bound = if bound == "inf" { "+Inf" } else { bound };
            let counted = sums(&windows, &self.counts(columns, client, column), self.what.start);
            if bound == "+Inf" {
                self.put(family, ("_count", of.clone()), counted.clone());
            }
            self.put(family, ("_bucket", format!("{of},le=\"{bound}\"")), counted);
        }
    }

    /// A column of counts, window by window: nothing was counted where there is no row.
    fn counts(&self, columns: &[String], of: &Component, column: &str) -> Vec<f64> {
        let Some(at) = columns.iter().position(|known| known == column) else { return Vec::new() };
        let mut rows = of.windows.iter().peekable();
        let count = |time: &f64| rows.next_if(|(from, _)| from <= time).map_or(0.0, |(_, values)| values[at]);
        self.windows.0.iter().map(count).collect()
    }

    fn finish(self) -> String {
        let mut out = String::new();
        for (name, Family { kind, help, seconds, series }) in self.families {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            if seconds {
                let _ = writeln!(out, "# UNIT {name} seconds");
            }
            for (suffix, labels, samples) in series {
                for (time, value) in samples {
                    let _ = writeln!(out, "{name}{suffix}{{{labels}}} {value} {time}");
                }
            }
        }
        out + "# EOF\n"
    }
}

/// A name after Prometheus' customs, the kind, the metric, the base unit, and the same as in the metrics plane.
fn name(column: &Column) -> String {
    let kind = column.component.split('.').next().unwrap_or_default().trim_end_matches('s');
    let metric = match (kind, column.metric.as_str()) {
        // Of those that there can be, as it is scraped; the other one is of those that are kept.
        ("pool", "busy") => "utilisation",
        ("pool", "utilisation") => "kept_utilisation",
        (_, metric) => metric,
    };
    let unit = match column.unit.as_str() {
        "s" => "_seconds",
        "1/s" => "_per_second",
        "share" => "_ratio",
        _ => "",
    };
    format!("squall_{kind}_{metric}{unit}")
}

/// The labels of a component as the metrics plane has them, and of which run it is.
fn labels(scenario: &str, variant: &str, seed: u64, component: &str) -> String {
    let mut parts = component.split('.');
    let (kind, of) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let names = match (kind, parts.next()) {
        ("pools", Some(pool)) => format!("service=\"{of}\",pool=\"{pool}\""),
        ("edges", Some(callee)) => format!("caller=\"{of}\",callee=\"{callee}\""),
        ("splits", Some(side)) => format!("split=\"{of}\",side=\"{side}\""),
        ("caches", Some(class)) => format!("cache=\"{of}\",class=\"{class}\""),
        _ => format!("{}=\"{of}\"", kind.trim_end_matches('s')),
    };
    let scenario = scenario.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{names},job=\"{of}\",scenario=\"{scenario}\",variant=\"{variant}\",seed=\"{seed}\"")
}

/// Values with the ends of their windows: by then they had been measured.
fn samples(windows: &Windows, values: &[f64], start: u64) -> Samples {
    let of = |((_, to), value): (&(f64, f64), &f64)| (end(*to, start), *value);
    windows.iter().zip(values).filter(|(_, value)| value.is_finite()).map(of).collect()
}

/// Counts added up. A counter is there from the beginning, or its first rate would be missing.
fn sums(windows: &Windows, counts: &[f64], start: u64) -> Samples {
    let mut sum = 0.0;
    let mut all = vec![(start as f64, 0.0)];
    for ((_, to), count) in windows.iter().zip(counts) {
        if count.is_finite() {
            sum += count;
        }
        all.push((end(*to, start), sum));
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
        assert_eq!(name(&column("pools.api.db", "busy", "share")), "squall_pool_utilisation_ratio");
        assert_eq!(
            labels("a\"b", "unmitigated", 3, "pools.api.db"),
            "service=\"api\",pool=\"db\",job=\"api\",scenario=\"a\\\"b\",variant=\"unmitigated\",seed=\"3\""
        );
        for (component, names) in [
            ("edges.web.api", "caller=\"web\",callee=\"api\",job=\"web\","),
            ("splits.api.green", "split=\"api\",side=\"green\",job=\"api\","),
            ("caches.l3.hot", "cache=\"l3\",class=\"hot\",job=\"l3\","),
            ("services.api", "service=\"api\",job=\"api\","),
        ] {
            assert!(labels("s", "v", 1, component).starts_with(names), "{component}");
        }
    }

    #[test]
    fn counters_never_fall() {
        let windows = vec![(0.0, 1.0), (1.0, 2.0), (2.0, 2.5)];
        let sums = sums(&windows, &[2.0, f64::NAN, 3.0], 100);
        assert_eq!(sums, [(100.0, 0.0), (101.0, 2.0), (102.0, 2.0), (102.5, 5.0)]);
    }
}
