//! The JSON Schema as a reference to look things up in: every part of a scenario file by its name.

use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};

/// A place in a scenario file.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    /// As it is written, with `<name>` where the user chooses a name and `[]` for the items of a list.
    pub(super) path: String,
    /// Its own name, the last part of the path.
    pub(super) name: &'a str,
    /// What it means.
    pub(super) doc: &'a str,
    /// What it holds.
    pub(super) schema: &'a Value,
    /// The default; `None` if there is none.
    pub(super) default: Option<&'a Value>,
    /// It must be given.
    pub(super) required: bool,
    /// It is one of several to choose from, not a field.
    pub(super) choice: bool,
}

/// Things to choose from.
pub(super) struct Family<'a> {
    /// The first place that takes one of them.
    pub(super) path: String,
    /// The names of all such places.
    pub(super) names: Vec<&'a str>,
    pub(super) members: Vec<&'a str>,
}

pub(super) struct Reference<'a> {
    root: &'a Value,
}

impl<'a> Reference<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root }
    }

    /// The sections of a file.
    pub(super) fn sections(&self) -> Vec<Entry<'a>> {
        self.children("", self.root)
    }

    /// Everything that is meant by these words: a section by its name, or whatever has this name below it.
    pub(super) fn find(&self, words: &[String]) -> Vec<Entry<'a>> {
        let mut found = self.sections();
        for (place, word) in words.iter().enumerate() {
            // `retry exponential` is a member of `retry`, not whatever else is called so further down.
            let nearest = if place == 0 {
                found.clone()
            } else {
                found.iter().flat_map(|entry| self.children(&entry.path, entry.schema)).collect()
            };
            let exact = once(nearest.into_iter().filter(|entry| entry.name == word));
            found = if exact.is_empty() { self.below(&found, place == 0, word) } else { exact };
        }
        found
    }

    /// All names that can be looked up.
    pub(super) fn names(&self) -> BTreeSet<&'a str> {
        self.walk(self.sections()).into_iter().map(|entry| entry.name).collect()
    }

    /// The choices below a section that are families of their own, nearest first.
    pub(super) fn families(&self, section: &Entry<'a>, seen: &mut BTreeSet<String>) -> Vec<Family<'a>> {
        let mut families: Vec<Family<'a>> = Vec::new();
        for entry in self.walk(vec![section.clone()]) {
            let members: Vec<&str> =
                self.children("", entry.schema).iter().filter(|child| child.choice).map(|child| child.name).collect();
            if members.len() < 2 {
                continue;
            }
            if let Some(family) = families.iter_mut().find(|family| family.members == members) {
                if !family.names.contains(&entry.name) {
                    family.names.push(entry.name);
                }
            } else if seen.insert(members.join(" ")) {
                families.push(Family { path: entry.path, names: vec![entry.name], members });
            }
        }
        families
    }

    fn below(&self, starts: &[Entry<'a>], with_starts: bool, word: &str) -> Vec<Entry<'a>> {
        let starts = if with_starts {
            starts.to_vec()
        } else {
            starts.iter().flat_map(|entry| self.children(&entry.path, entry.schema)).collect()
        };
        once(self.walk(starts).into_iter().filter(|entry| entry.name == word))
    }

    /// These entries and everything below them, nearest first; what is reached by several ways comes once.
    fn walk(&self, starts: Vec<Entry<'a>>) -> Vec<Entry<'a>> {
        let mut seen = BTreeSet::new();
        let mut queue = VecDeque::from(starts);
        let mut all = Vec::new();
        while let Some(entry) = queue.pop_front() {
            let inner = self.inner(entry.schema, String::new()).0;
            if seen.insert(std::ptr::from_ref(inner)) {
                queue.extend(self.children(&entry.path, entry.schema));
            }
            all.push(entry);
        }
        all
    }

    /// The fields of a map or the members of a family, whichever this holds, looking through names, lists and options.
    pub(super) fn children(&self, path: &str, schema: &'a Value) -> Vec<Entry<'a>> {
        let (inner, below) = self.inner(schema, String::new());
        let prefix = format!("{path}{below}");
        let dot = if prefix.is_empty() { "" } else { "." };
        if let Some(members) = inner["oneOf"].as_array() {
            return members.iter().flat_map(|member| self.member(&format!("{prefix}{dot}"), member)).collect();
        }
        let required = |name: &str| inner["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        let fields = inner["properties"].as_object().into_iter().flatten();
        let entry = |(name, schema): (&'a String, &'a Value)| Entry {
            path: format!("{prefix}{dot}{name}"),
            name,
            doc: self.doc(schema),
            schema,
            default: schema.get("default").filter(|default| !default.is_null()),
            required: required(name),
            choice: false,
        };
        fields.map(entry).collect()
    }

    /// One member of a family: a word, several words, or a map with one key.
    fn member(&self, prefix: &str, member: &'a Value) -> Vec<Entry<'a>> {
        let entry = |name: &'a str, schema: &'a Value| Entry {
            path: format!("{prefix}{name}"),
            name,
            doc: member["description"].as_str().unwrap_or_default(),
            schema,
            default: None,
            required: false,
            choice: true,
        };
        if let Some(word) = member["const"].as_str() {
            return vec![entry(word, member)];
        }
        if let Some(words) = member["enum"].as_array() {
            return words.iter().filter_map(Value::as_str).map(|word| entry(word, member)).collect();
        }
        let tagged = member["properties"].as_object().into_iter().flatten();
        tagged.map(|(name, schema)| entry(name, schema)).collect()
    }

    /// Looks through references, options, names and lists to the map or family behind them, and says how to write the
    /// way there.
    fn inner(&self, schema: &'a Value, path: String) -> (&'a Value, String) {
        let schema = self.resolve(schema);
        if let Some(options) = schema["anyOf"].as_array() {
            // A quantity or a family: the family has something to say.
            let rich = options
                .iter()
                .map(|option| self.inner(option, path.clone()))
                .find(|(inner, _)| inner.get("oneOf").is_some() || inner.get("properties").is_some());
            return rich.unwrap_or((schema, path));
        }
        if let Some(items) = schema.get("items") {
            return self.inner(items, path + "[]");
        }
        if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            return self.inner(values, path + ".<name>");
        }
        (schema, path)
    }

    /// Follows references.
    pub(super) fn resolve(&self, schema: &'a Value) -> &'a Value {
        let target = schema["$ref"].as_str().and_then(|path| self.root.pointer(path.trim_start_matches('#')));
        let only = schema["allOf"].as_array().filter(|all| all.len() == 1).map(|all| &all[0]);
        target.or(only).map_or(schema, |schema| self.resolve(schema))
    }

    fn doc(&self, schema: &'a Value) -> &'a str {
        schema["description"].as_str().or_else(|| self.resolve(schema)["description"].as_str()).unwrap_or_default()
    }

    /// What can be written there, in words.
    pub(super) fn kind(&self, schema: &'a Value) -> String {
        let schema = self.resolve(schema);
        match schema["title"].as_str() {
            Some("duration") => return "duration such as `250ms`".to_owned(),
            Some("rate") => return "rate such as `200/s`".to_owned(),
            Some("bytes") => return "amount such as `64MiB`".to_owned(),
            Some("share") => return "share such as `99.9%`".to_owned(),
            _ => {}
        }
        if let Some(options) = schema["anyOf"].as_array() {
            let words: Vec<String> =
                options.iter().filter(|option| option["type"] != "null").map(|option| self.kind(option)).collect();
            return words.join(", or ");
        }
        if let Some(word) = schema["const"].as_str() {
            return format!("`{word}`");
        }
        if schema.get("oneOf").is_some() {
            let names: Vec<&str> = self.children("", schema).iter().map(|child| child.name).collect();
            let shown = names.iter().take(8).copied().collect::<Vec<_>>().join(", ");
            return format!("one of {shown}{}", if names.len() > 8 { ", …" } else { "" });
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
            one => one.as_str().into_iter().collect(),
        };
        match types.first() {
            Some(&"integer") => "whole number".to_owned(),
            Some(&"number") => "number".to_owned(),
            Some(&"boolean") => "true or false".to_owned(),
            Some(&"string") => "text".to_owned(),
            Some(&"array") => format!("list, each: {}", self.kind(&schema["items"])),
            Some(&"object") => self.map(schema),
            _ => "any value".to_owned(),
        }
    }

    fn map(&self, schema: &'a Value) -> String {
        if let Some(fields) = schema["properties"].as_object() {
            let names: Vec<&str> = fields.keys().map(String::as_str).collect();
            return format!("map with {}", names.join(", "));
        }
        match schema.get("additionalProperties") {
            Some(values) if values.is_object() => format!("by name, each: {}", self.kind(values)),
            _ => "map".to_owned(),
        }
    }
}

/// Each of these once, where several places hold the same.
fn once<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<Entry<'a>> {
    let mut found: Vec<Entry<'a>> = Vec::new();
    for entry in entries {
        if !found.iter().any(|other| other.doc == entry.doc && other.schema == entry.schema) {
            found.push(entry);
        }
    }
    found
}
