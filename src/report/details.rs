//! One variant in detail: clients, services, pools and caches.

use super::number::{count, digits, or_dash, percent, rate, time, times};
use super::style::wrap;
use super::table::{Column, table};
use crate::experiment::Outcome;
use crate::experiment::measure::{answered, ratio, share};
use squall_models::outcome::Failure;
use squall_models::report::{ClientTotals, Totals};

/// Tables for each kind of component that there is.
pub(super) fn details(outcome: &Outcome, width: usize) -> String {
    let Some(totals) = &outcome.totals else {
        return String::new();
    };
    let mut out = clients(outcome, totals, width);
    out += &fates(outcome, totals, width);
    out += &services(outcome, totals, width);
    out += &pools(outcome, totals, width);
    out += &connections(outcome, totals, width);
    out + &caches(outcome, totals, width)
}

fn section(columns: &[Column], rows: &[Vec<String>], width: usize) -> String {
    if rows.is_empty() { String::new() } else { format!("\n{}", table(columns, rows, width)) }
}

/// A mean rate over the measured time of all seeds.
fn per_second(outcome: &Outcome, events: u64) -> String {
    or_dash((outcome.seconds > 0.0).then(|| events as f64 / outcome.seconds), rate)
}

/// The mean over time of a level that was integrated.
fn mean_level(outcome: &Outcome, integral: f64) -> String {
    or_dash((outcome.seconds > 0.0).then(|| integral / outcome.seconds), count)
}

fn clients(outcome: &Outcome, totals: &Totals, width: usize) -> String {
    let columns = [
        ("client", 0),
        ("offered", 0),
        ("goodput", 0),
        ("ended\nwell", 0),
        ("p50", 2),
        ("p90", 4),
        ("p99", 0),
        ("p99.9", 5),
        ("max", 3),
        ("attempts\nper request", 1),
    ];
    let rows = outcome.names.clients.iter().zip(&totals.clients).map(|(name, client)| {
        let latency = &client.latency;
        vec![
            name.clone(),
            per_second(outcome, client.arrivals),
            per_second(outcome, client.ok),
            or_dash(answered(std::slice::from_ref(client)).map(|share| share.min(1.0)), percent),
            or_dash(latency.quantile(0.5), time),
            or_dash(latency.quantile(0.9), time),
            or_dash(latency.quantile(0.99), time),
            or_dash(latency.quantile(0.999), time),
            or_dash((latency.count() > 0).then(|| latency.max().seconds()), time),
            or_dash(ratio(client.attempts, client.ended()), digits),
        ]
    });
    let rows: Vec<_> = rows.collect();
    section(&columns, &rows, width)
}

/// What became of each client's requests, as shares of all that ended or were still in flight.
fn fates(outcome: &Outcome, totals: &Totals, width: usize) -> String {
    let mut out = String::new();
    let names = outcome.names.clients.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, client) in outcome.names.clients.iter().zip(&totals.clients).take(40) {
        let head = format!("  fates of {name:names$}  ");
        let indent = head.chars().count();
        for (number, line) in wrap(&fate_words(client), width.saturating_sub(indent).max(20)).into_iter().enumerate() {
            let start = if number == 0 { head.clone() } else { " ".repeat(indent) };
            out += &format!("{start}{line}\n");
        }
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

fn fate_words(client: &ClientTotals) -> String {
    let all = client.ended() + client.in_flight;
    if all == 0 {
        return "no requests".to_owned();
    }
    let mut fates = vec![("ok", client.ok), ("in flight at the end", client.in_flight)];
    fates.extend(Failure::ALL.iter().zip(client.failed).map(|(failure, count)| (failure.name(), count)));
    fates.retain(|(_, count)| *count > 0);
    fates.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let word = |(name, count): &(&str, u64)| format!("{name} {}", percent(*count as f64 / all as f64));
    let mut words = fates.iter().map(word).collect::<Vec<_>>().join(", ");
    if client.reloads > 0 {
        let share = percent(client.reloads as f64 / client.arrivals.max(1) as f64);
        words += &format!("; {share} of requests were reloads");
    }
    if client.degraded > 0 {
        let share = percent(client.degraded as f64 / client.ok as f64);
        words += &format!("; {share} of those that ended well were degraded");
    }
    words
}

fn services(outcome: &Outcome, totals: &Totals, width: usize) -> String {
    let columns = [
        ("service", 0),
        ("calls", 1),
        ("utilisation", 0),
        ("queue\nmean", 2),
        ("queue\nmax", 0),
        ("load\namplified", 1),
        ("wasted\nwork", 1),
        ("failed", 2),
        ("p50", 4),
        ("p99", 0),
    ];
    let rows = outcome.names.services.iter().zip(&totals.services).map(|(name, service)| {
        let failed: u64 = service.failed.iter().sum();
        vec![
            name.clone(),
            per_second(outcome, service.arrivals),
            or_dash(share(service.held, service.available), percent),
            mean_level(outcome, service.queued_seconds),
            count(service.queue_max as f64),
            or_dash(ratio(service.arrivals, service.first_arrivals), times),
            or_dash(share(service.wasted, service.work), percent),
            or_dash(ratio(failed, failed + service.ok), percent),
            or_dash(service.latency.quantile(0.5), time),
            or_dash(service.latency.quantile(0.99), time),
        ]
    });
    let rows: Vec<_> = rows.collect();
    section(&columns, &rows, width)
}

fn pools(outcome: &Outcome, totals: &Totals, width: usize) -> String {
    let columns = [
        ("pool", 0),
        ("in use", 0),
        ("waiting\nmean", 1),
        ("waiting\nmax", 0),
        ("wait\np50", 3),
        ("wait\np99", 0),
        ("timed\nout", 0),
    ];
    let rows = outcome.names.pools.iter().zip(&totals.pools).map(|((service, name), pool)| {
        vec![
            format!("{service}.{name}"),
            or_dash(share(pool.held, pool.available), percent),
            mean_level(outcome, pool.queued_seconds),
            count(pool.waiting_max as f64),
            or_dash(pool.wait.quantile(0.5), time),
            or_dash(pool.wait.quantile(0.99), time),
            or_dash(ratio(pool.timeouts, pool.asked), percent),
        ]
    });
    let rows: Vec<_> = rows.collect();
    section(&columns, &rows, width)
}

/// Pools that open connections themselves; those of a plain pool are always there.
fn connections(outcome: &Outcome, totals: &Totals, width: usize) -> String {
    let columns = [
        ("connections", 0),
        ("open\nmean", 0),
        ("open\nmax", 2),
        ("opened", 0),
        ("closed", 4),
        ("failed\nlog-ins", 0),
        ("log-in\np50", 3),
        ("log-in\np99", 1),
        ("half-open\nmax", 1),
    ];
    let pools = outcome.names.pools.iter().zip(&totals.pools);
    let rows = pools.filter(|(_, pool)| pool.opened + pool.connect_failures > 0).map(|((service, name), pool)| {
        vec![
            format!("{service}.{name}"),
            mean_level(outcome, pool.open_seconds),
            count(pool.open_max as f64),
            per_second(outcome, pool.opened),
            per_second(outcome, pool.closed),
            per_second(outcome, pool.connect_failures),
            or_dash(pool.connect.quantile(0.5), time),
            or_dash(pool.connect.quantile(0.99), time),
            count(pool.half_open_max as f64),
        ]
    });
    let rows: Vec<_> = rows.collect();
    section(&columns, &rows, width)
}

fn caches(outcome: &Outcome, totals: &Totals, width: usize) -> String {
    let columns = [
        ("cache", 0),
        ("hit rate", 0),
        ("look-ups", 1),
        ("misses", 2),
        ("evictions", 3),
        ("most fills\nat once", 0),
        ("of one\nkey", 1),
    ];
    let rows = outcome.names.caches.iter().zip(&totals.caches).map(|(name, cache)| {
        let lookups = cache.hits + cache.misses;
        vec![
            name.clone(),
            or_dash(ratio(cache.hits, lookups), percent),
            per_second(outcome, lookups),
            per_second(outcome, cache.misses),
            per_second(outcome, cache.evictions),
            count(cache.filling_max as f64),
            count(cache.same_key_max as f64),
        ]
    });
    let rows: Vec<_> = rows.collect();
    section(&columns, &rows, width)
}
