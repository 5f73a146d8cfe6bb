//! Spans as OTLP in JSON, which Jaeger and every OpenTelemetry collector take.

use super::spans::Recording;
use serde_json::{Value, json};
use squall_models::trace::{Kind, Note, Span};
use std::collections::BTreeMap;

/// The whole file.
#[must_use]
pub fn otlp(recording: &Recording<'_>) -> String {
    let mut owners: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for one in &recording.traced.spans {
        owners.entry(recording.owner(one)).or_default().push(span(recording, one));
    }
    let resource = |(owner, spans): (&str, Vec<Value>)| {
        json!({
            "resource": { "attributes": [
                text("service.name", owner),
                text("squall.scenario", recording.scenario),
                text("squall.variant", recording.variant),
                number("squall.seed", recording.traced.report.seed),
            ] },
            "scopeSpans": [{ "scope": { "name": "squall", "version": env!("CARGO_PKG_VERSION") }, "spans": spans }],
        })
    };
    let resources: Vec<Value> = owners.into_iter().map(resource).collect();
    format!("{}\n", json!({ "resourceSpans": resources }))
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// Whole numbers are strings in OTLP's JSON, since they may be larger than JavaScript's.
fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn flag(key: &str, value: bool) -> Value {
    json!({ "key": key, "value": { "boolValue": value } })
}

/// A policy's verdict as an event of its call.
fn event(recording: &Recording<'_>, note: &Note) -> Value {
    json!({
        "timeUnixNano": recording.nanos(note.at).to_string(),
        "name": note.words(),
        "attributes": [text("squall.policy", note.policy)],
    })
}

fn span(recording: &Recording<'_>, span: &Span) -> Value {
    let (client, request) = span.request;
    let mut attributes = vec![text("squall.client", recording.client(span)), number("squall.request", request)];
    attributes.push(text("squall.fate", Recording::fate(span)));
    let verdicts = recording.verdicts(span);
    if !verdicts.is_empty() {
        attributes.push(text("squall.policy", &verdicts));
    }
    let kind = match span.kind {
        Kind::Call { reloads, fallback, .. } => {
            attributes.push(number("squall.reloads", reloads.into()));
            attributes.push(flag("squall.fallback", fallback));
            1
        }
        Kind::Attempt { number: attempt, branch, .. } => {
            attributes.push(number("squall.attempt", attempt.into()));
            attributes.push(flag("squall.hedge", branch > 0));
            3
        }
        Kind::Service { replica, started, wasted, .. } => {
            attributes.push(number("squall.replica", replica as u64 + 1));
            attributes.push(flag("squall.wasted", wasted));
            let waited = started.unwrap_or_else(|| recording.end(span)).since(span.begin);
            attributes.push(number("squall.waited_ns", waited.nanos()));
            2
        }
    };
    let parent = if span.parent == 0 { String::new() } else { format!("{:016x}", span.parent) };
    json!({
        "traceId": format!("{:016x}{:016x}", client as u64 + 1, request + 1),
        "spanId": format!("{:016x}", span.id),
        "parentSpanId": parent,
        "name": recording.name(span),
        "kind": kind,
        "startTimeUnixNano": recording.nanos(span.begin).to_string(),
        "endTimeUnixNano": recording.nanos(recording.end(span)).to_string(),
        "attributes": attributes,
        "events": recording.notes(span).iter().map(|note| event(recording, note)).collect::<Vec<_>>(),
        "status": { "code": match span.outcome { Some(Ok(())) => 1, Some(Err(_)) => 2, None => 0 } },
    })
}
