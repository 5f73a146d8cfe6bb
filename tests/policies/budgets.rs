//! Retry budgets: what retries cost, and that they end when it is used up.

use crate::support::{Lab, Run, Value, json, ratio};

/// A hundred requests a second for a hundred seconds to a service that fails this share of them, with two retries.
fn run(percent: &str, budget: Value) -> Run {
    let retry = json!({"retry": {"constant": {"attempts": 3, "delay": "10ms", "budget": budget}}});
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "100/s"}},
            "edge": {"policies": [retry]},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"fail": percent}]}}}},
    });
    Lab::new(world, 100.005).run(1)
}

fn retries(run: &Run) -> u64 {
    run.edge("web", "api").attempts - run.edge("web", "api").calls
}

/// Source: the SRE book, chapter 21: three attempts with a budget of 10 % make 1.1 times the load, not 3 times.
#[test]
fn a_budget_bounds_the_amplification() {
    let run = run("100%", json!({"token_bucket": {"share": "10%"}}));
    let amplification = ratio(run.edge("web", "api").attempts, run.edge("web", "api").calls);
    assert!((amplification - 1.1).abs() < 0.02, "{amplification}");
    assert!(run.edge("web", "api").retries_denied > 8_000);
}

/// The quota of an AWS SDK: 500 tokens, five for a retry before 2026. A hundred retries, and no more without successes.
#[test]
fn a_quota_is_used_up() {
    let before = run("100%", json!({"aws_quota": {"timeout_cost": 10, "cost": 5}}));
    assert_eq!(retries(&before), 100);
    let since = run("100%", json!({"aws_quota": {}}));
    assert_eq!(retries(&since), 35);
}

/// With few failures every retry is granted, and a budget changes nothing.
#[test]
fn a_budget_that_is_never_used_up_changes_nothing() {
    let with = run("1%", json!({"finagle": {}}));
    let retry = json!({"retry": {"constant": {"attempts": 3, "delay": "10ms"}}});
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"deterministic": {"rate": "100/s"}},
            "edge": {"policies": [retry]},
        }},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": [{"fail": "1%"}]}}}},
    });
    let without = Lab::new(world, 100.005).run(1);
    assert!(with.client("web") == without.client("web"));
    assert!(retries(&with) > 50);
}

/// A call of something that must not be done twice is left alone by a retry that heeds it.
#[test]
fn what_is_not_idempotent_is_tried_once() {
    let attempts = |only: bool, idempotent: bool| {
        let retry = json!({"constant": {"attempts": 3, "delay": "0s", "only_idempotent": only}});
        let world = json!({
            "clients": {"web": {
                "to": "api.pay",
                "arrivals": {"deterministic": {"rate": "1/s"}},
                "edge": {"policies": [{"retry": retry}]},
            }},
            "services": {"api": {"capacity": "unlimited", "endpoints": {"pay": {
                "idempotent": idempotent,
                "steps": [{"write": "payment"}, {"fail": "100%"}],
            }}}},
        });
        let run = Lab::new(world, 10.5).run(1);
        (run.edge("web", "api").attempts, run.service("api").duplicate_writes)
    };
    assert_eq!(attempts(true, false), (10, 0));
    assert_eq!(attempts(true, true), (30, 20));
    assert_eq!(attempts(false, false), (30, 20));
}
