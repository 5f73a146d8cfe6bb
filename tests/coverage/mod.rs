//! What the five runbooks ask for, and where it is: `docs/reference/coverage.md`, made of `topologies/*/coverage.csv` and of the
//! committed results of `squall matrix`. `SQUALL_BLESS=1 cargo test --test main coverage` writes the page anew.

mod verdict;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use verdict::Results;

/// An item of a runbook.
#[derive(Clone, Debug, serde::Deserialize)]
struct Item {
    /// Stable, such as `ER-M3`.
    id: String,
    /// `scenario`, `mitigation`, `alert`, `target`, `operator`, `matrix` or `criterion`.
    kind: String,
    /// What it is, in our words.
    item: String,
    /// The number that it encodes, as the runbook has it.
    number: String,
    /// The file that carries it, from the system's folder; empty while nothing does.
    file: String,
    /// Some text of that file, which encodes the number.
    text: String,
    /// Where its verdict is: see `verdict`.
    verdict: String,
}

const SYSTEMS: [(&str, &str); 5] = [
    ("erlmcp", "erlmcp: cascading failures"),
    ("bgp-orchestrator", "bgp-orchestrator: chaos tests"),
    ("mcp-dual", "mcp-dual: incident response"),
    ("aurum", "aurum: cache stampede"),
    ("veritas-spark", "veritas-spark: canary, blue-green, game days"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn items(system: &str) -> Vec<Item> {
    let path = root().join("topologies").join(system).join("coverage.csv");
    let mut reader = csv::Reader::from_path(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    reader.deserialize().map(|item| item.unwrap_or_else(|error| panic!("{}: {error}", path.display()))).collect()
}

/// The files of a system that have to carry an item.
fn files(system: &str) -> BTreeSet<String> {
    let folder = |name: &str| -> Vec<PathBuf> {
        let entries = fs::read_dir(root().join("topologies").join(system).join(name)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let named = |name: &'static str| {
        folder(name).into_iter().map(move |path| format!("{name}/{}", path.file_name().unwrap().to_str().unwrap()))
    };
    named("scenarios").chain(named("policies")).collect()
}

#[test]
fn every_item_has_a_file_and_every_file_an_item() {
    let mut wrong = Vec::new();
    for (system, _) in SYSTEMS {
        let (items, mut files) = (items(system), files(system));
        let mut ids = BTreeSet::new();
        for item in &items {
            if !ids.insert(&item.id) {
                wrong.push(format!("{system}: {} is there twice", item.id));
            }
            if item.file.is_empty() {
                wrong.push(format!("{system}: no file carries {}", item.id));
                continue;
            }
            let path = root().join("topologies").join(system).join(&item.file);
            match fs::read_to_string(&path) {
                Err(error) => wrong.push(format!("{}: {}: {error}", item.id, path.display())),
                Ok(text) if !text.contains(&item.text) => {
                    wrong.push(format!("{}: {} has no `{}`", item.id, path.display(), item.text));
                }
                Ok(_) => {}
            }
            files.remove(&item.file);
        }
        wrong.extend(files.into_iter().map(|file| format!("{system}: {file} carries no item of the runbook")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The scenarios that the list of systems names, each of which has a file of its own.
#[test]
fn every_scenario_of_the_list_is_there() {
    let count = |prefix: &str, most: u32| (1..=most).map(|number| format!("{prefix}-{number}")).collect::<Vec<_>>();
    let (canary, blue_green) = ((1..=9).map(|n| format!("VS-C{n}")), (1..=10).map(|n| format!("VS-B{n}")));
    let all = [count("ER", 6), count("BG", 8), count("MC", 10), count("AU", 7), count("VS", 6)];
    let all = all.into_iter().flatten().chain(canary).chain(blue_green);
    let known: Vec<Item> = SYSTEMS.iter().flat_map(|(system, _)| items(system)).collect();
    for id in all {
        let item = known.iter().find(|item| item.id == id).unwrap_or_else(|| panic!("{id} is not there"));
        let name = item.file.trim_start_matches("scenarios/");
        assert!(name.starts_with(&format!("{}-", id.to_lowercase())), "{id} is {}", item.file);
    }
}

fn page() -> String {
    let mut page = String::from(
        "# What of the runbooks is where\n\n\
         Written by `SQUALL_BLESS=1 cargo test --test main coverage` from `topologies/*/coverage.csv` and from the tables in \
         `results/matrix`, which `squall matrix` makes. One row for each item of the five runbooks: its number, the file that carries it, \
         and what came of it in the last run of the matrix, over its seeds.\n\n\
         A mitigation's verdict names the scenarios in which it helped and harmed; where nothing is said, there was no difference, or \
         none that so few seeds could show. `held 12/12` counts seeds; *breaks as meant* is a run that is there to show the failure.\n",
    );
    for (system, title) in SYSTEMS {
        let results = Results::read(&root().join("results/matrix").join(system));
        let items = items(system);
        let _ = write!(
            page,
            "\n## {title}\n\n{} items.\n\n| id | | item | number | file | verdict |\n|---|---|---|---|---|---|\n",
            items.len()
        );
        for item in items {
            let verdict = results.of(&item.verdict).unwrap_or_else(|error| panic!("{}: {error}", item.id));
            let (name, path) = (item.file.rsplit('/').next().unwrap(), &item.file);
            let link = format!("[{name}](../../topologies/{system}/{path})");
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {link} | {verdict} |",
                item.id, item.kind, item.item, item.number
            );
        }
    }
    page
}

#[test]
fn the_page_is_as_the_files_and_results_are() {
    let path = root().join("docs/reference/coverage.md");
    let now = page();
    if std::env::var_os("SQUALL_BLESS").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let then = fs::read_to_string(&path).unwrap_or_default();
    assert!(then == now, "{} is stale: SQUALL_BLESS=1 cargo test --test main coverage", path.display());
}
