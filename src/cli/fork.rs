//! `squall fork`: one run, continued from an instant under several variants.

use super::Exit;
use super::output::{Output, width};
use super::run::{Request, load, seeding, sets, stopped_early};
use crate::experiment::{Broken, Stopped, fork};
use crate::record::RecordError;
use crate::report::forks;
use crate::scenario::UNMITIGATED;
use clap::{Arg, ArgMatches, Command, value_parser};
use squall_models::units::Duration;
use std::path::PathBuf;

pub(super) const ABOUT: &str = "Continue one run from an instant under several variants: the very same incident";

const AFTER_HELP: &str = "\
Examples:
  squall fork f.yaml --at 90s                      every variant that can take over
  squall fork f.yaml --at 90s --variant lifo       one of them
  squall fork f.yaml --at 90s --from no-retries    from another variant's run

Variants can take over if they differ in policies of edges, cancel, deadlines, queue
capacity and order, TTL and coalescing. What is in flight stays in flight.";

pub(super) fn build(command: Command) -> Command {
    let command = command.arg(
        Arg::new("files")
            .value_name("FILE")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help("A scenario file (YAML or JSON)"),
    );
    let instant = |text: &str| text.parse::<Duration>().map_err(|error| error.to_string());
    seeding(command)
        .arg(sets())
        .arg(Arg::new("at").long("at").value_name("TIME").required(true).value_parser(instant).help("The instant"))
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("NAME")
                .default_value(UNMITIGATED)
                .help("The variant whose run it is up to then"),
        )
        .after_help(AFTER_HELP)
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let request = Request::new(matches);
    let (loaded, exit) = load(matches, output, false);
    let Some(loaded) = loaded.first().filter(|_| exit == Exit::Fine) else { return exit };
    let at = matches.get_one::<Duration>("at").map_or(squall_sim::Span::ZERO, |at| at.span());
    let from = matches.get_one::<String>("from").map_or(UNMITIGATED, String::as_str);
    let (cases, seeds) = match request.cases(loaded).and_then(|cases| Ok((cases, request.seeds(loaded)?))) {
        Ok(chosen) => chosen,
        Err(error) => {
            output.error(error);
            return Exit::Usage;
        }
    };
    let Some(base) = loaded.cases.iter().find(|case| case.name == from) else {
        output.error(format_args!("{}: there is no variant `{from}`", loaded.path.display()));
        return Exit::Usage;
    };
    match fork(&loaded.settings, base, &cases, at, &seeds, request.threads, super::interrupt::flag()) {
        Ok(found) => {
            output.print(&forks(loaded, &found, at, width()));
            if found.branches.iter().all(|branch| branch.refused.is_some()) { Exit::Usage } else { Exit::Fine }
        }
        Err(Stopped::Receiver(told)) => {
            output.error(told);
            Exit::Usage
        }
        Err(Stopped::Broken(broken)) => told(&request, loaded, broken, output),
        Err(Stopped::Threads(error)) => {
            output.error(error);
            Exit::Usage
        }
    }
}

fn told(request: &Request, loaded: &crate::scenario::Loaded, broken: Broken, output: &Output) -> Exit {
    stopped_early(request, loaded, &Stopped::<RecordError>::Broken(broken), output)
}
