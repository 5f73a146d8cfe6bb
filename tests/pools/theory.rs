//! Pools whose connections cost nothing are queues, and queues have formulas.

use super::*;
use crate::analytic::formulas::{barrer, erlang_b, erlang_c};

const SEEDS: u64 = 10;

/// Mean and standard error of a value over runs with several seeds.
fn measured(library: Value, rate: &str, of: impl Fn(&Run) -> f64) -> (f64, f64) {
    let hold = json!({"exponential": {"mean": "10ms"}});
    let poisson = json!({"poisson": {"rate": rate}});
    let lab = Lab::new(world(poisson, json!({"library": library}), unlimited(), hold), 300.0).warmup(10.0);
    let values: Vec<f64> = (1..=SEEDS).map(|seed| of(&lab.run(seed))).collect();
    let mean = values.iter().sum::<f64>() / SEEDS as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, (squares / (SEEDS - 1) as f64 / SEEDS as f64).sqrt())
}

fn is(expected: f64, (mean, error): (f64, f64)) {
    assert!(error < 0.02 * expected, "{mean} ± {error} tells too little about {expected}");
    assert!((mean - expected).abs() < 4.5 * error, "{mean} ± {error}, expected {expected}");
}

/// M/M/c: in what order waiters are served does not change their mean wait.
#[test]
fn the_mean_wait_is_erlangs_in_any_order() {
    let expected = erlang_c(4, 3.4) * 0.01 / 0.6;
    for library in [
        json!({"sqlalchemy": {"pool_size": 4, "max_overflow": 0, "timeout": "1h"}}),
        json!({"hikaricp": {"maximum_pool_size": 4, "connection_timeout": "1h", "max_lifetime": "0s"}}),
        json!({"pgbouncer": {"default_pool_size": 4, "max_client_conn": "unlimited"}}),
        json!({"go_sql": {"max_open": 4, "max_idle": 4}}),
    ] {
        let (mean, error) = measured(library.clone(), "340/s", wait);
        assert!(error < 0.04 * expected, "{library}: {mean} ± {error}");
        assert!((mean - expected).abs() < 4.5 * error, "{library}: {mean} ± {error}, expected {expected}");
    }
}

/// Served at random, some wait for much longer than in order of arrival.
#[test]
fn random_order_has_the_longer_tail() {
    let tail = |run: &Run| run.pool("api", "db").wait.quantile(0.999).unwrap();
    let fifo = measured(json!({"sqlalchemy": {"pool_size": 4, "max_overflow": 0}}), "360/s", tail).0;
    let random = measured(json!({"go_sql": {"max_open": 4, "max_idle": 4}}), "360/s", tail).0;
    assert!(random > 1.4 * fifo, "{random} {fifo}");
}

fn timeouts(run: &Run) -> f64 {
    ratio(run.pool("api", "db").timeouts, run.pool("api", "db").asked)
}

/// M/M/c+D: Barrer's loss with a fixed patience.
#[test]
fn a_bounded_wait_loses_what_barrer_says() {
    let library = json!({"sqlalchemy": {"pool_size": 2, "max_overflow": 2, "timeout": "20ms"}});
    is(barrer(4, 340.0, 100.0, 0.02), measured(library, "340/s", timeouts));
}

/// M/M/c/K: who finds c in service and K − c waiting is turned away.
#[test]
fn a_bound_on_clients_loses_what_erlang_says() {
    let refused = |run: &Run| ratio(failed(run, "refused"), run.client("web").ended());
    let loss = |c: u32, most: u32, load: f64| {
        // From Erlang B at c, each further place multiplies the top state's weight by the load of one server.
        let top = erlang_b(c, load);
        let rho = load / f64::from(c);
        let (mut weight, mut sum) = (1.0, 1.0 / top);
        for _ in c..most {
            weight *= rho;
            sum += weight;
        }
        weight / sum
    };
    for most in [4, 8] {
        let library = json!({"pgbouncer": {"default_pool_size": 4, "max_client_conn": most}});
        is(loss(4, most, 3.4), measured(library, "340/s", refused));
    }
}

/// Unbounded pools hold as many connections as an infinite server queue: the offered load, whatever the distribution.
#[test]
fn an_unbounded_pool_holds_the_offered_load() {
    let held = |run: &Run| run.pool("api", "db").held.seconds() / run.seconds();
    is(3.4, measured(json!({"go_sql": {}}), "340/s", held));
}
