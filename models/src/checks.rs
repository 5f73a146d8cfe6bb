//! Collects what is wrong in a policy's numbers, by field.

use crate::problem::Problem;

/// Problems of one policy; their paths start at its family: `vegas.initial`.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    member: &'a str,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(crate) fn of(member: &'a str) -> Self {
        Self { member, found: Vec::new() }
    }

    /// A rule about a field, with what to do when it does not hold.
    pub(crate) fn require(&mut self, holds: bool, field: &str, rule: impl Into<String>, remedy: &str) -> &mut Self {
        if !holds {
            self.found.push(Problem::new(format!("{}.{field}", self.member), rule, remedy));
        }
        self
    }

    /// A factor that has to lie between two numbers.
    pub(crate) fn between(&mut self, value: f64, low: f64, high: f64, field: &str) -> &mut Self {
        let holds = value >= low && value <= high;
        self.require(
            holds,
            field,
            format!("{value} is not between {low} and {high}"),
            "the library's default is a good start",
        )
    }

    /// A number of something that has to lie between two others.
    pub(crate) fn count(&mut self, value: u64, low: u64, high: u64, field: &str) -> &mut Self {
        let holds = value >= low && value <= high;
        self.require(holds, field, format!("{value} is not between {low} and {high}"), "choose a number in that range")
    }

    /// A duration that must not be zero.
    pub(crate) fn positive(&mut self, value: crate::units::Duration, field: &str) -> &mut Self {
        self.require(!value.span().is_zero(), field, format!("`{value}` is no time at all"), "give it some length")
    }

    pub(crate) fn into_found(self) -> Vec<Problem> {
        self.found
    }
}
