//! How many requests took how long, over time, as a map: a panel for each client of one variant.

use super::axis::{Axis, Unit};
use super::deeds::Marks;
use super::figure::{Align, Figure, Type};
use super::page::{LABEL, Margins, Page, Panel};
use super::palette::{INK, heat};
use super::{Undrawn, View};
use crate::record::results::Heat;

pub(super) const ABOUT: &str = "latencies as a heat map over time, each client of one variant";

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let variant = view.variant();
    let cells = view.heat(variant)?;
    if cells.is_empty() {
        return Err(Undrawn::Nothing("no request of any client succeeded, so there are no latencies".to_owned()));
    }
    let mut clients: Vec<&str> = Vec::new();
    for cell in &cells {
        if !clients.contains(&cell.component.as_str()) {
            clients.push(&cell.component);
        }
    }
    let series = view.series()?;
    let x = Axis::Linear { low: series.times[0], high: series.end() };
    let y = Axis::log_around(cells.iter().flat_map(|cell| [cell.from_s, cell.to_s]));

    let more = format!(", variant {variant}; requests that ended well, by when they ended and how long they took");
    let mut page = Page::new("Latencies over time", &view.note(&more), view.look.width);
    scale(&mut page);
    let columns = if clients.len() > 1 { 2 } else { 1 };
    let margins = Margins { left: 58.0, ..Margins::USUAL };
    let marks = Marks::one(view, page.width(columns, margins))?;
    let height = if columns == 1 { 260.0 } else { 150.0 };
    let areas = page.grid(clients.len(), columns, height, marks.margins(margins));
    for (at, (area, client)) in areas.into_iter().zip(&clients).enumerate() {
        let panel = Panel { area, x: (x, Unit::Clock), y: (y, Unit::Time) };
        panel.axes(&mut page.figure, client, "time [s]", "latency");
        let own: Vec<&Heat> = cells.iter().filter(|cell| cell.component == *client).collect();
        let most = own.iter().map(|cell| cell.count).max().unwrap_or(1).max(2);
        for cell in own {
            let (start, end) = (panel.at(cell.time_s, cell.to_s), panel.at(cell.time_s + cell.width_s, cell.from_s));
            // A logarithm, since the few slow requests are what a person looks for.
            let share = libm::log(cell.count as f64 + 1.0) / libm::log(most as f64 + 1.0);
            page.figure.rect(start, (end.0 - start.0, end.1 - start.1), heat(0.12 + 0.88 * share));
        }
        marks.edges(&mut page.figure, &panel, at);
        marks.above(&mut page.figure, &panel, at);
    }
    marks.explain(&mut page, 1);
    Ok(page.finish())
}

/// What the colours mean.
fn scale(page: &mut Page) {
    page.legend(&[]);
    let (x, y, wide) = (150.0, page.y - 14.0, 120.0);
    for step in 0..24 {
        let share = f64::from(step) / 23.0;
        page.figure.rect(
            (x + wide / 24.0 * f64::from(step), y - 5.0),
            (wide / 24.0 + 0.3, 10.0),
            heat(0.12 + 0.88 * share),
        );
    }
    let text = Type::new(LABEL.size, INK);
    page.figure.text((x - 8.0, y), "one request", text.align(Align::Right));
    page.figure.text((x + wide + 8.0, y), "the most in one cell of the panel (logarithmic)", text);
}
