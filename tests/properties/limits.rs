//! Worlds that would go on for ever, or grow for ever, end at a limit and say at which.

use crate::support::{Lab, Value, json};
use squall_models::report::Ending;

/// One request at zero to a service without limits whose only endpoint does this, and the client's policies.
fn lone(steps: Value, policies: Value) -> Lab {
    let mut lab = Lab::new(
        json!({
            "clients": {"web": {
                "to": "api.get",
                "arrivals": {"herd": {"count": 1, "at": "0s"}},
                "edge": {"policies": policies},
            }},
            "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": steps}}}},
        }),
        10.0,
    );
    lab.settings.limits.events = 100_000;
    lab.settings.limits.in_flight = 10_000;
    lab
}

/// Two calls under each call, forty deep: a trillion calls at one instant, none of which is an event.
#[test]
fn calls_that_take_no_time_are_bounded() {
    let again = json!([{"call": "api.get"}]);
    let mut lab = lone(json!([{"parallel": {"branches": [again], "copies": 2}}]), json!([]));
    lab.settings.limits.depth = 40;
    assert_eq!(lab.run(1).report.ending, Ending::EventLimit);
}

#[test]
fn spawned_work_is_bounded() {
    let lab = lone(json!([{"spawn": [{"work": "1s"}]}, {"fail": "100%"}]), {
        json!([{"retry": {"constant": {"attempts": 1000, "delay": "1us"}}}])
    });
    assert_eq!(lab.run(1).report.ending, Ending::Drained, "a thousand are within the limit");
    let mut tight = lab;
    tight.settings.limits.in_flight = 100;
    assert_eq!(tight.run(1).report.ending, Ending::InFlightLimit);
}

/// Nobody waits for these calls any more, but they are there, and they take up memory.
#[test]
fn a_backlog_for_nobody_is_bounded() {
    let mut lab = Lab::new(
        json!({
            "clients": {"web": {
                "to": "api.get",
                "arrivals": {"deterministic": {"rate": "1000/s"}},
                "edge": {"policies": [{"timeout": "10ms"}]},
            }},
            "services": {"api": {"capacity": {"workers": 1}, "endpoints": {"get": {"steps": [{"work": "1s"}]}}}},
        }),
        1000.0,
    );
    lab.settings.limits.in_flight = 5_000;
    let report = lab.run(1).report;
    assert_eq!(report.ending, Ending::InFlightLimit);
    assert!(report.ended_at.seconds() < 6.0, "it ended at {}", report.ended_at);
}

/// A loop of services is a failure with a name, not the end of the machine's stack.
#[test]
fn a_loop_of_services_is_too_deep() {
    let run = lone(json!([{"call": "api.get"}]), json!([])).run(1);
    assert_eq!(run.client("web").failed[squall_models::outcome::Failure::TooDeep as usize], 1);
}
