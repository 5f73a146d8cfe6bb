//! Each variant against the baseline: a dot for each seed, the mean of the paired differences and its interval. A panel
//! for each share that users see.

use super::axis::{Axis, Unit};
use super::figure::{Align, Color, Figure, Pen};
use super::font;
use super::page::{Area, EDGE, Key, LABEL, Margins, Page, Panel};
use super::palette::{BLUE, GRAY, GRID, INK, RED};
use super::seeds::answered;
use super::{Undrawn, View};
use crate::record::results::Comparison;
use crate::scenario::ORACLE;

pub(super) const ABOUT: &str = "paired differences of every seed to the baseline, with intervals, each variant";

/// Panels, at most.
const MOST: usize = 4;
const ROW: f64 = 26.0;

/// One variant in one panel, in points.
struct Row<'a> {
    compared: &'a Comparison,
    seeds: Vec<f64>,
}

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let compared = view.results.comparisons()?;
    let panels = panels(view, &compared);
    let Some(base) = compared.first().map(|row| row.baseline.as_str()).filter(|_| !panels.is_empty()) else {
        return Err(Undrawn::Nothing(
            "the results are those of no comparison; `squall compare --out` makes them".into(),
        ));
    };
    let level = compared.iter().find_map(|row| row.level).unwrap_or(0.95) * 100.0;
    let more = format!("; variant minus {base}, seed by seed on the same customers");
    let mut page = Page::new("Differences", &view.note(&more), view.look.width);
    page.legend(&[
        (Key::Dot(BLUE.at(0.5)), "one seed".into()),
        (Key::Line(Pen::new(INK, 2.4)), format!("mean and its {level:.0}% interval")),
        (Key::Line(Pen::new(RED, 2.4)), "where it is worse".into()),
        (Key::Box(GRAY.at(0.25)), "does not matter".into()),
    ]);
    let names = panels.iter().flat_map(|(_, rows)| rows.iter().map(|row| name(row.compared)));
    let wide = names.map(|name| font::width(&name, LABEL)).fold(0.0, f64::max).min(view.look.width / 4.0);
    for (title, rows) in &panels {
        let margins = Margins { left: wide + 12.0, top: 26.0, lanes: 0.0, first: 0.0, between: 0.0, bottom: 44.0 };
        let area = page.grid(1, 1, ROW * rows.len() as f64, margins).remove(0);
        panel(&mut page.figure, Area { leftmost: false, ..area }, title, rows, wide);
    }
    Ok(page.finish())
}

/// The shares that users see, all clients together first, each with a row for each variant.
fn panels<'a>(view: &View<'_>, compared: &'a [Comparison]) -> Vec<(String, Vec<Row<'a>>)> {
    let mut panels: Vec<(String, Vec<Row<'a>>)> = Vec::new();
    let shown = |row: &&Comparison| row.role == "users" && row.unit == "share" && row.window.is_empty();
    for row in compared.iter().filter(shown) {
        if !view.variants().contains(&row.variant.as_str()) {
            continue;
        }
        let all = row.component == "clients";
        let value = |variant: &str, seed: u64| match all {
            true => answered(view, variant, seed),
            false => view.results.values(variant, &row.component, &row.metric)?.get(&seed).copied(),
        };
        let pair = |seed: &u64| Some(100.0 * (value(&row.variant, *seed)? - value(&row.baseline, *seed)?));
        let seeds: Vec<f64> = view.results.seeds.iter().filter_map(pair).collect();
        let who = if all { "all clients" } else { row.component.as_str() };
        let title = format!("{who}, {}", row.metric.replace('_', " "));
        let row = Row { compared: row, seeds };
        match panels.iter_mut().find(|(known, _)| *known == title) {
            Some((_, rows)) => rows.push(row),
            None => panels.push((title, vec![row])),
        }
    }
    panels.truncate(MOST);
    panels
}

fn name(row: &Comparison) -> String {
    if row.variant == ORACLE { format!("{ORACLE} (bound)") } else { row.variant.clone() }
}

fn panel(figure: &mut Figure, area: Area, title: &str, rows: &[Row<'_>], wide: f64) {
    let points = |value: Option<f64>| value.map(|value| value * 100.0).filter(|value| value.is_finite());
    let ends = rows.iter().flat_map(|row| [row.compared.low, row.compared.high, row.compared.difference]);
    let all = rows.iter().flat_map(|row| row.seeds.iter().copied()).chain(ends.filter_map(points)).chain([-1.0, 1.0]);
    let (low, high) = all.fold((0.0, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
    let room = (high - low) * 0.04;
    let x = Axis::Linear { low: low - room, high: high + room };
    let panel = Panel { area, x: (x, Unit::Plain), y: (Axis::Linear { low: 0.0, high: 1.0 }, Unit::Share) };
    let at = |value: f64| panel.at(value, 0.0).0;
    let margin = rows.iter().find_map(|row| points(row.compared.margin)).unwrap_or(0.0);
    figure.rect((at(-margin), area.y), (at(margin) - at(-margin), area.height), GRAY.at(0.25));
    panel.axes(figure, title, "difference [points]", "");
    figure.line(vec![(at(0.0), area.y), (at(0.0), area.y + area.height)], Pen::new(INK, 1.0));
    for (number, row) in rows.iter().enumerate() {
        let y = area.y + ROW * (number as f64 + 0.5);
        figure.text_within((EDGE + wide, y), &name(row.compared), LABEL.align(Align::Right), wide);
        figure.line(vec![(area.x, y), (area.x + area.width, y)], Pen::new(GRID, 0.8));
        let dots = if row.compared.variant == ORACLE { GRAY } else { BLUE };
        for (seed, value) in row.seeds.iter().enumerate() {
            // Seeds of one value would hide each other, so they are spread up and down by their numbers.
            let shift = ((seed * 7) % 11) as f64 / 10.0 - 0.5;
            figure.dot((at(*value), y + shift * 13.0), 3.0, dots.at(0.5));
        }
        interval(figure, row, y, &at);
    }
}

fn interval(figure: &mut Figure, row: &Row<'_>, y: f64, at: &impl Fn(f64) -> f64) {
    let color: Color = if row.compared.finding == "worse" { RED } else { INK };
    let points = |value: Option<f64>| value.map(|value| value * 100.0).filter(|value| value.is_finite());
    if let (Some(low), Some(high)) = (points(row.compared.low), points(row.compared.high)) {
        figure.line(vec![(at(low), y), (at(high), y)], Pen::new(color, 2.4));
        for end in [low, high] {
            figure.line(vec![(at(end), y - 4.0), (at(end), y + 4.0)], Pen::new(color, 1.6));
        }
    }
    if let Some(mean) = points(row.compared.difference) {
        figure.line(vec![(at(mean), y - 9.0), (at(mean), y + 9.0)], Pen::new(color, 2.4));
    }
}
