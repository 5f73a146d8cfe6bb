//! What a breaker or an ejector cannot have: windows too large to keep, spans of nothing.

use crate::problem::Problem;
use crate::units::{Duration, Share};

/// The most calls or slices of time in a window: each breaker keeps one for each edge and caller.
pub(crate) const MOST: u64 = 100_000;

fn problem(problems: &mut Vec<Problem>, path: &str, field: &str, rule: String, remedy: &str) {
    problems.push(Problem::new(format!("{path}.{field}"), rule, remedy));
}

/// A count of calls or slices: at least one, at most [`MOST`].
pub(crate) fn count(problems: &mut Vec<Problem>, path: &str, field: &str, value: u64) {
    if !(1..=MOST).contains(&value) {
        let remedy = if value == 0 { "use at least 1" } else { "use at most 100000" };
        problem(problems, path, field, format!("{value} is not between 1 and {MOST}"), remedy);
    }
}

/// A span that must not be nothing.
pub(crate) fn span(problems: &mut Vec<Problem>, path: &str, field: &str, value: Duration) {
    if value.span().is_zero() {
        problem(problems, path, field, "a duration of zero makes no sense here".into(), "use a duration above zero");
    }
}

/// A span that the library counts in whole milliseconds.
pub(crate) fn millis(problems: &mut Vec<Problem>, path: &str, field: &str, value: Duration) {
    if value.span().nanos() < 1_000_000 {
        problem(problems, path, field, format!("{value} is less than a millisecond"), "use at least `1ms`");
    }
}

/// A window of whole seconds.
pub(crate) fn seconds(problems: &mut Vec<Problem>, path: &str, field: &str, value: Duration) {
    let nanos = value.span().nanos();
    let whole = nanos / 1_000_000_000;
    if !nanos.is_multiple_of(1_000_000_000) || !(1..=MOST).contains(&whole) {
        let rule = format!("{value} is not a whole number of seconds between 1 and {MOST}");
        problem(problems, path, field, rule, "use whole seconds, such as `10s`");
    }
}

/// A share that must be more than nothing.
pub(crate) fn share(problems: &mut Vec<Problem>, path: &str, field: &str, value: Share) {
    if value.get() <= 0.0 {
        problem(problems, path, field, "a share of 0% is always reached".into(), "use a share above `0%`");
    }
}

/// A share that must be neither nothing nor everything.
pub(crate) fn inner_share(problems: &mut Vec<Problem>, path: &str, field: &str, value: Share) {
    if value.get() <= 0.0 || value.get() >= 1.0 {
        let rule = format!("{value} is not between 0% and 100%, both excluded");
        problem(problems, path, field, rule, "use a share such as `50%`");
    }
}

/// A window of time that is cut into so many slices: each slice needs some length.
pub(crate) fn slices(problems: &mut Vec<Problem>, path: &str, field: &str, window: Duration, slices: u64, least: u64) {
    if window.span().nanos() / slices.max(1) < least.max(1) {
        let rule = format!("{window} is too short to be cut into {slices} slices");
        problem(problems, path, field, rule, "use a longer window or fewer slices");
    }
}
