//! A located tree: what a file says, and where it says it.

use std::collections::BTreeMap;

/// A file that was read, by its number in [`super::source::Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(pub(super) u32);

/// A stretch of a file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) file: FileId,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Mark,
    pub(super) value: Value,
}

/// What a file can say at one place.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A scalar without quotes: what it means depends on what is wanted.
    Plain(String),
    /// A scalar in quotes (or a block scalar): always text.
    Quoted(String),
    /// A list.
    List(Vec<Node>),
    /// A map. Sorted by key, because the order of keys in a file means nothing.
    Map(BTreeMap<String, Entry>),
    /// Something was wrong here and has been reported; nothing more is to be said about it.
    Gone,
}

/// A value under a key.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Mark,
    pub(super) node: Node,
}

/// One step down into a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seg {
    Key(String),
    Index(usize),
}

/// What a path leads to: the node, and the mark that stands for it (its key, or itself in a list).
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) node: &'a Node,
    pub(super) label: Mark,
}

impl Node {
    pub(super) fn map(at: Mark) -> Self {
        Self { at, value: Value::Map(BTreeMap::new()) }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.value, Value::Gone)
    }

    /// The text of a scalar, with or without quotes.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Plain(text) | Value::Quoted(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Plain(text) if is_null(text))
    }

    pub(super) fn entries(&self) -> Option<&BTreeMap<String, Entry>> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn entries_mut(&mut self) -> Option<&mut BTreeMap<String, Entry>> {
        match &mut self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.get(key).map(|entry| &entry.node)
    }

    /// Takes an entry out of a map.
    pub(super) fn take(&mut self, key: &str) -> Option<Entry> {
        self.entries_mut()?.remove(key)
    }

    /// Levels of nesting, 1 for a scalar.
    pub(super) fn depth(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Map(entries) => entries.values().map(|entry| entry.node.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// How many values there are in this tree.
    pub(super) fn size(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.values().map(|entry| entry.node.size()).sum(),
            _ => 0,
        }
    }

    fn child_mut(&mut self, seg: &Seg) -> Option<&mut Self> {
        match (&mut self.value, seg) {
            (Value::Map(entries), Seg::Key(key)) => entries.get_mut(key).map(|entry| &mut entry.node),
            (Value::List(items), Seg::Index(index)) => items.get_mut(*index),
            _ => None,
        }
    }

    fn at_mut(&mut self, path: &[Seg]) -> Option<&mut Self> {
        path.iter().try_fold(self, Self::child_mut)
    }

    /// Forgets what is at a path, and remembers that something was there; where that is forgotten already, what it is in.
    /// Gives back how long the path is to what was forgotten now; `None` if nothing is left.
    pub(super) fn forget(&mut self, path: &[Seg]) -> Option<usize> {
        let there = |depth: &usize| -> bool { self.reach(&path[..*depth]).is_some_and(|node| !node.is_gone()) };
        let depth = (0..=path.len()).rev().find(there)?;
        self.at_mut(&path[..depth])?.value = Value::Gone;
        Some(depth)
    }

    fn reach(&self, path: &[Seg]) -> Option<&Self> {
        path.iter().try_fold(self, |node, seg| match (&node.value, seg) {
            (Value::Map(entries), Seg::Key(key)) => entries.get(key).map(|entry| &entry.node),
            (Value::List(items), Seg::Index(index)) => items.get(*index),
            _ => None,
        })
    }

    /// Puts something forgotten under a key of the map at a path; false if there is no map, or the key is there.
    pub(super) fn insert_gone(&mut self, path: &[Seg], key: &str, at: Mark) -> bool {
        let Some(entries) = self.at_mut(path).and_then(Self::entries_mut) else { return false };
        if entries.contains_key(key) {
            return false;
        }
        entries.insert(key.to_owned(), Entry { key: at, node: Self { at, value: Value::Gone } });
        true
    }

    /// Takes out the entry at a path. A map that has nothing left then is forgotten, since what it was for is not known.
    /// True if that is so.
    pub(super) fn remove(&mut self, path: &[Seg]) -> bool {
        let Some((Seg::Key(key), parent)) = path.split_last() else { return false };
        let Some(node) = self.at_mut(parent) else { return false };
        let empty = node.take(key).is_some() && node.entries().is_some_and(BTreeMap::is_empty);
        if empty {
            node.value = Value::Gone;
        }
        empty
    }

    /// Gives the entry at a path another key, unless that is there already. True if it was done.
    pub(super) fn rename(&mut self, path: &[Seg], to: &str) -> bool {
        let Some((Seg::Key(key), parent)) = path.split_last() else { return false };
        let Some(entries) = self.at_mut(parent).and_then(Self::entries_mut) else { return false };
        if entries.contains_key(to) {
            return false;
        }
        let Some(entry) = entries.remove(key) else { return false };
        entries.insert(to.to_owned(), entry);
        true
    }

    /// Puts another word in the place of a scalar, or of the only key of a map. True if it was done.
    pub(super) fn respell(&mut self, path: &[Seg], word: &str) -> bool {
        let Some(node) = self.at_mut(path) else { return false };
        match &mut node.value {
            Value::Plain(text) | Value::Quoted(text) => word.clone_into(text),
            Value::Map(entries) if entries.len() == 1 => {
                let only = entries.keys().next().cloned().map(Seg::Key);
                return only.is_some_and(|only| node.rename(&[only], word));
            }
            _ => return false,
        }
        true
    }

    /// The paths to all that is forgotten.
    pub(super) fn gone(&self) -> Vec<Vec<Seg>> {
        let mut found = Vec::new();
        // Mostly nothing is, and there is no need to spell all paths.
        if self.holds_gone() {
            self.gather_gone(&mut Vec::new(), &mut found);
        }
        found
    }

    fn holds_gone(&self) -> bool {
        match &self.value {
            Value::Gone => true,
            Value::List(items) => items.iter().any(Self::holds_gone),
            Value::Map(entries) => entries.values().any(|entry| entry.node.holds_gone()),
            _ => false,
        }
    }

    fn gather_gone(&self, path: &mut Vec<Seg>, found: &mut Vec<Vec<Seg>>) {
        let mut below = |seg: Seg, node: &Self| {
            path.push(seg);
            node.gather_gone(path, found);
            path.pop();
        };
        match &self.value {
            Value::Gone => found.push(path.clone()),
            Value::List(items) => items.iter().enumerate().for_each(|(at, item)| below(Seg::Index(at), item)),
            Value::Map(entries) => {
                entries.iter().for_each(|(key, entry)| below(Seg::Key(key.clone()), &entry.node));
            }
            _ => {}
        }
    }

    /// The deepest node on a dotted path that exists, and whether it is the end of the path.
    pub(super) fn find(&self, path: &str) -> (Found<'_>, bool) {
        let segments: Vec<&str> = path.split('.').filter(|segment| !segment.is_empty()).collect();
        let mut found = Found { node: self, label: self.at };
        let mut rest = segments.as_slice();
        while !rest.is_empty() {
            match found.node.step(rest) {
                Some((next, used)) => (found, rest) = (next, &rest[used..]),
                None => return (found, false),
            }
        }
        (found, true)
    }

    /// The way to the end of a dotted path, if it exists.
    pub(super) fn way(&self, path: &str) -> Option<Vec<Seg>> {
        let segments: Vec<&str> = path.split('.').collect();
        let (mut node, mut rest, mut way) = (self, segments.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (found, used) = node.step(rest)?;
            way.push(match node.value {
                Value::List(_) => Seg::Index(rest[0].parse().ok()?),
                _ => Seg::Key(rest[..used].join(".")),
            });
            (node, rest) = (found.node, &rest[used..]);
        }
        Some(way)
    }

    /// One step down; a key may hold dots itself, so it may take several segments.
    fn step(&self, segments: &[&str]) -> Option<(Found<'_>, usize)> {
        match &self.value {
            Value::List(items) => {
                let node = items.get(segments[0].parse::<usize>().ok()?)?;
                Some((Found { node, label: node.at }, 1))
            }
            Value::Map(entries) => (1..=segments.len()).find_map(|used| {
                let entry = entries.get(&segments[..used].join("."))?;
                Some((Found { node: &entry.node, label: entry.key }, used))
            }),
            _ => None,
        }
    }
}

/// YAML's ways to say nothing.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
