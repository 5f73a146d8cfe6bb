//! How much load retries and reloads add, over time, a panel for each service and a line for each variant.

use super::axis::{Axis, Unit};
use super::deeds::Marks;
use super::figure::{Figure, Pen};
use super::page::{Key, Margins, Page, Panel};
use super::palette::{SOFT, nested, pen};
use super::{Undrawn, View};

pub(super) const ABOUT: &str = "load that retries and reloads add over time, each service and variant";

/// Services that are shown, those with the most amplification.
const MOST: usize = 6;

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let (series, variants) = (view.series()?, view.variants());
    let mut services = Vec::new();
    for service in series.components("services", "amplification") {
        let of = |variant: &&str| view.spread(|seed| view.column(variant, seed, service, "amplification"));
        let lines: Vec<_> = variants.iter().map(of).map(Option::unwrap_or_default).collect();
        let most = lines.iter().flat_map(|line| &line.middle).copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
        services.push((service, most, lines));
    }
    services.retain(|(_, most, _)| *most > 1.05);
    if services.is_empty() {
        return Err(Undrawn::Nothing("no retry or reload adds load to any service".to_owned()));
    }
    services.sort_by(|a, b| b.1.total_cmp(&a.1));
    services.truncate(MOST);
    let top = services[0].1;
    let y = Axis::Log { low: 0.8, high: (top * 1.4).max(8.0) };
    let x = Axis::Linear { low: series.times[0], high: series.end() };

    let more = "; calls over those among them that no retry or reload caused, median over seeds";
    let mut page = Page::new("Load amplified by retries", &view.note(more), view.look.width);
    let keys: Vec<_> =
        variants.iter().enumerate().map(|(at, name)| (Key::Line(pen(at, 1.8)), (*name).to_owned())).collect();
    page.legend(&keys);
    let columns = if services.len() > 1 { 2 } else { 1 };
    let marks = Marks::one(view, page.width(columns, Margins::USUAL))?;
    let height = if columns == 1 { 240.0 } else { 150.0 };
    let areas = page.grid(services.len(), columns, height, marks.margins(Margins::USUAL));
    for (at, (area, (service, _, lines))) in areas.into_iter().zip(&services).enumerate() {
        let panel = Panel { area, x: (x, Unit::Clock), y: (y, Unit::Plain) };
        marks.behind(&mut page.figure, &panel, at);
        panel.axes(&mut page.figure, service, "time [s]", "times the load");
        marks.above(&mut page.figure, &panel, at);
        let one = panel.at(0.0, 1.0).1;
        let line = vec![(area.x, one), (area.x + area.width, one)];
        page.figure.line(line, Pen::new(SOFT, 0.8).dashed(2.0, 2.0));
        for (at, spread) in lines.iter().enumerate() {
            panel.curve(&mut page.figure, &series.times, &spread.middle, nested(at));
        }
    }
    marks.explain(&mut page, variants.len());
    Ok(page.finish())
}
