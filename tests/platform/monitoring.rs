//! The metrics plane, alerts and operators: what is known when, and what is done about it.
//!
//! Ten requests a second fail from 60.05 s on. They are scraped and looked at every 15 s over a minute, in which there are
//! four scrapes: so at 105 s all of the 45 s between the first and the last of them are bad. Prometheus extrapolates what
//! ended by another 15 s and what failed not at all, since it was zero: 45/60 of them have failed, and from then on all.

use super::{merge, world};
use crate::support::{Lab, Run, Value, json};
use squall_models::Blueprint;
use squall_sim::Span;

/// The log of alerts and operators, as `seconds who: what`.
pub(super) fn told(run: &Run) -> Vec<String> {
    let by = |acted: &&squall_models::report::Acted| {
        acted.cause.starts_with("alert ") || acted.cause.starts_with("operator ")
    };
    let line =
        |acted: &squall_models::report::Acted| format!("{} {}: {}", acted.at.seconds(), acted.cause, acted.action);
    run.report.actions.iter().filter(by).map(line).collect()
}

pub(super) fn failing(more: Value) -> Lab {
    let mut base = json!({
        "faults": [{"errors": {"at": "60.05s", "service": "api", "share": "100%"}}],
        "monitoring": {"alerts": {"failing": {"when": "clients.web.failure > 65%", "for": "30s"}}},
    });
    merge(&mut base, more);
    Lab::new(world(1, "10/s", base), 240.0)
}

fn errors_and(fault: Value) -> Value {
    json!([{"errors": {"at": "60.05s", "service": "api", "share": "100%"}}, fault])
}

#[test]
fn from_scrape_to_alert_to_response_to_action() {
    let on_call = json!({"on": ["failing"], "response": "20s", "steps": [{"do": {"clear_fault": {"fault": 1}}}]});
    let run = failing(json!({"operators": {"on-call": on_call}})).run(1);
    assert_eq!(
        told(&run),
        [
            "105 alert failing: pending",
            "135 alert failing: firing",
            "135 operator on-call: called",
            "155 operator on-call: end",
            "155 operator on-call: finished",
            // Of the 45 s that are seen at 165 s 35 were bad, of those at 180 s 20.
            "180 alert failing: resolved",
        ]
    );
    let alert = run.report.alerts[0];
    assert_eq!((alert.fired, alert.first), (1, Some(Span::from_millis(74_950))));
}

#[test]
fn what_comes_late_is_found_out_late() {
    let late = failing(json!({"monitoring": {"scrape": {"delay": "20s"}}})).run(1);
    assert_eq!(told(&late), ["120 alert failing: pending", "150 alert failing: firing"]);
    let fault = json!({"scrape_delay": {"at": "1s", "target": "clients.web", "delay": "20s"}});
    let by_fault = failing(json!({"faults": errors_and(fault)})).run(1);
    assert_eq!(told(&by_fault), told(&late));
    let other = json!({"scrape_delay": {"at": "1s", "target": "services.api", "delay": "20s"}});
    assert_eq!(told(&failing(json!({"faults": errors_and(other)})).run(1)), told(&failing(json!({})).run(1)));
}

#[test]
fn an_outage_hides_an_incident_unless_somebody_asks_for_it() {
    let outage = errors_and(json!({"scrape_outage": {"at": "70s"}}));
    let blind = json!({"when": "clients.web.failure absent", "for": "30s"});
    let run = failing(json!({"faults": outage, "monitoring": {"alerts": {"blind": blind}}})).run(1);
    assert_eq!(
        told(&run),
        [
            // One scrape is no rate yet.
            "0 alert blind: pending",
            "15 alert blind: inactive",
            "105 alert blind: pending",
            "135 alert blind: firing",
        ]
    );
    assert_eq!(run.report.alerts[1].fired, 0);
}

#[test]
fn no_data_is_not_healthy() {
    let outage = errors_and(json!({"scrape_outage": {"at": "140s"}}));
    let until = json!({"until": {"resolved": "failing", "within": "60s", "else": "escalate"}});
    let operators = json!({
        "on-call": {"on": ["failing"], "steps": [until], "escalate_to": "lead"},
        "lead": {"response": "5s", "steps": [{"do": {"traffic": {"client": "web", "share": "0%"}}}]},
    });
    let run = failing(json!({"faults": outage, "operators": operators})).run(1);
    assert_eq!(
        told(&run)[1..],
        [
            "135 alert failing: firing",
            "135 operator on-call: called",
            // The second last scrape has left the window: the alert is gone, and nobody knows why.
            "180 alert failing: resolved",
            "195 operator on-call: escalated",
            "195 operator lead: called",
            "200 operator lead: traffic",
            "200 operator lead: finished",
        ]
    );
}

#[test]
fn wrong_values_make_a_false_alert() {
    let faults = json!([{"scrape_corruption": {"at": "50s", "for": "30s", "factor": 0.5}}]);
    let alerts = json!({"few": {"when": "services.api.ready < 60%"}});
    let run = Lab::new(world(1, "10/s", json!({"faults": faults, "monitoring": {"alerts": alerts}})), 120.0).run(1);
    assert_eq!(told(&run), ["60 alert few: firing", "90 alert few: resolved"]);
    assert_eq!(run.client("web").failed.iter().sum::<u64>(), 0);
}

#[test]
fn faults_of_no_size_do_nothing() {
    let plain = failing(json!({})).run(1);
    for fault in [
        json!({"scrape_loss": {"at": "0s", "share": "0%"}}),
        json!({"scrape_delay": {"at": "0s", "delay": "0s"}}),
        json!({"scrape_corruption": {"at": "0s", "factor": 1}}),
    ] {
        let run = failing(json!({"faults": errors_and(fault)})).run(1);
        assert_eq!((told(&run), &run.report.measured), (told(&plain), &plain.report.measured));
    }
}

/// Scraping fails by itself or by a fault, and either way in the share that is stated.
#[test]
fn scrapes_are_lost_by_share() {
    let blind = |more: Value| {
        let mut base = json!({"monitoring": {"scrape": {"every": "1s"}, "evaluate": "1s",
            "alerts": {"gap": {"when": "services.api.offered absent", "over": "2s"}}}});
        merge(&mut base, more);
        Lab::new(world(1, "10/s", base), 2000.0).run(1).report.alerts[0].fired
    };
    assert_eq!(blind(json!({})), 1);
    // There is no rate unless both of the last two scrapes have come: a gap begins wherever one is lost after two that were
    // not, at 0.9 × 0.9 × 0.1 of 2000 seconds. Five standard deviations of 162 are less than 65.
    for gaps in [
        blind(json!({"monitoring": {"scrape": {"loss": "10%"}}})),
        blind(json!({"faults": [{"scrape_loss": {"at": "0s", "share": "10%"}}]})),
    ] {
        assert!((97..=227).contains(&gaps), "{gaps}");
    }
}

#[test]
fn to_look_changes_nothing() {
    let plain = Lab::new(world(1, "100/s", json!({})), 100.0);
    let idle = Lab::new(world(1, "100/s", json!({"monitoring": {}})), 100.0);
    assert_eq!(plain.run(1).report.digest, idle.run(1).report.digest);
    let alerts =
        json!({"slow": {"when": "clients.web.latency.p99 > 1s"}, "busy": {"when": "services.api.utilisation > 99%"}});
    let seen = Lab::new(world(1, "100/s", json!({"monitoring": {"alerts": alerts}})), 100.0);
    let (plain, seen) = (plain.run(1), seen.run(1));
    assert_eq!(plain.report.measured, seen.report.measured);
    assert!(told(&seen).is_empty());
}

/// A loop looks every 30 s by itself, acts, waits, and looks whether it has helped.
#[test]
fn a_loop_repairs_what_it_understands_and_escalates_the_rest() {
    let run = |action: Value| {
        let more = json!({
            "services": {"api": {"pools": {"db": {"size": 1}},
                "endpoints": {"get": {"steps": [{"acquire": {"pool": "db", "steps": [{"sleep": "200ms"}]}}]}}}},
            "monitoring": {"scrape": {"every": "5s"}, "evaluate": "5s",
                "alerts": {"full": {"when": "pools.api.db.utilisation > 95%"}}},
            "operators": {
                "loop": {"on": ["full"], "every": "30s", "escalate_to": "on-call",
                    "steps": [{"do": action}, {"wait": "10s"}, {"until": {"resolved": "full", "else": "escalate"}}]},
                "on-call": {"response": "15m", "steps": []},
            },
        });
        told(&Lab::new(world(1, "10/s", more), 50.0).run(1))
    };
    let right = run(json!({"resize_pool": {"service": "api", "pool": "db", "size": 8}}));
    assert_eq!(
        right,
        [
            "5 alert full: firing",
            "30 operator loop: called",
            "30 operator loop: resize_pool",
            "35 alert full: resolved",
            "40 operator loop: finished",
        ]
    );
    let wrong = run(json!({"limit_connections": {"service": "api", "most": 9}}));
    assert_eq!(
        wrong,
        [
            "5 alert full: firing",
            "30 operator loop: called",
            "30 operator loop: limit_connections",
            "40 operator loop: escalated",
            "40 operator on-call: called",
        ]
    );
}

#[test]
fn an_operator_begins_again_after_its_pause_and_not_for_what_is_over() {
    let steps = json!([{"do": {"traffic": {"client": "web", "share": "50%"}}}]);
    let again = json!({"on": ["failing"], "steps": steps, "again_after": "40s"});
    let run = failing(json!({"operators": {"on-call": again}})).run(1);
    let called: Vec<String> = told(&run).into_iter().filter(|line| line.ends_with("called")).collect();
    // From 135 s on every 40 s, as nothing helps.
    let times = ["135", "175", "215"].map(|at| format!("{at} operator on-call: called"));
    assert_eq!(called, times);
    let late = json!({"on": ["failing"], "response": "60s", "steps": steps});
    let faults = json!([{"errors": {"at": "60.05s", "for": "90s", "service": "api", "share": "100%"}}]);
    let run = failing(json!({"faults": faults, "operators": {"on-call": late}})).run(1);
    assert_eq!(told(&run).last().map(String::as_str), Some("195 operator on-call: stand_down"));
}

#[test]
fn what_cannot_be_seen_or_called_is_named() {
    let problems = |more: Value| -> Vec<String> {
        let lab = failing(more);
        let problems = Blueprint::new(&lab.world, lab.settings).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    };
    let of = |when: &str| problems(json!({"monitoring": {"alerts": {"failing": {"when": when}}}})).join("\n");
    assert!(of("clients.web.failures > 5%").contains("did you mean `failure`?"), "{}", of("clients.web.failures > 5%"));
    assert!(of("clients.wep.failure > 5%").contains("did you mean `clients.web`?"));
    assert!(of("services.api.memory > 90%").contains("its metrics: offered, failed"));
    assert!(of("clients.web.failure > 5").contains("`5` is not a share"));
    assert!(of("clients.web.failure").contains("is no condition"));
    let short = problems(json!({"monitoring": {"alerts": {"failing": {"over": "20s"}}}}));
    assert!(short[0].contains("never holds two scrapes"), "{short:?}");
    let nobody = problems(json!({"operators": {"a": {"on": ["falling"], "steps": []}}}));
    assert!(nobody[0].contains("there is no alert `falling`") && nobody[0].contains("did you mean `failing`?"));
    let circle =
        json!({"a": {"on": ["failing"], "steps": [], "escalate_to": "b"}, "b": {"steps": [], "escalate_to": "a"}});
    assert!(problems(json!({"operators": circle}))[0].contains("goes round in a circle"));
}
