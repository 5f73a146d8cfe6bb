//! `squall report`: results as one HTML file.

use super::Exit;
use super::output::Output;
use super::plot::look;
use crate::record::results::Results;
use crate::report::html;
use crate::report::plots::View;
use clap::{Arg, ArgMatches, Command, value_parser};
use std::path::PathBuf;

pub(super) const ABOUT: &str = "Write results as one HTML file";

const AFTER_HELP: &str = "\
Examples:
  squall run er-2.yaml --out results/local/er-2
  squall report results/local/er-2                      results/local/er-2/report.html

The file needs no network and no other file: forward it as it is.";

pub(super) fn build(command: Command) -> Command {
    command
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
                .help("Where to write [default: `report.html` in RESULTS]"),
        )
        .arg(super::plot::variant())
        .arg(super::plot::seed())
        .arg(super::plot::at("The instant that the topology shows first [default: after the last failure]"))
        .after_help(AFTER_HELP)
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    match write(matches) {
        Ok(path) => {
            output.print(&format!("{}\n", path.display()));
            Exit::Fine
        }
        Err(error) => {
            output.error(error);
            Exit::Usage
        }
    }
}

fn write(matches: &ArgMatches) -> Result<PathBuf, String> {
    let Some(folder) = matches.get_one::<PathBuf>("results") else { return Err("name a results folder".to_owned()) };
    let results = Results::open(folder).map_err(|error| error.to_string())?;
    let look = look(matches, &results, 800.0)?;
    let page = html(&View::new(&results, &look)).map_err(|error| error.to_string())?;
    let path = matches.get_one::<PathBuf>("out").cloned().unwrap_or_else(|| folder.join("report.html"));
    std::fs::write(&path, page).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(path)
}
