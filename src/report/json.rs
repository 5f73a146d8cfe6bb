//! The report as JSON, for programs. Documented in `docs/reference/results.md`.

use super::Findings;
use crate::experiment::{Judged, Metric, Outcome, metrics};
use crate::record::{SCHEMA, ending};
use serde_json::{Value, json};
use squall_models::report::Report;

/// One object for all scenarios.
#[must_use]
pub fn json(scenarios: &[Value]) -> Value {
    json!({ "squall": env!("CARGO_PKG_VERSION"), "schema": SCHEMA, "scenarios": scenarios })
}

impl Findings<'_> {
    /// The object of one scenario.
    #[must_use]
    pub fn json(&self) -> Value {
        let loaded = self.loaded;
        let variants: Vec<Value> = self.outcomes.iter().map(variant).collect();
        json!({
            "name": loaded.name,
            "path": loaded.path.to_string_lossy(),
            "about": loaded.about,
            "duration_s": loaded.settings.duration.seconds(),
            "warmup_s": loaded.settings.warmup.seconds(),
            "ok": self.outcomes.iter().all(Outcome::ok),
            "interrupted": self.interrupted,
            "warnings": loaded.warnings,
            "variants": variants,
        })
    }
}

fn variant(outcome: &Outcome) -> Value {
    let rows = outcome.totals.as_ref().map(|totals| metrics(totals, &outcome.names, outcome.seconds));
    let failed_first: serde_json::Map<String, Value> =
        outcome.failed_first.iter().map(|(name, seeds)| (name.clone(), json!(seeds))).collect();
    json!({
        "name": outcome.name,
        "about": outcome.about,
        "ok": outcome.ok(),
        "verdicts": outcome.judged.iter().map(verdict).collect::<Vec<_>>(),
        "metrics": rows.unwrap_or_default().iter().filter_map(|row| metric(outcome, row)).collect::<Vec<_>>(),
        "runs": runs(outcome),
        "failed_first": failed_first,
        "faults": outcome.names.faults,
        "first_run": outcome.first.as_ref().map(first_run),
    })
}

fn verdict(judged: &Judged) -> Value {
    let (expectation, verdict) = (&judged.expectation, judged.verdict());
    let median = judged.median();
    json!({
        "expectation": expectation.text,
        "file": expectation.file.to_string_lossy(),
        "line": expectation.line,
        "expected": if expectation.broken_by_this { "breaks" } else { "holds" },
        "needed_share": expectation.seeds,
        "held": verdict.held,
        "of": verdict.of,
        "ok": verdict.ok,
        "median": median.and_then(|judgement| judgement.measured),
        "shown": median.map(|judgement| &judgement.shown),
    })
}

fn metric(outcome: &Outcome, row: &Metric) -> Option<Value> {
    let value = row.value.filter(|_| row.tells())?;
    let range = outcome.range(&row.component, &row.metric);
    Some(json!({
        "component": row.component,
        "metric": row.metric,
        "unit": row.unit,
        "value": value,
        "min": range.map(|range| range.min),
        "max": range.map(|range| range.max),
    }))
}

fn runs(outcome: &Outcome) -> Vec<Value> {
    let line = |line: &crate::experiment::Line| {
        json!({
            "seed": line.seed,
            "digest": format!("{:016x}", line.digest),
            "ending": ending(line.ending),
            "ended_at_s": line.ended_at.seconds(),
            "events": line.events,
            "deadlocks": line.deadlocks,
        })
    };
    outcome.lines.iter().map(line).collect()
}

fn first_run(report: &Report) -> Value {
    let series = &report.series;
    let columns = series.columns.iter().enumerate().map(|(at, column)| {
        // JSON has no NaN: a value that does not exist is null.
        let values: Vec<f64> = series.values.iter().skip(at).step_by(series.columns.len()).copied().collect();
        json!({ "component": column.component, "metric": column.metric, "unit": column.unit, "values": values })
    });
    let failing = report.failure_order.iter().map(
        |failing| json!({ "at_s": failing.at.seconds(), "component": failing.component, "evidence": failing.evidence }),
    );
    let deadlocks = report
        .deadlocks
        .iter()
        .map(|deadlock| json!({ "at_s": deadlock.at.seconds(), "cycle": deadlock.cycle, "stuck": deadlock.stuck }));
    let actions = report.actions.iter().map(|acted| {
        json!({ "at_s": acted.at.seconds(), "cause": acted.cause, "action": acted.action, "target": acted.target,
            "effect": acted.effect })
    });
    json!({
        "seed": report.seed,
        "actions": actions.collect::<Vec<_>>(),
        "failure_order": failing.collect::<Vec<_>>(),
        "deadlocks": deadlocks.collect::<Vec<_>>(),
        "series": {
            "resolution_s": series.resolution.seconds(),
            "columns": columns.collect::<Vec<_>>(),
        },
    })
}
