//! `squall man`: manual pages.

use super::Exit;
use super::output::Output;
use clap::{Arg, ArgMatches, Command, value_parser};
use std::io;
use std::path::{Path, PathBuf};

pub(super) const ABOUT: &str = "Print the manual page, or write one for each command into a folder";

pub(super) fn build(command: Command) -> Command {
    command.arg(
        Arg::new("dir")
            .value_name("DIR")
            .value_parser(value_parser!(PathBuf))
            .help("Write squall.1, squall-run.1 … into this folder, which is made if need be"),
    )
}

pub(super) fn run(matches: &ArgMatches, output: &mut Output) -> Exit {
    let Some(dir) = matches.get_one::<PathBuf>("dir") else {
        return match page(super::command()) {
            Ok(page) => {
                output.print(&String::from_utf8_lossy(&page));
                Exit::Fine
            }
            Err(error) => failed(output, "make the manual page", Path::new("squall.1"), &error),
        };
    };
    if let Err(error) = std::fs::create_dir_all(dir) {
        return failed(output, "create", dir, &error);
    }
    for (name, command) in pages() {
        let path = dir.join(format!("{name}.1"));
        if let Err(error) = page(command).and_then(|page| std::fs::write(&path, page)) {
            return failed(output, "write", &path, &error);
        }
        output.print(&format!("{}\n", path.display()));
    }
    Exit::Fine
}

fn failed(output: &Output, what: &str, path: &Path, error: &io::Error) -> Exit {
    output.error(format_args!("cannot {what} {}: {error}", path.display()));
    Exit::Usage
}

fn pages() -> Vec<(String, Command)> {
    let root = super::command();
    let of = |sub: &Command| {
        let (name, bin) = (format!("squall-{}", sub.get_name()), format!("squall {}", sub.get_name()));
        (name, sub.clone().display_name(bin.clone()).bin_name(bin))
    };
    let subs: Vec<_> = root.get_subcommands().map(of).collect();
    std::iter::once(("squall".to_owned(), root)).chain(subs).collect()
}

fn page(command: Command) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command).render(&mut bytes)?;
    Ok(bytes)
}
