//! Reading one vector, and noting where squall differs from it.

// Each family uses another part of it.
#![allow(dead_code)]

use serde_json::Value;
use std::fmt::{self, Debug, Display};

/// One value that squall has otherwise than the library.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) file: String,
    pub(crate) vector: String,
    pub(crate) step: String,
    what: String,
    expected: String,
    got: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, vector, step, what, expected, got } = self;
        write!(f, "{file}, `{vector}`, step {step}: {what} is {expected} in the recording, {got} in squall")
    }
}

/// Compares squall with one vector.
#[derive(Debug)]
pub(crate) struct Check {
    file: String,
    vector: String,
    pub(crate) compared: usize,
    pub(crate) differences: Vec<Difference>,
}

impl Check {
    pub(super) fn new(file: &str, vector: &str) -> Self {
        Self { file: file.to_owned(), vector: vector.to_owned(), compared: 0, differences: Vec::new() }
    }

    /// The name of the vector, where runners tell their cases apart by it.
    pub(crate) fn name(&self) -> &str {
        &self.vector
    }

    /// Two values that must be equal.
    pub(crate) fn same<T: PartialEq + Debug>(&mut self, step: impl Display, what: &str, expected: T, got: T) {
        self.compared += 1;
        if expected != got {
            self.differs(step, what, format!("{expected:?}"), format!("{got:?}"));
        }
    }

    /// Two numbers that must be equal but for so much, which is for the rounding of units.
    pub(crate) fn near(&mut self, step: impl Display, what: &str, expected: f64, got: f64, tolerance: f64) {
        self.compared += 1;
        // Not-a-number is near nothing.
        let near = (expected - got).abs() <= tolerance;
        if !near {
            self.differs(step, what, expected.to_string(), got.to_string());
        }
    }

    fn differs(&mut self, step: impl Display, what: &str, expected: String, got: String) {
        let (file, vector, step) = (self.file.clone(), self.vector.clone(), step.to_string());
        self.differences.push(Difference { file, vector, step, what: what.to_owned(), expected, got });
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    let short: String = text.chars().take(120).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// A number under a key, or at a place in a list.
pub(crate) fn number(value: &Value, key: impl Key) -> Result<f64, String> {
    key.get(value).as_f64().ok_or_else(|| format!("there is no number `{}` in {}", key.shown(), shown(value)))
}

/// A number under a key; none if it is `null` or not there.
pub(crate) fn maybe(value: &Value, key: impl Key) -> Result<Option<f64>, String> {
    if key.get(value).is_null() { Ok(None) } else { number(value, key).map(Some) }
}

/// A whole number that is not negative.
pub(crate) fn count(value: &Value, key: impl Key) -> Result<u64, String> {
    let number = number(value, key)?;
    if number < 0.0 || number.fract() != 0.0 {
        return Err(format!("`{}` is {number}, which is no count", key.shown()));
    }
    Ok(number as u64)
}

pub(crate) fn text(value: &Value, key: impl Key) -> Result<&str, String> {
    key.get(value).as_str().ok_or_else(|| format!("there is no text `{}` in {}", key.shown(), shown(value)))
}

pub(crate) fn flag(value: &Value, key: impl Key) -> Result<bool, String> {
    key.get(value).as_bool().ok_or_else(|| format!("there is no true or false `{}` in {}", key.shown(), shown(value)))
}

pub(crate) fn list(value: &Value, key: impl Key) -> Result<&[Value], String> {
    let found = key.get(value).as_array().map(Vec::as_slice);
    found.ok_or_else(|| format!("there is no list `{}` in {}", key.shown(), shown(value)))
}

/// All numbers of a list.
pub(crate) fn numbers(value: &Value, key: impl Key) -> Result<Vec<f64>, String> {
    let items = list(value, key)?;
    (0..items.len()).map(|at| number(key.get(value), at)).collect()
}

/// A key of a map or a place in a list.
pub(crate) trait Key: Copy {
    fn get(self, value: &Value) -> &Value;
    fn shown(self) -> String;
}

impl Key for &str {
    fn get(self, value: &Value) -> &Value {
        &value[self]
    }
    fn shown(self) -> String {
        self.to_owned()
    }
}

impl Key for usize {
    fn get(self, value: &Value) -> &Value {
        &value[self]
    }
    fn shown(self) -> String {
        self.to_string()
    }
}
