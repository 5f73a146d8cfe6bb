//! What a newcomer meets: the README is true line by line, and every scenario file holds what it says.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Every console block of the README, with the output that it shows.
#[test]
fn the_readme_is_true() {
    trycmd::TestCases::new().case("README.md").run();
}

/// The scenario files in this folder and below, in order.
fn scenarios(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(scenarios(&path));
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        }
    }
    // Topologies and policies are parts of scenarios, not scenarios, and a matrix is made of them.
    let part = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("topology") || name == "matrix.yaml" || path.parent().is_some_and(|p| p.ends_with("policies"))
    };
    found.retain(|path| !part(path));
    found.sort();
    found
}

#[test]
fn every_scenario_holds_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = scenarios(&root.join("topologies"));
    assert!(all.len() >= 13, "{} scenarios", all.len());
    for path in all {
        let output = Command::new(env!("CARGO_BIN_EXE_squall")).arg("run").arg(&path).arg("--quiet").output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {}\n{told}", path.display(), output.status);
    }
}
