//! What looks after the replicas of a service, compiled.

use super::{Checker, DistId, EndpointId, Plan};
use crate::autoscale;
use crate::platform::MemoryPlan;
use crate::spec::{self, CrashBackoff, DisruptionBudget, Lifecycle, Memory, Probe};
use crate::units::{Duration, Portion};
use squall_sim::Span;
use squall_sim::random::{Place, Purpose};

/// How the replicas of a service come, are watched, and go.
#[derive(Clone, Debug)]
pub(crate) struct PlatformPlan {
    /// The name of the stream that its draws follow from.
    pub(crate) stream: String,
    pub(crate) pending: Option<DistId>,
    pub(crate) boot: Option<DistId>,
    pub(crate) endpoint_delay: Option<DistId>,
    /// The factor on work at first, and how long it takes to fall to 1.
    pub(crate) warm_up: Option<(f64, Span)>,
    pub(crate) pre_stop: Span,
    pub(crate) grace: Span,
    pub(crate) surge: Portion,
    pub(crate) unavailable: Portion,
    pub(crate) budget: Option<DisruptionBudget>,
    pub(crate) backoff: CrashBackoff,
    /// By the number of their [`ProbeKind`].
    pub(crate) probes: [Option<ProbePlan>; 3],
    pub(crate) memory: Option<MemoryPlan>,
    pub(crate) autoscale: Option<autoscale::Spec>,
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProbeKind {
    Startup,
    Readiness,
    Liveness,
}

impl ProbeKind {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 3] = [Self::Startup, Self::Readiness, Self::Liveness];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ProbePlan {
    pub(crate) endpoint: EndpointId,
    pub(crate) period: Span,
    pub(crate) timeout: Span,
    /// Failures and successes in a row.
    pub(crate) thresholds: (u32, u32),
    pub(crate) initial_delay: Span,
    pub(crate) jitter: bool,
}

/// Where the platform draws.
pub(crate) const PENDING: Place = Place::named("pending", Purpose::Wait);
pub(crate) const BOOT: Place = Place::named("boot", Purpose::Wait);
pub(crate) const LISTING: Place = Place::named("endpoint", Purpose::Wait);
pub(crate) const FIRST_PROBE: Place = Place::named("first probe", Purpose::Wait);

/// Places for the replicas of a service, and how many there are at the beginning.
pub(super) fn places(world: &spec::World, name: &str, service: &spec::Service) -> u32 {
    if !service.is_managed() {
        return service.replicas;
    }
    if let Some(places) = service.lifecycle.as_ref().and_then(|lifecycle| lifecycle.places) {
        return places;
    }
    let asked = world.actions.iter().filter_map(|planned| match &planned.r#do {
        spec::Action::Scale { service, to } if service == name => Some(*to),
        _ => None,
    });
    let most = service.autoscale.as_ref().map_or(0, autoscale::Spec::most);
    let wanted = asked.chain([service.replicas, most]).max().unwrap_or(0);
    let lifecycle = service.lifecycle.clone().unwrap_or_default();
    wanted.saturating_mul(2).saturating_add(lifecycle.max_surge.ceil(wanted))
}

impl Plan {
    pub(super) fn compile_platform(
        &mut self,
        name: &str,
        path: &str,
        service: &spec::Service,
        places: u32,
        checker: &mut Checker<'_>,
    ) -> Option<Box<PlatformPlan>> {
        if !service.is_managed() {
            return None;
        }
        let path_of = |field: &str| format!("{path}.lifecycle.{field}");
        let lifecycle = service.lifecycle.clone().unwrap_or_default();
        check_lifecycle(path, service.replicas, &lifecycle, places, checker);
        let mut dist = |field: &str, of: &Option<spec::Distribution>| {
            of.as_ref().and_then(|dist| checker.dist(self, &path_of(field), dist))
        };
        let pending = dist("pending", &lifecycle.pending);
        let boot = dist("boot", &lifecycle.boot);
        let endpoint_delay = dist("endpoint_delay", &lifecycle.endpoint_delay);
        let warm_up = lifecycle.warm_up.as_ref().map(|warm_up| {
            checker.within_factor(path_of("warm_up.factor"), warm_up.factor);
            (warm_up.factor, checker.span(path_of("warm_up.for"), warm_up.r#for))
        });
        let given = service.probes.clone().unwrap_or_default();
        let mut probe = |kind: ProbeKind, probe: &Option<Probe>| {
            let path = format!("{path}.probes.{}", kind.name());
            probe.as_ref().and_then(|probe| compile_probe((name, &path), kind, probe, checker))
        };
        let probes = [
            probe(ProbeKind::Startup, &given.startup),
            probe(ProbeKind::Readiness, &given.readiness),
            probe(ProbeKind::Liveness, &given.liveness),
        ];
        if let Some(memory) = &service.memory {
            check_memory(&format!("{path}.memory"), memory, checker);
        }
        check_autoscaler(path, service, places, checker);
        Some(Box::new(PlatformPlan {
            stream: format!("{path}.platform"),
            pending,
            boot,
            endpoint_delay,
            warm_up,
            pre_stop: lifecycle.pre_stop.span(),
            grace: lifecycle.grace.span(),
            surge: lifecycle.max_surge,
            unavailable: lifecycle.max_unavailable,
            budget: lifecycle.budget,
            backoff: lifecycle.backoff,
            probes,
            memory: service.memory.as_ref().map(MemoryPlan::new),
            autoscale: service.autoscale.clone(),
        }))
    }
}

fn check_lifecycle(path: &str, replicas: u32, lifecycle: &Lifecycle, places: u32, checker: &mut Checker<'_>) {
    let path_of = |field: &str| format!("{path}.lifecycle.{field}");
    if lifecycle.pre_stop > lifecycle.grace {
        let rule = format!("`pre_stop` {} is longer than `grace` {}", lifecycle.pre_stop, lifecycle.grace);
        checker.problem(path_of("pre_stop"), rule, "make it shorter, or `grace` longer");
    }
    if let Some(budget) = &lifecycle.budget
        && budget.min_available.is_some() == budget.max_unavailable.is_some()
    {
        let rule = "a budget says how many stay, or how many can be missing";
        checker.problem(path_of("budget"), rule, "give `min_available` or `max_unavailable`");
    }
    let backoff = &lifecycle.backoff;
    for (field, value) in [("initial", backoff.initial), ("max", backoff.max), ("reset", backoff.reset)] {
        checker.span(path_of(&format!("backoff.{field}")), value);
    }
    if backoff.max < backoff.initial {
        let rule = format!("the longest wait {} is shorter than the first, {}", backoff.max, backoff.initial);
        checker.problem(path_of("backoff.max"), rule, "make it longer");
    }
    checker.within(path_of("places"), places.into(), replicas.into(), 1_000_000);
}

fn compile_probe(
    (service, path): (&str, &str),
    kind: ProbeKind,
    probe: &Probe,
    checker: &mut Checker<'_>,
) -> Option<ProbePlan> {
    checker.count(format!("{path}.failure_threshold"), probe.failure_threshold.into());
    checker.count(format!("{path}.success_threshold"), probe.success_threshold.into());
    if kind != ProbeKind::Readiness && probe.success_threshold != 1 {
        let rule = "one success is all that this probe waits for";
        checker.problem(format!("{path}.success_threshold"), rule, "leave it out");
    }
    let (period, timeout) =
        (checker.span(format!("{path}.period"), probe.period), checker.span(format!("{path}.timeout"), probe.timeout));
    let endpoint = checker.endpoint(&format!("{path}.to"), &format!("{service}.{}", probe.to))?;
    Some(ProbePlan {
        endpoint,
        period,
        timeout,
        thresholds: (probe.failure_threshold, probe.success_threshold),
        initial_delay: probe.initial_delay.span(),
        jitter: probe.jitter,
    })
}

fn check_memory(path: &str, memory: &Memory, checker: &mut Checker<'_>) {
    checker.positive(format!("{path}.limit"), memory.limit.get());
    if memory.base >= memory.limit {
        let rule = format!("a process that does nothing uses {}, all of the limit {}", memory.base, memory.limit);
        checker.problem(format!("{path}.base"), rule, "make it smaller, or the limit larger");
    }
    if let Some(gc) = &memory.gc {
        checker.within_factor(format!("{path}.gc.factor"), gc.factor);
        if gc.from.get() >= 1.0 {
            let rule = "collection that begins at the limit comes too late";
            checker.problem(format!("{path}.gc.from"), rule, "70% is usual");
        }
    }
    if let Some(garbage) = &memory.garbage {
        checker.positive(format!("{path}.garbage.per_call"), garbage.per_call.get());
        if garbage.growth.is_some() && memory.base.get() <= 0.0 {
            let rule = "memory that is empty at first has grown with the first call";
            checker.problem(format!("{path}.garbage.growth"), rule, "give the `memory` a `base`, or leave it out");
        }
        if let Some(growth) = garbage.growth
            && !(0.01..=100.0).contains(&growth)
        {
            let rule = "memory has to grow by a factor from 0.01 to 100 until it is collected";
            checker.problem(format!("{path}.garbage.growth"), rule, "1 is Go's default: twice what stayed in use");
        }
    }
}

fn check_autoscaler(path: &str, service: &spec::Service, places: u32, checker: &mut Checker<'_>) {
    let Some(spec) = &service.autoscale else { return };
    checker.found(&format!("{path}.autoscale"), spec.problems());
    let autoscale::Spec::K8sHpaV2(hpa) = spec;
    let path = format!("{path}.autoscale.k8s_hpa_v2");
    checker.within(format!("{path}.max"), hpa.max.into(), 1, places.into());
    if hpa.memory.is_some() && service.memory.is_none() {
        checker.problem(
            format!("{path}.memory"),
            "the service has no `memory`",
            "give it one, or leave the target out",
        );
    }
    if hpa.cpu.is_some() && service.capacity == spec::Capacity::Unlimited {
        let rule = "of an unlimited capacity no share is ever in use";
        checker.problem(format!("{path}.cpu"), rule, "give the service `workers`, or leave the target out");
    }
    let resolution: Duration = hpa.resolution;
    checker.span(format!("{path}.resolution"), resolution);
}
