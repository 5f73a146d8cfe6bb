//! `squall matrix`: mitigations laid over scenarios, each alone, and what each does in each.

use super::output::{Output, width};
use super::run::{Request, threads_and_quiet};
use super::sampled::sampled;
use super::{Exit, interrupt};
use crate::experiment::stats::Looks;
use crate::experiment::{Design, Laid, compare};
use crate::record::write_matrix;
use crate::report::{matrix_markdown, matrix_table};
use crate::scenario::{self, Loaded, Matrix, Mitigations, UNMITIGATED};
use clap::{Arg, ArgMatches, Command, value_parser};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) const ABOUT: &str = "Lay each mitigation over each scenario, and say where it helps and where it harms";

const AFTER_HELP: &str = "\
Examples:
  squall matrix matrix.yaml                       the table
  squall matrix matrix.yaml --out results/matrix  tables and a page, to be committed

The file names scenarios and mitigations:

  squall_matrix: 1
  scenarios: [scenarios/er-1.yaml, scenarios/er-2.yaml]
  mitigations:
    breakers: {apply: [policies/breakers.yaml]}
    both: {apply: [policies/breakers.yaml, policies/retries-off.yaml]}

Exit code 1 if a scenario does not come to what it expects of its own variants.";

/// The rate of false alarms over the objectives of a scenario.
const ALPHA: f64 = 0.05;

pub(super) fn build(command: Command) -> Command {
    let path =
        |name: &'static str, value: &'static str| Arg::new(name).value_name(value).value_parser(value_parser!(PathBuf));
    threads_and_quiet(command.arg(path("file", "FILE").required(true).help("The matrix (YAML or JSON)")))
        .arg(
            Arg::new("seeds")
                .long("seeds")
                .value_name("N")
                .value_parser(value_parser!(u32).range(2..=100_000))
                .help("Runs of each variant [default: the matrix's, or each scenario's]"),
        )
        .arg(path("out", "DIR").long("out").help("Write tables and a page here"))
        .after_help(AFTER_HELP)
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    all(matches, output).unwrap_or_else(|exit| exit)
}

fn all(matches: &ArgMatches, output: &mut Output) -> Result<Exit, Exit> {
    let request = Request::new(matches);
    let file = matches.get_one::<PathBuf>("file").ok_or(Exit::Usage)?;
    let matrix = scenario::read_matrix(file).map_err(|told| {
        output.tell(told.to_string().trim_end());
        Exit::Usage
    })?;
    let jobs = jobs(file, &matrix, output)?;
    let mut all = Vec::new();
    for job in &jobs {
        all.push(one(&request, &matrix, job, output)?);
    }
    if let Some(out) = &request.out {
        let page = matrix_markdown(&matrix, &all, (file, out));
        write_matrix(out, (file, &matrix), &all, &page).map_err(|error| {
            output.error(error);
            Exit::Usage
        })?;
    }
    output.print(&matrix_table(&matrix, &all, width()));
    let mut exit = Exit::Fine;
    for (laid, (variant, judged)) in all.iter().flat_map(|laid| laid.judged().map(move |judged| (laid, judged))) {
        if !judged.verdict().ok {
            let sentence = &judged.expectation.text;
            output.warning(format_args!("{} / {variant}: not as expected: {sentence}", laid.scenario));
            exit = Exit::Failed;
        }
    }
    Ok(exit)
}

/// A scenario, ready to run.
struct Job {
    /// With the mitigations that fit.
    loaded: Loaded,
    /// Its own variants.
    own: Vec<String>,
    /// The mitigations that do not fit, and why.
    unfit: BTreeMap<String, String>,
}

/// Reads every scenario with the mitigations that fit it. What fits none of them is a mistake.
fn jobs(file: &Path, matrix: &Matrix, output: &Output) -> Result<Vec<Job>, Exit> {
    let names: Vec<&str> = matrix.mitigations.keys().map(String::as_str).collect();
    let folder = file.parent().unwrap_or(Path::new(""));
    let (mut jobs, mut exit) = (Vec::new(), Exit::Fine);
    for scenario in &matrix.scenarios {
        let path = folder.join(scenario);
        match with_what_fits(&path, file, &names) {
            Ok(job) => jobs.push(job),
            Err(told) => {
                output.tell(told.to_string().trim_end());
                exit = Exit::Usage;
            }
        }
    }
    for name in names {
        if !jobs.is_empty() && jobs.iter().all(|job: &Job| job.unfit.contains_key(name)) {
            let why = &jobs[0].unfit[name];
            output.error(format_args!("{}: `{name}` cannot be laid over any scenario: {why}", file.display()));
            exit = Exit::Usage;
        }
    }
    if exit == Exit::Fine { Ok(jobs) } else { Err(exit) }
}

fn with_what_fits(path: &Path, file: &Path, names: &[&str]) -> Result<Job, scenario::Diagnostics> {
    let alone = scenario::load(path, &[])?;
    let own = alone.cases.iter().map(|case| case.name.clone()).filter(|name| name != UNMITIGATED).collect();
    let with = |names: &[&str]| scenario::load_with(path, &Mitigations { file, names });
    if let Ok(loaded) = with(names) {
        return Ok(Job { loaded, own, unfit: BTreeMap::new() });
    }
    let (mut fits, mut unfit) = (Vec::new(), BTreeMap::new());
    for name in names {
        match with(&[name]) {
            Ok(_) => fits.push(*name),
            Err(told) => _ = unfit.insert((*name).to_owned(), told.headline().to_owned()),
        }
    }
    with(&fits).map(|loaded| Job { loaded, own, unfit })
}

fn one(request: &Request, matrix: &Matrix, job: &Job, output: &Output) -> Result<Laid, Exit> {
    let loaded = &job.loaded;
    let seeds = request.seeds.or(matrix.seeds).unwrap_or(loaded.run.seeds).max(2);
    let first = loaded.run.seed;
    let all = (first..first + u64::from(seeds)).collect();
    let (samples, outcomes) = sampled(request, loaded, all, interrupt::flag(), output)?;
    let design = Design { looks: Looks::once(seeds as usize, ALPHA), margin_share: 0.01, margin: 0.05 };
    Ok(Laid {
        scenario: loaded.name.clone(),
        compared: compare(&samples, &design),
        outcomes,
        own: job.own.clone(),
        unfit: job.unfit.clone(),
    })
}
