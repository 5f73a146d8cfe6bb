//! How connections are opened, aged and closed while nothing goes wrong.

use super::*;

#[test]
fn a_connection_is_opened_when_it_is_needed_and_kept() {
    let pool = json!({"library": {"sqlalchemy": {}}, "connect": "30ms"});
    let run = run(world(every("1s"), pool, unlimited(), json!("10ms")), 10.5);
    let pool = run.pool("api", "db");
    assert_eq!((pool.asked, pool.given, pool.opened, pool.closed), (11, 11, 1, 0));
    // The first request waits for the log-in, the others for nothing.
    near(wait(&run), 0.03 / 11.0, 1e-9);
    near(pool.connect.mean().unwrap(), 0.03, 1e-9);
    assert_eq!((pool.open_max, pool.size_max), (1, 5));
    near(pool.held.seconds(), 11.0 * 0.01, 1e-9);
}

#[test]
fn the_overflow_is_opened_anew_for_every_burst() {
    let pool = json!({"library": {"sqlalchemy": {"pool_size": 2, "max_overflow": 8}}});
    let mut bursts = world(herd(10), pool, unlimited(), json!("10ms"));
    bursts["clients"]["more"] = json!({"to": "api.get", "arrivals": {"herd": {"count": 10, "at": "5s"}}});
    let run = run(bursts, 10.0);
    let pool = run.pool("api", "db");
    // Ten at first, of which two stay; eight the second time.
    assert_eq!((pool.opened, pool.closed, pool.open_max), (18, 16, 10));
}

/// One log-in after the other, as long as somebody waits: k callers get their connections k log-ins later.
#[test]
fn pgbouncer_fills_a_cold_pool_serially() {
    let pool = json!({"library": {"pgbouncer": {"default_pool_size": 10}}, "connect": "100ms"});
    let serial = run(world(herd(10), pool, unlimited(), json!("10s")), 30.0);
    near(serial.pool("api", "db").wait.max().seconds(), 1.0, 0.001);
    near(wait(&serial), 0.55, 0.001);
    let pool = json!({"library": {"sqlalchemy": {"pool_size": 10}}, "connect": "100ms"});
    let at_once = run(world(herd(10), pool, unlimited(), json!("10s")), 30.0);
    near(at_once.pool("api", "db").wait.max().seconds(), 0.1, 0.001);
}

/// The creator rests for 30 ms after each connection, so ten of 20 ms take 9 × 50 + 20 ms.
#[test]
fn hikari_fills_its_pool_ahead_with_a_rest_after_each() {
    let pool = json!({"library": {"hikaricp": {}}, "connect": "20ms"});
    let lab = Lab::new(world(every("10s"), pool, unlimited(), json!("10ms")), 5.0).resolution(0.01);
    let run = lab.run(1);
    assert_eq!((run.pool("api", "db").opened, run.pool("api", "db").open_max), (10, 10));
    let open = run.series("pools.api.db", "open");
    // The mean over a slice is a difference of sums, so it is ten only as far as floating point goes.
    let full = open.iter().position(|&open| open > 10.0 - 1e-6).expect("it fills up");
    near(full as f64 * 0.01, 0.47, 0.011);
}

#[test]
fn connections_of_hikari_end_their_lives_at_different_times() {
    let lifetimes = |variance: &str| {
        let hikari = json!({"max_lifetime": "100s", "lifetime_variance": variance});
        let pool = json!({"library": {"hikaricp": hikari}, "connect": "1ms"});
        let run = run(world(every("7s"), pool, unlimited(), json!("10ms")), 102.0);
        run.series("pools.api.db", "opened").iter().skip(10).filter(|&&opened| opened > 0.0).count()
    };
    // Ten within the second after 100 s, or ten spread over the quarter of the life before it.
    assert!(lifetimes("0%") <= 2);
    assert!(lifetimes("25%") >= 6);
}

#[test]
fn what_go_does_not_keep_is_closed_when_it_comes_back() {
    let pool = json!({"library": {"go_sql": {}}, "connect": "5ms"});
    let run = run(world(herd(20), pool, unlimited(), json!("100ms")), 5.0);
    let pool = run.pool("api", "db");
    assert_eq!((pool.opened, pool.closed, pool.open_max), (20, 18, 20));
}

#[test]
fn a_log_in_costs_the_database_work() {
    let pool = json!({"library": {"sqlalchemy": {"pool_size": 40}}, "connect": "1ms", "login": "50ms"});
    let db = json!({"capacity": {"workers": 4}});
    let run = run(world(herd(40), pool, db, json!("1ms")), 10.0);
    let pool = run.pool("api", "db");
    assert_eq!((pool.opened, pool.connect_failures), (40, 0));
    // Forty log-ins of 50 ms on four workers take half a second, and queries queue behind them.
    near(pool.connect.max().seconds(), 0.501, 0.01);
    near(run.service("db").work.seconds(), 40.0 * 0.051, 1e-6);
}

#[test]
fn leaks_are_counted_when_they_come_back() {
    let pool = json!({"library": {"hikaricp": {"leak_detection_threshold": "2s"}}});
    let run = run(world(every("1s"), pool, unlimited(), json!({"uniform": {"min": "1s", "max": "3s"}})), 100.0);
    let leaks = run.pool("api", "db").leaks;
    assert!((30..70).contains(&leaks), "{leaks}");
}

/// Over the pool of a library calls go where the connection leads, whatever the balancer would say.
#[test]
fn calls_go_to_the_replica_that_the_connection_was_opened_to() {
    let pool = json!({"library": {"sqlalchemy": {"pool_size": 1, "max_overflow": 0}}});
    let mut one = world(every("100ms"), pool, json!({"capacity": {"workers": 1}, "replicas": 3}), json!("1ms"));
    one["faults"] = json!([{"slow": {"at": "0s", "service": "db", "replicas": 1, "factor": 20.0}}]);
    let lab = Lab::new(one, 10.0);
    let latency = lab.run(1).client("web").latency.clone();
    // One connection leads to one replica: all are slow, or none is.
    assert_eq!(latency.quantile(0.0), latency.quantile(1.0));
}

#[test]
fn a_pool_follows_its_use_but_never_below_its_start() {
    let adaptive = json!({"most": 500, "every": "10s"});
    for pool in [
        json!({"size": 10, "adaptive": adaptive}),
        json!({"library": {"sqlalchemy": {"pool_size": 10, "max_overflow": 0}}, "adaptive": adaptive}),
        json!({"library": {"hikaricp": {}}, "adaptive": adaptive}),
        json!({"library": {"pgbouncer": {"default_pool_size": 10, "max_client_conn": "unlimited"}}, "adaptive": adaptive}),
        json!({"library": {"go_sql": {"max_open": 10}}, "adaptive": adaptive}),
    ] {
        let plain = pool.get("size").is_some();
        let spike = json!({"poisson": {"rate": {"steps": [
            {"at": "0s", "rate": "1/s"}, {"at": "60s", "rate": "50/s"}, {"at": "200s", "rate": "1/s"},
        ]}}});
        let mut busy = world(spike, pool.clone(), unlimited(), json!("1s"));
        if plain {
            busy["services"]["api"]["pools"]["db"].as_object_mut().unwrap().remove("to");
        }
        let run = run(busy, 400.0);
        let size = run.series("pools.api.db", "size");
        assert_eq!((size[50], size[399]), (10.0, 10.0), "{pool}");
        assert!(size[190] > 50.0 && size[190] <= 112.0, "{pool}: {}", size[190]);
    }
}
