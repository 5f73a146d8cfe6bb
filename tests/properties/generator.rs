//! Random small worlds with everything in them that a world can have.

use super::connections;
use super::dice::Dice;
use crate::support::{Value, json};
use std::collections::BTreeSet;

/// Times from nothing to longer than most runs; many of them equal, so that things happen at the same instant.
const TIMES: &[&str] = &["1ms", "0ms", "10ms", "100ms", "3ms", "50ms", "1s", "7ms"];
/// Times that must not be zero.
pub(super) const SPANS: &[&str] = &["50ms", "1ms", "10ms", "200ms", "1s", "100ms"];

/// What the steps of a service can refer to, and what they turn out to call.
struct Scope<'a> {
    endpoints: &'a [String],
    /// With the service that each connects to, if to any.
    pools: Vec<(String, Option<String>)>,
    caches: &'a [String],
    called: BTreeSet<String>,
    /// Services that a connection in the hands of these steps leads to, and those of the steps that these are a branch of.
    held: Vec<String>,
    barred: Vec<String>,
}

pub(crate) fn world(dice: &mut Dice<'_>) -> Value {
    let services: Vec<String> = (0..=dice.roll(4)).map(|at| format!("s{at}")).collect();
    let caches: Vec<String> = (0..dice.roll(3)).map(|at| format!("c{at}")).collect();
    let endpoints: Vec<String> =
        services.iter().flat_map(|service| (0..2).map(move |at| format!("{service}.e{at}"))).collect();
    let mut world = json!({"keys": keys(dice), "clients": {}, "services": {}, "caches": {}});
    for cache_name in &caches {
        world["caches"][cache_name] = cache(dice);
    }
    let mut links = Vec::new();
    for name in &services {
        let (service, called) = service(dice, &endpoints, &caches);
        links.extend(called.into_iter().map(|callee| (name.clone(), callee)));
        world["services"][name] = service;
    }
    for at in 0..=dice.roll(3) {
        let to = dice.pick(&endpoints.iter().collect::<Vec<_>>());
        let (name, callee) = (format!("k{at}"), to.split('.').next().unwrap_or_default());
        let replicas = world["services"][callee]["replicas"].as_u64().unwrap_or(1);
        world["clients"][&name] = client(dice, to, replicas);
        links.push((name, callee.to_owned()));
    }
    for name in &services {
        let callees: Vec<String> = links.iter().filter(|(from, _)| from == name).map(|(_, to)| to.clone()).collect();
        for callee in callees {
            if dice.rarely(3) {
                continue;
            }
            let replicas = world["services"][&callee]["replicas"].as_u64().unwrap_or(1);
            world["services"][name]["edges"][&callee] = edge(dice, replicas);
        }
    }
    let faults: Vec<Value> =
        (0..dice.roll(5)).filter_map(|_| fault(dice, &services, &caches, &links, &world)).collect();
    world["faults"] = json!(faults);
    world
}

fn keys(dice: &mut Dice<'_>) -> Value {
    let law = match dice.roll(3) {
        0 => json!({"uniform": {"count": 1 + dice.roll(4)}}),
        1 => json!({"zipf": {"count": 1 + dice.roll(50), "exponent": 0.9}}),
        _ => json!({"hot_set": {"count": 20, "hot": 2, "share": "80%"}}),
    };
    json!({"items": law})
}

fn cache(dice: &mut Dice<'_>) -> Value {
    let mut cache = json!({"coalesce": dice.roll(2) == 1, "per_replica": dice.rarely(3)});
    if dice.roll(2) == 1 {
        cache["capacity"] = json!(1 + dice.roll(5));
    }
    if dice.roll(2) == 1 {
        cache["ttl"] = json!(dice.pick(SPANS));
    }
    if dice.rarely(3) {
        cache["prefill"] = json!({"keys": "items", "spread": dice.roll(2) == 1});
    }
    cache
}

pub(super) fn time(dice: &mut Dice<'_>) -> Value {
    match dice.roll(6) {
        0 | 1 => json!(dice.pick(TIMES)),
        2 | 3 => json!({"exponential": {"mean": dice.pick(SPANS)}}),
        4 => json!({"pareto": {"shape": 1.5, "min": "1ms"}}),
        _ => json!({"mixture": [{"weight": 3.0, "of": dice.pick(TIMES)}, {"weight": 1.0, "of": dice.pick(SPANS)}]}),
    }
}

fn share(dice: &mut Dice<'_>) -> &'static str {
    dice.pick(&["10%", "0%", "50%", "100%", "1%"])
}

fn service(dice: &mut Dice<'_>, endpoints: &[String], caches: &[String]) -> (Value, BTreeSet<String>) {
    let mut service = json!({"replicas": 1 + dice.roll(3), "pools": {}, "endpoints": {}, "edges": {}});
    service["capacity"] = match dice.roll(4) {
        0 | 1 => json!({"workers": 1 + dice.roll(3)}),
        2 if dice.roll(2) == 0 => json!({"processor_sharing": {"cores": 1 + dice.roll(2)}}),
        2 => json!({"processor_sharing": {"cores": 1 + dice.roll(2), "concurrency": 1 + dice.roll(4)}}),
        _ => json!("unlimited"),
    };
    if service["capacity"] != "unlimited" {
        service["queue"] = json!({"order": dice.pick(&["fifo", "lifo", "priority"])});
        if dice.roll(2) == 1 {
            service["queue"]["capacity"] = json!(dice.roll(6));
        }
        if dice.rarely(3) {
            service["queue"]["max_wait"] = time(dice);
        }
    }
    if service["capacity"].get("workers").is_some() && dice.rarely(3) {
        service["admission"] = guards(dice);
    }
    let mut scope =
        Scope { endpoints, pools: Vec::new(), caches, called: BTreeSet::new(), held: Vec::new(), barred: Vec::new() };
    for at in 0..dice.roll(3) {
        let (name, to) = (format!("p{at}"), dice.pick(&endpoints.iter().collect::<Vec<_>>()));
        let (pool, to) = connections::pool(dice, to.split('.').next().unwrap_or_default());
        scope.called.extend(to.clone());
        service["pools"][&name] = pool;
        scope.pools.push((name, to));
    }
    if dice.rarely(3) {
        service["connections"] = json!({"most": 1 + dice.roll(4), "forget": dice.pick(SPANS)});
    }
    for at in 0..2 {
        let mut steps = steps(dice, &mut scope, 0);
        let dimmed = service["admission"].as_array().is_some_and(|guards| guards.len() == 3);
        if let (true, Some(steps)) = (dimmed, steps.as_array_mut()) {
            steps.push(json!({"optional": {"steps": [{"work": time(dice)}]}}));
        }
        service["endpoints"][format!("e{at}")] = json!({"steps": steps, "queues": !dice.rarely(5)});
    }
    (service, scope.called)
}

/// A limit, a rule of shedding, and perhaps as the third something that leaves optional steps out.
fn guards(dice: &mut Dice<'_>) -> Value {
    let limit = dice.pick(&[
        r#"{"fixed": {"limit": 2}}"#,
        r#"{"aimd": {"initial": 3, "min": 1, "timeout": "50ms"}}"#,
        r#"{"vegas": {"initial": 3}}"#,
        r#"{"gradient": {"initial": 4, "probe_interval": 10}}"#,
        r#"{"gradient2": {"initial": 3, "min": 1, "window": {"samples": 1}}}"#,
        r#"{"envoy_gradient": {"update_interval": "50ms", "min_rtt_interval": "1s", "request_count": 5}}"#,
        r#"{"failsafe_go": {"initial": 3, "samples": 5}}"#,
    ]);
    let shed = dice.pick(&[
        r#"{"codel_rfc8289": {}}"#,
        r#"{"codel_folly": {}}"#,
        r#"{"fail_at_scale": {}}"#,
        r#"{"age": {"most": "20ms"}}"#,
        r#"{"deadline": {"margin": "5ms"}}"#,
        r#"{"priority": {"full": 3, "retries": "40%"}}"#,
        r#"{"dagor": {"threshold": "1ms", "window": "100ms"}}"#,
        r#"{"breakwater": {"target": "5ms", "round_trip": "1ms", "initial": 5}}"#,
        r#"{"cinnamon": {"quiet": "50ms", "interval": "50ms", "samples": 20}}"#,
    ]);
    let dimmer = dice.pick(&[
        r#"{"brownout": {"setpoint": "10ms", "interval": "50ms"}}"#,
        r#"{"degradation": {"dwell": "0s", "interval": "50ms"}}"#,
    ]);
    let read = |text: &str| serde_json::from_str::<Value>(text).expect("it is JSON");
    let mut guards = vec![json!({"limit": read(limit)}), json!({"shed": read(shed)})];
    if dice.roll(2) == 1 {
        guards.push(json!({"shed": read(dimmer)}));
    }
    json!(guards)
}

fn steps(dice: &mut Dice<'_>, scope: &mut Scope<'_>, level: u32) -> Value {
    (0..dice.roll(4)).map(|_| step(dice, scope, level)).collect()
}

fn step(dice: &mut Dice<'_>, scope: &mut Scope<'_>, level: u32) -> Value {
    let kinds = if level < 3 { 11 } else { 6 };
    match dice.roll(kinds) {
        0 | 1 => json!({"work": time(dice)}),
        2 => json!({"sleep": time(dice)}),
        3 => {
            let to = &scope.endpoints[dice.roll(scope.endpoints.len() as u32) as usize];
            let callee = to.split('.').next().unwrap_or_default().to_owned();
            if scope.barred.contains(&callee) && !scope.held.contains(&callee) {
                return json!({"work": time(dice)});
            }
            scope.called.insert(callee);
            json!({"call": {"to": to, "on_error": dice.pick(&["fail", "continue"])}})
        }
        4 => json!({"write": dice.pick(&["a", "b"])}),
        5 => json!({"fail": share(dice)}),
        6 => {
            let branches: Vec<Value> = (0..=dice.roll(2)).map(|_| branch(dice, scope, level)).collect();
            let copies = 1 + dice.roll(2);
            let mut parallel = json!({"branches": branches, "copies": copies});
            if dice.roll(2) == 1 {
                parallel["need"] = json!(1 + dice.roll(copies * branches.len() as u32));
            }
            json!({"parallel": parallel})
        }
        7 => {
            let branch = |dice: &mut Dice<'_>, scope: &mut Scope<'_>| json!({"weight": f64::from(1 + dice.roll(3)), "steps": steps(dice, scope, level + 1)});
            json!({"choose": [branch(dice, scope), branch(dice, scope)]})
        }
        8 if !scope.caches.is_empty() => {
            let cache = &scope.caches[dice.roll(scope.caches.len() as u32) as usize];
            let (miss, hit) = (steps(dice, scope, level + 1), steps(dice, scope, level + 1));
            json!({"cache": {"name": cache, "keys": "items", "miss": miss, "hit": hit}})
        }
        9 if !scope.pools.is_empty() => {
            let (pool, to) = scope.pools[dice.roll(scope.pools.len() as u32) as usize].clone();
            let held = scope.held.len();
            scope.held.extend(to);
            let steps = steps(dice, scope, level + 1);
            scope.held.truncate(held);
            json!({"acquire": {"pool": pool, "steps": steps}})
        }
        _ => json!({"spawn": branch(dice, scope, level)}),
    }
}

/// Steps that run beside others, which cannot use the connections of those.
fn branch(dice: &mut Dice<'_>, scope: &mut Scope<'_>, level: u32) -> Value {
    let (held, barred) = (std::mem::take(&mut scope.held), scope.barred.clone());
    scope.barred.extend(held.clone());
    let steps = steps(dice, scope, level + 1);
    (scope.held, scope.barred) = (held, barred);
    steps
}

fn client(dice: &mut Dice<'_>, to: &str, replicas: u64) -> Value {
    let rate = dice.pick(&["20/s", "5/s", "100/s", "500/s"]);
    let arrivals = match dice.roll(8) {
        0 | 1 => json!({"poisson": {"rate": rate}}),
        2 => json!({"deterministic": {"rate": rate, "first": "0s"}}),
        3 => json!({"gamma": {"rate": rate, "cv": 3.0}}),
        4 => json!({"bursty": {"rate": rate, "ratio": 10.0, "burst": "100ms", "quiet": "300ms"}}),
        5 => json!({"herd": {"count": 1 + dice.roll(100), "at": "0s"}}),
        6 => json!({"poisson": {"rate": {"spike": {"base": "1/s", "peak": rate, "at": "500ms", "over": "500ms"}}}}),
        _ => json!({"closed": {"users": 1 + dice.roll(20), "think": time(dice)}}),
    };
    let closed = arrivals.get("closed").is_some();
    let mut client = json!({"to": to, "arrivals": arrivals, "edge": edge(dice, replicas), "priority": dice.roll(3)});
    if dice.rarely(3) {
        client["patience"] = time(dice);
    }
    if dice.rarely(3) && !closed {
        client["reload"] = json!({"share": share(dice), "delay": time(dice), "times": 1 + dice.roll(3)});
    }
    client
}

fn edge(dice: &mut Dice<'_>, replicas: u64) -> Value {
    let mut edge = json!({"propagate_deadline": dice.roll(2) == 1, "cancel": dice.roll(2) == 1, "policies": []});
    let mut policies = Vec::new();
    let retries = dice.roll(2) == 1;
    if retries && dice.rarely(3) {
        policies.push(json!({"timeout": "1s"}));
    }
    if retries {
        let (attempts, jitter) = (1 + dice.roll(3), dice.pick(&["none", "full", "equal", "decorrelated"]));
        policies.push(if dice.roll(2) == 0 {
            json!({"retry": {"constant": {"attempts": attempts, "delay": dice.pick(TIMES), "jitter": jitter}}})
        } else {
            json!({"retry": {"exponential": {"attempts": attempts, "base": dice.pick(SPANS), "jitter": jitter}}})
        });
    }
    if dice.roll(2) == 1 {
        policies.push(json!({"timeout": dice.pick(SPANS)}));
    }
    edge["policies"] = json!(policies);
    if dice.roll(2) == 1 {
        edge["link"] = json!({"latency": time(dice)});
    }
    if dice.rarely(3) {
        edge["link"]["loss"] = json!(share(dice));
    }
    let weights: Vec<f64> = (0..replicas).map(|at| at as f64 + 1.0).collect();
    edge["balance"] = match dice.roll(6) {
        0 => json!("round_robin"),
        1 => json!("random"),
        2 => json!({"weighted": weights}),
        3 => json!("least_outstanding"),
        4 => json!("power_of_two"),
        _ => json!({"consistent_hash": {"keys": "items", "points": 5}}),
    };
    edge
}

fn fault(
    dice: &mut Dice<'_>,
    services: &[String],
    caches: &[String],
    links: &[(String, String)],
    world: &Value,
) -> Option<Value> {
    let at = dice.pick(&["500ms", "0s", "100ms", "1s"]);
    let service = &services[dice.roll(services.len() as u32) as usize];
    let (from, to) = &links[dice.roll(links.len() as u32) as usize];
    let (tag, mut fault) = match dice.roll(10) {
        7..=9 => connections::fault(dice, at, service, world)?,
        0 => ("crash", json!({"at": at, "service": service, "replicas": "all"})),
        1 => ("crash", json!({"at": at, "service": service, "replicas": 1})),
        2 => ("slow", json!({"at": at, "service": service, "factor": 5.0})),
        3 => ("errors", json!({"at": at, "service": service, "share": share(dice)})),
        4 => ("link", json!({"at": at, "from": from, "to": to, "delay": time(dice), "loss": share(dice)})),
        5 => (
            "partition",
            json!({"at": at, "from": from, "to": to, "direction": dice.pick(&["both", "calls", "answers"])}),
        ),
        _ if caches.is_empty() => {
            let rated = world["clients"].as_object()?.iter().find(|(_, client)| {
                ["poisson", "deterministic", "gamma", "bursty"].iter().any(|tag| client["arrivals"].get(tag).is_some())
            });
            ("surge", json!({"at": at, "client": rated?.0, "factor": 3.0}))
        }
        _ => return Some(json!({"flush": {"at": at, "cache": caches[dice.roll(caches.len() as u32) as usize]}})),
    };
    if dice.roll(3) > 0 {
        fault["for"] = json!(dice.pick(&["100ms", "1ms", "700ms"]));
    }
    Some(json!({tag: fault}))
}
