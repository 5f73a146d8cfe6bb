//! What all that was found about a variant comes to: users first, then the system.

use super::{Finding, Standing};
use crate::experiment::quantity::{Quantity, Role};

/// What a variant's objectives come to together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The one that the others are compared with.
    Baseline,
    /// Something got better for users, and nothing worse for anybody.
    Helped,
    /// Something got better for users and nothing worse, but something got worse for the system.
    HelpedAtACost,
    /// Something got better for users and something worse.
    Mixed,
    /// No objective differs by more than the margin.
    NoDifference,
    /// Users see no difference; an objective that only the system sees differs.
    NoDifferenceToUsers,
    /// Something got worse for users and nothing better.
    MadeWorse,
    /// More seeds are needed.
    Undecided(Option<usize>),
    /// A bound, not a measure.
    Bound,
}

/// What was found about some of the objectives.
struct Tally {
    better: bool,
    worse: bool,
    /// For each that is open, the seeds that would tell.
    open: Vec<Option<usize>>,
}

impl Tally {
    fn of(findings: impl Iterator<Item = Finding>) -> Self {
        let mut tally = Self { better: false, worse: false, open: Vec::new() };
        for finding in findings {
            match finding {
                Finding::Better => tally.better = true,
                Finding::Worse => tally.worse = true,
                Finding::Undecided(seeds) => tally.open.push(seeds),
                Finding::Other | Finding::Same | Finding::NoData => {}
            }
        }
        tally
    }

    /// All have to be decided, so the slowest counts; what no number of seeds decides, nobody waits for.
    fn undecided(self, seeds: usize) -> Conclusion {
        let all: Option<Vec<usize>> = self.open.into_iter().collect();
        Conclusion::Undecided(all.and_then(|all| all.into_iter().max()).map(|most| most.max(seeds + 1)))
    }
}

/// Users decide; the system is asked only where nothing changes for them.
pub(super) fn conclude(standing: &Standing, quantities: &[Quantity]) -> Conclusion {
    let findings = |role: Role| {
        standing.comparisons.iter().filter(move |c| quantities[c.quantity].role == role).map(|c| c.finding)
    };
    let users = Tally::of(findings(Role::Users).chain(standing.answers.iter().map(|answers| answers.finding)));
    let system = Tally::of(findings(Role::System));
    match (users.better, users.worse) {
        (true, true) => Conclusion::Mixed,
        (false, true) => Conclusion::MadeWorse,
        (true, false) if system.worse => Conclusion::HelpedAtACost,
        (true, false) => Conclusion::Helped,
        (false, false) if !users.open.is_empty() => users.undecided(standing.seeds),
        (false, false) if system.better || system.worse => Conclusion::NoDifferenceToUsers,
        (false, false) if !system.open.is_empty() => system.undecided(standing.seeds),
        (false, false) => Conclusion::NoDifference,
    }
}
