//! A located tree to any type that serde can read, with every problem in it and not only the first.
//!
//! What cannot be read is noted and mended, and the whole is read again, until nothing is wrong any more: a misspelled word
//! becomes the one that was meant, an unknown field is taken out, and everything else gets a stand-in (`stand_in.rs`). So
//! there is always a value, in which further mistakes can be looked for, and it is known where it is not what the user wrote.

mod containers;
mod reader;
mod stand_in;

pub(super) use stand_in::SETS;

use super::fail::{Fail, Kind};
use super::issue::Issues;
use super::node::{Mark, Node, Seg};
use super::words::meant;
use reader::{Reader, Shared, Unknown};
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// Rounds of "mend and read again" for one component.
const ROUNDS: usize = 300;

/// What came of reading a node.
pub(super) struct Read<T> {
    /// The value, with stand-ins for what was wrong in it; `None` where even that is not to be had.
    pub(super) value: Option<T>,
    /// The tree that it was read from in the end, if that is not the one that was given.
    pub(super) mended: Option<Node>,
    /// Where the value is not what the user wrote.
    pub(super) gaps: Vec<Gap>,
}

/// A place where a value is not what the user wrote.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    /// From the node that was read.
    pub(super) path: Vec<Seg>,
    /// What stood there has no place, so that something else in the same map may be missing.
    pub(super) unknown: bool,
}

impl<T> Read<T> {
    /// True if nothing is known about a field because of a mistake in it or around it.
    pub(super) fn is_lost(&self, field: &str) -> bool {
        let at = |seg: &Seg| matches!(seg, Seg::Key(key) if key == field);
        self.value.is_none() || self.gaps.iter().any(|gap| gap.path.first().is_none_or(at))
    }
}

/// Reads a node as a type. `label` is where a problem with the node as a whole is shown.
pub(super) fn read<T: DeserializeOwned>(node: &Node, label: Mark, issues: &mut Issues) -> Read<T> {
    let gaps = node.gone().into_iter().map(|path| Gap { path, unknown: false }).collect();
    let mut mending = Mending { tree: Cow::Borrowed(node), label, gaps, issues };
    let value = mending.read();
    let Mending { tree, gaps, issues, .. } = mending;
    if (value.is_none() || !gaps.is_empty()) && issues.len() == 0 {
        // A stand-in must never run, whatever it is that nothing has been said about.
        issues.at(label, "this cannot be read", "compare it with what `squall list` shows");
    }
    let mended = if let Cow::Owned(tree) = tree { Some(tree) } else { None };
    Read { value, mended, gaps }
}

/// Reads a node that was mended once more, with another set of stand-ins.
pub(super) fn read_again<T: DeserializeOwned>(node: &Node, label: Mark, set: u8) -> Option<T> {
    T::deserialize(Reader::new(node, label, &Shared::default(), set)).ok()
}

struct Mending<'a> {
    tree: Cow<'a, Node>,
    label: Mark,
    gaps: Vec<Gap>,
    issues: &'a mut Issues,
}

impl Mending<'_> {
    fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        for _ in 0..ROUNDS {
            let shared = Shared::default();
            let result = T::deserialize(Reader::new(&self.tree, self.label, &shared, 0));
            let unknown = shared.unknown.into_inner();
            if !unknown.is_empty() {
                // What else is wrong may come of these, such as a field that is missing under its own name.
                for Unknown { path, at, fail } in unknown {
                    self.rename_or_remove(path, meant(&fail.remedy));
                    self.issues.at(at, fail.rule, fail.remedy);
                }
                continue;
            }
            match result {
                Ok(value) => return Some(value),
                Err(fail) => {
                    if !self.mend(fail) || self.issues.full() {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// What a misspelled key is about belongs to the one that was meant, unless that is there too.
    fn rename_or_remove(&mut self, mut path: Vec<Seg>, meant: Option<&str>) {
        if meant.is_none_or(|meant| !self.tree.to_mut().rename(&path, meant)) {
            let all = self.tree.to_mut().remove(&path);
            path.truncate(path.len() - usize::from(all));
            self.gaps.push(Gap { path, unknown: !all });
        }
    }

    /// Reports what is wrong, unless it follows from what was reported before, and makes the tree such that it will not be
    /// found again; false if there is no way.
    fn mend(&mut self, fail: Fail) -> bool {
        let Fail { kind, at, path, rule, remedy } = fail;
        let mut path: Vec<Seg> = path.into_iter().rev().collect();
        let meant = meant(&remedy).map(str::to_owned);
        let report = |issues: &mut Issues| issues.at(at.unwrap_or(self.label), rule, remedy);
        match (kind, meant) {
            (Kind::Missing(field), _) if self.tree.to_mut().insert_gone(&path, field, self.label) => {
                if !self.issues.partial {
                    report(self.issues);
                }
                path.push(Seg::Key(field.to_owned()));
                self.gaps.push(Gap { path, unknown: false });
                return true;
            }
            (Kind::Key, meant) => {
                report(self.issues);
                self.rename_or_remove(path, meant.as_deref());
                return true;
            }
            (Kind::Wrong, Some(meant)) if self.tree.to_mut().respell(&path, &meant) => {
                report(self.issues);
                return true;
            }
            _ => {}
        }
        let Some(forgotten) = self.tree.to_mut().forget(&path) else { return false };
        if forgotten == path.len() && kind != Kind::Silent {
            report(self.issues);
        }
        path.truncate(forgotten);
        self.gaps.push(Gap { path, unknown: false });
        true
    }
}
