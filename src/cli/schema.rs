//! `squall schema`: the JSON Schema of a scenario file.

use super::Exit;
use super::output::Output;
use clap::{ArgMatches, Command};

pub(super) const ABOUT: &str = "Print the JSON Schema (draft-07) of a scenario file, for editors";

pub(super) fn build(command: Command) -> Command {
    command.after_help(
        "In VS Code with the YAML extension: save it, and put this on top of a scenario:\n  \
         # yaml-language-server: $schema=squall.schema.json",
    )
}

pub(super) fn run(_: &ArgMatches, output: &mut Output) -> Exit {
    output.print(&format!("{:#}\n", crate::scenario::schema()));
    Exit::Fine
}
