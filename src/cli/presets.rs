//! `squall list presets`: what libraries do by default, value by value, with where each is from.

use super::Exit;
use super::list::{definition, flow};
use super::output::Output;
use super::select::nearest;
use crate::report::style::{DIM, HEADING, paint, wrap};
use crate::scenario::{Preset, presets};
use std::collections::BTreeSet;

/// The word after `squall list` that leads here.
pub(super) const NAME: &str = "presets";

/// Lists all presets, those of a family, or everything about one.
pub(super) fn run(words: &[String], width: usize, output: &mut Output) -> Exit {
    let all = presets();
    let chosen: Vec<&Preset> =
        all.iter().filter(|preset| words.iter().all(|word| word == preset.family || word == preset.name)).collect();
    if chosen.is_empty() {
        output.error(miss(words, &all));
        return Exit::Usage;
    }
    if words.iter().any(|word| chosen.iter().any(|preset| *word == preset.name)) {
        let texts: Vec<String> = chosen.iter().map(|preset| describe(preset, width)).collect();
        output.print(&texts.join("\n"));
    } else {
        output.print(&overview(&chosen, width));
    }
    Exit::Fine
}

fn miss(words: &[String], all: &[Preset]) -> String {
    let names: BTreeSet<&str> = all.iter().flat_map(|preset| [preset.family, preset.name]).collect();
    let unknown = words.iter().find(|word| !names.contains(word.as_str()));
    let Some(unknown) = unknown else {
        return format!("there is no preset that is all of `{}`", words.join("`, `"));
    };
    match nearest(unknown, names.iter().copied()) {
        Some(near) => format!("there is no preset `{unknown}`; did you mean `{near}`?"),
        None => format!("there is no preset `{unknown}`; `squall list {NAME}` shows them all"),
    }
}

fn overview(chosen: &[&Preset], width: usize) -> String {
    let mut out = String::new();
    let mut family = "";
    let column = chosen.iter().map(|preset| preset.name.len()).max().unwrap_or(0) + 2;
    for preset in chosen {
        if preset.family != family {
            out += &format!("{}{}\n", if family.is_empty() { "" } else { "\n" }, paint(HEADING, preset.family));
            family = preset.family;
        }
        let text = format!("{}: {}", preset.library, first_sentence(&preset.about));
        for line in definition(preset.name, &text, column, width - 2).lines() {
            out += &format!("  {line}\n");
        }
    }
    out + &format!("\n{}\n", paint(DIM, format!("All of one: squall list {NAME} {}", chosen[0].name)))
}

fn first_sentence(text: &str) -> String {
    let text = flow(text);
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text,
    }
}

fn describe(preset: &Preset, width: usize) -> String {
    let mut out = format!("{}\n", paint(HEADING, format!("{} for {}", preset.name, preset.family)));
    let mut paragraph = |text: &str| {
        for line in wrap(text, width - 2) {
            out += &format!("  {line}\n");
        }
    };
    paragraph(&format!("{}.", preset.library));
    paragraph(&flow(&preset.about));
    paragraph(&format!("From: {}.", flow(&preset.source).trim_end_matches('.')));
    let rows: Vec<(String, &str)> =
        preset.values.iter().map(|row| (format!("{}: {}", row.path, row.value), row.source.as_str())).collect();
    let column = (rows.iter().map(|(head, _)| head.chars().count()).max().unwrap_or(0) + 2).min(width / 2);
    out += "\n";
    for (head, source) in &rows {
        for line in definition(head, &flow(source), column, width - 2).lines() {
            out += &format!("  {line}\n");
        }
    }
    if !preset.departs.is_empty() {
        out += "\n  Where squall departs from it:\n";
        for departure in &preset.departs {
            for (at, line) in wrap(&flow(departure), width - 4).into_iter().enumerate() {
                out += &format!("  {} {line}\n", if at == 0 { "-" } else { " " });
            }
        }
    }
    out + &usage(preset)
}

fn usage(preset: &Preset) -> String {
    let (family, name) = (preset.family, preset.name);
    // A change is made at the top level of what the preset's one member holds.
    let changed = preset.values.iter().find(|row| row.path.split('.').count() == 2);
    let change = changed.and_then(|row| Some(format!("{}: {}", row.path.split_once('.')?.1, row.value)));
    let change = change.map(|change| format!("\n    {family}: {{preset: {name}, {change}}}")).unwrap_or_default();
    format!("\n  Use it as it is, or with changes:\n    {family}: {{preset: {name}}}{change}\n")
}
