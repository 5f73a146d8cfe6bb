//! Rules of the house that the compiler does not know, as tests. Each error says what to do instead.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/`, in the direction of the arrow: each may use those before it, never those after it.
const ROOMS: [&str; 6] = ["scenario", "experiment", "record", "report", "export", "cli"];

/// Files that may be longer than `MOST_LINES`, each with its reason. Split a file rather than listing it.
const LONG: &[(&str, &str)] = &[];
const MOST_LINES: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A source file: its path from the root of the repository, with `/` on every system, and its text.
struct Source {
    path: String,
    text: String,
}

/// All Rust files under these folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut found);
    }
    assert!(!found.is_empty(), "no sources under {folders:?}: is the test run from another place?");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() && name != "target" {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            let path = path.strip_prefix(root()).expect("it is under the root");
            found.push(Source { path: path.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

impl Source {
    /// Lines of code with their numbers: no comments, and nothing after `#[cfg(test)]`.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(at, line)| (at + 1, line));
        numbered
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .map(|(at, line)| (at, line.split("//").next().unwrap_or_default()))
    }
}

/// Fails with all that was found at once.
fn none(found: &[String], remedy: &str) {
    assert!(found.is_empty(), "\n{}\nremedy: {remedy}\n", found.join("\n"));
}

/// Where one of these words stands in code.
fn mentions<'a>(sources: impl IntoIterator<Item = &'a Source>, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (at, line) in source.code() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{at}: `{word}`", source.path));
            }
        }
    }
    found
}

/// The room that a file is in; none for `main.rs` and `lib.rs`.
fn room(source: &Source) -> Option<usize> {
    let first = source.path.strip_prefix("src/")?.split(['/', '.']).next()?;
    ROOMS.iter().position(|room| *room == first)
}

#[test]
fn the_arrow_between_rooms_never_turns() {
    let mut found = Vec::new();
    for source in sources(&["src"]) {
        let Some(here) = room(&source) else { continue };
        for (at, line) in source.code() {
            for later in &ROOMS[here + 1..] {
                if line.contains(&format!("crate::{later}")) || line.contains(&format!("squall::{later}")) {
                    found.push(format!("{}:{at}: `{}` uses `{later}`", source.path, ROOMS[here]));
                }
            }
        }
    }
    none(
        &found,
        "rooms only use those before them (scenario ← experiment ← record ← report, export ← cli); move the shared part down",
    );
}

#[test]
fn threads_are_in_one_room() {
    let all = sources(&["src"]);
    let others = all.iter().filter(|source| !source.path.starts_with("src/experiment"));
    let found = mentions(others, &["rayon", "thread::spawn", "thread::scope", "thread::Builder"]);
    none(&found, "let `experiment` run things in parallel, and hand it what is to be run");
}

#[test]
fn yaml_is_read_in_one_file() {
    let all = sources(&["src", "models/src", "sim/src"]);
    let others = all.iter().filter(|source| source.path != "src/scenario/yaml.rs");
    none(&mentions(others, &["serde_saphyr"]), "ask `scenario::yaml` for the tree, and go on from that");
}

#[test]
fn a_simulation_sees_nothing_of_the_machine() {
    let all = sources(&["sim/src", "models/src"]);
    let found = mentions(&all, &["std::fs", "std::env", "std::thread", "std::time", "std::net", "std::process"]);
    none(&found, "whatever a run depends on is in the scenario and the seed; read files and clocks in `src/`");
}

#[test]
fn clocks_are_read_where_time_is_shown() {
    let all = sources(&["src"]);
    let allowed = ["src/cli", "src/experiment"];
    let others = all.iter().filter(|source| !allowed.iter().any(|room| source.path.starts_with(room)));
    none(&mentions(others, &["Instant::now", "SystemTime"]), "measure time in `cli`; results must not depend on it");
}

#[test]
fn nothing_is_left_for_later() {
    let all = sources(&["src", "sim", "models", "tests", "benches"]);
    let others = all.iter().filter(|source| source.path != "tests/tidy.rs");
    let found = mentions(others, &["todo!", "unimplemented!", "dbg!"]);
    none(&found, "finish it, or leave it out until its issue");
    let notes: Vec<String> = all
        .iter()
        .filter(|source| source.path != "tests/tidy.rs")
        .flat_map(|source| {
            let lines = source.text.lines().enumerate();
            let marked = lines.filter(|(_, line)| ["FIXME", "TODO", "XXX"].iter().any(|mark| line.contains(mark)));
            marked.map(|(at, _)| format!("{}:{}: a note to oneself", source.path, at + 1))
        })
        .collect();
    none(&notes, "do it now, or write it into an issue");
}

#[test]
fn no_file_is_longer_than_a_reader_s_patience() {
    let long: Vec<String> = sources(&["src", "sim", "models", "tests", "benches"])
        .iter()
        .filter(|source| !source.path.starts_with("benches/peers"))
        .filter(|source| !LONG.iter().any(|(path, _)| *path == source.path))
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, path)| format!("{path}: {lines} lines, more than {MOST_LINES}"))
        .collect();
    none(&long, "split the file along what it is about");
}

#[test]
fn no_exception_outlives_its_reason() {
    for (path, reason) in LONG {
        let text = fs::read_to_string(root().join(path)).unwrap_or_default();
        assert!(text.lines().count() > MOST_LINES, "{path} ({reason}) needs no exception any more: take it out");
    }
}

#[test]
fn no_path_of_somebody_s_machine() {
    let folders = ["src", "sim", "models", "tests", "benches"];
    let all = sources(&folders);
    let others = all.iter().filter(|source| source.path != "tests/tidy.rs");
    let found: Vec<String> = others
        .flat_map(|source| {
            let lines = source.text.lines().enumerate();
            let marked =
                lines.filter(|(_, line)| ["/home/", "/root/", "/Users/", "C:\\"].iter().any(|it| line.contains(it)));
            marked.map(|(at, line)| format!("{}:{}: {}", source.path, at + 1, line.trim()))
        })
        .collect();
    none(&found, "use a path relative to the file, to `CARGO_MANIFEST_DIR`, or a temporary folder");
}

/// The first line of a file says what it is about, so that a folder can be read like a table of contents.
#[test]
fn every_file_says_what_it_is_about() {
    let found: Vec<String> = sources(&["src", "sim/src", "models/src", "tests", "benches"])
        .iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.path.clone())
        .collect();
    none(&found, "begin the file with a `//!` line");
}
