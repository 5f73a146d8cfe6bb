//! Where text goes: results to stdout, the rest to stderr, both without a panic when nobody reads any more.

use super::Exit;
use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Columns where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 80;

/// What every colour begins with.
const ESCAPE: char = '\u{1b}';

/// The two streams.
pub(super) struct Output {
    color: ColorChoice,
    /// What kept stdout from being written, other than a reader who has left.
    failed: Option<io::Error>,
    /// The reader has left: there is no point in going on.
    closed: bool,
}

impl Output {
    pub(super) fn new(color: Option<&str>) -> Self {
        let color = match color {
            Some("always") => ColorChoice::Always,
            Some("never") => ColorChoice::Never,
            _ => ColorChoice::Auto,
        };
        Self { color, failed: None, closed: false }
    }

    /// Writes a part of the result.
    pub(super) fn print(&mut self, text: &str) {
        if self.closed || self.failed.is_some() {
            return;
        }
        let mut stdout = io::stdout().lock();
        // Tables of many megabytes have no colours that somebody would have to look for byte by byte.
        let written = if text.contains(ESCAPE) {
            anstream::AutoStream::new(&mut stdout, self.color).write_all(text.as_bytes())
        } else {
            stdout.write_all(text.as_bytes())
        };
        match written.and_then(|()| stdout.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => self.failed = Some(error),
        }
    }

    /// Writes a message for the person at the terminal.
    pub(super) fn tell(&self, text: &str) {
        let mut stream = anstream::AutoStream::new(io::stderr().lock(), self.color);
        // There is nowhere left to complain about a stderr that cannot be written.
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.write_all(b"\n"));
    }

    /// A person watches stderr, and may see colours.
    pub(super) fn draws(&self) -> bool {
        let stream = anstream::AutoStream::new(io::stderr(), self.color);
        io::stderr().is_terminal() && stream.current_choice() != ColorChoice::Never
    }

    /// Says what is wrong.
    pub(super) fn error(&self, text: impl Display) {
        self.label("error", AnsiColor::Red.on_default().bold(), text);
    }

    /// Says what looks wrong.
    pub(super) fn warning(&self, text: impl Display) {
        self.label("warning", AnsiColor::Yellow.on_default().bold(), text);
    }

    fn label(&self, label: &str, style: Style, text: impl Display) {
        self.tell(&format!("{style}{label}{style:#}: {text}"));
    }

    /// The exit code, after everything was written or could not be.
    pub(super) fn finish(self, exit: Exit) -> Exit {
        match &self.failed {
            Some(error) => {
                self.error(format_args!("cannot write to standard output: {error}"));
                exit.max(Exit::Usage)
            }
            None => exit,
        }
    }
}

/// Columns to fill: what `COLUMNS` says, or the terminal's, or 80.
pub(super) fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    told.or_else(|| {
        let terminal = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
        terminal.map(|(width, _)| usize::from(width.0))
    })
    .unwrap_or(DEFAULT_WIDTH)
}
