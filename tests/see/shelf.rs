//! A folder with a scenario in it, squall to work there, and a Python to check with.

use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

pub(crate) struct Shelf {
    pub(crate) at: TempDir,
}

impl Shelf {
    pub(crate) fn new(name: &str, scenario: &str) -> Self {
        let shelf = Self { at: tempfile::tempdir().unwrap() };
        std::fs::write(shelf.path(name), scenario).unwrap();
        shelf
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.at.path().join(name)
    }

    /// Stdout and stderr of a command that ends with this code.
    pub(crate) fn expect(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
        let output = command.args(arguments).current_dir(self.at.path()).env("COLUMNS", "80").output().unwrap();
        let (out, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        (out, errors)
    }
}

/// A Python that has a package: the one that `SQUALL_PYTHON` names, or the system's.
pub(crate) fn python(package: &str) -> Option<String> {
    let named = std::env::var("SQUALL_PYTHON").ok();
    let all = named.into_iter().chain(["python3".to_owned()]);
    let has = |python: &String| {
        let tried = Command::new(python).args(["-c", &format!("import {package}")]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    all.into_iter().find(has)
}
