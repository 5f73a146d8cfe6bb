//! Goodput against offered load over time, a panel for each variant, with faults, actions and alerts marked.

use super::axis::{Axis, Unit};
use super::deeds::Marks;
use super::figure::{Figure, Pen};
use super::page::{Key, Margins, Page, Panel};
use super::palette::{BLUE, INK};
use super::{Undrawn, View};

pub(super) const ABOUT: &str = "goodput and offered load over time, each variant, with faults, alerts and actions";

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let (series, variants) = (view.series()?, view.variants());
    let of =
        |metric: &'static str| move |variant: &&str| view.spread(|seed| view.sum(variant, seed, "clients", metric));
    let offered: Vec<_> = variants.iter().map(of("offered")).collect();
    let goodput: Vec<_> = variants.iter().map(of("goodput")).collect();
    let most = offered.iter().chain(&goodput).flatten().flat_map(|spread| spread.high.iter().copied());
    let (y, x) = (Axis::from_zero(most), Axis::Linear { low: series.times[0], high: series.end() });

    let seeds = view.results.seeds.len();
    let more = if seeds > 1 { "; lines are medians, the band holds 8 of 10 seeds" } else { "" };
    let mut page = Page::new("Goodput and offered load", &view.note(more), view.look.width);
    let (good, all) = (Pen::new(BLUE, 1.8), Pen::new(INK, 0.9));
    page.legend(&[(Key::Line(good), "goodput".into()), (Key::Line(all), "offered load".into())]);
    let columns = match variants.len() {
        1 => 1,
        2..=4 => 2,
        _ => 3,
    };
    let height = if columns == 1 { 260.0 } else { 120.0 };
    let marks = Marks::each(view, page.width(columns, Margins::USUAL))?;
    let areas = page.grid(variants.len(), columns, height, marks.margins(Margins::USUAL));
    for (at, (area, variant)) in areas.into_iter().zip(&variants).enumerate() {
        let panel = Panel { area, x: (x, Unit::Clock), y: (y, Unit::Plain) };
        marks.behind(&mut page.figure, &panel, at);
        panel.axes(&mut page.figure, variant, "time [s]", "requests [1/s]");
        marks.above(&mut page.figure, &panel, at);
        if let Some(offered) = &offered[at] {
            panel.curve(&mut page.figure, &series.times, &offered.middle, all);
        }
        if let Some(goodput) = &goodput[at] {
            if seeds > 1 {
                panel.band(&mut page.figure, &series.times, &goodput.low, &goodput.high, BLUE.at(0.22));
            }
            panel.curve(&mut page.figure, &series.times, &goodput.middle, good);
        }
    }
    marks.explain(&mut page, variants.len());
    Ok(page.finish())
}
