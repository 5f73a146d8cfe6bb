//! Presets: what a library does by default, under a name, put where a scenario names it.
//!
//! `retry: {preset: NAME, attempts: 5}` becomes the preset's values with the rest of the map laid over them. It happens
//! after all overlays and before anything is read as a type, so that a preset is nothing but a shorter way to write, and
//! what comes out of it is in the hash.

use super::issue::Issues;
use super::merge;
use super::node::{Mark, Node, Value};
use super::source::Sources;
use super::typed::read;
use super::words::{did_you_mean, nearest, shorten};
use super::yaml;
use serde::Deserialize;
use squall_models::presets::{PRESETS, Preset as Embedded};
use std::collections::BTreeMap;
use std::path::Path;

#[cfg(test)]
mod tests;

/// A preset, for a person to read.
#[derive(Clone, Debug)]
pub struct Preset {
    /// The key that it is used under.
    pub family: &'static str,
    /// Its name, unique in its family.
    pub name: &'static str,
    /// The library and its version.
    pub library: String,
    /// What it does, when it changed, and its quirks.
    pub about: String,
    /// Where the facts are from.
    pub source: String,
    /// Where squall departs from the library, and why.
    pub departs: Vec<String>,
    /// Every value that it sets, in the order of its file.
    pub values: Vec<Setting>,
}

/// One value of a preset.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Where it stands below the family's key, such as `aws_standard.attempts`.
    pub path: String,
    /// The value as it is written.
    pub value: String,
    /// Where it is from.
    pub source: String,
}

/// A preset's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    family: String,
    library: String,
    about: String,
    source: String,
    #[serde(default)]
    departs: Vec<String>,
    /// Read as a tree, since its form is the family's business.
    #[serde(rename = "values")]
    _values: serde::de::IgnoredAny,
    sources: BTreeMap<String, String>,
}

/// The values of presets that were asked for, each parsed once.
#[derive(Debug, Default)]
pub(super) struct Shelf(BTreeMap<(&'static str, &'static str), Node>);

/// What squall knows by name, in the order of families.
#[must_use]
pub fn presets() -> Vec<Preset> {
    PRESETS.iter().filter_map(|embedded| describe(embedded, &mut Sources::default(), &mut Issues::default())).collect()
}

/// Reads all of a preset's file.
fn describe(embedded: &Embedded, sources: &mut Sources, issues: &mut Issues) -> Option<Preset> {
    let root = parse(embedded, sources, issues)?;
    let file = read::<File>(&root, root.at, issues).value?;
    if file.family != embedded.family {
        issues.at(root.at, format!("it is listed under `{}`", embedded.family), "give it that family");
    }
    let mut values = Vec::new();
    leaves(root.get("values")?, "", &mut values);
    values.sort_by_key(|(_, node)| node.at.start);
    let values = values.into_iter().map(|(path, node)| {
        let source = file.sources.get(&path).cloned().unwrap_or_default();
        Setting { value: inline(node), source, path }
    });
    let values = values.collect();
    let (File { library, about, source, departs, .. }, Embedded { family, name, .. }) = (file, *embedded);
    Some(Preset { family, name, library, about, source, departs, values })
}

/// A preset's file as a tree, with its own text to point at.
fn parse(embedded: &Embedded, sources: &mut Sources, issues: &mut Issues) -> Option<Node> {
    let name = format!("preset {} for {}", embedded.name, embedded.family);
    let file = sources.add(Path::new(""), name, embedded.text.to_owned());
    yaml::parse(embedded.text, file, 0, issues)
}

/// The values that are no maps, each with its path.
fn leaves<'a>(node: &'a Node, path: &str, found: &mut Vec<(String, &'a Node)>) {
    match node.entries() {
        Some(entries) if !entries.is_empty() => {
            for (name, entry) in entries {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(&entry.node, &format!("{path}{dot}{name}"), found);
            }
        }
        _ => found.push((path.to_owned(), node)),
    }
}

/// A value on one line.
fn inline(node: &Node) -> String {
    match &node.value {
        Value::Plain(text) | Value::Quoted(text) => text.clone(),
        Value::List(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let pairs = entries.iter().map(|(name, entry)| format!("{name}: {}", inline(&entry.node)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Gone => String::new(),
    }
}

/// Puts the presets that a tree names in their places.
pub(super) fn expand(tree: &mut Node, shelf: &mut Shelf, sources: &mut Sources, issues: &mut Issues) {
    Expansion { shelf, sources, issues }.below(tree, "");
}

struct Expansion<'a> {
    shelf: &'a mut Shelf,
    sources: &'a mut Sources,
    issues: &'a mut Issues,
}

impl Expansion<'_> {
    /// Looks for presets in what stands under a key.
    fn below(&mut self, node: &mut Node, parent: &str) {
        match &mut node.value {
            Value::List(items) => items.iter_mut().for_each(|item| self.below(item, "")),
            Value::Map(entries) => {
                for (name, entry) in entries {
                    let named = merge::NAMED.contains(&parent);
                    // A name that the user gave is no family; what it names may be of one.
                    let family = match parent {
                        "caches" => "cache",
                        _ if named => "",
                        _ => name,
                    };
                    if PRESETS.iter().any(|preset| preset.family == family) {
                        self.place(&mut entry.node, family);
                    }
                    self.below(&mut entry.node, if named { "" } else { name });
                }
            }
            _ => {}
        }
    }

    /// Replaces a map that names a preset by the preset's values, with the rest of the map over them.
    fn place(&mut self, node: &mut Node, family: &str) {
        let Some(named) = node.take("preset") else { return };
        let Some(mut values) = self.values(&named.node, named.key, family) else {
            node.value = Value::Gone;
            return;
        };
        let at = node.at;
        let rest = std::mem::replace(node, Node::map(at));
        let member = sole_map(&mut values);
        if member.entries().is_some() {
            merge::lay(member, rest, "");
        } else if let Some(entry) = rest.entries().and_then(|entries| entries.values().next()) {
            let rule = format!("the preset is the one word `{}`, so nothing in it can be changed", inline(member));
            self.issues.at(entry.key, rule, "leave this out");
        }
        *node = Node { at, ..values };
    }

    /// The values of the preset that a node names.
    fn values(&mut self, node: &Node, key: Mark, family: &str) -> Option<Node> {
        let Some(name) = node.text() else {
            if !node.is_gone() {
                self.issues.at(key, "`preset` names nothing", "write `preset: NAME`; `squall list presets` shows them");
            }
            return None;
        };
        let Some(embedded) = PRESETS.iter().find(|preset| preset.family == family && preset.name == name) else {
            let (rule, remedy) = unknown(name, family);
            self.issues.at(node.at, rule, remedy);
            return None;
        };
        let key = (embedded.family, embedded.name);
        if !self.shelf.0.contains_key(&key) {
            let values = parse(embedded, self.sources, self.issues)?.take("values")?.node;
            self.shelf.0.insert(key, values);
        }
        self.shelf.0.get(&key).cloned()
    }
}

/// What the rest of a map is laid over: the fields of the only member, or the whole where there is no such thing.
fn sole_map(values: &mut Node) -> &mut Node {
    let sole = matches!(values.entries(), Some(entries)
        if entries.len() == 1 && entries.values().all(|entry| entry.node.entries().is_some()));
    if !sole {
        return values;
    }
    let entry = values.entries_mut().and_then(|entries| entries.values_mut().next());
    &mut entry.expect("it has one entry").node
}

fn unknown(name: &str, family: &str) -> (String, String) {
    let own: Vec<&str> = PRESETS.iter().filter(|preset| preset.family == family).map(|preset| preset.name).collect();
    let mut others: Vec<&str> =
        PRESETS.iter().filter(|preset| preset.name == name).map(|preset| preset.family).collect();
    others.dedup();
    if !others.is_empty() && nearest(name, own.iter().copied()).is_none() {
        let rule = format!("the preset `{name}` is for `{}`, not for `{family}`", others.join("`, `"));
        return (rule, did_you_mean(name, own.iter().copied(), "presets that fit here are"));
    }
    let rule = format!("there is no preset `{}` for `{family}`", shorten(name));
    (rule, did_you_mean(name, own.iter().copied(), "there are"))
}

/// Lets a schema take a preset wherever it takes a member of a family that has presets.
pub(super) fn into_schema(schema: &mut serde_json::Value) {
    let families: BTreeMap<&str, Vec<&str>> = PRESETS.iter().fold(BTreeMap::new(), |mut all, preset| {
        all.entry(preset.family).or_insert_with(Vec::new).push(preset.name);
        all
    });
    offer(schema, &families);
}

fn offer(schema: &mut serde_json::Value, families: &BTreeMap<&str, Vec<&str>>) {
    match schema {
        serde_json::Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                offer(value, families);
                let (true, Some(fields)) = (key == "properties", value.as_object_mut()) else { continue };
                for (name, field) in fields {
                    let (at, family) = match name.as_str() {
                        "caches" => (field.get_mut("additionalProperties"), "cache"),
                        name => (Some(field), name),
                    };
                    if let (Some(field), Some(names)) = (at, families.get(family)) {
                        or_preset(field, names);
                    }
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| offer(item, families)),
        _ => {}
    }
}

fn or_preset(field: &mut serde_json::Value, names: &[&str]) {
    let mut usual = field.take();
    let mut either = serde_json::Map::new();
    for about in ["description", "default"] {
        if let Some(text) = usual.as_object_mut().and_then(|map| map.shift_remove(about)) {
            either.insert(about.to_owned(), text);
        }
    }
    // A reference with a description is written as `allOf` of one.
    let preset = serde_json::json!({
        "title": "preset",
        "description": "What a library does by default; the other fields are changes to that. `squall list presets` shows them.",
        "type": "object",
        "properties": { "preset": { "enum": names } },
        "required": ["preset"]
    });
    either.insert("anyOf".to_owned(), serde_json::json!([usual, preset]));
    *field = serde_json::Value::Object(either);
}
