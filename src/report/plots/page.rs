//! What all plots share: a heading, a legend, panels in a grid, and the faults at the foot.

use super::axis::{Axis, Unit};
use super::figure::{Align, Color, Figure, Level, Pen, Point, Type};
use super::font;
use super::palette::{AXIS, GRID, INK, MARK, MARK_INK, SOFT};
use crate::record::results::Mark;

pub(crate) const TITLE: Type = Type::new(16.0, INK).bold();
pub(crate) const NOTE: Type = Type::new(11.5, SOFT);
pub(crate) const LABEL: Type = Type::new(11.0, INK);
pub(crate) const TICK: Type = Type::new(10.5, SOFT);
pub(crate) const HEAD: Type = Type::new(11.5, INK).bold();

pub(crate) const EDGE: f64 = 14.0;
/// Between two panels.
const GAP: f64 = 20.0;

/// How an entry of a legend is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    Line(Pen),
    Box(Color),
    Dot(Color),
}

/// A figure that grows from its heading down.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) figure: Figure,
    /// How far down it is filled.
    pub(crate) y: f64,
    /// Something is told at its foot already.
    pub(crate) told: bool,
}

impl Page {
    /// A page with its heading.
    pub(crate) fn new(title: &str, note: &str, width: f64) -> Self {
        let mut figure = Figure::new(&format!("{title}: {note}"), width, 0.0);
        figure.text_within((EDGE, 22.0), title, TITLE, width - 2.0 * EDGE);
        let mut page = Self { figure, y: 42.0, told: false };
        page.note(note);
        page
    }

    /// A line of small text, broken where it is too long.
    pub(crate) fn note(&mut self, text: &str) {
        for line in wrap(text, NOTE, self.figure.width - 2.0 * EDGE) {
            self.figure.text((EDGE, self.y), line, NOTE);
            self.y += 16.0;
        }
    }

    /// Names of what is drawn, in as many rows as they need.
    pub(crate) fn legend(&mut self, entries: &[(Key, String)]) {
        let mut x = EDGE;
        self.y += 4.0;
        for (key, name) in entries {
            let most = self.figure.width - 2.0 * EDGE - 26.0;
            let name = super::figure::shorten(name, LABEL, most);
            let wide = 26.0 + font::width(&name, LABEL);
            if x > EDGE && x + wide > self.figure.width - EDGE {
                x = EDGE;
                self.y += 17.0;
            }
            let y = self.y;
            match key {
                Key::Line(pen) => self.figure.line(vec![(x, y), (x + 20.0, y)], *pen),
                Key::Box(color) => self.figure.rect((x + 4.0, y - 5.0), (12.0, 10.0), *color),
                Key::Dot(color) => self.figure.dot((x + 10.0, y), 4.0, *color),
            }
            self.figure.text((x + 26.0, y), name, LABEL);
            x += wide + 18.0;
        }
        self.y += 14.0;
    }

    /// How wide each panel of a grid is.
    pub(crate) fn width(&self, columns: usize, margins: Margins) -> f64 {
        let inner = self.figure.width - 2.0 * EDGE - margins.left;
        (inner - GAP * (columns - 1) as f64) / columns as f64
    }

    /// Areas for panels of one height, in rows; each is what is inside the axes.
    pub(crate) fn grid(&mut self, count: usize, columns: usize, height: f64, margins: Margins) -> Vec<Area> {
        let columns = columns.clamp(1, count.max(1));
        let rows = count.div_ceil(columns);
        let wide = self.width(columns, margins);
        let mut areas = Vec::new();
        for at in 0..count {
            let (row, column) = (at / columns, at % columns);
            let x = EDGE + margins.left + (wide + GAP) * column as f64;
            let above = margins.top + margins.lanes;
            let y = self.y + margins.first + above + (height + above + margins.between) * row as f64;
            let head = margins.lanes + if row == 0 { margins.first } else { 0.0 };
            let (leftmost, lowest) = (column == 0, at + columns >= count);
            areas.push(Area { x, y, width: wide, height, head, leftmost, lowest });
        }
        let each = height + margins.top + margins.lanes + margins.between;
        self.y += margins.first + each * rows as f64 - margins.between + margins.bottom;
        areas
    }

    /// The faults, numbered as in the panels.
    pub(crate) fn marks(&mut self, marks: &[Mark]) {
        let told: Vec<String> = marks.iter().take(12).enumerate().map(|(at, mark)| tell(at + 1, mark)).collect();
        if !told.is_empty() {
            self.y += 8.0;
            self.told = true;
            let rest = if marks.len() > 12 { format!("; … and {} more", marks.len() - 12) } else { String::new() };
            self.note(&format!("Faults: {}{rest}", told.join("; ")));
        }
    }

    /// The finished picture.
    pub(crate) fn finish(mut self) -> Figure {
        self.figure.height = (self.y + 6.0).ceil();
        self.figure
    }
}

fn tell(number: usize, mark: &Mark) -> String {
    format!("{number} {}", mark.told())
}

/// Text in lines of a width.
pub(crate) fn wrap(text: &str, kind: Type, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if font::width(&format!("{line} {word}"), kind) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(super::figure::shorten(word, kind, width)),
        }
    }
    lines
}

/// Room around each panel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Margins {
    pub(crate) left: f64,
    pub(crate) top: f64,
    /// Between the title and the panel, for what is marked above it.
    pub(crate) lanes: f64,
    /// The same above the first row alone, where what is marked holds for all of them.
    pub(crate) first: f64,
    /// Between two rows, for labels of the axis.
    pub(crate) between: f64,
    pub(crate) bottom: f64,
}

impl Margins {
    pub(crate) const USUAL: Self = Self { left: 50.0, top: 22.0, lanes: 0.0, first: 0.0, between: 6.0, bottom: 40.0 };
}

/// Where a panel is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// Height of what is marked above it.
    pub(crate) head: f64,
    /// Nothing is left of it, so that it has the labels of the vertical axis.
    pub(crate) leftmost: bool,
    /// Nothing is below it, so that it has the labels of the horizontal axis.
    pub(crate) lowest: bool,
}

/// Two axes over an area.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel {
    pub(crate) area: Area,
    pub(crate) x: (Axis, Unit),
    pub(crate) y: (Axis, Unit),
}

impl Panel {
    /// Where a pair of values is; values beyond the axes are at their ends.
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        let share = |axis: Axis, value| axis.place(value).clamp(0.0, 1.0);
        let area = &self.area;
        (area.x + share(self.x.0, x) * area.width, area.y + (1.0 - share(self.y.0, y)) * area.height)
    }

    /// Grid, labels and titles. Draw this first.
    pub(crate) fn axes(&self, figure: &mut Figure, title: &str, x_title: &str, y_title: &str) {
        let area = self.area;
        let (left, right, top, bottom) = (area.x, area.x + area.width, area.y, area.y + area.height);
        figure.text_within((left, top - 9.0 - area.head), title, HEAD, area.width);
        // Without a title of its own the vertical axis has rows with names instead.
        let rows = y_title.is_empty() && !area.leftmost;
        let mut widest: f64 = 0.0;
        for (value, label) in self.y.0.ticks((area.height / 26.0) as usize, self.y.1).into_iter().filter(|_| !rows) {
            widest = widest.max(font::width(&label, TICK));
            let y = self.at(0.0, value).1;
            figure.line(vec![(left, y), (right, y)], Pen::new(GRID, 0.8));
            if area.leftmost {
                figure.text((left - 6.0, y), label, TICK.align(Align::Right));
            }
        }
        let mut free = f64::NEG_INFINITY;
        for (value, label) in self.x.0.ticks((area.width / 46.0) as usize, self.x.1) {
            let x = self.at(value, 1.0).0;
            if rows {
                figure.line(vec![(x, top), (x, bottom)], Pen::new(GRID, 0.8));
            }
            figure.line(vec![(x, bottom), (x, bottom + 4.0)], Pen::new(AXIS, 0.8));
            let wide = font::width(&label, TICK);
            let middle = x.clamp(left + wide / 2.0 - 4.0, (right - wide / 2.0 + 8.0).max(left));
            if area.lowest && middle - wide / 2.0 > free {
                figure.text((middle, bottom + 7.0), label, TICK.align(Align::Center).level(Level::Top));
                free = middle + wide / 2.0 + 6.0;
            }
        }
        figure.line(vec![(left, top), (left, bottom), (right, bottom)], Pen::new(AXIS, 1.0));
        if area.lowest {
            let kind = LABEL.align(Align::Center).level(Level::Top);
            figure.text(
                (f64::midpoint(left, right), bottom + 22.0),
                super::figure::shorten(x_title, kind, area.width + 20.0),
                kind,
            );
        }
        if area.leftmost {
            let kind = LABEL.align(Align::Center).turned();
            let text = super::figure::shorten(y_title, kind, area.height + 20.0);
            figure.text((left - widest - 16.0, f64::midpoint(top, bottom)), text, kind);
        }
    }

    /// Bands where something was wrong, with the number of each.
    pub(crate) fn marks(&self, figure: &mut Figure, marks: &[Mark]) {
        let area = self.area;
        // What begins at one place has one label.
        let mut labels: Vec<(f64, usize, usize)> = Vec::new();
        for (number, mark) in (1..).zip(marks.iter().take(12)) {
            let (from, _) = self.at(mark.from, 1.0);
            let (to, _) = self.at(mark.until.unwrap_or(f64::MAX), 1.0);
            if from >= area.x + area.width {
                continue;
            }
            figure.rect((from, area.y), ((to - from).max(1.5), area.height), MARK.at(0.75));
            match labels.last_mut() {
                Some((place, _, last)) if (from - *place).abs() < 1.0 && *last + 1 == number => *last = number,
                _ => labels.push((from, number, number)),
            }
        }
        let kind = Type::new(9.5, MARK_INK).bold().level(Level::Top);
        let mut rows: Vec<f64> = Vec::new();
        for (from, first, last) in labels {
            let text = match last - first {
                0 => first.to_string(),
                1 => format!("{first},{last}"),
                _ => format!("{first}–{last}"),
            };
            let end = from + font::width(&text, kind) + 5.0;
            let row = rows.iter().position(|free| *free <= from).unwrap_or(rows.len());
            if row == rows.len() {
                rows.push(end);
            } else {
                rows[row] = end;
            }
            // A number at the far right would run out of the panel.
            let x = (from + 2.0).min(area.x + area.width - font::width(&text, kind));
            figure.text((x, area.y + 3.0 + 11.0 * row as f64), text, kind);
        }
    }

    /// The same as thin lines, over a picture that fills its panel: where each fault begins and ends.
    pub(crate) fn edges(&self, figure: &mut Figure, marks: &[Mark]) {
        let area = self.area;
        let pen = Pen::new(MARK_INK, 1.2).dashed(3.0, 2.0);
        for mark in marks.iter().take(12) {
            for time in [Some(mark.from), mark.until].into_iter().flatten() {
                let x = self.at(time, 1.0).0;
                if x < area.x + area.width - 0.5 {
                    figure.line(vec![(x, area.y), (x, area.y + area.height)], pen);
                }
            }
        }
    }

    /// A line through values, with gaps where there is none. Of more values than there are pixels, the peaks stay.
    pub(crate) fn curve(&self, figure: &mut Figure, xs: &[f64], ys: &[f64], pen: Pen) {
        for run in pieces(ys) {
            let points: Vec<Point> = self.thin(&xs[run.clone()], &ys[run]);
            match points.as_slice() {
                [(x, y)] => figure.line(vec![(x - 1.0, *y), (x + 1.0, *y)], pen),
                _ => figure.line(points, pen),
            }
        }
    }

    /// The surface between two lines.
    pub(crate) fn band(&self, figure: &mut Figure, xs: &[f64], low: &[f64], high: &[f64], color: Color) {
        let both: Vec<f64> = low.iter().zip(high).map(|(low, high)| low + high).collect();
        for run in pieces(&both) {
            let mut points = self.thin(&xs[run.clone()], &high[run.clone()]);
            let mut back = self.thin(&xs[run.clone()], &low[run]);
            back.reverse();
            points.extend(back);
            figure.area(points, color);
        }
    }

    fn thin(&self, xs: &[f64], ys: &[f64]) -> Vec<Point> {
        let all = xs.iter().zip(ys).map(|(x, y)| self.at(*x, *y));
        if (xs.len() as f64) < 2.0 * self.area.width {
            return all.collect();
        }
        let mut kept: Vec<Point> = Vec::new();
        let mut column: Vec<Point> = Vec::new();
        for point in all {
            if column.first().is_some_and(|first| point.0 - first.0 >= 1.0) {
                kept.extend(ends(&column));
                column.clear();
            }
            column.push(point);
        }
        kept.extend(ends(&column));
        kept
    }
}

/// The lowest and the highest of some points, in the order in which they come.
fn ends(points: &[Point]) -> Vec<Point> {
    let by = |pick: fn(&(f64, f64), &(f64, f64)) -> std::cmp::Ordering| {
        points.iter().enumerate().min_by(|a, b| pick(a.1, b.1)).map(|(at, _)| at)
    };
    let (low, high) = (by(|a, b| a.1.total_cmp(&b.1)), by(|a, b| b.1.total_cmp(&a.1)));
    let mut both: Vec<usize> = low.into_iter().chain(high).collect();
    both.sort_unstable();
    both.dedup();
    both.into_iter().map(|at| points[at]).collect()
}

/// Where values exist, without gaps in between.
fn pieces(values: &[f64]) -> Vec<std::ops::Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = None;
    for (at, value) in values.iter().chain(&[f64::NAN]).enumerate() {
        match (value.is_finite(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                pieces.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_stay_gaps() {
        assert_eq!(pieces(&[f64::NAN, 1.0, 2.0, f64::NAN, 3.0]), [1..3, 4..5]);
        assert_eq!(pieces(&[]), Vec::<std::ops::Range<usize>>::new());
    }

    #[test]
    fn peaks_survive_thinning() {
        let area = Area { x: 0.0, y: 0.0, width: 100.0, height: 100.0, head: 0.0, leftmost: true, lowest: true };
        let panel = Panel {
            area,
            x: (Axis::Linear { low: 0.0, high: 1e4 }, Unit::Clock),
            y: (Axis::Linear { low: 0.0, high: 1.0 }, Unit::Plain),
        };
        let xs: Vec<f64> = (0..10_000).map(f64::from).collect();
        let ys: Vec<f64> = (0..10_000).map(|n| if n == 5_000 { 1.0 } else { 0.1 }).collect();
        let points = panel.thin(&xs, &ys);
        assert!(points.len() < 250 && points.iter().any(|point| point.1 == 0.0));
    }
}
