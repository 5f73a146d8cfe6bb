//! `squall completions`: what a shell needs to complete squall's arguments.

use super::Exit;
use super::output::Output;
use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;

pub(super) const ABOUT: &str = "Print a completion script for a shell";

pub(super) fn build(command: Command) -> Command {
    command
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell)).help("The shell"))
        .after_help("For bash: squall completions bash > ~/.local/share/bash-completion/completions/squall")
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let Some(shell) = matches.get_one::<Shell>("shell") else {
        return Exit::Usage;
    };
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut super::command(), "squall", &mut script);
    output.print(&String::from_utf8_lossy(&script));
    Exit::Fine
}
