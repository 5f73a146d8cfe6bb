//! A picture as a list of shapes, before it becomes SVG or PNG. Lengths are in pixels of the finished picture.

use super::font;

/// A colour with its opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Color {
    pub(crate) rgb: (u8, u8, u8),
    pub(crate) alpha: f64,
}

impl Color {
    pub(crate) const fn new(rgb: u32) -> Self {
        Self { rgb: ((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8), alpha: 1.0 }
    }

    pub(crate) const fn at(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

pub(crate) type Point = (f64, f64);

/// Where a text is in relation to its point, along its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
}

/// Where a text is in relation to its point, across its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Top,
    Middle,
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Type {
    pub(crate) size: f64,
    pub(crate) bold: bool,
    pub(crate) color: Color,
    pub(crate) align: Align,
    pub(crate) level: Level,
    /// Read from below to above.
    pub(crate) turned: bool,
}

impl Type {
    pub(crate) const fn new(size: f64, color: Color) -> Self {
        Self { size, bold: false, color, align: Align::Left, level: Level::Middle, turned: false }
    }

    pub(crate) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(crate) const fn align(self, align: Align) -> Self {
        Self { align, ..self }
    }

    pub(crate) const fn level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    pub(crate) const fn turned(self) -> Self {
        Self { turned: true, ..self }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pen {
    pub(crate) color: Color,
    pub(crate) width: f64,
    /// Lengths of dash and gap; none for a solid line.
    pub(crate) dash: Option<(f64, f64)>,
}

impl Pen {
    pub(crate) const fn new(color: Color, width: f64) -> Self {
        Self { color, width, dash: None }
    }

    pub(crate) const fn dashed(self, dash: f64, gap: f64) -> Self {
        Self { dash: Some((dash, gap)), ..self }
    }
}

/// One thing to draw.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Line { points: Vec<Point>, pen: Pen },
    Area { points: Vec<Point>, color: Color },
    Rect { at: Point, size: Point, color: Color },
    Dot { at: Point, radius: f64, color: Color },
    Ring { at: Point, radius: f64, pen: Pen },
    Text { at: Point, text: String, kind: Type },
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// For who cannot see it.
    pub(crate) title: String,
    pub(crate) shapes: Vec<Shape>,
}

impl Figure {
    pub(crate) fn new(title: &str, width: f64, height: f64) -> Self {
        Self { width, height, title: title.to_owned(), shapes: Vec::new() }
    }

    pub(crate) fn line(&mut self, points: Vec<Point>, pen: Pen) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, pen });
        }
    }

    pub(crate) fn area(&mut self, points: Vec<Point>, color: Color) {
        if points.len() > 2 {
            self.shapes.push(Shape::Area { points, color });
        }
    }

    pub(crate) fn rect(&mut self, at: Point, size: Point, color: Color) {
        if size.0 > 0.0 && size.1 > 0.0 {
            self.shapes.push(Shape::Rect { at, size, color });
        }
    }

    /// The outline of a rectangle.
    pub(crate) fn frame(&mut self, (x, y): Point, (w, h): Point, pen: Pen) {
        self.line(vec![(x, y), (x + w, y), (x + w, y + h), (x, y + h), (x, y)], pen);
    }

    pub(crate) fn dot(&mut self, at: Point, radius: f64, color: Color) {
        self.shapes.push(Shape::Dot { at, radius, color });
    }

    pub(crate) fn ring(&mut self, at: Point, radius: f64, pen: Pen) {
        self.shapes.push(Shape::Ring { at, radius, pen });
    }

    pub(crate) fn text(&mut self, at: Point, text: impl Into<String>, kind: Type) {
        let text = text.into();
        if !text.is_empty() {
            self.shapes.push(Shape::Text { at, text, kind });
        }
    }

    /// The same, cut to a width where it must be.
    pub(crate) fn text_within(&mut self, at: Point, text: &str, kind: Type, width: f64) {
        self.text(at, shorten(text, kind, width), kind);
    }
}

/// A text that fits into a width. The middle goes, because what tells names apart is often at their end.
pub(crate) fn shorten(text: &str, kind: Type, width: f64) -> String {
    if font::width(text, kind) <= width {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    for kept in (2..letters.len()).rev() {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let cut: String = letters[..head].iter().chain(&['…']).chain(&letters[letters.len() - tail..]).collect();
        if font::width(&cut, kind) <= width {
            return cut;
        }
    }
    String::new()
}
