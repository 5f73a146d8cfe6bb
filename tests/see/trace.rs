//! Traces: the same run as without, spans that fit together, and files that their own readers take.

use super::shelf::{Shelf, python};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

const SCENARIO: &str = "
squall: 1
clients:
  web:
    to: api.get
    arrivals: { poisson: { rate: 50/s } }
    edge: { policies: [{ retry: { constant: { attempts: 2, delay: 10ms } } }, { timeout: 200ms }] }
services:
  api:
    replicas: 2
    capacity: { workers: 2 }
    queue: { capacity: 5 }
    endpoints: { get: { steps: [{ call: { to: db.read } }, { parallel: { branches: [[{ call: { to: db.read } }], [{ work: 2ms }]] } }] } }
  db:
    capacity: { workers: 1 }
    endpoints: { read: { steps: [{ work: { exponential: { mean: 5ms } } }] } }
faults: [{ slow: { at: 5s, for: 5s, service: db, factor: 4 } }]
run: { duration: 20s, seeds: 1 }
";

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn nanos(value: &Value) -> u64 {
    text(value).parse().unwrap()
}

/// Every span of an OTLP file by its number, and the services that spans are filed under.
fn spans(file: &Value) -> (BTreeMap<String, Value>, Vec<String>) {
    let (mut spans, mut services) = (BTreeMap::new(), Vec::new());
    for resource in file["resourceSpans"].as_array().unwrap() {
        services.push(text(&resource["resource"]["attributes"][0]["value"]["stringValue"]).to_owned());
        for span in resource["scopeSpans"][0]["spans"].as_array().unwrap() {
            spans.insert(text(&span["spanId"]).to_owned(), span.clone());
        }
    }
    (spans, services)
}

#[test]
fn spans_lie_in_each_other_and_are_as_many_as_were_counted() {
    let shelf = Shelf::new("trace.yaml", SCENARIO);
    let all = ["trace", "trace.yaml", "--to", "21s", "--format", "otlp", "--out", "all.json"];
    shelf.expect(0, &all);
    let file: Value = serde_json::from_slice(&fs::read(shelf.path("all.json")).unwrap()).unwrap();
    let (spans, services) = spans(&file);
    assert_eq!(services, ["api", "db", "web"]);
    for span in spans.values() {
        let parent = text(&span["parentSpanId"]);
        assert!(nanos(&span["endTimeUnixNano"]) >= nanos(&span["startTimeUnixNano"]), "{span}");
        if !parent.is_empty() {
            let parent = &spans[parent];
            assert_eq!(parent["traceId"], span["traceId"]);
            assert!(nanos(&parent["startTimeUnixNano"]) <= nanos(&span["startTimeUnixNano"]), "{span} in {parent}");
        }
    }
    shelf.expect(0, &["run", "trace.yaml", "--quiet", "--out", "out"]);
    let runs = fs::read_to_string(shelf.path("out/runs.csv")).unwrap();
    let counted = |component: &str, metric: &str| -> usize {
        let start = format!("unmitigated,1,{component},count.{metric},count,");
        runs.lines().find_map(|row| row.strip_prefix(&start)).map_or(0, |count| count.parse().unwrap())
    };
    let kinds = |kind: u64| spans.values().filter(|span| span["kind"] == kind).count();
    assert_eq!(
        spans.values().filter(|span| text(&span["parentSpanId"]).is_empty()).count(),
        counted("clients.web", "arrivals")
    );
    assert_eq!(kinds(2), counted("services.api", "arrivals") + counted("services.db", "arrivals"));
    assert_eq!(kinds(3), counted("edges.web.api", "attempts") + counted("edges.api.db", "attempts"));
    let failed =
        spans.values().filter(|span| text(&span["parentSpanId"]).is_empty() && span["status"]["code"] == 2).count();
    let fates = counted("clients.web", "timeout") + counted("clients.web", "rejected");
    assert!(failed > 0 && failed == fates, "{failed} {fates}");
}

#[test]
fn a_part_of_the_time_is_a_part_of_the_spans() {
    let shelf = Shelf::new("trace.yaml", SCENARIO);
    shelf.expect(0, &["trace", "trace.yaml", "--from", "6s", "--to", "7s", "--format", "otlp", "--out", "part.json"]);
    let file: Value = serde_json::from_slice(&fs::read(shelf.path("part.json")).unwrap()).unwrap();
    let (from, to) = (1_767_225_606_000_000_000_u64, 1_767_225_607_000_000_000_u64);
    let (spans, _) = spans(&file);
    assert!(spans.len() > 100, "{}", spans.len());
    assert!(
        spans.values().all(|span| nanos(&span["endTimeUnixNano"]) >= from && nanos(&span["startTimeUnixNano"]) < to)
    );
    let (_, errors) = shelf.expect(2, &["trace", "trace.yaml", "--from", "6s", "--to", "6s"]);
    assert!(errors.contains("nothing to trace"), "{errors}");
}

/// Reads the file with Perfetto's own schema and holds the events against the rules of its tracks.
const READER: &str = "
import sys
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent
trace = Trace()
trace.ParseFromString(open(sys.argv[1], 'rb').read())
tracks, stacks, counters, last, slices = {}, {}, 0, 0, 0
for packet in trace.packet:
    assert packet.trusted_packet_sequence_id == 1
    if packet.HasField('track_descriptor'):
        tracks[packet.track_descriptor.uuid] = packet.track_descriptor
        continue
    event = packet.track_event
    assert packet.timestamp >= last and event.track_uuid in tracks, event
    last = packet.timestamp
    stack = stacks.setdefault(event.track_uuid, [])
    if event.type == TrackEvent.TYPE_SLICE_BEGIN:
        assert event.name and event.debug_annotations[0].name == 'fate', event
        stack.append(packet.timestamp)
        slices += 1
    elif event.type == TrackEvent.TYPE_SLICE_END:
        assert stack and stack.pop() <= packet.timestamp
    elif event.type == TrackEvent.TYPE_COUNTER:
        assert tracks[event.track_uuid].HasField('counter') and event.counter_value >= 0
        counters += 1
assert not any(stacks.values()), 'a slice never ends'
names = {t.process.process_name for t in tracks.values() if t.HasField('process')}
assert names == {'web', 'api', 'db'}, names
assert any(t.name.startswith('replica 2 worker') for t in tracks.values())
assert any(packet.track_event.name == 'retry' for packet in trace.packet), 'no verdict of a policy'
assert slices > 1000 and counters > 100, (slices, counters)
print('fine', slices, counters)
";

#[test]
fn perfetto_s_own_schema_reads_a_trace() {
    let shelf = Shelf::new("trace.yaml", SCENARIO);
    let (told, _) = shelf.expect(0, &["trace", "trace.yaml", "--to", "20s"]);
    assert!(told.starts_with("trace.pftrace: ") && told.contains(" requests"), "{told}");
    let Some(python) = python("perfetto") else {
        println!("skipped: no Python with the package `perfetto`, so the trace was not read by its own schema");
        return;
    };
    let output =
        std::process::Command::new(python).args(["-c", READER]).arg(shelf.path("trace.pftrace")).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.starts_with("fine"), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

/// One client for each policy, so that every verdict is of a known client.
const POLICIES: &str = "
squall: 1
clients:
  broken: { to: api.get, arrivals: { poisson: { rate: 20/s } }, edge: { policies: [{ breaker: { consecutive: { failures: 3, open: 2s } } }, { timeout: 40ms }] } }
  narrow: { to: api.get, arrivals: { poisson: { rate: 40/s } }, edge: { policies: [{ bulkhead: { semaphore: { max_concurrent: 1 } } }] } }
  waiting: { to: api.get, arrivals: { poisson: { rate: 20/s } }, edge: { policies: [{ bulkhead: { queued: { max_concurrent: 1, queue: 5 } } }] } }
  limited: { to: api.get, arrivals: { poisson: { rate: 40/s } }, edge: { policies: [{ rate_limit: { token_bucket: { rate: 10/s, burst: 1 } } }] } }
  hedging: { to: api.get, arrivals: { poisson: { rate: 20/s } }, edge: { policies: [{ hedge: { fixed: { delay: 50ms } } }] } }
  again: { to: api.get, arrivals: { poisson: { rate: 20/s } }, edge: { policies: [{ retry: { constant: { attempts: 2, delay: 10ms } } }, { timeout: 60ms }] } }
  helped: { to: api.get, arrivals: { poisson: { rate: 20/s } }, edge: { policies: [{ fallback: { endpoint: { to: spare.get } } }, { timeout: 60ms }] } }
services:
  api: { capacity: { workers: 40 }, endpoints: { get: { steps: [{ work: { exponential: { mean: 40ms } } }] } } }
  spare: { capacity: { workers: 4 }, endpoints: { get: { steps: [{ work: 5ms }] } } }
run: { duration: 20s, seeds: 1 }
";

#[test]
fn policies_leave_their_verdicts_on_the_spans_of_their_calls() {
    let shelf = Shelf::new("policies.yaml", POLICIES);
    shelf.expect(0, &["trace", "policies.yaml", "--to", "21s", "--format", "otlp", "--out", "all.json"]);
    let file: Value = serde_json::from_slice(&fs::read(shelf.path("all.json")).unwrap()).unwrap();
    let (spans, _) = spans(&file);
    let attribute = |span: &Value, name: &str| {
        let all = span["attributes"].as_array().unwrap();
        all.iter().find(|one| one["key"] == name).map(|one| one["value"].clone()).unwrap_or_default()
    };
    // How often each client's calls have each event.
    let mut events: BTreeMap<(String, String), usize> = BTreeMap::new();
    for span in spans.values() {
        for event in span["events"].as_array().unwrap() {
            let client = text(&attribute(span, "squall.client")["stringValue"]).to_owned();
            assert!(nanos(&event["timeUnixNano"]) >= nanos(&span["startTimeUnixNano"]), "{span}");
            assert!(nanos(&event["timeUnixNano"]) <= nanos(&span["endTimeUnixNano"]), "{span}");
            let policy = text(&attribute(span, "squall.policy")["stringValue"]).to_owned();
            assert!(policy.contains(text(&event["name"])), "{span}");
            *events.entry((client, text(&event["name"]).to_owned())).or_default() += 1;
        }
    }
    shelf.expect(0, &["run", "policies.yaml", "--quiet", "--out", "out"]);
    let runs = fs::read_to_string(shelf.path("out/runs.csv")).unwrap();
    let counted = |client: &str, metric: &str| -> usize {
        let start = format!("unmitigated,1,edges.{client}.api,count.{metric},count,");
        runs.lines().find_map(|row| row.strip_prefix(&start)).map_or(0, |count| count.parse().unwrap())
    };
    let seen = |client: &str, event: &str| events.get(&(client.to_owned(), event.to_owned())).copied().unwrap_or(0);
    for (client, event, metric) in [
        ("broken", "breaker open", "turned_away_circuit_open"),
        ("narrow", "bulkhead rejected", "turned_away_bulkhead_full"),
        ("limited", "rate limited", "turned_away_rate_limited"),
        ("hedging", "hedge", "hedges"),
        ("helped", "fallback", "fallbacks"),
    ] {
        let (seen, counted) = (seen(client, event), counted(client, metric));
        assert!(seen > 10 && seen == counted, "{client}: {seen} times `{event}`, {metric} {counted}");
    }
    assert!(seen("waiting", "waits for bulkhead") > 10 && seen("again", "retry") > 10, "{events:?}");
    // A hedge is an attempt of the call beside the first, and a fallback a call within it.
    let named = |name: &'static str| spans.values().filter(move |span| text(&span["name"]).starts_with(name));
    assert_eq!(named("hedge 1").count(), seen("hedging", "hedge"));
    assert_eq!(named("fallback to spare").count(), seen("helped", "fallback"));
    for span in named("hedge 1").chain(named("fallback to spare")) {
        let parent = &spans[text(&span["parentSpanId"])];
        assert!(text(&parent["parentSpanId"]).is_empty() && parent["traceId"] == span["traceId"], "{span}");
    }
}
