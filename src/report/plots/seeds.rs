//! The share of requests that succeeded in each single seed: a row for each variant, a dot for each seed.

use super::axis::{Axis, Unit};
use super::figure::{Align, Figure, Pen};
use super::font;
use super::page::{Area, EDGE, Key, LABEL, Margins, Page, Panel};
use super::palette::{BLUE, GRID, INK};
use super::view::quantile;
use super::{Undrawn, View};

pub(super) const ABOUT: &str = "goodput share of every seed, each variant";

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let variants = view.variants();
    let rows: Vec<Vec<f64>> = variants.iter().map(|variant| shares(view, variant)).collect();
    if rows.iter().all(Vec::is_empty) {
        return Err(Undrawn::Nothing("no request began".to_owned()));
    }
    let mut page =
        Page::new("Every seed", &view.note("; requests that ended well over those that began"), view.look.width);
    page.legend(&[(Key::Dot(BLUE.at(0.55)), "one seed".into()), (Key::Line(Pen::new(INK, 2.0)), "median".into())]);
    let names = variants.iter().map(|name| font::width(name, LABEL)).fold(0.0, f64::max).min(view.look.width / 4.0);
    let row = 26.0;
    let margins = Margins { left: names + 12.0, top: 4.0, lanes: 0.0, first: 0.0, between: 0.0, bottom: 40.0 };
    let area = page.grid(1, 1, row * variants.len() as f64, margins).remove(0);
    let unit = (Axis::Linear { low: 0.0, high: 1.0 }, Unit::Share);
    let panel = Panel { area: Area { leftmost: false, ..area }, x: unit, y: (unit.0, Unit::Share) };
    panel.axes(&mut page.figure, "", "goodput share", "");
    for (at, (variant, shares)) in variants.iter().zip(&rows).enumerate() {
        let y = area.y + row * (at as f64 + 0.5);
        page.figure.text_within((EDGE + names, y), variant, LABEL.align(Align::Right), names);
        page.figure.line(vec![(area.x, y), (area.x + area.width, y)], Pen::new(GRID, 0.8));
        for (number, share) in shares.iter().enumerate() {
            // Seeds of one value would hide each other, so they are spread up and down by their numbers.
            let shift = ((number * 7) % 11) as f64 / 10.0 - 0.5;
            page.figure.dot((panel.at(*share, 0.0).0, y + shift * 12.0), 3.2, BLUE.at(0.55));
        }
        let mut sorted = shares.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = quantile(&sorted, 0.5);
        if middle.is_finite() {
            let x = panel.at(middle, 0.0).0;
            page.figure.line(vec![(x, y - 10.0), (x, y + 10.0)], Pen::new(INK, 2.0));
        }
    }
    Ok(page.finish())
}

/// For each seed the requests of all clients that ended well, of those that began.
fn shares(view: &View<'_>, variant: &str) -> Vec<f64> {
    view.results.seeds.iter().filter_map(|seed| answered(view, variant, *seed)).map(|share| share.min(1.0)).collect()
}

/// Requests of all clients that ended well, of those that began, in one run; `None` if none began.
pub(super) fn answered(view: &View<'_>, variant: &str, seed: u64) -> Option<f64> {
    let clients = view.results.components(variant, "clients");
    let count = |metric: &str| -> f64 {
        let of = |client: &&str| view.results.values(variant, client, metric)?.get(&seed).copied();
        clients.iter().filter_map(of).sum()
    };
    Some(count("count.ok") / count("count.arrivals")).filter(|share| share.is_finite())
}
