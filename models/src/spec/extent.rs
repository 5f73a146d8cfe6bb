//! How far a fault goes: which replicas, which messages, which way.

use crate::units::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How fast a link is, for messages of one size.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// What it carries each second, each way.
    pub per_second: Bytes,
    /// The size of a message.
    pub message: Bytes,
}

/// Which messages between two groups are stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// All of them.
    #[default]
    Both,
    /// Those from the first group to the second: the calls that it makes, and its answers.
    ToThose,
    /// Those from the second group to the first.
    ToThese,
}

/// What somebody gets who asks where a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// No answer: all calls fail with `refused`.
    #[default]
    Nothing,
    /// The answer of the moment when it began: replicas that have come since are not known, and those that have gone still are.
    OldOnes,
}

/// What a shard holds when it is back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Back {
    /// Nothing.
    #[default]
    Nothing,
    /// What it held when it was lost. What is still good of that is served, and counted as `stale`.
    OldEntries,
}

/// How many replicas of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Replicas {
    /// Every one.
    #[default]
    All,
    /// The first so many.
    #[serde(untagged)]
    First(u32),
}

number_or_word!(Replicas, u32, First, "all", All);

/// Which messages a partition stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Calls and answers.
    #[default]
    Both,
    /// Calls only; the callee never hears of them.
    Calls,
    /// Answers only; the callee works for nothing.
    Answers,
}
