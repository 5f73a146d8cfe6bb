//! The textbook, beyond the cases of the file: expected values come from `formulas`, tolerances from the noise itself.

use super::caches::{cached, hit_ratio};
use super::formulas::*;
use super::{Case, Found, formula, near};
use crate::support::{Lab, Run, Value, json, ratio};
use squall_models::outcome::Failure;

pub(crate) const CASES: &[Case] = &[
    Case { id: "M/G/1", measure: general_service },
    Case { id: "M/G/1-PS", measure: sharing },
    Case { id: "M/M/c", measure: many_servers },
    Case { id: "M/G/c/c", measure: loss },
    Case { id: "GI/M/1", measure: general_arrivals_case },
    Case { id: "Cobham", measure: priorities },
    Case { id: "LIFO", measure: last_come },
    Case { id: "two choices", measure: two_choices_case },
    Case { id: "tandem", measure: tandem },
    Case { id: "M/M/inf", measure: infinite },
    Case { id: "closed loop", measure: closed },
    Case { id: "timeouts", measure: timeouts },
    Case { id: "wasted work", measure: wasted },
    Case { id: "link", measure: link },
    Case { id: "jittered backoff", measure: backoff },
    Case { id: "pool", measure: pool },
    Case { id: "TTL", measure: time_to_live },
    Case { id: "Che", measure: least_recently_used },
    Case { id: "rate profiles", measure: profiles },
    Case { id: "availability", measure: availability },
    Case { id: "people", measure: people },
];

const SEEDS: u64 = 10;

/// One value from each of several runs.
fn runs(lab: &Lab, of: impl Fn(&Run) -> f64) -> Vec<f64> {
    (1..=SEEDS).map(|seed| of(&lab.run(seed))).collect()
}

fn exponential(mean: &str) -> Value {
    json!({"exponential": {"mean": mean}})
}

/// One client of one service with one endpoint of some steps.
fn world(arrivals: Value, edge: Value, mut service: Value, steps: Value) -> Value {
    service["endpoints"] = json!({"get": {"steps": steps}});
    json!({
        "clients": {"web": {"to": "api.get", "arrivals": arrivals, "edge": edge}},
        "services": {"api": service},
    })
}

fn poisson(rate: &str) -> Value {
    json!({"poisson": {"rate": rate}})
}

fn latency(run: &Run) -> f64 {
    run.client("web").latency.mean().unwrap()
}

fn success(run: &Run) -> f64 {
    ratio(run.client("web").ok, run.client("web").ended())
}

/// Laws of mean 10 ms, and their coefficient of variation.
fn laws() -> [(&'static str, Value, f64); 6] {
    [
        ("deterministic", json!("10ms"), 0.0),
        ("uniform", json!({"uniform": {"min": "0ms", "max": "20ms"}}), 1.0 / 3f64.sqrt()),
        ("erlang 4", json!({"erlang": {"mean": "10ms", "stages": 4}}), 0.5),
        ("exponential", exponential("10ms"), 1.0),
        ("hyperexponential", json!({"hyperexponential": {"mean": "10ms", "cv": 2.0}}), 2.0),
        ("lognormal", json!({"lognormal": {"mean": "10ms", "cv": 1.5}}), 1.5),
    ]
}

fn one_queue(capacity: &Value, arrivals: Value, work: &Value) -> Value {
    world(arrivals, json!({}), json!({"capacity": capacity}), json!([{"work": work}]))
}

fn general_service() -> Vec<Found> {
    let one = json!({"workers": 1});
    laws()
        .iter()
        .map(|(name, law, cv)| {
            let lab = Lab::new(one_queue(&one, poisson("80/s"), law), 1_500.0).warmup(50.0);
            formula(name, pollaczek_khinchine(80.0, 0.01, *cv), 0.12, &runs(&lab, latency))
        })
        .collect()
}

/// Under processor sharing the mean depends on the mean work only.
fn sharing() -> Vec<Found> {
    let one = json!({"processor_sharing": {"cores": 1}});
    let mut found: Vec<Found> = laws()
        .iter()
        .map(|(name, law, _)| {
            let lab = Lab::new(one_queue(&one, poisson("70/s"), law), 1_000.0).warmup(50.0);
            formula(name, 0.01 / 0.3, 0.06, &runs(&lab, latency))
        })
        .collect();
    // With several cores and exponential work as many calls are present as with as many workers.
    let four = json!({"processor_sharing": {"cores": 4}});
    let lab = Lab::new(one_queue(&four, poisson("300/s"), &exponential("10ms")), 300.0).warmup(10.0);
    let expected = 0.01 + erlang_c(4, 3.0) * 0.01 / (4.0 - 3.0);
    found.push(formula("four cores", expected, 0.06, &runs(&lab, latency)));
    found
}

fn many_servers() -> Vec<Found> {
    let eight = json!({"workers": 8});
    let lab = Lab::new(one_queue(&eight, poisson("720/s"), &exponential("10ms")), 200.0).warmup(10.0);
    let all: Vec<Run> = (1..=SEEDS).map(|seed| lab.run(seed)).collect();
    let each = |of: fn(&Run) -> f64| all.iter().map(of).collect::<Vec<f64>>();
    let waits = erlang_c(8, 7.2);
    let at_once = each(|run| ratio(run.service("api").started_at_once, run.service("api").started));
    vec![
        formula("time", 0.01 + waits * 0.01 / 0.8, 0.06, &each(latency)),
        formula("wait", waits * 0.01 / 0.8, 0.12, &each(|run| run.service("api").wait.mean().unwrap())),
        formula("no wait", 1.0 - waits, 0.06, &at_once),
    ]
}

/// Without a queue only the mean of the service counts.
fn loss() -> Vec<Found> {
    laws()
        .iter()
        .map(|(name, law, _)| {
            let service = json!({"capacity": {"workers": 5}, "queue": {"capacity": 0}});
            let lab = Lab::new(world(poisson("400/s"), json!({}), service, json!([{"work": law}])), 100.0).warmup(1.0);
            let lost =
                |run: &Run| ratio(run.service("api").failed[Failure::Rejected as usize], run.service("api").arrivals);
            formula(name, erlang_b(5, 4.0), 0.06, &runs(&lab, lost))
        })
        .collect()
}

fn general_arrivals_case() -> Vec<Found> {
    let one = json!({"workers": 1});
    let time = |arrivals: Value| {
        let lab = Lab::new(one_queue(&one, arrivals, &exponential("10ms")), 1_000.0).warmup(50.0);
        runs(&lab, latency)
    };
    let regular = time(json!({"deterministic": {"rate": "80/s"}}));
    // A gamma gap of shape 1/cv²: four stages, and a quarter of one.
    let (calm, bursty) =
        (time(json!({"gamma": {"rate": "80/s", "cv": 0.5}})), time(json!({"gamma": {"rate": "80/s", "cv": 2.0}})));
    let gamma = |shape: f64| move |s: f64| libm::pow(1.0 + s / (80.0 * shape), -shape);
    vec![
        formula("D/M/1", general_arrivals(100.0, |s| libm::exp(-s / 80.0)), 0.06, &regular),
        formula("E4/M/1", general_arrivals(100.0, gamma(4.0)), 0.06, &calm),
        formula("gamma/M/1, cv 2", general_arrivals(100.0, gamma(0.25)), 0.2, &bursty),
    ]
}

fn priorities() -> Vec<Found> {
    let world = json!({
        "clients": {
            "urgent": {"to": "api.urgent", "arrivals": poisson("30/s"), "priority": 0},
            "patient": {"to": "api.patient", "arrivals": poisson("50/s"), "priority": 1},
        },
        "services": {"api": {"capacity": {"workers": 1}, "queue": {"order": "priority"}, "endpoints": {
            "urgent": {"steps": [{"work": exponential("10ms")}]},
            "patient": {"steps": [{"work": exponential("10ms")}]},
        }}},
    });
    let lab = Lab::new(world, 1_500.0).warmup(50.0);
    let all: Vec<Run> = (1..=SEEDS).map(|seed| lab.run(seed)).collect();
    let wait = |client: &str| -> Vec<f64> {
        all.iter().map(|run| run.client(client).latency.mean().unwrap() - 0.01).collect()
    };
    let [urgent, patient] = cobham([30.0, 50.0], 0.01);
    vec![
        formula("wait, urgent", urgent, 0.06, &wait("urgent")),
        formula("wait, patient", patient, 0.12, &wait("patient")),
    ]
}

/// The order of service changes the spread of the time, not its mean.
fn last_come() -> Vec<Found> {
    let service = json!({"capacity": {"workers": 1}, "queue": {"order": "lifo"}});
    let steps = json!([{"work": exponential("10ms")}]);
    let lab = Lab::new(world(poisson("80/s"), json!({}), service, steps), 1_500.0).warmup(50.0);
    vec![formula("time", 0.05, 0.12, &runs(&lab, latency))]
}

/// The limit of very many servers; with 200 of them the mean is a little above it, by less than two percent.
fn two_choices_case() -> Vec<Found> {
    let time = |balance: &str| {
        let service = json!({"replicas": 200, "capacity": {"workers": 1}});
        let steps = json!([{"work": exponential("10ms")}]);
        let world = world(poisson("18000/s"), json!({"balance": balance}), service, steps);
        latency(&Lab::new(world, 25.0).warmup(5.0).run(1))
    };
    let (one, two) = (time("random"), time("power_of_two"));
    let expected = 0.01 * two_choices(0.9);
    vec![
        near("time", expected, 0.02 * expected, two),
        near("gain over one choice", 0.1 / expected, 0.1 * 0.1 / expected, one / two),
    ]
}

/// Departures of M/M/c are Poisson again (Burke), so each station is as if alone.
fn tandem() -> Vec<Found> {
    let station = |workers: u32, mean: &str| json!({"capacity": {"workers": workers}, "endpoints": {"get": {"steps": [{"work": exponential(mean)}]}}});
    let calls = json!([{"call": "first.get"}, {"call": "second.get"}, {"call": "third.get"}]);
    let mut world = world(poisson("70/s"), json!({}), json!({"capacity": "unlimited"}), calls);
    world["services"]["first"] = station(1, "10ms");
    world["services"]["second"] = station(2, "20ms");
    world["services"]["third"] = station(1, "8ms");
    let lab = Lab::new(world, 1_000.0).warmup(50.0);
    let second = 0.02 + erlang_c(2, 1.4) * 0.02 / 0.6;
    let expected = 1.0 / (100.0 - 70.0) + second + 1.0 / (125.0 - 70.0);
    vec![formula("time", expected, 0.06, &runs(&lab, latency))]
}

fn infinite() -> Vec<Found> {
    let steps = json!([{"work": exponential("100ms")}, {"sleep": "50ms"}]);
    let lab = Lab::new(world(poisson("100/s"), json!({}), json!({"capacity": "unlimited"}), steps), 500.0).warmup(10.0);
    let present = |run: &Run| run.service("api").present_seconds / run.seconds();
    vec![formula("present", 15.0, 0.03, &runs(&lab, present))]
}

fn closed() -> Vec<Found> {
    [1, 5, 20]
        .iter()
        .map(|&users| {
            let arrivals = json!({"closed": {"users": users, "think": exponential("1s")}});
            let lab =
                Lab::new(one_queue(&json!({"workers": 1}), arrivals, &exponential("100ms")), 5_000.0).warmup(50.0);
            let expected = one_server_throughput(users, 1.0, 0.1);
            let throughput = runs(&lab, |run| run.client("web").ok as f64 / run.seconds());
            formula(&format!("{users} users"), expected, 0.06, &throughput)
        })
        .collect()
}

/// The time in M/M/1 is exponential, so the share that is done in time is known; nobody tells the server.
fn timeouts() -> Vec<Found> {
    let edge = json!({"policies": [{"timeout": "100ms"}]});
    let steps = json!([{"work": exponential("10ms")}]);
    let lab = Lab::new(world(poisson("80/s"), edge, json!({"capacity": {"workers": 1}}), steps), 1_500.0).warmup(50.0);
    vec![formula("success", 1.0 - libm::exp(-20.0 * 0.1), 0.03, &runs(&lab, success))]
}

/// Work is exponential of mean 100 ms, and the caller waits for 50 ms; then it leaves, or also says so.
fn wasted() -> Vec<Found> {
    let work = |cancel: bool, of: fn(&Run) -> f64| {
        let edge = json!({"policies": [{"timeout": "50ms"}], "cancel": cancel});
        let steps = json!([{"work": exponential("100ms")}]);
        let world = world(poisson("100/s"), edge, json!({"capacity": "unlimited"}), steps);
        runs(&Lab::new(world, 500.0).warmup(5.0), of)
    };
    let share = |run: &Run| run.service("api").wasted.seconds() / run.service("api").work.seconds();
    let each = |run: &Run| run.service("api").work.seconds() / run.service("api").arrivals as f64;
    vec![
        formula("wasted share", 1.5 * libm::exp(-0.5), 0.03, &work(false, share)),
        formula("work for each, cancelled", 0.1 * (1.0 - libm::exp(-0.5)), 0.03, &work(true, each)),
        formula(
            "wasted share, cancelled",
            0.05 * libm::exp(-0.5) / (0.1 * (1.0 - libm::exp(-0.5))),
            0.03,
            &work(true, share),
        ),
    ]
}

/// Two messages must get through; a lost one is noticed by its timeout, and tried again.
fn link() -> Vec<Found> {
    let link = json!({"latency": exponential("5ms"), "loss": "10%"});
    let policies = json!([{"retry": {"constant": {"attempts": 2, "delay": "10ms"}}}, {"timeout": "1s"}]);
    let edge = json!({"link": link, "policies": policies});
    let lab = Lab::new(world(poisson("100/s"), edge, json!({"capacity": "unlimited"}), json!([])), 1_000.0);
    let lost = 1.0 - 0.9 * 0.9;
    let time = 0.01 + 1.01 * lost / (1.0 + lost);
    vec![
        formula("success", 1.0 - lost * lost, 0.03, &runs(&lab, success)),
        formula("time", time, 0.06, &runs(&lab, latency)),
    ]
}

/// Every attempt fails at once, so a request lasts as long as its pauses: 1, 2, 4 s, and half of each with full jitter.
fn backoff() -> Vec<Found> {
    [("none", 7.0), ("equal", 5.25), ("full", 3.5)]
        .iter()
        .map(|&(jitter, expected)| {
            let retry = json!({"exponential": {"attempts": 4, "base": "1s", "jitter": jitter}});
            let edge = json!({"policies": [{"retry": retry}]});
            let steps = json!([{"fail": "100%"}]);
            let arrivals = json!({"closed": {"users": 10, "think": "1s"}});
            let lab = Lab::new(world(arrivals, edge, json!({"capacity": "unlimited"}), steps), 5_000.0);
            // Each user goes round in a second of thinking and the pauses.
            let rate = runs(&lab, |run| 10.0 * run.seconds() / run.client("web").ended() as f64 - 1.0);
            match jitter {
                "none" => near(jitter, expected, 0.02, rate[0]),
                _ => formula(jitter, expected, 0.03, &rate),
            }
        })
        .collect()
}

/// A pool of connections is a queue like any other; with a bound on the wait it loses who waits for too long.
fn pool() -> Vec<Found> {
    let lab = |wait: Option<&str>| {
        let pool = wait.map_or(json!({"size": 4}), |wait| json!({"size": 4, "wait": wait}));
        let service = json!({"capacity": "unlimited", "pools": {"db": pool}});
        let steps = json!([{"acquire": {"pool": "db", "steps": [{"sleep": exponential("10ms")}]}}]);
        Lab::new(world(poisson("340/s"), json!({}), service, steps), 400.0).warmup(10.0)
    };
    let wait = |run: &Run| run.pool("api", "db").wait.mean().unwrap();
    let in_use = |run: &Run| run.pool("api", "db").held.seconds() / run.pool("api", "db").available.seconds();
    // Who waits at all waits for an exponential time of mean 1/(4·100 − 340); a wait of no time is no wait.
    let waits = erlang_c(4, 3.4);
    let lost = |run: &Run| ratio(run.pool("api", "db").timeouts, run.pool("api", "db").asked);
    let none = erlang_b(4, 3.4);
    vec![
        formula("wait", waits * 0.01 / 0.6, 0.12, &runs(&lab(None), wait)),
        formula("in use", 0.85, 0.03, &runs(&lab(None), in_use)),
        // M/M/c with a fixed patience τ (Barrer 1957): with d = cµ − λ, loss = ρ·P₀… ; for τ → 0 it is Erlang B.
        formula("timeouts, 1 ns", none, 0.06, &runs(&lab(Some("1ns")), lost)),
        formula("timeouts, 20 ms", barrer(4, 340.0, 100.0, 0.02), 0.06, &runs(&lab(Some("20ms")), lost)),
    ]
}

fn time_to_live() -> Vec<Found> {
    let keys = json!({"zipf": {"count": 100, "exponent": 0.9}});
    let world = cached(&keys, &poisson("50/s"), &json!({"ttl": "10s"}), &json!([]));
    let lab = Lab::new(world, 2_000.0).warmup(100.0);
    // Each key is a cache of its own: λT hits for each miss.
    let hits = zipf(100, 0.9).iter().map(|p| p * (500.0 * p) / (1.0 + 500.0 * p)).sum();
    vec![formula("hit ratio", hits, 0.03, &runs(&lab, hit_ratio))]
}

/// Che's approximation is known to be off by less than half a percent point here (Fricker et al. 2012).
fn least_recently_used() -> Vec<Found> {
    [(0.8, 50), (0.8, 200), (1.1, 50)]
        .iter()
        .map(|&(exponent, capacity)| {
            let keys = json!({"zipf": {"count": 1000, "exponent": exponent}});
            let arrivals = json!({"deterministic": {"rate": "1000/s"}});
            let world = cached(&keys, &arrivals, &json!({"capacity": capacity}), &json!([]));
            let hits = hit_ratio(&Lab::new(world, 300.0).warmup(10.0).run(1));
            let expected = che(&zipf(1000, exponent), f64::from(capacity));
            near(&format!("zipf {exponent}, {capacity} of 1000"), expected, 0.005, hits)
        })
        .collect()
}

/// As many requests come as the area under the rate says.
fn profiles() -> Vec<Found> {
    let profiles = [
        ("ramp", json!({"ramp": {"from": "100/s", "to": "300/s", "start": "20s", "over": "40s"}}), 22_000.0),
        ("spike", json!({"spike": {"base": "100/s", "peak": "500/s", "at": "10s", "over": "20s"}}), 18_000.0),
        ("steps", json!({"steps": [{"at": "0s", "rate": "50/s"}, {"at": "50s", "rate": "200/s"}]}), 12_500.0),
        ("diurnal", json!({"diurnal": {"mean": "150/s", "swing": "60%", "period": "25s", "peak": "7s"}}), 15_000.0),
    ];
    let count = |arrivals: Value| {
        let lab = Lab::new(world(arrivals, json!({}), json!({"capacity": "unlimited"}), json!([])), 100.0);
        runs(&lab, |run| run.client("web").arrivals as f64)
    };
    let mut found = Vec::new();
    for (name, rate, expected) in profiles {
        found.push(near(&format!("{name}, even"), expected, 1.0, count(json!({"deterministic": {"rate": &rate}}))[0]));
        found.push(formula(&format!("{name}, Poisson"), expected, 0.03, &count(json!({"poisson": {"rate": &rate}}))));
    }
    found
}

/// Half of the replicas are away for a fifth of the time: the rest is there to be used, and everybody else is refused.
fn availability() -> Vec<Found> {
    let steps = json!([{"work": "1ms"}]);
    let mut world = world(poisson("100/s"), json!({}), json!({"replicas": 2, "capacity": {"workers": 3}}), steps);
    let crash = |at: u32, replicas: u32| json!({"crash": {"at": format!("{at}s"), "for": "20s", "service": "api", "replicas": replicas}});
    world["faults"] = json!([crash(10, 1), crash(50, 2)]);
    let all = Lab::new(world, 100.0);
    let there = |run: &Run| run.service("api").available.seconds();
    vec![
        near("worker seconds", 600.0 - 60.0 - 120.0, 1e-6, there(&all.run(1))),
        formula("success", 0.8, 0.06, &runs(&all, success)),
    ]
}

/// People wait for an exponential time, and half of those who gave up ask again, twice at most.
fn people() -> Vec<Found> {
    let mut world =
        world(poisson("50/s"), json!({}), json!({"capacity": "unlimited"}), json!([{"sleep": exponential("1s")}]));
    world["clients"]["web"]["patience"] = exponential("1s");
    world["clients"]["web"]["reload"] = json!({"share": "50%", "delay": "100ms", "times": 2});
    let lab = Lab::new(world, 1_000.0).warmup(20.0);
    let given_up = |run: &Run| {
        let client = run.client("web");
        ratio(client.failed[Failure::Abandoned as usize], client.ended())
    };
    let reloads = |run: &Run| ratio(run.client("web").reloads, run.client("web").arrivals);
    // A quarter of the requests is followed by a second, a quarter of those by a third.
    let again = 0.25 + 0.0625;
    vec![
        formula("given up", 0.5, 0.03, &runs(&lab, given_up)),
        formula("reloads", again / (1.0 + again), 0.03, &runs(&lab, reloads)),
    ]
}
