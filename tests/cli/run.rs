//! `squall init`, `check` and `run` on real files: exit codes, streams, results on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with a scenario in it, and squall ready to run there.
pub(crate) struct Bench {
    pub(crate) at: TempDir,
}

pub(crate) const SMALL: &str = "
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
run: { duration: 20s, seeds: 4 }
expect:
  - { that: clients.web.success >= 99.9%, broken_by: [unmitigated] }
";

impl Bench {
    pub(crate) fn new() -> Self {
        let at = tempfile::tempdir().unwrap();
        fs::write(at.path().join("small.yaml"), SMALL).unwrap();
        Self { at }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.at.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        command.args(arguments).current_dir(self.at.path()).env("COLUMNS", "80").env_remove("NO_COLOR");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Stdout of a command that ends with this code.
    pub(crate) fn expect(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Stderr of a command that ends with this code and prints nothing else.
    pub(crate) fn refuse(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{arguments:?}: {errors}");
        errors
    }
}

pub(crate) fn files(at: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_starter_runs_at_once_and_is_not_overwritten() {
    let bench = Bench::new();
    assert!(bench.expect(0, &["init"]).contains("squall run squall.yaml"));
    assert!(bench.refuse(2, &["init"]).contains("already there"));
    let check = bench.expect(0, &["check", "squall.yaml"]);
    assert!(check.contains("utilisation") && check.contains("db"), "{check}");
    let run = bench.expect(0, &["run", "squall.yaml", "--seeds", "2"]);
    let at = |text: &str| run.find(text).unwrap_or_else(|| panic!("no `{text}` in:\n{run}"));
    let order =
        ["Verdicts", "Variants", "unmitigated in detail", "fates of shoppers", "Over time", "Failure order"].map(at);
    assert!(order.is_sorted(), "{run}");
    assert!(run.contains("broken here, as expected") && run.contains("--variant no-retries"), "{run}");
}

#[test]
fn exit_codes_say_how_it_went() {
    let bench = Bench::new();
    bench.expect(0, &["run", "small.yaml"]);
    let failed =
        bench.expect(1, &["run", "small.yaml", "--variant", "wide", "--set", "services.api.capacity.workers=1"]);
    assert!(failed.contains("small.yaml:14"), "{failed}");
    fs::write(bench.path("broken.yaml"), "squall: 1\nclinets: {}\n").unwrap();
    assert!(bench.refuse(2, &["run", "broken.yaml"]).contains("clients"));
    assert!(bench.refuse(2, &["run", "small.yaml", "broken.yaml", "--out", "out"]).contains("broken.yaml"));
    assert!(bench.refuse(2, &["run", "missing.yaml"]).contains("missing.yaml"));
    assert!(bench.refuse(2, &["run", "small.yaml", "--variant", "wid"]).contains("did you mean `wide`?"));
    assert!(bench.refuse(2, &["run", "small.yaml", "--seed", "18446744073709551615"]).contains("smaller seed"));
    assert!(!bench.path("out").exists());
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let bench = Bench::new();
    let print = |threads, out| bench.expect(0, &["run", "small.yaml", "--threads", threads, "--out", out, "--twice"]);
    assert_eq!(print("1", "one"), print("8", "eight"));
    let names = files(&bench.path("one"));
    assert_eq!(names, files(&bench.path("eight")));
    assert!(["manifest.json", "runs.csv", "series.csv"].iter().all(|name| names.contains(&(*name).to_owned())));
    for name in names.iter().filter(|name| *name != "manifest.json") {
        let read = |folder: &str| fs::read(bench.path(folder).join(name)).unwrap();
        assert!(read("one") == read("eight"), "{name} differs");
    }
}

#[test]
fn watching_changes_nothing_where_nobody_watches() {
    let bench = Bench::new();
    let plain = bench.run(&["run", "small.yaml", "--out", "plain"]);
    let watched = bench.run(&["run", "small.yaml", "--out", "watched", "--watch"]);
    assert_eq!(plain, watched);
    assert!(!watched.stderr.contains(&0x1b) && !watched.stdout.contains(&0x1b));
    let names = files(&bench.path("plain"));
    assert_eq!(names, files(&bench.path("watched")));
    for name in names.iter().filter(|name| *name != "manifest.json") {
        let read = |folder: &str| fs::read(bench.path(folder).join(name)).unwrap();
        assert!(read("plain") == read("watched"), "{name} differs");
    }
}

#[test]
fn what_is_watched_is_drawn_on_a_terminal_and_only_with_colours() {
    let version = Command::new("script").arg("--version").output();
    if !version.is_ok_and(|version| String::from_utf8_lossy(&version.stdout).contains("util-linux")) {
        println!("skipped: util-linux' script is not installed, so there was no terminal to draw on");
        return;
    }
    let bench = Bench::new();
    let on_a_terminal = |options: &str, no_color: Option<&str>| {
        let line = format!("'{}' run small.yaml --watch {options}", env!("CARGO_BIN_EXE_squall"));
        let mut command = Command::new("script");
        command.env("TERM", "xterm").env("COLUMNS", "80").env_remove("NO_COLOR");
        command.envs(no_color.map(|value| ("NO_COLOR", value)));
        let output = command.args(["-qec", &line, "/dev/null"]).current_dir(bench.at.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let drawn = on_a_terminal("", None);
    assert!(drawn.contains("goodput of unmitigated, seed 1"), "{drawn}");
    for (options, no_color) in [("", Some("1")), ("--color never", None)] {
        let text = on_a_terminal(options, no_color);
        assert!(!text.contains('\u{1b}') && text.contains("Verdicts"), "{options}: {text}");
    }
    assert!(!on_a_terminal("--quiet", None).contains("goodput of"));
}

#[test]
fn results_replace_results_and_nothing_else() {
    let bench = Bench::new();
    bench.expect(0, &["run", "small.yaml", "--out", "out", "--quiet"]);
    fs::write(bench.path("out/stale"), "").unwrap();
    bench.expect(0, &["run", "small.yaml", "--out", "out", "--quiet"]);
    assert!(!bench.path("out/stale").exists());
    fs::create_dir(bench.path("mine")).unwrap();
    fs::write(bench.path("mine/thesis.tex"), "years").unwrap();
    assert!(bench.refuse(2, &["run", "small.yaml", "--out", "mine"]).contains("left alone"));
    assert_eq!(files(&bench.path("mine")), ["thesis.tex"]);
    assert_eq!(files(bench.at.path()), ["mine", "out", "small.yaml"]);
}

#[test]
fn several_files_are_judged_each() {
    let bench = Bench::new();
    fs::copy(bench.path("small.yaml"), bench.path("other.yaml")).unwrap();
    let text = bench.expect(0, &["run", "small.yaml", "other.yaml", "--quiet", "--seeds", "1", "--out", "out"]);
    assert_eq!(text.matches("Verdicts").count(), 2);
    assert_eq!(files(&bench.path("out")), ["other", "small"]);
}

#[test]
fn json_is_one_object() {
    let bench = Bench::new();
    let text = bench.expect(0, &["run", "small.yaml", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let variants = json["scenarios"][0]["variants"].as_array().unwrap();
    assert_eq!(variants.iter().map(|v| v["name"].as_str().unwrap()).collect::<Vec<_>>(), ["unmitigated", "wide"]);
    assert_eq!(variants[0]["runs"].as_array().unwrap().len(), 4);
    assert_eq!(variants[0]["verdicts"][0]["expected"], "breaks");
    assert!(variants[0]["metrics"].as_array().unwrap().iter().any(|m| m["metric"] == "latency.p99"));
}

#[test]
fn colours_only_where_they_are_wanted() {
    let bench = Bench::new();
    let arguments = ["run", "small.yaml", "--seeds", "1"];
    assert!(!bench.expect(0, &arguments).contains('\u{1b}'));
    let always: Vec<&str> = arguments.iter().copied().chain(["--color", "always"]).collect();
    assert!(bench.expect(0, &always).contains('\u{1b}'));
    let quiet = bench.command(&arguments).env("NO_COLOR", "1").output().unwrap();
    assert!(!quiet.stdout.contains(&0x1b) && quiet.stderr.is_empty());
}

#[test]
fn quiet_prints_verdicts_only() {
    let bench = Bench::new();
    let text = bench.expect(0, &["run", "small.yaml", "--quiet"]);
    assert!(text.starts_with("Verdicts") && !text.contains("Variants"), "{text}");
}

#[test]
fn every_width_holds_its_lines() {
    let bench = Bench::new();
    for width in ["40", "60", "80", "120"] {
        let output = bench.command(&["run", "small.yaml", "--seeds", "2"]).env("COLUMNS", width).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let limit: usize = width.parse().unwrap();
        // Command lines are not broken, so that they can be copied.
        let long = text.lines().find(|line| line.chars().count() > limit && !line.contains("squall run"));
        assert!(limit < 60 || long.is_none(), "{width}: {long:?}");
    }
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let bench = Bench::new();
    let mut child = bench
        .command(&["run", "small.yaml", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let bench = Bench::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = bench.command(&["schema"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot write to standard output"));
}

#[test]
fn the_schema_is_draft_07() {
    let bench = Bench::new();
    let schema: serde_json::Value = serde_json::from_str(&bench.expect(0, &["schema"])).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(schema["properties"]["clients"].is_object());
}

#[test]
fn manual_pages_and_completions_come_from_the_same_table() {
    let bench = Bench::new();
    assert!(bench.expect(0, &["man"]).contains("deterministic failure simulator"));
    bench.expect(0, &["man", "pages"]);
    let help = bench.expect(0, &["--help"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = listed.filter_map(|line| line.split_whitespace().next()).filter(|n| *n != "help").collect();
    assert!(names.len() >= 8, "{help}");
    for name in names {
        assert!(files(&bench.path("pages")).contains(&format!("squall-{name}.1")), "{name}");
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(bench.expect(0, &["completions", shell]).contains("twice"), "{shell}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_keeps_what_has_finished() {
    let bench = Bench::new();
    let mut child = bench
        .command(&["run", "small.yaml", "--seeds", "1000000", "--out", "out"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first rows on disk show that runs have finished.
    let begun = || {
        let mut entries = fs::read_dir(bench.at.path()).unwrap().filter_map(Result::ok);
        let partial = entries.find(|entry| entry.file_name().to_string_lossy().contains("partial"));
        partial.is_some_and(|entry| fs::metadata(entry.path().join("runs.csv")).is_ok_and(|file| file.len() > 0))
    };
    while !begun() {
        assert!(child.try_wait().unwrap().is_none(), "ended before it was interrupted");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.path("out/manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["interrupted"], true);
    assert!(!manifest["runs"].as_array().unwrap().is_empty());
    assert_eq!(files(bench.at.path()), ["out", "small.yaml"]);
}
