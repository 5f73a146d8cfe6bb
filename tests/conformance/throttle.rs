//! Recordings of client-side throttles.

use super::given::at_s;
use super::vector::{Check, flag, list, maybe, number};
use super::{Exception, Family, Kind};
use serde_json::{Value, json};
use squall_models::outcome::Failure;
use squall_models::throttle::aws_adaptive::{Bucket, Cubic, RateClock};
use squall_models::throttle::{Spec, Throttle};
use squall_sim::Time;

pub(super) const FAMILY: Family = Family {
    kinds: &[
        Kind { file: "retry_aws_standard", vector: "adaptive_cubic", run: cubic },
        Kind { file: "retry_aws_standard", vector: "adaptive_rate_clocker", run: rate_clock },
        Kind { file: "retry_aws_standard", vector: "adaptive_token_bucket", run: bucket },
        Kind { file: "envoy", vector: "admission_control", run: envoy_admission },
        Kind { file: "limiters_misc", vector: "sre_client_throttle", run: sre },
    ],
    exceptions: EXCEPTIONS,
};

const EXCEPTIONS: &[Exception] = &[];

fn throttle(spec: Value) -> Result<Throttle, String> {
    let shown = spec.to_string();
    let spec: Spec = serde_json::from_value(spec).map_err(|error| format!("{shown} is no throttle: {error}"))?;
    match spec.check().as_slice() {
        [] => Ok(Throttle::new(&spec, Time::ZERO)),
        [problem, ..] => Err(format!("{shown}: {problem}")),
    }
}

fn cubic(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let number_of = |key| number(config, key);
    let (scale, beta) = (number_of("scale")?, number_of("beta")?);
    let mut cubic = Cubic::new(scale, beta, number_of("starting_max_rate")?, number_of("start")?);
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        let now = number(step, "t")?;
        let rate = match step["op"].as_str() {
            Some("success") => cubic.succeeded(now),
            Some("error") => cubic.throttled(number(step, "current_rate")?, now),
            _ => return Err(format!("the operation {} is not known", step["op"])),
        };
        check.near(at, "new_rate", number(step, "new_rate")?, rate, 1e-9);
        check.near(at, "w_max", number(step, "w_max")?, cubic.w_max_and_k().0, 1e-9);
        check.near(at, "k", number(step, "k")?, cubic.w_max_and_k().1, 1e-9);
    }
    Ok(())
}

fn rate_clock(vector: &Value, check: &mut Check) -> Result<(), String> {
    let mut clock = RateClock::new(0.8, 0.0);
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        check.near(at, "measured_rate", number(step, "measured_rate")?, clock.record(number(step, "t")?), 1e-9);
    }
    Ok(())
}

/// The rate at which it starts is not in the recording; what its first steps fill in is 10/s.
fn bucket(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let rate = maybe(config, "max_rate")?.unwrap_or(10.0);
    let mut bucket = Bucket::new(rate, number(config, "min_rate")?);
    let mut now = 0.0;
    for (at, step) in list(vector, "steps")?.iter().enumerate() {
        now = maybe(step, "t")?.unwrap_or(now);
        if let Some(tokens) = maybe(step, "acquire")? {
            check.same(at, "ok", flag(step, "ok")?, bucket.acquire(tokens, now).is_ok());
        } else {
            bucket.set_rate(number(step, "rate")?, now);
            check.near(at, "fill_rate", number(step, "fill_rate")?, bucket.state().1, 1e-9);
            check.near(at, "max_capacity", number(step, "max_capacity")?, bucket.state().2, 1e-9);
        }
        check.near(at, "available", number(step, "available")?, bucket.state().0, 1e-9);
    }
    Ok(())
}

fn envoy_admission(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let mut spec = json!({ "aggression": maybe(config, "aggression")?.unwrap_or(1.0) });
    for (key, field) in [("sr_threshold", "success"), ("max_rejection", "max_rejection")] {
        if let Some(share) = maybe(config, key)? {
            spec[field] = json!(format!("{}%", share * 100.0));
        }
    }
    for row in list(vector, "total_success_to_reject_probability")? {
        let mut throttle = throttle(json!({ "envoy_admission": spec }))?;
        played(&mut throttle, (number(row, 0)?, number(row, 1)?));
        let Throttle::EnvoyAdmission(control) = &mut throttle else { return Err("it is no such control".to_owned()) };
        let at = format!("{} of {}", row[1], row[0]);
        check.near(at, "the chance to be rejected", number(row, 2)?, control.chance(Time::ZERO), 1e-12);
    }
    Ok(())
}

fn sre(vector: &Value, check: &mut Check) -> Result<(), String> {
    for row in list(vector, "requests_accepts_p")? {
        let mut throttle = throttle(json!({ "sre": {} }))?;
        played(&mut throttle, (number(row, 0)?, number(row, 1)?));
        let Throttle::Sre(sre) = &mut throttle else { return Err("it is no such throttle".to_owned()) };
        let at = format!("{} of {}", row[1], row[0]);
        check.near(at, "the chance to be rejected", number(row, 2)?, sre.chance(Time::ZERO), 1e-12);
        // A minute later it is the same, and after the window there is nothing left.
        check.near("later", "the chance to be rejected", number(row, 2)?, sre.chance(at_s(60.0)), 1e-12);
        check.near("after the window", "the chance to be rejected", 0.0, sre.chance(at_s(121.0)), 0.0);
    }
    Ok(())
}

/// So many calls of which so many succeed, all at once.
fn played(throttle: &mut Throttle, (calls, successes): (f64, f64)) {
    // A draw at the upper end is never rejected, whatever the chance.
    let mut draws = super::given::Given::always(1.0);
    for call in 0..calls as u64 {
        throttle.admit(Time::ZERO, &mut draws);
        let outcome = if call < successes as u64 { Ok(()) } else { Err(Failure::Shed) };
        throttle.ended(Time::ZERO, outcome);
    }
}
