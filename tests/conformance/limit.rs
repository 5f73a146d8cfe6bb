//! Recordings of concurrency limits.

use super::given::{Given, at_ms, ms};
use super::vector::{Check, count, flag, list, maybe, number};
use super::{Family, Kind};
use serde_json::{Value, json};
use squall_models::limit::{Ended, Limit, Sample, Spec, Verdict};
use squall_sim::{Span, Time};

pub(super) const FAMILY: Family = Family {
    kinds: &[
        Kind { file: "limit_netflix", vector: "aimd", run: aimd },
        Kind { file: "limit_netflix", vector: "vegas", run: vegas },
        Kind { file: "limit_netflix", vector: "gradient2", run: gradient2 },
        Kind { file: "limit_netflix", vector: "gradient", run: gradient },
        Kind { file: "envoy", vector: "adaptive_concurrency", run: envoy },
    ],
    exceptions: &[],
};

/// The fields of a policy from a recording's `config`: its name there, and here.
fn fields(config: &Value, names: &[(&str, &str)]) -> Value {
    let given = names.iter().filter(|(theirs, _)| config.get(theirs).is_some_and(Value::is_number));
    given.map(|(theirs, ours)| (ours.to_string(), config[theirs].clone())).collect()
}

fn policy(member: &str, spec: Value) -> Result<Limit, String> {
    let spec: Spec = serde_json::from_value(json!({ member: spec })).map_err(|error| error.to_string())?;
    Ok(Limit::new(&spec))
}

/// Feeds the samples of a recording, and compares the limit after each.
fn samples(vector: &Value, check: &mut Check, mut limit: Limit) -> Result<(), String> {
    let mut draws = Given::always(maybe(&vector["config"], "u")?.unwrap_or(0.5));
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        let sample = Sample {
            now: at_ms(maybe(step, "t_ms")?.unwrap_or(0.0)),
            rtt: ms(number(step, "rtt_ms")?),
            in_flight: count(step, "inflight")? as u32,
            dropped: flag(step, "drop")?,
        };
        limit.sample(sample, &mut draws);
        check.same(at, "limit", count(step, "limit")?, limit.limit().into());
    }
    Ok(())
}

fn aimd(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let names = [("initial", "initial"), ("min", "min"), ("max", "max"), ("backoff_ratio", "backoff")];
    let mut spec = fields(config, &names);
    if let Some(timeout) = maybe(config, "timeout_s")? {
        spec["timeout"] = format!("{timeout}s").into();
    }
    samples(vector, check, policy("aimd", spec)?)
}

fn vegas(vector: &Value, check: &mut Check) -> Result<(), String> {
    let names = [("initial", "initial"), ("max", "max"), ("smoothing", "smoothing")];
    samples(vector, check, policy("vegas", fields(&vector["config"], &names))?)
}

const GRADIENT: [(&str, &str); 8] = [
    ("initial", "initial"),
    ("min", "min"),
    ("max", "max"),
    ("smoothing", "smoothing"),
    ("tolerance", "tolerance"),
    ("queue_size", "queue"),
    ("long_window", "long_window"),
    ("backoff_ratio", "backoff"),
];

fn gradient2(vector: &Value, check: &mut Check) -> Result<(), String> {
    samples(vector, check, policy("gradient2", fields(&vector["config"], &GRADIENT))?)
}

fn gradient(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let mut spec = fields(config, &GRADIENT);
    if let Some(interval) = config.get("probe_interval") {
        spec["probe_interval"] = interval.as_u64().unwrap_or(0).into();
    }
    samples(vector, check, policy("gradient", spec)?)
}

/// Measures the stated time without load, and then lets one call of the stated length end in each interval.
fn envoy(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let mut spec = fields(config, &[("min_concurrency", "min_concurrency"), ("max", "max")]);
    let start = count(config, "start")?;
    if start != count(config, "min_concurrency")? {
        return Err(format!("a limit starts at its minimum, not at {start}"));
    }
    spec["buffer"] = format!("{}%", number(config, "buffer")? * 100.0).into();
    spec["jitter"] = "0%".into();
    spec["request_count"] = 1.into();
    spec["update_interval"] = "1s".into();
    spec["min_rtt_interval"] = "1h".into();
    let mut limit = policy("envoy_gradient", spec)?;
    let mut draws = Given::always(0.0);
    let mut now = Time::ZERO;
    let mut serve = |limit: &mut Limit, now: Time, rtt: Span| match limit.admit(now, &mut draws) {
        Verdict::Admit(token) => {
            limit.ended(now + rtt, token, Ended::Success, &mut draws);
            Ok(())
        }
        other => Err(format!("{other:?} with nothing under way")),
    };
    let min_rtt = ms(number(config, "min_rtt_ms")?);
    serve(&mut limit, now, min_rtt)?;
    now += min_rtt;
    for (at, step) in list(vector, "sample_p50_ms_to_new_limit")?.iter().enumerate() {
        serve(&mut limit, now, ms(number(step, 0)?))?;
        now += Span::from_secs(1);
        // The next call finds the interval over; it is cancelled, so that it leaves no sample.
        let Verdict::Admit(token) = limit.admit(now, &mut Given::always(0.0)) else {
            return Err("nothing is under way, yet there is no room".to_owned());
        };
        limit.ended(now, token, Ended::Ignored, &mut Given::always(0.0));
        check.same(at, "limit", count(step, 1)?, limit.limit().into());
    }
    Ok(())
}
