//! The few colours that are used. Whether they reach the terminal is decided where text is written.

use anstyle::{AnsiColor, Style};
use std::fmt::Display;

/// A heading.
pub(crate) const HEADING: Style = Style::new().bold();
/// As expected.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Not as expected.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Less important.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Text in a style.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Breaks text into lines of at most `width` characters, between words.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.trim().split('\n') {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_broken_between_words() {
        assert_eq!(super::wrap("one two three\nfour", 8), ["one two", "three", "four"]);
        assert_eq!(super::wrap("incomprehensibilities", 8), ["incomprehensibilities"]);
    }
}
