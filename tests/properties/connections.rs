//! Pools of random worlds, plain ones and those of libraries, and what goes wrong with connections.

use super::dice::Dice;
use super::generator::{SPANS, time};
use crate::support::{Value, json};

/// A pool, and the service that it connects to, if to any.
pub(super) fn pool(dice: &mut Dice<'_>, to: &str) -> (Value, Option<String>) {
    let library = match dice.roll(6) {
        2 => sqlalchemy(dice),
        3 => hikaricp(dice),
        4 => pgbouncer(dice),
        5 => json!({"go_sql": {"max_open": dice.roll(4), "max_idle": dice.roll(3), "max_lifetime": dice.pick(SPANS)}}),
        _ => {
            let mut pool =
                json!({"size": 1 + dice.roll(2), "overflow": dice.roll(2), "order": dice.pick(&["fifo", "lifo"])});
            if dice.roll(2) == 1 {
                pool["wait"] = json!(dice.pick(SPANS));
            }
            adapt(dice, &mut pool);
            return (pool, None);
        }
    };
    let mut pool = json!({"library": library, "connect": time(dice), "round_trip": time(dice)});
    adapt(dice, &mut pool);
    if dice.roll(2) == 1 {
        pool["connect_timeout"] = json!(dice.pick(SPANS));
    }
    if dice.rarely(4) {
        return (pool, None);
    }
    pool["to"] = json!(to);
    pool["silence"] = json!(dice.pick(SPANS));
    if dice.roll(2) == 1 {
        pool["login"] = time(dice);
    }
    if dice.rarely(3) {
        pool["keepalive"] = json!(dice.pick(SPANS));
    }
    (pool, Some(to.to_owned()))
}

fn adapt(dice: &mut Dice<'_>, pool: &mut Value) {
    if dice.rarely(4) {
        pool["adaptive"] = json!({"most": 50, "every": dice.pick(SPANS)});
    }
}

fn sqlalchemy(dice: &mut Dice<'_>) -> Value {
    let mut pool = json!({
        "pool_size": dice.roll(3), "max_overflow": dice.roll(3), "timeout": dice.pick(SPANS),
        "pre_ping": dice.roll(2) == 1, "use_lifo": dice.roll(2) == 1, "reset_on_return": dice.roll(2) == 1,
    });
    if dice.roll(2) == 1 {
        pool["recycle"] = json!(dice.pick(SPANS));
    }
    json!({"sqlalchemy": pool})
}

fn hikaricp(dice: &mut Dice<'_>) -> Value {
    let mut pool = json!({
        "maximum_pool_size": 1 + dice.roll(3), "connection_timeout": dice.pick(SPANS),
        "validation_timeout": dice.pick(SPANS), "max_lifetime": dice.pick(SPANS), "alive_bypass": dice.pick(SPANS),
    });
    if dice.roll(2) == 1 {
        pool["minimum_idle"] = json!(dice.roll(3));
        pool["keepalive_time"] = json!(dice.pick(SPANS));
        pool["leak_detection_threshold"] = json!(dice.pick(SPANS));
    }
    json!({"hikaricp": pool})
}

fn pgbouncer(dice: &mut Dice<'_>) -> Value {
    json!({"pgbouncer": {
        "default_pool_size": 1 + dice.roll(3), "min_pool_size": dice.roll(2), "reserve_pool_size": dice.roll(2),
        "reserve_pool_timeout": dice.pick(SPANS), "max_client_conn": 1 + dice.roll(20),
        "query_wait_timeout": dice.pick(SPANS), "server_login_retry": dice.pick(SPANS),
        "server_lifetime": dice.pick(SPANS), "server_round_robin": dice.roll(2) == 1,
    }})
}

/// Something that happens to connections.
pub(super) fn fault(dice: &mut Dice<'_>, at: &str, service: &str, world: &Value) -> Option<(&'static str, Value)> {
    Some(match dice.roll(4) {
        0 => {
            let mut kill = json!({"at": at, "service": service, "running": dice.pick(SPANS)});
            for what in ["held", "idle"] {
                if dice.roll(2) == 1 {
                    kill[what] = json!(dice.pick(SPANS));
                }
            }
            if dice.roll(2) == 1 {
                kill["every"] = json!(dice.pick(SPANS));
            }
            ("kill_queries", kill)
        }
        1 => ("limit_connections", json!({"at": at, "service": service, "most": dice.roll(4)})),
        2 => {
            let linked = linked(world);
            let (from, to) = linked.get(dice.roll(linked.len().max(1) as u32) as usize)?;
            (
                "partition",
                json!({"at": at, "from": from, "to": to, "direction": dice.pick(&["both", "calls", "answers"])}),
            )
        }
        _ => {
            let pools = world["services"][service]["pools"].as_object()?;
            let pool = pools.keys().nth(dice.roll(2) as usize)?;
            ("resize_pool", json!({"at": at, "service": service, "pool": pool, "size": 1 + dice.roll(5)}))
        }
    })
}

/// The services that have connections to a service, and that service.
fn linked(world: &Value) -> Vec<(&str, &str)> {
    let services = world["services"].as_object().into_iter().flatten();
    let pools = services.flat_map(|(name, service)| {
        service["pools"].as_object().into_iter().flatten().map(move |(_, pool)| (name, pool))
    });
    pools.filter_map(|(from, pool)| Some((from.as_str(), pool["to"].as_str()?))).collect()
}
