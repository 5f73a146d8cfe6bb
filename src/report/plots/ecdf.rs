//! Which share of requests was answered within which time: all seeds, a line for each variant, a panel for each client.

use super::axis::{Axis, Unit};
use super::figure::Figure;
use super::page::{Key, Margins, Page, Panel};
use super::palette::{nested, pen};
use super::{Undrawn, View};

pub(super) const ABOUT: &str = "share of requests answered within a time, each client and variant";

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let (latencies, variants) = (view.latencies()?, view.variants());
    let clients = view.results.components(view.variant(), "clients");
    let steps = |variant: &str, client: &str| -> Vec<(f64, f64)> {
        let Some(histogram) = latencies.get(&(variant.to_owned(), client.to_owned())) else { return Vec::new() };
        // Requests that failed never were answered, so that a line that ends below 100 % tells how many there are.
        let whole = view.results.total(variant, client, "count.arrivals").max(histogram.len() as f64);
        let mut seen = 0;
        let step = |value: hdrhistogram::iterators::IterationValue<u64>| {
            seen += value.count_at_value();
            (value.value_iterated_to().max(1) as f64 / 1e6, seen as f64 / whole)
        };
        histogram.iter_recorded().map(step).collect()
    };
    let lines: Vec<Vec<Vec<(f64, f64)>>> =
        clients.iter().map(|client| variants.iter().map(|variant| steps(variant, client)).collect()).collect();
    // A handful of very fast answers would stretch the axis over decades in which nothing is to be seen.
    let told = lines.iter().flatten().flat_map(|line| line.iter().filter(|(_, share)| *share >= 0.002));
    let x = Axis::log_around(told.map(|(time, _)| *time));
    if lines.iter().flatten().all(Vec::is_empty) {
        return Err(Undrawn::Nothing("no request of any client succeeded, so there are no latencies".to_owned()));
    }

    let more = "; of all requests that began, so that a line ends at the share that succeeded";
    let mut page = Page::new("Answered within", &view.note(more), view.look.width);
    let keys = variants.iter().enumerate().map(|(at, name)| (Key::Line(pen(at, 1.8)), (*name).to_owned()));
    page.legend(&keys.collect::<Vec<_>>());
    let columns = if clients.len() > 1 { 2 } else { 1 };
    let areas = page.grid(clients.len(), columns, if columns == 1 { 280.0 } else { 170.0 }, Margins::USUAL);
    for ((area, client), lines) in areas.into_iter().zip(&clients).zip(&lines) {
        let y = Axis::Linear { low: 0.0, high: 1.02 };
        let panel = Panel { area, x: (x, Unit::Time), y: (y, Unit::Share) };
        panel.axes(&mut page.figure, client, "time from arrival to answer", "share of requests");
        for (at, line) in lines.iter().enumerate() {
            let mut points = Vec::new();
            let mut before = 0.0;
            for (time, share) in line {
                points.push(panel.at(*time, before));
                points.push(panel.at(*time, *share));
                before = *share;
            }
            if !line.is_empty() {
                points.push((area.x + area.width, panel.at(1.0, before).1));
            }
            page.figure.line(thin(points), nested(at));
        }
    }
    Ok(page.finish())
}

/// Steps that are smaller than can be seen go.
fn thin(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let last = points.len().saturating_sub(1);
    for (at, point) in points.into_iter().enumerate() {
        let far = kept.last().is_none_or(|old| (point.0 - old.0).hypot(point.1 - old.1) >= 0.7);
        if far || at == last {
            kept.push(point);
        }
    }
    kept
}
