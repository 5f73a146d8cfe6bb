//! A sweep over one path: what it does to users, a line for each variant.

use super::axis::{Axis, Unit};
use super::figure::Figure;
use super::page::{Key, Margins, Page, Panel};
use super::palette::{nested, pen};
use super::{Undrawn, View};
use crate::record::results::Swept;

pub(super) const ABOUT: &str = "requests that ended well and latency along a sweep of one path, each variant";

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let (swept, variants) = (view.results.sweep()?, view.variants());
    let [path] = swept.paths.as_slice() else {
        return Err(Undrawn::Nothing("more than one path was varied; `grid` shows two".to_owned()));
    };
    let numbers: Option<Vec<f64>> = swept.points.iter().map(|point| point.first()?.number).collect();
    let Some(numbers) = numbers else {
        return Err(Undrawn::Nothing(format!("the values of {path} are no numbers")));
    };
    // Points are drawn in the order of their values, whatever the order in which they were asked for.
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
    let xs: Vec<f64> = order.iter().map(|at| numbers[*at]).collect();
    let unit = swept.points.first().and_then(|point| point.first()).map_or("", |value| value.unit.as_str());
    let (low, high) = (xs.first().copied().unwrap_or(0.0), xs.last().copied().unwrap_or(1.0));
    let room = if high > low { 0.02 * (high - low) } else { 1.0 };
    let (kind, title) = match unit {
        "s" => (Unit::Time, path.clone()),
        "share" => (Unit::Share, path.clone()),
        "" | "count" => (Unit::Plain, path.clone()),
        unit => (Unit::Plain, format!("{path} [{unit}]")),
    };
    let x = (Axis::Linear { low: low - room, high: high + room }, kind);
    let mut page = Page::new(
        "Along a sweep",
        &view.note("; mean and range over seeds, latency of all requests that ended well"),
        view.look.width,
    );
    let keys = variants.iter().enumerate().map(|(at, name)| (Key::Line(pen(at, 1.8)), (*name).to_owned()));
    page.legend(&keys.collect::<Vec<_>>());
    let margins = Margins { left: 58.0, between: 44.0, ..Margins::USUAL };
    let areas = page.grid(2, 1, 180.0, margins);
    let panel = |at: usize, y| {
        let area = super::page::Area { lowest: true, ..areas[at] };
        Panel { area, x, y }
    };
    let above = panel(0, (Axis::Linear { low: 0.0, high: 1.02 }, Unit::Share));
    above.axes(&mut page.figure, "requests that ended well", &title, "share");
    let p99 = |variant: &str| order.iter().map(|at| tail(&swept, *at, variant)).collect::<Vec<f64>>();
    let tails: Vec<Vec<f64>> = variants.iter().map(|variant| p99(variant)).collect();
    let below = panel(1, (Axis::log_around(tails.iter().flatten().copied()), Unit::Time));
    below.axes(&mut page.figure, "99th percentile of latency", &title, "latency");
    for (at, (variant, tails)) in variants.iter().zip(&tails).enumerate() {
        let shares = |of: fn(&[f64]) -> f64| {
            let value =
                |point: &usize| swept.shares.get(&(*point, (*variant).to_owned())).map_or(f64::NAN, |all| of(all));
            order.iter().map(value).collect::<Vec<f64>>()
        };
        let mean = shares(|all| all.iter().sum::<f64>() / all.len() as f64);
        let least = shares(|all| all.iter().copied().fold(f64::INFINITY, f64::min));
        let most = shares(|all| all.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        above.band(&mut page.figure, &xs, &least, &most, pen(at, 1.0).color.at(0.12));
        for (panel, ys) in [(above, &mean), (below, tails)] {
            panel.curve(&mut page.figure, &xs, ys, nested(at));
            for (x, y) in xs.iter().zip(ys).filter(|(_, y)| y.is_finite()) {
                page.figure.dot(panel.at(*x, *y), 2.6, pen(at, 1.0).color);
            }
        }
    }
    Ok(page.finish())
}

/// The 99th percentile at a point, in seconds; NaN if no request ended well.
fn tail(swept: &Swept, point: usize, variant: &str) -> f64 {
    let times = swept.latencies.get(&(point, variant.to_owned())).filter(|times| !times.is_empty());
    times.map_or(f64::NAN, |times| times.value_at_quantile(0.99) as f64 / 1e6)
}
