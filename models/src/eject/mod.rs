//! Ejection: which replicas of a callee a caller leaves alone for a while, because their answers were bad.
//!
//! An ejector belongs to one caller replica and one edge, and looks over all replicas of the callee. The balancer asks it
//! before each choice; those of different callers know nothing of each other.
//!
//! # Who calls what, and when
//!
//! 1. [`Ejector::advance`] before anything else at an instant, so that sweeps that are due by then take place. It may be
//!    left to the next call: a sweep does at that time what it would have done at its own. [`Ejector::next_sweep`] says
//!    when the next one is due, for those who want to see its effect at once.
//! 2. [`Ejector::available`] for each replica that a balancer considers.
//! 3. [`Ejector::started`] when a call is sent to a replica, [`Ejector::ended`] when it ends, in whatever way.
//!
//! # Draws
//!
//! They come from a stream of the ejector's own, in the order of events. `envoy`, `istio`: one for each ejection that is
//! detected and allowed but enforced only to a share between 0 % and 100 %; then one for each ejection, if there is jitter.
//! `grpc_a50`: one for each that is detected and enforced only to such a share. `linkerd`: one for each penalty, if there
//! is jitter. `finagle`: one for each time in a row that a replica is marked dead, from the second, until the longest time
//! is reached, for each of its two detectors. `nginx_peer`: none.

pub mod envoy;
pub mod finagle;
pub mod grpc_a50;
pub mod istio;
pub mod linkerd;
pub mod nginx_peer;
#[cfg(test)]
mod tests;

use crate::outcome::{Failure, Outcome};
use crate::problem::Problem;
use crate::units::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_sim::Time;
use squall_sim::random::Draw;

/// Leave replicas alone for a while whose answers were bad.
///
/// Each caller replica judges for itself, by the answers that it got. A replica that is left alone gets no calls from it;
/// what remains has to carry its load, which is why most of these have a maximum.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// Outlier detection of Envoy: failures in a row at once, success rates at sweeps.
    Envoy(envoy::Spec),
    /// Outlier detection of Istio, in the words of a `DestinationRule`.
    Istio(istio::Spec),
    /// Outlier detection of gRPC: success rates and failures at sweeps only.
    GrpcA50(grpc_a50::Spec),
    /// Failure accrual of Linkerd: failures in a row, then longer and longer penalties.
    Linkerd(linkerd::Spec),
    /// Failure accrual of Finagle: failures in a row or a low success rate, then longer and longer times dead.
    Finagle(finagle::Spec),
    /// Passive health checks of nginx: so many network errors, then a fixed time out.
    NginxPeer(nginx_peer::Spec),
}

/// How a call to a replica ended, as its caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Well.
    Success,
    /// With an error, such as HTTP 500.
    Error,
    /// With an error that speaks of a hop behind it or of being unable to serve, such as HTTP 502, 503 or 504.
    Gateway,
    /// With "too many", such as HTTP 429 or gRPC `RESOURCE_EXHAUSTED`.
    Overload,
    /// Not at all: no connection, or no answer in time.
    Local,
    /// The caller went away.
    Cancelled,
}

impl Answer {
    /// From how the call came out, and whether it was the replica that said so. A failure keeps its name on its way up, so
    /// that a timeout may be one of this call or one that the replica had and answered with.
    #[must_use]
    pub const fn of(outcome: Outcome, answered: bool) -> Self {
        let Err(failure) = outcome else { return Self::Success };
        match (failure, answered) {
            (Failure::Cancelled | Failure::Abandoned, _) => Self::Cancelled,
            (_, false) => Self::Local,
            (Failure::Error | Failure::TooDeep, true) => Self::Error,
            (Failure::RateLimited | Failure::Throttled, true) => Self::Overload,
            (
                Failure::Timeout
                | Failure::Rejected
                | Failure::QueueTimeout
                | Failure::PoolTimeout
                | Failure::Refused
                | Failure::Crashed
                | Failure::Expired
                | Failure::CircuitOpen
                | Failure::BulkheadFull
                | Failure::Shed
                | Failure::Disconnected
                | Failure::SessionLost,
                true,
            ) => Self::Gateway,
        }
    }

    /// What a service would call a failure of its own or of the way to it: any but success and "too many".
    const fn failed(self) -> bool {
        matches!(self, Self::Error | Self::Gateway | Self::Local)
    }
}

/// Whether a replica may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// As any other.
    Yes,
    /// One call may be sent to see how it is.
    Probe,
    /// Not now.
    No,
}

/// What each of them does.
trait Detector {
    fn advance(&mut self, _now: Time, _draws: &mut impl Draw) {}
    fn next_sweep(&self) -> Option<Time> {
        None
    }
    fn started(&mut self, _replica: usize, _now: Time) {}
    fn ended(&mut self, replica: usize, now: Time, answer: Answer, draws: &mut impl Draw);
    fn available(&self, replica: usize, now: Time) -> Availability;
    fn replicas(&self) -> usize;
    fn resize(&mut self, replicas: usize, now: Time);
    /// How many times a replica was ejected.
    fn ejections(&self) -> u64;
    /// What a replica has against it.
    fn strikes(&self, replica: usize) -> u32;
}

#[derive(Clone, Debug)]
enum Kind {
    Envoy(envoy::Envoy),
    GrpcA50(grpc_a50::GrpcA50),
    Linkerd(linkerd::Linkerd),
    Finagle(finagle::Finagle),
    NginxPeer(nginx_peer::NginxPeer),
}

/// Asks whichever detector it is.
macro_rules! ask {
    ($kind:expr, $detector:ident => $question:expr) => {
        match $kind {
            Kind::Envoy($detector) => $question,
            Kind::GrpcA50($detector) => $question,
            Kind::Linkerd($detector) => $question,
            Kind::Finagle($detector) => $question,
            Kind::NginxPeer($detector) => $question,
        }
    };
}

/// Ejection at work. It allocates when it is built and when the number of replicas grows, and at no other time.
#[derive(Clone, Debug)]
pub struct Ejector {
    kind: Kind,
}

impl Ejector {
    /// Of a caller that begins to call so many replicas at this time. The specification must have passed [`check`].
    #[must_use]
    pub fn new(spec: &Spec, replicas: usize, now: Time) -> Self {
        let kind = match spec {
            Spec::Envoy(spec) => Kind::Envoy(envoy::Envoy::new(spec, replicas, now)),
            Spec::Istio(spec) => Kind::Envoy(envoy::Envoy::with_panic(&spec.envoy(), spec.panic(), replicas, now)),
            Spec::GrpcA50(spec) => Kind::GrpcA50(grpc_a50::GrpcA50::new(spec, replicas, now)),
            Spec::Linkerd(spec) => Kind::Linkerd(linkerd::Linkerd::new(spec, replicas, now)),
            Spec::Finagle(spec) => Kind::Finagle(finagle::Finagle::new(spec, replicas, now)),
            Spec::NginxPeer(spec) => Kind::NginxPeer(nginx_peer::NginxPeer::new(spec, replicas)),
        };
        Self { kind }
    }

    /// Lets the sweeps take place that are due by now.
    #[inline]
    pub fn advance(&mut self, now: Time, draws: &mut impl Draw) {
        ask!(&mut self.kind, detector => detector.advance(now, draws));
    }

    /// When the next sweep is due; none if it has none.
    #[must_use]
    pub fn next_sweep(&self) -> Option<Time> {
        ask!(&self.kind, detector => detector.next_sweep())
    }

    /// A call is sent to a replica.
    #[inline]
    pub fn started(&mut self, replica: usize, now: Time) {
        ask!(&mut self.kind, detector => detector.started(replica, now));
    }

    /// A call to a replica ended.
    #[inline]
    pub fn ended(&mut self, replica: usize, now: Time, answer: Answer, draws: &mut impl Draw) {
        ask!(&mut self.kind, detector => detector.ended(replica, now, answer, draws));
    }

    /// May a replica be called?
    #[inline]
    #[must_use]
    pub fn available(&self, replica: usize, now: Time) -> Availability {
        ask!(&self.kind, detector => detector.available(replica, now))
    }

    /// How many replicas are not to be called now.
    #[must_use]
    pub fn ejected(&self, now: Time) -> usize {
        let replicas = ask!(&self.kind, detector => detector.replicas());
        (0..replicas).filter(|&replica| self.available(replica, now) == Availability::No).count()
    }

    /// How many times any replica was ejected so far.
    #[must_use]
    pub fn ejections(&self) -> u64 {
        ask!(&self.kind, detector => detector.ejections())
    }

    /// What a replica has against it: what its next time out is multiplied by (`envoy`, `istio`, `grpc_a50`), how many
    /// times in a row it was shut out (`linkerd`, `finagle`), or its failures (`nginx_peer`).
    #[must_use]
    pub fn strikes(&self, replica: usize) -> u32 {
        ask!(&self.kind, detector => detector.strikes(replica))
    }

    /// The callee has so many replicas from now on. Those that are new begin with nothing against them.
    pub fn resize(&mut self, replicas: usize, now: Time) {
        ask!(&mut self.kind, detector => detector.resize(replicas, now));
    }
}

/// What is wrong with a specification. Paths begin with the member's name: `envoy.interval`.
#[must_use]
pub fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Vec::new();
    match spec {
        Spec::Envoy(spec) => envoy::check(spec, "envoy", &mut problems),
        Spec::Istio(spec) => istio::check(spec, "istio", &mut problems),
        Spec::GrpcA50(spec) => grpc_a50::check(spec, "grpc_a50", &mut problems),
        Spec::Linkerd(spec) => linkerd::check(spec, "linkerd", &mut problems),
        Spec::Finagle(spec) => finagle::check(spec, "finagle", &mut problems),
        Spec::NginxPeer(spec) => nginx_peer::check(spec, "nginx_peer", &mut problems),
    }
    problems
}

/// A share in percent, without the last bits of the conversion, so that 10 % of ten hosts are one host.
fn percent(share: Share) -> f64 {
    (share.get() * 1e8 + 0.5) as u64 as f64 / 1e6
}

/// Whether what was detected is done, where only a share of it is to be. Draws once if the share is neither nothing nor
/// everything.
fn enforced(share: Share, draws: &mut impl Draw) -> bool {
    let share = share.get();
    share >= 1.0 || (share > 0.0 && draws.unit() < share)
}
