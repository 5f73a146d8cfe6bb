//! `squall plot`: pictures of results.

use super::Exit;
use super::output::Output;
use super::run::seconds;
use super::select::unknown;
use crate::record::results::Results;
use crate::report::plots::{Look, PLOTS, Picture, Plot, Undrawn, View};
use crate::report::style::{HEADING, paint};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::path::{Path, PathBuf};

pub(super) const ABOUT: &str = "Draw results as SVG and PNG";

const AFTER_HELP: &str = "\
Examples:
  squall plot --list                                    what can be drawn
  squall plot results/local/er-2                        everything that there is
  squall plot results/local/er-2 goodput fates          these two
  squall plot results/local/er-2 topology --at 115s     the system at an instant
  squall plot results/local/tip                         what `squall tip` has found

Pictures are the same bytes every time, and need no fonts on the machine.";

pub(super) fn build(command: Command) -> Command {
    command
        .arg(
            Arg::new("results")
                .value_name("RESULTS")
                .required_unless_present("list")
                .value_parser(value_parser!(PathBuf))
                .help("A folder that `squall run`, `compare`, `sweep` or `tip` has written with --out"),
        )
        .arg(
            Arg::new("name").value_name("NAME").num_args(0..).help("What to draw [default: all that the results hold]"),
        )
        .arg(Arg::new("list").long("list").action(ArgAction::SetTrue).help("List what can be drawn"))
        .arg(
            Arg::new("out")
                .long("out")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Where to write [default: `plots` in RESULTS]"),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(["svg", "png", "both"])
                .default_value("both")
                .help("What to write"),
        )
        .arg(variant())
        .arg(seed())
        .arg(at("The instant of `topology` [default: after the last failure]"))
        .arg(
            Arg::new("width")
                .long("width")
                .value_name("PIXELS")
                .value_parser(value_parser!(u32).range(400..=2000))
                .default_value("800")
                .help("Width of a picture"),
        )
        .arg(
            Arg::new("scale")
                .long("scale")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..=4))
                .default_value("1")
                .help("Pixels of a PNG for each of --width, for fine screens and print"),
        )
        .after_help(AFTER_HELP)
}

/// Which variants to show.
pub(super) fn variant() -> Arg {
    Arg::new("variant")
        .long("variant")
        .value_name("NAME")
        .action(ArgAction::Append)
        .help("Show only this variant; may be repeated")
}

/// Which seed to show.
pub(super) fn seed() -> Arg {
    Arg::new("seed")
        .long("seed")
        .value_name("N")
        .value_parser(value_parser!(u64))
        .help("The seed to show where only one can be [default: the first]")
}

/// Which instant to show.
pub(super) fn at(help: &'static str) -> Arg {
    Arg::new("at").long("at").value_name("TIME").value_parser(seconds).help(help)
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    if matches.get_flag("list") {
        output.print(&list());
        return Exit::Fine;
    }
    match draw(matches, output) {
        Ok(()) => Exit::Fine,
        Err(error) => {
            output.error(error);
            Exit::Usage
        }
    }
}

fn list() -> String {
    let wide = PLOTS.iter().map(|plot| plot.name.len()).max().unwrap_or(0);
    let line = |plot: &Plot| format!("  {:wide$}  {}\n", plot.name, plot.about);
    format!(
        "{}\n{}",
        paint(HEADING, "What `squall plot RESULTS NAME` draws"),
        PLOTS.iter().map(line).collect::<String>()
    )
}

/// The plots that are meant: those that are named, or all.
fn chosen(matches: &ArgMatches) -> Result<(Vec<&'static Plot>, bool), String> {
    let names: Vec<&String> = matches.get_many("name").into_iter().flatten().collect();
    if names.is_empty() {
        return Ok((PLOTS.iter().collect(), false));
    }
    let known: Vec<&str> = PLOTS.iter().map(|plot| plot.name).collect();
    let find = |name: &&String| {
        PLOTS.iter().find(|plot| plot.name == name.as_str()).ok_or_else(|| unknown("plot", name, &known))
    };
    Ok((names.iter().map(find).collect::<Result<_, _>>()?, true))
}

/// How a person wants to look at results, checked against what they hold.
pub(super) fn look(matches: &ArgMatches, results: &Results, width: f64) -> Result<Look, String> {
    let variants: Vec<String> = matches.get_many::<String>("variant").into_iter().flatten().cloned().collect();
    let known: Vec<&str> = results.variants.iter().map(String::as_str).collect();
    if let Some(strange) = variants.iter().find(|name| !results.variants.contains(name)) {
        return Err(unknown("variant", strange, &known));
    }
    let seed = matches.get_one::<u64>("seed").copied();
    if let Some(seed) = seed.filter(|seed| !results.seeds.contains(seed)) {
        let (first, last) = (results.seeds.first(), results.seeds.last());
        return Err(format!(
            "seed {seed} was not run; the results hold {} to {}",
            first.unwrap_or(&0),
            last.unwrap_or(&0)
        ));
    }
    // Not every command that looks at results looks at an instant.
    let at = matches.try_get_one::<f64>("at").ok().flatten().copied();
    Ok(Look { width, variants, seed, at })
}

fn draw(matches: &ArgMatches, output: &mut Output) -> Result<(), String> {
    let (plots, named) = chosen(matches)?;
    let Some(folder) = matches.get_one::<PathBuf>("results") else { return Err("name a results folder".to_owned()) };
    let results = Results::open_any(folder).map_err(|error| error.to_string())?;
    let width = f64::from(matches.get_one::<u32>("width").copied().unwrap_or(800));
    let look = look(matches, &results, width)?;
    let place = matches.get_one::<PathBuf>("out").cloned().unwrap_or_else(|| folder.join("plots"));
    std::fs::create_dir_all(&place).map_err(|error| format!("cannot create {}: {error}", place.display()))?;
    let format = matches.get_one::<String>("format").map_or("both", String::as_str);
    let scale = matches.get_one::<u32>("scale").copied().unwrap_or(1);
    let view = View::new(&results, &look);
    for plot in plots {
        let picture = match plot.draw(&view) {
            Ok(picture) => picture,
            Err(Undrawn::Nothing(_)) if !named && plot.of != results.contents => continue,
            Err(Undrawn::Nothing(why)) if !named => {
                output.tell(&format!("{} is left out: {why}", plot.name));
                continue;
            }
            Err(error) => return Err(format!("{}: {error}", plot.name)),
        };
        for path in write(&picture, &place, plot.name, format, scale)? {
            output.print(&format!("{}\n", path.display()));
        }
    }
    Ok(())
}

fn write(picture: &Picture, place: &Path, name: &str, format: &str, scale: u32) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    if format != "png" {
        files.push(("svg", picture.svg().map_err(|error| error.to_string())?.into_bytes()));
    }
    if format != "svg" {
        files.push(("png", picture.png(scale).map_err(|error| error.to_string())?));
    }
    let mut written = Vec::new();
    for (ending, bytes) in files {
        let path = place.join(format!("{name}.{ending}"));
        std::fs::write(&path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}
