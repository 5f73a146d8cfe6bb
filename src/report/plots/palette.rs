//! Colours that differ for colour-blind readers and in print (Okabe and Ito 2008), and dashes where colours run out.

use super::figure::{Color, Pen};

pub(crate) const INK: Color = Color::new(0x22_2222);
pub(crate) const SOFT: Color = Color::new(0x66_6666);
pub(crate) const GRID: Color = Color::new(0xe4_e4e4);
pub(crate) const AXIS: Color = Color::new(0x99_9999);
/// What is behind a fault.
pub(crate) const MARK: Color = Color::new(0xf3_e3c8);
pub(crate) const MARK_INK: Color = Color::new(0x8a_5a00);

pub(crate) const ORANGE: Color = Color::new(0xe6_9f00);
pub(crate) const SKY: Color = Color::new(0x56_b4e9);
pub(crate) const GREEN: Color = Color::new(0x00_9e73);
pub(crate) const YELLOW: Color = Color::new(0xf0_e442);
pub(crate) const BLUE: Color = Color::new(0x00_72b2);
pub(crate) const RED: Color = Color::new(0xd5_5e00);
pub(crate) const PINK: Color = Color::new(0xcc_79a7);
pub(crate) const GRAY: Color = Color::new(0x8c_8c8c);

/// Colours of lines, those that differ most first. Yellow is too pale for a line on white.
const LINES: [Color; 7] = [BLUE, RED, GREEN, PINK, ORANGE, SKY, INK];

/// The n-th line: seven colours, then the same with dashes, then with dots.
pub(crate) fn pen(number: usize, width: f64) -> Pen {
    let pen = Pen::new(LINES[number % LINES.len()], width);
    match number / LINES.len() {
        0 => pen,
        1 => pen.dashed(6.0, 3.0),
        _ => pen.dashed(2.0, 3.0),
    }
}

/// The same for lines that may lie on each other: the earlier are the wider, so that they show at the edges of the later.
pub(crate) fn nested(number: usize) -> Pen {
    pen(number, (3.4 - 0.4 * number as f64).max(1.4))
}

/// A colour between light and dark for a share from 0 to 1. Its lightness falls evenly, so that it survives a printer.
pub(crate) fn heat(share: f64) -> Color {
    const STOPS: [(f64, f64, f64); 5] =
        [(247.0, 251.0, 255.0), (158.0, 202.0, 225.0), (66.0, 146.0, 198.0), (8.0, 81.0, 156.0), (8.0, 29.0, 88.0)];
    let place = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let at = (place as usize).min(STOPS.len() - 2);
    let (a, b, part) = (STOPS[at], STOPS[at + 1], place - at as f64);
    let mix = |a: f64, b: f64| (a + (b - a) * part).round() as u8;
    Color { rgb: (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2)), alpha: 1.0 }
}
