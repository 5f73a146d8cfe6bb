//! Peak EWMA: response times that jump up at once and come down slowly, times the calls outstanding.
//!
//! Sources: tower `load/peak_ewma.rs` (as in Linkerd): a longer response time is taken as it is, a shorter one moves the
//! estimate by 1 − e^(−dt/decay); at every look the estimate decays towards 0; the load is estimate × (pending + 1), and a
//! new replica begins with a default. Finagle `PeakEwma`: the same, without a default; a replica without history that has a
//! call pending is avoided as if it were endlessly slow. The better of two different ones at random is picked, the first of
//! equals. Two draws.

use super::{Hosts, two};
use crate::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::random::Draw;
use squall_sim::{Span, Time};

/// The better of two at random, by a response time that jumps up at once and decays slowly, times the calls outstanding
/// (peak EWMA, as in Finagle, Linkerd and tower).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// How fast old response times are forgotten; 10 s by default.
    #[serde(default = "ten_seconds")]
    pub decay: Duration,
    /// What a replica without history is taken to need: Linkerd's is 30 ms. Without it, as in Finagle, it costs nothing
    /// until a call is pending, and then more than any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<Duration>,
}

fn ten_seconds() -> Duration {
    Duration::from_seconds(10.0)
}

/// What a replica without history costs that has a call pending, in nanoseconds (Finagle's penalty).
const PENALTY: f64 = (i64::MAX >> 16) as f64;

/// Peak EWMA at work.
#[derive(Clone, Copy, Debug)]
pub struct PeakEwma {
    decay: f64,
    initial: Option<f64>,
}

/// An estimate of a response time, in nanoseconds, and when it was brought up to date.
#[derive(Clone, Copy, Debug)]
pub struct Rtt {
    nanos: f64,
    at: Time,
}

impl PeakEwma {
    /// As the user wants it.
    #[must_use]
    pub fn new(spec: &Spec) -> Self {
        Self { decay: spec.decay.seconds() * 1e9, initial: spec.initial.map(|initial| initial.seconds() * 1e9) }
    }

    /// What a new replica begins with.
    #[must_use]
    pub fn rtt(&self) -> Rtt {
        Rtt { nanos: self.initial.unwrap_or(0.0), at: Time::ZERO }
    }

    /// A call has taken that long.
    pub fn observe(&self, rtt: &mut Rtt, took: Span, now: Time) {
        let took = took.nanos() as f64;
        if rtt.nanos < took {
            rtt.nanos = took;
        } else {
            let kept = libm::exp(-(now.since(rtt.at).nanos() as f64) / self.decay);
            rtt.nanos = rtt.nanos * kept + took * (1.0 - kept);
        }
        rtt.at = now;
    }

    /// The load of a replica with so many calls pending, in nanoseconds.
    pub fn load(&self, rtt: &mut Rtt, pending: u32, now: Time) -> f64 {
        self.observe(rtt, Span::ZERO, now);
        if self.initial.is_none() && rtt.nanos == 0.0 && pending > 0 {
            return PENALTY + f64::from(pending);
        }
        rtt.nanos * f64::from(pending + 1)
    }

    pub(super) fn pick(&self, rtts: &mut [Rtt], hosts: &Hosts<'_>, draws: &mut impl Draw) -> u32 {
        let (first, second) = two(hosts.there.len(), draws);
        let [first, second] = [hosts.there[first], hosts.there[second]];
        let mut load =
            |replica: u32| self.load(&mut rtts[replica as usize], hosts.outstanding[replica as usize], hosts.now);
        if load(second) < load(first) { second } else { first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::ZERO + Span::from_millis(millis)
    }

    #[test]
    fn peaks_are_taken_at_once_and_forgotten_slowly() {
        let policy = PeakEwma::new(&Spec { decay: ten_seconds(), initial: Some(Duration::from_seconds(0.03)) });
        let mut rtt = policy.rtt();
        assert_eq!(policy.load(&mut rtt, 0, at(0)), 30e6);
        policy.observe(&mut rtt, Span::from_millis(500), at(1000));
        assert_eq!(policy.load(&mut rtt, 1, at(1000)), 1000e6);
        let later = policy.load(&mut rtt, 0, at(11_000));
        assert!((later - 500e6 * libm::exp(-1.0)).abs() < 1.0, "{later}");
        policy.observe(&mut rtt, Span::from_millis(100), at(11_000));
        assert!((policy.load(&mut rtt, 0, at(11_000)) - later).abs() < 1.0, "no time has passed");
    }

    #[test]
    fn without_history_the_second_call_goes_elsewhere() {
        let policy = PeakEwma::new(&Spec { decay: ten_seconds(), initial: None });
        let (mut new, mut slow) = (policy.rtt(), policy.rtt());
        policy.observe(&mut slow, Span::from_secs(30), at(0));
        assert_eq!(policy.load(&mut new, 0, at(0)), 0.0);
        assert!(policy.load(&mut new, 1, at(0)) > policy.load(&mut slow, 0, at(0)));
    }
}
