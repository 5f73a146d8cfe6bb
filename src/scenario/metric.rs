//! The metrics that an expectation can name, one table for each kind of component.

use super::words::did_you_mean;
use squall_models::histogram::Histogram;
use squall_models::outcome::Failure;
use squall_models::report::{
    CacheTotals, ClientTotals, EdgeTotals, OperatorTotals, PoolTotals, RolloutTotals, ServiceTotals, SplitTotals,
};
use squall_models::units::{Duration, Rate, Share};
use squall_sim::Span;

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A share of a whole, written in percent.
    Share,
    /// Seconds.
    Duration,
    /// Per second.
    Rate,
    /// A number that may have decimals.
    Ratio,
    /// A whole number.
    Count,
}

/// What is asked of the values in a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stat {
    Mean,
    Quantile(f64),
    Max,
}

const STATS: [(&str, Stat); 7] = [
    ("mean", Stat::Mean),
    ("p50", Stat::Quantile(0.5)),
    ("p90", Stat::Quantile(0.9)),
    ("p95", Stat::Quantile(0.95)),
    ("p99", Stat::Quantile(0.99)),
    ("p999", Stat::Quantile(0.999)),
    ("max", Stat::Max),
];

/// A metric of a component whose counts are a `T`, as a function of the counts and the window's length in seconds.
type Plain<T> = (&'static str, Unit, fn(&T, f64) -> Option<f64>);

/// A histogram of a component by name.
type Times<T> = (&'static str, fn(&T) -> &Histogram);

/// How a metric is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Measure<T: 'static> {
    Plain(fn(&T, f64) -> Option<f64>),
    Times(fn(&T) -> &Histogram, Stat),
    Failed(usize),
}

/// Counts that have metrics.
pub(super) trait Metered: Sized + 'static {
    /// Metrics by name.
    const PLAIN: &'static [Plain<Self>];
    /// Histograms by name; each has all of [`STATS`].
    const TIMES: &'static [Times<Self>];
    /// Whether the share of each kind of failure is a metric.
    const FAILS: bool;
    /// How many failed with this kind, of how many.
    fn failed(&self, kind: usize) -> (u64, u64);
}

fn over(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn per(count: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| count as f64 / seconds)
}

fn share(part: squall_sim::Span, whole: squall_sim::Span) -> Option<f64> {
    over(part.nanos(), whole.nanos())
}

fn average(integral: f64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| integral / seconds)
}

fn count(number: u64) -> Option<f64> {
    Some(number as f64)
}

impl Metered for ClientTotals {
    const PLAIN: &'static [Plain<Self>] = &[
        ("success", Unit::Share, |c, _| over(c.ok, c.ended())),
        ("failure", Unit::Share, |c, _| over(c.ended() - c.ok, c.ended())),
        ("goodput", Unit::Rate, |c, seconds| per(c.ok, seconds)),
        ("goodput_share", Unit::Share, |c, _| over(c.ok, c.arrivals)),
        ("offered", Unit::Rate, |c, seconds| per(c.arrivals, seconds)),
        ("attempts", Unit::Ratio, |c, _| over(c.attempts, c.ended())),
        ("reloads", Unit::Share, |c, _| over(c.reloads, c.arrivals)),
        ("acknowledged", Unit::Count, |c, _| count(c.acknowledged)),
        ("data_loss", Unit::Count, |c, _| count(c.lost)),
        ("duplicates", Unit::Count, |c, _| count(c.duplicates)),
        ("degraded", Unit::Share, |c, _| over(c.degraded, c.ended())),
    ];
    const TIMES: &'static [Times<Self>] = &[("latency", |c| &c.latency)];
    const FAILS: bool = true;
    fn failed(&self, kind: usize) -> (u64, u64) {
        (self.failed[kind], self.ended())
    }
}

impl Metered for ServiceTotals {
    const PLAIN: &'static [Plain<Self>] = &[
        ("utilisation", Unit::Share, |s, _| share(s.held, s.available)),
        ("work_share", Unit::Share, |s, _| share(s.work, s.available)),
        ("offered", Unit::Rate, |s, seconds| per(s.arrivals, seconds)),
        ("throughput", Unit::Rate, |s, seconds| per(s.ok, seconds)),
        ("amplification", Unit::Ratio, |s, _| over(s.arrivals, s.first_arrivals)),
        ("wasted", Unit::Share, |s, _| share(s.wasted, s.work)),
        ("queue.mean", Unit::Ratio, |s, seconds| average(s.queued_seconds, seconds)),
        ("queue.max", Unit::Count, |s, _| count(s.queue_max)),
        ("present.mean", Unit::Ratio, |s, seconds| average(s.present_seconds, seconds)),
        ("present.max", Unit::Count, |s, _| count(s.present_max)),
        ("served_at_once", Unit::Share, |s, _| over(s.started_at_once, s.started)),
        ("writes", Unit::Count, |s, _| count(s.writes)),
        ("duplicate_writes", Unit::Count, |s, _| count(s.duplicate_writes)),
        ("acknowledged", Unit::Count, |s, _| count(s.data.acknowledged)),
        ("persisted", Unit::Count, |s, _| count(s.data.persisted)),
        ("data_loss", Unit::Count, |s, _| count(s.data.lost)),
        ("duplicates", Unit::Count, |s, _| count(s.duplicate_writes)),
        ("deduplicated", Unit::Count, |s, _| count(s.data.deduplicated)),
        ("refused_writes", Unit::Count, |s, _| count(s.data.refused)),
        ("stale_reads", Unit::Count, |s, _| count(s.data.stale_reads)),
        ("stale_share", Unit::Share, |s, _| over(s.data.stale_reads, s.data.reads)),
        ("staleness.max", Unit::Duration, |s, _| Some(s.data.staleness.seconds())),
        ("left_out", Unit::Share, |s, _| over(s.left_out, s.optional)),
    ];
    const TIMES: &'static [Times<Self>] = &[("latency", |s| &s.latency), ("wait", |s| &s.wait)];
    const FAILS: bool = true;
    fn failed(&self, kind: usize) -> (u64, u64) {
        (self.failed[kind], self.arrivals)
    }
}

impl Metered for PoolTotals {
    const PLAIN: &'static [Plain<Self>] = &[
        ("utilisation", Unit::Share, |p, _| share(p.held, p.available)),
        ("timeouts", Unit::Share, |p, _| over(p.timeouts, p.asked)),
        ("waiting.mean", Unit::Ratio, |p, seconds| average(p.queued_seconds, seconds)),
        ("waiting.max", Unit::Count, |p, _| count(p.waiting_max)),
        ("size.mean", Unit::Ratio, |p, seconds| average(p.available.seconds(), seconds)),
        ("size.max", Unit::Count, |p, _| count(p.size_max)),
        ("open.mean", Unit::Ratio, |p, seconds| average(p.open_seconds, seconds)),
        ("open.max", Unit::Count, |p, _| count(p.open_max)),
        ("half_open.mean", Unit::Ratio, |p, seconds| average(p.half_open_seconds, seconds)),
        ("half_open.max", Unit::Count, |p, _| count(p.half_open_max)),
        ("opened", Unit::Count, |p, _| count(p.opened)),
        ("closed", Unit::Count, |p, _| count(p.closed)),
        ("connect_failures", Unit::Count, |p, _| count(p.connect_failures)),
        ("leaks", Unit::Count, |p, _| count(p.leaks)),
    ];
    const TIMES: &'static [Times<Self>] = &[("wait", |p| &p.wait), ("connect", |p| &p.connect)];
    const FAILS: bool = false;
    fn failed(&self, _: usize) -> (u64, u64) {
        (0, 0)
    }
}

impl Metered for CacheTotals {
    const PLAIN: &'static [Plain<Self>] = &[
        ("hit_rate", Unit::Share, |c, _| over(c.hits, c.hits + c.misses)),
        ("misses", Unit::Rate, |c, seconds| per(c.misses, seconds)),
        ("coalesced", Unit::Share, |c, _| over(c.coalesced, c.misses)),
        ("fills", Unit::Rate, |c, seconds| per(c.fills, seconds)),
        ("evictions", Unit::Rate, |c, seconds| per(c.evictions, seconds)),
        ("shared", Unit::Share, |c, _| over(c.shared, c.coalesced)),
        ("stale", Unit::Share, |c, _| over(c.stale, c.hits + c.misses)),
        ("negative", Unit::Share, |c, _| over(c.negative, c.hits + c.misses)),
        ("refreshes", Unit::Rate, |c, seconds| per(c.refreshes, seconds)),
        ("unstored", Unit::Rate, |c, seconds| per(c.unstored, seconds)),
        ("corrupt", Unit::Count, |c, _| count(c.corrupt)),
        ("wrong", Unit::Count, |c, _| count(c.wrong)),
        ("filling.max", Unit::Count, |c, _| count(c.filling_max)),
        ("same_key.max", Unit::Count, |c, _| count(c.same_key_max)),
    ];
    const TIMES: &'static [Times<Self>] = &[];
    const FAILS: bool = false;
    fn failed(&self, _: usize) -> (u64, u64) {
        (0, 0)
    }
}

impl Metered for SplitTotals {
    const PLAIN: &'static [Plain<Self>] = &[
        ("share", Unit::Share, |s, _| over(s.calls, s.of)),
        ("calls", Unit::Rate, |s, seconds| per(s.calls, seconds)),
        ("success", Unit::Share, |s, _| over(s.ok, s.ok + s.failed)),
        ("failure", Unit::Share, |s, _| over(s.failed, s.ok + s.failed)),
        ("moved", Unit::Count, |s, _| count(s.moved)),
        ("lost", Unit::Count, |s, _| count(s.lost)),
    ];
    const TIMES: &'static [Times<Self>] = &[];
    const FAILS: bool = false;
    fn failed(&self, _: usize) -> (u64, u64) {
        (0, 0)
    }
}

impl Metered for EdgeTotals {
    const PLAIN: &'static [Plain<Self>] = &[
        ("calls", Unit::Rate, |e, seconds| per(e.calls, seconds)),
        ("attempts", Unit::Ratio, |e, _| over(e.attempts, e.calls)),
        ("success", Unit::Share, |e, _| over(e.ok, e.calls)),
        ("lost", Unit::Count, |e, _| count(e.lost)),
        ("turned_away", Unit::Share, |e, _| {
            let away = e.turned_away.iter().sum::<u64>();
            over(away, e.attempts + away)
        }),
        ("opened", Unit::Count, |e, _| count(e.opened)),
        ("ejections", Unit::Count, |e, _| count(e.ejections)),
        ("retries_denied", Unit::Count, |e, _| count(e.retries_denied)),
        ("fallbacks", Unit::Share, |e, _| over(e.fallbacks, e.calls)),
        ("hedges", Unit::Share, |e, _| over(e.hedges, e.calls)),
        ("hedge_wins", Unit::Share, |e, _| over(e.hedge_wins, e.calls)),
    ];
    const TIMES: &'static [Times<Self>] = &[];
    const FAILS: bool = true;
    fn failed(&self, kind: usize) -> (u64, u64) {
        (self.failed[kind], self.calls)
    }
}

/// What is asked of an operator: its name, its unit and how it is read; what never happened is infinitely late.
pub(super) type OfOperator = (&'static str, Unit, fn(&OperatorTotals) -> f64);

pub(super) const OF_OPERATOR: [OfOperator; 5] = [
    ("called", Unit::Count, |o| o.called as f64),
    ("begun", Unit::Count, |o| o.begun as f64),
    ("first", Unit::Duration, |o| late(o.first)),
    ("finished", Unit::Count, |o| o.finished as f64),
    ("escalated", Unit::Count, |o| o.escalated as f64),
];

/// The same of a rollout.
pub(super) type OfRollout = (&'static str, Unit, fn(&RolloutTotals) -> f64);

fn late(after: Option<Span>) -> f64 {
    after.map_or(f64::INFINITY, Span::seconds)
}

pub(super) const OF_ROLLOUT: [OfRollout; 11] = [
    ("started", Unit::Count, |r| r.started as f64),
    ("blocked", Unit::Count, |r| r.blocked as f64),
    ("refused", Unit::Count, |r| r.refused as f64),
    ("switched", Unit::Count, |r| r.switched as f64),
    ("interrupted", Unit::Count, |r| r.interrupted as f64),
    ("paused", Unit::Count, |r| r.paused as f64),
    ("promoted", Unit::Count, |r| r.promoted as f64),
    ("rolled_back", Unit::Count, |r| r.rolled_back as f64),
    ("failed_checks", Unit::Count, |r| r.failed_checks as f64),
    ("time_to_detect", Unit::Duration, |r| late(r.detected)),
    ("time_to_rollback", Unit::Duration, |r| late(r.time_to_rollback)),
];

/// A metric by name, or what it could have been.
pub(super) fn find<T: Metered>(name: &str) -> Result<(Measure<T>, Unit), String> {
    if let Some((_, unit, read)) = T::PLAIN.iter().find(|(plain, ..)| *plain == name) {
        return Ok((Measure::Plain(*read), *unit));
    }
    if let Some((of, stat)) = name.split_once('.')
        && let Some((_, histogram)) = T::TIMES.iter().find(|(times, _)| *times == of)
        && let Some((_, stat)) = STATS.iter().find(|(known, _)| *known == stat)
    {
        return Ok((Measure::Times(*histogram, *stat), Unit::Duration));
    }
    if T::FAILS
        && let Some(kind) = Failure::ALL.iter().position(|failure| failure.name() == name)
    {
        return Ok((Measure::Failed(kind), Unit::Share));
    }
    let names = names::<T>();
    Err(did_you_mean(name, names.iter().map(String::as_str), "its metrics are"))
}

/// Every metric of a kind of component.
pub(super) fn names<T: Metered>() -> Vec<String> {
    let plain = T::PLAIN.iter().map(|(name, ..)| (*name).to_owned());
    let times = T::TIMES.iter().flat_map(|(of, _)| STATS.iter().map(move |(stat, _)| format!("{of}.{stat}")));
    let failures = Failure::ALL.iter().filter(|_| T::FAILS).map(|failure| failure.name().to_owned());
    plain.chain(times).chain(failures).collect()
}

impl<T: Metered> Measure<T> {
    /// The value over a window of this many seconds; `None` where there is nothing to measure.
    pub(super) fn read(&self, totals: &T, seconds: f64) -> Option<f64> {
        match self {
            Self::Plain(read) => read(totals, seconds),
            Self::Failed(kind) => {
                let (failed, of) = totals.failed(*kind);
                over(failed, of)
            }
            Self::Times(histogram, stat) => {
                let histogram = histogram(totals);
                match stat {
                    Stat::Mean => histogram.mean(),
                    Stat::Quantile(share) => histogram.quantile(*share),
                    Stat::Max => (histogram.count() > 0).then(|| histogram.max().seconds()),
                }
            }
        }
    }
}

impl Unit {
    /// Reads a value in this unit.
    pub(super) fn parse(self, text: &str) -> Result<f64, String> {
        match self {
            Self::Share => text.parse::<Share>().map(Share::get),
            Self::Duration => text.parse::<Duration>().map(Duration::seconds),
            Self::Rate => text.parse::<Rate>().map(Rate::get),
            Self::Ratio | Self::Count => {
                let plain = text.chars().all(|c| c.is_ascii_digit() || c == '.') && text.len() <= 24;
                let number = text.parse().ok().filter(|_| plain);
                number.ok_or_else(|| format!("`{text}` is not a plain number, such as `2` or `1.5`"))
            }
        }
    }

    /// The name that results use.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Duration => "s",
            Self::Rate => "1/s",
            Self::Ratio => "ratio",
            Self::Count => "count",
        }
    }

    /// What a value in this unit is called: `a share, such as …`.
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::Share => "a share in percent, such as `99.9%`",
            Self::Duration => "a duration with its unit, such as `250ms` or `1.5s`",
            Self::Rate => "a rate with its unit, such as `100/s`",
            Self::Ratio => "a plain number, such as `1.5`",
            Self::Count => "a plain number, such as `10`",
        }
    }

    /// A value for a person.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Share => {
                let percent = value * 100.0;
                let edge = percent > 99.0 && percent < 100.0 || percent > 0.0 && percent < 1.0;
                if edge { format!("{percent:.3}%") } else { format!("{percent:.1}%") }
            }
            Self::Duration if value < 1e-3 => format!("{}us", digits(value * 1e6)),
            Self::Duration if value < 1.0 => format!("{}ms", digits(value * 1e3)),
            Self::Duration => format!("{}s", digits(value)),
            Self::Rate => format!("{}/s", digits(value)),
            Self::Ratio => digits(value),
            Self::Count => format!("{value}"),
        }
    }
}

/// Three digits, without zeros at the end.
fn digits(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 100.0 => return format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
