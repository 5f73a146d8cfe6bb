//! Common random numbers: what a change does not touch stays as it was, to the last bit.

use super::worlds;
use crate::support::{Lab, Run, Value, json};

const SECONDS: f64 = 60.0;

fn run(world: Value) -> Run {
    Lab::new(world, SECONDS).resolution(1.0).run(3)
}

/// What a client and a service have gone through, as text.
fn story(run: &Run, client: &str, service: &str) -> String {
    let offered = run.series(&format!("clients.{client}"), "offered");
    let slowest = run.series(&format!("clients.{client}"), "latency_p99");
    let queue = run.series(&format!("services.{service}"), "queue");
    let (client, service) = (run.client(client), run.service(service));
    format!("{client:?} {service:?} {offered:?} {slowest:?} {queue:?}")
}

/// A whole second system, with names before and after those of the first, so that every number in the plan moves.
fn with_neighbours(mut world: Value) -> Value {
    for name in ["aaa", "zzz"] {
        let (service, cache) = (format!("{name}_service"), format!("{name}_cache"));
        world["keys"][format!("{name}_keys")] = json!({"uniform": {"count": 100}});
        world["caches"][&cache] = json!({"capacity": 10});
        world["clients"][name] = json!({
            "to": format!("{service}.get"),
            "arrivals": {"poisson": {"rate": "50/s"}},
            "edge": {"policies": [{"retry": {"constant": {"attempts": 3, "delay": "1ms", "jitter": "full"}}}]},
        });
        let lookup =
            json!({"name": cache, "keys": format!("{name}_keys"), "miss": [{"work": "20ms"}, {"fail": "10%"}]});
        world["services"][&service] = json!({
            "replicas": 3,
            "capacity": {"workers": 2},
            "pools": {"p": {"size": 1}},
            "endpoints": {"get": {"steps": [{"cache": lookup}]}},
        });
        let crash = json!({"crash": {"at": "20s", "for": "5s", "service": service}});
        match world["faults"].as_array_mut() {
            Some(faults) => faults.insert(0, crash),
            None => world["faults"] = json!([crash]),
        }
    }
    world
}

#[test]
fn a_component_added_shifts_no_other_stream() {
    let systems = [("web", "api", worlds::storm()), ("web", "api", retrying(3, 2, "fifo"))];
    for (client, service, world) in systems {
        let alone = run(world.clone());
        let beside = run(with_neighbours(world));
        assert!(beside.client("zzz").ok > 0);
        assert_eq!(story(&alone, client, service), story(&beside, client, service));
    }
}

/// Attempts fail or take too long, and are made again up to `attempts` times.
fn retrying(attempts: u32, workers: u32, order: &str) -> Value {
    let policies = json!([
        {"retry": {"exponential": {"attempts": attempts, "base": "10ms", "jitter": "decorrelated", "cap": "1s"}}},
        {"timeout": "100ms"},
    ]);
    json!({
        "keys": {"items": {"zipf": {"count": 500, "exponent": 0.8}}},
        "clients": {"web": {"to": "api.get", "arrivals": {"poisson": {"rate": "40/s"}}, "edge": {"policies": policies}}},
        "caches": {"known": {}},
        "services": {"api": {
            "capacity": if workers == 0 { json!("unlimited") } else { json!({"workers": workers}) },
            "queue": if workers == 0 { json!({}) } else { json!({"order": order}) },
            "endpoints": {"get": {"steps": [
                {"cache": {"name": "known", "keys": "items", "miss": []}},
                {"choose": [
                    {"weight": 1.0, "steps": [{"write": "left"}]},
                    {"weight": 2.0, "steps": []},
                ]},
                {"work": {"exponential": {"mean": "40ms"}}},
                {"fail": "20%"},
            ]}},
        }},
    })
}

#[test]
fn a_changed_policy_leaves_arrivals_as_they_were() {
    let offered = |world| run(world).series("clients.web", "offered");
    let base = offered(retrying(1, 2, "fifo"));
    assert_eq!(base, offered(retrying(5, 2, "fifo")), "retries");
    assert_eq!(base, offered(retrying(5, 2, "lifo")), "another order");
    assert_eq!(base, offered(retrying(5, 8, "fifo")), "more workers");
    let mut cancelling = retrying(5, 2, "fifo");
    cancelling["clients"]["web"]["edge"]["cancel"] = json!(true);
    cancelling["clients"]["web"]["edge"]["propagate_deadline"] = json!(true);
    assert_eq!(base, offered(cancelling), "cancellation and deadlines");
}

/// Every request asks for its key at least once, whatever happens later: an endless cache misses each key once.
#[test]
fn a_changed_policy_leaves_keys_as_they_were() {
    let misses = |attempts| run(retrying(attempts, 0, "fifo")).cache("known").misses;
    assert_eq!(misses(1), misses(2));
    assert_eq!(misses(1), misses(6));
}

/// An attempt that is in time is the first one, or it began after the first one's timeout: so below the timeout
/// there is nothing but first attempts, and they are the same ones whatever is retried.
#[test]
fn a_changed_policy_leaves_first_attempts_as_they_were() {
    let first = |attempts| -> Vec<(u64, u64)> {
        let mut world = retrying(attempts, 0, "fifo");
        // Failures come at once after the work, so a second attempt could be quick: take them out.
        world["services"]["api"]["endpoints"]["get"]["steps"].as_array_mut().unwrap().pop();
        let run = run(world);
        let latency = &run.client("web").latency;
        latency.buckets().filter(|(micros, _)| *micros < 99_000).collect()
    };
    let once = first(1);
    assert!(once.iter().map(|(_, count)| count).sum::<u64>() > 1000);
    assert_eq!(once, first(2));
    assert_eq!(once, first(5));
}

/// Without timeouts the same work is done in whatever order, by however many workers.
#[test]
fn a_changed_order_leaves_demands_as_they_were() {
    let work = |workers, order| {
        let mut world = retrying(1, workers, order);
        world["clients"]["web"]["edge"] = json!({});
        // Everybody is done well before the end.
        world["clients"]["web"]["arrivals"] = json!({"herd": {"count": 500, "at": "1s", "over": "20s"}});
        let run = run(world);
        let service = run.service("api");
        assert_eq!(run.client("web").ended(), 500);
        (service.work, service.ok, service.writes)
    };
    let base = work(2, "fifo");
    assert_eq!(base, work(2, "lifo"));
    assert_eq!(base, work(7, "fifo"));
    assert_eq!(base, work(0, "fifo"));
}

/// A user of a closed loop makes the same requests after the same pauses, whatever became of those before.
#[test]
fn a_changed_policy_leaves_users_as_they_were() {
    let asked = |attempts| {
        let mut world = retrying(attempts, 0, "fifo");
        world["clients"]["web"]["arrivals"] =
            json!({"closed": {"users": 1, "think": {"exponential": {"mean": "100ms"}}}});
        let run = run(world);
        run.service("api").first_arrivals as f64 / run.client("web").arrivals as f64
    };
    assert_eq!(asked(1), 1.0);
    assert_eq!(asked(4), 1.0);
}
