//! What can be known of a component from outside, by name: which values are scraped for it, and what is made of them.

use super::{CacheId, ClientId, EdgeId, LayerKind, LayerPlan, Plan, PoolId, ServiceId, SplitId};
use crate::monitor::BOUNDS;
use crate::units::{Duration, Rate, Share};

/// A value of the world that can be scraped. Counts are since the beginning of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    ClientArrivals(ClientId),
    ClientOk(ClientId),
    ClientFailed(ClientId),
    ClientEnded(ClientId),
    ClientInFlight(ClientId),
    /// One series for each bucket.
    ClientLatency(ClientId),
    ServiceArrivals(ServiceId),
    ServiceFailed(ServiceId),
    /// The share of workers or cores in use.
    ServiceBusy(ServiceId),
    ServiceQueue(ServiceId),
    /// The share of replicas that are ready.
    ServiceReady(ServiceId),
    /// The fullest memory of a replica, as a share of its limit, and in bytes.
    ServiceMemory(ServiceId),
    ServiceBytes(ServiceId),
    ServiceBytesLimit(ServiceId),
    ServiceLatency(ServiceId),
    /// Lost writes and duplicates that the last check of the data has found.
    DataFound(ServiceId),
    PoolBusy(PoolId),
    PoolWaiting(PoolId),
    CacheHits(CacheId),
    CacheMisses(CacheId),
    CacheLookups(CacheId),
    /// Of one key, by its number.
    KeyLookups(CacheId, u32),
    KeyMisses(CacheId, u32),
    ServiceEnded(ServiceId),
    /// Calls to a side of a split, by its number there.
    SideCalls(SplitId, u32),
    /// Calls to all of its sides.
    SplitCalls(SplitId),
    SideFailed(SplitId, u32),
    SideEnded(SplitId, u32),
    EdgeFailed(EdgeId),
    EdgeEnded(EdgeId),
    EdgeCalls(EdgeId),
    EdgeAttempts(EdgeId),
    /// The share of the edge's breakers that are open.
    BreakersOpen(EdgeId),
    /// 1 if the scrape has worked, and 0 if not.
    Up,
}

impl Source {
    /// How many series it takes.
    pub(crate) fn width(self) -> u32 {
        match self {
            Self::ClientLatency(_) | Self::ServiceLatency(_) => BOUNDS.len() as u32 + 1,
            _ => 1,
        }
    }
}

/// What an alert looks at: series by number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signal {
    /// What is measured at an instant.
    Gauge(u32),
    /// What is counted, each second.
    Rate(u32),
    /// How much of one count there is for each of another.
    Share(u32, u32),
    /// By how much one count rises faster than another, each second.
    Excess(u32, u32),
    /// A percentile from buckets.
    Quantile(u32, f64),
}

/// The same, before the series have numbers.
pub(super) enum Formula {
    Gauge(Source),
    Rate(Source),
    Share(Source, Source),
    Excess(Source, Source),
    Quantile(Source, f64),
}

/// How values of a metric are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Share,
    Duration,
    Rate,
    Count,
}

impl Unit {
    pub(super) fn parse(self, text: &str) -> Result<f64, String> {
        match self {
            Self::Share => text.parse().map(Share::get),
            Self::Duration => text.parse().map(Duration::seconds),
            Self::Rate => text.parse().map(Rate::get),
            Self::Count => {
                let number = text.parse().ok().filter(|_| text.chars().all(|c| c.is_ascii_digit() || c == '.'));
                number.ok_or_else(|| format!("`{text}` is not a plain number, such as `10`"))
            }
        }
    }

    /// A value for the log.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Share => format!("{:.1} %", value * 100.0),
            Self::Duration => format!("{value:.3} s"),
            Self::Rate => format!("{value:.2}/s"),
            Self::Count => format!("{value:.1}"),
        }
    }
}

const QUANTILES: [(&str, f64); 4] =
    [("latency.p50", 0.5), ("latency.p90", 0.9), ("latency.p95", 0.95), ("latency.p99", 0.99)];

/// A metric by name.
pub(super) type Named = Vec<(&'static str, Unit, Formula)>;

pub(super) fn of_client(id: ClientId) -> Named {
    use Source::{ClientArrivals, ClientEnded, ClientFailed, ClientInFlight, ClientLatency, ClientOk};
    let mut metrics = vec![
        ("failure", Unit::Share, Formula::Share(ClientFailed(id), ClientEnded(id))),
        ("success", Unit::Share, Formula::Share(ClientOk(id), ClientEnded(id))),
        ("goodput", Unit::Rate, Formula::Rate(ClientOk(id))),
        ("offered", Unit::Rate, Formula::Rate(ClientArrivals(id))),
        ("in_flight", Unit::Count, Formula::Gauge(ClientInFlight(id))),
    ];
    metrics.extend(QUANTILES.map(|(name, q)| (name, Unit::Duration, Formula::Quantile(ClientLatency(id), q))));
    metrics
}

pub(super) fn of_pool(id: PoolId) -> Named {
    vec![
        ("utilisation", Unit::Share, Formula::Gauge(Source::PoolBusy(id))),
        ("waiting", Unit::Count, Formula::Gauge(Source::PoolWaiting(id))),
    ]
}

pub(super) fn of_cache(id: CacheId) -> Named {
    use Source::{CacheHits, CacheLookups, CacheMisses};
    vec![
        ("hit_rate", Unit::Share, Formula::Share(CacheHits(id), CacheLookups(id))),
        ("misses", Unit::Rate, Formula::Rate(CacheMisses(id))),
    ]
}

impl Plan {
    pub(super) fn of_service(&self, id: ServiceId) -> Named {
        use Source::{ServiceArrivals, ServiceBusy, ServiceFailed, ServiceLatency, ServiceMemory, ServiceQueue};
        let mut metrics = vec![
            ("offered", Unit::Rate, Formula::Rate(ServiceArrivals(id))),
            ("failed", Unit::Rate, Formula::Rate(ServiceFailed(id))),
            ("queue", Unit::Count, Formula::Gauge(ServiceQueue(id))),
            ("ready", Unit::Share, Formula::Gauge(Source::ServiceReady(id))),
            ("failure", Unit::Share, Formula::Share(ServiceFailed(id), Source::ServiceEnded(id))),
        ];
        let service = self.services.get(id.at());
        if service.is_some_and(|service| service.capacity.units() > 0) {
            metrics.push(("utilisation", Unit::Share, Formula::Gauge(ServiceBusy(id))));
        }
        if service.and_then(|service| service.platform.as_ref()).is_some_and(|platform| platform.memory.is_some()) {
            metrics.push(("memory", Unit::Share, Formula::Gauge(ServiceMemory(id))));
        }
        if service.is_some_and(|service| service.data.is_some()) {
            metrics.push(("inconsistencies", Unit::Count, Formula::Gauge(Source::DataFound(id))));
        }
        metrics.extend(QUANTILES.map(|(name, q)| (name, Unit::Duration, Formula::Quantile(ServiceLatency(id), q))));
        metrics
    }

    /// Of a side of a split, as those see it who call.
    #[allow(clippy::unused_self, reason = "as its neighbours")]
    pub(super) fn of_side(&self, split: SplitId, side: u32) -> Named {
        use Source::{SideCalls, SideEnded, SideFailed};
        vec![
            ("failure", Unit::Share, Formula::Share(SideFailed(split, side), SideEnded(split, side))),
            ("calls", Unit::Rate, Formula::Rate(SideCalls(split, side))),
            ("share", Unit::Share, Formula::Share(SideCalls(split, side), Source::SplitCalls(split))),
        ]
    }

    pub(super) fn of_edge(&self, id: EdgeId) -> Named {
        use Source::{BreakersOpen, EdgeAttempts, EdgeCalls};
        let mut metrics = vec![
            ("attempts", Unit::Rate, Formula::Rate(EdgeAttempts(id))),
            ("retries", Unit::Rate, Formula::Excess(EdgeAttempts(id), EdgeCalls(id))),
            ("failure", Unit::Share, Formula::Share(Source::EdgeFailed(id), Source::EdgeEnded(id))),
        ];
        if self.breaks(id) {
            metrics.push(("open", Unit::Share, Formula::Gauge(BreakersOpen(id))));
        }
        metrics
    }

    /// Whether an edge has a breaker.
    pub(crate) fn breaks(&self, id: EdgeId) -> bool {
        let stack = self.edges[id.at()].stack.map(|stack| &self.stacks[stack.at()]);
        stack.is_some_and(|stack| {
            stack.layers.iter().any(|layer: &LayerPlan| matches!(layer.kind, LayerKind::Breaker(_)))
        })
    }
}
