//! Recordings of the control side: autoscalers, probes, rollouts.

use super::given::at_s;
use super::vector::{Check, count, flag, list, numbers, text};
use super::{Family, Kind};
use serde_json::{Value, json};
use squall_models::autoscale::k8s_hpa_v2::{Pod, Scaler, Spec, Target};
use squall_models::platform::{Backoff, Streak, Verdict, fenceposts};
use squall_models::spec::CrashBackoff;
use squall_models::units::{Portion, Share};
use squall_sim::Span;

pub(super) const FAMILY: Family = Family { kinds: KINDS, exceptions: &[] };

const KINDS: &[Kind] = &[
    Kind { file: "k8s_hpa_v2", vector: "scale_up_limit", run: limits },
    Kind { file: "k8s_hpa_v2", vector: "ramp_from_1_want_100", run: ramp },
    Kind { file: "k8s_hpa_v2", vector: "downscale_stabilization", run: stabilisation },
    Kind { file: "k8s_hpa_v2", vector: "", run: utilisation },
    Kind { file: "k8s_misc", vector: "crashloop_backoff", run: crash_loop },
    Kind { file: "k8s_misc", vector: "rolling_update_fenceposts_25pct", run: quarter },
    Kind { file: "k8s_misc", vector: "fenceposts_surge0_unavail1pct", run: hundredth },
    Kind { file: "k8s_misc", vector: "probe_detection_time", run: detection },
];

fn utilisation(vector: &Value, check: &mut Check) -> Result<(), String> {
    let pods: Result<Vec<Pod>, String> = list(vector, "pods_usage_request_ready")?
        .iter()
        .map(|pod| Ok(Pod { usage: pod[0].as_u64(), request: count(pod, 1)?, ready: flag(pod, 2)? }))
        .collect();
    let (pods, current) = (pods?, count(vector, "current")? as u32);
    for (before_1_33, expected) in
        [(false, "desired_before_limits"), (true, "desired_before_limits_k8s_le_1.32_float_compare")]
    {
        let target = Target { percent: count(vector, "target_pct")?, tolerance: 0.1, before_1_33 };
        check.same(0, expected, Some(count(vector, expected)?), target.replicas(current, &pods).map(u64::from));
    }
    Ok(())
}

/// An autoscaler from 1 to a thousand, with the defaults of either way to say how fast it goes.
fn spec(behaves: bool) -> Spec {
    let mut spec = json!({"max": 1000, "cpu": "50%"});
    if behaves {
        spec["behavior"] = json!({});
    }
    serde_json::from_value(spec).expect("this is an autoscaler")
}

fn limits(vector: &Value, check: &mut Check) -> Result<(), String> {
    for (at, case) in list(vector, "replicas_to_limit")?.iter().enumerate() {
        let start = count(case, "start")? as u32;
        let ways = [
            (false, "behavior_nil: max(2*current,4)"),
            (true, "behavior_defaults: max(start+4, ceil(2*start)) per 15s period"),
        ];
        for (behaves, key) in ways {
            let most = Scaler::default().decide(&spec(behaves), at_s(0.0), start, 1000);
            check.same(at, key, count(case, key)?, most.into());
        }
    }
    Ok(())
}

fn ramp(vector: &Value, check: &mut Check) -> Result<(), String> {
    let spec = spec(text(vector, "name")?.ends_with("behavior_defaults"));
    let (mut scaler, mut current) = (Scaler::default(), 1);
    for (at, step) in list(vector, "t_s_replicas")?.iter().enumerate() {
        let step = [numbers_of(step)?[0], numbers_of(step)?[1]];
        current = scaler.decide(&spec, at_s(step[0]), current, 100);
        check.same(at, "replicas", step[1], current.into());
    }
    Ok(())
}

fn stabilisation(vector: &Value, check: &mut Check) -> Result<(), String> {
    let spec = spec(text(vector, "name")?.contains("behavior_set"));
    let (mut scaler, mut current) = (Scaler::default(), 10);
    for (at, step) in list(vector, "t_recommendation_applied")?.iter().enumerate() {
        let step = numbers_of(step)?;
        current = scaler.decide(&spec, at_s(step[0]), current, step[1] as u32);
        check.same(at, "replicas", step[2], current.into());
    }
    Ok(())
}

fn numbers_of(step: &Value) -> Result<Vec<f64>, String> {
    numbers(&json!({ "step": step }), "step")
}

/// The recording counts the waits; the first start again, which is at once, comes before them.
fn crash_loop(vector: &Value, check: &mut Check) -> Result<(), String> {
    let spec = if text(vector, "name")?.contains("reduced") {
        json!({"initial": "1s", "max": "60s"})
    } else {
        json!({"initial": "10s", "max": "300s"})
    };
    let spec: CrashBackoff = serde_json::from_value(spec).map_err(|error| error.to_string())?;
    let mut backoff = Backoff::new(&spec);
    check.same(0, "first start again", Span::ZERO, backoff.ended(Span::from_secs(1)));
    for (at, wait) in numbers(vector, "restart_1_based")?.into_iter().enumerate() {
        check.same(at + 1, "wait", wait, backoff.ended(Span::from_secs(1)).seconds());
    }
    if let Some(reset) = vector["reset_after_s"].as_u64() {
        check.same("reset", "wait", Span::ZERO, backoff.ended(Span::from_secs(reset + 1)));
    }
    Ok(())
}

fn quarter(vector: &Value, check: &mut Check) -> Result<(), String> {
    let share = Portion::Share(Share::new(0.25));
    posts(vector, share, share, check)
}

fn hundredth(vector: &Value, check: &mut Check) -> Result<(), String> {
    posts(vector, Portion::Count(0), Portion::Share(Share::new(0.01)), check)
}

fn posts(vector: &Value, surge: Portion, unavailable: Portion, check: &mut Check) -> Result<(), String> {
    for (at, case) in list(vector, "replicas_to_surge_unavailable")?.iter().enumerate() {
        let expected = (count(case, 1)? as u32, count(case, 2)? as u32);
        check.same(at, "surge and unavailable", expected, fenceposts(count(case, 0)? as u32, surge, unavailable));
    }
    Ok(())
}

/// A fault at any time between two probes is found within the range that is recorded, whether probes fail at once or late.
fn detection(vector: &Value, check: &mut Check) -> Result<(), String> {
    let config = &vector["config"];
    let (period, timeout) = (count(config, "period")?, count(config, "timeout")?);
    let threshold = count(config, "failure_threshold")? as u32;
    let found = |after_a_probe: f64, takes: f64| {
        let mut streak = Streak::default();
        let failed = (1..).find(|_| streak.add(false, (threshold, 1)) == Verdict::Failed);
        failed.map(|probe| f64::from(probe) * period as f64 - after_a_probe + takes)
    };
    let range = numbers(vector, "unready_after_s_range_from_fault")?;
    check.same(0, "soonest", Some(range[0]), found(period as f64, 0.0));
    check.same(1, "latest", Some(range[1]), found(0.0, timeout as f64));
    Ok(())
}
