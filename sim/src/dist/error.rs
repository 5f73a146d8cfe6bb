//! What a distribution says of parameters that it cannot have.

use std::error::Error;
use std::fmt;

use super::SMALLEST;

/// A parameter that no distribution of this kind can have.
#[derive(Clone, Debug, PartialEq)]
pub struct DistError {
    /// The parameter, by the name it has in the constructor; `weights[2]` for an element.
    pub field: String,
    /// The value it was given.
    pub value: f64,
    /// What the value must be.
    pub rule: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

impl DistError {
    pub(super) fn new(field: impl Into<String>, value: f64, rule: &'static str, remedy: &'static str) -> Self {
        Self { field: field.into(), value, rule, remedy }
    }
}

impl fmt::Display for DistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, but must be {}; {}", self.field, self.value, self.rule, self.remedy)
    }
}

impl Error for DistError {}

/// `value` if it is finite and above zero, by enough for its reciprocal's square to be finite.
pub(super) fn positive(field: &str, value: f64) -> Result<f64, DistError> {
    const REMEDY: &str = "for a fixed value, zero included, use a constant";
    require(value > 0.0 && value.is_finite(), field, value, "finite and above zero", REMEDY)?;
    require(value >= SMALLEST, field, value, "at least 1e-75", "use a constant zero, or a smaller unit")?;
    Ok(value)
}

/// `value` if it is finite and not negative; minus zero becomes zero.
pub(super) fn not_negative(field: &str, value: f64) -> Result<f64, DistError> {
    if value >= 0.0 && value.is_finite() {
        return Ok(value + 0.0);
    }
    Err(DistError::new(field, value, "finite and not negative", "give zero or a positive number"))
}

/// Fails with `rule` and `remedy` unless `holds`.
pub(super) fn require(
    holds: bool,
    field: impl Into<String>,
    value: f64,
    rule: &'static str,
    remedy: &'static str,
) -> Result<(), DistError> {
    if holds { Ok(()) } else { Err(DistError::new(field, value, rule, remedy)) }
}
