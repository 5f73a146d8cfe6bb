//! Splits and those who change their weights, with exact times.

use super::told;
use crate::support::{Lab, Run, Value, json};
use squall_sim::Span;

/// Two sides that serve at once, a hundred requests a second, and whatever else is said.
fn world(weights: &Value, rollout: &Value, faults: Value, actions: Value) -> Value {
    let side = json!({"capacity": "unlimited", "endpoints": {"get": {"steps": [{"work": "10ms"}]}}});
    json!({
        "clients": {"web": {"to": "shop.get", "sessions": 500, "arrivals": {"deterministic": {"rate": "100/s"}}}},
        "splits": {"shop": {"weights": weights}},
        "services": {"old": side, "new": side},
        "monitoring": {"scrape": {"every": "5s"}},
        "rollouts": if rollout.is_null() { json!({}) } else { json!({"release": rollout}) },
        "faults": faults,
        "actions": actions,
    })
}

fn run(weights: &Value, rollout: &Value, faults: Value, actions: Value, windows: &[(f64, f64)]) -> Run {
    Lab::new(world(weights, rollout, faults, actions), 300.0).windows(windows).run(1)
}

/// The log without alerts.
fn done(run: &Run) -> Vec<String> {
    told(run).into_iter().filter(|line| line.contains("rollout") || line.contains("action")).collect()
}

#[test]
fn a_canary_is_taken_back_after_three_checks_in_a_row() {
    let analysis =
        json!({"consecutive": {"interval": "10s", "over": "20s", "failures": 3, "fail_when": ["failure > 5%"]}});
    let canary = json!({"canary": {"split": "shop", "side": "new", "at": "30s", "steps": [{"weight": "10%"}],
        "analysis": analysis}});
    let faults = json!([{"errors": {"at": "101s", "service": "new", "share": "100%"}}]);
    let windows = [(0.0, 30.0), (30.0, 130.0), (130.0, 300.0)];
    let run = run(&json!({"old": 100, "new": 0}), &canary, faults, json!([]), &windows);
    // Checks at 110, 120 and 130 s have seen errors; the one at 100 s had not.
    let totals = run.report.rollouts[0];
    assert_eq!((totals.started, totals.rolled_back, totals.promoted, totals.failed_checks), (1, 1, 0, 3));
    assert_eq!((totals.detected, totals.time_to_rollback), (Some(Span::from_secs(9)), Some(Span::from_secs(29))));
    let sent = |window| run.service_in(window, "new").arrivals;
    assert_eq!((sent(0), sent(2)), (0, 0), "{:#?}", done(&run));
    // A tenth of 500 sessions with 10000 requests between them: five standard deviations of a binomial over sessions.
    assert!((665..=1335).contains(&sent(1)), "{}", sent(1));
}

#[test]
fn without_data_nothing_is_done() {
    let analysis =
        json!({"consecutive": {"interval": "10s", "over": "20s", "failures": 3, "fail_when": ["failure > 5%"]}});
    let canary = json!({"canary": {"split": "shop", "side": "new", "at": "30s", "steps": [{"weight": "10%"}],
        "analysis": analysis}});
    let faults = json!([
        {"errors": {"at": "101s", "service": "new", "share": "100%"}},
        {"scrape_outage": {"at": "101s"}},
    ]);
    let run = run(&json!({"old": 100, "new": 0}), &canary, faults, json!([]), &[]);
    assert_eq!((run.report.rollouts[0].rolled_back, run.report.rollouts[0].failed_checks), (0, 0));
}

#[test]
fn an_interrupted_switch_stays_where_it_was_and_a_second_one_is_refused() {
    let switch = json!({"blue_green": {"split": "shop", "from": "old", "to": "new", "at": "60s", "over": "10s"}});
    let actions = json!([
        {"at": "62s", "do": {"switch": {"rollout": "release"}}},
        {"at": "64.5s", "do": {"interrupt": {"rollout": "release"}}},
        {"at": "200s", "do": {"rollback": {"rollout": "release"}}},
    ]);
    let windows = [(0.0, 60.0), (65.0, 200.0), (200.0, 300.0)];
    let run = run(&json!({"old": 100, "new": 0}), &switch, json!([]), actions, &windows);
    let totals = run.report.rollouts[0];
    assert_eq!((totals.started, totals.refused, totals.interrupted, totals.rolled_back), (1, 1, 1, 1));
    let sent = |window| run.service_in(window, "new").arrivals as f64;
    assert!(sent(0) == 0.0 && sent(2) == 0.0, "{:#?}", done(&run));
    // Five of ten parts have gone over: half of the sessions, give or take five standard deviations of 2.2 %.
    let share = sent(1) / 13_500.0;
    assert!((0.38..=0.62).contains(&share), "{share}");
}

#[test]
fn a_split_gives_the_same_customers_to_whatever_it_is_set_to() {
    let all = |weights: Value| run(&weights, &Value::Null, json!([]), json!([]), &[]);
    let (one, other) = (all(json!({"old": 100, "new": 0})), all(json!({"old": 0, "new": 100})));
    assert_eq!(one.client("web").arrivals, other.client("web").arrivals);
    assert_eq!(one.service("old").arrivals, other.service("new").arrivals);
    assert_eq!((one.service("new").arrivals, other.service("old").arrivals), (0, 0));
}
