//! What `squall check` prints: what is in the file, and the load to expect.

use super::number::{or_dash, percent, rate, time};
use super::style::{BAD, DIM, GOOD, HEADING, paint, wrap};
use super::table::table;
use super::text::plural;
use crate::scenario::check::{Estimate, estimate};
use crate::scenario::{Case, Loaded};

/// The estimates of a scenario: those of the first variant, and those of the others where they differ.
#[must_use]
pub fn estimates(loaded: &Loaded, width: usize) -> String {
    let width = width.clamp(40, 140);
    let mut out = format!("{} {}\n", paint(GOOD, "✓"), paint(HEADING, loaded.path.display()));
    out += &format!("  {}\n", paint(DIM, contents(loaded)));
    let Some(first) = loaded.cases.first() else { return out };
    let base = estimate(&first.world);
    out += &one(first, &base, width);
    for case in &loaded.cases[1..] {
        let other = estimate(&case.world);
        if other == base {
            out += &format!("\n{}: {}\n", case.name, paint(DIM, "the same before anything fails"));
        } else {
            out += &one(case, &other, width);
        }
    }
    out
}

fn contents(loaded: &Loaded) -> String {
    let count = |count: usize, word: &str| format!("{count} {}", plural(count, word));
    let world = loaded.cases.first().map(|case| &case.world);
    let mut parts = vec![count(loaded.cases.len(), "variant")];
    if let Some(world) = world {
        parts.push(count(world.clients.len(), "client"));
        parts.push(count(world.services.len(), "service"));
        parts.push(count(world.caches.len(), "cache"));
        parts.push(count(world.faults.len(), "fault"));
    }
    parts.push(count(loaded.cases.iter().map(|case| case.expectations.len()).max().unwrap_or(0), "expectation"));
    parts.retain(|part| !part.starts_with("0 "));
    format!(
        "{}; {} simulated, {}",
        parts.join(", "),
        loaded.settings.duration,
        count(loaded.run.seeds as usize, "seed")
    )
}

fn one(case: &Case, estimates: &[Estimate], width: usize) -> String {
    let mut out = format!("\n{}\n", case.name);
    let columns = [("service", 0), ("calls", 0), ("each holds\na worker for", 1), ("utilisation", 0)];
    let row = |estimate: &Estimate| {
        vec![
            estimate.service.clone(),
            rate(estimate.load_per_s),
            time(estimate.holds),
            or_dash(estimate.utilisation, percent),
        ]
    };
    out += &table(&columns, &estimates.iter().map(row).collect::<Vec<_>>(), width);
    for estimate in estimates {
        if let Some(utilisation) = estimate.utilisation.filter(|utilisation| *utilisation >= 1.0) {
            let told = format!("{} is overloaded before anything fails: {}", estimate.service, percent(utilisation));
            out += &format!("  {}\n", paint(BAD, told));
        }
        for note in &estimate.notes {
            for (at, line) in wrap(&format!("{}: {note}", estimate.service), width - 4).into_iter().enumerate() {
                out += &format!("  {} {line}\n", if at == 0 { "-" } else { " " });
            }
        }
    }
    out
}
