//! The expectations of a file, read for the world of each variant.

use super::{Base, Draft, Loader, MOST};
use crate::scenario::UNMITIGATED;
use crate::scenario::compile;
use crate::scenario::expect::{Expect, Expectation, Placed};
use crate::scenario::node::{Mark, Value};
use crate::scenario::sentence::Wrong;
use crate::scenario::source::{Sources, offset};
use crate::scenario::typed::read;
use crate::scenario::words::{did_you_mean, shorten};
use squall_sim::Time;

impl Loader {
    /// The expectations with the places of their sentences.
    pub(super) fn expectations(&mut self, base: &Base) -> Vec<(Expect, Mark)> {
        let Some(Value::List(items)) = base.expect.as_ref().map(|node| &node.value) else {
            return Vec::new();
        };
        if items.len() > MOST {
            let rule = format!("there are {} expectations, and at most {MOST} are judged", items.len());
            self.issues.at(items[MOST].at, rule, "keep those that matter");
            return Vec::new();
        }
        let known: Vec<&str> = std::iter::once(UNMITIGATED).chain(base.variants.keys().map(String::as_str)).collect();
        let mut expects = Vec::new();
        for item in items {
            // What is wrong with the form has been reported with the header.
            let read = read::<Expect>(item, item.at, &mut self.issues);
            let Some(expect) = read.value.as_ref().filter(|_| !read.is_lost("that")).cloned() else { continue };
            let lists = [("only", &expect.0.only), ("broken_by", &expect.0.broken_by)];
            for (field, names) in lists {
                for (number, name) in names.iter().enumerate().filter(|(_, name)| !known.contains(&name.as_str())) {
                    let (found, _) = item.find(&format!("{field}.{number}"));
                    let rule = format!("there is no variant `{}`", shorten(name));
                    self.issues.at(found.node.at, rule, did_you_mean(name, known.iter().copied(), "the variants are"));
                }
            }
            let at = item.get("that").map_or(item.at, |that| that.at);
            expects.push((expect, at));
        }
        expects
    }

    pub(super) fn apply_expectations(
        &mut self,
        draft: &Draft,
        expects: &[(Expect, Mark)],
        times: (Time, Time),
        windows: &mut Vec<(Time, Time)>,
    ) -> Vec<Expectation> {
        self.issues.variant = Some(draft.name.clone());
        let scope = compile::scope(draft, &draft.world, times);
        let (mut kept, mut wrong) = (Vec::new(), Vec::new());
        for (Expect(options), at) in expects {
            let (line, _) = self.sources.place(*at);
            let placed = Placed { options, file: self.sources.get(at.file).path.clone(), line };
            match Expectation::of(&placed, &draft.name, &scope, windows) {
                Ok(expectation) => kept.extend(expectation),
                Err(found) => wrong.push((placed, *at, found)),
            }
        }
        wrong.retain(|(placed, _, found)| !draft.hides(&placed.options.that, found));
        self.certain(draft, &mut wrong, |world, wrong| {
            let scope = compile::scope(draft, world, times);
            let again = |placed| Expectation::of(placed, &draft.name, &scope, &mut Vec::new()).err();
            wrong.iter().map(|(placed, _, found)| again(placed).is_some_and(|again| again == *found)).collect()
        });
        for (placed, at, found) in wrong {
            let mark = within(&self.sources, at, &placed.options.that, found.span);
            self.issues.at(mark, found.rule, found.remedy);
        }
        self.issues.variant = None;
        kept
    }
}

impl Draft {
    /// Whether a sentence may be wrong because something is missing that has been reported.
    fn hides(&self, sentence: &str, wrong: &Wrong) -> bool {
        let missing = wrong.rule.starts_with("there is no");
        let (of_faults, of_calls) = (wrong.rule.contains("fault"), missing && sentence.starts_with("edges."));
        self.lost.iter().any(|lost| {
            of_faults && lost.is_whole("faults")
                || of_calls && lost.hides_calls()
                || missing && lost.hides_name(&[&wrong.rule, sentence])
        })
    }
}

/// The part of a scalar's mark that a part of its text stands at, where the file spells the text as it is.
fn within(sources: &Sources, at: Mark, text: &str, span: std::ops::Range<usize>) -> Mark {
    let raw = sources.get(at.file).text.get(at.start as usize..at.end as usize).unwrap_or("");
    match raw.find(text) {
        Some(begin) => {
            let start = at.start + offset(begin + span.start);
            Mark { start, end: (at.start + offset(begin + span.end)).max(start), ..at }
        }
        None => at,
    }
}
