//! What the metrics plane exposes by Prometheus' customs: names, labels, and where each value is from.
//!
//! Names are those of `squall export openmetrics` where both have a metric, so that a rule reads the same in either.

use super::signal::Source;
use super::{CacheId, ClientId, EdgeId, KeyPlan, Plan, PoolId, ServiceId, SplitId};
use crate::monitor::BOUNDS;
use crate::monitor::promql::{Exposed, Labels};
use crate::spec;
use std::collections::BTreeMap;

/// Every series that an expression can ask for.
#[derive(Default)]
pub(super) struct Catalogue {
    pub(super) exposed: Vec<Exposed>,
    /// For each of them the component, the service that has to be up to tell it, what is read, and which of its series it is.
    pub(super) sources: Vec<(String, Option<ServiceId>, Source, u32)>,
}

/// A component, the service that has to be up, and the labels of its series.
struct Component {
    name: String,
    host: Option<ServiceId>,
    labels: Labels,
}

impl Component {
    fn new(name: String, host: Option<ServiceId>, labels: &[(&str, &str)]) -> Self {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { name, host, labels }
    }
}

impl Catalogue {
    pub(super) fn new(world: &spec::World, plan: &Plan) -> Self {
        let mut all = Self::default();
        for (name, id) in world.clients.keys().zip(0..) {
            let labels = [("client", name.as_str()), ("job", name)];
            all.client(&Component::new(format!("clients.{name}"), None, &labels), ClientId(id));
        }
        for (name, id) in world.services.keys().zip(0..) {
            let id = ServiceId(id);
            let labels = [("service", name.as_str()), ("job", name)];
            all.service(&Component::new(format!("services.{name}"), Some(id), &labels), id, plan);
        }
        let hosts: BTreeMap<&str, ServiceId> =
            world.services.keys().zip(0..).map(|(name, id)| (name.as_str(), ServiceId(id))).collect();
        for ((service, pool), id) in plan.names.pools.iter().zip(0..) {
            let host = hosts.get(service.as_str()).copied();
            let labels = [("service", service.as_str()), ("pool", pool), ("job", service)];
            let of = Component::new(format!("pools.{service}.{pool}"), host, &labels);
            all.put(&of, "squall_pool_utilisation_ratio", Source::PoolBusy(PoolId(id)));
            all.put(&of, "squall_pool_waiting", Source::PoolWaiting(PoolId(id)));
        }
        for (name, id) in world.caches.keys().zip(0..) {
            let of = Component::new(format!("caches.{name}"), None, &[("cache", name), ("job", name)]);
            all.put(&of, "squall_cache_hits_total", Source::CacheHits(CacheId(id)));
            all.put(&of, "squall_cache_misses_total", Source::CacheMisses(CacheId(id)));
            all.keys(&of, CacheId(id), plan);
        }
        for (split, id) in plan.splits.iter().zip(0..) {
            for (side, number) in split.sides.iter().zip(0..) {
                let name = format!("splits.{}.{}", split.name, side.name);
                let labels = [("split", split.name.as_str()), ("side", &side.name), ("job", &split.name)];
                let of = Component::new(name, None, &labels);
                all.put(&of, "squall_split_calls_total", Source::SideCalls(SplitId(id), number));
                all.put(&of, "squall_split_ended_total", Source::SideEnded(SplitId(id), number));
                all.put(&of, "squall_split_failures_total", Source::SideFailed(SplitId(id), number));
            }
        }
        for (edge, id) in plan.edges.iter().zip(0..) {
            let (caller, callee) = (edge.caller.as_str(), edge.callee_name.as_str());
            let host = hosts.get(caller).copied();
            let labels = [("caller", caller), ("callee", callee), ("job", caller)];
            all.edge(&Component::new(format!("edges.{caller}.{callee}"), host, &labels), EdgeId(id), plan);
        }
        all
    }

    fn put(&mut self, of: &Component, name: &str, source: Source) {
        self.put_more(of, name, &[], (source, 0));
    }

    fn put_more(&mut self, of: &Component, name: &str, more: &[(&str, &str)], (source, further): (Source, u32)) {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let labels = of.labels.clone().into_iter().chain(more).collect();
        self.exposed.push(Exposed { name: name.to_owned(), labels });
        self.sources.push((of.name.clone(), of.host, source, further));
    }

    fn latency(&mut self, of: &Component, kind: &str, source: Source) {
        for (bound, number) in BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]).zip(0..) {
            let name = format!("squall_{kind}_latency_seconds_bucket");
            self.put_more(of, &name, &[("le", bound.as_str())], (source, number));
        }
        let all = BOUNDS.len() as u32;
        self.put_more(of, &format!("squall_{kind}_latency_seconds_count"), &[], (source, all));
    }

    /// Keys have the numbers that they have elsewhere: 1 is the most popular one, or as in a trace.
    fn keys(&mut self, of: &Component, id: CacheId, plan: &Plan) {
        // What nobody asks for has no series.
        let (traced, most) = match plan.keys_of(id) {
            Some(KeyPlan::Law(law, _)) => (false, law.keys()),
            Some(KeyPlan::Trace(_)) => (true, u64::MAX),
            None => return,
        };
        let wanted = plan.caches.get(id.at()).map_or(0, |cache| u64::from(cache.by_key));
        for number in 0..wanted.min(most) as u32 {
            let key = (number + u32::from(!traced)).to_string();
            let label = [("key", key.as_str())];
            self.put_more(of, "squall_cache_key_lookups_total", &label, (Source::KeyLookups(id, number), 0));
            self.put_more(of, "squall_cache_key_misses_total", &label, (Source::KeyMisses(id, number), 0));
        }
    }

    fn client(&mut self, of: &Component, id: ClientId) {
        self.put(of, "up", Source::Up);
        self.put(of, "squall_client_arrivals_total", Source::ClientArrivals(id));
        for (outcome, source) in [("ok", Source::ClientOk(id)), ("failed", Source::ClientFailed(id))] {
            self.put_more(of, "squall_client_requests_total", &[("outcome", outcome)], (source, 0));
        }
        self.put(of, "squall_client_in_flight", Source::ClientInFlight(id));
        self.latency(of, "client", Source::ClientLatency(id));
    }

    fn service(&mut self, of: &Component, id: ServiceId, plan: &Plan) {
        self.put(of, "up", Source::Up);
        self.put(of, "squall_service_calls_total", Source::ServiceArrivals(id));
        self.put(of, "squall_service_ended_total", Source::ServiceEnded(id));
        self.put(of, "squall_service_failures_total", Source::ServiceFailed(id));
        self.put(of, "squall_service_queue", Source::ServiceQueue(id));
        self.put(of, "squall_service_ready_ratio", Source::ServiceReady(id));
        let service = plan.services.get(id.at());
        if service.is_some_and(|service| service.capacity.units() > 0) {
            self.put(of, "squall_service_utilisation_ratio", Source::ServiceBusy(id));
        }
        if service.and_then(|service| service.platform.as_ref()).is_some_and(|platform| platform.memory.is_some()) {
            self.put(of, "squall_service_memory_ratio", Source::ServiceMemory(id));
            self.put(of, "squall_service_memory_bytes", Source::ServiceBytes(id));
            self.put(of, "squall_service_memory_limit_bytes", Source::ServiceBytesLimit(id));
        }
        if service.is_some_and(|service| service.data.is_some()) {
            self.put(of, "squall_service_inconsistencies", Source::DataFound(id));
        }
        self.latency(of, "service", Source::ServiceLatency(id));
    }

    fn edge(&mut self, of: &Component, id: EdgeId, plan: &Plan) {
        self.put(of, "squall_edge_calls_total", Source::EdgeCalls(id));
        self.put(of, "squall_edge_attempts_total", Source::EdgeAttempts(id));
        self.put(of, "squall_edge_ended_total", Source::EdgeEnded(id));
        self.put(of, "squall_edge_failures_total", Source::EdgeFailed(id));
        if plan.breaks(id) {
            self.put(of, "squall_edge_open_ratio", Source::BreakersOpen(id));
        }
    }
}
