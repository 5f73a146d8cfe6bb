//! Recordings of balancers.

use super::vector::{Check, count, flag, list, number, text};
use super::{Exception, Family, Kind};
use serde_json::Value;
use squall_models::balance::ketama::Ketama;
use squall_models::balance::panic::panics;
use squall_models::balance::slow_start::{SlowStart, Spec};
use squall_models::units::Duration;
use squall_sim::Span;

pub(super) const FAMILY: Family = Family { kinds: KINDS, exceptions: EXCEPTIONS };

const KINDS: &[Kind] = &[
    Kind { file: "lb_ketama", vector: "statistics", run: ketama_shares },
    Kind { file: "lb_ketama", vector: "", run: ketama_nodes },
    Kind { file: "envoy", vector: "panic", run: panic_threshold },
    Kind { file: "envoy", vector: "slow_start", run: slow_start },
];

const EXCEPTIONS: &[Exception] = &[];

fn ring(nodes: &[String]) -> impl Fn(&str) -> String + use<> {
    let ring = Ketama::new(nodes);
    let nodes = nodes.to_vec();
    move |key| ring.nodes(Ketama::hash(key)).next().map_or_else(String::new, |node| nodes[node as usize].clone())
}

fn numbered(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("cache-{number}")).collect()
}

/// The vectors after the first say in their names what was changed about its nodes.
fn ketama_nodes(vector: &Value, check: &mut Check) -> Result<(), String> {
    let nodes = match check.name() {
        "after_removing_cache-3" => numbered(0..3),
        "after_adding_cache-4" => numbered(0..5),
        _ => list(vector, "nodes")?.iter().filter_map(|node| node.as_str().map(str::to_owned)).collect(),
    };
    let node = ring(&nodes);
    let keys = vector["key_to_node"].as_object().ok_or("there is no map `key_to_node`")?;
    for key in keys.keys() {
        check.same(key, "node", text(&vector["key_to_node"], key.as_str())?, node(key).as_str());
    }
    Ok(())
}

/// Shares of 20,000 keys (`k0`, `k1`, …), and how many move when a node comes or goes.
fn ketama_shares(vector: &Value, check: &mut Check) -> Result<(), String> {
    let (three, four, five) = (ring(&numbered(0..3)), ring(&numbered(0..4)), ring(&numbered(0..5)));
    let keys: Vec<String> = (0..20_000).map(|key| format!("k{key}")).collect();
    let shares = vector["share_4_nodes"].as_object().ok_or("there is no map `share_4_nodes`")?;
    for name in shares.keys() {
        let held = keys.iter().filter(|key| four(key) == *name).count() as u64;
        check.same(name, "keys", count(&vector["share_4_nodes"], name.as_str())?, held);
    }
    let moved = |other: &dyn Fn(&str) -> String| {
        keys.iter().filter(|key| four(key) != other(key)).count() as f64 / keys.len() as f64
    };
    check.near("4 to 3", "moved", number(vector, "moved_4_to_3")?, moved(&three), 1e-12);
    check.near("4 to 5", "moved", number(vector, "moved_4_to_5")?, moved(&five), 1e-12);
    Ok(())
}

fn panic_threshold(vector: &Value, check: &mut Check) -> Result<(), String> {
    let threshold = number(&vector["config"], "healthy_panic_threshold_percent")? / 100.0;
    for (step, row) in list(vector, "healthy_of_total_to_panic")?.iter().enumerate() {
        let (healthy, total) = (count(row, 0)? as usize, count(row, 1)? as usize);
        check.same(step, "panic", flag(row, 2)?, panics(healthy, total, threshold));
    }
    Ok(())
}

/// The least share of 10 % is built in, as it is Envoy's default.
fn slow_start(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    check.near("config", "min_weight", number(config, "min_weight")?, 0.1, 0.0);
    let window = Duration::from_seconds(number(config, "window_s")?);
    let policy = SlowStart::new(&Spec { window, aggression: number(config, "aggression")? });
    for (step, row) in list(vector, "age_s_to_factor")?.iter().enumerate() {
        let factor = policy.factor(Span::from_seconds(number(row, 0)?));
        check.near(step, "factor", number(row, 1)?, factor, 1e-12);
    }
    Ok(())
}
