//! `squall baseline update` and `squall diff`: what scenarios came to once, kept in a folder, and what they come to now.

use super::output::{Output, width};
use super::run::{Request, sets, threads_and_quiet};
use super::sampled::sampled;
use super::{Exit, interrupt};
use crate::experiment::baseline::{Recorded, differences};
use crate::record::baseline::{
    Allowed, BASELINE, Baseline, Held, read_baseline, read_recorded, replace, write_baseline, write_recorded,
};
use crate::report::{Difference, annotations, differences as text, differences_json, junit, markdown};
use crate::scenario::{self, Loaded};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub(super) const ABOUT: &str = "Write what scenarios come to into a baseline folder, or write it anew";
pub(super) const DIFF_ABOUT: &str =
    "Hold what scenarios come to now against a baseline; fail if it is worse than allowed";

const AFTER_HELP: &str = "\
Examples:
  squall baseline update results/baseline retry-storm.yaml --seeds 4   begin, or add one
  squall baseline update results/baseline                              write all anew

The tolerances are in baseline.json: `share` in points (0.01 is one), `other` as a
part of the value, `metrics` for exceptions. Commit the folder.";

const DIFF_AFTER_HELP: &str = "\
Exit code 1 only if something is worse than the tolerance and than noise, if an
expectation broke, or if a variant is gone. Changed bytes alone are told, not failed.

On GitHub (GITHUB_ACTIONS is set), or with --github, it prints annotations with file
and line, and appends a summary to the file that GITHUB_STEP_SUMMARY names.";

fn folder() -> Arg {
    Arg::new("folder")
        .value_name("BASELINE")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("The baseline folder")
}

pub(super) fn build(command: Command) -> Command {
    let update = Command::new("update")
        .about("Run the scenarios and write what they come to")
        .arg(folder())
        .arg(
            Arg::new("files")
                .value_name("FILE")
                .num_args(0..)
                .value_parser(value_parser!(PathBuf))
                .help("Scenarios to add; all that are in the folder are written anew"),
        )
        .arg(
            Arg::new("seeds")
                .long("seeds")
                .value_name("N")
                .value_parser(value_parser!(u32).range(2..=10_000))
                .default_value("4")
                .help("Seeds for the scenarios that are added"),
        );
    command.subcommand_required(true).subcommand(threads_and_quiet(update).after_help(AFTER_HELP))
}

pub(super) fn build_diff(command: Command) -> Command {
    let file = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
    };
    threads_and_quiet(command.arg(folder()).arg(sets()))
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(["text", "json"])
                .default_value("text")
                .help("What to print"),
        )
        .arg(file("junit", "Write a JUnit report here as well"))
        .arg(file("markdown", "Write a summary in Markdown here as well"))
        .arg(Arg::new("github").long("github").action(ArgAction::SetTrue).help("Print annotations for GitHub"))
        .after_help(DIFF_AFTER_HELP)
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    match matches.subcommand() {
        Some((_, matches)) => update(matches, output).unwrap_or_else(|exit| exit),
        None => Exit::Usage,
    }
}

/// An expectation that does not hold.
struct Unmet {
    variant: String,
    sentence: String,
    held: String,
    place: (PathBuf, usize),
}

/// What a scenario came to.
struct Ran {
    recorded: Recorded,
    loaded: Loaded,
    /// Expectations that do not hold: the variant, the sentence, in how many seeds it does, and its place.
    broken: Vec<Unmet>,
}

fn usage(output: &Output, error: impl std::fmt::Display) -> Exit {
    output.error(error);
    Exit::Usage
}

fn one(
    request: &Request,
    folder: &Path,
    held: &Held,
    seeds: Option<&[u64]>,
    stop: &AtomicBool,
    output: &Output,
) -> Result<Ran, Exit> {
    let file = tidy(&folder.join(&held.file));
    let loaded = scenario::load(&file, &request.sets).map_err(|told| {
        output.tell(told.to_string().trim_end());
        Exit::Usage
    })?;
    let first = loaded.run.seed;
    let seeds = seeds.map_or_else(|| (first..first + u64::from(held.seeds)).collect(), <[u64]>::to_vec);
    let (samples, outcomes) = sampled(request, &loaded, seeds, stop, output)?;
    let mut broken = Vec::new();
    for outcome in outcomes {
        for judged in outcome.judged.iter().filter(|judged| !judged.verdict().ok) {
            let expectation = &judged.expectation;
            let verdict = judged.verdict();
            broken.push(Unmet {
                variant: outcome.name.clone(),
                sentence: expectation.text.clone(),
                held: format!("{} of {} seeds", verdict.held, verdict.of),
                place: (tidy(&expectation.file), expectation.line),
            });
        }
    }
    let mut recorded = Recorded::of(&samples);
    recorded.broken = broken.iter().map(|unmet| (unmet.variant.clone(), unmet.sentence.clone())).collect();
    Ok(Ran { recorded, loaded, broken })
}

/// The path without `..` where what is before it is known, so that it is the same as in the repository.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

fn update(matches: &ArgMatches, output: &mut Output) -> Result<Exit, Exit> {
    let request = Request::new(matches);
    let folder = matches.get_one::<PathBuf>("folder").ok_or(Exit::Usage)?;
    let seeds = matches.get_one::<u32>("seeds").copied().unwrap_or(4);
    let added: Vec<PathBuf> = matches.get_many::<PathBuf>("files").into_iter().flatten().cloned().collect();
    let mut baseline = if folder.join("baseline.json").exists() || added.is_empty() {
        read_baseline(folder).map_err(|error| usage(output, error))?
    } else {
        let tolerance = Allowed { share: 0.01, other: 0.1, metrics: BTreeMap::new() };
        Baseline { squall_baseline: BASELINE, tolerance, scenarios: Vec::new() }
    };
    for file in added {
        let file = relative(&file, folder).map_err(|error| usage(output, error))?;
        baseline.scenarios.retain(|held| held.file != file);
        baseline.scenarios.push(Held { file, seeds });
    }
    for held in &baseline.scenarios {
        let ran = one(&request, folder, held, None, interrupt::flag(), output)?;
        for Unmet { variant, sentence, held: seeds, .. } in &ran.broken {
            output.warning(format_args!("{} / {variant}: does not hold: {sentence} ({seeds})", held.name()));
        }
        std::fs::create_dir_all(folder).map_err(|error| usage(output, error))?;
        write_recorded(folder, &held.name(), &ran.recorded).map_err(|error| usage(output, error))?;
        output.print(&format!("{}.csv: {} variants, {} seeds\n", held.name(), ran.recorded.digests.len(), held.seeds));
    }
    write_baseline(folder, &baseline).map_err(|error| usage(output, error))?;
    Ok(Exit::Fine)
}

/// A path as seen from the baseline folder.
fn relative(file: &Path, folder: &Path) -> std::io::Result<PathBuf> {
    let (file, folder) = (std::path::absolute(file)?, std::path::absolute(folder)?);
    let (file, folder) = (tidy(&file), tidy(&folder));
    let common = file.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| Component::ParentDir);
    Ok(up.chain(file.components().skip(common)).collect())
}

pub(super) fn run_diff(matches: &ArgMatches, output: &mut Output) -> Exit {
    diff(matches, output).unwrap_or_else(|exit| exit)
}

fn diff(matches: &ArgMatches, output: &mut Output) -> Result<Exit, Exit> {
    let request = Request::new(matches);
    let folder = matches.get_one::<PathBuf>("folder").ok_or(Exit::Usage)?;
    let baseline = read_baseline(folder).map_err(|error| usage(output, error))?;
    let mut all = Vec::new();
    for held in &baseline.scenarios {
        let before = read_recorded(folder, &held.name()).map_err(|error| usage(output, error))?;
        let Ran { recorded, loaded, broken } =
            one(&request, folder, held, Some(&before.seeds), interrupt::flag(), output)?;
        let variances = differences(&before, &recorded, &baseline.tolerance.tolerance());
        let place = |variant: &str| {
            let case = loaded.cases.iter().find(|case| case.name == variant);
            let place = case.and_then(|case| case.place.clone()).unwrap_or((loaded.path.clone(), 1));
            (tidy(&place.0), place.1)
        };
        let places = variances.iter().map(|variance| place(&variance.variant)).collect();
        // What did not hold before is no change.
        let broken = broken
            .into_iter()
            .filter(|unmet| !before.broken.contains(&(unmet.variant.clone(), unmet.sentence.clone())))
            .map(|unmet| (unmet.variant, format!("{} ({})", unmet.sentence, unmet.held), unmet.place))
            .collect();
        all.push(Difference { name: held.name(), seeds: before.seeds.len(), variances, places, broken });
    }
    if request.json {
        output.print(&format!("{:#}\n", differences_json(&all)));
    } else {
        output.print(&text(&all, width()));
    }
    let written = |name: &str, content: &dyn Fn() -> String| match matches.get_one::<PathBuf>(name) {
        Some(place) => replace(place, content().as_bytes()),
        None => Ok(()),
    };
    written("junit", &|| junit(&all)).map_err(|error| usage(output, error))?;
    written("markdown", &|| markdown(&all)).map_err(|error| usage(output, error))?;
    if matches.get_flag("github") || std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true") {
        github(&all, output).map_err(|error| usage(output, error))?;
    }
    let fine = all.iter().all(|difference| difference.alarms().is_empty());
    Ok(if fine { Exit::Fine } else { Exit::Failed })
}

/// Annotations, and the summary where the runner wants it.
fn github(all: &[Difference], output: &mut Output) -> std::io::Result<()> {
    use std::io::Write as _;
    output.print(&annotations(all));
    let Some(place) = std::env::var_os("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(place)?;
    file.write_all(markdown(all).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_again_from_the_folder() {
        let file = relative(Path::new("a/b/c.yaml"), Path::new("results/baseline")).unwrap();
        assert_eq!(file, Path::new("../../a/b/c.yaml"));
        assert_eq!(tidy(&Path::new("results/baseline").join(file)), Path::new("a/b/c.yaml"));
        assert_eq!(tidy(Path::new("../x/./y")), Path::new("../x/y"));
    }
}
