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

    /// Forgets what is at a path, and remembers that something was there.
    pub(super) fn forget(&mut self, path: &[Seg]) {
        let mut node = self;
        for seg in path {
            let next = match (&mut node.value, seg) {
                (Value::Map(entries), Seg::Key(key)) => entries.get_mut(key).map(|entry| &mut entry.node),
                (Value::List(items), Seg::Index(index)) => items.get_mut(*index),
                _ => None,
            };
            let Some(next) = next else { return };
            node = next;
        }
        node.value = Value::Gone;
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
