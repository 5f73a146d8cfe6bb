//! One line for each key series: a sparkline, with the faults and a time axis under it.

use super::number::in_unit;
use super::style::{DIM, paint};
use serde_json::Value;
use squall_models::report::{Column, Report, Series};
use squall_models::spec::Fault;
use squall_models::units::Duration;

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Components of one kind that get lines; more of them would fill screens.
const MOST: usize = 8;

/// How the values in one character are made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fold {
    Mean,
    Peak,
}

/// Which series are shown: the kind of component, the metric, and how values are joined.
const SHOWN: [(&str, &str, Fold); 7] = [
    ("clients.", "offered", Fold::Mean),
    ("clients.", "goodput", Fold::Mean),
    ("clients.", "latency_p99", Fold::Peak),
    ("services.", "utilisation", Fold::Mean),
    ("services.", "queue", Fold::Peak),
    ("pools.", "waiting", Fold::Peak),
    ("caches.", "hit_rate", Fold::Mean),
];

/// A fault as the axis shows it: from when until when, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    at: f64,
    until: Option<f64>,
}

/// The times of a fault. All kinds of fault have the same two fields, which are read by name.
pub(super) fn mark(fault: &Fault) -> Option<Mark> {
    let value = serde_json::to_value(fault).ok()?;
    let fields = value.as_object()?.values().next()?;
    let time = |name| fields.get(name).and_then(Value::as_str).and_then(|text| text.parse::<Duration>().ok());
    let at = time("at")?.seconds();
    Some(Mark { at, until: time("for").map(|length| at + length.seconds()) })
}

/// All lines, ready to print; nothing if nothing was recorded.
pub(super) fn timeline(report: &Report, marks: &[Mark], width: usize) -> String {
    let series = &report.series;
    let (chosen, left_out) = chosen(series);
    let windows = series.len();
    if windows == 0 || chosen.is_empty() {
        return String::new();
    }
    let labels = chosen.iter().map(|(at, _)| label(&series.columns[*at]).chars().count()).max().unwrap_or(0);
    let labels = labels.min(width / 3);
    let cells = width.saturating_sub(labels + 4 + 14).clamp(16, 100).min(windows);
    let mut out = String::new();
    for (at, fold) in chosen {
        let column = &series.columns[at];
        let values: Vec<f64> = series.values.iter().skip(at).step_by(series.columns.len()).copied().collect();
        let peak = values.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
        let top = if column.unit == "share" { 1.0 } else { peak };
        let line = sparkline(&squeeze(&values, cells, fold), top);
        let shown = format!("max {}", in_unit(peak, column.unit));
        out += &format!("  {:labels$}  {line}  {shown}\n", shorten(&label(column), labels));
    }
    let seconds = series.resolution.seconds() * windows as f64;
    for line in fault_lines(marks, cells, seconds) {
        out += &format!("  {:labels$}  {line}\n", "faults");
    }
    out += &format!("  {:labels$}  {}\n", "", paint(DIM, axis(cells, seconds)));
    if left_out > 0 {
        out += &format!("  {}\n", paint(DIM, format!("… {left_out} quieter series: see series.csv of --out")));
    }
    out
}

/// The metric tells what kind of component it is, so the kind is left out.
fn label(column: &Column) -> String {
    let name = column.component.split_once('.').map_or(column.component.as_str(), |(_, name)| name);
    format!("{name} {}", column.metric.replace('_', " "))
}

/// The columns to show, by component; of many components the busiest.
fn chosen(series: &Series) -> (Vec<(usize, Fold)>, usize) {
    let mut shown = Vec::new();
    let mut left_out = 0;
    for kind in ["clients.", "services.", "pools.", "caches."] {
        let mut components: Vec<&str> = Vec::new();
        for column in series.columns.iter().filter(|column| column.component.starts_with(kind)) {
            if !components.contains(&column.component.as_str()) {
                components.push(&column.component);
            }
        }
        let columns: Vec<(&str, Vec<(usize, Fold)>)> =
            components.iter().map(|component| (*component, of(series, kind, component))).collect();
        let mut busiest: Vec<usize> = (0..columns.len()).collect();
        busiest.sort_by(|a, b| load(series, &columns[*b].1).total_cmp(&load(series, &columns[*a].1)));
        busiest.truncate(MOST);
        for (place, (_, columns)) in columns.into_iter().enumerate() {
            if busiest.contains(&place) {
                shown.extend(columns);
            } else {
                left_out += columns.len();
            }
        }
    }
    (shown, left_out)
}

fn of(series: &Series, kind: &str, component: &str) -> Vec<(usize, Fold)> {
    let find = |metric: &str| series.columns.iter().position(|c| c.component == component && c.metric == metric);
    let wanted = SHOWN.iter().filter(|(of, ..)| *of == kind);
    let found = wanted.filter_map(|(_, metric, fold)| find(metric).map(|at| (at, *fold)));
    found.filter(|(at, _)| tells(series, *at)).collect()
}

/// A queue that is always empty tells nothing.
fn tells(series: &Series, at: usize) -> bool {
    let mut values = series.values.iter().skip(at).step_by(series.columns.len()).filter(|v| v.is_finite());
    match series.columns[at].metric {
        "queue" | "waiting" => values.any(|v| *v > 0.0),
        _ => values.next().is_some(),
    }
}

fn load(series: &Series, columns: &[(usize, Fold)]) -> f64 {
    let Some((at, _)) = columns.first() else { return 0.0 };
    series.values.iter().skip(*at).step_by(series.columns.len()).filter(|v| v.is_finite()).sum()
}

/// Values joined into as many cells; NaN where there is no value at all.
pub(super) fn squeeze(values: &[f64], cells: usize, fold: Fold) -> Vec<f64> {
    let join = |cell: usize| {
        let part = &values[cell * values.len() / cells..((cell + 1) * values.len() / cells).min(values.len())];
        let good: Vec<f64> = part.iter().copied().filter(|v| v.is_finite()).collect();
        match fold {
            _ if good.is_empty() => f64::NAN,
            Fold::Mean => good.iter().sum::<f64>() / good.len() as f64,
            Fold::Peak => good.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    };
    (0..cells).map(join).collect()
}

pub(super) fn sparkline(values: &[f64], top: f64) -> String {
    let bar = |value: &f64| match value {
        v if v.is_nan() => ' ',
        _ if top <= 0.0 => BARS[0],
        v => BARS[((v / top * 8.0).ceil() as usize).clamp(1, 8) - 1],
    };
    values.iter().map(bar).collect()
}

fn cell_of(at: f64, cells: usize, seconds: f64) -> Option<usize> {
    let cell = (at / seconds * cells as f64) as usize;
    (at < seconds).then_some(cell.min(cells - 1))
}

/// Faults by number with a line for as long as each lasts; those that overlap go below each other.
fn fault_lines(marks: &[Mark], cells: usize, seconds: f64) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = Vec::new();
    for (number, mark) in marks.iter().enumerate() {
        let Some(from) = cell_of(mark.at, cells, seconds) else {
            continue;
        };
        let last = mark.until.map_or(Some(cells - 1), |until| cell_of(until, cells, seconds)).unwrap_or(cells - 1);
        let name: Vec<char> = (number + 1).to_string().chars().collect();
        let end = last.max(from + name.len() - 1).min(cells - 1);
        let free = |line: &Vec<char>| line[from..=end].iter().all(|c| *c == ' ');
        let place = lines.iter().position(free).unwrap_or(lines.len());
        if place == lines.len() {
            lines.push(vec![' '; cells]);
        }
        for (at, slot) in lines[place][from..=end].iter_mut().enumerate() {
            *slot = name.get(at).copied().unwrap_or('─');
        }
    }
    lines.into_iter().map(|line| line.into_iter().collect::<String>().trim_end().to_owned()).collect()
}

/// A time axis with a label about every fifteen characters.
pub(super) fn axis(cells: usize, seconds: f64) -> String {
    let mut line = String::new();
    let labels = (cells / 15).max(1);
    for label in 0..=labels {
        let at = label * cells / labels;
        let text = format!("{:.0}s", seconds * label as f64 / labels as f64);
        let start = if label == 0 { 0 } else { at.saturating_sub(text.chars().count()) };
        let padding = start.saturating_sub(line.chars().count());
        line.extend(std::iter::repeat_n(' ', padding));
        line += &text;
    }
    line
}

pub(super) fn shorten(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    // The metric at the end tells lines apart, so the middle goes.
    let (head, tail) = (width / 3, width - width / 3 - 1);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_with_the_value_and_gaps_stay_gaps() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0, f64::NAN, 2.0], 1.0), "▁▄█ █");
        assert_eq!(sparkline(&[0.0, 0.0], 0.0), "▁▁");
    }

    #[test]
    fn a_peak_survives_squeezing() {
        let values = [0.0, 0.0, 9.0, 0.0, f64::NAN, f64::NAN];
        assert_eq!(squeeze(&values[..4], 2, Fold::Peak), [0.0, 9.0]);
        assert_eq!(squeeze(&values[..4], 2, Fold::Mean), [0.0, 4.5]);
        assert!(squeeze(&values, 3, Fold::Mean)[2].is_nan());
    }

    #[test]
    fn faults_that_overlap_go_below_each_other() {
        let marks = [
            Mark { at: 0.0, until: Some(4.0) },
            Mark { at: 2.0, until: None },
            Mark { at: 6.0, until: Some(6.0) },
            Mark { at: 99.0, until: None },
        ];
        assert_eq!(fault_lines(&marks, 10, 10.0), ["1──── 3", "  2───────"]);
    }

    #[test]
    fn the_axis_ends_at_the_last_cell() {
        assert_eq!(axis(30, 300.0), "0s         150s           300s");
        assert_eq!(axis(30, 300.0).chars().count(), 30);
    }

    #[test]
    fn the_metric_stays_readable_in_a_short_label() {
        assert_eq!(shorten("a-very-long-service queue", 16), "a-ver…vice queue");
    }
}
