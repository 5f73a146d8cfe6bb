//! Splits, sessions and rollouts: who gets which share, what becomes of sessions, and when a controller does what.

use super::{merge, told};
use crate::support::{Lab, Run, Value, json, ratio};
use proptest::prelude::*;
use squall_models::Blueprint;

/// Two versions that answer after 10 ms, and a client that asks evenly.
fn world(rate: &str, more: Value) -> Value {
    let side = json!({"capacity": {"workers": 50}, "endpoints": {"get": {"steps": [{"work": "10ms"}]}}});
    let mut world = json!({
        "clients": {"web": {"to": "app.get", "arrivals": {"deterministic": {"rate": rate}}}},
        "splits": {"app": {"weights": {"old": 100, "new": 0}}},
        "services": {"old": side, "new": side},
    });
    merge(&mut world, more);
    world
}

/// Calls to the two sides, and the sessions that moved to each.
fn sides(run: &Run) -> [(u64, u64); 2] {
    let splits = &run.report.measured.splits;
    // Names are sorted: `new` comes before `old`.
    [(splits[0].calls, splits[0].moved), (splits[1].calls, splits[1].moved)]
}

fn lost(run: &Run) -> u64 {
    let client = run.client("web");
    let fate = squall_models::outcome::Failure::SessionLost as usize;
    assert_eq!(client.failed[fate], run.report.measured.splits.iter().map(|side| side.lost).sum::<u64>());
    client.failed[fate]
}

fn problems(more: Value) -> String {
    let lab = Lab::new(world("10/s", more), 100.0);
    let problems = Blueprint::new(&lab.world, lab.settings).err().unwrap_or_default();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_side_with_everything_has_the_same_customers_as_a_service() {
    let work = json!({"capacity": {"workers": 2}, "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "15ms"}}}]}}});
    let arrivals = json!({"poisson": {"rate": "100/s"}});
    let split = json!({"clients": {"web": {"to": "app.get", "arrivals": arrivals}}, "services": {"old": work, "new": work},
        "splits": {"app": {"weights": {"old": 100, "new": 0}}}});
    let plain =
        json!({"clients": {"web": {"to": "old.get", "arrivals": arrivals}}, "services": {"old": work, "new": work}});
    let (split, plain) = (Lab::new(split, 100.0).run(1), Lab::new(plain, 100.0).run(1));
    assert_eq!(split.client("web"), plain.client("web"));
    assert_eq!(split.service("old"), plain.service("old"));
    assert_eq!(split.service("new").arrivals, 0);
}

#[test]
fn a_service_calls_a_split_too() {
    let step = |to: &str| {
        json!({"capacity": "unlimited", "endpoints": {"get": {"steps": [{"call": to}]}},
        "edges": {"app": {"policies": [{"timeout": "5ms"}]}, "old": {}}})
    };
    let more = json!({"clients": {"web": {"to": "front.get"}}, "services": {"front": step("app.get")},
        "splits": {"app": {"weights": {"old": 1, "new": 1}}}});
    let run = Lab::new(world("100/s", more), 100.0).run(1);
    // What is said of the split holds for the side of which nothing else is said: only `new` is not waited for.
    let [(new, _), (old, _)] = sides(&run);
    let (failed, answered) = (run.edge("front", "new").failed[1], run.edge("front", "old").failed[1]);
    assert!(new - failed <= 1 && answered == 0, "{failed} of {new}, {answered}");
    assert!(new > 4_000 && old > 4_000, "{new} {old}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Shares follow the weights, with sessions and without, and no call is lost on the way.
    #[test]
    fn shares_are_those_of_the_weights(weight in 1_u32..100, sticky in any::<bool>(), seed in 1_u64..1000) {
        let weights = json!({"old": 100 - weight, "new": weight});
        let mut more = json!({"splits": {"app": {"weights": weights}}});
        if sticky {
            merge(&mut more, json!({"clients": {"web": {"sessions": 5000}}}));
        }
        let run = Lab::new(world("200/s", more), 50.0).run(seed);
        let [(new, moved), (old, back)] = sides(&run);
        prop_assert_eq!((new + old, moved, back), (run.client("web").arrivals, 0, 0));
        // Five standard deviations; sessions are drawn first, and then requests among them.
        let share = f64::from(weight) / 100.0;
        let spread = (share * (1.0 - share) * (1.0 / 10_000.0 + if sticky { 1.0 / 4_000.0 } else { 0.0 })).sqrt();
        prop_assert!((ratio(new, new + old) - share).abs() <= 5.0 * spread, "{} of {}", new, new + old);
    }

    /// Whatever is asked for and whenever, there is never more than one switch at a time, and all calls have a fate.
    #[test]
    fn there_is_never_more_than_one_switch(wishes in prop::collection::vec((1_u32..90, 0_usize..4), 1..12), seed in 1_u64..1000) {
        const WISHES: [&str; 4] = ["switch", "promote", "rollback", "interrupt"];
        let action = |(at, wish): &(u32, usize)| json!({"at": format!("{at}s"), "do": {WISHES[*wish]: {"rollout": "r"}}});
        let actions: Vec<Value> = wishes.iter().map(action).collect();
        let blue_green = json!({"split": "app", "from": "old", "to": "new", "at": "5s", "over": "20s", "validate": "10s"});
        let more = json!({"actions": actions, "rollouts": {"r": {"blue_green": blue_green}}, "clients": {"web": {"sessions": 50}},
            "splits": {"app": {"state": "local", "ttl": "3s"}}});
        let run = Lab::new(world("20/s", more), 100.0).run(seed);
        let mut under_way = 0_i32;
        for acted in run.report.actions.iter().filter(|acted| acted.cause == "rollout r") {
            under_way += match acted.action {
                "started" => 1,
                "promoted" => -1,
                // A switch that is settled can be undone as well.
                "rolled back" => -under_way,
                _ => 0,
            };
            prop_assert!((0..=1).contains(&under_way), "{:?}", told(&run));
        }
        let [(new, _), (old, _)] = sides(&run);
        prop_assert_eq!(new + old, run.client("web").arrivals);
        lost(&run);
    }
}

#[test]
fn a_session_moves_only_if_it_has_to() {
    let action = |at: &str, new: u32| json!({"at": at, "do": {"split": {"name": "app", "weights": {"old": 100 - new, "new": new}}}});
    let more = json!({"clients": {"web": {"sessions": 1000}}, "splits": {"app": {"weights": {"old": 90, "new": 10}}},
        "actions": [action("50s", 20), action("100s", 10)]});
    let run = Lab::new(world("1000/s", more), 150.0).run(1);
    let [(_, there), (_, back)] = sides(&run);
    // A tenth of a thousand sessions, give or take, goes there, and the same ones come back.
    assert_eq!(there, back);
    assert!((70..130).contains(&there), "{there}");
}

#[test]
fn weights_are_heard_of_within_the_ttl() {
    let actions = json!([{"at": "30s", "do": {"split": {"name": "app", "weights": {"new": 100}}}}]);
    let more = json!({"splits": {"app": {"ttl": "20s"}}, "actions": actions});
    let lab = Lab::new(world("1000/s", more), 60.0).windows(&[(0.0, 30.0), (35.0, 36.0), (50.0, 60.0)]);
    let run = lab.run(1);
    let share = |window: usize| {
        let side = run.report.windows[window].splits[0];
        ratio(side.calls, side.of)
    };
    assert_eq!((share(0), share(2)), (0.0, 1.0));
    // Five and a half of the twenty seconds have passed.
    assert!((share(1) - 0.275).abs() < 0.075, "{}", share(1));
}

#[test]
fn sessions_are_lost_where_their_state_is_not() {
    let moved = |state: &str, faults: Value| {
        let actions = json!([{"at": "50s", "do": {"split": {"name": "app", "weights": {"new": 100}}}}]);
        let more = json!({"clients": {"web": {"sessions": 100}}, "splits": {"app": {"state": state}}, "actions": actions,
            "faults": faults});
        Lab::new(world("100/s", more), 100.0).run(1)
    };
    // All sessions come along within 50 s, and each of them is lost once where it is not known.
    assert_eq!(lost(&moved("local", json!([]))), 100);
    let (shared, copied) = (moved("shared", json!([])), moved("copied", json!([])));
    assert_eq!((lost(&shared), lost(&copied), sides(&shared)[0].1), (0, 0, 100));
    let broken = json!([{"state_sync_failure": {"at": "49s", "for": "20s", "split": "app"}}]);
    let some = lost(&moved("copied", broken));
    // Those that have changed in the second before the switch: 1 − (1 − 1/100)^100 of them.
    assert!((50..76).contains(&some), "{some}");
    let gone = |share: &str, side: Value| {
        let fault = json!([{"session_loss": {"at": "20s", "split": "app", "share": share, "side": side}}]);
        moved("shared", fault)
    };
    assert_eq!(lost(&gone("100%", Value::Null)), 100);
    assert_eq!(lost(&gone("100%", json!("new"))), 0);
    assert_eq!(gone("0%", Value::Null).report.measured, shared.report.measured);
}

fn canary(analysis: Value, faults: Value) -> Value {
    let steps = json!([{"weight": "10%", "pause": "60s"}, {"weight": "50%", "pause": "60s"}]);
    let canary = json!({"split": "app", "side": "new", "at": "20s", "steps": steps, "analysis": analysis});
    json!({"rollouts": {"app": {"canary": canary}}, "faults": faults, "monitoring": {"scrape": {"every": "5s"}}})
}

fn consecutive() -> Value {
    json!({"consecutive": {"interval": "10s", "over": "15s", "fail_when": ["failure > 5%", "latency.p99 > 500ms"]}})
}

/// Errors from 40 s on. At 50 s two of the three scrapes of the window, at 40 s and 45 s, are from before or hardly after that.
#[test]
fn a_canary_is_rolled_back_after_three_checks() {
    let errors = json!([{"errors": {"at": "40s", "service": "new", "share": "50%"}}]);
    let run = Lab::new(world("200/s", canary(consecutive(), errors)), 120.0).run(1);
    let lines: Vec<String> = told(&run).into_iter().filter(|line| line.contains("rollout app")).collect();
    let short: Vec<&str> = lines.iter().map(|line| line.split(" splits.").next().unwrap_or_default()).collect();
    assert_eq!(
        short,
        [
            "20 rollout app: started",
            "20 rollout app: split",
            // Two scrapes are needed for a rate, and the percentile and the share of failures are told apart.
            "50 rollout app: check failed",
            "60 rollout app: check failed",
            "70 rollout app: check failed",
            "70 rollout app: split",
            "70 rollout app: rolled back",
        ]
    );
    assert!(lines[6].ends_with("3 failed checks in a row"), "{}", lines[6]);
    let totals = run.report.rollouts[0];
    assert_eq!((totals.started, totals.rolled_back, totals.failed_checks), (1, 1, 3));
    assert_eq!(totals.detected.map(squall_sim::Span::seconds), Some(10.0));
    assert_eq!(totals.time_to_rollback.map(squall_sim::Span::seconds), Some(30.0));
}

#[test]
fn without_data_nothing_is_done_and_without_a_fault_it_is_promoted() {
    let words = |faults: Value| -> Vec<String> {
        let run = Lab::new(world("200/s", canary(consecutive(), faults)), 200.0).run(1);
        let wanted = |line: &&String| line.contains("rollout app") && !line.contains("no data");
        let short = |line: &String| line.split(" splits.").next().unwrap_or_default().to_owned();
        told(&run).iter().filter(wanted).map(short).collect()
    };
    let all = [
        "20 rollout app: started",
        "20 rollout app: split",
        "80 rollout app: split",
        "140 rollout app: split",
        "140 rollout app: promoted",
    ];
    assert_eq!(words(json!([])), all);
    // Nothing is scraped until 115 s, although it fails for most of that time: it stays at its first step until there are two
    // scrapes again, at 120 s.
    let outage = json!([{"scrape_outage": {"at": "31s", "for": "80s"}}, {"errors": {"at": "31s", "for": "60s", "service": "new", "share": "50%"}}]);
    assert_eq!(
        words(outage),
        [
            &all[..2],
            &["120 rollout app: split", "180 rollout app: split", "180 rollout app: promoted"].map(|line| line)
        ]
        .concat()
    );
}

#[test]
fn a_few_calls_prove_nothing() {
    let errors = json!([{"errors": {"at": "0s", "service": "new", "share": "100%"}}]);
    let run = |least: u64| {
        let mut analysis = consecutive();
        merge(&mut analysis, json!({"consecutive": {"min_samples": least}}));
        Lab::new(world("20/s", canary(analysis, errors.clone())), 120.0).run(1).report.rollouts[0]
    };
    // Two calls a second are thirty in the window.
    assert_eq!((run(10).rolled_back, run(100).rolled_back), (1, 0));
}

/// 40 % of the traffic have gone over when whoever moves it stops; what is then asked for is refused or done.
#[test]
fn a_switch_is_interrupted_half_way() {
    let blue_green = json!({"split": "app", "from": "old", "to": "new", "at": "20s", "over": "20s", "validate": "20s"});
    let asks = |at: &str, wish: &str| json!({"at": at, "do": {wish: {"rollout": "app"}}});
    let more = json!({"rollouts": {"app": {"blue_green": blue_green}}, "clients": {"web": {"sessions": 500}},
        "faults": [{"interrupt": {"at": "27s", "rollout": "app"}}],
        "actions": [asks("40s", "switch"), asks("60s", "rollback")]});
    let lab = Lab::new(world("1000/s", more), 100.0).windows(&[(27.0, 60.0), (60.0, 100.0)]);
    let run = lab.run(1);
    assert_eq!(
        told(&run),
        [
            "20 rollout app: started splits.app",
            "20 rollout app: split splits.app new 10, old 90",
            "22 rollout app: split splits.app new 20, old 80",
            "24 rollout app: split splits.app new 30, old 70",
            "26 rollout app: split splits.app new 40, old 60",
            "27 fault 1: interrupt rollouts.app done",
            "27 rollout app: interrupted splits.app",
            "40 action 1: switch rollouts.app refused: a switch is under way",
            "40 rollout app: refused splits.app a switch is under way",
            "60 action 2: rollback rollouts.app done",
            "60 rollout app: split splits.app new 0, old 100",
            "60 rollout app: rolled back splits.app asked for",
        ]
    );
    let share =
        |window: usize| ratio(run.report.windows[window].splits[0].calls, run.report.windows[window].splits[0].of);
    assert!((share(0) - 0.4).abs() < 0.1, "{}", share(0));
    assert_eq!(share(1), 0.0);
    // Sessions went there as the weights rose, and the same ones back again.
    let [(_, there), (_, back)] = sides(&run);
    assert_eq!(there, back);
}

#[test]
fn a_switch_to_a_side_that_is_not_ready_is_blocked() {
    let gate = json!({"checks": 3, "every": "5s"});
    let blue_green = json!({"split": "app", "from": "old", "to": "new", "at": "20s", "gate": gate, "validate": "20s",
        "scale_down_delay": "30s"});
    let life = json!({"lifecycle": {}});
    let more = json!({"rollouts": {"app": {"blue_green": blue_green}}, "services": {"old": life, "new": life},
        "faults": [{"crash": {"at": "10s", "for": "30s", "service": "new"}}],
        "actions": [{"at": "60s", "do": {"switch": {"rollout": "app"}}}]});
    let run = Lab::new(world("50/s", more), 150.0).windows(&[(0.0, 60.0)]).run(1);
    let lines: Vec<String> = told(&run).into_iter().filter(|line| line.contains("rollout app")).collect();
    assert_eq!(
        lines,
        [
            "20 rollout app: started splits.app",
            "20 rollout app: blocked splits.app 0 % of its replicas are ready, and 100 % have to be",
            "60 rollout app: started splits.app",
            "70 rollout app: split splits.app new 100, old 0",
            "70 rollout app: switched splits.app",
            "90 rollout app: promoted splits.app",
            "120 rollout app: scale services.old from 1 to 0",
        ]
    );
    assert_eq!(run.report.windows[0].splits[0].calls, 0);
    assert_eq!(run.report.rollouts[0].blocked, 1);
}

#[test]
fn what_cannot_be_rolled_out_is_named() {
    let rollout = |more: Value| {
        let mut all = json!({"canary": {"split": "app", "side": "new", "steps": [{"weight": "10%"}]}});
        merge(&mut all, more);
        problems(json!({"rollouts": {"app": all}}))
    };
    assert_eq!(rollout(json!({})), "");
    assert!(rollout(json!({"canary": {"side": "knew"}})).contains("did you mean `new`?"));
    assert!(rollout(json!({"canary": {"split": "apps"}})).contains("did you mean `app`?"));
    let analysis =
        |when: &str| json!({"canary": {"analysis": {"consecutive": {"interval": "10s", "fail_when": [when]}}}});
    assert!(
        rollout(analysis("latency.p98 > 1s")).contains("nothing called `latency.p98` is scraped of `services.new`")
    );
    assert!(rollout(analysis("failure > 5")).contains("`5` is not a share"));
    assert!(problems(json!({"splits": {"app": {"weights": {"old": 0}}}})).contains("not all of them 0"));
    assert!(problems(json!({"splits": {"b": {"weights": {"old": 1, "new": 1}}}})).contains("nobody calls `b`"));
    assert!(
        problems(json!({"splits": {"old": {"weights": {"old": 1, "new": 1}}}}))
            .contains("is a service or a client already")
    );
    assert!(problems(json!({"splits": {"app": {"state": "local"}}})).contains("no client has sessions"));
    let fault = json!([{"state_sync_failure": {"at": "1s", "split": "app"}}]);
    assert!(problems(json!({"faults": fault})).contains("are not copied"));
    let backwards = json!({"r": {"blue_green": {"split": "app", "from": "new", "to": "old"}}});
    assert!(problems(json!({"rollouts": backwards})).contains("has to have all the traffic"));
}
