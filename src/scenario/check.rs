//! What can be said about a world before it runs.
//!
//! The estimate is a lower bound: first attempts only, no queues, no faults, caches that are warm. A call holds
//! its worker for its own work and sleep, for the links, and for what it waits for further down; of parallel branches for
//! the slowest on average.

mod graph;
mod mean;
mod warm;

use graph::Graph;
use squall_models::spec::{Arrivals, Capacity, Client, Profile, World};
use std::collections::BTreeMap;

/// What a service has to expect at the start of a run, before queues, failures and retries: a lower bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The service.
    pub service: String,
    /// Calls per second.
    pub load_per_s: f64,
    /// Share of its capacity that they hold; `None` where there is no bound to hold.
    pub utilisation: Option<f64>,
    /// Mean time in seconds that a call holds its worker (or core).
    pub holds: f64,
    /// What was assumed, and what looks like a mistake.
    pub notes: Vec<String>,
}

/// Estimates the load on every service, in the order of their names.
#[must_use]
pub fn estimate(world: &World) -> Vec<Estimate> {
    let rates = warm_rates(world);
    estimate_over(world, &Graph::of(world, rates.as_deref()))
}

/// Rounds in which rates and hit rates find each other.
const ROUNDS: usize = 12;

/// Calls per second of every endpoint once caches are warm; `None` where there are no caches.
fn warm_rates(world: &World) -> Option<Vec<f64>> {
    if world.caches.is_empty() {
        return None;
    }
    let mut rates: Option<Vec<f64>> = None;
    for _ in 0..ROUNDS {
        let graph = Graph::of(world, rates.as_deref());
        rates = Some(graph.loads(&arrivals(world, &graph)));
    }
    rates
}

fn estimate_over(world: &World, graph: &Graph<'_>) -> Vec<Estimate> {
    let loads = graph.loads(&arrivals(world, graph));
    let endless = graph.endless();
    let mut services: BTreeMap<&str, Estimate> = BTreeMap::new();
    for (node, load) in graph.nodes().zip(loads) {
        let service = graph.service(node);
        let program = graph.program(node);
        let estimate = services.entry(service).or_insert_with(|| Estimate {
            service: service.to_owned(),
            load_per_s: 0.0,
            utilisation: None,
            holds: 0.0,
            notes: Vec::new(),
        });
        estimate.load_per_s += load;
        let shared = matches!(world.services[service].capacity, Capacity::ProcessorSharing { .. });
        estimate.holds += load * if shared { program.work } else { graph.holds(node) };
        if program.looks_up && load > 0.0 {
            note(estimate, "its caches are taken for warm; a flush, or a cold start, asks for more");
        }
        if endless.contains(&node) {
            note(
                estimate,
                "it calls itself, directly or through others; the time spent waiting for that is not counted",
            );
        }
    }
    for (name, service) in &world.services {
        let Some(estimate) = services.get_mut(name.as_str()) else { continue };
        // So far this is the time held in each second.
        let busy = estimate.holds;
        let slots = f64::from(service.replicas)
            * match service.capacity {
                Capacity::Workers(workers) => f64::from(workers),
                Capacity::ProcessorSharing { cores, .. } => f64::from(cores),
                Capacity::Unlimited => f64::NAN,
            };
        estimate.utilisation = Some(busy / slots).filter(|share| !share.is_nan());
        estimate.holds = if estimate.load_per_s > 0.0 { busy / estimate.load_per_s } else { 0.0 };
    }
    services.into_values().collect()
}

fn note(estimate: &mut Estimate, text: &str) {
    if !estimate.notes.iter().any(|known| known == text) {
        estimate.notes.push(text.to_owned());
    }
}

/// Requests per second on each endpoint that clients call.
fn arrivals(world: &World, graph: &Graph<'_>) -> Vec<f64> {
    let mut rates = vec![0.0; graph.len()];
    for client in world.clients.values() {
        let targets = graph.targets(&client.to);
        let response = targets.iter().map(|(node, share)| share * graph.holds(*node)).sum();
        for (node, share) in targets {
            rates[node] += share * rate(client, response);
        }
    }
    rates
}

/// Requests per second of a client at the start, or on average where that says more.
fn rate(client: &Client, response: f64) -> f64 {
    match &client.arrivals {
        Arrivals::Poisson { rate }
        | Arrivals::Deterministic { rate, .. }
        | Arrivals::Gamma { rate, .. }
        | Arrivals::Bursty { rate, .. } => match &rate.0 {
            Profile::Constant(rate) | Profile::Ramp { from: rate, .. } | Profile::Spike { base: rate, .. } => {
                rate.get()
            }
            Profile::Steps(steps) => steps.first().map_or(0.0, |step| step.rate.get()),
            Profile::Diurnal { mean, .. } => mean.get(),
            Profile::Trace { points, .. } => points.first().map_or(0.0, |(_, rate)| *rate),
        },
        Arrivals::Trace { times, .. } => match times.last() {
            Some(last) if *last > 0.0 => times.len() as f64 / last,
            _ => 0.0,
        },
        Arrivals::Herd { .. } => 0.0,
        Arrivals::Closed { users, think } => {
            let link = client.edge.link.latency.as_ref().map_or(0.0, |latency| 2.0 * mean::of(latency));
            let round = mean::of(think) + response + link;
            if round > 0.0 { f64::from(*users) / round } else { 0.0 }
        }
    }
}

/// What is allowed but looks like a mistake: too much load, endpoints that nobody calls.
#[must_use]
pub fn warnings(world: &World) -> Vec<String> {
    let rates = warm_rates(world);
    let graph = Graph::of(world, rates.as_deref());
    let mut warnings = Vec::new();
    for estimate in estimate_over(world, &graph) {
        if let Some(share) = estimate.utilisation.filter(|share| *share > 1.0) {
            let percent = if share.is_finite() {
                format!("{:.0}%", share * 100.0)
            } else {
                "more than it can ever do".to_owned()
            };
            warnings.push(format!(
                "service `{}` is asked for {percent} of its capacity, before any retry",
                estimate.service
            ));
        }
    }
    let from_clients = world.clients.values().map(|client| client.to.clone());
    let from_probes = world.services.iter().flat_map(|(name, service)| {
        let probes = service.probes.iter().flat_map(|all| [&all.readiness, &all.liveness, &all.startup]).flatten();
        probes.map(move |probe| format!("{name}.{}", probe.to))
    });
    let called = from_clients.chain(from_probes).flat_map(|to| graph.targets(&to));
    for node in graph.unreached(called.map(|(node, _)| node)) {
        warnings.push(format!("nobody calls `{}`", graph.name(node)));
    }
    warnings
}

/// What is allowed and good to know: services that call each other in a circle.
#[must_use]
pub fn notes(world: &World) -> Vec<String> {
    let graph = Graph::of(world, None);
    graph.circles().into_iter().map(|names| format!("a circle of calls: {}", names.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(text: &str) -> World {
        let text = format!("squall: 1\n{text}");
        let mut loaded = crate::scenario::load_bytes("t.yaml".as_ref(), text.as_bytes(), &[]).unwrap();
        loaded.cases.remove(0).world
    }

    const CHAIN: &str = "
clients:
  web: {to: api.get, arrivals: {poisson: {rate: 10/s}}}
services:
  api:
    capacity: {workers: 2}
    edges: {db: {link: {latency: 5ms}}}
    endpoints:
      get:
        steps:
          - work: 10ms
          - parallel: {branches: [[call: db.read], [work: 20ms]], copies: 2}
          - choose: [{weight: 3, steps: [call: db.read]}, {weight: 1, steps: [sleep: 80ms]}]
      unused: {steps: []}
  db:
    capacity: {processor_sharing: {cores: 1}}
    endpoints: {read: {steps: [{work: {exponential: {mean: 30ms}}}]}}
";

    #[test]
    fn load_and_holding_time_follow_the_calls() {
        let estimates = estimate(&world(CHAIN));
        let (api, db) = (&estimates[0], &estimates[1]);
        assert!((api.load_per_s - 10.0).abs() < 1e-9);
        // 10 ms, then 30 ms and the link twice, then 3/4 of the same and 1/4 of 80 ms.
        assert!((api.holds - (0.010 + 0.040 + 0.75 * 0.040 + 0.25 * 0.080)).abs() < 1e-9, "{}", api.holds);
        assert!((api.utilisation.unwrap() - 0.5).abs() < 1e-9);
        assert!((db.load_per_s - 27.5).abs() < 1e-9);
        assert!((db.utilisation.unwrap() - 0.825).abs() < 1e-9);
        assert_eq!(warnings(&world(CHAIN)), ["nobody calls `api.unused`"]);
    }

    #[test]
    fn a_probe_is_a_caller() {
        let probed = CHAIN.replacen("  api:\n", "  api:\n    probes: {readiness: {to: unused}}\n", 1);
        assert_eq!(warnings(&world(&probed)), [""; 0]);
    }

    #[test]
    fn a_circle_ends_and_is_named() {
        let text = "
clients: {web: {to: a.x, arrivals: {poisson: {rate: 1/s}}}}
services:
  a: {capacity: {workers: 1}, endpoints: {x: {steps: [{work: 1ms}, {choose: [{weight: 1, steps: [call: b.x]}, {weight: 1, steps: []}]}]}}}
  b: {capacity: unlimited, endpoints: {x: {steps: [call: a.x]}}}
";
        let world = world(text);
        let estimates = estimate(&world);
        assert!((estimates[0].load_per_s - 2.0).abs() < 1e-6, "{estimates:?}");
        assert_eq!(notes(&world), ["a circle of calls: a.x, b.x"]);
        assert_eq!(estimates[1].utilisation, None);
    }
}
