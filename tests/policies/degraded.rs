//! Degraded success: requests that ended well because a fallback had a part in their answer.

use crate::support::{Lab, Run, Value, json, ratio};

/// A client of `api`, which runs these steps and calls `db` with a fallback; `db` fails some share of its calls.
fn behind(steps: Value, fails: &str, policies: Value) -> Run {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "100/s"}},
            "edge": {"policies": policies},
        }},
        "services": {
            "api": {
                "capacity": "unlimited",
                "endpoints": {"get": {"steps": steps}},
                "edges": {"db": {"policies": [{"fallback": {"value": {}}}]}},
            },
            "db": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"fail": fails}, {"work": "1ms"}]}}},
        },
    });
    Lab::new(world, 100.005).run(1)
}

/// Every fallback degrades the one request that it is for, over any number of hops and out of a branch.
#[test]
fn a_fallback_further_down_degrades_the_request() {
    let call = json!([{"call": "db.get"}]);
    let branches = json!([{"parallel": {"branches": [[{"call": "db.get"}], [{"work": "2ms"}]]}}]);
    for steps in [call, branches] {
        let run = behind(steps, "30%", json!([]));
        let client = run.client("web");
        assert!(client.ok >= 9_999, "{}", client.ok);
        assert!((ratio(client.degraded, client.ok) - 0.3).abs() < 0.02);
        assert!(client.degraded.abs_diff(run.edge("api", "db").fallbacks) <= 1);
    }
    assert_eq!(behind(json!([{"call": "db.get"}]), "0%", json!([])).client("web").degraded, 0);
}

/// Half of the attempts fail after their call, and half of the calls are answered by the fallback: half of the good answers
/// are degraded. Were an attempt before the last one to count as well, it would be five in eight.
#[test]
fn only_the_attempt_that_answered_counts() {
    let steps = json!([{"call": "db.get"}, {"fail": "50%"}]);
    let run = behind(steps, "50%", json!([{"retry": {"constant": {"attempts": 3, "delay": "1ms"}}}]));
    let client = run.client("web");
    let share = ratio(client.degraded, client.ok);
    assert!((share - 0.5).abs() < 0.025, "{share}");
}

#[test]
fn a_fallback_of_the_clients_own_edge_counts() {
    let steps = json!([{"fail": "40%"}, {"call": "db.get"}]);
    for policies in [json!([{"fallback": {"value": {}}}]), json!([{"fallback": {"endpoint": {"to": "db.get"}}}])] {
        let run = behind(steps.clone(), "0%", policies);
        let client = run.client("web");
        assert!(client.degraded.abs_diff(run.edge("web", "api").fallbacks) <= 1);
        assert!((ratio(client.degraded, client.ok) - 0.4).abs() < 0.02);
    }
}
