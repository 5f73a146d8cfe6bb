//! What goes wrong while a tree is read as a type: rule, remedy and place.

use super::node::{Mark, Seg};
use super::words::{did_you_mean, list, shorten};
use serde::de::{self, Expected, Unexpected};
use std::fmt;

/// Why a node is not what its type wants.
#[derive(Debug)]
pub(super) struct Fail {
    pub(super) kind: Kind,
    /// Where; filled in by the innermost reader.
    pub(super) at: Option<Mark>,
    /// The way to the node that is wrong, innermost step first.
    pub(super) path: Vec<Seg>,
    pub(super) rule: String,
    pub(super) remedy: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something to report.
    Wrong,
    /// The last key on the path is none that the map can have.
    Key,
    /// This field is missing.
    Missing(&'static str),
    /// A follow-up of something that has been reported.
    Silent,
}

impl Fail {
    pub(super) fn new(rule: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind: Kind::Wrong, at: None, path: Vec::new(), rule: rule.into(), remedy: remedy.into() }
    }

    pub(super) fn silent() -> Self {
        Self { kind: Kind::Silent, ..Self::new("", "") }
    }

    /// The value `found` where `wanted` is expected: "a rate with its unit, such as `5/s`".
    pub(super) fn unwanted(found: &str, wanted: &str) -> Self {
        if let Some(fail) = without_unit(found, wanted).or_else(|| out_of_range(found, wanted)) {
            return fail;
        }
        let (what, examples) =
            wanted.split_once(", such as ").or_else(|| wanted.split_once(" such as ")).unwrap_or((wanted, ""));
        let found = shorten(found);
        let found = if found.is_empty() { "nothing".to_owned() } else { format!("`{found}`") };
        let remedy = if examples.is_empty() { format!("write {wanted}") } else { format!("write it like {examples}") };
        Self::new(format!("{found} is not {what}"), remedy)
    }

    /// Where it is, unless something further inside knows better.
    pub(super) fn located(mut self, at: Mark) -> Self {
        self.at.get_or_insert(at);
        self
    }

    /// One step further out.
    pub(super) fn under(mut self, seg: Seg) -> Self {
        self.path.push(seg);
        self
    }
}

/// A bare number where a quantity is wanted.
fn without_unit(found: &str, wanted: &str) -> Option<Fail> {
    let number: f64 = found.parse().ok().filter(|n: &f64| n.is_finite())?;
    let remedy = if number < 0.0 {
        return None;
    } else if wanted.starts_with("a duration") {
        if number == 0.0 {
            "write `0s`".to_owned()
        } else {
            format!("write `{found}ms` or `{found}s`, whichever it is")
        }
    } else if wanted.starts_with("a rate") {
        format!("write `{found}/s`, if it is per second")
    } else if wanted.starts_with("a share") {
        let percent = format!("{:.6}", if number <= 1.0 { number * 100.0 } else { number });
        format!("write `{}%`", percent.trim_end_matches('0').trim_end_matches('.'))
    } else {
        return None;
    };
    let what = wanted.split([',', ' ']).nth(1).unwrap_or("quantity");
    Some(Fail::new(format!("`{}` needs a unit: a {what} is wanted here", shorten(found)), remedy))
}

/// A number where another whole number is wanted.
fn out_of_range(found: &str, wanted: &str) -> Option<Fail> {
    let number: f64 = found.parse().ok().filter(|n: &f64| !n.is_nan() && wanted.starts_with("a whole number"))?;
    if number < 0.0 {
        return Some(Fail::new(format!("`{}` is negative", shorten(found)), format!("write {wanted}")));
    }
    (number == number.trunc())
        .then(|| Fail::new(format!("`{}` is too large", shorten(found)), format!("write a smaller number: {wanted}")))
}

fn describe(unexpected: &Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) if value.abs() >= 1e16 => format!("{value:e}"),
        Unexpected::Float(value) => value.to_string(),
        Unexpected::Str(text) => (*text).to_owned(),
        Unexpected::Unit | Unexpected::Option => String::new(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}

impl de::Error for Fail {
    fn custom<T: fmt::Display>(message: T) -> Self {
        // The quantities' readers say "`5x` is not a duration with its unit, such as `250ms`".
        let message = message.to_string();
        match message.split_once(", such as ") {
            Some((rule, examples)) => Self::new(shorten_middle(rule), format!("write it like {examples}")),
            None => Self::new(message, ""),
        }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = describe(&unexpected);
        match unexpected {
            Unexpected::Seq | Unexpected::Map => {
                let fail = Self::unwanted("", &expected.to_string());
                Self { rule: fail.rule.replacen("nothing is", &format!("{found} is"), 1), ..fail }
            }
            _ => Self::unwanted(&found, &expected.to_string()),
        }
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("there are {length} values here"), format!("write {expected}"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let rule = format!("`{}` is not one of the choices here", shorten(variant));
        Self::new(rule, did_you_mean(variant, expected.iter().copied(), "the choices are"))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let rule = format!("there is no field `{}` here", shorten(field));
        Self::new(rule, did_you_mean(field, expected.iter().copied(), "the fields here are"))
    }

    fn missing_field(field: &'static str) -> Self {
        let value = if field == "squall" { "1" } else { "…" };
        let fail = Self::new(format!("the field `{field}` is missing"), format!("add `{field}: {value}` here"));
        Self { kind: Kind::Missing(field), ..fail }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("the field `{field}` is here twice"), "keep one of them")
    }
}

/// Shortens the value in "`value` is not …".
fn shorten_middle(rule: &str) -> String {
    match rule.rsplit_once("` is not ") {
        Some((value, what)) => format!("`{}` is not {what}", shorten(value.trim_start_matches('`'))),
        None => rule.to_owned(),
    }
}

/// Too many or too few tags where exactly one is wanted.
pub(super) fn not_one<'a>(found: impl ExactSizeIterator<Item = &'a str>, allowed: &[&str]) -> Fail {
    let count = found.len();
    let what = if allowed.is_empty() {
        "write exactly one of them; in a list, give each its own `-`".to_owned()
    } else {
        format!("write exactly one of {}", list(allowed.iter().copied()).unwrap_or_default())
    };
    match list(found) {
        Some(names) if count > 1 => Fail::new(format!("{names} stand together, where one thing is wanted"), what),
        _ => Fail::new("nothing stands here, where one thing is wanted", what),
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.rule, self.remedy)
    }
}

impl std::error::Error for Fail {}
