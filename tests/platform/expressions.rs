//! Alerts in PromQL.

use super::monitoring::{failing, told};
use super::{merge, world};
use crate::support::{Lab, json};
use squall_models::Blueprint;

#[test]
fn an_expression_sees_what_a_sentence_sees() {
    let sum = |of: &str| format!("sum(rate(squall_client_requests_total{of}[1m]))");
    let expr = format!("{} / {} > 0.65", sum("{outcome=\"failed\"}"), sum(""));
    let rule = json!({"expr": expr, "for": "30s"});
    let run = failing(json!({"monitoring": {"alerts": {"said": rule}}})).run(1);
    let of = |name: &str| -> Vec<String> {
        let lines = told(&run).into_iter().filter(|line| line.contains(name));
        lines.map(|line| line.replace(name, "it")).collect()
    };
    assert_eq!(of("alert failing"), ["105 it: pending", "135 it: firing"]);
    assert_eq!(of("alert said"), of("alert failing"));
}

#[test]
fn a_rate_is_held_against_itself_over_a_longer_window() {
    // Ten a second become forty at 600 s. Of the 45 s that a minute shows at 630 s, 30 are of 40/s: 30/s. Of the 285 s of five
    // minutes as many: 13.2/s. At 705 s it is 40/s against (180 * 10 + 105 * 40) / 285 = 21.1/s. Three times as much it is never.
    // In the first minutes five minutes are not there yet, and Prometheus divides by them all the same.
    let spike = json!({"clients": {"web": {"arrivals": {"deterministic": {"rate": {"steps":
        [{"at": "0s", "rate": "10/s"}, {"at": "600s", "rate": "40/s"}]}}}}}, "faults": []});
    let rule = |times: f64| {
        let rate = |window: &str| format!("sum(rate(hits_total[{window}]))");
        json!({"expr": format!("{} > {} * {times}", rate("1m"), rate("5m"))})
    };
    let mut base = json!({"monitoring": {
        "metrics": {"hits_total": "squall_client_arrivals_total{client=\"web\"}"},
        "alerts": {"double": rule(2.0), "triple": rule(3.0)},
    }});
    merge(&mut base, spike);
    let run = Lab::new(world(1, "10/s", base), 1000.0).run(1);
    let expected = [
        "15 alert double: firing",
        "15 alert triple: firing",
        "105 alert triple: resolved",
        "165 alert double: resolved",
        "630 alert double: firing",
        "705 alert double: resolved",
    ];
    assert_eq!(told(&run), expected);
}

#[test]
fn each_series_of_an_expression_is_an_alert_of_its_own() {
    // `other` is gone from 100 s on, and `api` from 130 s on. Nobody is gone for 60 s but `other`.
    let base = json!({
        "services": {"other": {"capacity": {"workers": 1}, "endpoints": {"get": {"steps": [{"work": "1ms"}]}}}},
        "clients": {"also": {"to": "other.get", "arrivals": {"deterministic": {"rate": "10/s"}}}},
        "faults": [
            {"crash": {"at": "100s", "for": "80s", "service": "other"}},
            {"crash": {"at": "130s", "for": "40s", "service": "api"}},
        ],
        "monitoring": {"alerts": {
            "down": {"expr": "up == 0", "for": "1m"},
            "both": {"expr": "count(up == 0) == 2"},
        }},
    });
    let run = Lab::new(world(1, "10/s", base), 300.0).run(1);
    let expected = [
        "105 alert down: pending",
        "135 alert both: firing",
        "165 alert down: firing",
        "180 alert both: resolved",
        "180 alert down: resolved",
    ];
    let told = told(&run);
    for line in expected {
        assert!(told.iter().any(|told| told == line), "{line} is not in {told:?}");
    }
}

#[test]
fn after_a_failed_scrape_the_newest_value_is_no_longer_known() {
    // What a service that hangs has taken in is more and more; at 150 s a scrape fails, and only that.
    let base = json!({
        "faults": [{"hang": {"at": "60s", "service": "api"}}, {"scrape_outage": {"at": "145s", "for": "10s"}}],
        "monitoring": {"alerts": {
            "newest": {"when": "clients.web.in_flight > 100"},
            "mean": {"when": "clients.web.in_flight > 100", "over": "1m"},
        }},
    });
    let run = Lab::new(world(1, "10/s", base), 200.0).run(1);
    let newest: Vec<String> = told(&run).into_iter().filter(|line| line.contains("newest: ")).collect();
    let at = |line: &String| line.split(' ').next().unwrap().parse::<u64>().unwrap();
    assert_eq!(newest.iter().map(at).collect::<Vec<_>>(), [75, 150, 165], "{newest:?}");
    assert!(!told(&run).iter().any(|line| line.contains("mean: resolved")), "windows go on");
}

/// Each key's misses and look-ups add up to the cache's, the most popular key is asked for most, and a key that nobody keeps is missed.
#[test]
fn single_keys_of_a_cache_can_be_asked_for() {
    let miss = json!([{"work": "10ms"}]);
    let base = json!({
        "keys": {"pages": {"zipf": {"count": 10, "exponent": 1}}},
        "clients": {"web": {"arrivals": {"deterministic": {"rate": "100/s"}}}},
        "services": {"api": {"endpoints": {"get": {"steps": [{"cache": {"name": "pages", "keys": "pages", "miss": miss}}]}}}},
        "caches": {"pages": {"by_key": 10}},
        "monitoring": {
            "metrics": {"access": "squall_cache_key_lookups_total{cache=\"pages\"}",
                "misses": "squall_cache_key_misses_total{cache=\"pages\"}"},
            "alerts": {
                "all": {"expr": "sum(access) == on () sum(squall_cache_hits_total + squall_cache_misses_total)"},
                "most": {"expr": "topk(1, rate(access[1m])) and on (key) access{key=\"1\"}"},
                "second": {"expr": "topk(1, rate(access[1m])) and on (key) access{key=\"2\"}"},
                "missed": {"expr": "rate(misses[1m]) / rate(access[1m]) > 0.8"},
                "bounded": {"expr": "count(access) == 10"},
            },
        },
    });
    let mut all = world(1, "100/s", base);
    let kept = told(&Lab::new(all.clone(), 120.0).run(1));
    let firing = |log: &[String], name: &str| log.iter().any(|line| line.contains(&format!("alert {name}: firing")));
    for (name, fires) in [("all", true), ("most", true), ("second", false), ("missed", false), ("bounded", true)] {
        assert_eq!(firing(&kept, name), fires, "{name}: {kept:?}");
    }
    assert!(!kept.iter().any(|line| line.contains("alert all: resolved")), "{kept:?}");
    // Entries that are over as soon as they are there are missed each time.
    all["caches"]["pages"]["ttl"] = json!("1ms");
    let lost = told(&Lab::new(all, 120.0).run(1));
    assert!(firing(&lost, "missed") && firing(&lost, "all"), "{lost:?}");
}

#[test]
fn an_expression_that_means_nothing_here_is_refused() {
    let refused = |expr: &str| {
        let base = json!({"monitoring": {"alerts": {"odd": {"expr": expr}}}});
        let lab = Lab::new(world(1, "10/s", base), 60.0);
        Blueprint::new(&lab.world, lab.settings).err().unwrap_or_default()
    };
    for (expr, rule) in [
        ("rate(squall_client_request_total[1m]) > 1", "nothing exposes a metric `squall_client_request_total`"),
        ("squall_client_in_flight{client=\"webb\"} > 1", "no series of `squall_client_in_flight` has these labels"),
        ("deriv(squall_client_in_flight[1m]) > 1", "the function `deriv` is not known here"),
        ("squall_client_in_flight >", "is not PromQL"),
        ("1", "this is a number"),
        (
            "squall_client_latency_seconds_bucket / on (client) squall_client_in_flight",
            "match the same on the other side",
        ),
        ("rate(squall_client_arrivals_total[20s]) > 1", "never holds two scrapes"),
    ] {
        let problems = refused(expr);
        assert!(problems.iter().any(|problem| problem.rule.contains(rule)), "{expr}: {problems:?}");
    }
}
