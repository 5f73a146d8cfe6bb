//! A world compiled for running: names resolved to numbers, programs flattened, everything checked. It never changes
//! while a run goes on, and all runs of one variant share it.

/// Declares a number that names one thing of one kind.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name(pub(crate) u32);

        impl $name {
            #[inline]
            pub(crate) const fn at(self) -> usize {
                self.0 as usize
            }
        }
    };
}

mod action;
mod admission;
mod ahead;
mod balance;
mod cache;
mod check;
mod client;
mod data;
mod exposed;
mod fault;
mod monitor;
mod network;
mod operator;
mod platform;
mod pool;
mod program;
mod rollout;
mod service;
mod signal;
mod split;
mod stack;
mod swap;

pub(crate) use action::{Action, Cause, PlannedAction};
pub(crate) use ahead::{BLOCK, BLOCKS, FORESEEN, Foresight, KEPT};
pub(crate) use cache::CachePlan;
pub(crate) use check::{Checker, beside};
pub(crate) use client::{ClientPlan, Intensity, Pattern, Segment};
pub(crate) use data::{DataPlan, StorePlan};
pub(crate) use fault::{Effect, FaultPlan, Kill, LinkFault};
pub(crate) use monitor::{AlertPlan, MonitorPlan, Rule, ScrapeTrouble, TargetPlan, Test};
pub(crate) use operator::{OperatorPlan, StepPlan};
pub(crate) use platform::{BOOT, FIRST_PROBE, LISTING, PENDING, PlatformPlan, ProbeKind};
pub(crate) use pool::{ConnectionsPlan, LibraryPlan, PoolPlan};
pub(crate) use program::{MAX_SCOPES, Op, ParallelPlan};
pub(crate) use rollout::{CheckPlan, RolloutKind, RolloutPlan, Wish};
pub(crate) use service::{CapacityPlan, EdgePlan, EndpointPlan, KeyPlan, ServicePlan};
pub(crate) use signal::{Signal, Source};
pub(crate) use split::{SidePlan, SplitPlan, Ways};
pub(crate) use stack::{FallbackPlan, LayerKind, LayerPlan, MAX_LAYERS, StackId, StackPlan};
pub(crate) use swap::Swap;

use crate::blueprint::Settings;
use crate::problem::Problem;
use crate::report::Names;
use crate::spec;
use squall_sim::Span;
use squall_sim::dist::Dist;
use std::collections::BTreeMap;

id! { /// A client.
ClientId }
id! { /// A service.
ServiceId }
id! { /// An endpoint, counted over all services.
EndpointId }
id! { /// A replica, counted over all services.
ReplicaId }
id! { /// An edge: clients' first, then services'.
EdgeId }
id! { /// A pool of a service, counted over all services; each replica has one.
PoolId }
id! { /// A cache.
CacheId }
id! { /// A split.
SplitId }
id! { /// A set of keys.
KeysId }
id! { /// A place in the flat program of the whole world.
Pc }
id! { /// A distribution.
DistId }

/// The compiled world.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) names: Names,
    pub(crate) clients: Vec<ClientPlan>,
    pub(crate) services: Vec<ServicePlan>,
    pub(crate) endpoints: Vec<EndpointPlan>,
    pub(crate) edges: Vec<EdgePlan>,
    pub(crate) stacks: Vec<StackPlan>,
    /// Stacks that edges had before the run was forked; calls may still be inside of them.
    pub(crate) retired: Vec<(EdgeId, StackId)>,
    /// Layer states: one for each stack, caller and layer.
    pub(crate) layers: u32,
    pub(crate) pools: Vec<PoolPlan>,
    pub(crate) caches: Vec<CachePlan>,
    pub(crate) cache_names: Vec<String>,
    pub(crate) keys: Vec<KeyPlan>,
    pub(crate) splits: Vec<SplitPlan>,
    /// How callers of splits get to the sides.
    pub(crate) ways: Vec<Ways>,
    pub(crate) faults: Vec<FaultPlan>,
    pub(crate) actions: Vec<PlannedAction>,
    pub(crate) rollouts: Vec<RolloutPlan>,
    /// What actions exchange, by number.
    pub(crate) swaps: Vec<Swap>,
    /// None without alerts, and without anybody else who looks.
    pub(crate) monitor: Option<Box<MonitorPlan>>,
    pub(crate) ops: Vec<Op>,
    pub(crate) parallels: Vec<ParallelPlan>,
    /// For each `choose`: the cumulative share and the start of each branch.
    pub(crate) choices: Vec<Vec<(f64, Pc)>>,
    pub(crate) dists: Vec<Dist>,
    pub(crate) replicas: u32,
    /// Balancer states: one for each edge, caller's replica and callee's replica.
    pub(crate) balancer_slots: u32,
    pub(crate) writes: bool,
    /// Writes that are more than the name of an effect, and how long effects are remembered.
    pub(crate) stores: Vec<StorePlan>,
    pub(crate) remembers: Span,
    /// Some hedge wants to know when callees begin to serve.
    pub(crate) tied: bool,
}

impl Plan {
    /// Compiles a world.
    pub(crate) fn new(world: &spec::World, settings: Settings) -> Result<Self, Vec<Problem>> {
        let mut checker = Checker::new(world);
        let mut plan = Self {
            settings,
            names: names(world),
            clients: Vec::new(),
            services: Vec::new(),
            endpoints: Vec::new(),
            edges: Vec::new(),
            stacks: Vec::new(),
            retired: Vec::new(),
            layers: 0,
            pools: Vec::new(),
            caches: Vec::new(),
            cache_names: world.caches.keys().cloned().collect(),
            keys: Vec::new(),
            splits: Vec::new(),
            ways: Vec::new(),
            faults: Vec::new(),
            actions: Vec::new(),
            rollouts: Vec::new(),
            swaps: Vec::new(),
            monitor: None,
            ops: Vec::new(),
            parallels: Vec::new(),
            choices: Vec::new(),
            dists: Vec::new(),
            replicas: 0,
            balancer_slots: 0,
            writes: false,
            stores: Vec::new(),
            remembers: data::REMEMBERED,
            tied: false,
        };
        checker.settings(&plan.settings);
        plan.compile_keys(world, &mut checker);
        plan.compile_services(world, &mut checker);
        plan.compile_caches(world, &mut checker);
        plan.compile_splits(world, &mut checker);
        plan.compile_clients(world, &mut checker);
        plan.compile_programs(world, &mut checker);
        plan.unused_splits(&mut checker);
        plan.find_warming_steps(world, &mut checker);
        plan.compile_monitoring(world, &mut checker);
        plan.compile_faults(world, &mut checker);
        plan.compile_actions(world, &mut checker);
        plan.compile_operators(world, &mut checker);
        plan.names.edges = plan.edges.iter().map(|edge| (edge.caller.clone(), edge.callee_name.clone())).collect();
        if !checker.is_fine() {
            return Err(checker.problems());
        }
        plan.look_ahead();
        Ok(plan)
    }

    pub(crate) fn dist(&self, id: DistId) -> &Dist {
        &self.dists[id.at()]
    }
}

fn names(world: &spec::World) -> Names {
    let pools = world
        .services
        .iter()
        .flat_map(|(service, spec)| spec.pools.keys().map(move |pool| (service.clone(), pool.clone())));
    // Each cache, and after it its classes of keys.
    let caches = world.caches.iter().flat_map(|(name, cache)| {
        let classes = cache.classes.iter().map(move |class| format!("{name}.{}", class.name));
        std::iter::once(name.clone()).chain(classes)
    });
    let side = |(name, split): (&String, &spec::Split)| {
        let name = name.clone();
        split.weights.keys().map(move |side| (name.clone(), side.clone())).collect::<Vec<_>>()
    };
    let sides = world.splits.iter().flat_map(side);
    Names {
        clients: world.clients.keys().cloned().collect(),
        services: world.services.keys().cloned().collect(),
        pools: pools.collect(),
        caches: caches.collect(),
        splits: sides.collect(),
        edges: Vec::new(),
        faults: world.faults.iter().map(fault::describe).collect(),
        alerts: world.monitoring.iter().flat_map(|monitoring| monitoring.alerts.keys().cloned()).collect(),
        operators: world.operators.keys().cloned().collect(),
        rollouts: world.rollouts.keys().cloned().collect(),
    }
}

/// Where a name stands in a sorted map, which is its number.
pub(crate) fn rank<T>(map: &BTreeMap<String, T>, name: &str) -> Option<u32> {
    map.keys().position(|key| key == name).map(|at| at as u32)
}
