//! What `squall tip` prints: where each variant tips, from both sides.

use super::style::{BAD, DIM, GOOD, HEADING, paint, wrap};
use super::table::table;
use crate::experiment::tip::{Branch, LEVEL, Search, Tip};
use crate::scenario::Loaded;
use serde_json::{Value, json};

/// The tipping points as text.
#[must_use]
pub fn tips(search: &Search<'_>, tips: &[Tip], width: usize) -> String {
    let width = width.clamp(40, 140);
    let columns = [("variant", 0), ("from healthy", 0), ("after the trigger", 0), ("metastable", 0)];
    let of = |variant: &str, branch| tips.iter().find(|tip| tip.variant == variant && tip.branch == branch);
    let row = |variant: &String| {
        let (up, down) = (of(variant, Branch::Up), of(variant, Branch::Down));
        let window = up.zip(down).and_then(|(up, down)| window(up, down));
        let window = window.map(|(low, high)| format!("{} – {}", end(search, low), end(search, high)));
        let cell = |tip: Option<&Tip>| tip.map_or("-".to_owned(), |tip| shown(search, tip));
        vec![variant.clone(), cell(up), cell(down), window.unwrap_or("-".to_owned())]
    };
    let rows: Vec<_> = search.variants.iter().map(row).collect();
    let mut out = format!("{} {}\n", paint(HEADING, "Tipping point of"), paint(HEADING, &search.path));
    let scope = "median over seeds [interval]; a run has collapsed if in its last fifth fewer than half of the requests end well";
    for line in wrap(scope, width) {
        out += &format!("{}\n", paint(DIM, line));
    }
    out += &format!("{}\n{}\n", table(&columns, &rows, width), paint(HEADING, "In words"));
    for variant in &search.variants {
        let (told, style) = sentence(search, of(variant, Branch::Up), of(variant, Branch::Down));
        for (at, line) in wrap(&format!("{variant}: {told}"), width - 4).into_iter().enumerate() {
            let line = match line.strip_prefix(variant.as_str()).filter(|_| at == 0) {
                Some(rest) => format!("{}{rest}", paint(style, variant)),
                None => line,
            };
            out += &format!("{}{line}\n", if at == 0 { "  " } else { "    " });
        }
    }
    out + &notes(search, tips, width)
}

/// The values between which a pushed system stays down and one that was never pushed stays up.
fn window(up: &Tip, down: &Tip) -> Option<(f64, f64)> {
    // The two have to be apart for more than their intervals.
    let (low, high) = if up.falling || down.falling { (up, down) } else { (down, up) };
    (low.interval.high < high.interval.low).then_some((low.threshold, high.threshold))
}

fn end(search: &Search<'_>, value: f64) -> String {
    match value {
        value if value == f64::INFINITY => format!(">{}", search.range.text(search.range.high)),
        value if value == f64::NEG_INFINITY => format!("<{}", search.range.text(search.range.low)),
        value => search.range.text(format!("{value:.4e}").parse().unwrap_or(value)),
    }
}

fn shown(search: &Search<'_>, tip: &Tip) -> String {
    if tip.interval.low.total_cmp(&tip.interval.high).is_eq() {
        return end(search, tip.threshold);
    }
    format!("{} [{}, {}]", end(search, tip.threshold), end(search, tip.interval.low), end(search, tip.interval.high))
}

fn sentence(search: &Search<'_>, up: Option<&Tip>, down: Option<&Tip>) -> (String, anstyle::Style) {
    let reach = if up.or(down).is_some_and(|tip| tip.falling) { "from" } else { "up to" };
    // Beyond the range there is no number to name.
    let told = |tip: &Tip, never: &str, always: &str, number: &str| match tip.outside() {
        (count, _) if 2 * count > tip.thresholds.len() => never.to_owned(),
        (_, count) if 2 * count > tip.thresholds.len() => always.to_owned(),
        _ => format!("{number} {reach} {}", end(search, tip.threshold)),
    };
    let healthy = |tip| told(tip, "healthy in the whole range", "down in the whole range", "healthy");
    let back =
        |tip| told(tip, "always comes back after the trigger", "never comes back", "comes back after the trigger");
    match (up, down) {
        (Some(up), Some(down)) => match window(up, down) {
            Some((low, high)) => {
                let (low, high) = (end(search, low), end(search, high));
                let words = "healthy there as long as nothing happens, and down for good after the trigger.";
                (format!("metastable between {low} and {high}: {words}"), BAD)
            }
            None => (format!("{}; {}. No metastable range.", healthy(up), back(down)), GOOD),
        },
        (Some(only), None) => (format!("{}.", healthy(only)), GOOD),
        (None, Some(only)) => (format!("{}.", back(only)), GOOD),
        (None, None) => ("nothing was run.".to_owned(), DIM),
    }
}

/// The same as JSON, for programs. Documented in `docs/reference/results.md`. What is infinite, a threshold beyond the
/// range, is null; `never` and `always` say on which side.
#[must_use]
pub fn tips_json(search: &Search<'_>, tips: &[Tip], loaded: &Loaded, interrupted: bool) -> Value {
    let of = |variant: &str, branch| tips.iter().find(|tip| tip.variant == variant && tip.branch == branch);
    let variants = search.variants.iter().map(|variant| {
        let (up, down) = (of(variant, Branch::Up), of(variant, Branch::Down));
        let branches: Vec<Value> = [up, down].into_iter().flatten().map(|tip| branch(search, tip)).collect();
        let metastable = up.zip(down).and_then(|(up, down)| window(up, down));
        json!({
            "variant": variant,
            "in_words": sentence(search, up, down).0,
            "metastable": metastable.map(|(low, high)| json!({ "low": low, "high": high })),
            "branches": branches,
        })
    });
    json!({
        "name": loaded.name,
        "path": loaded.path.to_string_lossy(),
        "about": loaded.about,
        "interrupted": interrupted,
        "tip": {
            "path": search.path,
            "unit": search.range.unit,
            "low": search.range.low,
            "high": search.range.high,
            "seeds": search.seeds.len(),
            "variants": variants.collect::<Vec<_>>(),
        },
    })
}

fn branch(search: &Search<'_>, tip: &Tip) -> Value {
    let (never, always) = tip.outside();
    let (odd, checks) = tip.odd();
    let risk = |risk: crate::experiment::tip::Risk| {
        let (low, high) = (risk.interval.low, risk.interval.high);
        json!({ "value": risk.value, "collapsed": risk.collapsed, "of": risk.of, "low": low, "high": high })
    };
    json!({
        "branch": tip.branch.name(),
        "threshold": tip.threshold,
        "low": tip.interval.low,
        "high": tip.interval.high,
        "level": tip.level,
        "falling": tip.falling,
        "never": never,
        "always": always,
        "checks": checks,
        "odd": odd,
        "curve": tip.curve(&search.grid(), LEVEL).into_iter().map(risk).collect::<Vec<_>>(),
    })
}

fn notes(search: &Search<'_>, tips: &[Tip], width: usize) -> String {
    let runs: usize = tips.iter().flat_map(|tip| &tip.thresholds).map(|threshold| threshold.probes.len()).sum();
    let (odd, checks) = tips.iter().map(Tip::odd).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    let level = tips.iter().map(|tip| tip.level).fold(1.0, f64::min);
    let mut told = format!(
        "{} seeds, {runs} runs. The intervals hold the true median with {:.1}% or more (order statistics).",
        search.seeds.len(),
        (level * 1000.0).floor() / 10.0
    );
    if checks > 0 {
        told += &format!(" Of {checks} runs away from the thresholds, {odd} came out the other way.");
    }
    let mut out = "\n".to_owned();
    for line in wrap(&told, width) {
        out += &format!("{}\n", paint(DIM, line));
    }
    out
}
