//! Recordings of retry budgets.

use super::given::at_ms;
use super::vector::{Check, count, flag, list, maybe, number, text};
use super::{Exception, Family, Kind};
use serde_json::{Value, json};
use squall_models::budget::{Budget, Grant, Over, Spec};
use squall_models::outcome::Failure;
use squall_sim::Time;

pub(super) const FAMILY: Family = Family {
    kinds: &[
        Kind { file: "retry_budget_tower", vector: "", run: tower },
        Kind { file: "retry_budget_linkerd", vector: "", run: tower },
        Kind { file: "retry_budget_finagle", vector: "", run: finagle },
        Kind { file: "retry_grpc_throttling", vector: "", run: grpc },
        Kind { file: "retry_aws_standard_pre2026", vector: "quota_walk", run: aws_walk_before_2026 },
        Kind { file: "retry_aws_standard_pre2026", vector: "retries_until_exhausted", run: aws_exhausted_before_2026 },
        Kind { file: "retry_aws_standard_2026", vector: "quota_walk", run: aws_walk_2026 },
        Kind { file: "retry_aws_standard_2026", vector: "retries_until_exhausted", run: aws_exhausted_2026 },
        Kind { file: "envoy", vector: "retry_budget_limit", run: envoy },
    ],
    exceptions: EXCEPTIONS,
};

const EXCEPTIONS: &[Exception] = &[];

pub(super) fn budget(spec: Value) -> Result<Budget, String> {
    let shown = spec.to_string();
    let spec: Spec = serde_json::from_value(spec).map_err(|error| format!("{shown} is no budget: {error}"))?;
    match spec.check().as_slice() {
        [] => Ok(Budget::new(&spec, Time::ZERO)),
        [problem, ..] => Err(format!("{shown}: {problem}")),
    }
}

fn granted(budget: &mut Budget, now: Time, wanted: u64) -> u64 {
    (0..wanted).filter(|_| budget.ask(now, Failure::Error).is_some()).count() as u64
}

fn window_config(vector: &Value) -> Result<(f64, String, String), String> {
    let config = &vector["config"];
    let ratio = maybe(config, "ratio")?.or(maybe(config, "percent_can_retry")?).unwrap_or(0.2);
    let (floor, ttl) = (maybe(config, "min_per_s")?.unwrap_or(10.0), maybe(config, "ttl_s")?.unwrap_or(10.0));
    Ok((ratio, format!("{floor}/s"), format!("{ttl}s")))
}

fn tower(vector: &Value, check: &mut Check) -> Result<(), String> {
    let (ratio, floor, ttl) = window_config(vector)?;
    window(vector, check, &json!({ "linkerd": { "ratio": ratio, "floor": floor, "ttl": ttl } }))
}

fn finagle(vector: &Value, check: &mut Check) -> Result<(), String> {
    let (ratio, floor, ttl) = window_config(vector)?;
    let share = format!("{:.6}%", ratio * 100.0);
    window(vector, check, &json!({ "finagle": { "share": share, "floor": floor, "ttl": ttl } }))
}

/// Deposits and withdrawals, each at its time; or how old a deposit can get.
fn window(vector: &Value, check: &mut Check, spec: &Value) -> Result<(), String> {
    if vector["age_ms_and_withdrawable"].is_array() {
        return lifetimes(vector, check, spec);
    }
    let mut budget = budget(spec.clone())?;
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        let (now, n) = (at_ms(number(step, "t_ms")?), count(step, "n")?);
        match text(step, "op")? {
            "dep" | "deposit" => (0..n).for_each(|_| budget.began(now, true)),
            "wd" | "withdraw" => check.same(at, "granted", count(step, "granted")?, granted(&mut budget, now, n)),
            "adv" => {}
            other => return Err(format!("the operation `{other}` is not known")),
        }
    }
    Ok(())
}

/// Five deposits make a retry. Either all are made at the beginning, and then nothing happens; or four are, something
/// happens four times a second, and the fifth is made at the age that is asked for, so that the four are what is measured.
fn lifetimes(vector: &Value, check: &mut Check, spec: &Value) -> Result<(), String> {
    let idle = match check.name() {
        name if name.contains("idle_gap") => true,
        name if name.contains("4 deposits at 0, 1 at age") && name.contains("every_250ms") => false,
        _ => return Err("how the deposits were made is not known".to_owned()),
    };
    for row in list(vector, "age_ms_and_withdrawable")? {
        let (age, mut budget) = (number(row, 0)?, budget(spec.clone())?);
        (0..if idle { 5 } else { 4 }).for_each(|_| budget.began(Time::ZERO, true));
        if !idle {
            // A retry that is refused costs nothing, and is something that happens.
            let quarters = (age / 250.0) as u32;
            (1..=quarters).for_each(|n| assert!(budget.ask(at_ms(f64::from(n) * 250.0), Failure::Error).is_none()));
            budget.began(at_ms(age), true);
        }
        let got = budget.ask(at_ms(age), Failure::Error).is_some();
        check.same(format!("{age} ms"), "withdrawable", flag(row, 1)?, got);
    }
    Ok(())
}

fn grpc(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let (most, ratio) = (number(config, "maxTokens")?, number(config, "tokenRatio")?);
    let thousandths = config["thousandths"].as_bool().unwrap_or(false);
    let spec = json!({ "max_tokens": most, "token_ratio": ratio, "thousandths": thousandths });
    let mut budget = budget(json!({ "grpc_throttle": spec }))?;
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        let outcome = match text(step, 0)? {
            "F" => Err(Failure::Error),
            "S" => Ok(()),
            other => return Err(format!("the operation `{other}` is not known")),
        };
        budget.over(Over::Answered { outcome, retryable: true });
        let Budget::GrpcThrottle(throttle) = &budget else { return Err("it is no throttle".to_owned()) };
        // The recording rounds what it prints.
        check.near(at, "tokens", number(step, 1)?, throttle.tokens(), 1e-9);
        check.same(at, "retry_allowed", flag(step, 2)?, budget.ask(Time::ZERO, Failure::Error).is_some());
    }
    Ok(())
}

fn before_2026() -> Value {
    json!({ "aws_quota": { "cost": 5, "timeout_cost": 10 } })
}

fn aws_walk_before_2026(vector: &Value, check: &mut Check) -> Result<(), String> {
    aws_walk(vector, check, before_2026())
}

fn aws_walk_2026(vector: &Value, check: &mut Check) -> Result<(), String> {
    aws_walk(vector, check, json!({ "aws_quota": {} }))
}

fn available(budget: &Budget) -> u64 {
    match budget {
        Budget::AwsQuota(quota) => quota.available().into(),
        _ => panic!("it was made as a quota"),
    }
}

/// `acquire:500`, `release:success-after-1-retry` and the like. What is released is what was acquired last.
fn aws_walk(vector: &Value, check: &mut Check, spec: Value) -> Result<(), String> {
    let mut budget = budget(spec)?;
    let mut last: Option<Grant> = None;
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        let op = text(step, "op")?;
        if let Some(what) = op.strip_prefix("acquire") {
            let failure = match what.trim_start_matches([':', '-']) {
                "timeout" => Failure::Timeout,
                "throttle" | "throttling" => Failure::RateLimited,
                _ => Failure::Error,
            };
            let grant = budget.ask(Time::ZERO, failure);
            check.same(at, "ok", flag(step, "ok")?, grant.is_some());
            last = grant.or(last);
        } else if op.starts_with("release:success-no-retry") {
            budget.ended(true, None);
        } else if op.starts_with("release:success") {
            budget.ended(true, last);
        } else if op.starts_with("release:") {
            budget.ended(false, last);
        } else {
            return Err(format!("the operation `{op}` is not known"));
        }
        check.same(at, "capacity", count(step, "capacity")?, available(&budget));
    }
    Ok(())
}

fn aws_exhausted_before_2026(vector: &Value, check: &mut Check) -> Result<(), String> {
    aws_exhausted(vector, check, before_2026())
}

fn aws_exhausted_2026(vector: &Value, check: &mut Check) -> Result<(), String> {
    aws_exhausted(vector, check, json!({ "aws_quota": {} }))
}

fn aws_exhausted(vector: &Value, check: &mut Check, spec: Value) -> Result<(), String> {
    let mut budget = budget(spec)?;
    let failure = match check.name() {
        name if name.contains("timeout") => Failure::Timeout,
        name if name.contains("throttl") => Failure::RateLimited,
        _ => Failure::Error,
    };
    let got = (0..100_000).take_while(|_| budget.ask(Time::ZERO, failure).is_some()).count() as u64;
    check.same("end", "retries", count(vector, "retries")?, got);
    check.same("end", "left", count(vector, "left")?, available(&budget));
    Ok(())
}

fn envoy(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let share = format!("{}%", number(config, "budget_percent")?);
    let spec = json!({ "envoy": { "share": share, "min_concurrency": count(config, "min_retry_concurrency")? } });
    for row in list(vector, "active_plus_pending_to_limit")? {
        let (active, mut budget) = (count(row, 0)?, budget(spec.clone())?);
        (0..active).for_each(|_| budget.began(Time::ZERO, true));
        let got = granted(&mut budget, Time::ZERO, 100_000);
        check.same(format!("{active} active"), "limit", count(row, 1)?, got);
    }
    Ok(())
}
