//! The command line. One file for each subcommand; the parser, the help, the manual pages and the completions all come
//! from one table.

mod baseline;
mod check;
mod clock;
mod compare;
mod completions;
mod explain;
mod export;
mod fork;
mod init;
mod interrupt;
mod list;
mod man;
mod matrix;
mod output;
mod plot;
mod presets;
mod reference;
mod report;
mod run;
mod sampled;
mod schema;
mod select;
mod sweep;
mod tip;
mod trace;
mod watch;

use clap::{Arg, ArgMatches, Command};
use output::Output;
use std::ffi::OsString;
use std::process::ExitCode;

/// One subcommand.
struct Subcommand {
    name: &'static str,
    about: &'static str,
    build: fn(Command) -> Command,
    run: fn(&ArgMatches, &mut Output) -> Exit,
}

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { name: "run", about: run::ABOUT, build: run::build, run: run::run },
    Subcommand { name: "compare", about: compare::ABOUT, build: compare::build, run: compare::run },
    Subcommand { name: "matrix", about: matrix::ABOUT, build: matrix::build, run: matrix::run },
    Subcommand { name: "sweep", about: sweep::ABOUT, build: sweep::build, run: sweep::run },
    Subcommand { name: "merge", about: sweep::MERGE_ABOUT, build: sweep::build_merge, run: sweep::run_merge },
    Subcommand { name: "tip", about: tip::ABOUT, build: tip::build, run: tip::run },
    Subcommand { name: "fork", about: fork::ABOUT, build: fork::build, run: fork::run },
    Subcommand { name: "explain", about: explain::ABOUT, build: explain::build, run: explain::run },
    Subcommand { name: "baseline", about: baseline::ABOUT, build: baseline::build, run: baseline::run },
    Subcommand { name: "diff", about: baseline::DIFF_ABOUT, build: baseline::build_diff, run: baseline::run_diff },
    Subcommand { name: "check", about: check::ABOUT, build: check::build, run: check::run },
    Subcommand { name: "plot", about: plot::ABOUT, build: plot::build, run: plot::run },
    Subcommand { name: "report", about: report::ABOUT, build: report::build, run: report::run },
    Subcommand { name: "trace", about: trace::ABOUT, build: trace::build, run: trace::run },
    Subcommand { name: "export", about: export::ABOUT, build: export::build, run: export::run },
    Subcommand { name: "list", about: list::ABOUT, build: list::build, run: list::run },
    Subcommand { name: "schema", about: schema::ABOUT, build: schema::build, run: schema::run },
    Subcommand { name: "init", about: init::ABOUT, build: init::build, run: init::run },
    Subcommand { name: "completions", about: completions::ABOUT, build: completions::build, run: completions::run },
    Subcommand { name: "man", about: man::ABOUT, build: man::build, run: man::run },
];

const AFTER_HELP: &str = "\
Start with `squall init` and `squall run squall.yaml`.

Exit codes: 0 fine, 1 an expectation failed, 2 bad usage or an invalid scenario,
3 squall contradicted itself (a bug), 130 interrupted.";

/// How squall ends, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is as expected.
    Fine,
    /// An expectation failed.
    Failed,
    /// Bad usage, an invalid scenario, or something that cannot be read or written.
    Usage,
    /// Ctrl-C.
    Interrupted,
    /// An invariant of squall itself broke.
    Broken,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Interrupted => 130,
            Exit::Broken => 3,
        })
    }
}

/// Does what the arguments say.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => {
            // If not even this can be printed, the exit code has to do.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Fine };
        }
    };
    let mut output = Output::new(matches.get_one::<String>("color").map(String::as_str));
    let Some((name, matches)) = matches.subcommand() else {
        return Exit::Usage;
    };
    let Some(subcommand) = SUBCOMMANDS.iter().find(|subcommand| subcommand.name == name) else {
        return Exit::Usage;
    };
    let exit = (subcommand.run)(matches, &mut output);
    output.finish(exit)
}

/// The whole command line.
#[must_use]
pub fn command() -> Command {
    let color = Arg::new("color")
        .long("color")
        .global(true)
        .value_name("WHEN")
        .value_parser(["auto", "always", "never"])
        .default_value("auto")
        .hide_default_value(true)
        .hide_possible_values(true)
        .display_order(100)
        .help("Use colours: auto, always or never; auto heeds NO_COLOR and a pipe");
    let root = Command::new("squall")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A deterministic failure simulator for service graphs, caches, pools and clients")
        .after_help(AFTER_HELP)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .infer_long_args(false)
        .arg(color);
    SUBCOMMANDS.iter().fold(root, |root, subcommand| {
        root.subcommand((subcommand.build)(Command::new(subcommand.name).about(subcommand.about)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_worst_exit_wins() {
        assert_eq!([Exit::Fine, Exit::Broken, Exit::Failed].into_iter().max(), Some(Exit::Broken));
        assert!(Exit::Interrupted > Exit::Failed);
    }
}
