//! What one run found: plain data, the same for every thread count and machine.

mod control;
mod counters;

pub use control::{AlertTotals, OperatorTotals, RolloutTotals};
pub use counters::{BUCKETS, Counters, EdgeCounts};

use crate::histogram::Histogram;
use crate::outcome::Failure;
use squall_sim::{Span, Time};

/// How many kinds of failure there are.
pub const FAILURES: usize = Failure::ALL.len();

/// What is measured where: the names behind the indices in a [`Report`], in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Clients.
    pub clients: Vec<String>,
    /// Services.
    pub services: Vec<String>,
    /// Pools, as service and pool.
    pub pools: Vec<(String, String)>,
    /// Caches.
    pub caches: Vec<String>,
    /// Sides of splits, as split and side.
    pub splits: Vec<(String, String)>,
    /// Edges, as caller (a client or a service) and callee.
    pub edges: Vec<(String, String)>,
    /// Faults: what each is, in words, with its time; numbered from 1 for the user.
    pub faults: Vec<String>,
    /// Alerts.
    pub alerts: Vec<String>,
    /// Operators.
    pub operators: Vec<String>,
    /// Rollouts.
    pub rollouts: Vec<String>,
}

/// What one run found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The seed of the run.
    pub seed: u64,
    /// A hash over every event and fact of the run in order: equal digests, equal runs.
    pub digest: u64,
    /// Why the run ended.
    pub ending: Ending,
    /// When the run ended.
    pub ended_at: Time,
    /// Events that were handled.
    pub events: u64,
    /// From the end of the warm-up to the end of the run.
    pub measured: Totals,
    /// One for each window that was asked for, in that order.
    pub windows: Vec<Totals>,
    /// What happened over time.
    pub series: Series,
    /// What was counted in the windows of the series.
    pub counters: Counters,
    /// What became of requests over time, in a few wide slices.
    pub slices: Vec<Slice>,
    /// Components in the order in which they first failed or filled up, after the warm-up.
    pub failure_order: Vec<Failing>,
    /// Wait-for cycles that closed.
    pub deadlocks: Vec<Deadlock>,
    /// What was done to the world from outside the data path, in order, and what came of it.
    pub actions: Vec<Acted>,
    /// Entries of that list that there was no room for.
    pub actions_cut: u64,
    /// What became of each alert, over the whole run.
    pub alerts: Vec<AlertTotals>,
    /// What each operator did, over the whole run.
    pub operators: Vec<OperatorTotals>,
    /// What became of each rollout, over the whole run.
    pub rollouts: Vec<RolloutTotals>,
}

/// Something that changed the world from outside the data path, or that came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    /// When.
    pub at: Time,
    /// Who or what decided on it: `fault 2`, `action 1`, `autoscaler of api`, `platform of api`.
    pub cause: String,
    /// What was done, as in `scale`, or what happened, as in `ready`.
    pub action: &'static str,
    /// To what, as in `services.api` or `api[2]`.
    pub target: String,
    /// What came of it.
    pub effect: String,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its time was over.
    Horizon,
    /// Nothing was left to happen.
    Drained,
    /// It handled as many events as `limits.events` allows.
    EventLimit,
    /// It had as many calls in flight as `limits.in_flight` allows.
    InFlightLimit,
}

/// Counts over one window of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    /// Where the window begins.
    pub from: Time,
    /// Where it ends.
    pub to: Time,
    /// For each client.
    pub clients: Vec<ClientTotals>,
    /// For each service.
    pub services: Vec<ServiceTotals>,
    /// For each pool, over all replicas.
    pub pools: Vec<PoolTotals>,
    /// For each cache, over all replicas.
    pub caches: Vec<CacheTotals>,
    /// For each side of each split.
    pub splits: Vec<SplitTotals>,
    /// For each edge.
    pub edges: Vec<EdgeTotals>,
}

/// What became of a client's requests. A request counts in the window in which it ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientTotals {
    /// Requests that began, reloads included.
    pub arrivals: u64,
    /// Requests that were a reload of an earlier one.
    pub reloads: u64,
    /// Requests that ended well.
    pub ok: u64,
    /// Those among them in whose answer a fallback has had a part.
    pub degraded: u64,
    /// Requests that ended badly, by the number of the [`Failure`].
    pub failed: [u64; FAILURES],
    /// Requests in flight at the end of the window.
    pub in_flight: u64,
    /// Attempts that were made for the requests that ended.
    pub attempts: u64,
    /// Their writes that a service with `data` has acknowledged.
    pub acknowledged: u64,
    /// Those among them that did not survive.
    pub lost: u64,
    /// Durable effects that the same request had made before.
    pub duplicates: u64,
    /// Time from arrival to success, of requests that ended well.
    pub latency: Histogram,
}

/// What a service did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceTotals {
    /// Calls that arrived.
    pub arrivals: u64,
    /// Those among them that no retry or reload on the way has caused: the load without amplification.
    pub first_arrivals: u64,
    /// Calls that began to be served.
    pub started: u64,
    /// Calls that began to be served at once, without waiting.
    pub started_at_once: u64,
    /// Calls that were answered well.
    pub ok: u64,
    /// Calls that failed here, by the number of the [`Failure`].
    pub failed: [u64; FAILURES],
    /// Time that workers (or concurrency slots) were held.
    pub held: Span,
    /// Time that workers or cores were there to be held, summed over replicas that were up.
    pub available: Span,
    /// Work done (time that the processor was in use).
    pub work: Span,
    /// Work done in calls whose answer nobody waited for any more.
    pub wasted: Span,
    /// Integral of the number of waiting calls over time, in call-seconds.
    pub queued_seconds: f64,
    /// Integral of the number of calls present (waiting and served) over time, in call-seconds.
    pub present_seconds: f64,
    /// The largest number of calls waiting at once, over all replicas.
    pub queue_max: u64,
    /// The largest number of calls present at once.
    pub present_max: u64,
    /// Durable effects.
    pub writes: u64,
    /// Durable effects that the same request had made before.
    pub duplicate_writes: u64,
    /// What became of its data.
    pub data: DataTotals,
    /// Optional steps that calls came to.
    pub optional: u64,
    /// Those among them that were left out.
    pub left_out: u64,
    /// Time from arrival to the end of service, of calls answered well.
    pub latency: Histogram,
    /// Time from arrival to the start of service, of calls that were started.
    pub wait: Histogram,
}

/// What became of what a service was given to store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DataTotals {
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged writes that did not survive, counted when they were lost.
    pub lost: u64,
    /// Acknowledged writes on the disk of the primary at the end.
    pub persisted: u64,
    /// Writes that failed because there was no primary.
    pub refused: u64,
    /// Writes that were not made a second time, because the request's key was known.
    pub deduplicated: u64,
    /// Reads.
    pub reads: u64,
    /// Reads of a copy that lacked a write that was acknowledged.
    pub stale_reads: u64,
    /// The age of the oldest write that a read missed.
    pub staleness: Span,
}

/// What a pool did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolTotals {
    /// Connections that were asked for.
    pub asked: u64,
    /// Connections that were given.
    pub given: u64,
    /// Waits that timed out.
    pub timeouts: u64,
    /// Time that connections were held.
    pub held: Span,
    /// Time that connections of the kept size were there.
    pub available: Span,
    /// Integral of the number of waiting calls over time, in call-seconds.
    pub queued_seconds: f64,
    /// The largest number of waiting calls in one replica.
    pub waiting_max: u64,
    /// Integral of the number of open connections over time, in connection-seconds; half-open ones included.
    pub open_seconds: f64,
    /// Integral of the number of half-open connections over time, in connection-seconds.
    pub half_open_seconds: f64,
    /// The largest kept size of one replica's pool.
    pub size_max: u64,
    /// The largest number of open connections in one replica.
    pub open_max: u64,
    /// The largest number of half-open connections in one replica.
    pub half_open_max: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that were closed at this end.
    pub closed: u64,
    /// Log-ins that failed.
    pub connect_failures: u64,
    /// Connections that came back after they had been held for longer than leak detection allows.
    pub leaks: u64,
    /// Time waited for a connection, of those given.
    pub wait: Histogram,
    /// Time that log-ins took, of those that succeeded.
    pub connect: Histogram,
}

/// What a cache did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CacheTotals {
    /// Look-ups that found a good entry.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Misses that waited for another one's fill.
    pub coalesced: u64,
    /// Those among them that went on with its outcome.
    pub shared: u64,
    /// Hits on an entry whose time was over, or that was from before its shard was lost, and failed fills that were
    /// replaced by one.
    pub stale: u64,
    /// Hits on bad news: that there is nothing of this key, or that its work has failed.
    pub negative: u64,
    /// Entries that were being renewed before or after their time, without a miss.
    pub refreshes: u64,
    /// Fills that ended well and were not written.
    pub unstored: u64,
    /// Corrupt entries that were found out when they were read.
    pub corrupt: u64,
    /// Corrupt entries that were served.
    pub wrong: u64,
    /// Fills that ended, well or badly.
    pub ended: u64,
    /// Entries written.
    pub fills: u64,
    /// Entries thrown out for lack of room.
    pub evictions: u64,
    /// Most fills under way at once.
    pub filling_max: u64,
    /// Most fills of one key under way at once.
    pub same_key_max: u64,
}

/// What a side of a split got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SplitTotals {
    /// Calls to the split that were sent to this side.
    pub calls: u64,
    /// Calls to the split, whatever their side.
    pub of: u64,
    /// Calls of those who call the split that this side has answered well.
    pub ok: u64,
    /// And those that failed.
    pub failed: u64,
    /// Times that a session came to this side from another one.
    pub moved: u64,
    /// Times that a session came to this side that was not known there.
    pub lost: u64,
}

/// What went over an edge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EdgeTotals {
    /// Calls that began (each has one or more attempts).
    pub calls: u64,
    /// Attempts.
    pub attempts: u64,
    /// Calls that ended well.
    pub ok: u64,
    /// Calls that ended badly, by the number of the [`Failure`].
    pub failed: [u64; FAILURES],
    /// Attempts that ended badly, by the number of the [`Failure`].
    pub failed_attempts: [u64; FAILURES],
    /// Calls that their caller gave up before they ended.
    pub abandoned: u64,
    /// Calls in flight at the end of the window.
    pub in_flight: u64,
    /// Messages that were lost.
    pub lost: u64,
    /// Times that the caller's own policies turned a call away before it was sent, by the number of the [`Failure`].
    pub turned_away: [u64; FAILURES],
    /// Retries that a budget refused to pay for.
    pub retries_denied: u64,
    /// Calls that a fallback answered instead.
    pub fallbacks: u64,
    /// Further attempts that a hedge sent beside the first.
    pub hedges: u64,
    /// Hedged calls whose answer came from a further attempt.
    pub hedge_wins: u64,
    /// Times that a breaker opened, over all replicas of the caller.
    pub opened: u64,
    /// Times that a replica was ejected, over all replicas of the caller.
    pub ejections: u64,
}

/// Values over time, in windows of one width.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Width of a window.
    pub resolution: Span,
    /// What each column is.
    pub columns: Vec<Column>,
    /// Row after row, one for each window; NaN where a value does not exist (a percentile of nothing).
    pub values: Vec<f64>,
}

/// What became of the requests that ended in a slice of time, wider than a window of the series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Where it begins.
    pub from: Time,
    /// Where it ends.
    pub to: Time,
    /// For each client.
    pub clients: Vec<ClientSlice>,
}

/// What became of a client's requests in a slice of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientSlice {
    /// Requests that ended well.
    pub ok: u64,
    /// Requests that ended badly, by the number of the [`Failure`].
    pub failed: [u64; FAILURES],
    /// How many of those that ended well took how long, by half octaves; see [`ClientSlice::bounds`].
    pub latency: Vec<u64>,
}

impl ClientSlice {
    /// Where a half octave begins and ends, in microseconds.
    #[must_use]
    pub const fn bounds(number: usize) -> (u64, u64) {
        let (octave, half) = (number / 2, number as u64 % 2);
        match (octave, half) {
            (0, 0) => (1, 2),
            // Between one and two microseconds nothing is told apart.
            (0, _) => (2, 2),
            _ => ((2 + half) << (octave - 1), (3 + half) << (octave - 1)),
        }
    }
}

/// One column of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The component, as `clients.web`, `services.api`, `pools.api.db`, `caches.l1`.
    pub component: String,
    /// The metric: `offered`, `goodput`, `latency_p99`, `utilisation`, `queue`, `hit_rate`, …
    pub metric: &'static str,
    /// The unit: `1/s`, `s`, `share`, `count`.
    pub unit: &'static str,
}

/// A component that failed or filled up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// When it began.
    pub at: Time,
    /// The component, as in [`Column::component`].
    pub component: String,
    /// What was seen, for example `all workers busy, calls waiting`.
    pub evidence: String,
}

/// A wait-for cycle: nobody in it can go on before another one in it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    /// When it closed.
    pub at: Time,
    /// The components in the order in which they wait for each other; the last waits for the first.
    pub cycle: Vec<String>,
    /// Calls that are stuck in it or behind it.
    pub stuck: u64,
}

impl Series {
    /// How many windows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.columns.len()).unwrap_or(0)
    }

    /// True if nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The column of this component and metric, window by window.
    #[must_use]
    pub fn column(&self, component: &str, metric: &str) -> Option<impl Iterator<Item = f64>> {
        let index = self.columns.iter().position(|c| c.component == component && c.metric == metric)?;
        Some(self.values.iter().skip(index).step_by(self.columns.len()).copied())
    }
}

impl ClientTotals {
    /// Requests that ended, well or badly.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.ok + self.failed.iter().sum::<u64>()
    }
}
