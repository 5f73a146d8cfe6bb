//! Phenomena that were simulated independently: collapses, recoveries, herds.

use super::{Case, Found, row};
use crate::support::{Lab, Run, Value, json, ratio};

pub(crate) const CASES: &[Case] = &[
    Case { id: "D01a", measure: storm },
    Case { id: "D01c", measure: no_retries },
    Case { id: "D01j", measure: last_in_first_out },
    Case { id: "D09", measure: gray_failure },
    Case { id: "D12", measure: herd },
    Case { id: "D15", measure: overload },
];

const SEEDS: u64 = 6;

/// Ten workers at 80 %, hit by twice the load for ten seconds; the windows are [20, 60), [75, 300) and [200, 300).
fn pulse(attempts: u32, order: &str) -> Vec<Run> {
    let retry = json!({"retry": {"constant": {"attempts": attempts, "delay": "0s"}}});
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"poisson": {"rate": "80/s"}},
            "edge": {"policies": [retry, {"timeout": "1s"}]},
        }},
        "services": {"api": {
            "capacity": {"workers": 10},
            "queue": {"order": order},
            "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "100ms"}}}]}},
        }},
        "faults": [{"surge": {"at": "60s", "for": "10s", "client": "web", "factor": 2.0}}],
    });
    let windows = [(20.0, 60.0), (75.0, 300.0), (200.0, 300.0)];
    let lab = Lab::new(world, 300.0).resolution(1.0).windows(&windows);
    (1..=SEEDS).map(|seed| lab.run(seed)).collect()
}

fn mean(runs: &[Run], of: impl Fn(&Run) -> f64) -> f64 {
    runs.iter().map(of).sum::<f64>() / runs.len() as f64
}

/// Good answers over requests offered, in a window.
fn goodput(runs: &[Run], window: usize) -> f64 {
    mean(runs, |run| {
        let client = run.client_in(window, "web");
        ratio(client.ok, client.arrivals)
    })
}

fn attempts(runs: &[Run], window: usize) -> f64 {
    mean(runs, |run| {
        let client = run.client_in(window, "web");
        ratio(client.attempts, client.ended())
    })
}

fn storm() -> Vec<Found> {
    let runs = pulse(4, "fifo");
    vec![
        row("goodput_20_60", goodput(&runs, 0), 1.0),
        row("goodput_fraction_200_300", goodput(&runs, 2), 1.0),
        row("attempts_per_request_200_300", attempts(&runs, 2), 1.0),
    ]
}

/// Recovered: five seconds in a row in which nine of ten requests that end do so well.
fn recovery(run: &Run) -> f64 {
    let (good, bad) = (run.series("clients.web", "goodput"), run.series("clients.web", "failed"));
    let fine: Vec<bool> = good.iter().zip(&bad).map(|(good, bad)| *good >= 9.0 * bad).collect();
    let since = (70..fine.len() - 5).find(|&at| fine[at..at + 5].iter().all(|&fine| fine));
    since.expect("it recovers") as f64 - 70.0
}

fn no_retries() -> Vec<Found> {
    let runs = pulse(1, "fifo");
    vec![
        row("goodput_20_60", goodput(&runs, 0), 1.0),
        row("goodput_fraction_200_300", goodput(&runs, 2), 1.0),
        row("recovery_time_after_trigger", mean(&runs, recovery), 1.0),
    ]
}

fn last_in_first_out() -> Vec<Found> {
    let runs = pulse(4, "lifo");
    vec![
        row("goodput_20_60", goodput(&runs, 0), 1.0),
        row("goodput_fraction_75_300", goodput(&runs, 1), 1.0),
        row("attempts_per_request_200_300", attempts(&runs, 2), 1.0),
    ]
}

/// One replica of ten is ten times slower. Window 0 is [10, 88), window 1 the last instant.
fn gray(balance: &str) -> Vec<Run> {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"poisson": {"rate": "500/s"}},
            "edge": {"balance": balance, "policies": [{"timeout": "1s"}]},
        }},
        "services": {"api": {
            "replicas": 10,
            "capacity": {"workers": 10},
            "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "100ms"}}}]}},
        }},
        "faults": [{"slow": {"at": "0s", "service": "api", "replicas": 1, "factor": 10.0}}],
    });
    let lab = Lab::new(world, 90.0).windows(&[(10.0, 88.0), (89.99, 90.0)]);
    (1..=4).map(|seed| lab.run(seed)).collect()
}

fn bad(runs: &[Run]) -> f64 {
    mean(runs, |run| {
        let client = run.client_in(0, "web");
        1.0 - ratio(client.ok, client.ended())
    })
}

/// The share of calls that the slow replica gets, from the mean work of a call: 100 ms, or a second there.
fn share_to_slow(run: &Run) -> f64 {
    let service = run.service_in(0, "api");
    (service.work.seconds() / service.ok as f64 - 0.1) / 0.9
}

fn gray_failure() -> Vec<Found> {
    let (in_turn, two, least) = (gray("round_robin"), gray("power_of_two"), gray("least_outstanding"));
    // The nine healthy replicas hold five calls each, which are not meant here.
    let present = mean(&in_turn, |run| run.service_in(1, "api").present_seconds / 0.01) - 45.0;
    vec![
        row("bad_fraction_round_robin", bad(&in_turn), 1.0),
        row("bad_fraction_p2c", bad(&two), 1.0),
        row("bad_fraction_least", bad(&least), 1.0),
        row("share_to_slow_least", mean(&least, share_to_slow), 1.0),
        row("outstanding_at_slow_rr_t90", present, 1.0),
    ]
}

/// Five thousand clients reconnect. Without a time to spread over, all come at once and back off.
fn reconnect(over: Option<&str>, seed: u64) -> Run {
    let arrivals = match over {
        Some(over) => json!({"herd": {"count": 5000, "at": "0s", "over": over}}),
        None => json!({"herd": {"count": 5000, "at": "0s"}}),
    };
    let backoff = json!({"attempts": 1000, "base": "1s", "factor": 2.0, "cap": "32s", "jitter": "full"});
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": arrivals,
            "edge": {"policies": [{"retry": {"exponential": backoff}}, {"timeout": "1950ms"}]},
        }},
        "services": {"api": {"capacity": {"workers": 50}, "endpoints": {"get": {"steps": [{"work": "100ms"}]}}}},
    });
    Lab::new(world, 200.0).resolution(0.05).run(seed)
}

/// When 99 of 100 clients were back.
fn t99(run: &Run) -> f64 {
    let mut left = 0.99 * 5000.0;
    let windows = run.series("clients.web", "goodput");
    let last = windows.iter().position(|rate| {
        left -= rate * 0.05;
        left <= 1e-6
    });
    (last.expect("they all come back") + 1) as f64 * 0.05
}

fn herd() -> Vec<Found> {
    let all = |over| (1..=4).map(|seed| reconnect(over, seed)).collect::<Vec<Run>>();
    let attempts = |runs: &[Run]| mean(runs, |run| run.edge("web", "api").attempts as f64);
    let (long, short, backoff) = (all(Some("30s")), all(Some("12s")), all(None));
    vec![
        row("t99_initial_jitter_30", mean(&long, t99), 1.0),
        row("attempts_initial_jitter_30", attempts(&long), 1.0),
        row("t99_initial_jitter_12", mean(&short, t99), 1.0),
        row("t99_full_jitter", mean(&backoff, t99), 1.0),
        row("attempts_full_jitter", attempts(&backoff), 1.0),
    ]
}

fn overloaded(order: &str) -> Value {
    json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": {"poisson": {"rate": "150/s"}},
            "edge": {"policies": [{"timeout": "1s"}]},
        }},
        "services": {"api": {
            "capacity": {"workers": 10},
            "queue": {"order": order},
            "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "100ms"}}}]}},
        }},
    })
}

fn overload() -> Vec<Found> {
    let rate = |order: &str| {
        let lab = Lab::new(overloaded(order), 120.0).windows(&[(40.0, 120.0)]);
        let runs: Vec<Run> = (1..=SEEDS).map(|seed| lab.run(seed)).collect();
        mean(&runs, |run| run.client_in(0, "web").ok as f64 / 80.0)
    };
    vec![row("goodput_FIFO_40_120", rate("fifo"), 1.0), row("goodput_LIFO", rate("lifo"), 1.0)]
}
