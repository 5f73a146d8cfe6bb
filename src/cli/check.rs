//! `squall check`: is the scenario valid, and what load does it put on each service?

use super::output::{Output, width};
use super::{Exit, run};
use clap::{ArgMatches, Command};

pub(super) const ABOUT: &str = "Check scenarios, and estimate the load on each service without running";

pub(super) fn build(command: Command) -> Command {
    command.arg(run::files()).arg(run::sets()).after_help(
        "The estimate counts first attempts only: no retries, no failures, full caches.\n\
         What runs hotter than this in `squall run` was amplified.",
    )
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let (loaded, exit) = run::load(matches, output, true);
    for scenario in &loaded {
        output.print(&crate::report::estimates(scenario, width()));
    }
    exit
}
