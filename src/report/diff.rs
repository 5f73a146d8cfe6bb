//! What `squall diff` tells a person: for each variant, whether its bytes changed, whether its outcome did, and whether it
//! got worse by more than is allowed.

use super::number::in_unit;
use super::style::{BAD, DIM, GOOD, HEADING, paint, wrap};
use super::text::plural;
use crate::experiment::baseline::{Change, Changed, Variance};
use std::path::PathBuf;

/// Changes that are listed for one variant.
const MOST: usize = 6;

/// One scenario, then and now.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The scenario.
    pub name: String,
    /// How many seeds.
    pub seeds: usize,
    /// Its variants.
    pub variances: Vec<Variance>,
    /// Where each variant is written: file and line, in the order of the variants.
    pub places: Vec<(PathBuf, usize)>,
    /// Expectations that do not hold: the variant, the sentence, and where it is written.
    pub broken: Vec<(String, String, (PathBuf, usize))>,
}

/// Something that fails, and where to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The scenario and the variant.
    pub title: String,
    /// What is wrong.
    pub text: String,
    /// The file and the line.
    pub place: (PathBuf, usize),
}

impl Difference {
    /// Everything that fails.
    #[must_use]
    pub fn alarms(&self) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        for (variance, place) in self.variances.iter().zip(&self.places) {
            let title = format!("{} / {}", self.name, variance.variant);
            let mut add = |text: String| alarms.push(Alarm { title: title.clone(), text, place: place.clone() });
            if variance.gone {
                add("the variant is in the baseline, but no longer in the scenario".to_owned());
            }
            variance
                .changes
                .iter()
                .filter(|c| c.change == Change::Worse)
                .for_each(|c| add(format!("worse: {}", told(c))));
        }
        for (variant, sentence, place) in &self.broken {
            let (title, text) = (format!("{} / {variant}", self.name), format!("does not hold any more: {sentence}"));
            alarms.push(Alarm { title, text, place: place.clone() });
        }
        alarms
    }

    /// Whether a change is worth a line.
    pub(super) fn notable(variance: &Variance) -> impl Iterator<Item = &Changed> {
        variance.changes.iter().filter(|changed| !matches!(changed.change, Change::Same | Change::Small))
    }
}

/// A value then and now, in words.
pub(super) fn told(changed: &Changed) -> String {
    let shown = |value: Option<f64>| value.map_or("none".to_owned(), |value| in_unit(value, &changed.unit));
    let name = format!("{}.{}", changed.component, changed.metric);
    let mut out = format!("{name} {} instead of {}", shown(changed.after), shown(changed.before));
    if let Some((after, before)) = changed.after.zip(changed.before) {
        let difference = after - before;
        let (size, allowed) = match (changed.unit.as_str(), before) {
            ("share", _) => (format!("{:+.1} points", difference * 100.0), format!("{:.1}", changed.tolerance * 100.0)),
            (_, before) if before != 0.0 => (
                format!("{:+.0}%", difference / before.abs() * 100.0),
                format!("{:.0}%", changed.tolerance / before.abs() * 100.0),
            ),
            _ => return out,
        };
        out += &format!(" ({size}; {allowed} allowed)");
    }
    out
}

/// One variant in a few words.
pub(super) fn summary(variance: &Variance) -> (&'static str, String) {
    let count = |change: Change| variance.changes.iter().filter(|changed| changed.change == change).count();
    let (worse, better, unclear, moved) =
        (count(Change::Worse), count(Change::Better), count(Change::Unclear), count(Change::Moved));
    let outcome = |word: &str, number: usize| format!("{number} {} {word}", plural(number, "value"));
    match () {
        () if variance.gone => ("gone", "in the baseline only".to_owned()),
        () if variance.new => ("new", "not in the baseline yet".to_owned()),
        () if variance.same_bytes && worse + better + unclear + moved == 0 => {
            ("same bytes", "every event is the same".to_owned())
        }
        () if worse > 0 => ("WORSE", outcome("worse than is allowed", worse)),
        () if better > 0 => ("better", outcome("better by more than the tolerance", better)),
        () if unclear > 0 => ("unclear", outcome("worse, but within the noise of so few seeds", unclear)),
        () if moved > 0 => ("moved", outcome("not there before, or not any more", moved)),
        () => ("bytes changed", "the outcome is the same within noise or tolerance".to_owned()),
    }
}

/// All scenarios as text.
#[must_use]
pub fn differences(all: &[Difference], width: usize) -> String {
    let width = width.clamp(40, 140);
    let mut out = String::new();
    for difference in all {
        let scope = format!("({} {})", difference.seeds, plural(difference.seeds, "seed"));
        out += &format!("{} {}\n", paint(HEADING, &difference.name), paint(DIM, scope));
        let column = difference.variances.iter().map(|v| v.variant.chars().count()).max().unwrap_or(0);
        for variance in &difference.variances {
            let (word, more) = summary(variance);
            let style = match word {
                "WORSE" | "gone" => BAD,
                "better" => GOOD,
                _ => DIM,
            };
            out += &format!("  {:column$}  {}: {more}\n", variance.variant, paint(style, word));
            for changed in Difference::notable(variance).take(MOST) {
                for (at, line) in wrap(&told(changed), width - 8).into_iter().enumerate() {
                    out += &format!("    {} {line}\n", if at == 0 { "-" } else { " " });
                }
            }
        }
        for (variant, sentence, _) in &difference.broken {
            out += &format!("  {}: {variant}: {sentence}\n", paint(BAD, "does not hold any more"));
        }
    }
    let failed: usize = all.iter().map(|difference| difference.alarms().len()).sum();
    out + &match failed {
        0 => format!("{}\n", paint(GOOD, "nothing is worse than is allowed")),
        count => format!("{}\n", paint(BAD, format!("{count} {} worse than is allowed", plural(count, "result")))),
    }
}
