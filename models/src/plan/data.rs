//! What services store, compiled.

use super::{Checker, DistId, Effect, Plan, beside};
use crate::spec::{self, Calls, Fault, Replication, Step};
use squall_sim::Span;
use squall_sim::random::Place;

/// How a service keeps its data.
#[derive(Clone, Debug)]
pub(crate) struct DataPlan {
    /// How many followers have to have a write before it is acknowledged.
    pub(crate) needs: u32,
    pub(crate) lag: Option<DistId>,
    /// There is one copy, on a disk that goes wherever its process does.
    pub(crate) single: bool,
    pub(crate) flush: Option<Span>,
    /// How long it takes to detect that the primary is down, and to elect another.
    pub(crate) failover: Option<(Option<DistId>, Option<DistId>)>,
    /// Callers are led to the primary and to nobody else.
    pub(crate) primary_only: bool,
    /// What the name of its streams begins with.
    pub(crate) stream: String,
}

/// A write that is more than the name of an effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StorePlan {
    pub(crate) effect: Place,
    /// How long the key of a request is remembered.
    pub(crate) ttl: Option<Span>,
}

/// Effects are remembered for so long, or as long as the longest key. A request that is still tried after that is beyond any
/// timeout.
pub(super) const REMEMBERED: Span = Span::from_secs(600);

const DAY: Span = Span::from_secs(86_400);

impl Plan {
    pub(super) fn compile_data(
        &mut self,
        path: &str,
        service: &spec::Service,
        checker: &mut Checker<'_>,
    ) -> Option<Box<DataPlan>> {
        let data = service.data.as_ref()?;
        let path = format!("{path}.data");
        let mut dist = |field: &str, dist: &Option<spec::Distribution>, checker: &mut Checker<'_>| {
            dist.as_ref().and_then(|dist| checker.dist(self, &format!("{path}.{field}"), dist))
        };
        let (needs, lag) = match &data.replication {
            None => (0, None),
            Some(Replication::Asynchronous { lag }) => (0, dist("replication.asynchronous.lag", lag, checker)),
            Some(Replication::Synchronous { round_trip, followers }) => {
                let least = u64::from(service.replicas).saturating_sub(1);
                let at = format!("{path}.replication.synchronous.followers");
                checker.within(at, (*followers).into(), 1, least.max(1));
                (*followers, dist("replication.synchronous.round_trip", round_trip, checker))
            }
        };
        let failover = data.failover.as_ref().map(|failover| {
            let detection = dist("failover.detection", &failover.detection, checker);
            (detection, dist("failover.election", &failover.election, checker))
        });
        check_data(&path, service, data, checker);
        let flush = data.flush.map(|flush| checker.span(format!("{path}.flush"), flush));
        let primary_only = data.calls == Calls::Primary;
        let single = data.replication.is_none();
        Some(Box::new(DataPlan { needs, lag, single, flush, failover, primary_only, stream: path }))
    }

    /// A write as it is carried out where more is known of it than the name of its effect.
    pub(super) fn store(
        &mut self,
        path: &str,
        effect: Place,
        write: &spec::WriteOptions,
        checker: &mut Checker<'_>,
    ) -> u32 {
        let ttl = write.idempotency.as_ref().map(|keys| checker.span(format!("{path}.idempotency.ttl"), keys.ttl));
        if ttl.is_some_and(|ttl| ttl > DAY) {
            checker.problem(
                format!("{path}.idempotency.ttl"),
                "keys are kept for a day at most",
                "write `24h` or less",
            );
        }
        self.remembers = self.remembers.max(ttl.unwrap_or(Span::ZERO)).min(DAY);
        self.stores.push(StorePlan { effect, ttl });
        self.stores.len() as u32 - 1
    }

    pub(super) fn replica_lag(&mut self, path: &str, fault: &Fault, checker: &mut Checker<'_>) -> Option<Effect> {
        let Fault::ReplicaLag { service, replicas, delay, .. } = fault else { return None };
        let id = self.with_data(path, service, checker)?;
        let (_, replicas) = self.some_of(path, service, *replicas, checker)?;
        let delay = match delay {
            Some(delay) => Some(checker.dist(self, &format!("{path}.delay"), delay)?),
            None => None,
        };
        Some(Effect::Replication { service: id, replicas, delay })
    }

    /// A service that stores something.
    pub(super) fn with_data(&self, path: &str, service: &str, checker: &mut Checker<'_>) -> Option<super::ServiceId> {
        let id = checker.service(&format!("{path}.service"), service)?;
        if self.services.get(id.at())?.data.is_none() {
            let rule = format!("nothing says how `{service}` keeps what it stores");
            checker.problem(format!("{path}.service"), rule, "give the service `data`, if only `data: {}`");
            return None;
        }
        Some(id)
    }
}

fn check_data(path: &str, service: &spec::Service, data: &spec::Data, checker: &mut Checker<'_>) {
    let (alone, replicas) = (service.replicas < 2, service.replicas);
    if alone && data.replication.is_some() {
        let rule = "one replica has no followers";
        checker.problem(format!("{path}.replication"), rule, "give the service more `replicas`, or leave it out");
    }
    if alone && data.failover.is_some() {
        let rule = "nobody could take over from the only replica";
        checker.problem(format!("{path}.failover"), rule, "give the service more `replicas`, or leave it out");
    }
    if !alone && data.replication.is_none() {
        let rule = format!("nothing says how {replicas} replicas come to have the same data");
        checker.problem(path, rule, "add `replication: {asynchronous: {lag: …}}` or `{synchronous: {…}}`");
    }
    if !alone && data.failover.is_none() && service.is_managed() {
        let rule = "replicas that come and go take the primary with them, and nobody takes over";
        checker.problem(path, rule, "add `failover: {detection: …, election: …}`");
    }
    let (mut steps, mut uses) = (Vec::new(), false);
    service.endpoints.values().for_each(|endpoint| steps.extend(&endpoint.steps));
    while let Some(step) = steps.pop() {
        uses |= matches!(step, Step::Write(_) | Step::Read(_));
        match step {
            Step::Parallel(parallel) => steps.extend(parallel.branches.iter().flatten()),
            Step::Choose(choices) => steps.extend(choices.iter().flat_map(|choice| &choice.steps)),
            Step::Cache(lookup) => steps.extend(lookup.hit.iter().chain(&lookup.miss)),
            Step::Acquire(acquire) => steps.extend(&acquire.steps),
            Step::Optional(optional) => steps.extend(&optional.steps),
            Step::Spawn(inner) => steps.extend(inner),
            _ => {}
        }
    }
    if !uses {
        let (rule, remedy) = ("no endpoint writes or reads anything", "add a `write` step, or leave `data` out");
        checker.missing(path, rule, remedy, &[beside(path, "endpoints")]);
    }
}
