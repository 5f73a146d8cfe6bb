//! The font that is built in, so that pictures look the same on a machine without fonts.

use super::figure::{Align, Level, Point, Type};
use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use std::sync::LazyLock;

static REGULAR: LazyLock<FontRef<'static>> = LazyLock::new(|| font(include_bytes!("font/regular.ttf")));
static BOLD: LazyLock<FontRef<'static>> = LazyLock::new(|| font(include_bytes!("font/bold.ttf")));

fn font(bytes: &'static [u8]) -> FontRef<'static> {
    FontRef::try_from_slice(bytes).expect("the font that is built in is a font")
}

fn of(kind: Type) -> &'static FontRef<'static> {
    if kind.bold { &BOLD } else { &REGULAR }
}

/// Pixels for each unit of a font's height, for letters of this size.
fn scale(kind: Type, times: f64) -> PxScale {
    let font = of(kind);
    let em = font.units_per_em().unwrap_or(1000.0);
    PxScale::from((kind.size * times) as f32 * font.height_unscaled() / em)
}

/// How wide a text is.
pub(crate) fn width(text: &str, kind: Type) -> f64 {
    let font = of(kind).as_scaled(scale(kind, 1.0));
    f64::from(text.chars().map(|c| font.h_advance(font.glyph_id(c))).sum::<f32>())
}

/// How far below its point the line of a text lies, in letter sizes.
pub(crate) const fn drop(level: Level) -> f64 {
    match level {
        Level::Top => 0.76,
        Level::Middle => 0.36,
    }
}

/// The rectangle that a text covers, as two corners.
#[cfg(test)]
pub(crate) fn bounds((x, y): Point, text: &str, kind: Type) -> (Point, Point) {
    let width = width(text, kind);
    let left = -start(kind) * width;
    let base = drop(kind.level) * kind.size;
    let (top, bottom) = (base - 0.74 * kind.size, base + 0.1 * kind.size);
    if kind.turned {
        ((x + top, y - left - width), (x + bottom, y - left))
    } else {
        ((x + left, y + top), (x + left + width, y + bottom))
    }
}

/// Which share of a text's width is before its point.
const fn start(kind: Type) -> f64 {
    match kind.align {
        Align::Left => 0.0,
        Align::Center => 0.5,
        Align::Right => 1.0,
    }
}

/// Calls `pixel` with each pixel of a text and how much of it is covered; everything is enlarged `times`.
pub(crate) fn pixels((x, y): Point, text: &str, kind: Type, times: f64, mut pixel: impl FnMut(i32, i32, f64)) {
    let font = of(kind).as_scaled(scale(kind, times));
    let mut pen = -start(kind) * width(text, kind) * times;
    let base = drop(kind.level) * kind.size * times;
    for letter in text.chars() {
        let id = font.glyph_id(letter);
        let glyph = id.with_scale_and_position(font.scale(), point(pen as f32, base as f32));
        if let Some(outline) = font.outline_glyph(glyph) {
            let corner = outline.px_bounds().min;
            outline.draw(|dx, dy, cover| {
                let (across, down) = (corner.x as i32 + dx as i32, corner.y as i32 + dy as i32);
                let (across, down) = if kind.turned { (down, -across) } else { (across, down) };
                pixel((x * times) as i32 + across, (y * times) as i32 + down, f64::from(cover));
            });
        }
        pen += f64::from(font.h_advance(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plots::figure::Color;

    #[test]
    fn every_letter_that_plots_write_is_there() {
        for kind in [Type::new(12.0, Color::new(0)), Type::new(12.0, Color::new(0)).bold()] {
            for letter in (' '..='~').chain("×µ·–—…→−≈≤≥▲●".chars()) {
                assert_ne!(of(kind).glyph_id(letter).0, 0, "{letter:?}");
            }
            assert!(width("mm", kind) > 2.0 * width("ii", kind));
        }
    }
}
