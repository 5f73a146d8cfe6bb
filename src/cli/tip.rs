//! `squall tip`: from which load on does it collapse?

use super::clock::Clock;
use super::output::{Output, width};
use super::run::{Request, format, load, progress, seeding, sets, stopped_early};
use super::sweep::over;
use super::{Exit, interrupt};
use crate::experiment::Stopped;
use crate::experiment::sweep::{Axis, Trouble};
use crate::experiment::tip::{Branch, LEVEL, Search, Threshold, Tip, branches, on_branch};
use crate::record::{RecordError, Session, write_tips};
use crate::report::{json, tips, tips_json};
use crate::scenario::Loaded;
use clap::{Arg, ArgMatches, Command, value_parser};
use std::path::PathBuf;

pub(super) const ABOUT: &str = "Find the tipping point: from which value on a scenario collapses, and comes back";

const AFTER_HELP: &str = "\
Examples:
  squall tip f.yaml --over clients.web.arrivals.poisson.rate=40/s..120/s/2/s
  squall tip f.yaml --over faults.0.surge.factor=1..5 --variant unmitigated

Two branches: `up` from a healthy system without the faults of the scenario, `down`
after them (or, without any, after three times the load for a tenth of the run).
Where it stays up on the one and down on the other it is metastable.";

pub(super) fn build(command: Command) -> Command {
    let command = command.arg(
        Arg::new("files")
            .value_name("FILE")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help("A scenario file (YAML or JSON)"),
    );
    seeding(command)
        .arg(sets())
        .arg(over("A path and a range, A..B or A..B/PRECISION"))
        .arg(
            Arg::new("branch")
                .long("branch")
                .value_name("BRANCH")
                .value_parser(["up", "down", "both"])
                .default_value("both")
                .help("From a healthy system, after the trigger, or both"),
        )
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Write tables and a manifest here"),
        )
        .arg(format())
        .after_help(AFTER_HELP)
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let request = Request::new(matches);
    let (loaded, exit) = load(matches, output, false);
    let Some(loaded) = loaded.first().filter(|_| exit == Exit::Fine) else { return exit };
    let search = match prepare(matches, &request, loaded) {
        Ok(search) => search,
        Err(error) => {
            output.error(error);
            return Exit::Usage;
        }
    };
    let clock = Clock::start();
    let units = search.variants.len() * search.branches.len();
    let bar = progress(&request, loaded, units * search.seeds.len());
    let mut found: Vec<Vec<Threshold>> = vec![Vec::new(); units];
    let complete = search.run(request.threads, interrupt::flag(), |variant, branch, threshold| {
        found[variant * search.branches.len() + branch].push(threshold);
        bar.inc(1);
    });
    bar.finish_and_clear();
    let complete = match complete {
        Ok(complete) => complete,
        Err(trouble) => return told(&request, loaded, trouble, output),
    };
    let all: Vec<Tip> = found
        .into_iter()
        .enumerate()
        .filter_map(|(at, thresholds)| {
            let (variant, branch) = (at / search.branches.len(), at % search.branches.len());
            Tip::of(search.variants[variant].clone(), search.branches[branch], thresholds, LEVEL)
        })
        .collect();
    if request.json {
        output.print(&format!("{}\n", json(&[tips_json(&search, &all, loaded, !complete)])));
    } else {
        output.print(&tips(&search, &all, width()));
    }
    if let Some(out) = &request.out {
        let session = Session {
            started_unix_s: clock.started(),
            took_s: clock.took(),
            threads: request.threads,
            interrupted: !complete,
            ..Session::default()
        };
        if let Err(error) = write_tips(out, &search, &all, (&loaded.name, &loaded.canonical), &session) {
            output.error(error);
            return Exit::Usage;
        }
    }
    if complete { Exit::Fine } else { Exit::Interrupted }
}

fn prepare<'a>(matches: &ArgMatches, request: &Request, loaded: &'a Loaded) -> Result<Search<'a>, String> {
    let axes: Vec<Axis> = matches.get_many::<Axis>("over").into_iter().flatten().cloned().collect();
    let [axis] = axes.as_slice() else {
        return Err("a tipping point is looked for along one path; give one --over".to_owned());
    };
    let range = axis.range.clone().ok_or("a tipping point is looked for in a range; write `--over path=10/s..90/s`")?;
    let asked = matches.get_one::<String>("branch").map_or("both", String::as_str);
    let mut branches = branches(&axis.path);
    branches.retain(|branch| asked == "both" || branch.name() == asked);
    if branches.is_empty() {
        return Err("what is about a fault cannot be looked at without it; leave out `--branch up`".to_owned());
    }
    let search = Search {
        file: &loaded.path,
        sets: request.sets.clone(),
        path: axis.path.clone(),
        range,
        variants: request.cases(loaded)?.iter().map(|case| case.name.clone()).collect(),
        branches,
        seeds: request.seeds(loaded)?,
    };
    // Both ends have to be scenarios, on both branches, before anything is run.
    for step in [0, search.steps()] {
        let there = search.load(search.value(step)).map_err(|trouble| match trouble {
            Trouble::Invalid(told) => told,
            Trouble::Broken(broken, _) => broken.to_string(),
        })?;
        for branch in [Branch::Up, Branch::Down].iter().filter(|branch| search.branches.contains(branch)) {
            on_branch(&there, &search.variants[0], *branch)?;
        }
    }
    Ok(search)
}

fn told(request: &Request, loaded: &Loaded, trouble: Stopped<Trouble>, output: &Output) -> Exit {
    let stopped = match trouble {
        Stopped::Receiver(Trouble::Invalid(told)) => {
            output.tell(&told);
            return Exit::Usage;
        }
        Stopped::Receiver(Trouble::Broken(broken, _)) | Stopped::Broken(broken) => Stopped::Broken(broken),
        Stopped::Threads(error) => Stopped::Threads(error),
    };
    stopped_early(request, loaded, &stopped as &Stopped<RecordError>, output)
}
