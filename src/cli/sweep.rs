//! `squall sweep`: the same question at many points, and `squall merge`, which puts shards together.

use super::clock::Clock;
use super::output::{Output, width};
use super::run::{Request, format, load, progress, seeding, sets, stopped_early as stopped};
use super::{Exit, interrupt};
use crate::experiment::sweep::{Axis, Cell, Cells, Trouble, grid, latin};
use crate::experiment::{Stopped, sweep};
use crate::record::{Journal, Part, RecordError, Session, SweepRecord, merge};
use crate::report::{Swept, json as json_of};
use crate::scenario::Loaded;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::json;
use std::path::{Path, PathBuf};

pub(super) const ABOUT: &str = "Run a scenario at many points: rates, sizes, settings";
pub(super) const MERGE_ABOUT: &str = "Put the shards of a sweep together";

const AFTER_HELP: &str = "\
Examples:
  squall sweep f.yaml --out s --over clients.web.arrivals.poisson.rate=60/s..120/s/10/s
  squall sweep f.yaml --out s --over services.api.replicas=1,2,4 --over …  a grid
  squall sweep f.yaml --out s --sample latin:50 --over a=1..9 --over b=1s..9s
  squall sweep f.yaml --out s1 --over … --shard 1/2       and 2/2 elsewhere, then:
  squall merge s s1 s2

Interrupted and started again, it goes on where it was: finished cells are kept
beside the results until all are there.";

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
        .arg(over("A path and its values: A..B/STEP, A..B with --sample, or V,V,V; several make a grid"))
        .arg(
            Arg::new("sample")
                .long("sample")
                .value_name("latin:N")
                .value_parser(sample)
                .help("Instead of the grid: N points of a Latin hypercube"),
        )
        .arg(
            Arg::new("shard")
                .long("shard")
                .value_name("I/N")
                .value_parser(shard)
                .help("Run only the I-th of N parts; `squall merge` puts them together"),
        )
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("DIR")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("Write the tables here"),
        )
        .arg(
            Arg::new("fresh")
                .long("fresh")
                .action(ArgAction::SetTrue)
                .help("Throw away what an earlier start has left"),
        )
        .arg(format())
        .after_help(AFTER_HELP)
}

pub(super) fn over(help: &'static str) -> Arg {
    Arg::new("over")
        .long("over")
        .value_name("PATH=VALUES")
        .required(true)
        .action(ArgAction::Append)
        .value_parser(Axis::parse)
        .help(help)
}

fn sample(text: &str) -> Result<usize, String> {
    let count = text.strip_prefix("latin:").and_then(|count| count.parse::<usize>().ok());
    count.filter(|count| (1..=1_000_000).contains(count)).ok_or_else(|| "write `latin:50` for 50 points".to_owned())
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse::<usize>().ok()?, n.parse::<usize>().ok()?)));
    parts.filter(|(i, n)| (1..=*n).contains(i)).ok_or_else(|| "write `1/4` for the first of four parts".to_owned())
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let request = Request::new(matches);
    let (loaded, exit) = load(matches, output, false);
    let Some(loaded) = loaded.first().filter(|_| exit == Exit::Fine) else { return exit };
    match prepare(matches, &request, loaded) {
        Ok(cells) => go(matches, &request, loaded, &cells, output),
        Err(error) => {
            output.error(error);
            Exit::Usage
        }
    }
}

fn prepare<'a>(matches: &ArgMatches, request: &Request, loaded: &'a Loaded) -> Result<Cells<'a>, String> {
    let axes: Vec<Axis> = matches.get_many::<Axis>("over").into_iter().flatten().cloned().collect();
    let seeds = request.seeds(loaded)?;
    let points = match matches.get_one::<usize>("sample") {
        Some(count) => latin(&axes, *count, seeds[0]),
        None => grid(&axes)?,
    };
    let variants = request.cases(loaded)?.iter().map(|case| case.name.clone()).collect();
    let cells = Cells { path: &loaded.path, sets: request.sets.clone(), points, variants, seeds };
    // Nothing is run for hours before a point turns out to be no scenario.
    for point in 0..cells.points.len() {
        cells.load(point).map_err(|trouble| match trouble {
            Trouble::Invalid(told) => told,
            Trouble::Broken(broken, _) => broken.to_string(),
        })?;
    }
    Ok(cells)
}

/// Runs the cells that are not there yet, and writes the results when all are.
fn go(matches: &ArgMatches, request: &Request, loaded: &Loaded, cells: &Cells<'_>, output: &mut Output) -> Exit {
    let Some(out) = request.out.as_deref() else { return Exit::Usage };
    let (number, of) = matches.get_one::<(usize, usize)>("shard").copied().unwrap_or((1, 1));
    let part = Part { number: number - 1, of };
    let record = SweepRecord::new(cells, &loaded.canonical, part);
    if record.is_done(out) && !matches.get_flag("fresh") {
        output.tell(&format!("{} holds the results of this very sweep already; nothing was run", out.display()));
        return Exit::Fine;
    }
    let clock = Clock::start();
    let mut journal = match record.journal(out, matches.get_flag("fresh")) {
        Ok(journal) => journal,
        Err(error) => {
            output.error(error);
            return Exit::Usage;
        }
    };
    let all = (0..cells.len()).filter(|cell| part.has(*cell));
    let open: Vec<usize> = all.filter(|cell| !journal.has(*cell)).collect();
    if !journal.is_empty() && !request.quiet {
        output.tell(&format!("going on: {} cells are there, {} are to be run", journal.len(), open.len()));
    }
    let bar = progress(request, loaded, open.len());
    let complete = cells.run(&open, request.threads, interrupt::flag(), |cell: Cell| {
        bar.inc(1);
        journal.append(&cell)
    });
    bar.finish_and_clear();
    match complete {
        Ok(true) => {}
        Ok(false) => {
            output.tell(&format!("{} cells are kept; the same command goes on from there", journal.len()));
            return Exit::Interrupted;
        }
        Err(trouble) => return told(request, loaded, cells, trouble, output),
    }
    let session = Session {
        started_unix_s: clock.started(),
        took_s: clock.took(),
        threads: request.threads,
        ..Session::default()
    };
    match keep(&record, out, journal, loaded, request, &session) {
        Ok(swept) if request.json => {
            output.print(&format!("{}\n", json_of(&[swept.json(loaded)])));
            Exit::Fine
        }
        Ok(swept) => {
            let hint = format!("\ntables: {}\n", out.display());
            output.print(&format!("{}{hint}", swept.text(width())));
            Exit::Fine
        }
        Err(error) => {
            output.error(error);
            Exit::Usage
        }
    }
}

fn told(
    request: &Request,
    loaded: &Loaded,
    cells: &Cells<'_>,
    trouble: Stopped<Result<RecordError, Trouble>>,
    output: &Output,
) -> Exit {
    match trouble {
        Stopped::Broken(broken) => stopped(request, loaded, &Stopped::<RecordError>::Broken(broken), output),
        Stopped::Threads(error) => stopped(request, loaded, &Stopped::<RecordError>::Threads(error), output),
        Stopped::Receiver(Ok(error)) => stopped(request, loaded, &Stopped::Receiver(error), output),
        Stopped::Receiver(Err(Trouble::Invalid(told))) => {
            output.tell(&told);
            Exit::Usage
        }
        Stopped::Receiver(Err(Trouble::Broken(broken, point))) => {
            // The point is part of what reproduces it.
            let sets = request.sets.iter().cloned().chain(sweep::sets(&cells.points[point])).collect();
            let request = Request { sets, ..request.clone() };
            stopped(&request, loaded, &Stopped::<RecordError>::Broken(broken), output)
        }
    }
}

fn keep(
    record: &SweepRecord<'_>,
    out: &Path,
    journal: Journal,
    loaded: &Loaded,
    request: &Request,
    session: &Session,
) -> Result<Swept, RecordError> {
    let cells = record.cells();
    let mut swept = Swept::new(cells.points.clone(), cells.variants.clone());
    let scenario = json!({
        "name": loaded.name,
        "path": loaded.path.to_string_lossy(),
        "about": loaded.about,
        "set": request.sets,
    });
    record.finish(out, journal, &scenario, session, |cell| {
        let (point, variant, _) = cells.place(cell.cell);
        swept.take(point, variant, &cell.rows);
    })?;
    Ok(swept)
}

pub(super) fn build_merge(command: Command) -> Command {
    command
        .arg(
            Arg::new("out")
                .value_name("OUT")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The new folder"),
        )
        .arg(
            Arg::new("shards")
                .value_name("SHARD")
                .required(true)
                .num_args(1..)
                .value_parser(value_parser!(PathBuf))
                .help("The folders of all shards, in any order"),
        )
        .after_help("All files but the manifest are then the same bytes as those of the sweep without shards.")
}

pub(super) fn run_merge(matches: &ArgMatches, output: &mut Output) -> Exit {
    let clock = Clock::start();
    let shards: Vec<PathBuf> = matches.get_many::<PathBuf>("shards").into_iter().flatten().cloned().collect();
    let Some(out) = matches.get_one::<PathBuf>("out") else { return Exit::Usage };
    let session = Session { started_unix_s: clock.started(), threads: 1, ..Session::default() };
    match merge(out, &shards, &session) {
        Ok(merged) => {
            output.print(&format!("{}: {} cells of {} shards\n", out.display(), merged.cells, merged.shards));
            Exit::Fine
        }
        Err(error) => {
            output.error(error);
            Exit::Usage
        }
    }
}
