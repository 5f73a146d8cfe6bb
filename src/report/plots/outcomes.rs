//! What became of requests over time, stacked by fate: a panel for each variant.

use super::axis::{Axis, Unit};
use super::deeds::Marks;
use super::fates::{COLORS, words};
use super::figure::{Color, Figure, Pen};
use super::page::{Key, Margins, Page, Panel};
use super::palette::{BLUE, GRAY, INK};
use super::{Undrawn, View};
use std::collections::BTreeMap;

pub(super) const ABOUT: &str = "what became of requests over time, stacked by fate, each variant";

/// Requests per second by fate, for each slice of time.
type Rates = Vec<(f64, f64, BTreeMap<String, f64>)>;

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let variants = view.variants();
    let mut all: Vec<Rates> = Vec::new();
    let mut totals: BTreeMap<String, f64> = BTreeMap::new();
    for variant in &variants {
        let rates = rates(view, variant)?;
        for (from, to, fates) in &rates {
            fates.iter().for_each(|(fate, rate)| *totals.entry(fate.clone()).or_default() += rate * (to - from));
        }
        all.push(rates);
    }
    if totals.is_empty() {
        return Err(Undrawn::Nothing("no request of any client ended".to_owned()));
    }
    let mut kinds: Vec<(&String, &f64)> = totals.iter().filter(|(fate, _)| *fate != "ok").collect();
    kinds.sort_by(|a, b| b.1.total_cmp(a.1));
    let mut parts: Vec<(&str, Color)> = vec![("ok", BLUE)];
    parts.extend(kinds.iter().zip(COLORS).map(|((kind, _), color)| (kind.as_str(), color)));
    let series = view.series()?;
    let x = Axis::Linear { low: series.times[0], high: series.end() };
    let tops = all.iter().flatten().map(|(_, _, fates)| fates.values().sum::<f64>());
    let y = Axis::from_zero(tops);

    let more = "; requests that ended, all clients, mean over seeds";
    let mut page = Page::new("What became of requests over time", &view.note(more), view.look.width);
    let mut keys: Vec<_> = parts.iter().map(|(kind, color)| (Key::Box(*color), words(kind))).collect();
    if kinds.len() > COLORS.len() {
        keys.push((Key::Box(GRAY), "other".to_owned()));
    }
    page.legend(&keys);
    let columns = match variants.len() {
        1 => 1,
        2..=4 => 2,
        _ => 3,
    };
    let height = if columns == 1 { 260.0 } else { 120.0 };
    let marks = Marks::each(view, page.width(columns, Margins::USUAL))?;
    let areas = page.grid(variants.len(), columns, height, marks.margins(Margins::USUAL));
    for (at, ((area, variant), rates)) in areas.into_iter().zip(&variants).zip(&all).enumerate() {
        let panel = Panel { area, x: (x, Unit::Clock), y: (y, Unit::Plain) };
        panel.axes(&mut page.figure, variant, "time [s]", "requests [1/s]");
        for (from, to, fates) in rates {
            stack(&mut page.figure, &panel, (*from, *to), fates, &parts);
        }
        let tops = rates.iter().flat_map(|(from, to, fates)| [*from, *to].map(|at| panel.at(at, fates.values().sum())));
        page.figure.line(tops.collect(), Pen::new(INK, 0.6));
        marks.edges(&mut page.figure, &panel, at);
        marks.above(&mut page.figure, &panel, at);
    }
    marks.explain(&mut page, variants.len());
    Ok(page.finish())
}

/// One slice of time, from below to above.
fn stack(
    figure: &mut Figure,
    panel: &Panel,
    (from, to): (f64, f64),
    fates: &BTreeMap<String, f64>,
    parts: &[(&str, Color)],
) {
    let rest: f64 =
        fates.iter().filter(|(fate, _)| !parts.iter().any(|(kind, _)| kind == fate)).map(|(_, rate)| rate).sum();
    let rates = parts.iter().map(|(kind, color)| (fates.get(*kind).copied().unwrap_or(0.0), *color));
    let mut below = 0.0;
    for (rate, color) in rates.chain([(rest, GRAY)]) {
        let (start, end) = (panel.at(from, below + rate), panel.at(to, below));
        figure.rect(start, (end.0 - start.0, end.1 - start.1), color);
        below += rate;
    }
}

fn rates(view: &View<'_>, variant: &str) -> Result<Rates, Undrawn> {
    let mut rates: Rates = Vec::new();
    let seeds = view.results.seeds.len().max(1) as f64;
    for row in view.fates()?.iter().filter(|row| row.variant == variant) {
        let at = rates.iter().position(|(from, ..)| *from == row.time_s).unwrap_or_else(|| {
            rates.push((row.time_s, row.time_s + row.width_s, BTreeMap::new()));
            rates.len() - 1
        });
        *rates[at].2.entry(row.fate.clone()).or_default() += row.count as f64 / row.width_s / seeds;
    }
    Ok(rates)
}
