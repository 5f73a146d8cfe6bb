//! What is wrong, where, and how it is shown.

use super::Diagnostics;
use super::node::{FileId, Mark};
use super::source::{Source, Sources};
use super::words;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

/// After so many problems the rest is counted, not shown.
pub(super) const SHOWN: usize = 100;

/// Longer lines are named, not shown.
const LONGEST_LINE: usize = 2_000;

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Before any file could be read.
    Nowhere,
    /// A line of a file that is no source of ours: a data file.
    Line { path: String, line: usize },
    /// A stretch of a file.
    At(Mark),
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Issue {
    pub(super) place: Place,
    pub(super) rule: String,
    pub(super) remedy: String,
}

/// Everything that is wrong, with the variants that it is wrong in.
#[derive(Debug, Default)]
pub(super) struct Issues {
    found: BTreeMap<Issue, BTreeSet<String>>,
    /// The variant that is being read; none while what is common to all is read.
    pub(super) variant: Option<String>,
    /// What is read is to be laid over something that is not known, so that fields may well be missing.
    pub(super) partial: bool,
}

impl Issues {
    pub(super) fn add(&mut self, place: Place, rule: impl Into<String>, remedy: impl Into<String>) {
        let issue = Issue { place, rule: rule.into(), remedy: remedy.into() };
        let variants = self.found.entry(issue).or_default();
        variants.insert(self.variant.clone().unwrap_or_else(|| super::UNMITIGATED.to_owned()));
    }

    pub(super) fn at(&mut self, mark: Mark, rule: impl Into<String>, remedy: impl Into<String>) {
        self.add(Place::At(mark), rule, remedy);
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// True if looking for more is of no use, because it would not be shown.
    pub(super) fn full(&self) -> bool {
        self.found.len() > SHOWN
    }

    /// All of it as text. `target` is the file that the user asked for.
    pub(super) fn render(&self, sources: &Sources, target: &Path) -> Diagnostics {
        let mut sorted: Vec<_> = self.found.iter().collect();
        sorted.sort_by_key(|(issue, _)| match &issue.place {
            Place::Nowhere => (None, 0, String::new()),
            Place::At(mark) => (Some(mark.file), mark.start, String::new()),
            Place::Line { path, line } => (Some(FileId(u32::MAX)), super::source::offset(*line), path.clone()),
        });
        let mut text = String::new();
        for (issue, variants) in sorted.iter().take(SHOWN) {
            text.push_str(&render_one(sources, issue, variants));
            text.push_str("\n\n");
        }
        let count = sorted.len();
        if count > SHOWN {
            text.push_str(&format!("and {} more\n\n", count - SHOWN));
        }
        let problems = if count == 1 { "1 problem".to_owned() } else { format!("{count} problems") };
        let name = words::clean(target.display().to_string().chars());
        text.push_str(&format!("{problems} in {name}; nothing was run"));
        Diagnostics { text, count }
    }
}

fn render_one(sources: &Sources, issue: &Issue, variants: &BTreeSet<String>) -> String {
    let title = words::clean(issue.rule.chars());
    let group = Group::with_title(Level::ERROR.primary_title(title));
    let group = match &issue.place {
        Place::Nowhere => group,
        Place::Line { path, line } => group.element(Origin::path(path.clone()).line(*line)),
        Place::At(mark) => locate(group, sources, *mark),
    };
    let group = if variants.contains(super::UNMITIGATED) {
        group
    } else {
        let names = words::list(variants.iter().map(String::as_str)).unwrap_or_default();
        group.element(Level::NOTE.message(format!("only in the variant {names}")))
    };
    let help = words::clean(issue.remedy.chars());
    let group = if help.is_empty() { group } else { group.element(Level::HELP.message(help)) };
    Renderer::plain().render(&[group])
}

/// Adds the place and, unless the line is absurdly long, the line itself.
fn locate<'a>(group: Group<'a>, sources: &'a Sources, mark: Mark) -> Group<'a> {
    let source = sources.get(mark.file);
    let (line, start) = source.line_of(mark.start);
    let shown = source.line(line);
    if shown.len() > LONGEST_LINE || shown.is_empty() {
        let (line, column) = sources.place(mark);
        return group.element(Origin::path(source.name.as_str()).line(line).char_column(column));
    }
    let span = span_in_line(source, mark, start, shown);
    let snippet = Snippet::source(shown)
        .path(source.name.as_str())
        .line_start(line + 1)
        .annotation(AnnotationKind::Primary.span(span));
    group.element(snippet)
}

/// The part of a mark that lies in its first line, at least one character wide.
fn span_in_line(source: &Source, mark: Mark, line_start: usize, line: &str) -> Range<usize> {
    let from = (mark.start as usize).saturating_sub(line_start).min(line.len());
    let to = (mark.end as usize).min(source.text.len()).saturating_sub(line_start).min(line.len()).max(from);
    let to = from + line[from..to].trim_end().len();
    let next = line[from..].chars().next().map_or(0, char::len_utf8);
    from..to.max(from + next)
}
