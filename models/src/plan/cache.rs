//! Caches and the faults that befall them, compiled.

use super::service::limit;
use super::{Checker, KeyPlan, KeysId, Op, Pc, Plan, ServiceId};
use crate::cache::eviction;
use crate::cache::protect::{self, Guard};
use crate::cache::refresh::{self, Refresh};
use crate::spec::{self, Fault, Limit, Placement};
use squall_sim::random::{Draw, Luck, Place, Purpose};
use squall_sim::{Span, Time};

#[derive(Clone, Debug)]
pub(crate) struct CachePlan {
    /// Room in each store: the whole cache, or a shard of it.
    pub(crate) capacity: u64,
    pub(crate) eviction: eviction::Spec,
    pub(crate) ttl: Option<Span>,
    pub(crate) per_replica: bool,
    /// Nothing but a store, and single-flight if `coalesce` is on.
    pub(crate) plain: bool,
    pub(crate) coalesce: bool,
    pub(crate) jitter: f64,
    pub(crate) classes: Vec<ClassPlan>,
    pub(crate) absent: f64,
    pub(crate) negative: Option<(Span, bool)>,
    pub(crate) shards: Option<(u32, Placement, bool)>,
    pub(crate) guard: Guard,
    pub(crate) refresh: Option<Refresh>,
    /// How long after its time an entry is served while it is renewed, and when that fails.
    pub(crate) while_revalidate: Span,
    pub(crate) if_error: Span,
    pub(crate) verify: bool,
    pub(crate) perfect: bool,
    /// Keys, so many, that are counted each by itself.
    pub(crate) by_key: u32,
    pub(crate) warm: Vec<WarmPlan>,
    /// Keys, how many, and whether their ages are spread.
    pub(crate) prefill: Option<(KeysId, u64, bool)>,
    /// The step that would have made what is there from the beginning, and whose it is.
    pub(crate) prefill_step: Option<(Pc, ServiceId)>,
    /// What follows from a key alone, and what a refresh draws.
    pub(crate) absent_place: Place,
    pub(crate) class_place: Place,
    pub(crate) renew_place: Place,
}

/// Keys with a TTL of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClassPlan {
    /// Keys below this number, or whose draw is below this share.
    keys: u64,
    share: f64,
    ttl: Option<Span>,
}

/// A job that fills a cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WarmPlan {
    pub(crate) at: Time,
    pub(crate) keys: KeysId,
    pub(crate) top: u64,
    pub(crate) pause: Span,
    pub(crate) every: Option<Span>,
    /// The `cache` step that is done, and whose it is.
    pub(crate) step: Pc,
    pub(crate) service: ServiceId,
}

/// Set in a request's number when its key is given, not drawn: a job that fills a cache asks for one key after the other.
const GIVEN: u64 = 1 << 63;
const KEY_BITS: u32 = 40;

impl CachePlan {
    /// Which class a key is in; none if it is in no class.
    #[inline]
    pub(crate) fn class(&self, key: u64) -> Option<usize> {
        if self.classes.is_empty() {
            return None;
        }
        let unit = Luck::new(key).at(self.class_place).unit();
        self.classes.iter().position(|class| key < class.keys || unit < class.share)
    }

    /// How long an entry of this key is good, before jitter.
    pub(crate) fn ttl_of(&self, class: Option<usize>) -> Option<Span> {
        class.and_then(|class| self.classes[class].ttl).or(self.ttl)
    }

    pub(crate) fn is_absent(&self, key: u64) -> bool {
        self.absent > 0.0 && Luck::new(key).at(self.absent_place).unit() < self.absent
    }
}

impl Plan {
    /// The key that a request asks for.
    #[inline]
    pub(crate) fn key(&self, keys: KeysId, root: Luck, number: u64) -> u64 {
        if number & GIVEN != 0 && (number & !GIVEN) >> KEY_BITS == u64::from(keys.0) {
            return number & ((1 << KEY_BITS) - 1);
        }
        self.keys[keys.at()].key(root, number)
    }

    /// The number of a request whose key is given.
    pub(crate) fn number_for(keys: KeysId, key: u64) -> u64 {
        GIVEN | u64::from(keys.0) << KEY_BITS | key
    }

    pub(super) fn compile_caches(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        for (name, cache) in &world.caches {
            let path = format!("caches.{name}");
            let hurt = |fault: &Fault| match fault {
                Fault::Corrupt { cache, .. } | Fault::ShardLoss { cache, .. } => cache == name,
                _ => false,
            };
            let hurt = world.faults.iter().any(hurt);
            let plan = self.compile_cache(&path, cache, hurt, checker);
            self.caches.push(plan);
        }
    }

    fn compile_cache(&self, path: &str, cache: &spec::Cache, hurt: bool, checker: &mut Checker<'_>) -> CachePlan {
        check_room(path, cache, checker);
        check_sense(path, cache, checker);
        let ttl = cache.ttl.map(|ttl| checker.span(format!("{path}.ttl"), ttl));
        let protect = cache.protect.as_ref();
        if let Some(spec) = protect {
            check_protect(&format!("{path}.protect"), spec, checker);
        }
        if let Some(spec) = &cache.refresh {
            check_refresh(&format!("{path}.refresh"), spec, checker);
        }
        let shards = cache.shards.as_ref();
        let stale = cache.stale.as_ref();
        let negative = cache.negative.as_ref();
        let negative = negative.map(|n| (checker.span(format!("{path}.negative.ttl"), n.ttl), n.errors));
        let extras = !cache.classes.is_empty()
            || cache.ttl_jitter.is_some_and(|jitter| jitter.get() > 0.0)
            || cache.absent.is_some_and(|absent| absent.get() > 0.0)
            || negative.is_some()
            || shards.is_some()
            || protect.is_some()
            || cache.refresh.is_some()
            || stale.is_some()
            || !cache.warm.is_empty()
            || cache.by_key > 0
            || cache.perfect
            || hurt;
        // Each of them is two series at every scrape.
        checker.within(format!("{path}.by_key"), cache.by_key.into(), 0, 1000);
        let place = |purpose| Place::named(path, purpose);
        CachePlan {
            capacity: match (limit(cache.capacity), shards) {
                (u64::MAX, _) | (_, None) => limit(cache.capacity),
                (capacity, Some(shards)) => capacity.div_ceil(shards.count.max(1).into()),
            },
            eviction: cache.eviction,
            ttl,
            per_replica: cache.per_replica,
            plain: !extras,
            coalesce: cache.coalesce,
            jitter: cache.ttl_jitter.map_or(0.0, |jitter| jitter.get()),
            classes: compile_classes(path, cache, checker),
            absent: cache.absent.map_or(0.0, |absent| absent.get()),
            negative,
            shards: shards.map(|shards| (shards.count, shards.place, shards.failover)),
            guard: if cache.coalesce {
                Guard::new(Some(&protect::Spec::SingleFlight(protect::single_flight::Spec::default())))
            } else {
                Guard::new(protect)
            },
            refresh: cache.refresh.as_ref().map(Refresh::new),
            while_revalidate: stale.and_then(|stale| stale.while_revalidate).map_or(Span::ZERO, |span| span.span()),
            if_error: stale.and_then(|stale| stale.if_error).map_or(Span::ZERO, |span| span.span()),
            verify: cache.verify,
            perfect: cache.perfect,
            by_key: cache.by_key,
            warm: self.compile_warming(path, cache, checker),
            prefill: self.compile_prefill(path, cache, checker),
            prefill_step: None,
            absent_place: place(Purpose::Key),
            class_place: place(Purpose::Choose),
            renew_place: place(Purpose::Call),
        }
    }

    /// A key set with a popularity.
    fn ranked(&self, path: &str, name: &str, checker: &mut Checker<'_>) -> Option<(KeysId, u64)> {
        let keys = checker.keys(path, name)?;
        let Some(KeyPlan::Law(law, _)) = self.keys.get(keys.at()) else {
            let remedy = "use a key set with a law";
            checker.problem(path, "a key set read from a trace has no popularity", remedy);
            return None;
        };
        Some((keys, law.keys()))
    }

    fn compile_prefill(
        &self,
        path: &str,
        cache: &spec::Cache,
        checker: &mut Checker<'_>,
    ) -> Option<(KeysId, u64, bool)> {
        let prefill = cache.prefill.as_ref()?;
        let (keys, there) = self.ranked(&format!("{path}.prefill.keys"), &prefill.keys, checker)?;
        let count = prefill.count.unwrap_or(u64::MAX).min(there).min(limit(cache.capacity));
        checker.within(format!("{path}.prefill.count"), count, 1, 50_000_000);
        Some((keys, count, prefill.spread))
    }

    fn compile_warming(&self, path: &str, cache: &spec::Cache, checker: &mut Checker<'_>) -> Vec<WarmPlan> {
        let mut jobs = Vec::new();
        for (at, job) in cache.warm.iter().enumerate() {
            let path = format!("{path}.warm.{at}");
            let Some((keys, there)) = self.ranked(&format!("{path}.keys"), &job.keys, checker) else { continue };
            checker.within(format!("{path}.top"), job.top, 1, there.min(1 << 31));
            if job.rate.get() <= 0.0 {
                checker.problem(format!("{path}.rate"), "at this rate it never ends", "use a rate such as `50/s`");
                continue;
            }
            let every = job.every.map(|every| checker.span(format!("{path}.every"), every));
            let (at, pause) = (Time::ZERO + job.at.span(), Span::from_seconds(1.0 / job.rate.get()));
            let (step, service) = (Pc(u32::MAX), ServiceId(0));
            jobs.push(WarmPlan { at, keys, top: job.top, pause, every, step, service });
        }
        jobs
    }

    /// Finds the steps that warming jobs do, and those that renew what is there from the beginning. The programs are compiled after the caches.
    pub(super) fn find_warming_steps(&mut self, world: &spec::World, checker: &mut Checker<'_>) {
        for (id, name) in world.caches.keys().enumerate() {
            let prefill = self.caches[id].prefill;
            self.caches[id].prefill_step = prefill.and_then(|(keys, ..)| self.filling_step(world, id, keys));
            for job in 0..self.caches[id].warm.len() {
                let wanted = self.caches[id].warm[job].keys;
                if let Some(found) = self.filling_step(world, id, wanted) {
                    let plan = &mut self.caches[id].warm[job];
                    (plan.step, plan.service) = found;
                    continue;
                }
                let rule = format!("no endpoint looks into `{name}` with these keys, so nobody knows how to fill it");
                let path = format!("caches.{name}.warm.{job}.keys");
                let uses = ["services.*.endpoints".to_owned()];
                checker.missing(path, rule, "use the keys of a `cache` step for it", &uses);
            }
        }
    }

    /// The first step that looks into a cache with these keys, and whose it is.
    fn filling_step(&self, world: &spec::World, id: usize, wanted: KeysId) -> Option<(Pc, ServiceId)> {
        let here = |op: &Op| matches!(op, Op::Cache { cache, keys, .. } if cache.at() == id && *keys == wanted);
        let step = Pc(self.ops.iter().position(here)? as u32);
        let endpoint = self.endpoint_at(step).at();
        let ends = world.services.values().scan(0, |sum, service| {
            *sum += service.endpoints.len();
            Some(*sum)
        });
        let service = ends.take_while(|&end| end <= endpoint).count();
        Some((step, ServiceId(service as u32)))
    }
}

fn compile_classes(path: &str, cache: &spec::Cache, checker: &mut Checker<'_>) -> Vec<ClassPlan> {
    let (mut keys, mut share) = (0u64, 0.0);
    let mut classes = Vec::new();
    for (at, class) in cache.classes.iter().enumerate() {
        let path = format!("{path}.classes.{at}");
        if class.name.is_empty() || class.name.contains('.') {
            checker.problem(format!("{path}.name"), "a class needs a name without dots", "`critical`, for example");
        }
        if class.keys.is_some() == class.share.is_some() {
            checker.problem(&path, "a class is so many `keys`, or a `share` of them", "give one of the two");
        }
        keys = keys.saturating_add(class.keys.unwrap_or(0));
        share += class.share.map_or(0.0, |share| share.get());
        let ttl = class.ttl.map(|ttl| checker.span(format!("{path}.ttl"), ttl));
        classes.push(ClassPlan {
            keys: if class.keys.is_some() { keys } else { 0 },
            share: if class.share.is_some() { share } else { 0.0 },
            ttl,
        });
    }
    classes
}

fn check_room(path: &str, cache: &spec::Cache, checker: &mut Checker<'_>) {
    match cache.capacity {
        Limit::At(capacity) => checker.within(format!("{path}.capacity"), capacity, 1, 1 << 31),
        Limit::Unlimited if cache.eviction != eviction::Spec::Lru => {
            checker.problem(
                format!("{path}.eviction"),
                "a cache without a bound never evicts",
                "give it a `capacity`, or leave `eviction` out",
            );
        }
        Limit::Unlimited => {}
    }
    if let Some(shards) = &cache.shards {
        checker.within(format!("{path}.shards.count"), shards.count.into(), 1, 10_000);
        if cache.per_replica {
            checker.problem(
                format!("{path}.shards"),
                "a cache in each replica is not in shards",
                "leave out `shards` or `per_replica`",
            );
        }
    }
}

/// Fields that would do nothing, or that contradict each other.
fn check_sense(path: &str, cache: &spec::Cache, checker: &mut Checker<'_>) {
    if cache.coalesce && cache.protect.is_some() {
        checker.problem(
            format!("{path}.coalesce"),
            "`coalesce` is short for a `protect`, and there is one",
            "leave out one of the two",
        );
    }
    let classes_expire = cache.classes.iter().any(|class| class.ttl.is_some());
    if cache.ttl.is_none() && !classes_expire {
        let idle = [
            ("ttl_jitter", cache.ttl_jitter.is_some()),
            ("refresh", cache.refresh.is_some_and(|spec| !matches!(spec, refresh::Spec::AfterWrite(_)))),
        ];
        for (field, _) in idle.into_iter().filter(|(_, given)| *given) {
            checker.problem(format!("{path}.{field}"), "entries of this cache never expire", "give it a `ttl`");
        }
    }
    if cache.absent.is_none() && cache.negative.as_ref().is_some_and(|negative| !negative.errors) {
        checker.problem(
            format!("{path}.negative"),
            "all keys exist, and errors are not kept, so there is no bad news to keep",
            "give a share of `absent` keys, or keep `errors`",
        );
    }
    if let Some(stale) = &cache.stale
        && stale.while_revalidate.is_none()
        && stale.if_error.is_none()
    {
        checker.problem(format!("{path}.stale"), "this does nothing", "give `while_revalidate`, `if_error`, or both");
    }
}

fn check_protect(path: &str, spec: &protect::Spec, checker: &mut Checker<'_>) {
    use protect::Spec::{Lease, NginxLock, RedisLock, SingleFlight, Varnish};
    let mut spans = Vec::new();
    match spec {
        SingleFlight(spec) => spans.extend(spec.window.map(|window| ("single_flight.window", window))),
        Lease(spec) => spans.extend([("lease.token", spec.token), ("lease.retry", spec.retry)]),
        NginxLock(spec) => spans.extend([("nginx_lock.age", spec.age), ("nginx_lock.poll", spec.poll)]),
        RedisLock(spec) => spans.extend([("redis_lock.ttl", spec.ttl), ("redis_lock.poll", spec.poll)]),
        Varnish(spec) => checker.within(format!("{path}.varnish.rush"), spec.rush.into(), 1, 1_000_000),
    }
    for (field, span) in spans {
        checker.span(format!("{path}.{field}"), span);
    }
}

fn check_refresh(path: &str, spec: &refresh::Spec, checker: &mut Checker<'_>) {
    match spec {
        refresh::Spec::Xfetch(spec) => checker.positive(format!("{path}.xfetch.beta"), spec.beta),
        refresh::Spec::AfterWrite(spec) => {
            checker.span(format!("{path}.after_write.after"), spec.after);
        }
        refresh::Spec::Predictive(spec) => {
            checker.span(format!("{path}.predictive.window"), spec.window);
            if !(spec.threshold.get() > 0.0 && spec.threshold.get() < 1.0) {
                checker.problem(
                    format!("{path}.predictive.threshold"),
                    "an entry is looked at in the middle of its time",
                    "use a share such as `80%`",
                );
            }
        }
        refresh::Spec::Staggered(spec) => {
            checker.span(format!("{path}.staggered.window"), spec.window);
        }
    }
}
