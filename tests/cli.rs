//! The command line as a user meets it.

#[path = "cli/run.rs"]
mod run;

#[test]
fn what_is_printed_without_running() {
    trycmd::TestCases::new().env("COLUMNS", "80").case("tests/cli/*.trycmd");
}
