//! `squall list`: every component, field, unit and default, from the same text as the schema.

use super::Exit;
use super::output::{Output, width};
use super::presets;
use super::reference::{Entry, Reference};
use super::select::nearest;
use crate::report::style::{DIM, HEADING, paint, wrap};
use crate::scenario;
use clap::{Arg, ArgMatches, Command};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) const ABOUT: &str = "List what a scenario can hold: components, fields, units and defaults";

const EXAMPLES: &str = "\
Examples:
  squall list
  squall list services
  squall list retry exponential
  squall list faults slow
  squall list presets
  squall list presets resilience4j-2";

pub(super) fn build(command: Command) -> Command {
    command
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .num_args(0..)
                .help("A section or anything in one, such as `clients`, `retry`, `retry exponential`"),
        )
        .after_help(EXAMPLES)
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let schema = scenario::schema();
    let reference = Reference::new(&schema);
    let words: Vec<String> = matches.get_many::<String>("name").into_iter().flatten().cloned().collect();
    let width = width().clamp(40, 100);
    if words.is_empty() {
        output.print(&overview(&reference, width));
        return Exit::Fine;
    }
    if words[0] == presets::NAME {
        return presets::run(&words[1..], width, output);
    }
    for end in 1..=words.len() {
        if reference.find(&words[..end]).is_empty() {
            output.error(miss(&reference, &words[..end]));
            return Exit::Usage;
        }
    }
    let found = reference.find(&words);
    let texts: Vec<String> = found.iter().take(6).map(|entry| describe(&reference, entry, width)).collect();
    output.print(&texts.join("\n"));
    if found.len() > texts.len() {
        output.tell(&format!("… and {} more places; name the section first", found.len() - texts.len()));
    }
    Exit::Fine
}

/// A sentence about words that lead nowhere.
fn miss(reference: &Reference<'_>, words: &[String]) -> String {
    let Some((last, before)) = words.split_last() else {
        return String::new();
    };
    let known: BTreeSet<&str> = if before.is_empty() {
        reference.names()
    } else {
        let parents = reference.find(before);
        parents.iter().flat_map(|entry| reference.children("", entry.schema)).map(|child| child.name).collect()
    };
    let all: Vec<&str> = known.into_iter().collect();
    let place = if before.is_empty() { String::new() } else { format!(" under `{}`", before.join(" ")) };
    let remedy = match nearest(last, all.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        // Of a hundred names only a suggestion helps.
        None if all.is_empty() || all.len() > 30 => "`squall list` shows the sections".to_owned(),
        None => format!("there are: {}", all.join(", ")),
    };
    format!("there is no `{last}`{place}; {remedy}")
}

fn overview(reference: &Reference<'_>, width: usize) -> String {
    let mut out = format!("{}\n\n", paint(HEADING, "What a scenario file can hold"));
    let mut seen = BTreeSet::new();
    for section in reference.sections() {
        out += &definition(section.name, &flow(section.doc), 12, width);
        for family in reference.families(&section, &mut seen) {
            // The section itself may be the family; its name is then above.
            let own = family.path == section.path;
            let names = family.names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
            let more = if family.names.len() > 3 { ", …" } else { "" };
            let head = if own { String::new() } else { format!("{names}{more}: ") };
            let lines = wrap(&format!("{head}{}", family.members.join(", ")), width - 14);
            for (at, line) in lines.into_iter().enumerate() {
                out += &format!("{}{}{line}\n", " ".repeat(12), if at == 0 { "" } else { "  " });
            }
        }
    }
    out + &format!(
        "\n{}\n",
        paint(DIM, "More of each: squall list clients, squall list retry exponential, …; squall list presets")
    )
}

/// A doc comment as one paragraph: where its lines end in the source means nothing.
pub(super) fn flow(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name in a column, and text beside it.
pub(super) fn definition(name: &str, text: &str, column: usize, width: usize) -> String {
    let mut out = String::new();
    let lines = wrap(text, width.saturating_sub(column).max(20));
    let padding = " ".repeat(column.saturating_sub(name.chars().count()).max(1));
    out += &format!("{}{padding}{}\n", paint(HEADING, name), lines.first().map_or("", String::as_str));
    for line in lines.iter().skip(1) {
        out += &format!("{}{line}\n", " ".repeat(column));
    }
    out
}

fn describe(reference: &Reference<'_>, entry: &Entry<'_>, width: usize) -> String {
    let mut out = format!("{}\n", paint(HEADING, &entry.path));
    let mut paragraph = |text: &str| {
        for line in wrap(text, width - 2) {
            out += &format!("  {line}\n");
        }
    };
    paragraph(&flow(entry.doc));
    let own = reference.resolve(entry.schema)["description"].as_str().unwrap_or_default();
    if own != entry.doc && !own.is_empty() {
        paragraph(&flow(own));
    }
    let children = reference.children(&entry.path, entry.schema);
    if children.is_empty() || reference.resolve(entry.schema).get("anyOf").is_some() {
        paragraph(&format!("Written as: {}{}", reference.kind(entry.schema), default(entry)));
    }
    let column = children.iter().map(|child| child.name.chars().count()).max().unwrap_or(0) + 4;
    let column = column.clamp(12, 24);
    for (at, child) in children.iter().enumerate() {
        if at == 0 {
            out += "\n";
        }
        let text = if child.choice { member(reference, child) } else { field(reference, child) };
        for line in definition(child.name, &text, column, width - 2).lines() {
            out += &format!("  {line}\n");
        }
    }
    out
}

/// A member of a family: what it means, and its fields.
fn member(reference: &Reference<'_>, child: &Entry<'_>) -> String {
    if child.schema.get("const").is_some() || child.schema.get("enum").is_some() {
        return flow(child.doc);
    }
    let fields = reference.children("", child.schema);
    let holds = if fields.is_empty() || fields[0].choice {
        reference.kind(child.schema)
    } else {
        let name = |field: &Entry<'_>| format!("{}{}", field.name, if field.required { "" } else { "?" });
        format!("fields: {}", fields.iter().map(name).collect::<Vec<_>>().join(", "))
    };
    format!("{}\n({holds})", flow(child.doc))
}

/// A field: what can be written, its default, and what it means.
fn field(reference: &Reference<'_>, child: &Entry<'_>) -> String {
    let needed = if child.required { "; required".to_owned() } else { default(child) };
    format!("{}\n({}{needed})", flow(child.doc), reference.kind(child.schema))
}

fn default(entry: &Entry<'_>) -> String {
    match entry.default {
        None if entry.required || entry.choice => String::new(),
        None => "; optional".to_owned(),
        Some(Value::Object(map)) if map.is_empty() => "; empty by default".to_owned(),
        Some(Value::Array(list)) if list.is_empty() => "; empty by default".to_owned(),
        Some(Value::Object(_)) => "; optional".to_owned(),
        Some(Value::String(text)) => format!("; default `{text}`"),
        Some(other) => format!("; default `{other}`"),
    }
}
