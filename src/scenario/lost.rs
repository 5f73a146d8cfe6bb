//! Where a world is not what the user wrote, and what may come of that.

use super::merge::NAMED;
use super::node::Seg;
use super::typed::Gap;
use squall_models::problem::Problem;

/// A part of a world that could not be read or makes no sense. A stand-in is in its place, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// Empty where only a name is not known.
    path: Vec<String>,
    /// There is no stand-in, so that something may be missing in what it is a part of.
    unknown: bool,
    /// Words of what is said about names that may have been in that part.
    words: Vec<String>,
}

impl Lost {
    /// A part of a section.
    pub(super) fn part(section: &str, gap: &Gap) -> Self {
        let segment = |seg: &Seg| match seg {
            Seg::Key(key) => key.clone(),
            Seg::Index(index) => index.to_string(),
        };
        let path: Vec<String> = std::iter::once(section.to_owned()).chain(gap.path.iter().map(segment)).collect();
        let words = words(&path, gap.unknown);
        Self { path, unknown: gap.unknown, words }
    }

    /// A part by its path.
    pub(super) fn at(path: &str) -> Self {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        let words = words(&path, false);
        Self { path, unknown: false, words }
    }

    /// A file that could not be read, by the path to its name.
    pub(super) fn file(path: &str) -> Self {
        Self { unknown: true, ..Self::at(path) }
    }

    /// A name that cannot be one, so that a name may be missing in the section.
    pub(super) fn name(section: &str) -> Self {
        Self { path: Vec::new(), unknown: false, words: words(&[section.to_owned()], false) }
    }

    /// The component of a section that it is a part of, or the number in a list.
    pub(super) fn component(&self, section: &str) -> Option<&str> {
        self.path.get(1).filter(|_| self.is_in(section)).map(String::as_str)
    }

    pub(super) fn is_in(&self, section: &str) -> bool {
        self.path.first().is_some_and(|first| first == section)
    }

    /// True if it is a section as a whole.
    pub(super) fn is_whole(&self, section: &str) -> bool {
        self.path == [section]
    }

    /// Whether a name that is looked for may be missing because of this; the texts are what is said of it.
    pub(super) fn hides_name(&self, texts: &[&str]) -> bool {
        self.words.iter().any(|word| texts.iter().any(|text| mentions(text, word)))
    }

    /// Whether a problem may come of this; `value` is what stands where the problem is.
    pub(super) fn explains(&self, problem: &Problem, value: &str) -> bool {
        let mut both = self.path.iter().map(String::as_str).zip(problem.path.split('.'));
        let inside = || self.path.len() <= problem.path.split('.').count() || self.unknown;
        let related = !self.path.is_empty() && (both.all(|(own, other)| own == other) && inside());
        related || problem.misses(&self.path.join(".")) || self.hides_name(&[&problem.rule, value])
    }

    /// Whether there may have been calls in this part.
    pub(super) fn hides_calls(&self) -> bool {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        matches!(
            path[..],
            ["services" | "clients"]
                | ["services" | "clients", _]
                | ["services", _, "endpoints" | "pools", ..]
                | ["clients", _, "to"]
        )
    }
}

/// Which words messages about names use that may have been in a part: the kind of component, or the component that it is of.
fn words(path: &[String], unknown: bool) -> Vec<String> {
    let (section, last) = (path[0].as_str(), path.last().map(String::as_str).unwrap_or_default());
    match path.len() {
        1 if NAMED.contains(&section) => vec![section.trim_end_matches('s').to_owned(), section.to_owned()],
        1 | 2 if section == "monitoring" && (path.len() == 1 || last == "alerts" || unknown) => {
            vec!["alert".to_owned(), "alerts".to_owned()]
        }
        2 if NAMED.contains(&section) => vec![path[1].clone()],
        3.. if NAMED.contains(&section) => {
            let names = unknown && path.len() == 3 || NAMED.contains(&last) || path[2] == "classes";
            if names { vec![path[1].clone()] } else { Vec::new() }
        }
        _ => Vec::new(),
    }
}

/// Whether a name stands in a text as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).any(|word| word == name)
}
