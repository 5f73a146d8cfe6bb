//! The metrics of a run: what each is called, its unit, and how it follows from the counts. One list, which the
//! results on disk, the JSON output and the terminal share. The names are those that expectations use.

use squall_models::histogram::Histogram;
use squall_models::outcome::Failure;
use squall_models::report::{
    CacheTotals, ClientTotals, EdgeTotals, Ending, FAILURES, Names, PoolTotals, Series, ServiceTotals, SplitTotals,
    Totals,
};
use squall_sim::Span;

/// One number about one component.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The component: `clients.web`, `services.api`, `pools.api.db`, `caches.l1`, `edges.web.api`.
    pub component: String,
    /// The metric, such as `goodput` or `latency.p99`; raw counts are `count.…`.
    pub metric: String,
    /// The unit: `1/s`, `s`, `share`, `count` or `ratio`.
    pub unit: &'static str,
    /// The value; `None` where there is none, such as a percentile of nothing.
    pub value: Option<f64>,
}

impl Metric {
    /// Of a dozen kinds of failure most never happen, and most services have no optional steps: what counts none of them
    /// is left out of results.
    #[must_use]
    pub fn tells(&self) -> bool {
        if matches!(self.metric.as_str(), "left_out" | "count.optional" | "count.left_out") {
            return self.value.is_some_and(|value| value > 0.0);
        }
        let kind = self
            .metric
            .strip_prefix("count.")
            .map(|kind| kind.strip_prefix("attempt_").or_else(|| kind.strip_prefix("turned_away_")).unwrap_or(kind));
        self.value != Some(0.0) || !kind.is_some_and(|kind| Failure::ALL.iter().any(|failure| failure.name() == kind))
    }
}

/// The percentiles that are reported of every latency.
pub const QUANTILES: [(&str, f64); 5] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];

/// All metrics of all components. `seconds` is the time that the counts cover: of one run its measured time, of several
/// runs the sum.
#[must_use]
pub fn metrics(totals: &Totals, names: &Names, seconds: f64) -> Vec<Metric> {
    let mut list = List { rows: Vec::new(), component: String::new(), seconds };
    for (name, client) in names.clients.iter().zip(&totals.clients) {
        list.about(format!("clients.{name}")).client(client);
    }
    for (name, service) in names.services.iter().zip(&totals.services) {
        list.about(format!("services.{name}")).service(service);
    }
    for ((service, name), pool) in names.pools.iter().zip(&totals.pools) {
        list.about(format!("pools.{service}.{name}")).pool(pool);
    }
    for (name, cache) in names.caches.iter().zip(&totals.caches) {
        list.about(format!("caches.{name}")).cache(cache);
    }
    for ((split, side), totals) in names.splits.iter().zip(&totals.splits) {
        list.about(format!("splits.{split}.{side}")).split(totals);
    }
    for ((from, to), edge) in names.edges.iter().zip(&totals.edges) {
        list.about(format!("edges.{from}.{to}")).edge(edge);
    }
    list.rows
}

/// All histograms of all components, with their names.
pub fn histograms<'a>(
    totals: &'a Totals,
    names: &'a Names,
) -> impl Iterator<Item = (String, &'static str, &'a Histogram)> {
    let clients =
        names.clients.iter().zip(&totals.clients).map(|(n, c)| (format!("clients.{n}"), "latency", &c.latency));
    let services = names.services.iter().zip(&totals.services).flat_map(|(n, s)| {
        [("latency", &s.latency), ("wait", &s.wait)].map(|(which, h)| (format!("services.{n}"), which, h))
    });
    let pools = names.pools.iter().zip(&totals.pools).flat_map(|((s, n), p)| {
        [("wait", &p.wait), ("connect", &p.connect)].map(|(which, h)| (format!("pools.{s}.{n}"), which, h))
    });
    clients.chain(services).chain(pools)
}

/// A share or a ratio; `None` of nothing.
#[must_use]
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A share of time; `None` of no time.
#[must_use]
pub fn share(part: Span, whole: Span) -> Option<f64> {
    ratio(part.nanos(), whole.nanos())
}

/// Requests of these clients together that ended well, of those that ended.
#[must_use]
pub fn success(clients: &[ClientTotals]) -> Option<f64> {
    ratio(clients.iter().map(|client| client.ok).sum(), clients.iter().map(ClientTotals::ended).sum())
}

/// Requests of these clients together that ended well, of those that arrived: what never ends is no success.
#[must_use]
pub fn answered(clients: &[ClientTotals]) -> Option<f64> {
    ratio(clients.iter().map(|client| client.ok).sum(), clients.iter().map(|client| client.arrivals).sum())
}

/// A metric of all clients together, window by window; a client without a value adds nothing.
#[must_use]
pub fn all_clients(series: &Series, metric: &str) -> Vec<f64> {
    let mut sums = vec![0.0; series.len()];
    for column in series.columns.iter().filter(|c| c.metric == metric && c.component.starts_with("clients.")) {
        for (sum, value) in sums.iter_mut().zip(series.column(&column.component, metric).into_iter().flatten()) {
            *sum += if value.is_finite() { value } else { 0.0 };
        }
    }
    sums
}

/// The name of an ending in results.
#[must_use]
pub fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Horizon => "horizon",
        Ending::Drained => "drained",
        Ending::EventLimit => "event_limit",
        Ending::InFlightLimit => "in_flight_limit",
    }
}

struct List {
    rows: Vec<Metric>,
    component: String,
    seconds: f64,
}

impl List {
    fn about(&mut self, component: String) -> &mut Self {
        self.component = component;
        self
    }

    fn put(&mut self, metric: impl Into<String>, unit: &'static str, value: Option<f64>) {
        self.rows.push(Metric { component: self.component.clone(), metric: metric.into(), unit, value });
    }

    fn count(&mut self, of: &str, count: u64) {
        self.put(format!("count.{of}"), "count", Some(count as f64));
    }

    fn most(&mut self, of: &str, most: u64) {
        self.put(format!("{of}.max"), "count", Some(most as f64));
    }

    fn rate(&mut self, metric: &str, count: u64) {
        self.put(metric, "1/s", (self.seconds > 0.0).then(|| count as f64 / self.seconds));
    }

    /// The mean of a number that was integrated over time.
    fn level(&mut self, metric: &str, integral: f64) {
        self.put(format!("{metric}.mean"), "count", (self.seconds > 0.0).then(|| integral / self.seconds));
    }

    fn failures(&mut self, prefix: &str, failed: &[u64; FAILURES]) {
        for (failure, count) in Failure::ALL.iter().zip(failed) {
            self.count(&format!("{prefix}{}", failure.name()), *count);
        }
    }

    fn times(&mut self, prefix: &str, times: &Histogram) {
        self.put(format!("{prefix}.mean"), "s", times.mean());
        for (name, share) in QUANTILES {
            self.put(format!("{prefix}.{name}"), "s", times.quantile(share));
        }
        self.put(format!("{prefix}.max"), "s", (times.count() > 0).then(|| times.max().seconds()));
    }

    fn client(&mut self, client: &ClientTotals) {
        self.rate("offered", client.arrivals);
        self.rate("goodput", client.ok);
        self.put("success", "share", success(std::slice::from_ref(client)));
        self.put("failure", "share", ratio(client.ended() - client.ok, client.ended()));
        self.put("goodput_share", "share", ratio(client.ok, client.arrivals));
        self.put("attempts", "ratio", ratio(client.attempts, client.ended()));
        self.put("reloads", "share", ratio(client.reloads, client.arrivals));
        self.times("latency", &client.latency);
        self.count("arrivals", client.arrivals);
        self.count("reloads", client.reloads);
        self.count("attempts", client.attempts);
        self.count("ok", client.ok);
        if client.degraded > 0 {
            self.put("degraded", "share", ratio(client.degraded, client.ended()));
            self.count("degraded", client.degraded);
        }
        if client.acknowledged > 0 {
            self.count("acknowledged", client.acknowledged);
            self.count("data_loss", client.lost);
        }
        if client.duplicates > 0 {
            self.count("duplicates", client.duplicates);
        }
        self.failures("", &client.failed);
        self.count("in_flight", client.in_flight);
    }

    fn service(&mut self, service: &ServiceTotals) {
        self.rate("offered", service.arrivals);
        self.rate("throughput", service.ok);
        self.put("amplification", "ratio", ratio(service.arrivals, service.first_arrivals));
        self.put("utilisation", "share", share(service.held, service.available));
        self.put("work_share", "share", share(service.work, service.available));
        self.put("wasted", "share", share(service.wasted, service.work));
        self.level("queue", service.queued_seconds);
        self.most("queue", service.queue_max);
        self.level("present", service.present_seconds);
        self.most("present", service.present_max);
        self.put("served_at_once", "share", ratio(service.started_at_once, service.started));
        self.times("latency", &service.latency);
        self.times("wait", &service.wait);
        self.count("arrivals", service.arrivals);
        self.count("first_arrivals", service.first_arrivals);
        self.count("started", service.started);
        self.count("started_at_once", service.started_at_once);
        self.count("ok", service.ok);
        self.failures("", &service.failed);
        self.count("writes", service.writes);
        self.count("duplicate_writes", service.duplicate_writes);
        let data = &service.data;
        if data.acknowledged + data.refused + data.reads > 0 {
            self.count("acknowledged", data.acknowledged);
            self.count("persisted", data.persisted);
            self.count("data_loss", data.lost);
            self.count("refused_writes", data.refused);
            self.count("reads", data.reads);
            self.count("stale_reads", data.stale_reads);
            self.put("stale_share", "share", ratio(data.stale_reads, data.reads));
            self.put("staleness.max", "s", Some(data.staleness.seconds()));
        }
        if data.deduplicated > 0 {
            self.count("deduplicated", data.deduplicated);
        }
        self.put("left_out", "share", ratio(service.left_out, service.optional));
        self.count("optional", service.optional);
        self.count("left_out", service.left_out);
    }

    fn pool(&mut self, pool: &PoolTotals) {
        self.put("utilisation", "share", share(pool.held, pool.available));
        self.put("timeouts", "share", ratio(pool.timeouts, pool.asked));
        self.level("waiting", pool.queued_seconds);
        self.most("waiting", pool.waiting_max);
        self.level("size", pool.available.seconds());
        self.most("size", pool.size_max);
        self.level("open", pool.open_seconds);
        self.most("open", pool.open_max);
        self.level("half_open", pool.half_open_seconds);
        self.most("half_open", pool.half_open_max);
        self.times("wait", &pool.wait);
        self.times("connect", &pool.connect);
        self.count("asked", pool.asked);
        self.count("given", pool.given);
        self.count("timeouts", pool.timeouts);
        self.count("opened", pool.opened);
        self.count("closed", pool.closed);
        self.count("connect_failures", pool.connect_failures);
        self.count("leaks", pool.leaks);
    }

    fn cache(&mut self, cache: &CacheTotals) {
        self.put("hit_rate", "share", ratio(cache.hits, cache.hits + cache.misses));
        self.rate("misses", cache.misses);
        self.put("coalesced", "share", ratio(cache.coalesced, cache.misses));
        self.rate("fills", cache.fills);
        self.rate("evictions", cache.evictions);
        self.most("filling", cache.filling_max);
        self.most("same_key", cache.same_key_max);
        self.count("hits", cache.hits);
        self.count("misses", cache.misses);
        self.count("coalesced", cache.coalesced);
        self.count("fills", cache.fills);
        self.count("evictions", cache.evictions);
        self.put("shared", "share", ratio(cache.shared, cache.coalesced));
        self.put("stale", "share", ratio(cache.stale, cache.hits + cache.misses));
        self.rate("refreshes", cache.refreshes);
        self.count("shared", cache.shared);
        self.count("stale", cache.stale);
        self.count("negative", cache.negative);
        self.count("refreshes", cache.refreshes);
        self.count("unstored", cache.unstored);
        self.count("corrupt", cache.corrupt);
        self.count("wrong", cache.wrong);
    }

    fn split(&mut self, side: &SplitTotals) {
        self.put("share", "share", ratio(side.calls, side.of));
        self.put("failure", "share", ratio(side.failed, side.ok + side.failed));
        self.count("calls", side.calls);
        self.count("ok", side.ok);
        self.count("failed", side.failed);
        self.count("moved", side.moved);
        self.count("lost", side.lost);
    }

    fn edge(&mut self, edge: &EdgeTotals) {
        self.put("attempts", "ratio", ratio(edge.attempts, edge.calls));
        self.count("calls", edge.calls);
        self.count("attempts", edge.attempts);
        self.count("ok", edge.ok);
        self.failures("", &edge.failed);
        self.failures("attempt_", &edge.failed_attempts);
        self.count("abandoned_calls", edge.abandoned);
        self.count("in_flight", edge.in_flight);
        self.count("lost", edge.lost);
        self.failures("turned_away_", &edge.turned_away);
        self.count("opened", edge.opened);
        if edge.ejections > 0 {
            self.count("ejections", edge.ejections);
        }
        self.count("retries_denied", edge.retries_denied);
        self.count("fallbacks", edge.fallbacks);
        self.count("hedges", edge.hedges);
        self.count("hedge_wins", edge.hedge_wins);
    }
}
