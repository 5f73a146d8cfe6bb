//! Recordings of Prometheus: rates, percentiles of buckets, alerts.

use super::given::at_s;
use super::vector::{Check, flag, list, maybe, number, numbers, text};
use super::{Family, Kind};
use serde_json::{Value, json};
use squall_models::monitor::{Alert, Sample, histogram_quantile, increase, rate};
use squall_sim::Span;

pub(super) const FAMILY: Family = Family { kinds: KINDS, exceptions: &[] };

const KINDS: &[Kind] = &[
    Kind { file: "prometheus", vector: "increase/rate upstream-checked cases", run: upstream },
    Kind { file: "prometheus", vector: "rate_1m_scrape15s_5per_scrape", run: rates },
    Kind { file: "prometheus", vector: "histogram_quantile", run: quantiles },
    Kind { file: "prometheus", vector: "alert_", run: alerts },
];

/// Far above the rounding of a few sums, far below any difference in what is done.
const ROUNDING: f64 = 1e-9;

/// A series with a sample every `step` seconds.
fn every(step: f64, values: &[f64]) -> Vec<Sample> {
    values.iter().enumerate().map(|(at, &value)| Sample { at: at_s(at as f64 * step), value }).collect()
}

/// A value, and so many more that each are larger by so much.
fn rising(first: f64, by: f64, more: usize) -> Vec<f64> {
    (0..=more).map(|number| first + by * number as f64).collect()
}

/// The recording has only the names of these cases. What each is about is in Prometheus' own tests:
/// `promql/promqltest/testdata/functions.test` and `histograms.test`.
fn upstream(vector: &Value, check: &mut Check) -> Result<(), String> {
    for (at, case) in list(vector, "name_got_expected")?.iter().enumerate() {
        let name = text(case, 0)?;
        let got = case_by_name(name).ok_or_else(|| format!("nobody knows the case `{name}`"))?;
        match (maybe(case, 2)?, got) {
            (Some(expected), Some(got)) => check.near(at, name, expected, got, ROUNDING),
            (expected, got) => check.same(at, name, expected, got),
        }
    }
    Ok(())
}

fn case_by_name(name: &str) -> Option<Option<f64>> {
    let minutes = |minutes: u64| Span::from_secs(60 * minutes);
    let fifty = at_s(50.0 * 60.0);
    let words: Vec<&str> = name.split(' ').collect();
    Some(match words[..] {
        ["inc", series, width] => {
            let values = match series {
                "foo" => rising(0.0, 10.0, 10),
                "bar" => [rising(0.0, 18.0, 5), rising(0.0, 18.0, 5)].concat(),
                "dings" => rising(10.0, 10.0, 10),
                "bumms" => rising(1.0, 10.0, 10),
                _ => return None,
            };
            increase(&every(300.0, &values), fifty, minutes(width.strip_suffix('m')?.parse().ok()?))
        }
        ["reset", "30m"] => increase(&every(300.0, &[0.0, 1.0, 2.0, 3.0, 2.0, 3.0, 4.0]), at_s(1800.0), minutes(30)),
        ["rate", "reset", "middle"] => {
            let values = [rising(0.0, 27.0, 4), rising(0.0, 27.0, 5)].concat();
            rate(&every(300.0, &values), fifty, minutes(50))
        }
        ["rate", "end", width] => {
            let values = [rising(0.0, 10.0, 9), vec![0.0, 10.0]].concat();
            rate(&every(300.0, &values), fifty, minutes(width.strip_suffix('m')?.parse().ok()?))
        }
        ["zero", "cutoff", first] => {
            rate(&every(240.0, &rising(first.parse().ok()?, 240.0, 10)), at_s(600.0), minutes(20))
        }
        ["hq", q] => {
            let buckets = [(0.0, 0.0), (2.0, 1.0), (4.0, 2.0), (6.0, 3.0), (f64::INFINITY, 3.0)];
            // The names are rounded; the cases are in the middle of a bucket each.
            let sixths = (q.parse::<f64>().ok()? * 6.0).round();
            Some(histogram_quantile(sixths / 6.0, &buckets))
        }
        _ => return None,
    })
}

fn rates(vector: &Value, check: &mut Check) -> Result<(), String> {
    let pair = |value: &Value| Ok::<_, String>((number(value, 0)?, number(value, 1)?));
    let mut samples = Vec::new();
    for sample in list(vector, "samples")? {
        let (at, value) = pair(sample)?;
        samples.push(Sample { at: at_s(at), value });
    }
    for case in list(vector, "t_to_rate[60s]")? {
        let (at, expected) = pair(case)?;
        let got = rate(&samples, at_s(at), Span::from_secs(60)).unwrap_or(f64::NAN);
        check.near(at, "rate", expected, got, ROUNDING);
    }
    Ok(())
}

/// The buckets are in the name: `histogram_quantile_le_{.1:50,.2:70,+Inf:120}`.
fn quantiles(vector: &Value, check: &mut Check) -> Result<(), String> {
    let name = text(vector, "name")?;
    let bucket = |text: &str| {
        let (bound, count) = text.split_once(':')?;
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
        Some((bound, count.parse().ok()?))
    };
    let inside = name.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}'));
    let buckets: Option<Vec<(f64, f64)>> = inside.and_then(|inside| inside.split(',').map(bucket).collect());
    let buckets = buckets.ok_or_else(|| format!("there are no buckets in `{name}`"))?;
    for (at, case) in list(vector, "q_to_value")?.iter().enumerate() {
        let got = histogram_quantile(number(case, 0)?, &buckets);
        check.near(at, "value", number(case, 1)?, got, ROUNDING);
    }
    Ok(())
}

/// How long is in the name, except that the one that is kept firing fires after a step.
fn alerts(vector: &Value, check: &mut Check) -> Result<(), String> {
    let (wait, keep) = match text(vector, "name")? {
        "alert_keep_firing_for_30s" => (15, 30),
        "alert_for_0s_fires_on_first_true_eval" => (0, 0),
        name if name.starts_with("alert_for_60s_") => (60, 0),
        name => return Err(format!("nobody knows the rule of `{name}`")),
    };
    let mut alert = Alert::new(Span::from_secs(wait), Span::from_secs(keep));
    for step in list(vector, "t_expr_state")? {
        let at = numbers(&json!({ "at": [step[0]] }), "at")?[0];
        let state = alert.evaluate(at_s(at), flag(step, 1)?);
        check.same(at, "state", text(step, 2)?, state.name());
    }
    Ok(())
}
