//! `squall init`: a scenario to start from.

use super::Exit;
use super::output::Output;
use super::select::quoted;
use clap::{Arg, ArgMatches, Command, value_parser};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

pub(super) const ABOUT: &str = "Write a commented scenario to start from";

const STARTER: &str = include_str!("starter.yaml");

pub(super) fn build(command: Command) -> Command {
    command.arg(
        Arg::new("file")
            .value_name("FILE")
            .default_value("squall.yaml")
            .value_parser(value_parser!(PathBuf))
            .help("Where to; a file that is there is not overwritten"),
    )
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let Some(path) = matches.get_one::<PathBuf>("file") else {
        return Exit::Usage;
    };
    let shown = path.display();
    // `create_new` leaves no moment between looking and writing in which a file could appear.
    let written = OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| {
        let result = file.write_all(STARTER.as_bytes());
        if result.is_err() {
            let _ = std::fs::remove_file(path);
        }
        result
    });
    match written {
        Ok(()) => {
            let file = quoted(&shown.to_string());
            output.print(&format!("wrote {shown}; now try\n  squall check {file}\n  squall run {file}\n"));
            Exit::Fine
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            output.error(format_args!(
                "{shown} is already there and stays as it is; name another file: squall init FILE"
            ));
            Exit::Usage
        }
        Err(error) => {
            output.error(format_args!("cannot write {shown}: {error}"));
            Exit::Usage
        }
    }
}
