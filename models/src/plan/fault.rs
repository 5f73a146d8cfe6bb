//! Faults, compiled: when each begins and ends, and what it does to whom.

use super::{CacheId, Checker, DistId, EdgeId, KeyPlan, Op, Plan, ServiceId};
use crate::spec::{self, Back, Direction, Fault, Replicas};
use crate::units::Duration;
use squall_sim::random::{Place, Purpose};
use squall_sim::{Span, Time};

#[derive(Clone, Debug)]
pub(crate) struct FaultPlan {
    pub(crate) at: Time,
    pub(crate) end: Option<Time>,
    pub(crate) effect: Effect,
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Crash {
        service: ServiceId,
        replicas: u32,
    },
    Slow {
        service: ServiceId,
        replicas: u32,
        factor: f64,
    },
    Errors {
        service: ServiceId,
        replicas: u32,
        share: f64,
    },
    Link {
        edge: EdgeId,
        delay: Option<DistId>,
        loss: f64,
    },
    Partition {
        edge: EdgeId,
        calls: bool,
        answers: bool,
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
    ShardLoss {
        cache: CacheId,
        shards: u32,
        old_entries: bool,
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
    /// Worked into the client's rate when it was compiled.
    Surge,
}

/// What is killed at a service, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) service: ServiceId,
    pub(crate) every: Option<Span>,
    pub(crate) running: Option<Span>,
    pub(crate) held: Option<Span>,
    pub(crate) idle: Option<Span>,
}

/// What a fault is, in words.
pub(super) fn describe(fault: &Fault) -> String {
    let some = |replicas: &Replicas| match replicas {
        Replicas::All => String::new(),
        Replicas::First(count) => format!(" ({count} replicas)"),
    };
    let what = match fault {
        Fault::Crash { service, replicas, .. } => format!("crash {service}{}", some(replicas)),
        Fault::Slow { service, replicas, factor, .. } => format!("slow {service}{} ×{factor}", some(replicas)),
        Fault::Errors { service, replicas, share, .. } => format!("errors {service}{} {share}", some(replicas)),
        Fault::Link { from, to, .. } => format!("link {from} → {to}"),
        Fault::Partition { from, to, .. } => format!("partition {from} → {to}"),
        Fault::Flush { cache, key: None, .. } => format!("flush {cache}"),
        Fault::Flush { cache, key: Some(key), .. } => format!("flush {cache} key {key}"),
        Fault::ExpireKey { cache, key, .. } => format!("expire {cache} key {key}"),
        Fault::Corrupt { cache, share, .. } => format!("corrupt {cache} {share}"),
        Fault::ShardLoss { cache, shards, .. } => format!("lose {shards} of {cache}"),
        Fault::ResizePool { service, pool, size, .. } => format!("resize pool {service}.{pool} to {size}"),
        Fault::LimitConnections { service, most, .. } => format!("limit connections of {service} to {most}"),
        Fault::KillQueries { service, .. } => format!("kill queries of {service}"),
        Fault::Surge { client, factor, .. } => format!("surge {client} ×{factor}"),
    };
    let (at, long) = fault.when();
    match long {
        Some(long) => format!("{what}, at {at} for {long}"),
        None => format!("{what}, at {at}"),
    }
}

impl Fault {
    /// When it begins, and how long it lasts (`None`: to the end of the run, or for an instant).
    #[must_use]
    pub fn when(&self) -> (Duration, Option<Duration>) {
        match self {
            Self::Crash { at, r#for, .. }
            | Self::Slow { at, r#for, .. }
            | Self::Errors { at, r#for, .. }
            | Self::Link { at, r#for, .. }
            | Self::Partition { at, r#for, .. }
            | Self::ResizePool { at, r#for, .. }
            | Self::LimitConnections { at, r#for, .. }
            | Self::KillQueries { at, r#for, .. }
            | Self::ShardLoss { at, r#for, .. }
            | Self::Surge { at, r#for, .. } => (*at, *r#for),
            Self::Flush { at, .. } | Self::ExpireKey { at, .. } | Self::Corrupt { at, .. } => (*at, None),
        }
    }

    /// The name that it has in a file.
    #[must_use]
    pub const fn tag(&self) -> &'static str {
        match self {
            Self::Crash { .. } => "crash",
            Self::Slow { .. } => "slow",
            Self::Errors { .. } => "errors",
            Self::Link { .. } => "link",
            Self::Partition { .. } => "partition",
            Self::Flush { .. } => "flush",
            Self::ResizePool { .. } => "resize_pool",
            Self::LimitConnections { .. } => "limit_connections",
            Self::KillQueries { .. } => "kill_queries",
            Self::ExpireKey { .. } => "expire_key",
            Self::Corrupt { .. } => "corrupt",
            Self::ShardLoss { .. } => "shard_loss",
            Self::Surge { .. } => "surge",
        }
    }
}

impl Plan {
    pub(super) fn compile_faults(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        for (at, fault) in world.faults.iter().enumerate() {
            let path = format!("faults.{at}.{}", fault.tag());
            let (begin, long) = fault.when();
            let end = long.map(|long| Time::ZERO + begin.span() + checker.span(format!("{path}.for"), long));
            if begin.span() >= self.settings.duration {
                let rule = format!("it begins at {begin}, when the run of {} is over", self.settings.duration);
                checker.problem(format!("{path}.at"), rule, "begin earlier, or set a longer `run.duration`");
            }
            if let Some(effect) = self.effect(world, &path, fault, checker) {
                self.faults.push(FaultPlan { at: Time::ZERO + begin.span(), end, effect });
            }
        }
    }

    fn effect(&mut self, world: &spec::World, path: &str, fault: &Fault, checker: &mut Checker<'_>) -> Option<Effect> {
        Some(match fault {
            Fault::Crash { service, replicas, .. } => {
                let (service, replicas) = self.target(path, service, *replicas, checker)?;
                Effect::Crash { service, replicas }
            }
            Fault::Slow { service, replicas, factor, .. } => {
                checker.positive(format!("{path}.factor"), *factor);
                let (service, replicas) = self.target(path, service, *replicas, checker)?;
                Effect::Slow { service, replicas, factor: *factor }
            }
            Fault::Errors { service, replicas, share, .. } => {
                let (service, replicas) = self.target(path, service, *replicas, checker)?;
                Effect::Errors { service, replicas, share: share.get() }
            }
            Fault::Link { .. } | Fault::Partition { .. } => self.link_effect(path, fault, checker)?,
            Fault::ResizePool { .. } | Fault::LimitConnections { .. } | Fault::KillQueries { .. } => {
                connection_effect(world, path, fault, checker)?
            }
            Fault::Flush { cache, .. }
            | Fault::ExpireKey { cache, .. }
            | Fault::Corrupt { cache, .. }
            | Fault::ShardLoss { cache, .. } => {
                let id = checker.cache(&format!("{path}.cache"), cache)?;
                self.cache_effect(path, fault, id, checker)?
            }
            Fault::Surge { client, factor, .. } => {
                checker.positive(format!("{path}.factor"), *factor);
                self.surge(world, path, client, checker)?
            }
        })
    }

    fn target(
        &self,
        path: &str,
        service: &str,
        replicas: Replicas,
        checker: &mut Checker<'_>,
    ) -> Option<(ServiceId, u32)> {
        let id = checker.service(&format!("{path}.service"), service)?;
        let there = self.services.get(id.at())?.replicas;
        let count = match replicas {
            Replicas::All => there,
            Replicas::First(count) => count,
        };
        checker.within(format!("{path}.replicas"), count.into(), 1, there.into());
        Some((id, count))
    }

    fn cache_effect(&self, path: &str, fault: &Fault, cache: CacheId, checker: &mut Checker<'_>) -> Option<Effect> {
        Some(match fault {
            Fault::Flush { key, .. } => {
                let key = key.map(|key| self.cached_key(path, cache, key, checker));
                Effect::Flush { cache, key }
            }
            Fault::ExpireKey { key, .. } => {
                Effect::ExpireKey { cache, key: self.cached_key(path, cache, *key, checker) }
            }
            Fault::Corrupt { share, .. } => {
                Effect::Corrupt { cache, share: share.get(), place: Place::named(path, Purpose::Fail) }
            }
            Fault::ShardLoss { shards, back, .. } => {
                let there = self.caches.get(cache.at())?.shards.map_or(0, |(count, ..)| count);
                checker.within(format!("{path}.shards"), (*shards).into(), 1, there.into());
                Effect::ShardLoss { cache, shards: *shards, old_entries: *back == Back::OldEntries }
            }
            _ => return None,
        })
    }

    /// The number that a key has inside: keys of a law count from 0 there, and from 1 in a file.
    fn cached_key(&self, path: &str, cache: CacheId, key: u64, checker: &mut Checker<'_>) -> u64 {
        let sets = self.ops.iter().find_map(|op| match op {
            Op::Cache { cache: id, keys, .. } if *id == cache => self.keys.get(keys.at()),
            _ => None,
        });
        match sets {
            Some(KeyPlan::Law(law, _)) => {
                checker.within(format!("{path}.key"), key, 1, law.keys());
                key.saturating_sub(1)
            }
            Some(KeyPlan::Trace(_)) => key,
            None => {
                checker.problem(format!("{path}.cache"), "no endpoint looks into this cache", "add a `cache` step");
                key
            }
        }
    }

    fn surge(&self, world: &spec::World, path: &str, client: &str, checker: &mut Checker<'_>) -> Option<Effect> {
        use spec::Arrivals::{Closed, Herd, Trace};
        let Some(spec) = world.clients.get(client) else {
            let remedy = super::check::did_you_mean(client, world.clients.keys().map(String::as_str), "clients");
            checker.problem(format!("{path}.client"), format!("there is no client `{client}`"), remedy);
            return None;
        };
        if matches!(spec.arrivals, Closed { .. } | Herd { .. } | Trace { .. }) {
            let rule = format!("client `{client}` has no arrival rate that could be multiplied");
            checker.problem(
                format!("{path}.client"),
                rule,
                "use a client with `poisson`, `deterministic`, `gamma` or `bursty` arrivals",
            );
        }
        Some(Effect::Surge)
    }

    fn edge_between(&self, path: &str, from: &str, to: &str, checker: &mut Checker<'_>) -> Option<EdgeId> {
        if let Some(at) = self.edges.iter().position(|edge| edge.caller == from && edge.callee_name == to) {
            return Some(EdgeId(at as u32));
        }
        let known: Vec<_> = self.edges.iter().map(|edge| format!("{} → {}", edge.caller, edge.callee_name)).collect();
        let remedy = super::check::did_you_mean(&format!("{from} → {to}"), known.iter().map(String::as_str), "calls");
        checker.problem(format!("{path}.to"), format!("`{from}` never calls `{to}`"), remedy);
        None
    }

    fn link_effect(&mut self, path: &str, fault: &Fault, checker: &mut Checker<'_>) -> Option<Effect> {
        Some(match fault {
            Fault::Link { from, to, delay, loss, .. } => {
                if delay.is_none() && loss.is_none() {
                    checker.problem(path, "this fault does nothing", "give it a `delay`, a `loss`, or both");
                }
                let edge = self.edge_between(path, from, to, checker)?;
                let delay = delay.as_ref().and_then(|dist| checker.dist(self, &format!("{path}.delay"), dist));
                Effect::Link { edge, delay, loss: loss.map_or(0.0, |loss| loss.get()) }
            }
            Fault::Partition { from, to, direction, .. } => {
                let edge = self.edge_between(path, from, to, checker)?;
                let (calls, answers) = (*direction != Direction::Answers, *direction != Direction::Calls);
                Effect::Partition { edge, calls, answers }
            }
            _ => return None,
        })
    }
}

/// What a fault does to connections and what goes over them.
fn connection_effect(world: &spec::World, path: &str, fault: &Fault, checker: &mut Checker<'_>) -> Option<Effect> {
    Some(match fault {
        Fault::ResizePool { service, pool, size, .. } => {
            let id = checker.service(&format!("{path}.service"), service)?;
            checker.within(format!("{path}.size"), (*size).into(), 1, 1_000_000);
            let pools = &world.services[service.as_str()].pools;
            let Some(pool) = super::rank(pools, pool) else {
                let remedy = super::check::did_you_mean(pool, pools.keys().map(String::as_str), "pools");
                checker.problem(format!("{path}.pool"), format!("service `{service}` has no pool `{pool}`"), remedy);
                return None;
            };
            Effect::ResizePool { service: id, pool, size: *size }
        }
        Fault::LimitConnections { service, most, .. } => {
            let service = checker.service(&format!("{path}.service"), service)?;
            Effect::LimitConnections { service, most: *most }
        }
        Fault::KillQueries { service, every, running, held, idle, .. } => {
            let service = checker.service(&format!("{path}.service"), service)?;
            if running.is_none() && held.is_none() && idle.is_none() {
                checker.problem(path, "this fault does nothing", "give it `running`, `held` or `idle`, or several");
            }
            let span = |value: &Option<Duration>| value.map(|value| value.span());
            let every = every.map(|every| checker.span(format!("{path}.every"), every));
            Effect::KillQueries(Kill { service, every, running: span(running), held: span(held), idle: span(idle) })
        }
        _ => return None,
    })
}
