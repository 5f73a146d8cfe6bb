//! Recordings of outlier ejection.

use crate::conformance::given::{Given, at_s};
use crate::conformance::vector::{Check, count, flag, list, number, numbers, text};
use serde_json::{Value, json};
use squall_models::eject::{self, Answer, Availability, Ejector};
use squall_sim::Time;

fn ejector(fields: Value, hosts: usize) -> Result<Ejector, String> {
    let spec = serde_json::from_value(json!({ "envoy": fields })).map_err(|error| error.to_string())?;
    let problems = eject::check(&spec);
    problems.first().map_or_else(|| Ok(Ejector::new(&spec, hosts, Time::ZERO)), |problem| Err(problem.to_string()))
}

/// How many of so many bad hosts are out.
pub(super) fn maximum(vector: &Value, check: &mut Check) -> Result<(), String> {
    let cases = vector["hosts_to_ejected"].as_object().ok_or("there are no `hosts_to_ejected`")?;
    for (hosts, expected) in cases {
        let hosts: usize = hosts.parse().map_err(|_| format!("`{hosts}` is no number of hosts"))?;
        for rule in expected.as_object().into_iter().flat_map(|rules| rules.keys()) {
            let fields = match rule.as_str() {
                rule if rule.starts_with("legacy") => json!({ "maximum": "legacy" }),
                rule if rule.ends_with("always_eject_one_host") => json!({ "always_eject_one_host": true }),
                rule if rule.starts_with("strict") => json!({}),
                rule => return Err(format!("there is no rule `{rule}`")),
            };
            let mut ejector = ejector(fields, hosts)?;
            let mut draws = Given::always(0.5);
            for host in 0..hosts {
                for _ in 0..5 {
                    ejector.ended(host, Time::ZERO, Answer::Error, &mut draws);
                }
            }
            check.same(hosts, rule, count(expected, rule.as_str())?, ejector.ejected(Time::ZERO) as u64);
        }
    }
    Ok(())
}

/// When a host that fails now and then is out, second by second.
pub(super) fn timeline(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut ejector = ejector(json!({ "max_ejection_percent": "100%" }), 1)?;
    let mut draws = Given::always(0.5);
    let trips = numbers(vector, "consecutive_5xx_trip_at_s")?;
    let events = list(vector, "events_t_state_multiplier")?;
    let last = events.last().map_or(Ok(0.0), |event| number(event, 0))?;
    let mut seen = Vec::new();
    let mut out = false;
    for second in 0..=last as u64 {
        let now = at_s(second as f64);
        ejector.advance(now, &mut draws);
        if trips.contains(&(second as f64)) {
            for _ in 0..5 {
                ejector.ended(0, now, Answer::Error, &mut draws);
            }
        }
        let is = ejector.available(0, now) == Availability::No;
        if is != out {
            out = is;
            seen.push((second, if is { "ejected" } else { "returned" }, u64::from(ejector.strikes(0))));
        }
    }
    check.same("all", "number of events", events.len(), seen.len());
    for (at, (event, seen)) in events.iter().zip(seen).enumerate() {
        check.same(at, "event", (count(event, 0)?, text(event, 1)?, count(event, 2)?), seen);
    }
    Ok(())
}

/// Which success rate is too low.
pub(super) fn threshold(vector: &Value, check: &mut Check) -> Result<(), String> {
    let rates = numbers(vector, "success_rates")?;
    let at = |factor: f64| eject::envoy::threshold(|| rates.iter().copied(), factor);
    check.near(0, "mean", number(vector, "mean")?, at(0.0), 1e-9);
    check.near(0, "standard deviation", number(vector, "stdev(population)")?, at(0.0) - at(1.0), 1e-9);
    let least = number(vector, "threshold")?;
    check.near(0, "threshold", least, at(number(vector, "factor")?), 1e-9);
    let fields = json!({ "max_ejection_percent": "100%", "enforcing_consecutive_5xx": "0%" });
    let mut ejector = ejector(fields, rates.len())?;
    let mut draws = Given::always(0.5);
    for (host, rate) in rates.iter().enumerate() {
        for call in 0..100 {
            let answer = if f64::from(call) < *rate { Answer::Success } else { Answer::Error };
            ejector.ended(host, Time::ZERO, answer, &mut draws);
        }
    }
    let sweep = ejector.next_sweep().ok_or("there are no sweeps")?;
    ejector.advance(sweep, &mut draws);
    for (host, rate) in rates.iter().enumerate() {
        let below = flag(vector, "ejected_if_below")? && *rate < least;
        check.same(host, "ejected", below, ejector.available(host, sweep) == Availability::No);
    }
    Ok(())
}
