//! `squall run`: the main job.

use super::clock::Clock;
use super::output::{Output, width};
use super::select::{quoted, unknown};
use super::watch::View;
use super::{Exit, interrupt};
use crate::experiment::{Broken, Fold, Outcome, Plan, Stopped, execute};
use crate::record::{RecordError, Recorder, Session};
use crate::report::{Findings, Shown, json, text};
use crate::scenario::{self, Case, Loaded};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use squall_models::units::Duration;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub(super) const ABOUT: &str = "Run scenarios and judge what they expect";

const AFTER_HELP: &str = "\
Examples:
  squall run er-2.yaml                               every variant, every seed
  squall run er-2.yaml --variant unmitigated         one variant in detail
  squall run er-2.yaml --set clients.web.patience=5s what if?
  squall run er-2.yaml --out results/local/er-2      CSV tables and a manifest

The same file, variant and seed give the same result to the last event, on any
machine and with any number of threads.";

/// The scenarios to read.
pub(super) fn files() -> Arg {
    Arg::new("files")
        .value_name("FILE")
        .required(true)
        .num_args(1..)
        .value_parser(value_parser!(PathBuf))
        .help("Scenario files (YAML or JSON)")
}

/// Changes on the command line.
pub(super) fn sets() -> Arg {
    Arg::new("set")
        .long("set")
        .value_name("PATH=VALUE")
        .action(ArgAction::Append)
        .help("Change a value in every variant that runs, after everything else; may be repeated")
}

/// A time on the command line, in seconds.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    text.parse::<Duration>().map(Duration::seconds)
}

pub(super) fn build(command: Command) -> Command {
    let watch = Arg::new("watch").long("watch").action(ArgAction::SetTrue);
    arguments(command)
        .arg(watch.help("On a terminal, show what has come out so far while runs go on"))
        .after_help(AFTER_HELP)
}

/// What every command that runs variants over seeds takes.
pub(super) fn arguments(command: Command) -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    seeding(command.arg(files()))
        .arg(sets())
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Write tables and a manifest here; of several files each gets a folder in it"),
        )
        .arg(format())
        .arg(flag("twice").help("Do each run twice and compare: a check of squall itself"))
}

/// For a person, or for a program.
pub(super) fn format() -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(["text", "json"])
        .default_value("text")
        .help("What to print")
}

/// Which variants, which seeds, on how many threads.
pub(super) fn seeding(command: Command) -> Command {
    let number = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    let command = command
        .arg(number("seed", "N").value_parser(value_parser!(u64)).help("The first seed [default: the file's]"))
        .arg(
            number("seeds", "N")
                .value_parser(value_parser!(u32).range(1..=1_000_000))
                .help("Runs of each variant, with consecutive seeds [default: the file's]"),
        )
        .arg(
            Arg::new("variant")
                .long("variant")
                .value_name("NAME")
                .action(ArgAction::Append)
                .help("Run only this variant; may be repeated, the first is shown in detail"),
        );
    threads_and_quiet(command)
}

/// On how many threads, and how much is said on the way.
pub(super) fn threads_and_quiet(command: Command) -> Command {
    let number = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    command
        .arg(
            number("threads", "N")
                .value_parser(value_parser!(u16).range(1..=1024))
                .help("Runs at once; no result depends on it [default: one per core]"),
        )
        .arg(
            Arg::new("quiet")
                .long("quiet")
                .short('q')
                .action(ArgAction::SetTrue)
                .help("Print only verdicts, and no progress"),
        )
}

/// Reads all files that are named. The exit is `Usage` if one of them is invalid; the others are then read too, so that
/// everything that is wrong is said at once.
pub(super) fn load(matches: &ArgMatches, output: &Output, warn: bool) -> (Vec<Loaded>, Exit) {
    let many = |name| -> Vec<String> {
        let given = matches.try_get_many::<String>(name).ok().flatten();
        given.into_iter().flatten().cloned().collect()
    };
    let (sets, variants) = (many("set"), many("variant"));
    let (mut all, mut exit) = (Vec::new(), Exit::Fine);
    for path in matches.get_many::<PathBuf>("files").into_iter().flatten() {
        match scenario::load_for(path, &sets, &variants) {
            Ok(loaded) => all.push(loaded),
            Err(diagnostics) => {
                output.tell(diagnostics.to_string().trim_end());
                exit = Exit::Usage;
            }
        }
    }
    if warn {
        all.iter().flat_map(|loaded| &loaded.warnings).for_each(|warning| output.warning(warning));
    }
    (all, exit)
}

/// What the arguments come to, for all files.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) seed: Option<u64>,
    pub(super) seeds: Option<u32>,
    pub(super) variants: Vec<String>,
    pub(super) sets: Vec<String>,
    pub(super) out: Option<PathBuf>,
    pub(super) threads: usize,
    pub(super) json: bool,
    pub(super) twice: bool,
    pub(super) watch: bool,
    pub(super) quiet: bool,
}

impl Request {
    pub(super) fn new(matches: &ArgMatches) -> Self {
        let many = |name| matches.try_get_many::<String>(name).ok().flatten().into_iter().flatten().cloned().collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            seed: matches.try_get_one("seed").ok().flatten().copied(),
            seeds: matches.try_get_one("seeds").ok().flatten().copied(),
            variants: many("variant"),
            sets: many("set"),
            out: matches.try_get_one("out").ok().flatten().cloned(),
            threads: matches
                .try_get_one::<u16>("threads")
                .ok()
                .flatten()
                .map_or(cores, |threads| usize::from(*threads)),
            json: matches.try_get_one::<String>("format").ok().flatten().is_some_and(|format| format == "json"),
            twice: matches.try_get_one::<bool>("twice").ok().flatten().is_some_and(|twice| *twice),
            watch: matches.try_get_one::<bool>("watch").ok().flatten().is_some_and(|watch| *watch),
            quiet: matches.try_get_one::<bool>("quiet").ok().flatten().is_some_and(|quiet| *quiet),
        }
    }

    pub(super) fn seeds(&self, loaded: &Loaded) -> Result<Vec<u64>, String> {
        let first = self.seed.unwrap_or(loaded.run.seed);
        let count = u64::from(self.seeds.unwrap_or(loaded.run.seeds));
        let end = first.checked_add(count).ok_or("--seed and --seeds together go beyond 2^64; take a smaller seed")?;
        Ok((first..end).collect())
    }

    pub(super) fn cases<'a>(&self, loaded: &'a Loaded) -> Result<Vec<&'a Case>, String> {
        if self.variants.is_empty() {
            return Ok(loaded.cases.iter().collect());
        }
        let known: Vec<&str> = loaded.cases.iter().map(|case| case.name.as_str()).collect();
        let mut cases: Vec<&Case> = Vec::new();
        for name in &self.variants {
            let case = loaded.cases.iter().find(|case| case.name == *name);
            let case =
                case.ok_or_else(|| format!("{}: {}", loaded.path.display(), unknown("variant", name, &known)))?;
            if !cases.iter().any(|chosen| chosen.name == case.name) {
                cases.push(case);
            }
        }
        Ok(cases)
    }

    /// The `--set` options again, for a command line that reproduces something.
    fn set_options(&self) -> String {
        self.sets.iter().map(|set| format!(" --set {}", quoted(set))).collect()
    }

    fn shown(&self) -> Shown {
        Shown { width: width(), quiet: self.quiet, options: self.options(), chosen: !self.variants.is_empty() }
    }

    fn options(&self) -> String {
        let seed = self.seed.map(|seed| format!(" --seed {seed}")).unwrap_or_default();
        let seeds = self.seeds.map(|seeds| format!(" --seeds {seeds}")).unwrap_or_default();
        format!("{seed}{seeds}{}", self.set_options())
    }
}

/// One scenario, ready to run.
struct Job<'a> {
    loaded: &'a Loaded,
    plan: Plan<'a>,
    recorder: Option<Recorder>,
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let request = Request::new(matches);
    let stop = interrupt::flag();
    let (loaded, exit) = load(matches, output, !request.quiet);
    if exit != Exit::Fine {
        return exit;
    }
    let jobs = match jobs(&request, &loaded) {
        Ok(jobs) => jobs,
        Err(error) => {
            output.error(error);
            return Exit::Usage;
        }
    };
    let mut exit = Exit::Fine;
    let mut objects = Vec::new();
    for (number, job) in jobs.into_iter().enumerate() {
        let loaded = job.loaded;
        let ended = one(&request, job, stop, output);
        exit = exit.max(ended.exit);
        let findings = Findings { loaded, outcomes: &ended.outcomes, interrupted: ended.exit == Exit::Interrupted };
        if ended.outcomes.is_empty() {
            // Nothing was run, and why was said.
        } else if request.json {
            objects.push(findings.json());
        } else {
            let blank = if number > 0 { "\n" } else { "" };
            output.print(&format!("{blank}{}", text(&findings, &request.shown())));
        }
        if ended.exit >= Exit::Interrupted {
            break;
        }
    }
    if request.json && exit != Exit::Broken {
        output.print(&format!("{}\n", json(&objects)));
    }
    exit
}

/// Makes everything ready, so that nothing is run for hours before a folder turns out to be read-only.
fn jobs<'a>(request: &Request, loaded: &'a [Loaded]) -> Result<Vec<Job<'a>>, String> {
    let mut plans = Vec::new();
    for scenario in loaded {
        let (cases, seeds) = (request.cases(scenario)?, request.seeds(scenario)?);
        plans.push(Plan { cases, seeds, threads: request.threads, twice: request.twice });
    }
    let places = places(request.out.as_deref(), loaded)?;
    let mut jobs = Vec::new();
    for ((plan, loaded), place) in plans.into_iter().zip(loaded).zip(places) {
        let recorder = place.map(|place| Recorder::create(&place)).transpose().map_err(|error| error.to_string())?;
        jobs.push(Job { loaded, plan, recorder });
    }
    Ok(jobs)
}

/// The results folder of each scenario.
pub(super) fn places(out: Option<&Path>, loaded: &[Loaded]) -> Result<Vec<Option<PathBuf>>, String> {
    let Some(out) = out else {
        return Ok(loaded.iter().map(|_| None).collect());
    };
    if let [_] = loaded {
        return Ok(vec![Some(out.to_path_buf())]);
    }
    if out.join("manifest.json").exists() {
        return Err(format!("{} holds the results of one scenario; name another folder for several", out.display()));
    }
    let mut names: Vec<&str> = loaded.iter().map(|scenario| scenario.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!(
            "two of the files are named `{}`, and both would write into one folder; run them apart",
            pair[0]
        ));
    }
    Ok(loaded.iter().map(|scenario| Some(out.join(&scenario.name))).collect())
}

/// How one scenario went.
struct Ended {
    exit: Exit,
    outcomes: Vec<Outcome>,
}

fn one(request: &Request, job: Job<'_>, stop: &AtomicBool, output: &Output) -> Ended {
    let Job { loaded, plan, mut recorder } = job;
    let clock = Clock::start();
    let mut view = View::new(request, loaded, &plan, output);
    let mut fold = Fold::new(&plan.cases);
    let complete = execute(&plan, stop, |run| {
        if let Some(recorder) = &mut recorder {
            recorder.take(plan.cases[run.case], &run)?;
        }
        let latest = view.latest(run.case, &run.report);
        fold.take(run);
        view.step(&fold, latest.as_ref());
        Ok::<(), RecordError>(())
    });
    view.close();
    let complete = match complete {
        Ok(complete) => complete,
        Err(stopped) => {
            return Ended { exit: stopped_early(request, loaded, &stopped, output), outcomes: Vec::new() };
        }
    };
    let outcomes = fold.finish();
    if let Some(recorder) = recorder.filter(|_| !outcomes.is_empty()) {
        let session = Session {
            started_unix_s: clock.started(),
            took_s: clock.took(),
            threads: request.threads,
            seeds: (plan.seeds.first().copied().unwrap_or(0), plan.seeds.len() as u64),
            sets: request.sets.clone(),
            interrupted: !complete,
        };
        if let Err(error) = recorder.finish(loaded, &outcomes, &session) {
            output.error(&error);
            return Ended { exit: Exit::Usage, outcomes };
        }
    }
    let exit = match complete {
        false => Exit::Interrupted,
        true if outcomes.iter().all(Outcome::ok) => Exit::Fine,
        true => Exit::Failed,
    };
    Ended { exit, outcomes }
}

pub(super) fn stopped_early(
    request: &Request,
    loaded: &Loaded,
    stopped: &Stopped<RecordError>,
    output: &Output,
) -> Exit {
    match stopped {
        Stopped::Receiver(error) => output.error(error),
        Stopped::Threads(error) => output.error(format_args!("cannot start {} threads: {error}", request.threads)),
        Stopped::Broken(broken) => {
            output.error(format_args!("squall contradicted itself, and its results cannot be trusted: {broken}"));
            output.tell(&format!(
                "This is a bug in squall. Please report it with the files and this line:\n  {}",
                repro(request, loaded, broken)
            ));
            return Exit::Broken;
        }
    }
    Exit::Usage
}

/// The command line that shows what broke.
fn repro(request: &Request, loaded: &Loaded, broken: &Broken) -> String {
    let file = quoted(&loaded.path.display().to_string());
    let twice = if broken.twice { " --twice" } else { "" };
    let (variant, sets) = (quoted(&broken.variant), request.set_options());
    format!("squall run {file} --variant {variant} --seed {} --seeds 1{sets}{twice}", broken.seed)
}

/// A bar on stderr, where a person watches.
pub(super) fn progress(request: &Request, loaded: &Loaded, runs: usize) -> ProgressBar {
    if request.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(runs as u64), ProgressDrawTarget::stderr_with_hz(8));
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} runs, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(loaded.name.clone());
    bar.tick();
    bar
}
