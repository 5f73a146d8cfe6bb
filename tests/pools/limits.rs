//! Bounds on connections, and what an operator does about those who hold them for too long.

use super::*;

#[test]
fn a_server_refuses_connections_beyond_its_bound() {
    // A log-in takes its time, so that all that is wanted at once is asked for before the first answer comes.
    let pool = json!({"library": {"sqlalchemy": {"pool_size": 5, "max_overflow": 0}}, "connect": "10ms"});
    let db = json!({"capacity": "unlimited", "connections": {"most": 12}});
    let mut four = world(herd(40), pool, db, json!("1s"));
    four["services"]["api"]["replicas"] = json!(4);
    let run = run(four, 60.0);
    // Four replicas of five want twenty, and eight of those are refused.
    assert_eq!((run.pool("api", "db").opened, failed(&run, "refused")), (12, 8));
    assert_eq!(run.client("web").ok + 8, 40);
}

#[test]
fn the_bound_of_a_server_can_be_moved() {
    let pool = json!({"library": {"go_sql": {"max_idle": 0}}});
    let db = json!({"capacity": "unlimited", "connections": {"most": 10}});
    let mut world = world(json!({"deterministic": {"rate": "30/s"}}), pool, db, json!("500ms"));
    world["faults"] = json!([{"limit_connections": {"at": "20s", "for": "20s", "service": "db", "most": 500}}]);
    let run = Lab::new(world, 60.0).windows(&[(5.0, 20.0), (21.0, 40.0), (41.0, 60.0)]).run(1);
    let refused = |window| run.client_in(window, "web").failed[squall_models::outcome::Failure::Refused as usize];
    assert!(refused(0) > 100 && refused(1) == 0 && refused(2) > 100, "{} {} {}", refused(0), refused(1), refused(2));
}

/// Every request holds a connection for 2 s, but one in twenty forgets to give it back for a minute.
fn idlers(fault: Value) -> Run {
    let forgets = json!({"choose": [
        {"weight": 1.0, "steps": [{"sleep": "60s"}, {"call": "db.query"}]},
        {"weight": 19.0, "steps": []},
    ]});
    let pool = json!({"library": {"sqlalchemy": {"timeout": "2s"}}});
    let mut world = world(json!({"poisson": {"rate": "10/s"}}), pool, unlimited(), json!("200ms"));
    world["services"]["api"]["endpoints"]["get"]["steps"] =
        json!([{"acquire": {"pool": "db", "steps": [{"call": "db.query"}, forgets]}}]);
    if !fault.is_null() {
        world["faults"] = json!([fault]);
    }
    Lab::new(world, 600.0).warmup(100.0).run(1)
}

#[test]
fn killing_who_is_idle_in_transaction_does_not_give_the_pool_its_connections_back() {
    let bare = idlers(Value::Null);
    let exhausted = bare.pool("api", "db");
    assert!(ratio(exhausted.timeouts, exhausted.asked) > 0.3);
    let kill = json!({"kill_queries": {"at": "100s", "every": "5s", "service": "db", "held": "10s"}});
    let killed = idlers(kill);
    // The server has closed its end, but the pool's slot is free only when the holder comes back and finds that out.
    assert!(failed(&killed, "disconnected") > 50);
    let still = killed.pool("api", "db");
    assert!(ratio(still.timeouts, still.asked) > 0.3);
}

#[test]
fn killing_long_queries_frees_the_pool() {
    let long = json!({"mixture": [
        {"weight": 19.0, "of": "100ms"},
        {"weight": 1.0, "of": {"constant": "300s"}},
    ]});
    let pool = json!({"library": {"sqlalchemy": {"timeout": "2s"}}});
    let mut world = world(json!({"poisson": {"rate": "10/s"}}), pool, unlimited(), long);
    let bare = Lab::new(world.clone(), 600.0).warmup(100.0).run(1);
    assert!(success(&bare) < 0.5, "{}", success(&bare));
    world["faults"] = json!([{"kill_queries": {"at": "0s", "every": "1s", "service": "db", "running": "5s"}}]);
    let killed = Lab::new(world, 600.0).warmup(100.0).run(1);
    assert!(success(&killed) > 0.9, "{}", success(&killed));
    assert!(failed(&killed, "error") > 200);
}

#[test]
fn a_pool_can_be_resized_while_it_is_in_use() {
    for library in [
        Value::Null,
        json!({"sqlalchemy": {"pool_size": 4, "max_overflow": 0}}),
        json!({"hikaricp": {"maximum_pool_size": 4}}),
        json!({"pgbouncer": {"default_pool_size": 4, "max_client_conn": "unlimited"}}),
        json!({"go_sql": {"max_open": 4}}),
    ] {
        let plain = library.is_null();
        let pool = if plain { json!({"size": 4}) } else { json!({"library": library}) };
        let mut world = world(json!({"closed": {"users": 30, "think": "10ms"}}), pool, unlimited(), json!("1s"));
        if plain {
            world["services"]["api"]["pools"]["db"].as_object_mut().unwrap().remove("to");
        }
        world["faults"] =
            json!([{"resize_pool": {"at": "100s", "for": "100s", "service": "api", "pool": "db", "size": 12}}]);
        let run = Lab::new(world, 300.0).windows(&[(20.0, 100.0), (110.0, 200.0), (210.0, 300.0)]).run(1);
        let rates = [0, 1, 2].map(|window| {
            let totals = run.client_in(window, "web");
            totals.ok as f64 / [80.0, 90.0, 90.0][window]
        });
        // PgBouncer's janitor closes idle connections only, and with somebody always waiting there are none.
        let after = if library.get("pgbouncer").is_some() { 12.0 } else { 4.0 };
        for (rate, expected) in rates.into_iter().zip([4.0, 12.0, after]) {
            assert!((rate - expected).abs() < 0.3, "{library}: {rates:?}");
        }
    }
}

#[test]
fn what_does_not_fit_together_is_said() {
    let told = |pool: Value, steps: Value| {
        let mut world = world(herd(1), pool, unlimited(), json!("1s"));
        world["services"]["api"]["endpoints"]["get"]["steps"] = steps;
        let lab = Lab::new(world, 1.0);
        let problems = squall_models::Blueprint::new(&lab.world, lab.settings).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let query = json!([{"acquire": {"pool": "db", "steps": [{"call": "db.query"}]}}]);
    let library = json!({"go_sql": {}});
    assert_eq!(told(json!({"library": library}), query.clone()), "");
    assert!(told(json!({"size": 3}), query.clone()).contains("those of a plain pool are always there"));
    assert!(told(json!({"library": library, "size": 3}), query.clone()).contains("set the fields of the library"));
    assert!(told(json!({}), query.clone()).contains("this pool has no size"));
    let adaptive = json!({"most": 10, "every": "1s", "below": "95%"});
    assert!(told(json!({"library": library, "adaptive": adaptive}), query).contains("make `below` smaller"));
    let branches = json!([{"acquire": {"pool": "db", "steps": [
        {"parallel": {"branches": [[{"call": "db.query"}], [{"call": "db.query"}]]}},
    ]}}]);
    assert!(told(json!({"library": library}), branches).contains("one call at a time"));
}
