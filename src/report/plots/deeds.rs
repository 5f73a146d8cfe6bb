//! What is marked on a time axis: faults, numbered, and alerts, actions and deaths above a panel, each with a letter, in
//! lanes in which nothing overlaps. Numbers and letters are explained at the foot.

use super::figure::{Align, Figure, Level, Pen, Type};
use super::page::{Margins, Page, Panel};
use super::palette::{INK, RED};
use super::{Undrawn, View, font};
use crate::experiment::diagnosis::{Deed, Role};
use crate::record::results;

/// Height of a lane.
const LANE: f64 = 13.0;
/// Lanes and kinds that are drawn at most.
const MOST_LANES: usize = 4;
const MOST_KINDS: usize = 16;
const LETTER: Type = Type::new(9.5, INK).bold().level(Level::Top);
/// Room for a letter and what stands before it.
const ROOM: f64 = 16.0;

/// What is marked on a time axis, as the page and the picture name it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Mark {
    pub(in crate::report) letter: char,
    pub(in crate::report) deed: Deed,
}

/// The marks of each variant; the same letter is the same kind of deed in all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::report) struct Deeds {
    /// What the letters stand for, in order.
    pub(in crate::report) kinds: Vec<String>,
    pub(in crate::report) marks: Vec<Vec<Mark>>,
    /// Kinds without a letter.
    left_out: usize,
}

/// The alerts, actions and deaths of these variants, in the run that is shown.
pub(in crate::report) fn of(view: &View<'_>, variants: &[&str]) -> Result<Deeds, Undrawn> {
    let mut deeds = Deeds::default();
    let mut none: Vec<String> = Vec::new();
    for variant in variants {
        let known = view.explained()?.iter().find(|one| one.variant == **variant && one.seed == view.seed());
        let mut marks = Vec::new();
        for deed in known.into_iter().flat_map(|known| &known.deeds).filter(|deed| deed.role != Role::Other) {
            let kind = deed.kind();
            let at = deeds.kinds.iter().position(|known| *known == kind).or_else(|| {
                (deeds.kinds.len() < MOST_KINDS).then(|| {
                    deeds.kinds.push(kind.clone());
                    deeds.kinds.len() - 1
                })
            });
            match at {
                Some(at) => marks.push(Mark { letter: char::from(b'A' + at as u8), deed: deed.clone() }),
                None if !none.contains(&kind) => none.push(kind),
                None => {}
            }
        }
        deeds.marks.push(marks);
    }
    deeds.left_out = none.len();
    Ok(deeds)
}

/// Everything that is marked on the time axes of a picture.
pub(super) struct Marks {
    /// The variants that are marked, each with its faults.
    faults: Vec<(String, Vec<results::Mark>)>,
    lanes: Lanes,
    /// One variant is marked in all panels.
    shared: bool,
    seed: u64,
}

impl Marks {
    /// For a panel of each variant, so many pixels wide.
    pub(super) fn each(view: &View<'_>, width: f64) -> Result<Self, Undrawn> {
        Self::of(view, &view.variants(), width, false)
    }

    /// For panels that all show one variant, or of which one variant is marked.
    pub(super) fn one(view: &View<'_>, width: f64) -> Result<Self, Undrawn> {
        Self::of(view, &[view.variant()], width, true)
    }

    fn of(view: &View<'_>, variants: &[&str], width: f64, shared: bool) -> Result<Self, Undrawn> {
        let series = view.series()?;
        let lanes = Lanes::of(of(view, variants)?, (series.times[0], series.end()), width);
        let faults = variants.iter().map(|name| ((*name).to_owned(), view.results.marks(name))).collect();
        Ok(Self { faults, lanes, shared, seed: view.seed() })
    }

    /// The same room around panels, and more above for the lanes: above the first row alone where all rows share them.
    pub(super) fn margins(&self, usual: Margins) -> Margins {
        let room = LANE * self.lanes.lanes as f64;
        if self.shared { Margins { first: room, ..usual } } else { Margins { lanes: room, ..usual } }
    }

    /// The faults behind a panel, before anything else of it: number `at` of the panels, or any where they are shared.
    pub(super) fn behind(&self, figure: &mut Figure, panel: &Panel, at: usize) {
        panel.marks(figure, self.faults_of(at));
    }

    /// The faults over a panel that its picture fills.
    pub(super) fn edges(&self, figure: &mut Figure, panel: &Panel, at: usize) {
        panel.edges(figure, self.faults_of(at));
    }

    /// Alerts, actions and deaths: with letters where there is room above the panel, as thin lines through it everywhere.
    pub(super) fn above(&self, figure: &mut Figure, panel: &Panel, at: usize) {
        self.lanes.draw(figure, panel, self.number(at));
    }

    /// What the numbers and letters stand for, at the foot. With several variants `shown` only one of them is marked.
    pub(super) fn explain(&self, page: &mut Page, shown: usize) {
        page.marks(self.faults_of(0));
        let variant = self.faults.first().filter(|_| self.shared && shown > 1).map(|(name, _)| name.as_str());
        self.lanes.explain(page, variant, self.seed);
    }

    fn number(&self, at: usize) -> usize {
        if self.shared { 0 } else { at }
    }

    fn faults_of(&self, at: usize) -> &[results::Mark] {
        self.faults.get(self.number(at)).map_or(&[], |(_, faults)| faults)
    }
}

/// Marks in lanes, above panels of one width and one time axis.
struct Lanes {
    /// Of each variant, a mark and the lane that it is in.
    marks: Vec<Vec<(Mark, usize)>>,
    lanes: usize,
    kinds: Vec<String>,
    left_out: usize,
}

impl Lanes {
    /// Packs them for panels that show so many seconds on so many pixels.
    fn of(deeds: Deeds, (low, high): (f64, f64), width: f64) -> Self {
        let room = ROOM * (high - low) / width.max(1.0);
        let (mut lanes, mut hidden) = (0, 0);
        let mut pack = |marks: Vec<Mark>| {
            let mut free: Vec<f64> = Vec::new();
            let mut placed = Vec::new();
            for mark in marks {
                let end = if mark.deed.role == Role::Alert { mark.deed.until_s.unwrap_or(high) } else { end(&mark) };
                let end = end.max(mark.deed.at_s + room);
                let lane = free.iter().position(|until| *until <= mark.deed.at_s).unwrap_or(free.len());
                match free.get_mut(lane) {
                    Some(until) => *until = end,
                    None if lane < MOST_LANES => free.push(end),
                    None => {
                        hidden += 1;
                        continue;
                    }
                }
                placed.push((mark, lane));
            }
            lanes = lanes.max(free.len());
            placed
        };
        let marks = deeds.marks.into_iter().map(&mut pack).collect();
        Self { marks, lanes, kinds: deeds.kinds, left_out: deeds.left_out + hidden }
    }

    /// Draws those of one variant above its panel, and where each begins a line through it.
    fn draw(&self, figure: &mut Figure, panel: &Panel, variant: usize) {
        let area = panel.area;
        for (mark, lane) in self.marks.get(variant).into_iter().flatten() {
            let from = panel.at(mark.deed.at_s, 0.0).0;
            let color = if mark.deed.role == Role::Alert { RED } else { INK };
            let pen = Pen::new(color.at(0.7), 0.8).dashed(2.0, if mark.deed.role == Role::Alert { 4.0 } else { 2.0 });
            figure.line(vec![(from, area.y), (from, area.y + area.height)], pen);
            if area.head > 0.0 {
                letter(figure, panel, mark, area.y - LANE * (self.lanes - lane) as f64);
            }
        }
    }

    /// What the letters stand for, at the foot.
    fn explain(&self, page: &mut Page, variant: Option<&str>, seed: u64) {
        let told = self.kinds.iter().zip('A'..).map(|(kind, letter)| format!("{letter} {kind}"));
        let told: Vec<String> = told.collect();
        if !told.is_empty() {
            let more = if self.left_out > 0 { format!("; … and {} more", self.left_out) } else { String::new() };
            page.y += if page.told { 0.0 } else { 8.0 };
            let of = variant.map(|name| format!("{name}, ")).unwrap_or_default();
            page.note(&format!(
                "Alerts (bars), actions (triangles), deaths (dots), of {of}seed {seed}: {}{more}",
                told.join("; ")
            ));
        }
    }
}

/// Until when a mark reaches.
fn end(mark: &Mark) -> f64 {
    mark.deed.until_s.unwrap_or(mark.deed.at_s)
}

/// A mark in its lane, with its letter.
fn letter(figure: &mut Figure, panel: &Panel, mark: &Mark, top: f64) {
    let area = panel.area;
    let from = panel.at(mark.deed.at_s, 0.0).0;
    let alert = mark.deed.role == Role::Alert;
    let until = match (alert, mark.deed.until_s) {
        (true, None) => area.x + area.width,
        (_, until) => panel.at(until.unwrap_or(mark.deed.at_s), 0.0).0,
    };
    let color = if alert { RED } else { INK };
    figure.rect((from, top + 9.5), (until - from, 2.0), color);
    let shift = match mark.deed.role {
        Role::Alert => {
            figure.rect((from, top), (2.0, 11.5), color);
            4.0
        }
        Role::Death => {
            figure.dot((from, top + 5.0), 2.6, color);
            5.0
        }
        Role::Action | Role::Other => {
            figure.area(vec![(from - 3.5, top + 2.0), (from + 3.5, top + 2.0), (from, top + 9.0)], color);
            6.0
        }
    };
    let text = mark.letter.to_string();
    // A letter at the far right would run out of the panel.
    if from + shift + font::width(&text, LETTER) > area.x + area.width + 8.0 {
        figure.text((from - 5.0, top), text, LETTER.align(Align::Right));
    } else {
        figure.text((from + shift, top), text, LETTER);
    }
}
