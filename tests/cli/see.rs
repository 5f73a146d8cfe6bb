//! Looking at results: `squall plot` and what follows it, on a real folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const SMALL: &str = "
squall: 1
clients:
  web: { to: api.get, arrivals: { poisson: { rate: 50/s } }, edge: { policies: [{ timeout: 1s }] } }
services:
  api:
    capacity: { workers: 1 }
    endpoints: { get: { steps: [{ work: { exponential: { mean: 15ms } } }] } }
faults: [{ slow: { at: 5s, for: 5s, service: api, factor: 3 } }]
variants:
  wide: { set: { services.api.capacity.workers: 4 } }
run: { duration: 20s, seeds: 2 }
";

/// A folder with results in it.
struct Shelf {
    at: TempDir,
}

impl Shelf {
    fn new() -> Self {
        let shelf = Self { at: tempfile::tempdir().unwrap() };
        fs::write(shelf.path("small.yaml"), SMALL).unwrap();
        shelf.expect(0, &["run", "small.yaml", "--quiet", "--out", "out"]);
        shelf
    }

    fn path(&self, name: &str) -> PathBuf {
        self.at.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(arguments).current_dir(self.at.path()).env("COLUMNS", "80").output().unwrap()
    }

    /// Stdout and stderr of a command that ends with this code.
    fn expect(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let (out, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        (out, errors)
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn plots_lie_beside_the_results_and_repeat() {
    let shelf = Shelf::new();
    let (told, left_out) = shelf.expect(0, &["plot", "out", "goodput", "topology", "--at", "7s"]);
    assert_eq!(told, "out/plots/goodput.svg\nout/plots/goodput.png\nout/plots/topology.svg\nout/plots/topology.png\n");
    assert_eq!(left_out, "");
    let svg = String::from_utf8(bytes(&shelf.path("out/plots/topology.svg"))).unwrap();
    assert!(svg.contains("small at 7 s") && svg.contains("<title>"), "{svg}");
    assert!(bytes(&shelf.path("out/plots/goodput.png")).starts_with(b"\x89PNG"));
    shelf.expect(0, &["plot", "out", "goodput", "--out", "again"]);
    for name in ["goodput.svg", "goodput.png"] {
        assert!(bytes(&shelf.path("out/plots").join(name)) == bytes(&shelf.path("again").join(name)), "{name}");
    }
    let (_, left_out) = shelf.expect(0, &["plot", "out", "--format", "svg", "--variant", "wide"]);
    assert!(left_out.contains("amplification is left out"), "{left_out}");
    let names: Vec<_> = fs::read_dir(shelf.path("out/plots")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert!(names.len() >= 8, "{names:?}");
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let shelf = Shelf::new();
    let refuse = |arguments: &[&str], words: &str| {
        let (out, errors) = shelf.expect(2, arguments);
        assert!(out.is_empty() && errors.contains(words), "{arguments:?}: {out}{errors}");
    };
    refuse(&["plot", "out", "godput"], "did you mean `goodput`?");
    refuse(&["plot", "out", "amplification"], "no retry");
    refuse(&["plot", "out", "--variant", "wid"], "did you mean `wide`?");
    refuse(&["plot", "out", "--seed", "7"], "1 to 2");
    refuse(&["plot", "."], "squall run");
    refuse(&["plot", "out", "tipping"], "squall tip");
    refuse(&["plot", "out", "differences"], "squall compare");
    let (list, _) = shelf.expect(0, &["plot", "--list"]);
    assert!(list.contains("differences") && list.contains("grid"), "{list}");
    assert!(list.contains("goodput") && list.contains("topology"), "{list}");
}

#[test]
fn a_run_is_explained_from_the_file_and_from_its_results_alike() {
    let shelf = Shelf::new();
    let (simulated, _) = shelf.expect(0, &["explain", "small.yaml", "--seed", "2"]);
    let (kept, _) = shelf.expect(0, &["explain", "out", "--seed", "2"]);
    assert_eq!(simulated, kept);
    assert!(
        simulated.contains("Verdict: resource exhaustion") && simulated.contains("Origin: services.api at 5.0 s"),
        "{simulated}"
    );
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&shelf.expect(0, &[arguments, &["--format", "json"]].concat()).0).unwrap()
    };
    let wide = json(&["explain", "out", "--variant", "wide", "--seed", "1"]);
    assert_eq!(wide, json(&["explain", "small.yaml", "--variant", "wide"]));
    // Over all seeds of a folder, and of as many as are run.
    let all = json(&["explain", "out"]);
    assert_eq!(all, json(&["explain", "small.yaml", "--seeds", "2"]));
    let tally = &all["scenarios"][0]["over_seeds"];
    let same = serde_json::json!([{ "verdict": "resource exhaustion", "origin": "services.api", "seeds": 2 }]);
    assert_eq!(tally, &same);
    let (told, _) = shelf.expect(0, &["explain", "out"]);
    assert!(told.contains("Over 2 seeds") && told.contains("2 of 2"), "{told}");
    assert_eq!(wide["scenarios"][0]["diagnosis"]["variant"], "wide");
    // Every run of the folder has a line, with the fields that are printed.
    let lines = fs::read_to_string(shelf.path("out/explain.jsonl")).unwrap();
    let all: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.len(), 4);
    assert!(all.contains(&wide["scenarios"][0]["diagnosis"]));
    for (arguments, words) in [
        (["explain", "out", "--seed", "7"], "1 to 2"),
        (["explain", "out", "--variant", "wid"], "did you mean `wide`?"),
        (["explain", "out", "--set", "run.seeds=1"], "name the scenario file"),
        (["explain", "out", "--seeds", "3"], "whose seeds are all told"),
        (["explain", "small.yaml", "--variant", "wid"], "did you mean `wide`?"),
    ] {
        let (out, errors) = shelf.expect(2, &arguments);
        assert!(out.is_empty() && errors.contains(words), "{arguments:?}: {errors}");
    }
}
