//! A sweep over two paths as a map: the share of requests that ended well, a panel for each variant.

use super::figure::{Align, Color, Figure, Level, Type};
use super::font;
use super::page::{Area, HEAD, LABEL, Margins, Page, TICK};
use super::palette::{INK, heat};
use super::{Undrawn, View};
use crate::record::results::{Swept, SweptValue};
use crate::report::sweep::short;

pub(super) const ABOUT: &str = "requests that ended well over a sweep of two paths, as a heat map, each variant";

const ROW: f64 = 24.0;
const WHITE: Color = Color::new(0xff_ffff);

/// The values of one path in their order.
struct Side {
    path: String,
    texts: Vec<String>,
}

impl Side {
    fn of(swept: &Swept, at: usize) -> Self {
        let mut values: Vec<&SweptValue> = swept.points.iter().filter_map(|point| point.get(at)).collect();
        if values.iter().all(|value| value.number.is_some()) {
            values.sort_by(|a, b| a.number.unwrap_or(0.0).total_cmp(&b.number.unwrap_or(0.0)));
        }
        let mut texts: Vec<String> = Vec::new();
        for value in values {
            if !texts.contains(&value.text) {
                texts.push(value.text.clone());
            }
        }
        Self { path: swept.paths[at].clone(), texts }
    }
}

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let (swept, variants) = (view.results.sweep()?, view.variants());
    if swept.paths.len() != 2 {
        return Err(Undrawn::Nothing("a map is drawn where two paths were varied; `sweep` shows one".to_owned()));
    }
    let (down, across) = (Side::of(&swept, 0), Side::of(&swept, 1));
    if down.texts.len() * across.texts.len() != swept.points.len() {
        return Err(Undrawn::Nothing("the points are no grid".to_owned()));
    }
    let mut page = Page::new("Over a grid", &view.note("; mean over seeds"), view.look.width);
    scale(&mut page);
    let names = down.texts.iter().map(|text| font::width(text, TICK)).fold(0.0, f64::max);
    let margins = Margins { left: names + 32.0, top: 22.0, lanes: 0.0, first: 0.0, between: 6.0, bottom: 44.0 };
    let columns = if variants.len() > 1 { 2 } else { 1 };
    let areas = page.grid(variants.len(), columns, ROW * down.texts.len() as f64, margins);
    for (area, variant) in areas.into_iter().zip(&variants) {
        page.figure.text_within((area.x, area.y - 9.0), variant, HEAD, area.width);
        labels(&mut page.figure, area, &down, &across);
        cells(&mut page.figure, area, &swept, variant, &down, &across);
    }
    Ok(page.finish())
}

fn cells(figure: &mut Figure, area: Area, swept: &Swept, variant: &str, down: &Side, across: &Side) {
    let wide = area.width / across.texts.len() as f64;
    for (number, point) in swept.points.iter().enumerate() {
        let place = |side: &Side, at: usize| side.texts.iter().position(|text| *text == point[at].text);
        let (Some(row), Some(column)) = (place(down, 0), place(across, 1)) else { continue };
        let Some(shares) = swept.shares.get(&(number, variant.to_owned())) else { continue };
        let mean = (shares.iter().sum::<f64>() / shares.len() as f64).min(1.0);
        // The least value of a path is at the bottom, as on any other axis.
        let from_top = (down.texts.len() - 1 - row) as f64;
        let at = (area.x + wide * column as f64, area.y + ROW * from_top);
        figure.rect(at, (wide + 0.3, ROW + 0.3), heat(mean));
        let kind = TICK.align(Align::Center);
        let text = format!("{:.0}%", libm::floor(mean * 100.0 + 1e-9));
        if font::width(&text, kind) + 4.0 < wide {
            let color = if mean > 0.45 { WHITE } else { INK };
            figure.text((at.0 + wide / 2.0, at.1 + ROW / 2.0), text, Type { color, ..kind });
        }
    }
}

fn labels(figure: &mut Figure, area: Area, down: &Side, across: &Side) {
    if area.leftmost {
        for (at, text) in down.texts.iter().rev().enumerate() {
            figure.text((area.x - 6.0, area.y + ROW * (at as f64 + 0.5)), text, TICK.align(Align::Right));
        }
        let widest = down.texts.iter().map(|text| font::width(text, TICK)).fold(0.0, f64::max);
        let kind = LABEL.align(Align::Center).turned();
        let text = super::figure::shorten(short(&down.path), kind, area.height + 20.0);
        figure.text((area.x - widest - 18.0, area.y + area.height / 2.0), text, kind);
    }
    if area.lowest {
        let (wide, bottom) = (area.width / across.texts.len() as f64, area.y + area.height);
        let kind = TICK.align(Align::Center).level(Level::Top);
        let mut free = f64::NEG_INFINITY;
        for (at, text) in across.texts.iter().enumerate() {
            let middle = area.x + wide * (at as f64 + 0.5);
            let half = font::width(text, kind) / 2.0;
            if middle - half > free {
                figure.text((middle, bottom + 5.0), text, kind);
                free = middle + half + 6.0;
            }
        }
        let kind = LABEL.align(Align::Center).level(Level::Top);
        let text = super::figure::shorten(&across.path, kind, area.width + 10.0);
        figure.text((area.x + area.width / 2.0, bottom + 22.0), text, kind);
    }
}

/// What the colours mean.
fn scale(page: &mut Page) {
    page.legend(&[]);
    let (x, y, wide) = (60.0, page.y - 14.0, 120.0);
    for step in 0..24 {
        let at = x + wide / 24.0 * f64::from(step);
        page.figure.rect((at, y - 5.0), (wide / 24.0 + 0.3, 10.0), heat(f64::from(step) / 23.0));
    }
    page.figure.text((x - 8.0, y), "none", LABEL.align(Align::Right));
    page.figure.text((x + wide + 8.0, y), "all requests ended well", LABEL);
}
