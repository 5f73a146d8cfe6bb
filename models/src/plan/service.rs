//! Services, edges, pools and key sets, compiled.

use super::stack::{Policies, StackId};
use super::{Checker, ConnectionsPlan, DataPlan, DistId, EndpointId, Pc, Plan, PlatformPlan, ServiceId};
use crate::balance::Balancer;
use crate::balance::slow_start::SlowStart;
use crate::eject;
use crate::retry::Retry;
use crate::spec::{self, Admission, Capacity, Keys, Limit, Order};
use squall_sim::Span;
use squall_sim::dist::Popularity;
use squall_sim::random::{Luck, Place, Purpose};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CapacityPlan {
    Workers(u32),
    Sharing { cores: u32, concurrency: u64 },
    Unlimited,
}

impl CapacityPlan {
    /// How many calls one replica can work on at once; 0 without a bound.
    pub(crate) fn units(self) -> u64 {
        match self {
            Self::Workers(workers) => workers.into(),
            Self::Sharing { cores, .. } => cores.into(),
            Self::Unlimited => 0,
        }
    }

    /// How many calls one replica serves at once.
    pub(crate) fn most(self) -> u64 {
        match self {
            Self::Workers(workers) => workers.into(),
            Self::Sharing { concurrency, .. } => concurrency,
            Self::Unlimited => u64::MAX,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ServicePlan {
    pub(crate) capacity: CapacityPlan,
    pub(crate) holds_workers: bool,
    /// Places for replicas: as many as there are, unless they come and go.
    pub(crate) replicas: u32,
    /// Replicas at the beginning.
    pub(crate) initial: u32,
    /// The first of its replicas.
    pub(crate) first: u32,
    pub(crate) queue_capacity: u64,
    pub(crate) order: Order,
    pub(crate) max_wait: Option<(DistId, Place)>,
    /// The first of its pools, and how many.
    pub(crate) pools: (u32, u32),
    /// What each replica's guards are made from.
    pub(crate) admission: Vec<Admission>,
    pub(crate) admission_place: Place,
    /// There are guards, now or later.
    pub(crate) guarded: bool,
    /// What those who are turned away are told.
    pub(crate) retry_after: Option<Span>,
    pub(crate) connections: ConnectionsPlan,
    pub(crate) error_place: Place,
    /// What looks after its replicas, if something does.
    pub(crate) platform: Option<Box<PlatformPlan>>,
    /// How it keeps what it stores, if that is said.
    pub(crate) data: Option<Box<DataPlan>>,
}

#[derive(Clone, Debug)]
pub(crate) struct EndpointPlan {
    pub(crate) start: Pc,
    pub(crate) queues: bool,
    pub(crate) idempotent: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct EdgePlan {
    pub(crate) caller: String,
    pub(crate) callee_name: String,
    pub(crate) callee: ServiceId,
    /// The first of the callee's replicas.
    pub(crate) first_replica: u32,
    pub(crate) latency: Option<DistId>,
    pub(crate) loss: f64,
    /// Instant and perfect, as long as no fault says otherwise.
    pub(crate) plain: bool,
    /// Plain, to a service of one replica that is never ejected, and no deadline to pass on.
    pub(crate) short: bool,
    pub(crate) balance: Balancer,
    pub(crate) eject: Option<eject::Spec>,
    pub(crate) panic: Option<f64>,
    pub(crate) slow_start: Option<SlowStart>,
    /// The whole call, retries included.
    pub(crate) total: Option<Span>,
    /// One attempt.
    pub(crate) timeout: Option<Span>,
    pub(crate) retry: Option<Retry>,
    /// Policies in any other form than a timeout around a retry around a timeout.
    pub(crate) stack: Option<StackId>,
    pub(crate) propagate: bool,
    pub(crate) cancel: bool,
    /// The first of its balancer slots.
    pub(crate) slots: u32,
    pub(crate) attempt_place: Place,
    pub(crate) jitter_place: Place,
    pub(crate) balance_place: Place,
    pub(crate) there: LinkPlaces,
    pub(crate) back: LinkPlaces,
}

impl EdgePlan {
    /// Whether a call can begin the short way: no policies come before its first attempt, and no timeout of the whole call.
    pub(crate) const fn begins_short(&self) -> bool {
        self.short && self.stack.is_none() && self.total.is_none()
    }
}

/// Where the draws of one direction of a link are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkPlaces {
    pub(crate) latency: Place,
    pub(crate) loss: Place,
    pub(crate) fault: Place,
    pub(crate) jitter: Place,
    pub(crate) copy: Place,
}

#[derive(Clone, Debug)]
pub(crate) enum KeyPlan {
    Law(Popularity, Place),
    Trace(Arc<Vec<u64>>),
}

impl KeyPlan {
    /// The key that a request asks for.
    #[inline]
    pub(crate) fn key(&self, root: Luck, number: u64) -> u64 {
        match self {
            Self::Law(law, place) => law.sample(&mut root.at(*place)),
            Self::Trace(keys) => keys[(number % keys.len() as u64) as usize],
        }
    }
}

pub(crate) fn limit(limit: Limit) -> u64 {
    match limit {
        Limit::Unlimited => u64::MAX,
        Limit::At(bound) => bound,
    }
}

impl Plan {
    pub(super) fn compile_keys(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        for (name, keys) in &world.keys {
            let path = format!("keys.{name}");
            let place = Place::named(&path, Purpose::Key);
            let law = match keys {
                Keys::Uniform { count } => Popularity::uniform(*count),
                Keys::Zipf { count, exponent } => Popularity::zipf(*count, *exponent),
                Keys::HotSet { count, hot, share } => Popularity::hot_set(*count, *hot, share.get()),
                Keys::Trace { keys, .. } => {
                    if keys.is_empty() {
                        checker.problem(
                            &path,
                            "the file of this key set holds no keys",
                            "name a file with one whole number on each line",
                        );
                    }
                    self.keys.push(KeyPlan::Trace(Arc::new(keys.clone())));
                    continue;
                }
            };
            if let Some(law) = checker.built(&path, law) {
                self.keys.push(KeyPlan::Law(law, place));
            }
        }
    }

    pub(super) fn compile_services(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        if world.services.is_empty() {
            checker.problem(
                "services",
                "there is no service, so there is nothing to call",
                "add one; `squall init` writes an example",
            );
        }
        for (name, service) in &world.services {
            let path = format!("services.{name}");
            let places = super::platform::places(world, name, service);
            self.compile_service(name, &path, (service, places), checker);
        }
        checker.within("services", self.replicas.into(), 0, 10_000_000);
    }

    fn compile_service(
        &mut self,
        name: &str,
        path: &str,
        (service, places): (&spec::Service, u32),
        checker: &mut Checker<'_>,
    ) {
        checker.count(format!("{path}.replicas"), service.replicas.into());
        let capacity = compile_capacity(path, &service.capacity, checker);
        if let Limit::At(capacity) = service.queue.capacity {
            checker.within(format!("{path}.queue.capacity"), capacity, 0, 1 << 32);
        }
        let queue_unused = service.queue != spec::Queue::default();
        if capacity == CapacityPlan::Unlimited && queue_unused {
            checker.problem(
                format!("{path}.queue"),
                "a service of unlimited capacity never queues",
                "leave `queue` out, or give the service `workers`",
            );
        }
        super::admission::check(path, service, capacity, checker);
        let max_wait = service.queue.max_wait.as_ref().and_then(|wait| {
            let dist = checker.dist(self, &format!("{path}.queue.max_wait"), wait)?;
            Some((dist, Place::named(path, Purpose::Patience)))
        });
        let first_pool = self.pools.len() as u32;
        for (pool_name, pool) in &service.pools {
            self.compile_pool(&format!("{path}.pools.{pool_name}"), pool, checker);
        }
        if service.endpoints.is_empty() {
            checker.problem(
                format!("{path}.endpoints"),
                format!("service `{name}` has no endpoint"),
                "add one, with its steps",
            );
        }
        for endpoint in service.endpoints.values() {
            self.endpoints.push(EndpointPlan {
                start: Pc(0),
                queues: endpoint.queues,
                idempotent: endpoint.idempotent,
            });
        }
        let platform = self.compile_platform(name, path, service, places, checker);
        let data = self.compile_data(path, service, checker);
        self.services.push(ServicePlan {
            data,
            holds_workers: matches!(capacity, CapacityPlan::Workers(_)),
            capacity,
            replicas: places,
            initial: service.replicas,
            first: self.replicas,
            queue_capacity: limit(service.queue.capacity),
            order: service.queue.order,
            max_wait,
            pools: (first_pool, self.pools.len() as u32 - first_pool),
            admission: service.admission.clone(),
            guarded: !service.admission.is_empty(),
            admission_place: Place::named(path, Purpose::Other(1)),
            retry_after: super::admission::retry_after(path, service, checker),
            connections: ConnectionsPlan::compile(path, service.connections.as_ref(), checker),
            error_place: Place::named(path, Purpose::Fail),
            platform,
        });
        self.replicas = self.replicas.saturating_add(places);
    }

    /// Compiles an edge; `callers` is the number of replicas that call.
    pub(super) fn compile_edge(
        &mut self,
        (path, caller, callee): (&str, &str, &str),
        callers: u32,
        edge: &spec::Edge,
        checker: &mut Checker<'_>,
    ) -> Option<super::EdgeId> {
        let service = checker.service(path, callee)?;
        let ServicePlan { replicas, first: first_replica, .. } = *self.services.get(service.at())?;
        let name = format!("{caller}->{callee}");
        let place = |purpose| Place::named(&name, purpose);
        let policies =
            Policies::compile(self, (&format!("{path}.policies"), &name), &edge.policies, (caller, callers), checker);
        let latency =
            edge.link.latency.as_ref().and_then(|dist| checker.dist(self, &format!("{path}.link.latency"), dist));
        let latency = latency.filter(|id| self.dists[id.at()].is_constant() != Some(0.0));
        let loss = edge.link.loss.map_or(0.0, |loss| loss.get());
        let plain = latency.is_none() && loss == 0.0;
        let balance = self.compile_balance(path, edge, (service, callee), callers, checker);
        if let Some(spec) = &edge.eject {
            checker.found(&format!("{path}.eject"), eject::check(spec));
        }
        let id = super::EdgeId(self.edges.len() as u32);
        let slots = self.balancer_slots;
        let needed = u64::from(callers) * u64::from(replicas);
        checker.within(path, u64::from(slots) + needed, 0, 100_000_000);
        self.balancer_slots = slots.saturating_add(needed.try_into().unwrap_or(u32::MAX));
        let direction = |way: &str| {
            let name = format!("{name}.{way}");
            LinkPlaces {
                latency: Place::named(&name, Purpose::Latency),
                loss: Place::named(&name, Purpose::Loss),
                fault: Place::named(&format!("{name}.fault"), Purpose::Latency),
                jitter: Place::named(&name, Purpose::Jitter),
                copy: Place::named(&name, Purpose::Call),
            }
        };
        self.edges.push(EdgePlan {
            caller: caller.to_owned(),
            callee_name: callee.to_owned(),
            callee: service,
            first_replica,
            latency,
            loss,
            plain,
            short: plain && replicas == 1 && edge.eject.is_none() && !edge.propagate_deadline,
            balance,
            eject: edge.eject.clone(),
            panic: edge.panic_threshold.map(|share| share.get()),
            slow_start: edge.slow_start.as_ref().map(SlowStart::new),
            total: policies.total,
            timeout: policies.timeout,
            retry: policies.retry,
            stack: policies.stack,
            propagate: edge.propagate_deadline,
            cancel: edge.cancel,
            slots,
            attempt_place: place(Purpose::Call),
            jitter_place: place(Purpose::Jitter),
            balance_place: place(Purpose::Balance),
            there: direction("there"),
            back: direction("back"),
        });
        Some(id)
    }

    /// The endpoint that an instruction belongs to.
    pub(crate) fn endpoint_at(&self, pc: Pc) -> EndpointId {
        let after = self.endpoints.partition_point(|endpoint| endpoint.start.at() <= pc.at());
        EndpointId(after.saturating_sub(1) as u32)
    }

    pub(crate) fn endpoint(&self, id: EndpointId) -> &EndpointPlan {
        &self.endpoints[id.at()]
    }
}

fn compile_capacity(path: &str, capacity: &Capacity, checker: &mut Checker<'_>) -> CapacityPlan {
    match capacity {
        Capacity::Workers(workers) => {
            checker.count(format!("{path}.capacity.workers"), (*workers).into());
            CapacityPlan::Workers(*workers)
        }
        Capacity::ProcessorSharing { cores, concurrency } => {
            checker.within(format!("{path}.capacity.processor_sharing.cores"), (*cores).into(), 1, 65_536);
            if let Limit::At(bound) = concurrency {
                checker.count(format!("{path}.capacity.processor_sharing.concurrency"), *bound);
            }
            CapacityPlan::Sharing { cores: *cores, concurrency: limit(*concurrency) }
        }
        Capacity::Unlimited => CapacityPlan::Unlimited,
    }
}
