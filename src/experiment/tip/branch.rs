//! The two ways to a state: from a healthy system, or after a trigger.

use crate::scenario::{Case, Loaded};
use squall_models::report::{Ending, Report};
use squall_models::spec::{Arrivals, Fault, World};
use squall_models::units::Duration;
use squall_models::{Blueprint, Settings};

/// The push where a scenario has no trigger of its own: this many times the load, from a quarter of the run on, for a tenth.
const PUSH: f64 = 3.0;

/// The way to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Branch {
    /// From a healthy system, without the trigger.
    Up,
    /// After the trigger.
    Down,
}

impl Branch {
    /// The name in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// The branches that make sense for a path: what is about a fault cannot be looked at without it.
#[must_use]
pub fn branches(path: &str) -> Vec<Branch> {
    if path.starts_with("faults.") { vec![Branch::Down] } else { vec![Branch::Up, Branch::Down] }
}

/// Whether fewer than half of the requests that arrived in the last fifth of a run ended well, or so many piled up that it
/// ended early.
#[must_use]
pub fn collapsed(report: &Report) -> bool {
    if matches!(report.ending, Ending::EventLimit | Ending::InFlightLimit) {
        return true;
    }
    let series = &report.series;
    let from = series.len() - series.len() / 5;
    let sum = |metric: &str| -> f64 {
        let of = series.columns.iter().filter(|c| c.metric == metric && c.component.starts_with("clients."));
        of.filter_map(|c| series.column(&c.component, metric))
            .flat_map(|values| values.skip(from))
            .filter(|v| v.is_finite())
            .sum()
    };
    sum("goodput") < 0.5 * sum("offered")
}

/// A variant as it is on a branch.
///
/// # Errors
/// It cannot be built.
pub fn on_branch(loaded: &Loaded, variant: &str, branch: Branch) -> Result<Case, String> {
    let case =
        loaded.cases.iter().find(|case| case.name == variant).ok_or(format!("there is no variant `{variant}`"))?;
    let mut world = case.world.clone();
    match branch {
        Branch::Up => world.faults.clear(),
        Branch::Down if world.faults.is_empty() => push(&mut world, &loaded.settings),
        Branch::Down => {}
    }
    let settings = Settings { windows: Vec::new(), ..loaded.settings.clone() };
    let blueprint = Blueprint::new(&world, settings).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(|problem| format!("{}: {}", problem.path, problem.rule)).collect();
        told.join("; ")
    })?;
    Ok(Case { world, blueprint, expectations: Vec::new(), ..case.clone() })
}

fn push(world: &mut World, settings: &Settings) {
    let duration = settings.duration.seconds();
    for (name, client) in &world.clients {
        let open = matches!(
            client.arrivals,
            Arrivals::Poisson { .. }
                | Arrivals::Deterministic { .. }
                | Arrivals::Gamma { .. }
                | Arrivals::Bursty { .. }
        );
        if open {
            world.faults.push(Fault::Surge {
                at: Duration::from_seconds(0.25 * duration),
                r#for: Some(Duration::from_seconds(0.1 * duration)),
                chance: None,
                client: name.clone(),
                factor: PUSH,
            });
        }
    }
}
