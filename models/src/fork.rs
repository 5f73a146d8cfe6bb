//! One run continued under several variants, so that they meet the very same incident.
//!
//! A run is taken to an instant and copied. Each copy goes on under another variant's rules: what was in flight stays in flight,
//! queues stay as long as they are, caches as warm. Not everything can be exchanged under a running system: the two worlds
//! may differ in the policies of edges, in `cancel` and `propagate_deadline`, in the capacity and order of queues, and in
//! the TTL and coalescing of caches. Components, programs, replicas, workers, pools and faults have to be the same.
//!
//! A call in flight keeps the timers that it has, and is tried again (or not) by the new rules.
//!
//! Policies other than a timeout around a retry around a timeout keep a record of the calls inside of them. Where they differ, new
//! calls go through the new ones, which begin empty, and calls in flight go on through the old ones to their ends. Where none
//! differs, the run keeps all that they have learnt.

use crate::blueprint::{Blueprint, Violation};
use crate::report::Report;
use crate::spec::{Edge, Order, World};
use crate::world::{self, Simulated};
use squall_sim::Time;
use std::sync::Arc;

/// A run under way.
#[derive(Clone, Debug)]
pub struct Running(Simulated);

impl Running {
    /// A run at its beginning.
    #[must_use]
    pub fn begin(blueprint: &Blueprint, seed: u64) -> Self {
        Self(world::World::begin(Arc::clone(&blueprint.plan), seed))
    }

    /// Goes on to an instant, what is due then included.
    pub fn go_on(&mut self, until: Time) {
        self.0.go_on(until);
    }

    /// The same run under other rules. The two blueprints have to be of worlds that [`can_fork`] accepts, with the same
    /// settings.
    ///
    /// # Errors
    /// One of the worlds has a fallback that calls another endpoint, and the other has not.
    pub fn onto(&self, blueprint: &Blueprint) -> Result<Self, String> {
        self.0.onto(&blueprint.plan).map(Self)
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// A violated invariant: a bug in squall, never the user's fault.
    pub fn finish(self) -> Result<Report, Violation> {
        self.0.finish()
    }
}

/// Whether a run of one world can go on as the other.
///
/// # Errors
/// What differs that cannot be exchanged under a running system.
pub fn can_fork(from: &World, onto: &World) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, equal: bool| {
        if !equal {
            wrong.push(what.to_owned());
        }
    };
    let (a, b) = (frame(from), frame(onto));
    same("keys", a.keys == b.keys);
    same("splits", a.splits == b.splits);
    same("rollouts", a.rollouts == b.rollouts);
    same("faults", a.faults == b.faults);
    same("actions", a.actions == b.actions);
    same("monitoring", a.monitoring == b.monitoring);
    same("operators", a.operators == b.operators);
    same("the names of clients", a.clients.keys().eq(b.clients.keys()));
    same("the names of services", a.services.keys().eq(b.services.keys()));
    same("the names of caches", a.caches.keys().eq(b.caches.keys()));
    for (name, client) in &a.clients {
        same(&format!("clients.{name}, beyond its policies"), b.clients.get(name).is_none_or(|other| other == client));
    }
    for (name, service) in &a.services {
        let equal = b.services.get(name).is_none_or(|other| other == service);
        same(&format!("services.{name}, beyond its queue and the policies of its edges"), equal);
    }
    for (name, cache) in &a.caches {
        let equal = b.caches.get(name).is_none_or(|other| other == cache);
        same(&format!("caches.{name}, beyond its TTL and coalescing"), equal);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// A world without what can be exchanged under a running system.
fn frame(world: &World) -> World {
    let mut world = world.clone();
    let rules = |edge: &mut Edge| {
        edge.policies.clear();
        edge.cancel = false;
        edge.propagate_deadline = false;
    };
    for client in world.clients.values_mut() {
        client.about = None;
        rules(&mut client.edge);
    }
    for service in world.services.values_mut() {
        service.about = None;
        service.queue.capacity = crate::spec::Limit::Unlimited;
        // Priorities have a line for each class, and one line cannot become several.
        if service.queue.order != Order::Priority {
            service.queue.order = Order::Fifo;
        }
        service.edges.values_mut().for_each(rules);
        // An edge that is not listed is an instant and plain one.
        service.edges.retain(|_, edge| *edge != Edge::default());
    }
    for cache in world.caches.values_mut() {
        cache.about = None;
        cache.ttl = None;
        cache.coalesce = false;
    }
    world
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::{Limits, Settings};
    use squall_sim::Span;

    const STORM: &str = r#"{
        "clients": {"web": {"to": "api.get", "arrivals": {"poisson": {"rate": "80/s"}},
            "edge": {"policies": [{"retry": {"constant": {"attempts": 4, "delay": "0s"}}}, {"timeout": "1s"}]}}},
        "services": {"api": {"capacity": {"workers": 10},
            "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "100ms"}}}]}}}},
        "faults": [{"surge": {"at": "30s", "for": "10s", "client": "web", "factor": 2}}]}"#;

    fn world(change: impl FnOnce(&mut serde_json::Value)) -> World {
        let mut value: serde_json::Value = serde_json::from_str(STORM).unwrap();
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    fn blueprint(world: &World) -> Blueprint {
        let second = Span::from_secs(1);
        let limits = Limits { events: 10_000_000, in_flight: 1_000_000, depth: 64 };
        let at = |seconds: u64| Time::ZERO + Span::from_secs(seconds);
        let windows = vec![(at(80), at(120))];
        let duration = Span::from_secs(120);
        Blueprint::new(world, Settings { duration, warmup: Span::ZERO, resolution: second, windows, limits }).unwrap()
    }

    fn at_80s(world: &World) -> Running {
        let mut running = Running::begin(&blueprint(world), 7);
        running.go_on(Time::ZERO + Span::from_secs(80));
        running
    }

    fn share(report: &Report) -> f64 {
        report.windows[0].clients[0].ok as f64 / report.windows[0].clients[0].arrivals as f64
    }

    #[test]
    fn a_fork_onto_the_same_rules_is_the_run_that_was_never_forked() {
        let world = world(|_| ());
        let whole = crate::run(&blueprint(&world), 7).unwrap();
        let forked = at_80s(&world).onto(&blueprint(&world)).unwrap().finish().unwrap();
        assert_eq!((forked.digest, &forked.measured), (whole.digest, &whole.measured));
    }

    #[test]
    fn each_copy_goes_on_by_its_own_rules() {
        let base = world(|_| ());
        let running = at_80s(&base);
        let under = |change: fn(&mut serde_json::Value)| {
            let onto = world(change);
            can_fork(&base, &onto).unwrap();
            running.onto(&blueprint(&onto)).unwrap().finish().unwrap()
        };
        // Down for good by itself; the newest call first ends it within seconds, and so does a queue that fits the timeout.
        assert!(share(&under(|_| ())) < 0.1);
        let lifo = under(|v| v["services"]["api"]["queue"] = serde_json::json!({ "order": "lifo" }));
        assert!(share(&lifo) > 0.9, "{}", share(&lifo));
        let calm = under(|v| v["clients"]["web"]["edge"]["policies"] = serde_json::json!([{ "timeout": "1s" }]));
        // Without retries there are fewer attempts at once, though the long queue is still worked off in vain.
        let attempts = |report: &Report| report.windows[0].edges[0].attempts;
        assert!(attempts(&calm) * 2 < attempts(&under(|_| ())), "{} {}", attempts(&calm), attempts(&under(|_| ())));
        // What was before the fork is the same in all of them.
        let before = |report: &Report| report.series.values[..60 * report.series.columns.len()].to_vec();
        assert_eq!(before(&lifo).len(), before(&calm).len());
        assert!(before(&lifo).iter().zip(before(&calm)).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn calls_inside_of_old_policies_leave_through_them() {
        let stacked = |policies: serde_json::Value| world(|v| v["clients"]["web"]["edge"]["policies"] = policies);
        let door = serde_json::json!({ "bulkhead": { "semaphore": { "max_concurrent": 60 } } });
        let retry = serde_json::json!({ "retry": { "constant": { "attempts": 4, "delay": "200ms" } } });
        let base = stacked(serde_json::json!([retry, door, { "timeout": "1s" }]));
        let mut running = Running::begin(&blueprint(&base), 7);
        // In the middle of the surge, when there are calls at each of the layers.
        running.go_on(Time::ZERO + Span::from_secs(35));
        let whole = crate::run(&blueprint(&base), 7).unwrap();
        let same = running.onto(&blueprint(&base)).unwrap().finish().unwrap();
        assert_eq!((same.digest, &same.measured), (whole.digest, &whole.measured));
        // Books are checked at the end of each run: no place is given back to a bulkhead that has not given it.
        let narrow = serde_json::json!({ "bulkhead": { "semaphore": { "max_concurrent": 5 } } });
        let bare = running.onto(&blueprint(&stacked(serde_json::json!([narrow])))).unwrap().finish().unwrap();
        assert!(
            bare.measured.edges[0].turned_away.iter().sum::<u64>() > whole.measured.edges[0].turned_away.iter().sum()
        );
        let plain =
            running.onto(&blueprint(&stacked(serde_json::json!([{ "timeout": "1s" }])))).unwrap().finish().unwrap();
        let last = |report: &Report| report.windows[0].edges[0].turned_away.iter().sum::<u64>();
        assert_eq!(last(&plain), 0);
        // And back: a run that was forked can be forked again.
        let mut again = running.onto(&blueprint(&stacked(serde_json::json!([narrow])))).unwrap();
        again.go_on(Time::ZERO + Span::from_secs(40));
        again.onto(&blueprint(&base)).unwrap().finish().unwrap();
    }

    #[test]
    fn what_cannot_be_exchanged_is_named() {
        let onto = world(|v| v["services"]["api"]["capacity"]["workers"] = 20.into());
        let told = can_fork(&world(|_| ()), &onto).unwrap_err();
        assert_eq!(told, ["services.api, beyond its queue and the policies of its edges"]);
        let onto = world(|v| v["faults"] = serde_json::json!([]));
        assert_eq!(can_fork(&world(|_| ()), &onto).unwrap_err(), ["faults"]);
    }
}
