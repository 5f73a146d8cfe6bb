//! Balancing: which replica gets a call.
//!
//! A balancer sees the replicas that can be picked, the calls that the same caller has outstanding at each, and its own
//! memory, which every replica of a caller has to itself: nothing here knows what other callers do, so that herds are real.
//! Draws come from the attempt's luck; each member says how many it makes.

pub mod hashed;
pub mod ketama;
pub mod least;
pub mod locality;
pub mod maglev;
pub mod panic;
pub mod peak_ewma;
pub mod power_of_two;
pub mod slow_start;
pub mod smooth;
pub mod sticky;
pub mod weighted;

use crate::plan::KeysId;
use crate::world::lookup::Lookup;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Time;
use squall_sim::random::Draw;

/// Which replica gets a call. Replicas that are down get none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[schemars(rename = "Balance")]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// Each in turn.
    #[default]
    RoundRobin,
    /// Any, with equal chance.
    Random,
    /// Any, by weight; one weight for each replica.
    Weighted(Vec<f64>),
    /// Each in turn, as often as its weight says and as evenly as can be (nginx's smooth weighted round robin); one weight
    /// for each replica.
    SmoothWeighted(Vec<f64>),
    /// The one with the fewest calls outstanding from this caller; the first of several. A call that has timed out is
    /// outstanding until the callee is done with it, or is told to `cancel`.
    LeastOutstanding,
    /// The one with the fewest calls outstanding from this caller, by weight; in turn if several have as few (nginx's
    /// `least_conn`, HAProxy's `leastconn`).
    LeastConnections(least::Connections),
    /// The best of a few at random, by calls outstanding from this caller, as Envoy's and gRPC's least request.
    LeastRequest(least::Request),
    /// The better of two at random, by calls outstanding from this caller.
    PowerOfTwo,
    /// The better of two at random, by response time and calls outstanding (Finagle, Linkerd, tower).
    PeakEwma(peak_ewma::Spec),
    /// The same key always goes to the same replica (a ring with virtual nodes).
    ConsistentHash(hashed::Ring),
    /// The same key always goes to the same replica, on libketama's ring with 160 points for each.
    Ketama(hashed::Keyed),
    /// The same key nearly always goes to the same replica, by a table that gives each the same share (Maglev).
    Maglev(maglev::Spec),
    /// Consistent hashing on which no replica has more than so many times the average of calls outstanding; what is too
    /// much goes on along the ring.
    BoundedLoads(hashed::Bounded),
    /// All to the first one, as long as it is up: a single long-lived connection (gRPC's default).
    PickFirst,
    /// A session stays with the replica that it was first given, and is given another one when that dies.
    Sticky(sticky::Spec),
    /// Replicas in the caller's own zone, as far as they can take it (Envoy's zone-aware routing).
    Locality(locality::Spec),
}

/// A balancer at work, the same for all callers.
#[derive(Clone, Debug)]
pub(crate) enum Balancer {
    RoundRobin,
    Random,
    Weighted(Vec<f64>),
    SmoothWeighted(Vec<f64>),
    LeastOutstanding,
    LeastConnections(Option<Vec<f64>>),
    LeastRequest(least::LeastRequest),
    PowerOfTwo,
    PeakEwma(peak_ewma::PeakEwma),
    ConsistentHash(KeysId, hashed::Points),
    Ketama(KeysId, ketama::Ketama),
    Maglev(KeysId, u32),
    BoundedLoads(KeysId, hashed::Points, f64),
    PickFirst,
    Sticky(Option<KeysId>),
    Locality(locality::Locality),
}

/// What a balancer remembers for one replica of the caller.
#[derive(Clone, Debug)]
pub(crate) enum Memory {
    Nothing,
    Turn(u32),
    Smooth(smooth::Smooth),
    Rtts(Vec<peak_ewma::Rtt>),
    First(Option<u32>),
    Table(maglev::Table),
    Sessions { turn: u32, homes: Lookup<u32> },
}

/// What a balancer sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hosts<'a> {
    /// The replicas that can be picked, in rising order; at least one.
    pub(crate) there: &'a [u32],
    /// Calls outstanding from this caller, by replica.
    pub(crate) outstanding: &'a [u32],
    pub(crate) now: Time,
    /// The number of the caller's replica.
    pub(crate) caller: u32,
    /// The key or session that the call is about, where the balancer wants one.
    pub(crate) key: u64,
    /// Where the key is on a ring of hashes.
    pub(crate) hash: u64,
}

impl Balancer {
    /// Whether calls outstanding have to be counted.
    pub(crate) const fn counts(&self) -> bool {
        matches!(
            self,
            Self::LeastOutstanding
                | Self::LeastConnections(_)
                | Self::LeastRequest(_)
                | Self::PowerOfTwo
                | Self::PeakEwma(_)
                | Self::BoundedLoads(..)
        )
    }

    /// The key set that decides, if one does.
    pub(crate) const fn keys(&self) -> Option<KeysId> {
        match self {
            Self::ConsistentHash(keys, _)
            | Self::Ketama(keys, _)
            | Self::Maglev(keys, _)
            | Self::BoundedLoads(keys, ..) => Some(*keys),
            Self::Sticky(keys) => *keys,
            _ => None,
        }
    }

    /// What one caller begins with.
    pub(crate) fn memory(&self, replicas: u32) -> Memory {
        match self {
            Self::RoundRobin | Self::LeastConnections(_) => Memory::Turn(0),
            Self::SmoothWeighted(_) => Memory::Smooth(smooth::Smooth::new(replicas)),
            Self::PeakEwma(policy) => Memory::Rtts(vec![policy.rtt(); replicas as usize]),
            Self::PickFirst => Memory::First(None),
            Self::Maglev(..) => Memory::Table(maglev::Table::default()),
            Self::Sticky(_) => Memory::Sessions { turn: 0, homes: Lookup::default() },
            _ => Memory::Nothing,
        }
    }

    /// The replica that gets a call, of two or more.
    #[inline]
    pub(crate) fn pick(&self, memory: &mut Memory, hosts: &Hosts<'_>, draws: &mut impl Draw) -> Option<u32> {
        Some(match (self, memory) {
            (Self::RoundRobin, Memory::Turn(turn)) => next(turn, hosts.there),
            (Self::Random, _) => hosts.there[below(hosts.there.len(), draws)],
            (Self::Weighted(weights), _) => weighted::pick(weights, hosts.there, draws),
            (Self::SmoothWeighted(weights), Memory::Smooth(smooth)) => smooth.pick(weights, hosts.there),
            (Self::LeastOutstanding, _) => least::outstanding(hosts)?,
            (Self::LeastConnections(weights), Memory::Turn(turn)) => {
                least::connections(weights.as_deref(), turn, hosts)?
            }
            (Self::LeastRequest(policy), _) => policy.pick(hosts, draws),
            (Self::PowerOfTwo, _) => power_of_two::pick(hosts, draws),
            (Self::PeakEwma(policy), Memory::Rtts(rtts)) => policy.pick(rtts, hosts, draws),
            (Self::ConsistentHash(_, ring), _) => ring.pick(hosts)?,
            (Self::Ketama(_, ring), _) => hashed::ketama(ring, hosts)?,
            (Self::Maglev(_, size), Memory::Table(table)) => table.pick(*size, hosts),
            (Self::BoundedLoads(_, ring, excess), _) => ring.bounded(*excess, hosts)?,
            (Self::PickFirst, Memory::First(first)) => sticky::pick_first(first, hosts.there),
            (Self::Sticky(_), Memory::Sessions { turn, homes }) => sticky::pick(turn, homes, hosts),
            (Self::Locality(policy), _) => policy.pick(hosts, draws),
            // A memory is made by its own balancer.
            _ => hosts.there[0],
        })
    }

    /// A call to a replica has ended after that long, for better or worse.
    pub(crate) fn ended(&self, memory: &mut Memory, replica: u32, took: squall_sim::Span, now: Time) {
        if let (Self::PeakEwma(policy), Memory::Rtts(rtts)) = (self, memory) {
            policy.observe(&mut rtts[replica as usize], took, now);
        }
    }

    /// Whether `ended` is to be told.
    pub(crate) const fn listens(&self) -> bool {
        matches!(self, Self::PeakEwma(_))
    }
}

/// The next in turn.
#[inline]
fn next(turn: &mut u32, there: &[u32]) -> u32 {
    let picked = there[*turn as usize % there.len()];
    *turn = (*turn + 1) % there.len() as u32;
    picked
}

/// A number below `count`, each as likely to within 2^-53. One draw.
#[inline]
fn below(count: usize, draws: &mut impl Draw) -> usize {
    (draws.unit() * count as f64) as usize
}

/// Two different replicas, by their places in the list. Two draws.
#[inline]
fn two(count: usize, draws: &mut impl Draw) -> (usize, usize) {
    let first = below(count, draws);
    (first, (first + 1 + below(count - 1, draws)) % count)
}

#[cfg(test)]
mod tests;
