//! `squall export`: results in the formats of other tools.

use super::Exit;
use super::output::Output;
use super::plot::look;
use crate::export::{Exposition, write};
use crate::record::results::Results;
use clap::{Arg, ArgMatches, Command, value_parser};
use std::path::PathBuf;

pub(super) const ABOUT: &str = "Write results in the formats of other tools";

const AFTER_HELP: &str = "\
Examples:
  squall export openmetrics results/local/er-2 --out er-2.om
  promtool tsdb create-blocks-from openmetrics er-2.om prometheus-data

The run begins at --start, so that time stamps are the same every time.";

/// 2026-01-01, 00:00 UTC.
const START: &str = "1767225600";

pub(super) fn build(command: Command) -> Command {
    command
        .arg(
            Arg::new("format")
                .value_name("FORMAT")
                .required(true)
                .value_parser(["openmetrics"])
                .help("The format: `openmetrics` is what Prometheus' promtool makes blocks from"),
        )
        .arg(
            Arg::new("results")
                .value_name("RESULTS")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("A folder that `squall run --out` has written"),
        )
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Where to write [default: stdout]"),
        )
        .arg(super::plot::variant())
        .arg(super::plot::seed())
        .arg(
            Arg::new("start")
                .long("start")
                .value_name("UNIX_SECONDS")
                .value_parser(value_parser!(u64).range(0..=100_000_000_000))
                .default_value(START)
                .help("When the run is said to have begun"),
        )
        .after_help(AFTER_HELP)
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let text = match exposition(matches) {
        Ok(text) => text,
        Err(error) => {
            output.error(error);
            return Exit::Usage;
        }
    };
    let Some(path) = matches.get_one::<PathBuf>("out") else {
        output.print(&text);
        return Exit::Fine;
    };
    match std::fs::write(path, text) {
        Ok(()) => Exit::Fine,
        Err(error) => {
            output.error(format_args!("cannot write {}: {error}", path.display()));
            Exit::Usage
        }
    }
}

fn exposition(matches: &ArgMatches) -> Result<String, String> {
    let Some(folder) = matches.get_one::<PathBuf>("results") else { return Err("name a results folder".to_owned()) };
    let results = Results::open(folder).map_err(|error| error.to_string())?;
    let look = look(matches, &results, 800.0)?;
    let variants = if look.variants.is_empty() { results.variants.clone() } else { look.variants };
    let seeds = look.seed.or(results.seeds.first().copied()).into_iter().collect();
    let start = matches.get_one::<u64>("start").copied().unwrap_or(0);
    write(&results, &Exposition { variants, seeds, start }).map_err(|error| error.to_string())
}
