//! Faults, compiled: when each begins and ends, and what it does to whom.

use super::monitor::ScrapeFault;
use super::{Action, CacheId, Checker, DistId, EdgeId, KeyPlan, Op, Plan, ServiceId, SplitId, Wish};
use crate::spec::{self, Back, Fault, Replicas};
use squall_sim::random::{Place, Purpose};
use squall_sim::{Span, Time};

/// A fault: what is done when it begins, and the conditions that are in force until it ends.
#[derive(Clone, Debug)]
pub(crate) struct FaultPlan {
    pub(crate) at: Time,
    pub(crate) end: Option<Time>,
    /// How often what is done at the beginning is done again.
    pub(crate) every: Option<Span>,
    pub(crate) chance: Option<f64>,
    /// What it is, in words, without its time.
    pub(crate) what: String,
    pub(crate) begins: Action,
    /// Empty for what is over at once.
    pub(crate) effects: Vec<Effect>,
}

/// A condition that holds while its fault is in force.
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
        link: LinkFault,
    },
    /// A caller does not know where a service is, or only where it was.
    Names {
        edge: EdgeId,
        old_ones: bool,
    },
    Hang {
        service: ServiceId,
        replicas: u32,
    },
    CrashLoop {
        service: ServiceId,
        replicas: u32,
        after: Span,
    },
    SlowBoot {
        service: ServiceId,
        factor: f64,
    },
    Leak {
        service: ServiceId,
        replicas: u32,
        /// Bytes each second.
        rate: f64,
    },
    /// What becomes of writes: the share that fails, and how long each takes.
    Disk {
        service: ServiceId,
        replicas: u32,
        share: f64,
        delay: Option<DistId>,
    },
    Partition {
        edge: EdgeId,
        calls: bool,
        answers: bool,
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
    /// Followers get what is written later, or not at all.
    Replication {
        service: ServiceId,
        replicas: u32,
        delay: Option<DistId>,
    },
    Scrape(ScrapeFault),
    /// Sessions are not copied between the sides of a split.
    Uncopied(SplitId),
    /// Worked into the client's rate when it was compiled.
    Surge,
}

/// What is wrong with a link.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LinkFault {
    pub(crate) delay: Option<DistId>,
    /// In seconds, and how much of it comes from the message before.
    pub(crate) jitter: f64,
    pub(crate) correlation: f64,
    pub(crate) loss: f64,
    pub(crate) retransmit: Option<Span>,
    pub(crate) duplicate: f64,
    /// How long the link takes for a message.
    pub(crate) transmission: Option<Span>,
}

impl LinkFault {
    /// All that is said here, and the rest from another one.
    pub(crate) fn or(self, other: Self) -> Self {
        let (jitter, correlation) =
            if self.delay.is_some() { (self.jitter, self.correlation) } else { (other.jitter, other.correlation) };
        Self {
            delay: self.delay.or(other.delay),
            jitter,
            correlation,
            loss: self.loss,
            retransmit: self.retransmit.or(other.retransmit),
            duplicate: if self.duplicate > 0.0 { self.duplicate } else { other.duplicate },
            transmission: self.transmission.or(other.transmission),
        }
    }
}

/// What is killed at a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) service: ServiceId,
    pub(crate) running: Option<Span>,
    pub(crate) held: Option<Span>,
    pub(crate) idle: Option<Span>,
}

/// What a fault is and when, in words.
pub(super) fn describe(fault: &Fault) -> String {
    let (what, (at, long)) = (what(fault), fault.when());
    let chance = fault.chance().map(|chance| format!(", in {chance} of the runs")).unwrap_or_default();
    match long {
        Some(long) => format!("{what}, at {at} for {long}{chance}"),
        None => format!("{what}, at {at}{chance}"),
    }
}

/// What a fault is, in words.
fn what(fault: &Fault) -> String {
    let some = |replicas: &Replicas| match replicas {
        Replicas::All => String::new(),
        Replicas::First(count) => format!(" ({count} replicas)"),
    };
    match fault {
        Fault::Crash { service, replicas, .. } => format!("crash {service}{}", some(replicas)),
        Fault::Slow { service, replicas, factor, .. } => format!("slow {service}{} ×{factor}", some(replicas)),
        Fault::Errors { service, replicas, share, .. } => format!("errors {service}{} {share}", some(replicas)),
        Fault::Link { from, to, .. } => format!("link {from} → {to}"),
        Fault::Partition { from, to, .. } => format!("partition {from} → {to}"),
        Fault::Split { these, those, .. } => format!("split {} | {}", these.join(", "), those.join(", ")),
        Fault::Dns { from, to, .. } => format!("dns {from} → {to}"),
        Fault::Hang { service, replicas, .. } => format!("hang {service}{}", some(replicas)),
        Fault::CrashLoop { service, replicas, .. } => format!("crash loop {service}{}", some(replicas)),
        Fault::SlowBoot { service, factor, .. } => format!("slow boot {service} ×{factor}"),
        Fault::CpuStolen { service, replicas, share, .. } => format!("cpu stolen {service}{} {share}", some(replicas)),
        Fault::GpuLost { service, replicas, .. } => format!("gpu lost {service}{}", some(replicas)),
        Fault::MemoryLeak { service, replicas, rate, .. } => {
            format!("memory leak {service}{} {rate}/s", some(replicas))
        }
        Fault::DiskFull { service, replicas, .. } => format!("disk full {service}{}", some(replicas)),
        Fault::IoErrors { service, replicas, share, .. } => format!("io errors {service}{} {share}", some(replicas)),
        Fault::IoSlow { service, replicas, .. } => format!("io slow {service}{}", some(replicas)),
        Fault::ReplicaLag { service, replicas, .. } => format!("replica lag {service}{}", some(replicas)),
        Fault::Kill { service, replicas, .. } => format!("kill {service}{}", some(replicas)),
        Fault::CorruptState { service, replicas, share, .. } => {
            format!("corrupt state {service}{} {share}", some(replicas))
        }
        Fault::Flush { cache, key: None, .. } => format!("flush {cache}"),
        Fault::Flush { cache, key: Some(key), .. } => format!("flush {cache} key {key}"),
        Fault::ExpireKey { cache, key, .. } => format!("expire {cache} key {key}"),
        Fault::Corrupt { cache, share, .. } => format!("corrupt {cache} {share}"),
        Fault::ShardLoss { cache, shards, .. } => format!("lose {shards} of {cache}"),
        Fault::ResizePool { service, pool, size, .. } => format!("resize pool {service}.{pool} to {size}"),
        Fault::LimitConnections { service, most, .. } => format!("limit connections of {service} to {most}"),
        Fault::KillQueries { service, .. } => format!("kill queries of {service}"),
        Fault::ScrapeOutage { target, .. } => format!("scrape outage {target}"),
        Fault::ScrapeLoss { target, share, .. } => format!("scrape loss {target} {share}"),
        Fault::ScrapeDelay { target, .. } => format!("scrape delay {target}"),
        Fault::ScrapeCorruption { target, factor, .. } => format!("scrape corruption {target} ×{factor}"),
        Fault::StateSyncFailure { split, .. } => format!("state sync failure {split}"),
        Fault::SessionLoss { split, side: None, share, .. } => format!("session loss {split} {share}"),
        Fault::SessionLoss { split, side: Some(side), share, .. } => format!("session loss {split}.{side} {share}"),
        Fault::Interrupt { rollout, .. } => format!("interrupt {rollout}"),
        Fault::Surge { client, factor, .. } => format!("surge {client} ×{factor}"),
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
            let number = self.faults.len() as u32;
            let mut effects = Vec::new();
            let Some(begins) = self.begins(world, &path, fault, &mut effects, checker) else { continue };
            self.faults.push(FaultPlan {
                at: Time::ZERO + begin.span(),
                end,
                every: every(&path, fault, checker),
                chance: fault.chance().map(|share| share.get()),
                what: what(fault),
                begins: begins.unwrap_or(Action::Impose(number)),
                effects,
            });
        }
    }

    /// What is done at the beginning of a fault that is over at once; the conditions of one that lasts.
    fn begins(
        &mut self,
        world: &spec::World,
        path: &str,
        fault: &Fault,
        effects: &mut Vec<Effect>,
        checker: &mut Checker<'_>,
    ) -> Option<Option<Action>> {
        Some(match fault {
            Fault::KillQueries { service, running, held, idle, .. } => {
                Some(Action::KillQueries(super::action::kill(path, service, (running, held, idle), checker)?))
            }
            Fault::Flush { cache, .. } | Fault::ExpireKey { cache, .. } | Fault::Corrupt { cache, .. } => {
                let id = checker.cache(&format!("{path}.cache"), cache)?;
                Some(self.to_entries(path, fault, id, checker)?)
            }
            Fault::Kill { service, replicas, grace, .. } => {
                let service = self.managed(path, service, checker)?;
                Some(Action::Kill {
                    service,
                    replicas: super::action::how_many(path, *replicas, checker),
                    grace: *grace,
                    waiting: None,
                })
            }
            Fault::CorruptState { service, replicas, share, .. } => {
                self.managed(path, service, checker)?;
                let (service, replicas) = self.some_of(path, service, *replicas, checker)?;
                Some(Action::CorruptState { service, replicas, share: share.get() })
            }
            Fault::SessionLoss { split, side, share, .. } => {
                Some(self.session_loss(path, (split, side.as_deref()), share.get(), checker)?)
            }
            Fault::Interrupt { rollout, .. } => Some(self.wish(world, path, (rollout, Wish::Interrupt), checker)?),
            Fault::StateSyncFailure { split, .. } => {
                effects.push(self.uncopied(path, split, checker)?);
                None
            }
            Fault::Split { these, those, way, .. } => {
                self.split(path, (these, those), *way, effects, checker);
                None
            }
            _ => {
                let effect = match self.effect(world, path, fault, checker) {
                    Some(effect) => effect,
                    None => self.replica_effect(world, path, fault, checker)?,
                };
                effects.push(effect);
                None
            }
        })
    }

    fn effect(&mut self, world: &spec::World, path: &str, fault: &Fault, checker: &mut Checker<'_>) -> Option<Effect> {
        Some(match fault {
            Fault::Crash { service, replicas, .. } => {
                let (service, replicas) = self.some_of(path, service, *replicas, checker)?;
                Effect::Crash { service, replicas }
            }
            Fault::Slow { service, replicas, factor, .. } => {
                checker.positive(format!("{path}.factor"), *factor);
                let (service, replicas) = self.some_of(path, service, *replicas, checker)?;
                Effect::Slow { service, replicas, factor: *factor }
            }
            Fault::Errors { service, replicas, share, .. } => {
                let (service, replicas) = self.some_of(path, service, *replicas, checker)?;
                Effect::Errors { service, replicas, share: share.get() }
            }
            Fault::Link { .. } | Fault::Partition { .. } | Fault::Dns { .. } => {
                self.link_effect(path, fault, checker)?
            }
            Fault::ShardLoss { cache, shards, back, .. } => {
                let cache = checker.cache(&format!("{path}.cache"), cache)?;
                let there = self.caches.get(cache.at())?.shards.map_or(0, |(count, ..)| count);
                checker.within(format!("{path}.shards"), (*shards).into(), 1, there.into());
                Effect::ShardLoss { cache, shards: *shards, old_entries: *back == Back::OldEntries }
            }
            Fault::ResizePool { service, pool, size, .. } => {
                let (service, pool) = super::action::pool_of(world, path, service, pool, checker)?;
                checker.within(format!("{path}.size"), (*size).into(), 1, 1_000_000);
                Effect::ResizePool { service, pool, size: *size }
            }
            Fault::LimitConnections { service, most, .. } => {
                let service = checker.service(&format!("{path}.service"), service)?;
                Effect::LimitConnections { service, most: *most }
            }
            Fault::ReplicaLag { .. } => self.replica_lag(path, fault, checker)?,
            Fault::Surge { client, factor, chance, .. } => {
                checker.positive(format!("{path}.factor"), *factor);
                if chance.is_some() {
                    let rule = "a surge is part of a client's rate, which is the same in all runs";
                    checker.problem(format!("{path}.chance"), rule, "leave `chance` out");
                }
                self.surge(world, path, client, checker)?
            }
            _ => return self.scrape_effect(path, fault, checker),
        })
    }

    pub(super) fn some_of(
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

    fn to_entries(&self, path: &str, fault: &Fault, cache: CacheId, checker: &mut Checker<'_>) -> Option<Action> {
        Some(match fault {
            Fault::Flush { key, .. } => {
                let key = key.map(|key| self.cached_key(path, cache, key, checker));
                Action::Flush { cache, key }
            }
            Fault::ExpireKey { key, .. } => {
                Action::ExpireKey { cache, key: self.cached_key(path, cache, *key, checker) }
            }
            Fault::Corrupt { share, .. } => {
                Action::Corrupt { cache, share: share.get(), place: Place::named(path, Purpose::Fail) }
            }
            _ => return None,
        })
    }

    /// The number that a key has inside: keys of a law count from 0 there, and from 1 in a file.
    pub(super) fn cached_key(&self, path: &str, cache: CacheId, key: u64, checker: &mut Checker<'_>) -> u64 {
        match self.keys_of(cache) {
            Some(KeyPlan::Law(law, _)) => {
                checker.within(format!("{path}.key"), key, 1, law.keys());
                key.saturating_sub(1)
            }
            Some(KeyPlan::Trace(_)) => key,
            None => {
                let (rule, uses) = ("no endpoint looks into this cache", ["services.*.endpoints".to_owned()]);
                checker.missing(format!("{path}.cache"), rule, "add a `cache` step", &uses);
                key
            }
        }
    }

    /// Which keys a cache is asked for; none if it is not asked.
    pub(super) fn keys_of(&self, cache: CacheId) -> Option<&KeyPlan> {
        self.ops.iter().find_map(|op| match op {
            Op::Cache { cache: id, keys, .. } if *id == cache => self.keys.get(keys.at()),
            _ => None,
        })
    }

    fn surge(&self, world: &spec::World, path: &str, client: &str, checker: &mut Checker<'_>) -> Option<Effect> {
        use spec::Arrivals::{Closed, Herd, Trace};
        let Some(spec) = world.clients.get(client) else {
            let remedy = crate::problem::did_you_mean(client, world.clients.keys().map(String::as_str), "clients");
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
}

/// How often a fault is done again.
fn every(path: &str, fault: &Fault, checker: &mut Checker<'_>) -> Option<Span> {
    match fault {
        Fault::KillQueries { every: Some(every), .. } => Some(checker.span(format!("{path}.every"), *every)),
        _ => None,
    }
}
