//! Recordings of circuit breakers and of outlier ejection.

mod eject;
mod session;

use super::vector::{Check, number, text};
use super::{Exception, Family, Kind};
use serde_json::{Value, json};
use session::{Field, Sight, replay};
use squall_models::breaker::Spec;

pub(super) const FAMILY: Family = Family { kinds: KINDS, exceptions: EXCEPTIONS };

const KINDS: &[Kind] = &[
    Kind { file: "cb_resilience4j", vector: "", run: resilience4j },
    Kind { file: "cb_circuitbreaker_py", vector: "", run: circuitbreaker_py },
    Kind { file: "cb_pybreaker", vector: "", run: pybreaker },
    Kind { file: "cb_opossum", vector: "", run: opossum },
    Kind { file: "cb_cockatiel", vector: "", run: cockatiel },
    Kind { file: "cb_gobreaker", vector: "", run: gobreaker },
    Kind { file: "cb_failsafe_go", vector: "", run: failsafe_go },
    Kind { file: "cb_hystrix", vector: "", run: hystrix },
    Kind { file: "cb_polly", vector: "", run: polly },
    Kind { file: "envoy", vector: "max_ejection_percent", run: eject::maximum },
    Kind { file: "envoy", vector: "ejection_timeline", run: eject::timeline },
    Kind { file: "envoy", vector: "success_rate_threshold", run: eject::threshold },
];

const EXCEPTIONS: &[Exception] = &[];

/// A configuration of a library, whose fields are taken one by one; what is left over is not known.
struct Config<'a> {
    config: &'a Value,
    taken: Vec<&'static str>,
}

impl<'a> Config<'a> {
    fn new(vector: &'a Value) -> Self {
        // Notes and defaults say nothing about how it is set up.
        Self { config: &vector["config"], taken: vec!["note", "defaults"] }
    }

    /// The number under the first of these names that is there.
    fn number(&mut self, names: &[&'static str]) -> Option<f64> {
        self.taken.extend(names);
        names.iter().find_map(|name| number(self.config, *name).ok())
    }

    /// A span under one of these names; where a name ends in `_s` it is in seconds, otherwise in milliseconds.
    fn span(&mut self, names: &[&'static str]) -> Option<String> {
        self.taken.extend(names);
        let (name, number) = names.iter().find_map(|name| Some((name, number(self.config, *name).ok()?)))?;
        Some(if name.ends_with("_s") { format!("{number}s") } else { format!("{number}ms") })
    }

    fn text(&mut self, name: &'static str) -> Option<&'a str> {
        self.taken.push(name);
        text(self.config, name).ok()
    }

    fn flag(&mut self, names: &[&'static str]) -> Option<bool> {
        self.taken.extend(names);
        names.iter().find_map(|name| self.config[*name].as_bool())
    }

    /// The specification, if nothing in the configuration was left over. Fields that are `null` are left to their defaults.
    fn spec(&self, name: &str, fields: Value) -> Result<Spec, String> {
        for key in self.config.as_object().into_iter().flat_map(|config| config.keys()) {
            if !self.taken.contains(&key.as_str()) {
                return Err(format!("its configuration has `{key}`, which nothing here understands"));
            }
        }
        let mut fields = fields;
        fields.as_object_mut().expect("it is a map").retain(|_, value| !value.is_null());
        let spec = serde_json::from_value(json!({ name: fields })).map_err(|error| error.to_string())?;
        let problems = squall_models::breaker::check(&spec);
        problems.first().map_or(Ok(spec), |problem| Err(problem.to_string()))
    }
}

/// A percentage as it is written.
fn percent(number: f64) -> String {
    format!("{number}%")
}

/// A share between 0 and 1 as it is written.
fn ratio(number: f64) -> String {
    format!("{}%", (number * 1e10).round() / 1e8)
}

const IN_A_ROW: fn(&Sight) -> f64 = |sight| sight.counts.failures_in_a_row as f64;
const CALLS: fn(&Sight) -> f64 = |sight| sight.counts.calls as f64;
const FAILURES: fn(&Sight) -> f64 = |sight| sight.counts.failures as f64;

fn resilience4j(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut config = Config::new(vector);
    let calls = config.number(&["window"]);
    let window = match config.text("type") {
        Some("TIME_BASED") => json!({ "time": config.span(&["window_s"]) }),
        Some("COUNT_BASED") | None => calls.map_or(Value::Null, |calls| json!({ "calls": calls as u64 })),
        Some(other) => return Err(format!("there is no window `{other}`")),
    };
    let fields = json!({
        "window": window,
        "minimum_calls": config.number(&["min_calls"]).map(|calls| calls as u64),
        "failure_rate": config.number(&["failure_rate_threshold"]).map(percent),
        "slow_call_rate": config.number(&["slow_rate_threshold"]).map(percent),
        "slow_call_duration": config.span(&["slow_call_duration_ms"]),
        "wait": config.span(&["wait_open_ms"]),
        "half_open_calls": config.number(&["half_open_calls"]).map(|calls| calls as u64),
        "max_wait_in_half_open": config.span(&["max_wait_half_open_ms"]),
        "automatic_transition": config.flag(&["automatic", "automatic_transition"]),
    });
    const FIELDS: &[Field] = &[
        ("buffered", CALLS),
        ("failed", FAILURES),
        ("slow", |sight| sight.counts.slow as f64),
        ("failure_rate", |sight| sight.counts.failure_rate.unwrap_or(-1.0)),
        ("slow_rate", |sight| sight.counts.slow_rate.unwrap_or(-1.0)),
        ("not_permitted", |sight| sight.rejected_here as f64),
    ];
    replay(vector, config.spec("resilience4j", fields)?, FIELDS, check)
}

fn circuitbreaker_py(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut config = Config::new(vector);
    let recovery = config.number(&["recovery_timeout"]);
    let fields = json!({
        "failures": config.number(&["failure_threshold"]).map(|failures| failures as u64),
        "recovery": recovery.map(|seconds| format!("{seconds}s")),
    });
    const FIELDS: &[Field] = &[
        ("failure_count", IN_A_ROW),
        ("open_remaining_s", |sight| {
            let rest = sight.counts.opened_at.seconds() + sight.period - sight.now.seconds();
            // The library rounds away from zero; the clock of a recording is good to a microsecond.
            let rest = (rest * 1e6).round() / 1e6;
            if rest > 0.0 { rest.ceil() } else { rest.floor() }
        }),
    ];
    let spec = config.spec("circuitbreaker_py", fields)?;
    session::replay_with(vector, spec, FIELDS, recovery.unwrap_or(30.0), check)
}

fn pybreaker(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut config = Config::new(vector);
    let fields = json!({
        "failures": config.number(&["fail_max"]).map(|failures| failures as u64),
        "reset": config.number(&["reset_timeout"]).map(|seconds| format!("{seconds}s")),
        "successes": config.number(&["success_threshold"]).map(|successes| successes as u64),
        "new_error_on_trip": config.flag(&["throw_new_error_on_trip"]),
    });
    const FIELDS: &[Field] =
        &[("fail_counter", IN_A_ROW), ("success_counter", |sight| sight.counts.successes_in_a_row as f64)];
    replay(vector, config.spec("pybreaker", fields)?, FIELDS, check)
}

fn opossum(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut config = Config::new(vector);
    // The library turns its time limit off with `false`.
    let off = (config.flag(&["timeout"]) == Some(false)).then(|| "0s".to_owned());
    let fields = json!({
        "timeout": off.or(config.span(&["timeout", "timeout_ms"])),
        "error_rate": config.number(&["errorThresholdPercentage", "error_threshold_percentage", "error_pct"]).map(percent),
        "reset": config.span(&["resetTimeout", "resetTimeout_ms", "reset_timeout_ms", "reset_ms"]),
        "window": config.span(&["rollingCountTimeout", "rollingCountTimeout_ms", "rolling_ms", "window_ms"]),
        "buckets": config.number(&["rollingCountBuckets", "buckets"]).map(|buckets| buckets as u64),
        "volume": config.number(&["volumeThreshold", "volume_threshold", "volume"]).map(|volume| volume as u64),
        "capacity": config.number(&["capacity"]).map(|capacity| capacity as u64),
        "warm_up": config.flag(&["allowWarmUp", "allow_warm_up"]),
    });
    replay(vector, config.spec("opossum", fields)?, &[("fires", CALLS), ("failures", FAILURES)], check)
}

fn cockatiel(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut config = Config::new(vector);
    let breaker = config.text("breaker").ok_or("its configuration names no breaker")?;
    let field = |name: &str| session::written(breaker, name);
    let counter = if let Some(failures) = session::written(breaker, "ConsecutiveBreaker") {
        json!({ "in_a_row": { "failures": failures as u64 } })
    } else if breaker.starts_with("CountBreaker") {
        let minimum = field("minimumNumberOfCalls").map(|calls| calls as u64);
        let (threshold, size) = (field("threshold").map(ratio), field("size").map(|size| size as u64));
        json!({ "count": { "threshold": threshold, "size": size, "minimum": minimum } })
    } else if breaker.starts_with("SamplingBreaker") {
        let minimum = field("minimumRps").map(|rate| format!("{rate}/s"));
        let (threshold, duration) = (field("threshold").map(ratio), field("duration").map(|ms| format!("{ms}ms")));
        json!({ "sampling": { "threshold": threshold, "duration": duration, "minimum": minimum } })
    } else {
        return Err(format!("there is no breaker `{breaker}`"));
    };
    let sampling = &config.config["halfOpenSampling"];
    let half_open = number(sampling, "calls").ok().map(|calls| {
        let threshold = number(sampling, "threshold").map_or_else(|_| "0%".to_owned(), ratio);
        json!({ "calls": calls as u64, "threshold": threshold })
    });
    config.taken.push("halfOpenSampling");
    let fields = json!({
        "counter": counter,
        "half_open_after": config.span(&["halfOpenAfter_ms", "halfOpenAfter"]),
        "half_open": half_open,
    });
    replay(vector, config.spec("cockatiel", fields)?, &[], check)
}

fn gobreaker(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut config = Config::new(vector);
    let trip = match config.text("trip") {
        // What the recordings that do not say so were made with.
        None => json!({ "in_a_row_over": 1 }),
        Some(trip) => {
            let digits = trip.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            let number: u64 = digits.parse().map_err(|_| format!("`{trip}` ends in no number"))?;
            let condition: String = trip.chars().filter(|c| !c.is_whitespace() && !c.is_ascii_digit()).collect();
            match condition.as_str() {
                "consecutive_failures>" => json!({ "in_a_row_over": number }),
                "consecutive_failures>=" => json!({ "in_a_row_over": number.saturating_sub(1) }),
                "total_failures>=" => json!({ "failures": number }),
                "total_failures>" => json!({ "failures": number + 1 }),
                _ => return Err(format!("there is no condition `{trip}`")),
            }
        }
    };
    let fields = json!({
        "max_requests": config.number(&["max_requests"]).map(|requests| requests as u64),
        "interval": config.span(&["interval_s"]),
        "bucket": config.span(&["bucket_period_s"]),
        "timeout": config.span(&["timeout_s"]),
        "trip": trip,
    });
    const FIELDS: &[Field] = &[
        ("requests", CALLS),
        ("total_fail", FAILURES),
        ("consec_fail", IN_A_ROW),
        ("consec_succ", |sight| sight.counts.successes_in_a_row as f64),
    ];
    replay(vector, config.spec("gobreaker", fields)?, FIELDS, check)
}

fn failsafe_go(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut config = Config::new(vector);
    let whole = |number: Option<f64>| number.map(|number| number as u64);
    let failures = whole(config.number(&["failure_threshold", "failures"]));
    let of = whole(config.number(&["failure_thresholding_capacity", "failure_capacity", "of"]));
    let within = config.span(&[
        "failure_thresholding_period_s",
        "failure_period_s",
        "period_s",
        "period_ms",
        "failure_period_ms",
    ]);
    let rate = config.number(&["failure_rate_threshold", "failure_rate", "failure_rate_pct"]).map(percent);
    let calls = whole(config.number(&["failure_execution_threshold", "execution_threshold", "min_executions"]));
    let failure = match (failures, of, within, rate, calls) {
        (None, None, None, None, None) => Value::Null,
        (Some(failures), None, None, None, None) => json!({ "in_a_row": failures }),
        (Some(failures), Some(of), None, None, None) => json!({ "ratio": { "failures": failures, "of": of } }),
        (Some(failures), None, Some(within), None, None) => {
            json!({ "period": { "failures": failures, "within": within } })
        }
        (None, None, Some(within), Some(rate), Some(calls)) => {
            json!({ "rate": { "failures": rate, "calls": calls, "within": within } })
        }
        _ => return Err("its thresholds are of no kind that the library has".to_owned()),
    };
    let successes = whole(config.number(&["success_threshold", "successes"]));
    let among = whole(config.number(&["success_thresholding_capacity", "success_capacity", "success_of"]));
    let success = successes.map(|successes| match among {
        Some(of) => json!({ "successes": successes, "of": of }),
        None => json!({ "successes": successes }),
    });
    let fields = json!({ "failure": failure, "success": success, "delay": config.span(&["delay_s", "delay_ms"]) });
    const FIELDS: &[Field] = &[
        ("executions", CALLS),
        ("failures", FAILURES),
        ("successes", |sight| (sight.counts.calls - sight.counts.failures) as f64),
        ("failure_rate", |sight| sight.counts.failure_rate.unwrap_or(0.0)),
    ];
    replay(vector, config.spec("failsafe_go", fields)?, FIELDS, check)
}

fn hystrix(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut config = Config::new(vector);
    let fields = json!({
        "window": config.span(&["rolling_ms"]),
        "bucket": config.span(&["bucket_ms"]),
        "volume": config.number(&["volume"]).map(|volume| volume as u64),
        "error_rate": config.number(&["error_pct"]).map(percent),
        "sleep": config.span(&["sleep_ms"]),
    });
    replay(vector, config.spec("hystrix", fields)?, &[], check)
}

fn polly(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut config = Config::new(vector);
    let fields = json!({
        "failure_ratio": config.number(&["failure_ratio", "ratio"]).map(ratio),
        "minimum_throughput": config.number(&["minimum_throughput", "min_throughput", "min"]).map(|calls| calls as u64),
        "sampling": config.span(&["sampling_ms", "sampling_duration_ms", "sampling_s", "sampling_duration_s"]),
        "break": config.span(&["break_ms", "break_duration_ms", "break_s", "break_duration_s"]),
    });
    const FIELDS: &[Field] = &[("throughput", CALLS), ("failures", FAILURES)];
    replay(vector, config.spec("polly", fields)?, FIELDS, check)
}
