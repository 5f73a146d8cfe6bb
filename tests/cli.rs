//! The command line as a user meets it.

#[path = "cli/baseline.rs"]
mod baseline;
#[path = "cli/compare.rs"]
mod compare;
#[path = "cli/matrix.rs"]
mod matrix;
#[path = "cli/see.rs"]
mod see;

#[path = "cli/run.rs"]
mod run;
#[path = "cli/sweep.rs"]
mod sweep;
#[path = "cli/tip.rs"]
mod tip;

#[test]
fn what_is_printed_without_running() {
    trycmd::TestCases::new().env("COLUMNS", "80").case("tests/cli/*.trycmd");
}
