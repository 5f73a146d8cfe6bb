//! The oracle: the same world with nothing in short supply, as a bound on what any measure could reach.

use super::{Case, ORACLE, UNMITIGATED};
use squall_models::spec::{Capacity, Limit, Pool, World};
use squall_models::{Blueprint, Settings};

/// As many connections as anybody can ask for.
const PLENTY: u32 = 1_000_000;

/// The unmitigated variant with unlimited workers, queues, pools and caches; `None` if nothing is limited there, if a
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
    for service in world.services.values_mut() {
        service.capacity = Capacity::Unlimited;
        service.queue.capacity = Limit::Unlimited;
        service.queue.max_wait = None;
        service.connections = None;
        for endpoint in service.endpoints.values_mut() {
            endpoint.queues = true;
        }
        for pool in service.pools.values_mut() {
            *pool = Pool::plain(pool.size.unwrap_or(0).max(PLENTY));
        }
    }
    for cache in world.caches.values_mut() {
        cache.capacity = Limit::Unlimited;
        cache.ttl = None;
    }
    world
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load_bytes;

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
    fn where_nothing_is_limited_there_is_no_bound_to_show() {
        let text = SHORT.replace("{workers: 1}", "unlimited");
        let loaded = load_bytes("t.yaml".as_ref(), text.as_bytes(), &[]).unwrap();
        assert!(oracle(&loaded.cases, &loaded.settings).is_none());
        let text = format!("{SHORT}variants: {{oracle: {{set: {{services.api.replicas: 9}}}}}}\n");
        let loaded = load_bytes("t.yaml".as_ref(), text.as_bytes(), &[]).unwrap();
        assert!(super::oracle(&loaded.cases, &loaded.settings).is_none());
    }
}
