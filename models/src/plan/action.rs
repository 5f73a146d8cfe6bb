//! Actions, compiled: the one vocabulary in which anything outside the data path changes the world.
//!
//! Faults, planned actions, the platform's controllers and whoever else decides something say it in these words, and the
//! world carries all of them out in the same place and writes each down with its cause; see decision 7.

use super::{CacheId, Checker, ClientId, EdgeId, Kill, Plan, ReplicaId, ServiceId, SplitId, Wish};
use crate::balance::Balancer;
use crate::spec::{self, How, Replicas};
use crate::units::Duration;
use squall_sim::random::Place;
use squall_sim::{Span, Time};
use std::sync::Arc;

/// Something that changes the world, at one instant.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A fault's conditions come into force. What that means is worked out from all that are.
    Impose(u32),
    /// They are over.
    Lift(u32),
    Scale {
        service: ServiceId,
        to: u32,
    },
    Restart {
        service: ServiceId,
        rolling: bool,
    },
    /// Some replicas, by how many; `u32::MAX` is all.
    Kill {
        service: ServiceId,
        replicas: u32,
        grace: bool,
        /// Only those in which more calls wait than this.
        waiting: Option<u64>,
    },
    Drain {
        service: ServiceId,
        replicas: u32,
    },
    Flush {
        cache: CacheId,
        key: Option<u64>,
    },
    ExpireKey {
        cache: CacheId,
        key: u64,
    },
    Corrupt {
        cache: CacheId,
        share: f64,
        place: Place,
    },
    /// What the first so many replicas hold is wrong, for this share of calls.
    CorruptState {
        service: ServiceId,
        replicas: u32,
        share: f64,
    },
    ResizePool {
        service: ServiceId,
        /// Its number among the pools of the service.
        pool: u32,
        size: u32,
    },
    LimitConnections {
        service: ServiceId,
        most: u32,
    },
    KillQueries(Kill),
    Traffic {
        client: ClientId,
        share: f64,
    },
    /// Something of the plan is exchanged, by its number.
    Policies {
        edge: EdgeId,
        swap: u32,
    },
    Admission {
        service: ServiceId,
        swap: u32,
    },
    ResizeMemory {
        service: ServiceId,
        swap: u32,
        rolling: bool,
    },
    CollectGarbage(ServiceId),
    Degrade {
        service: ServiceId,
        level: u8,
    },
    /// What is stored is compared with what was acknowledged, which takes a while.
    ConsistencyCheck {
        service: ServiceId,
        takes: Span,
    },
    /// Those of an edge, or all.
    Breakers {
        edge: Option<EdgeId>,
        hold: spec::Hold,
    },
    Weights {
        edge: EdgeId,
        weights: Arc<[f64]>,
    },
    Split {
        split: SplitId,
        weights: Arc<[f64]>,
    },
    /// A side of a split, or all of them, loses this share of the sessions that it knows.
    LoseSessions {
        split: SplitId,
        side: Option<u32>,
        share: f64,
        place: Place,
    },
    /// Something is asked of a rollout, by its number.
    Roll {
        rollout: u32,
        wish: Wish,
    },
}

/// Who or what has decided on an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A fault, by its number.
    Fault(u32),
    /// A planned action, by its number.
    Planned(u32),
    /// The platform of a service, by itself.
    Platform(ServiceId),
    /// The autoscaler of a service.
    Autoscaler(ServiceId),
    /// A replica, by itself.
    Replica(ReplicaId),
    /// An alert, by its number.
    Alert(u32),
    /// An operator, by its number.
    Operator(u32),
    /// The controller of a rollout, by its number.
    Rollout(u32),
}

/// An action at a time that is known beforehand.
#[derive(Clone, Debug)]
pub(crate) struct PlannedAction {
    pub(crate) at: Time,
    pub(crate) chance: Option<f64>,
    pub(crate) action: Action,
}

impl Action {
    /// What it is called.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Impose(_) => "begin",
            Self::Lift(_) => "end",
            Self::Scale { .. } => "scale",
            Self::Restart { .. } => "restart",
            Self::Kill { .. } => "kill",
            Self::Drain { .. } => "drain",
            Self::Flush { .. } => "flush",
            Self::ExpireKey { .. } => "expire_key",
            Self::Corrupt { .. } => "corrupt",
            Self::CorruptState { .. } => "corrupt_state",
            Self::ResizePool { .. } => "resize_pool",
            Self::LimitConnections { .. } => "limit_connections",
            Self::KillQueries(_) => "kill_queries",
            Self::Traffic { .. } => "traffic",
            Self::Policies { .. } => "policies",
            Self::Admission { .. } => "admission",
            Self::ResizeMemory { .. } => "resize_memory",
            Self::CollectGarbage(_) => "collect_garbage",
            Self::Degrade { .. } => "degrade",
            Self::ConsistencyCheck { .. } => "consistency_check",
            Self::Breakers { .. } => "breakers",
            Self::Weights { .. } => "weights",
            Self::Split { .. } => "split",
            Self::LoseSessions { .. } => "session_loss",
            Self::Roll { wish, .. } => wish.name(),
        }
    }
}

impl Plan {
    /// What an action is about.
    pub(crate) fn target(&self, action: &Action) -> String {
        let service = |id: ServiceId| format!("services.{}", self.names.services[id.at()]);
        let cache = |id: CacheId| format!("caches.{}", self.cache_names[id.at()]);
        match action {
            Action::Impose(number) | Action::Lift(number) => self.faults[*number as usize].what.clone(),
            Action::Scale { service: id, .. }
            | Action::Restart { service: id, .. }
            | Action::Kill { service: id, .. }
            | Action::Drain { service: id, .. }
            | Action::CorruptState { service: id, .. }
            | Action::LimitConnections { service: id, .. }
            | Action::ConsistencyCheck { service: id, .. }
            | Action::Admission { service: id, .. }
            | Action::ResizeMemory { service: id, .. }
            | Action::CollectGarbage(id)
            | Action::Degrade { service: id, .. }
            | Action::KillQueries(Kill { service: id, .. }) => service(*id),
            Action::Flush { cache: id, .. }
            | Action::ExpireKey { cache: id, .. }
            | Action::Corrupt { cache: id, .. } => cache(*id),
            Action::ResizePool { service, pool, .. } => {
                let (service, pool) = &self.names.pools[(self.services[service.at()].pools.0 + pool) as usize];
                format!("pools.{service}.{pool}")
            }
            Action::Breakers { edge: None, .. } => "all edges".to_owned(),
            Action::Traffic { client, .. } => format!("clients.{}", self.names.clients[client.at()]),
            Action::Roll { rollout, .. } => format!("rollouts.{}", self.names.rollouts[*rollout as usize]),
            Action::Split { split, .. } | Action::LoseSessions { split, .. } => {
                format!("splits.{}", self.splits[split.at()].name)
            }
            Action::Weights { edge, .. }
            | Action::Policies { edge, .. }
            | Action::Breakers { edge: Some(edge), .. } => {
                let edge = &self.edges[edge.at()];
                format!("{} → {}", edge.caller, edge.callee_name)
            }
        }
    }

    /// A cause as the log shows it. Faults and planned actions are numbered from 1, as in the file.
    pub(crate) fn cause(&self, cause: Cause) -> String {
        match cause {
            Cause::Fault(number) => format!("fault {}", number + 1),
            Cause::Planned(number) => format!("action {}", number + 1),
            Cause::Platform(service) => format!("platform of {}", self.names.services[service.at()]),
            Cause::Autoscaler(service) => format!("autoscaler of {}", self.names.services[service.at()]),
            Cause::Replica(id) => self.replica_name(id),
            Cause::Alert(number) => format!("alert {}", self.names.alerts[number as usize]),
            Cause::Operator(number) => format!("operator {}", self.names.operators[number as usize]),
            Cause::Rollout(number) => format!("rollout {}", self.names.rollouts[number as usize]),
        }
    }

    /// A replica as the log shows it: `api[2]`, counted from 0.
    pub(crate) fn replica_name(&self, id: ReplicaId) -> String {
        let of = self.services.partition_point(|service| service.first <= id.0).saturating_sub(1);
        format!("{}[{}]", self.names.services[of], id.0 - self.services[of].first)
    }

    pub(super) fn compile_actions(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        for (number, planned) in world.actions.iter().enumerate() {
            let path = format!("actions.{number}");
            if planned.at.span() >= self.settings.duration {
                let rule = format!("it is done at {}, when the run of {} is over", planned.at, self.settings.duration);
                checker.problem(format!("{path}.at"), rule, "do it earlier, or set a longer `run.duration`");
            }
            let path = format!("{path}.do.{}", planned.r#do.tag());
            if let Some(action) = self.action(world, &path, &planned.r#do, checker) {
                let (at, chance) = (Time::ZERO + planned.at.span(), planned.chance.map(|share| share.get()));
                self.actions.push(PlannedAction { at, chance, action });
            }
        }
    }

    pub(super) fn action(
        &mut self,
        world: &spec::World,
        path: &str,
        action: &spec::Action,
        checker: &mut Checker<'_>,
    ) -> Option<Action> {
        use spec::Action as Given;
        Some(match action {
            Given::Scale { service, to } => {
                let id = self.managed(path, service, checker)?;
                checker.count(format!("{path}.to"), (*to).into());
                Action::Scale { service: id, to: *to }
            }
            Given::Restart { service, how } => {
                Action::Restart { service: self.managed(path, service, checker)?, rolling: *how == How::Rolling }
            }
            Given::Kill { service, replicas, grace, waiting } => {
                let service = self.managed(path, service, checker)?;
                let replicas = how_many(path, *replicas, checker);
                Action::Kill { service, replicas, grace: *grace, waiting: *waiting }
            }
            Given::Drain { service, replicas } => {
                let service = self.managed(path, service, checker)?;
                Action::Drain { service, replicas: how_many(path, *replicas, checker) }
            }
            Given::Flush { cache, key } => {
                let cache = checker.cache(&format!("{path}.cache"), cache)?;
                Action::Flush { cache, key: key.map(|key| self.cached_key(path, cache, key, checker)) }
            }
            Given::ResizePool { service, pool, size } => {
                let (service, pool) = pool_of(world, path, service, pool, checker)?;
                checker.within(format!("{path}.size"), (*size).into(), 1, 1_000_000);
                Action::ResizePool { service, pool, size: *size }
            }
            Given::LimitConnections { service, most } => {
                let service = checker.service(&format!("{path}.service"), service)?;
                Action::LimitConnections { service, most: *most }
            }
            Given::KillQueries { service, running, held, idle } => {
                Action::KillQueries(kill(path, service, (running, held, idle), checker)?)
            }
            Given::ClearFault { fault } => self.clearing(path, *fault, checker)?,
            Given::Traffic { client, share } => {
                let Some(id) = super::rank(&world.clients, client) else {
                    let remedy =
                        crate::problem::did_you_mean(client, world.clients.keys().map(String::as_str), "clients");
                    checker.problem(format!("{path}.client"), format!("there is no client `{client}`"), remedy);
                    return None;
                };
                Action::Traffic { client: ClientId(id), share: share.get() }
            }
            Given::Policies { from, to, policies } => self.new_policies(world, path, (from, to), policies, checker)?,
            Given::Admission { service, admission } => {
                self.new_admission(world, path, (service, admission), checker)?
            }
            Given::Degrade { service, level } => {
                Action::Degrade { service: checker.service(&format!("{path}.service"), service)?, level: *level }
            }
            Given::ResizeMemory { service, limit, how } => self.new_memory(path, (service, *limit, *how), checker)?,
            Given::CollectGarbage { service } => Action::CollectGarbage(self.with_memory(path, service, checker)?.0),
            Given::ConsistencyCheck { service, takes } => {
                Action::ConsistencyCheck { service: self.with_data(path, service, checker)?, takes: takes.span() }
            }
            Given::Breakers { state, from, to } => {
                self.hold(path, (from.as_deref(), to.as_deref()), *state, checker)?
            }
            Given::Weights { from, to, weights } => self.new_weights(path, (from, to), weights, checker)?,
            Given::Switch { rollout } => self.wish(world, path, (rollout, Wish::Switch), checker)?,
            Given::Promote { rollout } => self.wish(world, path, (rollout, Wish::Promote), checker)?,
            Given::Rollback { rollout } => self.wish(world, path, (rollout, Wish::RollBack), checker)?,
            Given::Interrupt { rollout } => self.wish(world, path, (rollout, Wish::Interrupt), checker)?,
            Given::Split { name, weights } => {
                let (split, weights) = self.split_weights(path, (name, weights), checker)?;
                Action::Split { split, weights }
            }
        })
    }

    fn clearing(&self, path: &str, fault: u32, checker: &mut Checker<'_>) -> Option<Action> {
        checker.within(format!("{path}.fault"), fault.into(), 1, self.faults.len() as u64);
        let number = fault.checked_sub(1).filter(|number| (*number as usize) < self.faults.len())?;
        let plan = &self.faults[number as usize];
        if plan.effects.is_empty() && plan.every.is_none() {
            checker.problem(format!("{path}.fault"), "this fault is over at once", "clear one that lasts");
        }
        if plan.effects.iter().any(|effect| matches!(effect, super::Effect::Surge)) {
            let rule = "a surge comes from outside of the system, which cannot end it";
            checker.problem(format!("{path}.fault"), rule, "let in less with `traffic`");
        }
        Some(Action::Lift(number))
    }

    fn hold(
        &self,
        path: &str,
        between: (Option<&str>, Option<&str>),
        hold: spec::Hold,
        checker: &mut Checker<'_>,
    ) -> Option<Action> {
        let edge = match between {
            (Some(from), Some(to)) => Some(self.edge_between(path, from, to, checker)?),
            (None, None) => None,
            _ => {
                checker.problem(
                    path,
                    "half of an edge is named",
                    "give both `from` and `to`, or neither for all edges",
                );
                return None;
            }
        };
        let mut edges = (0..self.edges.len() as u32).map(EdgeId).filter(|id| edge.is_none_or(|edge| edge == *id));
        if !edges.any(|id| self.breaks(id)) {
            let uses = ["services", "clients"].map(str::to_owned);
            let remedy = "give an edge a `breaker` among its `policies`";
            checker.missing(path, "there is no breaker to hold", remedy, &uses);
        }
        Some(Action::Breakers { edge, hold })
    }

    fn new_weights(
        &self,
        path: &str,
        (from, to): (&str, &str),
        weights: &[f64],
        checker: &mut Checker<'_>,
    ) -> Option<Action> {
        let edge = self.edge_between(path, from, to, checker)?;
        let plan = &self.edges[edge.at()];
        if !matches!(plan.balance, Balancer::Weighted(_) | Balancer::SmoothWeighted(_)) {
            let rule = format!("calls from `{from}` to `{to}` are not spread by weight");
            checker.problem(path, rule, "give the edge `balance: {weighted: […]}`");
        }
        let there = self.services[plan.callee.at()].initial;
        if weights.len() != there as usize {
            let rule = format!("{} weights for the {there} replicas of `{to}`", weights.len());
            checker.problem(format!("{path}.weights"), rule, "give one weight for each replica");
        }
        let fine = |weight: &f64| (0.0..=1e12).contains(weight);
        if !weights.iter().all(fine) || !weights.iter().any(|weight| *weight > 0.0) {
            let rule = "weights are numbers from 0, not all of them 0";
            checker.problem(format!("{path}.weights"), rule, "give the most important one a weight of 1");
        }
        Some(Action::Weights { edge, weights: weights.into() })
    }

    /// A service whose replicas come and go.
    pub(super) fn managed(&self, path: &str, service: &str, checker: &mut Checker<'_>) -> Option<ServiceId> {
        let id = checker.service(&format!("{path}.service"), service)?;
        if self.services.get(id.at())?.platform.is_some() {
            return Some(id);
        }
        let rule = format!("nothing says how replicas of `{service}` come and go");
        checker.problem(format!("{path}.service"), rule, "give the service a `lifecycle`, if only `lifecycle: {}`");
        Some(id)
    }
}

/// How many replicas; all of them is the largest number there is.
pub(super) fn how_many(path: &str, replicas: Replicas, checker: &mut Checker<'_>) -> u32 {
    match replicas {
        Replicas::All => u32::MAX,
        Replicas::First(count) => {
            checker.count(format!("{path}.replicas"), count.into());
            count
        }
    }
}

/// A service and the number of one of its pools.
pub(super) fn pool_of(
    world: &spec::World,
    path: &str,
    service: &str,
    pool: &str,
    checker: &mut Checker<'_>,
) -> Option<(ServiceId, u32)> {
    let id = checker.service(&format!("{path}.service"), service)?;
    let pools = &world.services[service].pools;
    let Some(number) = super::rank(pools, pool) else {
        let remedy = crate::problem::did_you_mean(pool, pools.keys().map(String::as_str), "pools");
        checker.problem(format!("{path}.pool"), format!("service `{service}` has no pool `{pool}`"), remedy);
        return None;
    };
    Some((id, number))
}

type Limits<'a> = (&'a Option<Duration>, &'a Option<Duration>, &'a Option<Duration>);

/// What is killed at a service.
pub(super) fn kill(path: &str, service: &str, limits: Limits<'_>, checker: &mut Checker<'_>) -> Option<Kill> {
    let service = checker.service(&format!("{path}.service"), service)?;
    let span = |value: &Option<Duration>| value.map(|value| value.span());
    let (running, held, idle) = (span(limits.0), span(limits.1), span(limits.2));
    if running.is_none() && held.is_none() && idle.is_none() {
        checker.problem(path, "this does nothing", "give it `running`, `held` or `idle`, or several");
    }
    Some(Kill { service, running, held, idle })
}
