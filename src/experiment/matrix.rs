//! Mitigations laid over scenarios: what there is to say about each pair.

use super::compare::{Compared, Standing};
use super::fold::{Judged, Outcome};
use crate::scenario::UNMITIGATED;
use std::collections::BTreeMap;

/// One scenario of a matrix, with all that was laid over it.
#[derive(Clone, Debug)]
pub struct Laid {
    /// The scenario's name.
    pub scenario: String,
    /// All variants against the scenario as it stands: the mitigations of the matrix and its own.
    pub compared: Compared,
    /// What they came to.
    pub outcomes: Vec<Outcome>,
    /// The variants that are the scenario's own.
    pub own: Vec<String>,
    /// Mitigations that cannot be laid over it, and why.
    pub unfit: BTreeMap<String, String>,
}

impl Laid {
    /// How a mitigation stands.
    #[must_use]
    pub fn standing(&self, mitigation: &str) -> Option<&Standing> {
        self.compared.standings.iter().find(|standing| standing.name == mitigation)
    }

    /// What the scenario expects of its own variants, and what came of it.
    pub fn judged(&self) -> impl Iterator<Item = (&str, &Judged)> {
        let own = |outcome: &&Outcome| outcome.name == UNMITIGATED || self.own.contains(&outcome.name);
        self.outcomes.iter().filter(own).flat_map(|outcome| outcome.judged.iter().map(|j| (outcome.name.as_str(), j)))
    }

    /// Whether all is as the scenario expects.
    #[must_use]
    pub fn as_expected(&self) -> bool {
        self.judged().all(|(_, judged)| judged.verdict().ok)
    }
}
