//! Recordings of rate limiters.

use super::given::{at_ms, in_ms};
use super::vector::{Check, count, flag, list, maybe, number, text};
use super::{Exception, Family, Kind};
use serde_json::{Value, json};
use squall_models::rate_limit::{Limiter, Spec, Verdict};
use squall_sim::{Span, Time};

pub(super) const FAMILY: Family = Family {
    kinds: &[
        Kind { file: "limiters_misc", vector: "gcra_redis_cell", run: gcra },
        Kind { file: "limiters_misc", vector: "sliding_window_counter", run: sliding },
        Kind { file: "ratelimiter_go", vector: "", run: go },
        Kind { file: "ratelimiter_resilience4j", vector: "", run: resilience4j },
    ],
    exceptions: EXCEPTIONS,
};

const EXCEPTIONS: &[Exception] = &[];

fn limiter(spec: Value) -> Result<Limiter, String> {
    let shown = spec.to_string();
    let spec: Spec = serde_json::from_value(spec).map_err(|error| format!("{shown} is no rate limit: {error}"))?;
    match spec.check().as_slice() {
        [] => Ok(Limiter::new(&spec, Time::ZERO)),
        [problem, ..] => Err(format!("{shown}: {problem}")),
    }
}

/// Milliseconds, or -1 where there are none.
fn or_minus_one(span: Option<Span>) -> f64 {
    span.map_or(-1.0, in_ms)
}

/// The burst is in the name of the vector: `max_burst=2 rate=1/s`.
fn gcra(vector: &Value, check: &mut Check) -> Result<(), String> {
    let name = check.name().to_owned();
    let word = |key: &str| name.split_whitespace().find_map(|word| word.strip_prefix(key)).ok_or(format!("no {key}"));
    let burst: u32 = word("max_burst=")?.parse().map_err(|error| format!("max_burst: {error}"))?;
    let Limiter::Gcra(mut gcra) = limiter(json!({ "gcra": { "rate": word("rate=")?, "burst": burst } }))? else {
        return Err("it is no GCRA".to_owned());
    };
    for (at, row) in list(vector, "steps")?.iter().enumerate() {
        let (now, quantity) = (at_ms(number(row, 0)?), number(row, 1)? as u32);
        let taken = gcra.take(now, quantity);
        check.same(at, "allowed", row[2].as_bool().ok_or("`allowed` is no boolean")?, taken.is_ok());
        check.near(at, "retry_after_ms", number(row, 3)?, or_minus_one(taken.err().flatten()), 0.0);
        check.near(at, "reset_after_ms", number(row, 4)?, in_ms(gcra.reset_after(now)), 0.0);
    }
    Ok(())
}

/// So many calls in the window before, and so many when a part of the present one has passed.
fn sliding(vector: &Value, check: &mut Check) -> Result<(), String> {
    for (at, row) in list(vector, "cases")?.iter().enumerate() {
        let spec = json!({ "sliding_window": { "limit": 1000, "window": "1s" } });
        let mut limiter = limiter(spec)?;
        let now = at_ms(1000.0 * (1.0 + number(row, 2)?));
        for (calls, time) in [(number(row, 0)?, Time::ZERO), (number(row, 1)?, now)] {
            for _ in 0..calls as u64 {
                check.same(at, "admitted", true, limiter.admit(time) == Verdict::Admit);
            }
        }
        let Limiter::SlidingWindow(window) = &mut limiter else { return Err("it is no sliding window".to_owned()) };
        check.near(at, "estimate", number(row, 3)?, window.estimate(now), 1e-9);
    }
    Ok(())
}

fn go(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let rate = format!("{}/s", number(config, "rate_per_s")?);
    let spec = json!({ "token_bucket": { "rate": rate, "burst": count(config, "burst")? } });
    let Limiter::TokenBucket(mut bucket) = limiter(spec)? else { return Err("it is no token bucket".to_owned()) };
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        let (now, wanted) = (at_ms(number(step, "t_ms")?), count(step, "n")? as u32);
        let patience = match text(step, "op")? {
            "allow" => Span::ZERO,
            "reserve" => Span::MAX,
            other => return Err(format!("the operation {other} is not known")),
        };
        let taken = bucket.take(now, wanted, patience);
        check.same(at, "ok", flag(step, "ok")?, taken.is_ok());
        if let Some(delay) = maybe(step, "delay_ms")? {
            check.near(at, "delay_ms", delay, or_minus_one(taken.ok()), 0.0);
        }
        check.near(at, "tokens_after", number(step, "tokens_after")?, bucket.tokens(now), 1e-9);
    }
    Ok(())
}

fn resilience4j(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let millis = |key| number(config, key).map(|millis| format!("{millis}ms"));
    let limit = count(config, "limit")?;
    let spec = json!({ "resilience4j": {
        "limit": limit, "period": millis("refresh_ms")?, "timeout": millis("timeout_ms")?,
    } });
    let Limiter::Resilience4j(mut limiter) = limiter(spec)? else { return Err("it is no such limiter".to_owned()) };
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        let now = at_ms(number(step, "t_ms")?);
        check.near(at, "wait_ms", number(step, "wait_ms")?, or_minus_one(limiter.reserve(now).ok()), 0.0);
        check.near(at, "available_after", number(step, "available_after")?, limiter.available(now) as f64, 0.0);
    }
    Ok(())
}
