//! Recordings of retries and their backoff.

use super::given::{Given, in_ms};
use super::vector::{Check, count, flag, list, maybe, number, numbers, text};
use super::{Exception, Family, Kind};
use serde_json::{Value, json};
use squall_models::outcome::Failure;
use squall_models::retry::{Facts, Hint, Retry, Spec};
use squall_sim::Span;

pub(super) const FAMILY: Family = Family {
    kinds: &[
        Kind { file: "retry_tenacity", vector: "wait_", run: tenacity_waits },
        Kind { file: "retry_tenacity", vector: "stop_", run: tenacity_stops },
        Kind { file: "retry_resilience4j", vector: "default_retry", run: resilience4j_defaults },
        Kind { file: "retry_resilience4j", vector: "exponential_random", run: resilience4j_bounds },
        Kind { file: "retry_resilience4j", vector: "", run: resilience4j_intervals },
        Kind { file: "retry_cockatiel", vector: "", run: cockatiel },
        Kind { file: "retry_polly", vector: "", run: polly },
        Kind { file: "retry_aws_blog", vector: "", run: aws_blog },
        Kind { file: "retry_aws_standard_pre2026", vector: "backoff", run: aws_backoff_before_2026 },
        Kind { file: "retry_aws_standard_pre2026", vector: "max_attempts", run: aws_attempts_before_2026 },
        Kind { file: "retry_aws_standard_2026", vector: "backoff", run: aws_backoff_2026 },
        Kind { file: "retry_aws_standard_2026", vector: "retry_after", run: aws_retry_after },
        Kind { file: "retry_aws_standard_2026", vector: "max_attempts", run: aws_attempts_2026 },
        Kind { file: "retry_google_api_core", vector: "", run: google },
        Kind { file: "retry_urllib3", vector: "", run: urllib3 },
        Kind { file: "envoy", vector: "backoff_", run: envoy_bounds },
    ],
    exceptions: EXCEPTIONS,
};

const EXCEPTIONS: &[Exception] = &[];

/// Squall's clock ticks in whole nanoseconds.
const NANO: f64 = 1e-9;

fn policy(spec: Value) -> Result<Retry, String> {
    let shown = spec.to_string();
    let spec: Spec = serde_json::from_value(spec).map_err(|error| format!("{shown} is no retry policy: {error}"))?;
    match spec.check().as_slice() {
        [] => Ok(Retry::new(&spec)),
        [problem, ..] => Err(format!("{shown}: {problem}")),
    }
}

fn facts(attempts: u16) -> Facts {
    let (elapsed, failure, hint) = (Span::ZERO, Failure::Error, Hint::None);
    Facts { attempts, elapsed, memory: 0, failure, hint, idempotent: true }
}

/// The delays of a call that only ever fails.
fn delays(policy: &Retry, facts: Facts, uniform: f64, most: usize) -> Vec<Span> {
    let mut found = Vec::new();
    let (mut facts, mut draws) = (facts, Given::always(uniform));
    while found.len() < most {
        let Some(next) = policy.decide(facts, &mut draws) else { break };
        found.push(next.delay);
        facts =
            Facts { attempts: facts.attempts + 1, memory: next.memory, elapsed: facts.elapsed + next.delay, ..facts };
    }
    found
}

/// Compares delays, which a recording states in the unit of which there are so many in a second.
fn compare(check: &mut Check, what: &str, expected: &[f64], got: &[Span], per_second: f64) {
    check.same("all", &format!("the number of {what}"), expected.len(), got.len());
    for (at, (expected, got)) in expected.iter().zip(got).enumerate() {
        check.near(at, what, expected / per_second, got.seconds(), NANO + expected.abs() / per_second * 1e-9);
    }
}

/// A duration as a user writes it.
fn duration(seconds: f64) -> String {
    format!("{seconds:.9}s")
}

/// The seconds under a key of a configuration, as a duration.
fn seconds(config: &Value, key: &str, default: f64) -> Result<String, String> {
    Ok(duration(maybe(config, key)?.unwrap_or(default)))
}

fn tenacity_waits(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let max = match &config["max"] {
        Value::Null | Value::String(_) => Value::Null,
        _ => json!(duration(number(config, "max")?)),
    };
    let growth = || -> Result<Value, String> {
        let base = maybe(config, "exp_base")?.unwrap_or(2.0);
        let (multiplier, min) = (seconds(config, "multiplier", 1.0)?, seconds(config, "min", 0.0)?);
        Ok(json!({ "multiplier": multiplier, "base": base, "min": min, "max": max }))
    };
    let name = check.name().to_owned();
    let is = |prefix: &str| name.starts_with(prefix);
    let wait = if is("wait_exponential_jitter") {
        let growth = growth()?;
        let (initial, base, min) = (&growth["multiplier"], &growth["base"], &growth["min"]);
        let jitter = seconds(config, "jitter", 1.0)?;
        json!({ "exponential_jitter": { "initial": initial, "base": base, "jitter": jitter, "min": min, "max": max } })
    } else if is("wait_exponential") {
        json!({ "exponential": growth()? })
    } else if is("wait_random_exponential") {
        json!({ "random_exponential": growth()? })
    } else if is("wait_incrementing") {
        let (start, increment) = (seconds(config, "start", 0.0)?, seconds(config, "increment", 100.0)?);
        json!({ "incrementing": { "start": start, "increment": increment, "max": max } })
    } else if is("wait_chain") {
        let chain = numbers(config, "chain")?;
        json!({ "chain": chain.iter().map(|wait| json!({ "fixed": duration(*wait) })).collect::<Vec<_>>() })
    } else if is("wait_random") {
        json!({ "random": { "min": seconds(config, "min", 0.0)?, "max": seconds(config, "max", 1.0)? } })
    } else if is("wait_fixed") {
        json!({ "fixed": seconds(config, "wait", 0.0)? })
    } else {
        return Err("a wait that is not known".to_owned());
    };
    let policy = policy(json!({ "tenacity": { "attempts": 1000, "wait": wait } }))?;
    let expected = numbers(vector, "wait_s")?;
    let uniform = maybe(config, "u")?.unwrap_or(0.0);
    compare(check, "wait_s", &expected, &delays(&policy, facts(1), uniform, expected.len()), 1.0);
    Ok(())
}

/// Its name says what it does: `stop_after_delay_5_call_takes_2s_wait1`.
fn tenacity_stops(vector: &Value, check: &mut Check) -> Result<(), String> {
    let name = check.name().to_owned();
    let (stop, takes) = if let Some(attempts) = name.strip_prefix("stop_after_attempt_") {
        (json!({ "attempts": attempts.parse::<u16>().map_err(|error| error.to_string())? }), Span::ZERO)
    } else if name == "stop_after_delay_5_call_takes_2s_wait1" {
        (json!({ "stop_after": "5s" }), Span::from_secs(2))
    } else if name == "stop_before_delay_5_call_takes_2s_wait1" {
        (json!({ "stop_before": "5s" }), Span::from_secs(2))
    } else {
        return Err("a stop that is not known".to_owned());
    };
    let mut spec = json!({ "wait": { "fixed": "1s" } });
    spec.as_object_mut().expect("it is one").extend(stop.as_object().expect("it is one").clone());
    let policy = policy(json!({ "tenacity": spec }))?;
    let (mut now, mut sleeps) = (Span::ZERO, Vec::new());
    loop {
        now += takes;
        let facts = Facts { elapsed: now, ..facts(sleeps.len() as u16 + 1) };
        let Some(next) = policy.decide(facts, &mut Given::always(0.0)) else { break };
        sleeps.push(next.delay);
        now += next.delay;
    }
    let result = &vector["result"];
    check.same("end", "attempts", count(result, "attempts")?, sleeps.len() as u64 + 1);
    check.near("end", "end_t", number(result, "end_t")?, now.seconds(), NANO);
    compare(check, "sleeps", &numbers(result, "sleeps")?, &sleeps, 1.0);
    Ok(())
}

/// Such as `exponential_500_1.5_max2000`.
fn resilience4j(name: &str) -> Result<Retry, String> {
    let mut spec = json!({ "attempts": 1000 });
    let mut parts = name.split('_').skip(1).filter(|part| *part != "random");
    match (name.starts_with("exponential"), parts.next()) {
        (false, _) => {}
        (true, Some("default") | None) => spec["multiplier"] = json!(1.5),
        (true, Some(initial)) => {
            spec["delay"] = json!(format!("{initial}ms"));
            let multiplier = parts.next().unwrap_or("1.5").parse::<f64>();
            spec["multiplier"] = json!(multiplier.map_err(|error| error.to_string())?);
            for part in parts {
                if let Some(max) = part.strip_prefix("max") {
                    spec["max_delay"] = json!(format!("{max}ms"));
                } else if let Ok(share) = part.parse::<f64>() {
                    spec["randomization"] = json!(format!("{}%", share * 100.0));
                }
            }
        }
    }
    policy(json!({ "resilience4j": spec }))
}

fn resilience4j_intervals(vector: &Value, check: &mut Check) -> Result<(), String> {
    let policy = resilience4j(check.name())?;
    let expected = numbers(vector, "interval_ms")?;
    compare(check, "interval_ms", &expected, &delays(&policy, facts(1), 0.5, expected.len()), 1000.0);
    Ok(())
}

fn resilience4j_bounds(vector: &Value, check: &mut Check) -> Result<(), String> {
    let policy = resilience4j(check.name())?;
    let attempt = count(vector, "attempt")? as u16;
    for (what, uniform) in [("observed_min_ms", 0.0), ("observed_max_ms", 0.999_999)] {
        let got = policy.decide(facts(attempt), &mut Given::always(uniform)).ok_or("it is not tried again")?;
        check.near(attempt, what, number(vector, what)?, in_ms(got.delay), 0.0);
    }
    Ok(())
}

fn resilience4j_defaults(vector: &Value, check: &mut Check) -> Result<(), String> {
    let policy = policy(json!({ "resilience4j": {} }))?;
    let got = delays(&policy, facts(1), 0.5, 1000);
    check.same("end", "attempts", count(vector, "attempts")?, got.len() as u64 + 1);
    compare(check, "sleeps_ms", &numbers(vector, "sleeps_ms")?, &got, 1000.0);
    Ok(())
}

fn cockatiel(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let generator = match config["generator"].as_str().unwrap_or(check.name()) {
        "noJitter" => "none",
        "fullJitter" => "full",
        "halfJitter" => "half",
        "decorrelatedJitterV2" | "decorrelatedJitter" => "decorrelated_v2",
        other => return Err(format!("the generator `{other}` is not known")),
    };
    let millis = |key| Ok::<_, String>(duration(number(config, key)? / 1000.0));
    let mut spec = json!({ "retries": "unlimited", "generator": generator });
    // The defaults are the preset's to know.
    if check.name() != "default_options" {
        (spec["initial"], spec["max"]) = (json!(millis("initialDelay_ms")?), json!(millis("maxDelay_ms")?));
    }
    let policy = policy(json!({ "cockatiel": spec }))?;
    let expected = numbers(vector, "delay_ms")?;
    compare(check, "delay_ms", &expected, &delays(&policy, facts(1), number(config, "u")?, expected.len()), 1000.0);
    Ok(())
}

fn polly(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let (backoff, jitter) = match check.name().split_once('_') {
        Some((backoff, "jitter")) => (backoff.to_owned(), true),
        _ => (check.name().to_owned(), false),
    };
    let mut spec = json!({ "retries": "unlimited", "backoff": backoff, "jitter": jitter });
    spec["delay"] = json!(duration(number(config, "base_s")?));
    if let Some(max) = maybe(config, "max_s")? {
        spec["max_delay"] = json!(duration(max));
    }
    let policy = policy(json!({ "polly": spec }))?;
    let expected = numbers(vector, "attempt_0_based_delay_s")?;
    let got = delays(&policy, facts(1), number(config, "u")?, expected.len());
    check.same("all", "the number of delays", expected.len(), got.len());
    for (at, (expected, got)) in expected.iter().zip(got).enumerate() {
        // The library cuts off what is less than a tick of 100 ns, which this file does not state.
        check.near(at, "delay_s", *expected, got.seconds(), 1.01e-7);
    }
    Ok(())
}

fn aws_blog(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    for jitter in ["full", "equal", "decorrelated"] {
        let (base, cap) = (seconds(config, "base_s", 0.1)?, seconds(config, "cap_s", 10.0)?);
        let spec = json!({ "attempts": "unlimited", "base": base, "cap": cap, "jitter": jitter });
        let policy = policy(json!({ "exponential": spec }))?;
        let expected = numbers(&vector["attempt_0_based"], jitter)?;
        compare(check, jitter, &expected, &delays(&policy, facts(1), number(config, "u")?, expected.len()), 1.0);
    }
    Ok(())
}

fn aws_failure(error: &str) -> Result<Failure, String> {
    match error {
        "500" | "502" | "503" | "504" | "conn" | "connection" | "transient" => Ok(Failure::Error),
        "throttle" | "throttling" | "429" => Ok(Failure::RateLimited),
        "timeout" => Ok(Failure::Timeout),
        other => Err(format!("the error `{other}` is not known")),
    }
}

fn aws_backoff(vector: &Value, check: &mut Check, spec: Value) -> Result<(), String> {
    let policy = policy(json!({ "aws_standard": spec }))?;
    let facts = Facts { failure: aws_failure(text(vector, "error")?)?, ..facts(1) };
    let expected = numbers(vector, "attempt_1_based_delays_s")?;
    let got = delays(&policy, facts, number(vector, "u")?, expected.len());
    compare(check, &format!("delay_s ({}, {})", vector["error"], vector["service"]), &expected, &got, 1.0);
    Ok(())
}

fn aws_backoff_before_2026(vector: &Value, check: &mut Check) -> Result<(), String> {
    aws_backoff(vector, check, json!({ "attempts": "unlimited", "scale": "1s" }))
}

/// DynamoDB has a scale of its own.
fn aws_2026(service: Option<&str>) -> Value {
    let dynamodb = service.is_some_and(|service| service.to_lowercase().starts_with("dynamodb"));
    let (scale, attempts) = if dynamodb { ("25ms", 4) } else { ("50ms", 3) };
    json!({ "scale": scale, "attempts": attempts, "retry_after_margin": "5s" })
}

fn aws_backoff_2026(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut spec = aws_2026(vector["service"].as_str());
    spec["attempts"] = json!("unlimited");
    aws_backoff(vector, check, spec)
}

/// What the callee asks for, in milliseconds, against what would have been drawn, each as a row or as a map.
fn aws_retry_after(vector: &Value, check: &mut Check) -> Result<(), String> {
    let rows = ["cases", "steps"].iter().find_map(|key| vector[*key].as_array());
    let rows = rows.map_or_else(|| std::slice::from_ref(vector), Vec::as_slice);
    for (at, row) in rows.iter().enumerate() {
        let policy = policy(json!({ "aws_standard": aws_2026(row["service"].as_str()) }))?;
        // A header that is no number, or a negative one, is ignored.
        let header =
            ["header_ms", "retry_after_ms", "header"].iter().map(|key| &row[*key]).find(|value| !value.is_null());
        let asked = header.and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()));
        let hint = asked.filter(|asked| *asked >= 0.0).map_or(Hint::None, |asked| Hint::After(super::given::ms(asked)));
        let failure = row["error"].as_str().map_or(Ok(Failure::Error), aws_failure)?;
        let attempts = maybe(row, "attempt")?.unwrap_or(1.0) as u16;
        let uniform = maybe(row, "u")?.or(maybe(vector, "u")?).unwrap_or(1.0);
        let facts = Facts { hint, failure, ..facts(attempts) };
        let got = policy.decide(facts, &mut Given::always(uniform)).ok_or("it is not tried again")?;
        check.near(at, "delay_s", number(row, "delay_s")?, got.delay.seconds(), NANO);
    }
    Ok(())
}

fn aws_attempts(vector: &Value, check: &mut Check, spec: Value) -> Result<(), String> {
    let policy = policy(json!({ "aws_standard": spec }))?;
    check.same("default", "attempts", count(vector, "default")?, policy.attempts().into());
    for (at, expected) in list(vector, "retryable_by_attempt_500")?.iter().enumerate() {
        let got = policy.decide(facts(at as u16 + 1), &mut Given::always(0.5)).is_some();
        check.same(at, "retryable_by_attempt_500", expected.as_bool(), Some(got));
    }
    Ok(())
}

/// A 429 without an error code that the SDK knows is a plain failure of the world here: whether it is tried again is up
/// to `on`.
fn aws_attempts_before_2026(vector: &Value, check: &mut Check) -> Result<(), String> {
    let on = if flag(vector, "429_without_code")? { json!(["error", "rate_limited"]) } else { json!(["error"]) };
    aws_attempts(vector, check, json!({ "scale": "1s", "on": on }))
}

fn aws_attempts_2026(vector: &Value, check: &mut Check) -> Result<(), String> {
    aws_attempts(vector, check, aws_2026(None))?;
    for (service, attempts) in vector["service_overrides"].as_object().into_iter().flatten() {
        let expected = attempts.as_u64().ok_or("the attempts of a service are no number")?;
        let got = policy(json!({ "aws_standard": aws_2026(Some(service)) }))?.attempts();
        check.same(service, "attempts", expected, got.into());
    }
    Ok(())
}

/// The list of delays of a recording, whatever it is called, in seconds.
fn any_delays(vector: &Value) -> Result<Vec<f64>, String> {
    let named = |key: &str| ["delay", "sleep", "wait", "backoff"].iter().any(|word| key.contains(word));
    let found = vector.as_object().into_iter().flatten().find(|(key, value)| named(key) && value.is_array());
    let (key, _) = found.ok_or("there is no list of delays in it")?;
    let unit = if key.ends_with("_ms") { 1000.0 } else { 1.0 };
    Ok(numbers(vector, key.as_str())?.into_iter().map(|delay| delay / unit).collect())
}

fn google(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let (base, cap) = (seconds(config, "initial", 1.0)?, seconds(config, "maximum", 60.0)?);
    let factor = maybe(config, "multiplier")?.unwrap_or(2.0);
    let mut spec = json!({ "attempts": "unlimited", "base": base, "cap": cap, "factor": factor, "jitter": "full" });
    if let Some(timeout) = maybe(config, "timeout")? {
        spec["stop_before"] = json!(duration(timeout));
    }
    let policy = policy(json!({ "exponential": spec }))?;
    let expected = any_delays(vector)?;
    let uniform = maybe(config, "u")?.or(maybe(vector, "u")?).unwrap_or(1.0);
    let most = if config["timeout"].is_null() { expected.len() } else { usize::MAX };
    compare(check, "delay", &expected, &delays(&policy, facts(1), uniform, most), 1.0);
    Ok(())
}

fn urllib3(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let spec = json!({
        "retries": "unlimited",
        "backoff_factor": seconds(config, "backoff_factor", 0.0)?,
        "backoff_max": seconds(config, "backoff_max", 120.0)?,
        "backoff_jitter": seconds(config, "backoff_jitter", 0.0)?,
        "stop_after": "100000000s",
    });
    let policy = policy(json!({ "urllib3": spec }))?;
    let expected = any_delays(vector)?;
    let uniform = maybe(config, "u")?.or(maybe(vector, "u")?).unwrap_or(0.0);
    compare(check, "delay", &expected, &delays(&policy, facts(1), uniform, expected.len()), 1.0);
    Ok(())
}

/// What the drawn delay stays below, seen from the largest draw and from the one in the middle.
fn envoy_bounds(vector: &Value, check: &mut Check) -> Result<(), String> {
    let documented = vector["retry_1_based_bound_ms"].is_array();
    let (key, growth) =
        if documented { ("retry_1_based_bound_ms", "documented") } else { ("retry_1_based", "doubling") };
    let config = &vector["config"];
    let (base, max) = (maybe(config, "base_ms")?.unwrap_or(25.0), maybe(config, "max_ms")?.unwrap_or(250.0));
    let (base, max) = (duration(base / 1000.0), duration(max / 1000.0));
    let policy = policy(json!({ "envoy": { "retries": "unlimited", "base": base, "max": max, "growth": growth } }))?;
    for (at, &bound) in numbers(vector, key)?.iter().enumerate() {
        for uniform in [0.5, 0.999_999] {
            let got =
                policy.decide(facts(at as u16 + 1), &mut Given::always(uniform)).ok_or("it is not tried again")?;
            let expected = (bound * uniform).floor().min(250.0);
            check.near(at, &format!("delay_ms at {uniform}"), expected, in_ms(got.delay), 0.0);
        }
    }
    Ok(())
}
