//! The oracle: the same world with nothing in short supply, as a bound on what any measure could reach.

use super::{Case, ORACLE, UNMITIGATED};
use squall_models::spec::{Capacity, Edge, Fault, Limit, Policy, Pool, Replicas, Service, World};
use squall_models::{Blueprint, Settings};
use std::collections::BTreeMap;

/// As many connections as anybody can ask for.
const PLENTY: u32 = 1_000_000;

/// The unmitigated variant with unlimited workers, queues, pools, caches and memory, nothing done to it by hand, and without policies that turn calls away to
/// protect what is scarce, nor faults of only some replicas or of the size of pools; `None` if nothing is limited there, if a
/// variant of the user has the name, or if it cannot be built. Its expectations are judged for information only.
#[must_use]
pub fn oracle(cases: &[Case], settings: &Settings) -> Option<Case> {
    let base = cases.iter().find(|case| case.name == UNMITIGATED)?;
    if cases.iter().any(|case| case.name == ORACLE) {
        return None;
    }
    let world = unlimited(&base.world);
    if world == base.world {
        return None;
    }
    let blueprint = Blueprint::new(&world, settings.clone()).ok()?;
    let about = "No worker, queue, connection or cache entry is ever lacking: the most that any measure could reach.";
    let expectations = base.expectations.clone();
    Some(Case { name: ORACLE.to_owned(), about: Some(about.to_owned()), place: None, world, blueprint, expectations })
}

fn unlimited(world: &World) -> World {
    let mut world = world.clone();
    world.clients.values_mut().for_each(|client| open(&mut client.edge));
    for service in world.services.values_mut() {
        service.capacity = Capacity::Unlimited;
        service.queue.capacity = Limit::Unlimited;
        service.queue.max_wait = None;
        service.connections = None;
        service.admission.clear();
        service.memory = None;
        service.probes = None;
        service.autoscale = None;
        service.edges.values_mut().for_each(open);
        for endpoint in service.endpoints.values_mut() {
            endpoint.queues = true;
        }
        for pool in service.pools.values_mut() {
            *pool = Pool::plain(pool.size.unwrap_or(0).max(PLENTY));
        }
    }
    let services = &world.services;
    world.faults.retain(|fault| !avoidable(fault, services));
    // A splitter that knew everything would send all calls to the side that nothing is wrong with.
    let sides: Vec<&String> = world.splits.values().flat_map(|split| split.weights.keys()).collect();
    world.faults.retain(|fault| !service_of(fault).is_some_and(|service| sides.contains(&&service)));
    world.splits.values_mut().for_each(|split| split.state = squall_models::spec::State::Shared);
    // Nobody does anything, so nobody looks: of what has no bounds there is no share in use that an alert could be about.
    world.actions.clear();
    world.rollouts.clear();
    world.operators.clear();
    world.monitoring = None;
    for cache in world.caches.values_mut() {
        cache.capacity = Limit::Unlimited;
        cache.ttl = None;
    }
    world
}

/// The service that a fault is about, if it is about one.
fn service_of(fault: &Fault) -> Option<String> {
    let told = serde_json::to_value(fault).ok()?;
    Some(told.get(fault.tag())?.get("service")?.as_str()?.to_owned())
}

/// A fault that takes only what is not scarce any more: places in pools, connections, or some of the replicas, since the
/// others could do all the work and a balancer that knew everything would never choose these.
fn avoidable(fault: &Fault, services: &BTreeMap<String, Service>) -> bool {
    match fault {
        Fault::ResizePool { .. } | Fault::LimitConnections { .. } | Fault::MemoryLeak { .. } => true,
        Fault::Crash { service, replicas: Replicas::First(count), .. }
        | Fault::Slow { service, replicas: Replicas::First(count), .. }
        | Fault::Errors { service, replicas: Replicas::First(count), .. }
        | Fault::Kill { service, replicas: Replicas::First(count), .. }
        | Fault::Hang { service, replicas: Replicas::First(count), .. }
        | Fault::CrashLoop { service, replicas: Replicas::First(count), .. }
        | Fault::CpuStolen { service, replicas: Replicas::First(count), .. }
        | Fault::GpuLost { service, replicas: Replicas::First(count), .. }
        | Fault::DiskFull { service, replicas: Replicas::First(count), .. }
        | Fault::IoErrors { service, replicas: Replicas::First(count), .. }
        | Fault::IoSlow { service, replicas: Replicas::First(count), .. }
        | Fault::CorruptState { service, replicas: Replicas::First(count), .. } => {
            services.get(service).is_some_and(|service| *count < service.replicas)
        }
        _ => false,
    }
}

/// What turns calls away goes; how long one waits, tries again and makes do with less is not about what is scarce.
fn open(edge: &mut Edge) {
    edge.policies.retain(|policy| {
        matches!(policy, Policy::Timeout(_) | Policy::Retry(_) | Policy::Hedge(_) | Policy::Fallback(_))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load_bytes;
    use std::path::Path;

    const SHORT: &str = "
squall: 1
clients: {web: {to: api.get, arrivals: {poisson: {rate: 100/s}}, edge: {policies: [{timeout: 1s}]}}}
services: {api: {capacity: {workers: 1}, endpoints: {get: {steps: [work: 20ms]}}}}
run: {duration: 20s, seeds: 1}
";

    #[test]
    fn with_enough_of_everything_everybody_is_served() {
        let loaded = load_bytes("t.yaml".as_ref(), SHORT.as_bytes(), &[]).unwrap();
        let oracle = oracle(&loaded.cases, &loaded.settings).unwrap();
        let ok = |case: &Case| squall_models::run(&case.blueprint, 1).unwrap().measured.clients[0].ok;
        let (limited, served) = (ok(&loaded.cases[0]), ok(&oracle));
        assert!(limited < 200 && served > 1800, "{limited} {served}");
    }

    #[test]
    fn limits_that_policies_impose_are_lifted_too() {
        // One call at a time of 20 ms each, by the client's bulkhead and by the service's own guard; workers are many.
        let bulkhead = "{bulkhead: {semaphore: {max_concurrent: 1}}}";
        let guard = "admission: [{limit: {fixed: {limit: 1}}}], capacity: {workers: 100}";
        for text in [
            SHORT.replace("{timeout: 1s}", bulkhead).replace("{workers: 1}", "{workers: 100}"),
            SHORT.replace("capacity: {workers: 1}", guard),
        ] {
            let loaded = load_bytes("t.yaml".as_ref(), text.as_bytes(), &[]).unwrap_or_else(|error| panic!("{error}"));
            let share = |case: &Case| {
                let clients = squall_models::run(&case.blueprint, 1).unwrap().measured.clients;
                clients[0].ok as f64 / clients[0].arrivals as f64
            };
            let bound = oracle(&loaded.cases, &loaded.settings).unwrap();
            assert!(share(&loaded.cases[0]) < 0.6 && share(&bound) > 0.99, "{text}");
        }
    }

    #[test]
    fn no_variant_of_the_baseline_beats_the_bound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/baseline");
        let listed: serde_json::Value =
            serde_json::from_slice(&std::fs::read(folder.join("baseline.json")).unwrap()).unwrap();
        let scenarios = listed["scenarios"].as_array().unwrap();
        assert!(scenarios.len() > 5);
        for scenario in scenarios {
            let path = folder.join(scenario["file"].as_str().unwrap());
            let loaded = crate::scenario::load(&path, &[]).unwrap_or_else(|error| panic!("{error}"));
            let Some(bound) = oracle(&loaded.cases, &loaded.settings) else { continue };
            let ok = |case: &Case| {
                let report = squall_models::run(&case.blueprint, loaded.run.seed).unwrap();
                report.measured.clients.iter().map(|client| client.ok).sum::<u64>()
            };
            let most = ok(&bound);
            for case in &loaded.cases {
                // Requests that are under way at the end of the warm-up and of the run may fall on either side.
                let reached = ok(case);
                assert!(reached as f64 <= most as f64 * 1.001, "{}, {}: {reached}, {most}", path.display(), case.name);
            }
        }
    }

    #[test]
    fn where_nothing_is_limited_there_is_no_bound_to_show() {
        let text = SHORT.replace("{workers: 1}", "unlimited");
        let loaded = load_bytes("t.yaml".as_ref(), text.as_bytes(), &[]).unwrap();
        assert!(oracle(&loaded.cases, &loaded.settings).is_none());
        let text = format!("{SHORT}variants: {{oracle: {{set: {{services.api.replicas: 9}}}}}}\n");
        let loaded = load_bytes("t.yaml".as_ref(), text.as_bytes(), &[]).unwrap();
        assert!(super::oracle(&loaded.cases, &loaded.settings).is_none());
    }
}
