//! How the chance of collapse grows with a value, from a healthy system and after the trigger: a panel for each variant.

use super::axis::{Axis, Unit};
use super::figure::{Align, Figure, Pen};
use super::page::{Key, Margins, NOTE, Page, Panel};
use super::palette::{BLUE, RED, YELLOW};
use super::{Undrawn, View};
use crate::record::results::{Risk, Tipping, Tips};

pub(super) const ABOUT: &str = "chance of collapse from both sides, with thresholds, each variant";

const UP: Pen = Pen::new(BLUE, 2.0);
const DOWN: Pen = Pen::new(RED, 2.0);

pub(super) fn draw(view: &View<'_>) -> Result<Figure, Undrawn> {
    let (tips, variants) = (view.results.tips()?, view.variants());
    let Some(first) = tips.thresholds.first() else {
        return Err(Undrawn::Nothing("no tipping point was looked for".to_owned()));
    };
    let values = || tips.curves.iter().map(|risk| risk.value);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let x = Axis::Linear { low, high: if high > low { high } else { low + 1.0 } };
    let y = Axis::Linear { low: 0.0, high: 1.02 };
    let title = match first.unit.as_str() {
        "" => first.path.clone(),
        "/s" => format!("{} [1/s]", first.path),
        unit => format!("{} [{unit}]", first.path),
    };
    let mut page = Page::new(
        "Where it tips",
        &view.note("; share of seeds that are down at the end; dashed: median threshold, with its interval"),
        view.look.width,
    );
    page.legend(&[
        (Key::Line(UP), "from healthy, without the trigger".into()),
        (Key::Line(DOWN), "after the trigger".into()),
        (Key::Box(YELLOW.at(0.4)), "metastable".into()),
    ]);
    let columns = if variants.len() > 1 { 2 } else { 1 };
    let areas = page.grid(variants.len(), columns, if columns == 1 { 260.0 } else { 140.0 }, Margins::USUAL);
    for (area, variant) in areas.into_iter().zip(&variants) {
        let panel = Panel { area, x: (x, Unit::Plain), y: (y, Unit::Share) };
        if let Some((from, to)) = metastable(&tips, variant) {
            let (start, end) = (panel.at(from, 1.02), panel.at(to, 0.0));
            page.figure.rect(start, (end.0 - start.0, end.1 - start.1), YELLOW.at(0.4));
        }
        panel.axes(&mut page.figure, variant, &title, "chance of collapse");
        // What comes back lies on what goes up where there is no window, so it is drawn thinner and later.
        for (branch, pen) in [("up", Pen::new(BLUE, 3.2)), ("down", Pen::new(RED, 1.6))] {
            let of = |risk: &&Risk| risk.variant == **variant && risk.branch == branch;
            let curve: Vec<&Risk> = tips.curves.iter().filter(of).collect();
            let column = |value: fn(&Risk) -> f64| curve.iter().map(|risk| value(risk)).collect::<Vec<f64>>();
            panel.curve(&mut page.figure, &column(|risk| risk.value), &column(|risk| risk.share), pen);
        }
        let own: Vec<&Tipping> = tips.thresholds.iter().filter(|tip| tip.variant == **variant).collect();
        own.iter().for_each(|tip| threshold(&mut page.figure, &panel, tip));
        if own.iter().all(|tip| tip.threshold.is_infinite()) {
            let middle = panel.at(f64::midpoint(low, high), 0.5);
            page.figure.text(middle, "does not tip in this range", NOTE.align(Align::Center));
        }
    }
    Ok(page.finish())
}

/// The median over seeds, and its interval across it at half height.
fn threshold(figure: &mut Figure, panel: &Panel, tip: &Tipping) {
    if tip.threshold.is_infinite() {
        return;
    }
    let (color, height) = if tip.branch == "up" { (BLUE, 0.42) } else { (RED, 0.58) };
    let (top, bottom) = (panel.at(tip.threshold, 1.02), panel.at(tip.threshold, 0.0));
    figure.line(vec![top, bottom], Pen::new(color, 1.2).dashed(4.0, 3.0));
    let (from, to) = (panel.at(tip.low, height), panel.at(tip.high, height));
    figure.line(vec![from, to], Pen::new(color, 3.0));
    for (x, y) in [from, to] {
        figure.line(vec![(x, y - 4.0), (x, y + 4.0)], Pen::new(color, 1.6));
    }
}

/// Between the thresholds, where these are apart for more than their intervals.
fn metastable(tips: &Tips, variant: &str) -> Option<(f64, f64)> {
    let of = |branch: &str| tips.thresholds.iter().find(|tip| tip.variant == variant && tip.branch == branch);
    let (up, down) = (of("up")?, of("down")?);
    let (lower, upper) = if down.threshold < up.threshold { (down, up) } else { (up, down) };
    (lower.high < upper.low).then_some((lower.threshold, upper.threshold))
}
