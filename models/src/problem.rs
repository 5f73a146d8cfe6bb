//! Something wrong in what a user wrote, located by its path in the file.

use crate::units::Duration;
use std::fmt;

const DID_YOU_MEAN: &str = "did you mean `";

/// One thing that is wrong: where, what rule it breaks, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a path of keys and list indices: `services.api.endpoints.get.steps.0.call`.
    pub path: String,
    /// What is wrong, with the value and the rule: "`queue.capacity` is 0 …".
    pub rule: String,
    /// What to do about it.
    pub remedy: String,
    /// Where something could stand that would make this right, where it is wrong that something is missing: paths, with `*`
    /// for any name.
    pub uses: Vec<String>,
}

impl Problem {
    /// A problem at a path.
    pub fn new(path: impl Into<String>, rule: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { path: path.into(), rule: rule.into(), remedy: remedy.into(), uses: Vec::new() }
    }

    /// Whether something is missing that may be in what is wrong at another path.
    #[must_use]
    pub fn misses(&self, path: &str) -> bool {
        self.uses.iter().any(|place| touch(place, path))
    }

    /// The name that was meant where another one stands, if one is near.
    #[must_use]
    pub fn meant(&self) -> Option<&str> {
        self.remedy.strip_prefix(DID_YOU_MEAN)?.strip_suffix("`?")
    }

    /// The same, seen from one level further out.
    pub(crate) fn below(self, key: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{key}{dot}{}", self.path), ..self }
    }
}

/// Whether one of two paths leads to a part of what the other one leads to.
fn touch(pattern: &str, path: &str) -> bool {
    pattern.split('.').zip(path.split('.')).all(|(own, other)| own == "*" || own == other)
}

/// A remedy for a name that does not exist: the nearest one that does, or some that there are. A file of 20,000 services
/// can misspell every one of them, so only names of a similar length are looked at closely.
pub(crate) fn did_you_mean<'n>(name: &str, known: impl Iterator<Item = &'n str>, what: &str) -> String {
    const SHOWN: usize = 12;
    let (mut nearest, mut some) = (None, Vec::new());
    for candidate in known {
        let allowed = candidate.len().max(3) / 3;
        if candidate.len().abs_diff(name.len()) <= allowed {
            let distance = strsim::levenshtein(name, candidate);
            if distance <= allowed && nearest.is_none_or(|(least, _)| distance < least) {
                nearest = Some((distance, candidate));
            }
        }
        if some.len() < SHOWN {
            some.push(candidate);
        }
    }
    match nearest {
        Some((_, nearest)) => format!("{DID_YOU_MEAN}{nearest}`?"),
        None if some.is_empty() => format!("there are no {what} here"),
        None => format!("{what}: {}", some.join(", ")),
    }
}

/// Collects what is wrong in one policy; paths are relative to it.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<Problem>);

impl Found {
    pub(crate) fn all(self) -> Vec<Problem> {
        self.0
    }

    pub(crate) fn unless(&mut self, fine: bool, path: &str, rule: &str, remedy: &str) {
        if !fine {
            self.0.push(Problem::new(path, rule, remedy));
        }
    }

    /// A count with bounds.
    pub(crate) fn within(&mut self, path: &str, value: u64, least: u64, most: u64) {
        let rule = format!("{value} is not between {least} and {most}");
        let remedy = if value < least { format!("use at least {least}") } else { format!("use at most {most}") };
        self.unless((least..=most).contains(&value), path, &rule, &remedy);
    }

    /// How often something is tried; the largest number there is means without end.
    pub(crate) fn attempts(&mut self, path: &str, value: u16, least: u16) {
        if value != u16::MAX {
            self.within(path, value.into(), least.into(), 1000);
        }
    }

    /// A span that must not be zero.
    pub(crate) fn span(&mut self, path: &str, value: Option<&Duration>) {
        let fine = value.is_none_or(|value| !value.span().is_zero());
        self.unless(
            fine,
            path,
            "a duration of zero makes no sense here",
            "use a duration above zero, or leave the field out",
        );
    }

    /// A duration that is counted in whole milliseconds.
    pub(crate) fn millis(&mut self, path: &str, value: &Duration) {
        let rule = format!("{value} is counted in whole milliseconds, and there is none in it");
        self.unless(value.span().nanos() >= 1_000_000, path, &rule, "use at least `1ms`");
    }

    /// How much each delay is over the one before.
    pub(crate) fn factor(&mut self, path: &str, value: f64) {
        let rule = format!("the factor {value} is not between 1 and 1000");
        self.unless((1.0..=1000.0).contains(&value), path, &rule, "2 is usual");
    }

    /// Two durations of which the second must not be the shorter one.
    pub(crate) fn ordered(&mut self, low: &str, least: &Duration, high: &str, most: Option<&Duration>) {
        if let Some(most) = most.filter(|most| *most < least) {
            let name = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
            let (low, name) = (name(low), name(high));
            let rule = format!("the {name} {most} is below the {low} {least}");
            self.unless(false, high, &rule, &format!("make the {name} at least as long as the {low}"));
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path, self.rule, self.remedy)
    }
}
