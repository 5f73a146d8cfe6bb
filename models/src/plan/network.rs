//! What goes wrong between callers and callees and in replicas, compiled.

use super::{Checker, EdgeId, Effect, LinkFault, Op, Pc, Plan, ServiceId};
use crate::spec::{self, Bandwidth, Direction, Fault, Names, Way};
use crate::units::Duration;
use squall_sim::Span;

impl Plan {
    pub(super) fn edge_between(&self, path: &str, from: &str, to: &str, checker: &mut Checker<'_>) -> Option<EdgeId> {
        if let Some(at) = self.edges.iter().position(|edge| edge.caller == from && edge.callee_name == to) {
            return Some(EdgeId(at as u32));
        }
        let known: Vec<_> = self.edges.iter().map(|edge| format!("{} → {}", edge.caller, edge.callee_name)).collect();
        let remedy = crate::problem::did_you_mean(&format!("{from} → {to}"), known.iter().map(String::as_str), "calls");
        let uses = ["services.*.endpoints", "services.*.pools", "clients.*.to"].map(|place| place.replace('*', from));
        checker.missing(format!("{path}.to"), format!("`{from}` never calls `{to}`"), remedy, &uses);
        None
    }

    pub(super) fn link_effect(&mut self, path: &str, fault: &Fault, checker: &mut Checker<'_>) -> Option<Effect> {
        Some(match fault {
            Fault::Link { from, to, .. } => {
                let edge = self.edge_between(path, from, to, checker)?;
                Effect::Link { edge, link: self.link_fault(path, fault, checker)? }
            }
            Fault::Partition { from, to, direction, .. } => {
                let edge = self.edge_between(path, from, to, checker)?;
                let (calls, answers) = (*direction != Direction::Answers, *direction != Direction::Calls);
                Effect::Partition { edge, calls, answers }
            }
            Fault::Dns { from, to, answers, .. } => {
                let edge = self.edge_between(path, from, to, checker)?;
                Effect::Names { edge, old_ones: *answers == Names::OldOnes }
            }
            _ => return None,
        })
    }

    fn link_fault(&mut self, path: &str, fault: &Fault, checker: &mut Checker<'_>) -> Option<LinkFault> {
        let Fault::Link { delay, jitter, correlation, loss, retransmit, duplicate, bandwidth, .. } = fault else {
            return None;
        };
        if delay.is_none() && jitter.is_none() && loss.is_none() && duplicate.is_none() && bandwidth.is_none() {
            checker.problem(path, "this fault does nothing", "give it a `delay`, a `loss`, or both");
        }
        let mut needs = |there: bool, field: &str, other: &str, given: bool| {
            if there && !given {
                let rule = format!("`{field}` says nothing without `{other}`");
                checker.problem(format!("{path}.{field}"), rule, format!("give it a `{other}`, or leave it out"));
            }
        };
        needs(correlation.is_some(), "correlation", "jitter", jitter.is_some());
        needs(jitter.is_some(), "jitter", "delay", delay.is_some());
        needs(retransmit.is_some(), "retransmit", "loss", loss.is_some());
        let share = |share: &Option<crate::units::Share>| share.map_or(0.0, |share| share.get());
        Some(LinkFault {
            delay: delay.as_ref().and_then(|dist| checker.dist(self, &format!("{path}.delay"), dist)),
            jitter: jitter.map_or(0.0, Duration::seconds),
            correlation: share(correlation),
            loss: share(loss),
            retransmit: retransmit.map(|wait| checker.span(format!("{path}.retransmit"), wait)),
            duplicate: share(duplicate),
            transmission: bandwidth.map(|bandwidth| transmission(path, bandwidth, checker)),
        })
    }

    /// What a split between two groups does to each call between them.
    pub(super) fn split(
        &self,
        path: &str,
        (these, those): (&[String], &[String]),
        way: Way,
        effects: &mut Vec<Effect>,
        checker: &mut Checker<'_>,
    ) {
        for (field, group) in [("these", these), ("those", those)] {
            for (at, name) in group.iter().enumerate() {
                let known = self.names.clients.iter().chain(&self.names.services);
                if !known.clone().any(|known| known == name) {
                    let remedy = crate::problem::did_you_mean(name, known.map(String::as_str), "clients and services");
                    let rule = format!("there is no client and no service `{name}`");
                    checker.unresolved(&format!("{path}.{field}.{at}"), rule, remedy);
                }
            }
        }
        let (out, back) = (way != Way::ToThese, way != Way::ToThose);
        for (edge, id) in self.edges.iter().zip(0..).map(|(edge, id)| (edge, EdgeId(id))) {
            let between =
                |from: &[String], to: &[String]| from.contains(&edge.caller) && to.contains(&edge.callee_name);
            if between(these, those) {
                effects.push(Effect::Partition { edge: id, calls: out, answers: back });
            } else if between(those, these) {
                effects.push(Effect::Partition { edge: id, calls: back, answers: out });
            }
        }
        if effects.is_empty() {
            let uses = [format!("{path}.these"), format!("{path}.those")];
            let uses = uses.into_iter().chain(["services.*.endpoints", "clients.*.to"].map(str::to_owned));
            let rule = "nobody in one group calls anybody in the other";
            checker.missing(path, rule, "name those who do", &uses.collect::<Vec<_>>());
        }
    }

    /// What a fault does to replicas, apart from what any service has.
    pub(super) fn replica_effect(
        &mut self,
        world: &spec::World,
        path: &str,
        fault: &Fault,
        checker: &mut Checker<'_>,
    ) -> Option<Effect> {
        Some(match fault {
            Fault::Hang { service, replicas, .. } => {
                let (service, replicas) = self.some_of(path, service, *replicas, checker)?;
                Effect::Hang { service, replicas }
            }
            Fault::CrashLoop { service, replicas, after, .. } => {
                self.managed(path, service, checker)?;
                let (service, replicas) = self.some_of(path, service, *replicas, checker)?;
                Effect::CrashLoop { service, replicas, after: after.span() }
            }
            Fault::SlowBoot { service, factor, .. } => {
                checker.positive(format!("{path}.factor"), *factor);
                Effect::SlowBoot { service: self.managed(path, service, checker)?, factor: *factor }
            }
            Fault::CpuStolen { service, replicas, share, .. } => {
                let (service, replicas) = self.some_of(path, service, *replicas, checker)?;
                if share.get() > 0.999 {
                    let rule = format!("{share} leaves nothing to work with");
                    checker.problem(format!("{path}.share"), rule, "use `hang` where nothing goes on");
                }
                Effect::Slow { service, replicas, factor: 1.0 / (1.0 - share.get()) }
            }
            Fault::GpuLost { service, replicas, fallback, .. } => {
                let (service, replicas) = self.some_of(path, service, *replicas, checker)?;
                if let Some(factor) = fallback {
                    checker.positive(format!("{path}.fallback"), *factor);
                }
                fallback.map_or(Effect::Errors { service, replicas, share: 1.0 }, |factor| Effect::Slow {
                    service,
                    replicas,
                    factor,
                })
            }
            Fault::MemoryLeak { service, replicas, rate, .. } => {
                let (id, replicas) = self.some_of(path, service, *replicas, checker)?;
                if !self.has_memory(id) {
                    let rule = format!("service `{service}` has no `memory` that could leak");
                    checker.problem(format!("{path}.service"), rule, "give it one");
                }
                Effect::Leak { service: id, replicas, rate: rate.get() }
            }
            Fault::DiskFull { service, replicas, .. } => {
                let (service, replicas) = self.writer(world, path, service, *replicas, checker)?;
                Effect::Disk { service, replicas, share: 1.0, delay: None }
            }
            Fault::IoErrors { service, replicas, share, .. } => {
                let (service, replicas) = self.writer(world, path, service, *replicas, checker)?;
                Effect::Disk { service, replicas, share: share.get(), delay: None }
            }
            Fault::IoSlow { service, replicas, delay, .. } => {
                let delay = checker.dist(self, &format!("{path}.delay"), delay)?;
                let (service, replicas) = self.writer(world, path, service, *replicas, checker)?;
                Effect::Disk { service, replicas, share: 0.0, delay: Some(delay) }
            }
            _ => return None,
        })
    }

    fn has_memory(&self, service: ServiceId) -> bool {
        self.services[service.at()].platform.as_ref().is_some_and(|platform| platform.memory.is_some())
    }

    /// Some replicas of a service that has something to write.
    fn writer(
        &self,
        world: &spec::World,
        path: &str,
        name: &str,
        replicas: spec::Replicas,
        checker: &mut Checker<'_>,
    ) -> Option<(ServiceId, u32)> {
        let (service, replicas) = self.some_of(path, name, replicas, checker)?;
        let before: usize = world.services.values().take(service.at()).map(|service| service.endpoints.len()).sum();
        let own = before..before + world.services[name].endpoints.len();
        let writes = |(at, op): (u32, &Op)| {
            matches!(op, Op::Write(_) | Op::Store(_)) && own.contains(&self.endpoint_at(Pc(at)).at())
        };
        if !(0..).zip(&self.ops).any(writes) {
            let rule = format!("no endpoint of `{name}` has a `write` step");
            let uses = [format!("services.{name}.endpoints")];
            checker.missing(format!("{path}.service"), rule, "name a service that writes", &uses);
        }
        Some((service, replicas))
    }
}

fn transmission(path: &str, bandwidth: Bandwidth, checker: &mut Checker<'_>) -> Span {
    checker.positive(format!("{path}.bandwidth.per_second"), bandwidth.per_second.get());
    Span::from_seconds(bandwidth.message.get() / bandwidth.per_second.get().max(1e-9))
}
