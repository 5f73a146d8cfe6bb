//! Walks through a world: every distribution with its path in the file, and who calls whom.

use squall_models::spec::{
    Acquire, Arrivals, Data, Distribution, Edge, Fault, Law, Lookup, Parallel, Replication, Step, World,
};
use std::collections::BTreeSet;

type Visit<'a> = &'a mut dyn FnMut(&str, &mut Distribution);

/// Calls `visit` with each distribution that a user has written, from the outside; parts of a mixture are left to [`laws`].
pub(super) fn distributions(world: &mut World, visit: Visit<'_>) {
    for (name, client) in &mut world.clients {
        let path = format!("clients.{name}");
        edge(&format!("{path}.edge"), &mut client.edge, visit);
        if let Some(patience) = &mut client.patience {
            visit(&format!("{path}.patience"), patience);
        }
        if let Some(reload) = &mut client.reload {
            visit(&format!("{path}.reload.delay"), &mut reload.delay);
        }
        if let Arrivals::Closed { think, .. } = &mut client.arrivals {
            visit(&format!("{path}.arrivals.closed.think"), think);
        }
    }
    for (name, service) in &mut world.services {
        let path = format!("services.{name}");
        if let Some(wait) = &mut service.queue.max_wait {
            visit(&format!("{path}.queue.max_wait"), wait);
        }
        if let Some(lifecycle) = &mut service.lifecycle {
            let times = [
                ("pending", &mut lifecycle.pending),
                ("boot", &mut lifecycle.boot),
                ("endpoint_delay", &mut lifecycle.endpoint_delay),
            ];
            for (field, time) in times {
                if let Some(time) = time {
                    visit(&format!("{path}.lifecycle.{field}"), time);
                }
            }
        }
        for (name, pool) in &mut service.pools {
            let times =
                [("connect", &mut pool.connect), ("login", &mut pool.login), ("round_trip", &mut pool.round_trip)];
            for (field, time) in times {
                if let Some(time) = time {
                    visit(&format!("{path}.pools.{name}.{field}"), time);
                }
            }
        }
        if let Some(data) = &mut service.data {
            stored(&format!("{path}.data"), data, visit);
        }
        for (callee, to) in &mut service.edges {
            edge(&format!("{path}.edges.{callee}"), to, visit);
        }
        for (endpoint, program) in &mut service.endpoints {
            steps(&format!("{path}.endpoints.{endpoint}.steps"), &mut program.steps, visit);
        }
    }
    for (number, fault) in world.faults.iter_mut().enumerate() {
        match fault {
            Fault::Link { delay: Some(delay), .. } => visit(&format!("faults.{number}.link.delay"), delay),
            Fault::IoSlow { delay, .. } => visit(&format!("faults.{number}.io_slow.delay"), delay),
            Fault::ReplicaLag { delay: Some(delay), .. } => {
                visit(&format!("faults.{number}.replica_lag.delay"), delay);
            }
            Fault::ScrapeDelay { delay, .. } => visit(&format!("faults.{number}.scrape_delay.delay"), delay),
            _ => {}
        }
    }
    if let Some(delay) = world.monitoring.as_mut().and_then(|monitoring| monitoring.scrape.delay.as_mut()) {
        visit("monitoring.scrape.delay", delay);
    }
    answers(world, visit);
}

/// How long operators take.
fn answers(world: &mut World, visit: Visit<'_>) {
    for (name, operator) in &mut world.operators {
        if let Some(response) = &mut operator.response {
            visit(&format!("operators.{name}.response"), response);
        }
        for (severity, response) in &mut operator.responses {
            let severity = format!("{severity:?}").to_lowercase();
            visit(&format!("operators.{name}.responses.{severity}"), response);
        }
    }
}

fn stored(path: &str, data: &mut Data, visit: Visit<'_>) {
    match &mut data.replication {
        Some(Replication::Asynchronous { lag: Some(lag) }) => {
            visit(&format!("{path}.replication.asynchronous.lag"), lag);
        }
        Some(Replication::Synchronous { round_trip: Some(time), .. }) => {
            visit(&format!("{path}.replication.synchronous.round_trip"), time);
        }
        _ => {}
    }
    if let Some(failover) = &mut data.failover {
        for (field, time) in [("detection", &mut failover.detection), ("election", &mut failover.election)] {
            if let Some(time) = time {
                visit(&format!("{path}.failover.{field}"), time);
            }
        }
    }
}

fn edge(path: &str, edge: &mut Edge, visit: Visit<'_>) {
    if let Some(latency) = &mut edge.link.latency {
        visit(&format!("{path}.link.latency"), latency);
    }
}

fn steps(path: &str, list: &mut [Step], visit: Visit<'_>) {
    for (number, step) in list.iter_mut().enumerate() {
        let path = format!("{path}.{number}");
        match step {
            Step::Work(time) => visit(&format!("{path}.work"), time),
            Step::Sleep(time) => visit(&format!("{path}.sleep"), time),
            Step::Parallel(Parallel { branches, .. }) => {
                for (branch, list) in branches.iter_mut().enumerate() {
                    steps(&format!("{path}.parallel.branches.{branch}"), list, visit);
                }
            }
            Step::Choose(choices) => {
                for (choice, of) in choices.iter_mut().enumerate() {
                    steps(&format!("{path}.choose.{choice}.steps"), &mut of.steps, visit);
                }
            }
            Step::Cache(Lookup { hit, miss, .. }) => {
                steps(&format!("{path}.cache.hit"), hit, visit);
                steps(&format!("{path}.cache.miss"), miss, visit);
            }
            Step::Acquire(Acquire { steps: inner, .. }) => steps(&format!("{path}.acquire.steps"), inner, visit),
            Step::Optional(optional) => steps(&format!("{path}.optional.steps"), &mut optional.steps, visit),
            Step::Spawn(inner) => steps(&format!("{path}.spawn"), inner, visit),
            Step::Call(_) | Step::Write(_) | Step::Read(_) | Step::Fail(_) => {}
        }
    }
}

/// Who calls whom, as pairs of a client or service and the service that it calls; of a split each side.
pub(super) fn calls(world: &World) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    let mut pair = |caller: &str, to: &str| {
        let callee = to.split('.').next().unwrap_or_default();
        match world.splits.get(callee) {
            Some(split) => pairs.extend(split.weights.keys().map(|side| (caller.to_owned(), side.clone()))),
            None => drop(pairs.insert((caller.to_owned(), callee.to_owned()))),
        }
    };
    for (name, client) in &world.clients {
        pair(name, &client.to);
    }
    for (name, service) in &world.services {
        for endpoint in service.endpoints.values() {
            called(&endpoint.steps, &mut |to| pair(name, to));
        }
    }
    pairs
}

fn called(list: &[Step], found: &mut dyn FnMut(&str)) {
    for step in list {
        match step {
            Step::Call(call) => found(&call.0.to),
            Step::Parallel(Parallel { branches, .. }) => branches.iter().for_each(|list| called(list, found)),
            Step::Choose(choices) => choices.iter().for_each(|choice| called(&choice.steps, found)),
            Step::Cache(Lookup { hit, miss, .. }) => [hit, miss].into_iter().for_each(|list| called(list, found)),
            Step::Optional(optional) => called(&optional.steps, found),
            Step::Acquire(Acquire { steps, .. }) | Step::Spawn(steps) => called(steps, found),
            Step::Work(_) | Step::Sleep(_) | Step::Write(_) | Step::Read(_) | Step::Fail(_) => {}
        }
    }
}

/// Calls `visit` with the law of a distribution and, in a mixture, with those of its parts.
pub(super) fn laws(path: &str, distribution: &mut Distribution, visit: &mut dyn FnMut(&str, &mut Law)) {
    visit(path, &mut distribution.0);
    if let Law::Mixture(parts) = &mut distribution.0 {
        for (number, part) in parts.iter_mut().enumerate() {
            laws(&format!("{path}.mixture.{number}.of"), &mut part.of, visit);
        }
    }
}
