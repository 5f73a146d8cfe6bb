//! Operators as people: who answers, how soon, what they do wrong, and when they leave it.

use super::monitoring::{failing, told};
use super::world;
use crate::support::{Lab, Value, json};
use squall_sim::Span;

/// Somebody who is called at 5 s and does one thing.
fn called(operators: Value, seed: u64) -> Vec<String> {
    let mut more = json!({
        "services": {"api": {"pools": {"db": {"size": 1}},
            "endpoints": {"get": {"steps": [{"acquire": {"pool": "db", "steps": [{"sleep": "200ms"}]}}]}}}},
        "monitoring": {"scrape": {"every": "5s"}, "evaluate": "5s",
            "alerts": {"full": {"when": "pools.api.db.utilisation > 95%", "severity": "p2"}}},
    });
    more["operators"] = operators;
    let log = super::told(&Lab::new(world(1, "10/s", more), 200.0).run(seed));
    log.into_iter().filter(|line| line.contains(" operator ")).collect()
}

#[test]
fn whoever_is_called_for_something_worse_comes_sooner() {
    let steps = json!([{"do": {"limit_connections": {"service": "api", "most": 9}}}]);
    let begins = |responses: Value| {
        let log =
            called(json!({"first": {"on": ["full"], "response": "100s", "responses": responses, "steps": steps}}), 1);
        log[1].clone()
    };
    assert_eq!(
        begins(json!({"p1": "15s", "p2": "60s"})),
        "65 operator first: limit_connections services.api at most 9"
    );
    assert_eq!(begins(json!({"p1": "15s"})), "105 operator first: limit_connections services.api at most 9");
}

#[test]
fn who_does_not_answer_in_time_is_passed_over() {
    let steps = json!([{"do": {"limit_connections": {"service": "api", "most": 9}}}]);
    let level = |response: &str, to: Value| json!({"on": [], "response": response, "escalate_after": "15s", "escalate_to": to, "steps": steps});
    let mut first = level("80s", json!("second"));
    first["on"] = json!(["full"]);
    let third = json!({"on": [], "response": "90s", "responses": {"p2": "7s"}, "steps": steps});
    let log = called(json!({"first": first, "second": level("16s", json!("third")), "third": third}), 1);
    assert_eq!(
        log,
        [
            "5 operator first: called by full would begin after 80s",
            "20 operator first: unanswered runbook nobody has begun",
            "20 operator second: called by an escalation would begin after 16s",
            "35 operator second: unanswered runbook nobody has begun",
            "35 operator third: called by an escalation begins after 7s",
            "42 operator third: limit_connections services.api at most 9",
            "42 operator third: finished runbook",
        ]
    );
    let quick = json!({"first": {"on": ["full"], "response": "14s", "escalate_after": "15s", "escalate_to": "second",
        "steps": steps}, "second": {"steps": []}});
    assert_eq!(called(quick, 1)[1], "19 operator first: limit_connections services.api at most 9");
}

/// A tenth of the steps is forgotten, and two tenths are done wrong: over 1000 steps, to five standard deviations.
#[test]
fn mistakes_are_made_as_often_as_is_said() {
    let steps: Vec<Value> =
        (0..1000).map(|_| json!({"do": {"limit_connections": {"service": "api", "most": 9}}})).collect();
    let wrong =
        json!([{"traffic": {"client": "web", "share": "100%"}}, {"kill_queries": {"service": "api", "idle": "1h"}}]);
    let mistakes = json!({"skip": "10%", "wrong": "20%", "instead": wrong});
    let log = called(json!({"first": {"on": ["full"], "steps": steps, "mistakes": mistakes}}), 1);
    let count = |what: &str| log.iter().filter(|line| line.contains(what)).count() as f64;
    assert_eq!(log[..1], ["5 operator first: called by full begins after 0ns"]);
    assert!((count("first: skipped services.api limit_connections was forgotten") - 100.0).abs() < 48.0);
    assert!((count("first: mistaken services.api") - 200.0).abs() < 64.0);
    assert!((count("first: traffic clients.web") - 100.0).abs() < 48.0);
    assert_eq!(count("first: skipped") + count("first: mistaken") + count("first: limit_connections"), 1000.0);
    // The same without mistakes for anybody who makes none.
    let mistakes = json!({"skip": "0%"});
    let careful = called(json!({"first": {"on": ["full"], "steps": steps, "mistakes": mistakes}}), 1);
    assert_eq!(careful.len(), 1002);
}

/// The lead would begin at 156 s, 210 s, or 400 s; the alert is over at 180 s.
#[test]
fn whoever_is_called_by_somebody_else_stands_down_when_it_is_over() {
    let until = json!({"until": {"resolved": "failing", "within": "5s", "else": "escalate"}});
    let told_by = |response: &str| {
        let operators = json!({
            "on-call": {"on": ["failing"], "steps": [until], "escalate_to": "lead"},
            "lead": {"response": response, "steps": [{"do": {"limit_connections": {"service": "api", "most": 9}}}]},
        });
        let faults = json!([{"errors": {"at": "60.05s", "for": "95s", "service": "api", "share": "100%"}}]);
        let run = failing(json!({"faults": faults, "operators": operators})).run(1);
        let lead = run.report.operators[0];
        let on_call = run.report.operators[1];
        assert_eq!((on_call.called, on_call.begun, on_call.escalated, on_call.finished), (1, 1, 1, 0));
        assert_eq!(on_call.first, Some(Span::from_millis(74_950)));
        (told(&run)[5..].to_vec(), (lead.called, lead.begun, lead.finished, lead.first))
    };
    let (log, lead) = told_by("16s");
    assert_eq!(log[..2], ["156 operator lead: limit_connections", "156 operator lead: finished"]);
    assert_eq!(lead, (1, 1, 1, Some(Span::from_millis(95_950))));
    let (log, lead) = told_by("70s");
    assert_eq!(log, ["180 alert failing: resolved", "210 operator lead: stand_down"]);
    assert_eq!(lead, (1, 0, 0, None));
}

#[test]
fn who_does_not_answer_calls_nobody_when_it_is_over() {
    let operators = json!({
        "on-call": {"on": ["failing"], "response": "1h", "escalate_after": "50s", "steps": [], "escalate_to": "lead"},
        "lead": {"steps": []},
    });
    let faults = json!([{"errors": {"at": "60.05s", "for": "95s", "service": "api", "share": "100%"}}]);
    let run = failing(json!({"faults": faults, "operators": operators})).run(1);
    assert_eq!(told(&run)[3..], ["180 alert failing: resolved", "185 operator on-call: stand_down"]);
    assert_eq!((run.report.operators[0].called, run.report.operators[1].escalated), (0, 0));
}

/// With `until_over` nothing is done any more once the alert is over at 180 s; by default the steps are followed to their end.
#[test]
fn steps_end_when_everything_is_over_if_that_is_wished() {
    let step = json!({"do": {"limit_connections": {"service": "api", "most": 9}}});
    let steps = |until_over: bool| {
        let operator = json!({"on": ["failing"], "until_over": until_over,
            "steps": [step, {"wait": "25s"}, step, {"wait": "25s"}, step]});
        let faults = json!([{"errors": {"at": "60.05s", "for": "95s", "service": "api", "share": "100%"}}]);
        let run = failing(json!({"faults": faults, "operators": {"on-call": operator}})).run(1);
        told(&run).into_iter().filter(|line| line.contains("on-call")).skip(1).collect::<Vec<_>>()
    };
    let did = |second: u32| format!("{second} operator on-call: limit_connections");
    let end = "185 operator on-call: finished".to_owned();
    assert_eq!(steps(true), [did(135), did(160), end.clone()]);
    assert_eq!(steps(false), [did(135), did(160), did(185), end]);
}
