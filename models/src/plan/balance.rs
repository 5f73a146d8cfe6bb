//! Balancers, compiled.

use super::{Checker, KeysId, Plan, ServiceId, ServicePlan};
use crate::balance::hashed::{Points, RingPoint};
use crate::balance::ketama::Ketama;
use crate::balance::least::{LeastRequest, MOST_CHOICES};
use crate::balance::locality::Locality;
use crate::balance::peak_ewma::PeakEwma;
use crate::balance::{self, Balancer};
use crate::spec;
use squall_sim::random::{Place, Purpose};

impl Plan {
    pub(super) fn compile_balance(
        &self,
        path: &str,
        edge: &spec::Edge,
        (callee, name): (ServiceId, &str),
        callers: u32,
        checker: &mut Checker<'_>,
    ) -> Balancer {
        use balance::Spec;
        let ServicePlan { replicas, initial, .. } = self.services[callee.at()];
        check_slow_start(path, edge, checker);
        let path = format!("{path}.balance");
        let mut weights =
            |tag: &str, weights: &[f64]| check_weights(&format!("{path}.{tag}"), weights, initial, name, checker);
        // A replica that comes later has the weight of the one that was in its turn at the beginning.
        let all = |weights: &[f64]| weights.iter().copied().cycle().take(replicas as usize).collect::<Vec<f64>>();
        match &edge.balance {
            Spec::RoundRobin => Balancer::RoundRobin,
            Spec::Random => Balancer::Random,
            Spec::LeastOutstanding => Balancer::LeastOutstanding,
            Spec::PowerOfTwo => Balancer::PowerOfTwo,
            Spec::PickFirst => Balancer::PickFirst,
            Spec::Weighted(given) => {
                weights("weighted", given);
                Balancer::Weighted(all(given))
            }
            Spec::SmoothWeighted(given) => {
                weights("smooth_weighted", given);
                Balancer::SmoothWeighted(all(given))
            }
            Spec::LeastConnections(spec) => {
                if let Some(given) = &spec.weights {
                    weights("least_connections.weights", given);
                }
                Balancer::LeastConnections(spec.weights.as_deref().map(all))
            }
            Spec::LeastRequest(spec) => {
                checker.within(format!("{path}.least_request.choices"), spec.choices.into(), 1, MOST_CHOICES as u64);
                Balancer::LeastRequest(LeastRequest::new(*spec))
            }
            Spec::PeakEwma(spec) => {
                checker.span(format!("{path}.peak_ewma.decay"), spec.decay);
                Balancer::PeakEwma(PeakEwma::new(spec))
            }
            Spec::Locality(spec) => {
                check_zones(&format!("{path}.locality"), spec, (callers, replicas), checker);
                Balancer::Locality(Locality::new(spec))
            }
            hashed => compile_hashed(&path, hashed, (name, replicas), checker).unwrap_or(Balancer::Random),
        }
    }
}

/// The members to which a key matters.
fn compile_hashed(
    path: &str,
    balance: &balance::Spec,
    (name, replicas): (&str, u32),
    checker: &mut Checker<'_>,
) -> Option<Balancer> {
    use balance::Spec;
    let mut keys = |tag: &str, name: &str| -> Option<KeysId> { checker.keys(&format!("{path}.{tag}.keys"), name) };
    Some(match balance {
        Spec::ConsistentHash(spec) => {
            let keys = keys("consistent_hash", &spec.keys);
            checker.within(format!("{path}.consistent_hash.points"), spec.points.into(), 1, 10_000);
            Balancer::ConsistentHash(keys?, ring(name, replicas, spec.points))
        }
        Spec::BoundedLoads(spec) => {
            let keys = keys("bounded_loads", &spec.keys);
            checker.within(format!("{path}.bounded_loads.points"), spec.points.into(), 1, 10_000);
            Balancer::BoundedLoads(keys?, ring(name, replicas, spec.points), spec.excess.get())
        }
        Spec::Ketama(spec) => {
            let nodes = (0..replicas.min(100_000)).map(|replica| format!("{name}-{replica}"));
            Balancer::Ketama(keys("ketama", &spec.keys)?, Ketama::new(nodes))
        }
        Spec::Maglev(spec) => {
            let keys = keys("maglev", &spec.keys);
            checker.within(format!("{path}.maglev.table"), spec.table.into(), replicas.max(3).into(), 5_000_011);
            if !is_prime(spec.table) {
                let rule = format!("{} is no prime, so that the table could not be filled", spec.table);
                checker.problem(format!("{path}.maglev.table"), rule, "use a prime, such as 65537");
                return None;
            }
            Balancer::Maglev(keys?, spec.table)
        }
        Spec::Sticky(spec) => Balancer::Sticky(match &spec.keys {
            Some(name) => Some(keys("sticky", name)?),
            None => None,
        }),
        _ => return None,
    })
}

fn ring(name: &str, replicas: u32, points: u32) -> Points {
    let points = (0..replicas.min(100_000))
        .flat_map(|replica| (0..points.min(10_000)).map(move |point| (replica, point)))
        .map(|(replica, point)| RingPoint {
            hash: Place::named(&format!("{name}/{replica}/{point}"), Purpose::Balance).value(),
            replica,
        });
    Points::new(points.collect())
}

fn is_prime(number: u32) -> bool {
    number > 1 && (2..).take_while(|divisor| divisor * divisor <= number).all(|divisor| !number.is_multiple_of(divisor))
}

fn check_weights(path: &str, weights: &[f64], replicas: u32, callee: &str, checker: &mut Checker<'_>) {
    if weights.len() != replicas as usize {
        let rule = format!("{} weights for the {replicas} replicas of `{callee}`", weights.len());
        checker.problem(path, rule, "give one weight for each replica");
    }
    for (at, &weight) in weights.iter().enumerate() {
        checker.positive(format!("{path}.{at}"), weight);
    }
}

fn check_zones(path: &str, spec: &balance::locality::Spec, (callers, replicas): (u32, u32), checker: &mut Checker<'_>) {
    for (field, zones, there) in [("callers", &spec.callers, callers), ("replicas", &spec.replicas, replicas)] {
        if zones.len() != there as usize {
            let rule = format!("{} zones for {there} of them", zones.len());
            checker.problem(format!("{path}.{field}"), rule, "give one zone for each; a client is one caller");
        }
    }
    checker.positive(format!("{path}.overprovisioning"), spec.overprovisioning);
}

/// Passing over a replica makes sense where the next choice can be another one.
fn check_slow_start(path: &str, edge: &spec::Edge, checker: &mut Checker<'_>) {
    use balance::Spec;
    let Some(slow) = &edge.slow_start else { return };
    checker.span(format!("{path}.slow_start.window"), slow.window);
    checker.positive(format!("{path}.slow_start.aggression"), slow.aggression);
    if !matches!(
        edge.balance,
        Spec::RoundRobin
            | Spec::Random
            | Spec::Weighted(_)
            | Spec::SmoothWeighted(_)
            | Spec::LeastConnections(_)
            | Spec::LeastRequest(_)
            | Spec::PowerOfTwo
            | Spec::PeakEwma(_)
            | Spec::Locality(_)
    ) {
        checker.problem(
            format!("{path}.slow_start"),
            "this balancer has only one choice for a call, so nothing can go elsewhere",
            "use a balancer that chooses at random or in turn, or leave `slow_start` out",
        );
    }
}
