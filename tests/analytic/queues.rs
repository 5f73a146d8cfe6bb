//! Queues with exact answers.

use super::{Case, Found, row};
use crate::support::{Lab, Run, Value, json, ratio, utilisation};
use squall_models::outcome::Failure;

pub(crate) const CASES: &[Case] = &[
    Case { id: "A01", measure: mm1 },
    Case { id: "A03b", measure: bounded },
    Case { id: "A05", measure: loss },
    Case { id: "A07b", measure: impatient },
    Case { id: "A08c", measure: expiring },
    Case { id: "A08g", measure: discarding },
    Case { id: "A09", measure: closed },
    Case { id: "A15b", measure: random_split },
    Case { id: "A17c", measure: tokens },
    Case { id: "A33", measure: pulse },
    Case { id: "B05", measure: reneging },
];

/// One open-loop client of one service.
fn queue(arrivals: Value, service: Value) -> Value {
    json!({
        "clients": {"web": {"to": "api.get", "arrivals": arrivals}},
        "services": {"api": service},
    })
}

fn poisson(rate: &str) -> Value {
    json!({"poisson": {"rate": rate}})
}

/// Endpoints of a service whose only one works for an exponential time.
fn work(mean: &str) -> Value {
    json!({"get": {"steps": [{"work": {"exponential": {"mean": mean}}}]}})
}

fn failed(run: &Run, failure: Failure) -> f64 {
    run.service("api").failed[failure as usize] as f64
}

fn mm1() -> Vec<Found> {
    let world = queue(poisson("85/s"), json!({"capacity": {"workers": 1}, "endpoints": work("10ms")}));
    let run = Lab::new(world, 12_000.0).warmup(200.0).run(1);
    let (client, service) = (run.client("web"), run.service("api"));
    let n = client.ok as f64;
    let quantile = |share| client.latency.quantile(share).unwrap();
    vec![
        row("ET", client.latency.mean().unwrap(), n),
        row("EW", service.wait.mean().unwrap(), n),
        row("T_p50", quantile(0.5), n),
        row("T_p95", quantile(0.95), n),
        row("T_p99", quantile(0.99), n),
        row("EL", service.present_seconds / run.seconds(), n),
        row("util", utilisation(service), n),
        row("frac_no_wait", ratio(service.started_at_once, service.started), n),
    ]
}

fn bounded() -> Vec<Found> {
    let service = json!({"capacity": {"workers": 4}, "queue": {"capacity": 6}, "endpoints": work("40ms")});
    let run = Lab::new(queue(poisson("90/s"), service), 8_000.0).warmup(100.0).run(1);
    let (client, service) = (run.client("web"), run.service("api"));
    let n = client.arrivals as f64;
    vec![
        row("Ploss", failed(&run, Failure::Rejected) / n, n),
        row("throughput", client.ok as f64 / run.seconds(), n),
        row("ET_accepted", client.latency.mean().unwrap(), n),
        row("util", utilisation(service), n),
        row("EL", service.present_seconds / run.seconds(), n),
    ]
}

fn loss() -> Vec<Found> {
    let service = json!({"capacity": {"workers": 20}, "queue": {"capacity": 0}, "endpoints": work("200ms")});
    let run = Lab::new(queue(poisson("90/s"), service), 8_000.0).warmup(100.0).run(1);
    let client = run.client("web");
    let n = client.arrivals as f64;
    vec![
        row("Ploss", failed(&run, Failure::Rejected) / n, n),
        row("throughput", client.ok as f64 / run.seconds(), n),
        row("E_busy", run.service("api").held.seconds() / run.seconds(), n),
    ]
}

fn impatient() -> Vec<Found> {
    let wait = json!({"exponential": {"mean": "200ms"}});
    let service = json!({"capacity": {"workers": 10}, "queue": {"max_wait": wait}, "endpoints": work("100ms")});
    let run = Lab::new(queue(poisson("90/s"), service), 8_000.0).warmup(100.0).run(1);
    let service = run.service("api");
    let n = service.arrivals as f64;
    vec![
        row("Pabandon", failed(&run, Failure::QueueTimeout) / n, n),
        row("Pwait", 1.0 - service.started_at_once as f64 / n, n),
        row("ELq", service.queued_seconds / run.seconds(), n),
        row("EW_served", service.wait.mean().unwrap(), n),
        row("EW_all", service.queued_seconds / n, n),
        row("util", utilisation(service), n),
    ]
}

fn expiring() -> Vec<Found> {
    let service = json!({"capacity": {"workers": 1}, "queue": {"max_wait": "100ms"}, "endpoints": work("10ms")});
    let run = Lab::new(queue(poisson("95/s"), service), 8_000.0).warmup(100.0).run(1);
    let service = run.service("api");
    let n = service.arrivals as f64;
    vec![
        row("Pabandon", failed(&run, Failure::QueueTimeout) / n, n),
        row("Pwait", 1.0 - service.started_at_once as f64 / n, n),
        row("EW_served", service.wait.mean().unwrap(), n),
        row("throughput", service.ok as f64 / run.seconds(), n),
        row("util", utilisation(service), n),
    ]
}

/// The callee learns until when the answer is wanted, and throws away what is too old when its turn comes.
fn discarding() -> Vec<Found> {
    let world = json!({
        "clients": {"web": {
            "to": "api.get",
            "arrivals": poisson("95/s"),
            "edge": {"policies": [{"timeout": "1s"}], "propagate_deadline": true},
        }},
        "services": {"api": {"capacity": {"workers": 10}, "endpoints": work("100ms")}},
    });
    let run = Lab::new(world, 12_000.0).warmup(100.0).run(1);
    let n = run.service("api").arrivals as f64;
    vec![
        row("goodput", run.client("web").ok as f64 / run.seconds(), n),
        row("discarded_fraction", failed(&run, Failure::Expired) / n, n),
    ]
}

fn closed() -> Vec<Found> {
    let users = json!({"closed": {"users": 12, "think": {"exponential": {"mean": "1s"}}}});
    let world = queue(users, json!({"capacity": {"workers": 1}, "endpoints": work("100ms")}));
    let run = Lab::new(world, 80_000.0).warmup(500.0).run(1);
    let client = run.client("web");
    let n = client.ok as f64;
    vec![
        row("throughput", n / run.seconds(), n),
        row("ET", client.latency.mean().unwrap(), n),
        row("util", utilisation(run.service("api")), n),
    ]
}

fn random_split() -> Vec<Found> {
    let mut world =
        queue(poisson("900/s"), json!({"replicas": 10, "capacity": {"workers": 1}, "endpoints": work("10ms")}));
    world["clients"]["web"]["edge"] = json!({"balance": "random"});
    let run = Lab::new(world, 1_200.0).warmup(50.0).run(1);
    let client = run.client("web");
    vec![row("ET", client.latency.mean().unwrap(), client.ok as f64)]
}

/// No randomness at all: a fluid that rises and falls, in whole requests.
fn pulse() -> Vec<Found> {
    let rate = json!({"spike": {"base": "50/s", "peak": "150/s", "at": "10s", "over": "4s"}});
    let world = queue(
        json!({"deterministic": {"rate": rate}}),
        json!({"capacity": {"workers": 1}, "endpoints": {"get": {"steps": [{"work": "10ms"}]}}}),
    );
    let run = Lab::new(world, 25.0).resolution(0.01).run(1);
    let service = run.service("api");
    let queue = run.series("services.api", "queue");
    let last = queue.iter().rposition(|&waiting| waiting > 0.0).unwrap() + 1;
    vec![
        row("peak_backlog", service.queue_max as f64, 1.0),
        row("drain_end", last as f64 * 0.01, 1.0),
        row("max_wait", service.wait.max().seconds(), 1.0),
    ]
}

fn reneging() -> Vec<Found> {
    let service = json!({"capacity": {"workers": 1}, "queue": {"max_wait": "6s"}, "endpoints": work("500ms")});
    let run = Lab::new(queue(poisson("5/s"), service), 60_000.0).warmup(100.0).run(1);
    let service = run.service("api");
    let n = service.arrivals as f64;
    vec![
        row("renege_fraction", failed(&run, Failure::QueueTimeout) / n, n),
        row("mean_wait_of_served", service.wait.mean().unwrap(), n),
    ]
}

/// Tokens that come as fast as calls do, five at most: a call finds none as often as one finds five in a queue with a
/// constant service time.
fn tokens() -> Vec<Found> {
    let limit = json!([{"rate_limit": {"token_bucket": {"rate": "100/s", "burst": 5}}}]);
    let service =
        json!({"capacity": "unlimited", "admission": limit, "endpoints": {"get": {"steps": [{"work": "1us"}]}}});
    let run = Lab::new(queue(poisson("100/s"), service), 5_000.0).warmup(50.0).run(1);
    let n = run.client("web").ended() as f64;
    vec![row("reject_fraction", failed(&run, Failure::RateLimited) / n, n)]
}
