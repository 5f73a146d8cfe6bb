//! A database that goes away and comes back, abruptly or without a word.

use super::*;

/// The database is down for 5 s of 60, and a request comes every 100 ms.
fn crash(pool: Value) -> Run {
    let mut world = world(every("100ms"), pool, unlimited(), json!("10ms"));
    world["faults"] = json!([{"crash": {"at": "20s", "for": "5s", "service": "db"}}]);
    run(world, 60.0)
}

#[test]
fn a_dead_connection_shows_at_its_next_use() {
    let run = crash(json!({"library": {"sqlalchemy": {"pool_size": 1}}}));
    // One query was under way or found the connection dead; after that, log-ins are refused until the database is back.
    assert_eq!(failed(&run, "crashed") + failed(&run, "disconnected"), 1);
    let pool = run.pool("api", "db");
    assert_eq!(failed(&run, "refused"), pool.connect_failures);
    assert!((48..=50).contains(&pool.connect_failures), "{}", pool.connect_failures);
    assert_eq!((pool.opened, pool.closed), (2, 1));
}

/// Five idle connections all die. Without a ping each costs somebody a request, unless the library draws the conclusion.
#[test]
fn one_disconnect_condemns_the_generation_and_a_ping_spares_even_that() {
    let after = |library: Value| {
        let pool = json!({"library": library, "connect": "1ms"});
        let mut world = world(herd(5), pool, unlimited(), json!("10ms"));
        world["clients"]["late"] = json!({"to": "api.get", "arrivals": {"trace": {"file": "in memory"}}});
        world["faults"] = json!([{"crash": {"at": "20s", "for": "5s", "service": "db"}}]);
        let mut lab = Lab::new(world, 60.0);
        let times = (0..20).map(|at| 30.0 + f64::from(at)).collect();
        lab.world.clients.get_mut("late").unwrap().arrivals =
            squall_models::spec::Arrivals::Trace { file: "in memory".into(), times };
        let run = lab.run(1);
        (run.client("late").ended() - run.client("late").ok, run.pool("api", "db").opened)
    };
    // Five connections at first, one of which is opened again; it alone serves the sparse requests in fifo order, so the
    // others are opened again in their turn.
    assert_eq!(after(json!({"sqlalchemy": {}})), (1, 10));
    assert_eq!(after(json!({"sqlalchemy": {"pre_ping": true}})), (0, 10));
    // Hikari tests what has rested for longer than half a second, so nobody meets a dead one.
    assert_eq!(after(json!({"hikaricp": {"maximum_pool_size": 5}})).0, 0);
    // Go tries twice, then opens a new one: with two dead ones kept, nobody fails.
    assert_eq!(after(json!({"go_sql": {}})).0, 0);
    // PgBouncer sees at once that they are closed.
    assert_eq!(after(json!({"pgbouncer": {}})).0, 0);
}

/// The log-ins of everybody at once cost the database more than its queries do.
#[test]
fn a_storm_of_log_ins_follows_an_outage() {
    let storm = |library: Value| {
        let pool = json!({"library": library, "connect": "5ms", "login": "100ms"});
        let db = json!({"capacity": {"workers": 8}});
        let mut world = world(json!({"poisson": {"rate": "200/s"}}), pool, db, json!("10ms"));
        world["services"]["api"]["replicas"] = json!(10);
        world["faults"] = json!([{"crash": {"at": "30s", "for": "10s", "service": "db"}}]);
        Lab::new(world, 90.0).resolution(1.0).windows(&[(41.0, 46.0)]).run(1)
    };
    let at_once = storm(json!({"sqlalchemy": {"pool_size": 20, "max_overflow": 0, "timeout": "1s"}}));
    // With the same patience: otherwise the queries of ten seconds would wait for the database to come back.
    let serial = storm(json!({"pgbouncer": {"server_login_retry": "1s", "query_wait_timeout": "1s"}}));
    let opened = |run: &Run| run.series("pools.api.db", "opened").iter().skip(40).take(5).sum::<f64>();
    assert!(opened(&at_once) > 150.0, "{}", opened(&at_once));
    let queue = |run: &Run| run.service_in(0, "db").queue_max;
    assert!(queue(&at_once) > 2 * queue(&serial), "{} {}", queue(&at_once), queue(&serial));
}

/// A cut of two seconds, and connections that never hear that it is over.
fn partition(pool: Value, policies: Value, silence: &str) -> Run {
    let mut pool = pool;
    pool["silence"] = json!(silence);
    let mut world = world(every("1s"), pool, unlimited(), json!("10ms"));
    world["services"]["api"]["edges"]["db"]["policies"] = policies;
    world["faults"] = json!([{"partition": {"at": "20.5s", "for": "2s", "from": "api", "to": "db"}}]);
    run(world, 120.0)
}

#[test]
fn a_half_open_connection_lingers_until_a_timeout() {
    let pool = json!({"library": {"sqlalchemy": {"pool_size": 1, "max_overflow": 0, "timeout": "5s"}}});
    let forever = partition(pool.clone(), json!([]), "60s");
    // Nobody else gets the one connection while its holder waits for the operating system to give up: from 21 s to 81 s.
    assert_eq!(failed(&forever, "disconnected"), 1);
    let lost = failed(&forever, "pool_timeout");
    assert!((54..=56).contains(&lost), "{lost}");
    near(forever.pool("api", "db").half_open_seconds, 60.5, 0.01);
    assert_eq!(forever.pool("api", "db").half_open_max, 1);
    let bounded = partition(pool, json!([{"timeout": "500ms"}]), "60s");
    // The first one times out, and the next has its log-in lost; afterwards all is well again after 127 s at the latest,
    // unless log-ins have a timeout of their own.
    assert_eq!(failed(&bounded, "timeout"), 1 + bounded.pool("api", "db").connect_failures);
    near(bounded.pool("api", "db").half_open_seconds, 1.0, 0.01);
}

#[test]
fn a_ping_without_a_timeout_hangs_on_a_half_open_connection() {
    let pool = json!({
        "library": {"sqlalchemy": {"pool_size": 1, "max_overflow": 0, "timeout": "5s", "pre_ping": true}},
        "round_trip": "1ms",
    });
    let hanging = partition(pool, json!([{"timeout": "500ms"}]), "60s");
    assert!(failed(&hanging, "pool_timeout") > 50);
    // Hikari's test gives up after five seconds.
    let pool =
        json!({"library": {"hikaricp": {"maximum_pool_size": 1, "connection_timeout": "2s"}}, "round_trip": "1ms"});
    let tested = partition(pool, json!([{"timeout": "500ms"}]), "60s");
    assert!(failed(&tested, "pool_timeout") < 12, "{}", failed(&tested, "pool_timeout"));
    assert!(success(&tested) > 0.9);
}

#[test]
fn probes_of_the_operating_system_find_half_open_connections() {
    let pool = json!({
        "library": {"sqlalchemy": {"pool_size": 1, "max_overflow": 0, "timeout": "5s"}}, "keepalive": "10s",
    });
    let run = partition(pool, json!([]), "924s");
    assert_eq!(failed(&run, "disconnected"), 1);
    near(run.pool("api", "db").half_open_seconds, 10.0, 0.01);
}

/// What is asked for and not waited for goes on at the server, and its connection is of no use meanwhile.
#[test]
fn a_query_that_nobody_waits_for_keeps_its_connection_at_the_server() {
    let library = json!({"sqlalchemy": {"pool_size": 5, "max_overflow": 0, "timeout": "1s"}});
    let db = json!({"capacity": "unlimited", "connections": {"most": 5}});
    let mut slow = world(every("100ms"), json!({"library": library}), db, json!("10s"));
    slow["services"]["api"]["edges"]["db"] = json!({"policies": [{"timeout": "1s"}]});
    let left = run(slow.clone(), 30.0);
    // Five connections are let go after a second, but the server is at it for ten: what comes is refused.
    assert!(left.pool("api", "db").connect_failures > 100);
    slow["services"]["api"]["edges"]["db"]["cancel"] = json!(true);
    let told = run(slow, 30.0);
    assert_eq!(told.pool("api", "db").connect_failures, 0);
    assert_eq!(told.pool("api", "db").opened, 5);
}

#[test]
fn a_server_keeps_connections_whose_other_end_has_gone_silently() {
    let refused = |forget: &str| {
        let pool = json!({"library": {"sqlalchemy": {"pool_size": 2, "max_overflow": 0, "timeout": "1s"}}});
        let db = json!({"capacity": "unlimited", "connections": {"most": 2, "forget": forget}});
        let mut world = world(every("100ms"), pool, db, json!("150ms"));
        world["services"]["api"]["edges"]["db"]["policies"] = json!([{"timeout": "500ms"}]);
        world["faults"] = json!([{"partition": {"at": "10s", "for": "2s", "from": "api", "to": "db"}}]);
        world["services"]["api"]["pools"]["db"]["connect_timeout"] = json!("500ms");
        let run = Lab::new(world, 40.0).windows(&[(13.0, 40.0)]).run(1);
        run.client_in(0, "web").failed[squall_models::outcome::Failure::Refused as usize]
    };
    assert_eq!(refused("1s"), 0);
    assert!(refused("2h") > 200, "{}", refused("2h"));
}

/// The caller's process goes down and comes back with an empty pool.
#[test]
fn a_restarted_caller_begins_with_an_empty_pool() {
    let pool = json!({"library": {"hikaricp": {"maximum_pool_size": 4}}, "connect": "5ms"});
    let mut world = world(every("100ms"), pool, unlimited(), json!("10ms"));
    world["faults"] = json!([{"crash": {"at": "20s", "for": "5s", "service": "api"}}]);
    let run = run(world, 60.0);
    let pool = run.pool("api", "db");
    assert_eq!((pool.opened, pool.closed), (8, 4));
    assert_eq!(run.series("pools.api.db", "open")[22], 0.0);
    assert_eq!(run.series("pools.api.db", "open")[50], 4.0);
}
