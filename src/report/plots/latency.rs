//! Latency percentiles over time, a panel for each client of one variant.

use super::axis::{Axis, Unit};
use super::deeds::Marks;
use super::figure::{Figure, Pen};
use super::page::{Key, Margins, Page, Panel};
use super::palette::{BLUE, RED};
use super::{Undrawn, View};

pub(super) const ABOUT: &str = "latency percentiles over time of one variant, each client";

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let (series, variant) = (view.series()?, view.variant());
    let clients = series.components("clients", "latency_p99");
    let of = |client: &str, metric: &str| view.spread(|seed| view.column(variant, seed, client, metric));
    let lines: Vec<_> = clients.iter().map(|client| (of(client, "latency_p50"), of(client, "latency_p99"))).collect();
    let all = lines.iter().flat_map(|(p50, p99)| [p50, p99]).flatten();
    let values: Vec<f64> = all.flat_map(|spread| spread.low.iter().chain(&spread.high).copied()).collect();
    if !values.iter().any(|value| value.is_finite()) {
        return Err(Undrawn::Nothing("no request of any client succeeded, so there are no latencies".to_owned()));
    }
    let (y, x) = (Axis::log_around(values).roomy(), Axis::Linear { low: series.times[0], high: series.end() });

    let more = format!(", variant {variant}; of requests that ended well in each window, median over seeds");
    let mut page = Page::new("Latency over time", &view.note(&more), view.look.width);
    let (median, tail) = (Pen::new(BLUE, 1.6), Pen::new(RED, 1.6));
    page.legend(&[(Key::Line(tail), "99th percentile".into()), (Key::Line(median), "median".into())]);
    let columns = if clients.len() > 1 { 2 } else { 1 };
    let margins = Margins { left: 58.0, ..Margins::USUAL };
    let marks = Marks::one(view, page.width(columns, margins))?;
    let height = if columns == 1 { 240.0 } else { 140.0 };
    let areas = page.grid(clients.len(), columns, height, marks.margins(margins));
    for (at, ((area, client), (p50, p99))) in areas.into_iter().zip(&clients).zip(&lines).enumerate() {
        let panel = Panel { area, x: (x, Unit::Clock), y: (y, Unit::Time) };
        marks.behind(&mut page.figure, &panel, at);
        panel.axes(&mut page.figure, client, "time [s]", "latency");
        marks.above(&mut page.figure, &panel, at);
        for (spread, pen) in [(p99, tail), (p50, median)] {
            let Some(spread) = spread else { continue };
            panel.band(&mut page.figure, &series.times, &spread.low, &spread.high, pen.color.at(0.18));
            panel.curve(&mut page.figure, &series.times, &spread.middle, pen);
        }
    }
    marks.explain(&mut page, 1);
    Ok(page.finish())
}
