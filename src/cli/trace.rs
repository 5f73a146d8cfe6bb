//! `squall trace`: one run's requests for the tools in which people look at traces.

use super::Exit;
use super::output::Output;
use super::run::{load, seconds};
use super::select::unknown;
use crate::export::{Recording, otlp, perfetto};
use crate::scenario::{Loaded, UNMITIGATED};
use clap::{Arg, ArgMatches, Command, value_parser};
use squall_models::trace::Traced;
use squall_sim::{Span, Time};
use std::path::PathBuf;

pub(super) const ABOUT: &str = "Trace the requests of one run for Perfetto or Jaeger";

const AFTER_HELP: &str = "\
Examples:
  squall trace er-2.yaml --from 110s --to 115s          er-2.pftrace: open it in ui.perfetto.dev
  squall trace er-2.yaml --seed 3 --format otlp         er-2.otlp.json: for Jaeger and OpenTelemetry

The whole run is simulated; what lies between --from and --to is written.";

/// 2026-01-01, 00:00 UTC, as in `squall export`.
const START: u64 = 1_767_225_600;

pub(super) fn build(command: Command) -> Command {
    command
        .arg(
            Arg::new("files")
                .value_name("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("A scenario file (YAML or JSON)"),
        )
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("N")
                .value_parser(value_parser!(u64))
                .help("The seed [default: the file's first]"),
        )
        .arg(Arg::new("variant").long("variant").value_name("NAME").default_value(UNMITIGATED).help("The variant"))
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("TIME")
                .value_parser(seconds)
                .default_value("0s")
                .help("What ended earlier is left out"),
        )
        .arg(
            Arg::new("to")
                .long("to")
                .value_name("TIME")
                .value_parser(seconds)
                .help("What begins later is left out [default: ten seconds after --from]"),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(["perfetto", "otlp"])
                .default_value("perfetto")
                .help("The format"),
        )
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Where to write [default: the scenario's name and the format's ending, here]"),
        )
        .arg(super::run::sets())
        .after_help(AFTER_HELP)
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let (loaded, exit) = load(matches, output, true);
    let Some(loaded) = loaded.first().filter(|_| exit == Exit::Fine) else { return exit.max(Exit::Usage) };
    match trace(matches, loaded, output) {
        Ok(exit) => exit,
        Err(error) => {
            output.error(error);
            Exit::Usage
        }
    }
}

fn trace(matches: &ArgMatches, loaded: &Loaded, output: &mut Output) -> Result<Exit, String> {
    let name = matches.get_one::<String>("variant").map_or(UNMITIGATED, String::as_str);
    let known: Vec<&str> = loaded.cases.iter().map(|case| case.name.as_str()).collect();
    let case = loaded.cases.iter().find(|case| case.name == name).ok_or_else(|| unknown("variant", name, &known))?;
    let seed = matches.get_one("seed").copied().unwrap_or(loaded.run.seed);
    let from = matches.get_one::<f64>("from").copied().unwrap_or(0.0);
    let to = matches.get_one::<f64>("to").copied().unwrap_or(from + 10.0);
    if to <= from {
        return Err(format!("--to {to}s is not after --from {from}s, so there is nothing to trace"));
    }
    let instant = |seconds: f64| Time::ZERO + Span::from_seconds(seconds);
    let traced = match squall_models::run_traced(&case.blueprint, seed, (instant(from), instant(to))) {
        Ok(traced) => traced,
        Err(violation) => {
            output.error(format_args!("squall contradicted itself, and its results cannot be trusted: {violation}"));
            return Ok(Exit::Broken);
        }
    };
    let names = case.blueprint.names();
    let recording = Recording { traced: &traced, names, scenario: &loaded.name, variant: name, start: START };
    let (bytes, ending) = match matches.get_one::<String>("format").map(String::as_str) {
        Some("otlp") => (otlp(&recording).into_bytes(), "otlp.json"),
        _ => (perfetto(&recording), "pftrace"),
    };
    let usual = || PathBuf::from(format!("{}.{ending}", loaded.name));
    let path = matches.get_one::<PathBuf>("out").cloned().unwrap_or_else(usual);
    std::fs::write(&path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    output.print(&format!("{}: {}\n", path.display(), told(&traced)));
    Ok(Exit::Fine)
}

fn told(traced: &Traced) -> String {
    let requests = traced.spans.iter().filter(|span| span.parent == 0).count();
    let cut = if traced.cut { "; there were more, so take a shorter time" } else { "" };
    format!("{} spans of {requests} requests{cut}", traced.spans.len())
}
