//! How often something may be tried.

use serde::Serialize;

/// How often something may be tried: a number, or `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempts {
    /// Until something else ends it.
    Unlimited,
    /// So many times.
    #[serde(untagged)]
    At(u16),
}

crate::spec::number_or_word!(Attempts, u16, At, "unlimited", Unlimited);

impl Attempts {
    /// As a number. A call ends after 65,535 attempts at the latest.
    pub(super) const fn number(self) -> u16 {
        match self {
            Self::Unlimited => u16::MAX,
            Self::At(number) => number,
        }
    }

    /// The attempts that so many retries make, the first attempt included.
    pub(super) const fn after_first(self) -> u16 {
        self.number().saturating_add(1)
    }
}
