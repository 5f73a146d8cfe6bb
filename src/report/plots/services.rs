//! How full services, pools and caches are over time, in one variant.

use super::axis::{Axis, Unit};
use super::deeds::Marks;
use super::figure::{Figure, Pen};
use super::page::{Key, Margins, Page, Panel};
use super::palette::{BLUE, RED};
use super::{Undrawn, View};

pub(super) const ABOUT: &str =
    "utilisation and queues of services and pools, hits and misses of caches over time, one variant";

/// More components than this make a picture that nobody reads.
const MOST: usize = 12;

/// More room between the columns than usual, for the labels of the right one.
const BETWEEN: f64 = 26.0;

/// The share that tells how full each kind is, and the count of those who wait, or of a cache who find nothing.
const KINDS: [(&str, &str, &str); 3] =
    [("services", "utilisation", "queue"), ("pools", "utilisation", "waiting"), ("caches", "hit_rate", "misses")];

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let (series, variant) = (view.series()?, view.variant());
    let mut rows = Vec::new();
    for (kind, share, waiting) in KINDS {
        for component in series.components(kind, share) {
            let of = |metric: &str| view.spread(|seed| view.column(variant, seed, component, metric));
            rows.extend(of(share).map(|share| (component, kind, share, of(waiting))));
        }
    }
    if rows.is_empty() {
        return Err(Undrawn::Nothing("there are no services, pools or caches".to_owned()));
    }
    let left_out = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    let x = Axis::Linear { low: series.times[0], high: series.end() };

    let mut more = format!(", variant {variant}; lines are medians, bands hold 8 of 10 seeds");
    if left_out > 0 {
        more += &format!("; {left_out} more are not shown");
    }
    let mut page = Page::new("How full it is", &view.note(&more), view.look.width);
    let (share_pen, wait_pen) = (Pen::new(BLUE, 1.6), Pen::new(RED, 1.6));
    page.legend(&[
        (Key::Line(share_pen), "utilisation; of a cache its hit rate".into()),
        (Key::Line(wait_pen), "calls that wait, mean of a window; of a cache its misses".into()),
    ]);
    let marks = Marks::one(view, page.width(2, Margins::USUAL) - BETWEEN)?;
    // The count beside a share has an axis of its own, so each row is laid out by itself.
    for (at, (component, kind, share, waiting)) in rows.iter().enumerate() {
        let last = at + 1 == rows.len();
        let margins = Margins { bottom: if last { 40.0 } else { 8.0 }, ..Margins::USUAL };
        let margins = if at == 0 { marks.margins(margins) } else { margins };
        let mut areas = page.grid(2, 2, 74.0, margins).into_iter();
        let (Some(mut left), Some(mut right)) = (areas.next(), areas.next()) else { continue };
        (left.lowest, right.lowest, right.leftmost) = (last, last, true);
        left.width -= BETWEEN;
        right.x += BETWEEN;
        right.width -= BETWEEN;
        let (of, count) = if *kind == "caches" { ("hit rate", "misses [1/s]") } else { ("in use", "waiting") };
        let panel = Panel { area: left, x: (x, Unit::Clock), y: (Axis::Linear { low: 0.0, high: 1.25 }, Unit::Share) };
        marks.behind(&mut page.figure, &panel, 0);
        panel.axes(&mut page.figure, component, "time [s]", of);
        marks.above(&mut page.figure, &panel, 0);
        panel.band(&mut page.figure, &series.times, &share.low, &share.high, BLUE.at(0.2));
        panel.curve(&mut page.figure, &series.times, &share.middle, share_pen);
        if let Some(waiting) = waiting {
            let y = Axis::from_zero(waiting.high.iter().copied().chain([1.0]));
            let panel = Panel { area: right, x: (x, Unit::Clock), y: (y, Unit::Plain) };
            marks.behind(&mut page.figure, &panel, 0);
            panel.axes(&mut page.figure, "", "time [s]", count);
            marks.above(&mut page.figure, &panel, 0);
            panel.band(&mut page.figure, &series.times, &waiting.low, &waiting.high, RED.at(0.2));
            panel.curve(&mut page.figure, &series.times, &waiting.middle, wait_pen);
        }
    }
    marks.explain(&mut page, 1);
    Ok(page.finish())
}
