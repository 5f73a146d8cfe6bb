//! Pictures as SVG and PNG, through the back ends of plotters.
//!
//! Their coordinates are whole pixels, so everything is drawn enlarged: an SVG says so in its view box, and a PNG is made
//! smaller again, which also smooths its edges.

use super::figure::{Align, Color, Figure, Level, Pen, Point, Shape, Type};
use super::font;
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind, FontFamily, FontStyle, FontTransform,
};
use std::convert::Infallible;
use std::error::Error;
use std::fmt::Write as _;

const SVG_TIMES: f64 = 4.0;
const PNG_TIMES: f64 = 3.0;
/// plotters takes font sizes for something larger than the letter size that it writes.
const FONT_UNIT: f64 = 1.24;

type Drawn<B> = Result<(), DrawingErrorKind<<B as DrawingBackend>::ErrorType>>;

/// A line or a surface as plotters wants to be told.
struct Style {
    color: Color,
    width: f64,
}

impl BackendStyle for Style {
    fn color(&self) -> BackendColor {
        BackendColor { alpha: self.color.alpha, rgb: self.color.rgb }
    }

    fn stroke_width(&self) -> u32 {
        self.width.round().max(1.0) as u32
    }
}

/// A text as plotters wants to be told. Only SVG asks; letters of a PNG are drawn here.
struct Letters(Type);

impl BackendTextStyle for Letters {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        BackendColor { alpha: self.0.color.alpha, rgb: self.0.color.rgb }
    }

    fn size(&self) -> f64 {
        self.0.size * FONT_UNIT * SVG_TIMES
    }

    fn style(&self) -> FontStyle {
        if self.0.bold { FontStyle::Bold } else { FontStyle::Normal }
    }

    fn transform(&self) -> FontTransform {
        if self.0.turned { FontTransform::Rotate270 } else { FontTransform::None }
    }

    fn anchor(&self) -> Pos {
        let across = match self.0.align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let down = match self.0.level {
            Level::Top => VPos::Top,
            Level::Middle => VPos::Center,
        };
        Pos::new(across, down)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name("DejaVu Sans, Verdana, sans-serif")
    }

    fn layout_box(&self, text: &str) -> Result<((i32, i32), (i32, i32)), Infallible> {
        Ok(((0, 0), ((font::width(text, self.0) * SVG_TIMES) as i32, (self.0.size * SVG_TIMES) as i32)))
    }

    fn draw<E, F: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        _text: &str,
        _at: BackendCoord,
        _draw: F,
    ) -> Result<Result<(), E>, Infallible> {
        Ok(Ok(()))
    }
}

fn place((x, y): Point, times: f64) -> BackendCoord {
    ((x * times).round() as i32, (y * times).round() as i32)
}

/// Everything but text.
fn shape<B: DrawingBackend>(
    to: &mut B,
    shape: &Shape,
    times: f64,
    line: fn(&mut B, &[Point], Pen, f64) -> Drawn<B>,
) -> Drawn<B> {
    match shape {
        Shape::Line { points, pen } => match pen.dash {
            None => line(to, points, *pen, times),
            Some((on, off)) => dashes(points, on, off).iter().try_for_each(|dash| line(to, dash, *pen, times)),
        },
        Shape::Area { points, color } => {
            to.fill_polygon(points.iter().map(|at| place(*at, times)), &Style { color: *color, width: 1.0 })
        }
        Shape::Rect { at, size, color } => {
            let end = (at.0 + size.0, at.1 + size.1);
            let (start, end) = (place(*at, times), place(end, times));
            to.draw_rect(start, end, &Style { color: *color, width: 1.0 }, true)
        }
        Shape::Dot { at, radius, color } => {
            to.draw_circle(place(*at, times), (radius * times) as u32, &Style { color: *color, width: 1.0 }, true)
        }
        Shape::Ring { at, radius, pen } => {
            let style = Style { color: pen.color, width: pen.width * times };
            to.draw_circle(place(*at, times), (radius * times) as u32, &style, false)
        }
        Shape::Text { .. } => Ok(()),
    }
}

/// A line cut into its dashes.
fn dashes(points: &[Point], on: f64, off: f64) -> Vec<Vec<Point>> {
    let mut dashes = Vec::new();
    let (mut drawn, mut left) = (true, on);
    let mut dash = vec![points[0]];
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length <= left {
                left -= length;
                dash.push(to);
                break;
            }
            let share = left / length;
            from = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            dash.push(from);
            let done = std::mem::replace(&mut dash, vec![from]);
            dashes.extend(drawn.then_some(done));
            drawn = !drawn;
            left = if drawn { on } else { off };
        }
    }
    dashes.extend((drawn && dash.len() > 1).then_some(dash));
    dashes
}

/// The picture as SVG.
pub(crate) fn svg(figure: &Figure) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut text = String::new();
    let size = |length: f64| (length * SVG_TIMES).round() as u32;
    let (width, height) = (size(figure.width), size(figure.height));
    {
        let mut backend = SVGBackend::with_string(&mut text, (width, height));
        let line = |to: &mut SVGBackend<'_>, points: &[Point], pen: Pen, times: f64| {
            let style = Style { color: pen.color, width: pen.width * times };
            to.draw_path(points.iter().map(|at| place(*at, times)), &style)
        };
        let white = Style { color: Color::new(0xff_ffff), width: 1.0 };
        backend.draw_rect((0, 0), (width as i32, height as i32), &white, true)?;
        for one in &figure.shapes {
            match one {
                Shape::Text { at, text, kind } => backend.draw_text(text, &Letters(*kind), place(*at, SVG_TIMES))?,
                other => shape(&mut backend, other, SVG_TIMES, line)?,
            }
        }
        backend.present()?;
    }
    let mut head = format!(
        "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">\n<title>",
        figure.width, figure.height
    );
    for letter in figure.title.chars() {
        match letter {
            '<' => head += "&lt;",
            '&' => head += "&amp;",
            other => head.push(other),
        }
    }
    // Between smoothed surfaces that only touch, a screen shows what is behind them.
    head += "</title>\n<style>.drawn>rect{shape-rendering:crispEdges}</style>\n";
    head += "<g class=\"drawn\" stroke-linejoin=\"round\" stroke-linecap=\"round\">\n";
    let body = text.split_once('\n').map_or("", |(_, body)| body).trim_end();
    let body = body.strip_suffix("</svg>").unwrap_or(body);
    // What goes without saying makes files a third larger.
    let body = body.replace(" opacity=\"1\"", "").replace(" stroke=\"none\"", "");
    let _ = writeln!(head, "{body}</g>\n</svg>");
    Ok(head)
}

/// The picture as PNG, `scale` pixels for each pixel of the picture.
pub(crate) fn png(figure: &Figure, scale: u32) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let fine = PNG_TIMES as u32;
    let times = PNG_TIMES * f64::from(scale);
    let (width, height) = (figure.width.round() as u32 * scale, figure.height.round() as u32 * scale);
    let (wide, high) = (width * fine, height * fine);
    let mut buffer = vec![255_u8; wide as usize * high as usize * 3];
    {
        let mut backend = BitMapBackend::with_buffer(&mut buffer, (wide, high));
        for one in &figure.shapes {
            match one {
                Shape::Text { at, text, kind } => letters(&mut backend, *at, text, *kind, times, (wide, high))?,
                other => shape(&mut backend, other, times, segments)?,
            }
        }
        backend.present()?;
    }
    let small = smaller(&buffer, (width, height), fine);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&small)?;
    writer.finish()?;
    Ok(file)
}

/// A line of a bitmap, stroke by stroke with round joints: plotters' own thick lines fray where they turn sharply.
fn segments(to: &mut BitMapBackend<'_>, points: &[Point], pen: Pen, times: f64) -> Drawn<BitMapBackend<'static>> {
    let style = Style { color: pen.color, width: pen.width * times };
    let radius = (pen.width * times / 2.0).round() as u32;
    for pair in points.windows(2) {
        let (from, end) = (place(pair[0], times), place(pair[1], times));
        if from == end {
            continue;
        }
        if from.0 == end.0 || from.1 == end.1 {
            let half = radius as i32;
            let (dx, dy) = if from.0 == end.0 { (half, 0) } else { (0, half) };
            let low = (from.0.min(end.0) - dx, from.1.min(end.1) - dy);
            let high = (from.0.max(end.0) + dx, from.1.max(end.1) + dy);
            to.draw_rect(low, high, &style, true)?;
        } else {
            to.draw_path([from, end], &style)?;
        }
        if points.len() > 2 && radius > 1 {
            to.draw_circle(end, radius, &style, true)?;
        }
    }
    Ok(())
}

fn letters(
    to: &mut BitMapBackend<'_>,
    at: Point,
    text: &str,
    kind: Type,
    times: f64,
    (wide, high): (u32, u32),
) -> Drawn<BitMapBackend<'static>> {
    let mut result = Ok(());
    font::pixels(at, text, kind, times, |x, y, cover| {
        let inside = x >= 0 && y >= 0 && (x as u32) < wide && (y as u32) < high;
        if inside && result.is_ok() {
            let color = BackendColor { alpha: kind.color.alpha * cover.min(1.0), rgb: kind.color.rgb };
            result = to.draw_pixel((x, y), color);
        }
    });
    result
}

/// Each pixel the mean of `fine` × `fine` of the larger picture.
fn smaller(large: &[u8], (width, height): (u32, u32), fine: u32) -> Vec<u8> {
    let (width, height, fine) = (width as usize, height as usize, fine as usize);
    let area = fine * fine;
    let mut small = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let mut sums = [area / 2; 3];
            for row in 0..fine {
                let start = ((y * fine + row) * width * fine + x * fine) * 3;
                for pixel in large[start..start + 3 * fine].chunks_exact(3) {
                    sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += usize::from(*value));
                }
            }
            small.extend(sums.map(|sum| (sum / area) as u8));
        }
    }
    small
}
