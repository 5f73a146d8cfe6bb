//! What happened in a run, why, and to whom: from its report and its world to a diagnosis.
//!
//! Everything here is about one run, and pure: no file, no thread, nothing that the report does not hold. Times are in
//! seconds since the beginning of the run, shares from 0 to 1. The fields are those of `explain.json`, which is
//! documented in `docs/reference/results.md`; the rules are in `docs/background/diagnosis.md`.

mod causes;
mod deeds;
mod demand;
mod facts;
mod radius;
mod spread;
mod steady;

pub use causes::Cause;
pub use deeds::{Deed, Role};
pub use radius::{Affected, Grade, Radius};
pub use steady::{Level, Steady};

use crate::scenario::Case;
use facts::Facts;
use serde::{Deserialize, Serialize};
use squall_models::report::Report;

/// The diagnosis of one run.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Diagnosis {
    /// The variant.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// From when to when something was wrong; `None` if nothing was.
    pub trouble: Option<Trouble>,
    /// The faults that had begun by then, or began later, in the order of the file.
    pub triggers: Vec<Trigger>,
    /// What else was done to the system, by whom, and what it did by itself, by time.
    #[serde(default)]
    pub deeds: Vec<Deed>,
    /// Where it began.
    pub origin: Option<Origin>,
    /// What failed or filled up, in order.
    pub propagation: Vec<Step>,
    /// The causes that something speaks for, the likeliest first: the verdict, the runner-up, and so on.
    pub causes: Vec<Finding>,
    /// Who waits for whom in a circle.
    pub cycles: Vec<Cycle>,
    /// How far it reached.
    pub radius: Radius,
    /// Clients that stay collapsed though the last fault is over.
    pub metastable: Vec<String>,
    /// Work that was done for nobody, by service, the most first.
    pub wasted: Vec<Wasted>,
    /// Load that retries and reloads added, by service, the most first.
    pub amplified: Vec<Amplified>,
    /// The steady-state hypothesis of each client before, during and after.
    pub steady: Vec<Steady>,
}

/// A stretch of time in which something was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct Trouble {
    /// From when.
    pub from_s: f64,
    /// Until when.
    pub to_s: f64,
    /// It was over before the run was.
    pub recovered: bool,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Trigger {
    /// Its number in the file, from 1.
    pub number: usize,
    /// When it began.
    pub at_s: f64,
    /// When it ended; `None` if it stays.
    pub until_s: Option<f64>,
    /// What it is.
    pub what: String,
}

/// Where a failure began.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Origin {
    /// The component.
    pub component: String,
    /// When.
    pub at_s: f64,
    /// Why it is held to be the origin.
    pub evidence: String,
}

/// One step of a failure on its way through the system.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Step {
    /// When it failed or filled up.
    pub at_s: f64,
    /// How long after the origin.
    pub after_s: f64,
    /// What.
    pub component: String,
    /// What was seen.
    pub evidence: String,
    /// The component that failed before and that it calls, is called by, or belongs to.
    pub through: Option<String>,
}

/// A cause, and what speaks for it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// How much speaks for it, from 0 to 1. It is no probability.
    pub score: f64,
    /// What speaks for it.
    pub evidence: Vec<String>,
}

/// A circle of components.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Cycle {
    /// Each waits for the next, the last for the first.
    pub components: Vec<String>,
    /// When it closed for good; `None` for one that only timeouts keep opening.
    pub closed_at_s: Option<f64>,
    /// Calls that are stuck in it or behind it.
    pub stuck: u64,
}

/// Work done for nobody.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Wasted {
    /// The service.
    pub service: String,
    /// The share of its work after the warm-up.
    pub share: f64,
    /// The same in seconds of work.
    pub work_s: f64,
}

/// Load that retries and reloads added.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Amplified {
    /// The service.
    pub service: String,
    /// Calls for each call that no retry or reload caused, before.
    pub before: Option<f64>,
    /// The same while something was wrong.
    pub during: f64,
}

/// Diagnoses one run of a case.
#[must_use]
pub fn diagnose(case: &Case, report: &Report) -> Diagnosis {
    let facts = Facts::new(case, report);
    let begun = facts.trouble.is_some();
    Diagnosis {
        variant: case.name.clone(),
        seed: report.seed,
        trouble: facts.trouble,
        triggers: facts.triggers(),
        deeds: deeds::deeds(&report.actions),
        origin: spread::origin(&facts),
        propagation: spread::propagation(&facts),
        causes: if begun { causes::causes(&facts) } else { Vec::new() },
        cycles: facts.cycles(),
        radius: radius::radius(&facts),
        metastable: facts.metastable(),
        wasted: facts.wasted(),
        amplified: if begun { facts.amplified() } else { Vec::new() },
        steady: steady::steady(&facts),
    }
}

/// Four digits after the point: enough for a person, and none that a rounding error has made.
fn round(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests;
