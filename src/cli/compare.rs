//! `squall compare`: which variant is better, by how much, and how sure is that?

use super::clock::Clock;
use super::output::{Output, width};
use super::run::{Request, arguments, load, places, progress, stopped_early};
use super::{Exit, interrupt};
use crate::experiment::stats::Looks;
use crate::experiment::{Compared, Design, Fold, Outcome, Plan, Run, Samples, Stopped, compare, execute};
use crate::record::{RecordError, Recorder, Session};
use crate::report::{Comparing, Findings, comparison, comparison_json, json};
use crate::scenario::{self, Case, Loaded, ORACLE, UNMITIGATED};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use indicatif::ProgressBar;
use squall_models::units::Share;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

pub(super) const ABOUT: &str = "Compare the variants of a scenario: which one helps, by how much, how sure";

const AFTER_HELP: &str = "\
Examples:
  squall compare er-2.yaml                           all variants against `unmitigated`
  squall compare er-2.yaml --until-decided           add seeds until it is clear
  squall compare er-2.yaml --variant retries-off     one variant against `unmitigated`
  squall compare er-2.yaml --out results/local/er-2  tables, see docs/reference/results.md

Every variant meets the same customers with the same demands, so a difference is
the policies' doing. How it is judged is in docs/background/statistics.md.";

/// The rate of false alarms over the whole family of objectives.
const ALPHA: f64 = 0.05;

pub(super) fn build(command: Command) -> Command {
    let share = |text: &str| text.parse::<Share>().map(Share::get).map_err(|error| error.to_string());
    let option = |name: &'static str, value: &'static str| Arg::new(name).long(name).value_name(value);
    arguments(command)
        .arg(option("until-decided", "").num_args(0).action(ArgAction::SetTrue).help(
            "Add seeds until each variant is decided, or --most is reached; the error rate is kept over all looks",
        ))
        .arg(
            option("most", "N")
                .value_parser(value_parser!(u32).range(2..=100_000))
                .default_value("320")
                .help("With --until-decided: at most so many seeds"),
        )
        .arg(
            option("baseline", "NAME").default_value(UNMITIGATED).help("The variant that the others are compared with"),
        )
        .arg(
            option("margin-share", "SHARE")
                .value_parser(share)
                .default_value("1%")
                .help("A difference between shares that does not matter, as points"),
        )
        .arg(
            option("margin", "SHARE")
                .value_parser(share)
                .default_value("5%")
                .help("Any other difference that does not matter, as a part of the value"),
        )
        .arg(Arg::new("no-oracle").long("no-oracle").action(ArgAction::SetTrue).help("Leave out the bound"))
        .after_help(AFTER_HELP)
}

/// What is asked for, beyond what `run` can be asked.
struct Asked {
    request: Request,
    baseline: String,
    margins: (f64, f64),
    /// The most seeds, if seeds are to be added.
    most: Option<u32>,
    oracle: bool,
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let share = |name| matches.get_one::<f64>(name).copied().unwrap_or(0.0);
    let mut asked = Asked {
        request: Request::new(matches),
        baseline: matches.get_one::<String>("baseline").cloned().unwrap_or_else(|| UNMITIGATED.to_owned()),
        margins: (share("margin-share"), share("margin")),
        most: matches.get_flag("until-decided").then(|| matches.get_one::<u32>("most").copied().unwrap_or(320)),
        oracle: !matches.get_flag("no-oracle"),
    };
    if !asked.request.variants.is_empty() {
        // What is compared with is always there, and comes first.
        asked.request.variants.retain(|name| *name != asked.baseline && *name != ORACLE);
        asked.request.variants.insert(0, asked.baseline.clone());
    }
    let stop = interrupt::flag();
    let (loaded, exit) = load(matches, output, !asked.request.quiet);
    if exit != Exit::Fine {
        return exit;
    }
    let places = match places(asked.request.out.as_deref(), &loaded) {
        Ok(places) => places,
        Err(error) => {
            output.error(error);
            return Exit::Usage;
        }
    };
    let (mut exit, mut objects) = (Exit::Fine, Vec::new());
    for (number, (loaded, place)) in loaded.iter().zip(places).enumerate() {
        let recorder = match place.map(|place| Recorder::create(&place)).transpose() {
            Ok(recorder) => recorder,
            Err(error) => {
                output.error(error);
                return Exit::Usage;
            }
        };
        match one(&asked, loaded, recorder, stop, output) {
            Ok(told) => {
                exit = exit.max(told.exit);
                if asked.request.json {
                    objects.extend(told.object);
                } else {
                    output.print(&format!("{}{}", if number > 0 { "\n" } else { "" }, told.text));
                }
            }
            Err(worst) => return worst,
        }
        if exit >= Exit::Interrupted {
            break;
        }
    }
    if asked.request.json {
        output.print(&format!("{}\n", json(&objects)));
    }
    exit
}

/// What there is to say about one scenario.
struct Told {
    exit: Exit,
    text: String,
    object: Option<serde_json::Value>,
}

/// The runs of one scenario on their way into all that is made of them.
struct Intake<'a> {
    cases: Vec<&'a Case>,
    fold: Fold,
    samples: Samples,
    recorder: Option<Recorder>,
    bar: ProgressBar,
}

impl Intake<'_> {
    fn take(&mut self, run: Run) -> Result<(), RecordError> {
        let case = self.cases[run.case];
        if let Some(recorder) = &mut self.recorder {
            recorder.take(case, &run)?;
        }
        self.samples.take(case, &run);
        self.fold.take(run);
        self.bar.inc(1);
        Ok(())
    }
}

fn one(
    asked: &Asked,
    loaded: &Loaded,
    recorder: Option<Recorder>,
    stop: &AtomicBool,
    output: &Output,
) -> Result<Told, Exit> {
    let usage = |error: String| {
        output.error(error);
        Exit::Usage
    };
    let clock = Clock::start();
    let bound = asked.oracle.then(|| scenario::oracle(&loaded.cases, &loaded.settings)).flatten();
    let mut cases = asked.request.cases(loaded).map_err(usage)?;
    cases.sort_by_key(|case| case.name != asked.baseline);
    if cases.first().is_none_or(|case| case.name != asked.baseline) {
        return Err(usage(format!("{}: there is no variant `{}`", loaded.path.display(), asked.baseline)));
    }
    cases.extend(&bound);
    let seeds = asked.request.seeds(loaded).map_err(usage)?;
    let looks = match asked.most {
        Some(most) => Looks::new(seeds.len().max(5), most as usize, ALPHA),
        None => Looks::once(seeds.len(), ALPHA),
    };
    let design = Design { looks, margin_share: asked.margins.0, margin: asked.margins.1 };
    let bar = progress(&asked.request, loaded, cases.len() * design.looks.seeds()[0]);
    let mut intake =
        Intake { fold: Fold::new(&cases), samples: Samples::new(&cases), cases: cases.clone(), recorder, bar };
    let complete = rounds(asked, &design, seeds[0], &mut intake, stop);
    intake.bar.finish_and_clear();
    let complete = complete.map_err(|stopped| stopped_early(&asked.request, loaded, &stopped, output))?;
    let Intake { fold, samples, recorder, .. } = intake;
    let compared = compare(&samples, &design);
    let outcomes = fold.finish();
    if let Some(recorder) = recorder.filter(|_| !outcomes.is_empty()) {
        let count = outcomes.iter().map(|outcome| outcome.lines.len() as u64).max().unwrap_or(0);
        let session = Session {
            started_unix_s: clock.started(),
            took_s: clock.took(),
            threads: asked.request.threads,
            seeds: (seeds[0], count),
            sets: asked.request.sets.clone(),
            interrupted: !complete,
        };
        keep(recorder, loaded, &compared, &outcomes, &session).map_err(|error| usage(error.to_string()))?;
    }
    let as_expected = outcomes.iter().filter(|outcome| outcome.name != ORACLE).all(Outcome::ok);
    let exit = match complete {
        false => Exit::Interrupted,
        true if as_expected => Exit::Fine,
        true => Exit::Failed,
    };
    let findings = Findings { loaded, outcomes: &outcomes, interrupted: !complete };
    let comparing = Comparing { findings, compared: &compared, looks: design.looks.seeds().len() };
    let text = comparison(&comparing, width(), asked.request.quiet);
    let object = asked.request.json.then(|| comparison_json(&comparing));
    Ok(Told { exit, text, object })
}

fn keep(
    mut recorder: Recorder,
    loaded: &Loaded,
    compared: &Compared,
    outcomes: &[Outcome],
    session: &Session,
) -> Result<(), RecordError> {
    recorder.compared(compared)?;
    recorder.finish(loaded, outcomes, session)
}

/// Runs all variants up to the first look, then those that are still open up to the next one. True if it came to an end.
fn rounds(
    asked: &Asked,
    design: &Design,
    first: u64,
    intake: &mut Intake<'_>,
    stop: &AtomicBool,
) -> Result<bool, Stopped<RecordError>> {
    let cases = intake.cases.clone();
    let mut open: Vec<usize> = (0..cases.len()).collect();
    for &look in design.looks.seeds() {
        // A variant that was decided may lag behind, and then catches up.
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for &case in &open {
            groups.entry(intake.samples.variants[case].seeds.len()).or_default().push(case);
        }
        for (done, group) in groups.into_iter().filter(|(done, _)| *done < look) {
            let plan = Plan {
                cases: group.iter().map(|case| cases[*case]).collect(),
                seeds: (first + done as u64..first + look as u64).collect(),
                threads: asked.request.threads,
                twice: asked.request.twice,
            };
            if !execute(&plan, stop, |run| intake.take(Run { case: group[run.case], ..run }))? {
                return Ok(false);
            }
        }
        let compared = compare(&intake.samples, design);
        open =
            compared.standings.iter().enumerate().filter(|(_, standing)| standing.open()).map(|(at, _)| at).collect();
        if open.is_empty() {
            break;
        }
        open.insert(0, 0);
        intake.bar.inc_length((open.len() * look) as u64);
    }
    Ok(true)
}
