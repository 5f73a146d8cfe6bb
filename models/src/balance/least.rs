//! The fewest calls outstanding, among all or among a few at random.
//!
//! Sources: Envoy `least_request_lb`: `choice_count` picks with replacement, only a strictly smaller one replaces the
//! first; with a full scan, ties are broken at random. nginx `least_conn` and HAProxy `leastconn`: a full scan by calls over
//! weight, ties in turn.

use super::{Hosts, below, next};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;

/// The one with the fewest calls outstanding in relation to its weight.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connections {
    /// One weight for each replica; all equal by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<f64>>,
}

/// The best of a few at random, as Envoy's and gRPC's least request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// How many are looked at, 16 at most; 2 by default.
    #[serde(default = "two")]
    pub choices: u32,
    /// The same one can be looked at twice, as in Envoy; on by default.
    #[serde(default = "yes")]
    pub replacement: bool,
    /// Look at all of them, and take any of the best at random; off by default.
    #[serde(default)]
    pub full_scan: bool,
}

fn two() -> u32 {
    2
}

fn yes() -> bool {
    true
}

/// Least request at work. One draw for each choice; one in a full scan with ties.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeastRequest(Request);

impl LeastRequest {
    pub(crate) const fn new(spec: Request) -> Self {
        Self(spec)
    }

    pub(super) fn pick(&self, hosts: &Hosts<'_>, draws: &mut impl Draw) -> u32 {
        if self.0.full_scan {
            return any_of_the_least(hosts, draws);
        }
        let load = |replica: u32| hosts.outstanding[replica as usize];
        let there = hosts.there;
        let mut seen = Seen::default();
        let choices = (self.0.choices as usize).clamp(1, MOST_CHOICES);
        let choices = if self.0.replacement { choices } else { choices.min(there.len()) };
        let mut best = None;
        for _ in 0..choices {
            let at = if self.0.replacement { below(there.len(), draws) } else { seen.another(there.len(), draws) };
            if best.is_none_or(|best| load(there[at]) < load(best)) {
                best = Some(there[at]);
            }
        }
        best.unwrap_or(there[0])
    }
}

/// More choices than this are hardly better than a full scan.
pub(crate) const MOST_CHOICES: usize = 16;

/// Places that were drawn already, in rising order.
#[derive(Default)]
struct Seen {
    places: [usize; MOST_CHOICES],
    count: usize,
}

impl Seen {
    /// A place that was not drawn before, each as likely. One draw.
    fn another(&mut self, all: usize, draws: &mut impl Draw) -> usize {
        let mut place = below(all - self.count, draws);
        let mut at = 0;
        while at < self.count && self.places[at] <= place {
            place += 1;
            at += 1;
        }
        self.places.copy_within(at..self.count, at + 1);
        self.places[at] = place;
        self.count += 1;
        place
    }
}

fn any_of_the_least(hosts: &Hosts<'_>, draws: &mut impl Draw) -> u32 {
    let load = |replica: &&u32| hosts.outstanding[**replica as usize];
    let least = hosts.there.iter().map(|replica| load(&replica)).min().unwrap_or(0);
    let ties = hosts.there.iter().filter(|replica| load(replica) == least).count();
    let chosen = if ties > 1 { below(ties, draws) } else { 0 };
    hosts.there.iter().filter(|replica| load(replica) == least).nth(chosen).copied().unwrap_or(hosts.there[0])
}

/// The first of those with the fewest calls outstanding. No draw.
#[inline]
pub(super) fn outstanding(hosts: &Hosts<'_>) -> Option<u32> {
    hosts.there.iter().min_by_key(|&&replica| hosts.outstanding[replica as usize]).copied()
}

/// The fewest calls over weight; in turn if there are several. No draw.
pub(super) fn connections(weights: Option<&[f64]>, turn: &mut u32, hosts: &Hosts<'_>) -> Option<u32> {
    let load = |replica: u32| {
        let weight = weights.map_or(1.0, |weights| weights[replica as usize]);
        f64::from(hosts.outstanding[replica as usize]) / weight
    };
    let least = hosts.there.iter().map(|&replica| load(replica)).min_by(f64::total_cmp)?;
    (0..hosts.there.len()).map(|_| next(turn, hosts.there)).find(|&replica| load(replica) <= least)
}
