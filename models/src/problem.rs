//! Something wrong in what a user wrote, located by its path in the file.

use std::fmt;

/// One thing that is wrong: where, what rule it breaks, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as a path of keys and list indices: `services.api.endpoints.get.steps.0.call`.
    pub path: String,
    /// What is wrong, with the value and the rule: "`queue.capacity` is 0 …".
    pub rule: String,
    /// What to do about it.
    pub remedy: String,
}

impl Problem {
    /// A problem at a path.
    pub fn new(path: impl Into<String>, rule: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { path: path.into(), rule: rule.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.path, self.rule, self.remedy)
    }
}
