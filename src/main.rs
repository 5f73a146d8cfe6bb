//! squall: which of these policies would have kept us up?

use std::process::ExitCode;

fn main() -> ExitCode {
    squall::cli::main(std::env::args_os()).into()
}
