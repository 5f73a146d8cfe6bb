//! `squall explain`: what happened in one run, why, and to whom.

use super::output::{Output, width};
use super::plot::{look, seed};
use super::run::{Request, format, load, sets, stopped_early};
use super::{Exit, interrupt};
use crate::experiment::diagnosis::{Diagnosis, diagnose};
use crate::experiment::{Plan, execute};
use crate::record::RecordError;
use crate::record::results::Results;
use crate::report::{explanation, json, over_seeds, over_seeds_json};
use crate::scenario::UNMITIGATED;
use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::json as object;
use std::path::{Path, PathBuf};

pub(super) const ABOUT: &str = "Tell the story of one run: where it began, how it spread, and why";

const AFTER_HELP: &str = "\
Examples:
  squall explain er-2.yaml                              the first seed, unmitigated
  squall explain er-2.yaml --variant retries-off --seed 7
  squall explain er-2.yaml --seeds 20                   and what 20 seeds come to
  squall explain results/local/er-2                     of runs that are on disk
  squall explain er-2.yaml --format json                for a program

By which rules it is judged is in docs/background/diagnosis.md.";

pub(super) fn build(command: Command) -> Command {
    command
        .arg(
            Arg::new("files")
                .value_name("FILE or RESULTS")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("A scenario file, or a folder that `squall run --out` has written"),
        )
        .arg(seed())
        .arg(
            Arg::new("seeds")
                .long("seeds")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..=1_000_000))
                .help("Run so many seeds, and tell also what all of them came to"),
        )
        .arg(
            Arg::new("variant")
                .long("variant")
                .value_name("NAME")
                .num_args(1)
                .help("The variant [default: unmitigated]"),
        )
        .arg(sets())
        .arg(format())
        .after_help(AFTER_HELP)
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let Some(path) = matches.get_one::<PathBuf>("files") else { return Exit::Usage };
    let found = if path.is_dir() { read(matches, path) } else { simulate(matches, output) };
    match found {
        Ok(found) => {
            if matches.get_one::<String>("format").is_some_and(|format| format == "json") {
                let mut scenario = object!({ "name": found.name, "diagnosis": found.told });
                if !found.all.is_empty() {
                    scenario["over_seeds"] = over_seeds_json(&found.all);
                }
                output.print(&format!("{}\n", json(&[scenario])));
            } else {
                output.print(&explanation(&found.name, &found.told, width()));
                if !found.all.is_empty() {
                    output.print(&over_seeds(&found.all, width()));
                }
            }
            Exit::Fine
        }
        Err(Told::Here(error)) => {
            output.error(error);
            Exit::Usage
        }
        Err(Told::Already(exit)) => exit,
    }
}

/// What there is to tell.
struct Found {
    /// The scenario.
    name: String,
    /// The run whose story is told.
    told: Diagnosis,
    /// All seeds of its variant; none where only that run was asked for.
    all: Vec<Diagnosis>,
}

/// Why there is nothing to tell.
enum Told {
    /// It is still to be said.
    Here(String),
    /// It was said.
    Already(Exit),
}

fn read(matches: &ArgMatches, folder: &Path) -> Result<Found, Told> {
    let here = |error: String| Told::Here(error);
    if matches.get_many::<String>("set").is_some() {
        return Err(here("--set changes a scenario, and these are results; name the scenario file instead".to_owned()));
    }
    if matches.get_one::<u32>("seeds").is_some() {
        return Err(here(
            "--seeds runs a scenario, and these are results, whose seeds are all told; leave it out".to_owned(),
        ));
    }
    let results = Results::open(folder).map_err(|error| here(error.to_string()))?;
    let look = look(matches, &results, 800.0).map_err(here)?;
    let variant = look.variants.first().or(results.variants.first()).cloned().unwrap_or_default();
    let seed = look.seed.or(results.seeds.first().copied()).unwrap_or(0);
    let told = results.diagnosis(&variant, seed).map_err(|error| here(error.to_string()))?;
    let all = match look.seed {
        Some(_) => Vec::new(),
        None => results.diagnoses(&variant).map_err(|error| here(error.to_string()))?,
    };
    Ok(Found { name: results.name().to_owned(), told, all })
}

fn simulate(matches: &ArgMatches, output: &Output) -> Result<Found, Told> {
    let request = Request::new(matches);
    let (loaded, exit) = load(matches, output, false);
    let Some(loaded) = loaded.first().filter(|_| exit == Exit::Fine) else { return Err(Told::Already(exit)) };
    let name = request.variants.first().map_or(UNMITIGATED, String::as_str).to_owned();
    let cases = Request { variants: vec![name], ..request.clone() }.cases(loaded).map_err(Told::Here)?;
    let case = cases[0];
    let many = request.seeds.is_some();
    let seeds = Request { seeds: request.seeds.or(Some(1)), ..request.clone() }.seeds(loaded).map_err(Told::Here)?;
    let plan = Plan { cases, seeds, threads: request.threads, twice: false };
    let mut all = Vec::new();
    let complete = execute(&plan, interrupt::flag(), |run| {
        all.push(diagnose(case, &run.report));
        Ok::<(), RecordError>(())
    });
    match (complete, all.first().cloned()) {
        (Ok(_), Some(told)) => {
            let all = if many { all } else { Vec::new() };
            Ok(Found { name: loaded.name.clone(), told, all })
        }
        (Ok(_), None) => Err(Told::Already(Exit::Interrupted)),
        (Err(stopped), _) => Err(Told::Already(stopped_early(&request, loaded, &stopped, output))),
    }
}
