//! YAML (and with it JSON) to a located tree. The only file that knows the YAML library.
//!
//! Only the plain part of YAML is taken: maps, lists and scalars in one document. Anchors, aliases, merge keys and tags
//! are refused, since variants are overlays by path; this also leaves nothing for a bomb to multiply.

use super::issue::Issues;
use super::node::{Entry, FileId, Mark, Node, Value};
use super::source::offset;
use super::words::shorten;
use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag, options};
use std::collections::BTreeMap;

/// Deeper nesting is refused.
pub(super) const DEEPEST: usize = 64;

/// More values in one file are refused: room for 20,000 services and more, in bounded memory.
const MOST_VALUES: usize = 2_000_000;

const NO_ANCHORS: &str = "write the value out; variants are overlays by path (`set`), never anchors";

/// A list or map that is not closed yet.
struct Open {
    at: Mark,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Map(BTreeMap<String, Entry>, Key),
}

/// The key that waits for its value.
enum Key {
    None,
    Is(String, Mark),
    /// The key was wrong, so its value is dropped.
    Bad,
    /// The key was there before, and its first value stays.
    Twice,
}

struct Builder<'a> {
    file: FileId,
    base: usize,
    open: Vec<Open>,
    root: Option<Node>,
    values: usize,
    issues: &'a mut Issues,
}

/// Reads the text of `file` that begins at byte `base` of it. What is wrong goes to `issues`; `None` where nothing can be
/// made of the text.
pub(super) fn parse(text: &str, file: FileId, base: usize, issues: &mut Issues) -> Option<Node> {
    let options = options! {
        disallow_directives: true,
        emit_comments: false,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
        simple_key_max_lookahead: 1024,
    };
    let mut builder = Builder { file, base, open: Vec::new(), root: None, values: 0, issues };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = builder.point(*error.marker());
                builder.issues.at(at, format!("this is no YAML: {}", error.info()), syntax_remedy(&error.info()));
                return None;
            }
        };
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                let at = builder.mark(span);
                builder.issues.at(
                    at,
                    "a second document begins here, and a file holds one",
                    "remove this `---` and what follows",
                );
                return builder.root;
            }
        }
        builder.take(event, span)?;
    }
    if builder.root.is_none() {
        let at = Mark { file, start: offset(base), end: offset(base) };
        builder.issues.at(at, "the file is empty", "start with `squall: 1`; `squall init` writes a file to begin with");
    }
    builder.root
}

fn syntax_remedy(info: &str) -> &'static str {
    if info.contains("nesting") || info.contains("recursion") {
        "flatten it: at most 64 levels are read"
    } else if info.contains("anchor") || info.contains("alias") {
        NO_ANCHORS
    } else if info.contains("tab") {
        "indent with spaces"
    } else {
        "check the indentation, brackets and quotes here and in the line above"
    }
}

impl Builder<'_> {
    fn position(&self, marker: Marker) -> u32 {
        offset(self.base + marker.byte_offset().unwrap_or(0))
    }

    fn mark(&self, span: Span) -> Mark {
        Mark { file: self.file, start: self.position(span.start), end: self.position(span.end) }
    }

    fn point(&self, marker: Marker) -> Mark {
        let start = self.position(marker);
        Mark { file: self.file, start, end: start }
    }

    /// Takes in one event; `None` where reading has to stop.
    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let at = self.mark(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_properties(at, anchor, tag.as_deref());
                let value = self.scalar(text.into_owned(), style, at);
                self.attach(Node { at, value })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_properties(at, anchor, tag.as_deref());
                self.begin(Open { at, kind: Kind::List(Vec::new()) })
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_properties(at, anchor, tag.as_deref());
                self.begin(Open { at, kind: Kind::Map(BTreeMap::new(), Key::None) })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { at: from, kind } = self.open.pop()?;
                let value = match kind {
                    Kind::List(items) => Value::List(items),
                    Kind::Map(entries, _) => Value::Map(entries),
                };
                self.attach(Node { at: Mark { end: at.end.max(from.start), ..from }, value })
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.issues.at(at, "an alias (`*…`) is not accepted", NO_ANCHORS);
                self.attach(Node { at, value: Value::Gone })
            }
            _ => Some(()),
        }
    }

    fn refuse_properties(&mut self, at: Mark, anchor: usize, tag: Option<&Tag>) {
        if anchor != 0 {
            self.issues.at(at, "an anchor (`&…`) is not accepted", NO_ANCHORS);
        }
        if let Some(tag) = tag {
            let rule = format!("a tag (`{}`) is not accepted", shorten(&tag.original()));
            self.issues.at(at, rule, "remove the tag; put text in quotes where it looks like a number");
        }
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, at: Mark) -> Value {
        if style != ScalarStyle::Plain {
            return Value::Quoted(text);
        }
        let bare = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
        if matches!(bare.as_str(), ".nan" | ".inf") {
            self.issues.at(at, format!("`{}` is no number that can be used", shorten(&text)), "write a finite number");
            return Value::Gone;
        }
        Value::Plain(text)
    }

    fn begin(&mut self, open: Open) -> Option<()> {
        if self.open.len() >= DEEPEST {
            let rule = format!("this is nested more than {DEEPEST} levels deep");
            self.issues.at(open.at, rule, "flatten it: at most 64 levels are read");
            return None;
        }
        self.open.push(open);
        Some(())
    }

    /// Puts a finished node where it belongs.
    fn attach(&mut self, node: Node) -> Option<()> {
        self.values += 1;
        if self.values > MOST_VALUES {
            let rule = format!("the file holds more than {MOST_VALUES} values");
            self.issues.at(node.at, rule, "make it smaller");
            return None;
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.root = Some(node),
            Some(Kind::List(items)) => items.push(node),
            Some(Kind::Map(entries, key)) => {
                match std::mem::replace(key, Key::None) {
                    Key::None => *key = as_key(node, entries, self.issues),
                    // What is missing here is known to be missing, so that nothing is said about what follows from it.
                    Key::Bad => drop(entries.insert(
                        "<<".to_owned(),
                        Entry { key: node.at, node: Node { at: node.at, value: Value::Gone } },
                    )),
                    Key::Twice => {}
                    Key::Is(name, at) => drop(entries.insert(name, Entry { key: at, node })),
                }
            }
        }
        Some(())
    }
}

fn as_key(node: Node, entries: &BTreeMap<String, Entry>, issues: &mut Issues) -> Key {
    let at = node.at;
    let plain = matches!(node.value, Value::Plain(_));
    let (Value::Plain(name) | Value::Quoted(name)) = node.value else {
        if !node.is_gone() {
            issues.at(at, "a key must be a word, not a list or a map", "write `name: value`");
        }
        return Key::Bad;
    };
    if plain && name == "<<" {
        issues.at(at, "a merge key (`<<`) is not accepted", NO_ANCHORS);
        return Key::Bad;
    }
    if entries.contains_key(&name) {
        let rule = format!("the key `{}` is here twice", shorten(&name));
        issues.at(at, rule, "keep one of them; the first one is further up in the same map");
        return Key::Twice;
    }
    Key::Is(name, at)
}
