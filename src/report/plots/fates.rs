//! What became of requests: a bar for each variant, stacked by fate.

use super::axis::{Axis, Unit};
use super::figure::{Align, Color, Figure, Type};
use super::font;
use super::page::{EDGE, Key, LABEL, Margins, Page, Panel};
use super::palette::{BLUE, GRAY, GREEN, INK, ORANGE, PINK, RED, SKY, YELLOW};
use super::{Undrawn, View};
use squall_models::outcome::Failure;

pub(super) const ABOUT: &str = "what became of requests, each variant";

/// Colours of failures, the most frequent first; what is left over is gray.
pub(super) const COLORS: [Color; 7] = [RED, ORANGE, PINK, SKY, YELLOW, GREEN, INK];

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let variants = view.variants();
    let count = |variant: &str, metric: &str| -> f64 {
        let clients = view.results.components(variant, "clients");
        clients.into_iter().map(|client| view.results.total(variant, client, metric)).sum()
    };
    let kinds = Failure::ALL.map(Failure::name).into_iter().chain(["in_flight"]);
    let all = |kind: &str| variants.iter().map(|variant| count(variant, &format!("count.{kind}"))).sum::<f64>();
    let mut kinds: Vec<(&str, f64)> = kinds.map(|kind| (kind, all(kind))).filter(|(_, sum)| *sum > 0.0).collect();
    kinds.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut parts = vec![("ok", BLUE)];
    parts.extend(kinds.iter().zip(COLORS).map(|((kind, _), color)| (*kind, color)));
    let rest: Vec<&str> = kinds.iter().skip(COLORS.len()).map(|(kind, _)| *kind).collect();

    let more = "; share of all requests of all clients after the warm-up";
    let mut page = Page::new("What became of requests", &view.note(more), view.look.width);
    let mut keys: Vec<_> = parts.iter().map(|(kind, color)| (Key::Box(*color), words(kind))).collect();
    if !rest.is_empty() {
        keys.push((Key::Box(GRAY), "other".to_owned()));
    }
    page.legend(&keys);
    let names = variants.iter().map(|name| font::width(name, LABEL)).fold(0.0, f64::max).min(view.look.width / 4.0);
    let margins = Margins { left: names + 12.0, top: 4.0, lanes: 0.0, first: 0.0, between: 0.0, bottom: 40.0 };
    let (row, bar) = (24.0, 16.0);
    let area = page.grid(1, 1, row * variants.len() as f64, margins).remove(0);
    let panel = Panel {
        area,
        x: (Axis::Linear { low: 0.0, high: 1.0 }, Unit::Share),
        y: (Axis::Linear { low: 0.0, high: 1.0 }, Unit::Share),
    };
    let bare = Panel { area: super::page::Area { leftmost: false, ..area }, ..panel };
    bare.axes(&mut page.figure, "", "share of requests", "");
    for (at, variant) in variants.iter().enumerate() {
        let y = area.y + row * (at as f64 + 0.5);
        page.figure.text_within((EDGE + names, y), variant, LABEL.align(Align::Right), names);
        let counts = parts.iter().map(|(kind, color)| (count(variant, &format!("count.{kind}")), *color));
        let mut counts: Vec<(f64, Color)> = counts.collect();
        counts.push((rest.iter().map(|kind| count(variant, &format!("count.{kind}"))).sum(), GRAY));
        let whole: f64 = counts.iter().map(|(count, _)| count).sum();
        let mut from = 0.0;
        for (number, (count, color)) in counts.iter().enumerate().filter(|(_, (count, _))| *count > 0.0) {
            let share = count / whole;
            let (left, right) = (area.x + from * area.width, area.x + (from + share) * area.width);
            page.figure.rect((left, y - bar / 2.0), (right - left, bar), *color);
            let text = format!("{:.1}%", share * 100.0);
            let kind = Type::new(10.0, if dark(*color) { Color::new(0xff_ffff) } else { INK }).align(Align::Center);
            if right - left > font::width(&text, kind) + 6.0 && (number == 0 || share > 0.04) {
                page.figure.text((f64::midpoint(left, right), y), text, kind);
            }
            from += share;
        }
    }
    Ok(page.finish())
}

pub(super) fn words(kind: &str) -> String {
    if kind == "in_flight" { "in flight at the end".to_owned() } else { kind.replace('_', " ") }
}

/// Whether white is easier to read on a colour than black.
fn dark(color: Color) -> bool {
    let (r, g, b) = color.rgb;
    0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b) < 140.0
}
