//! Every fault does what it says, and nothing else.

use super::{merge, world};
use crate::support::{Lab, Run, Value, json};
use squall_models::outcome::Failure;

/// Two tiers and everything that a fault can be about.
fn everything() -> Value {
    let mut all = world(
        3,
        "200/s",
        json!({
            "services": {
                "api": {
                    "lifecycle": {"boot": "1s"},
                    "memory": {"limit": "1GiB", "base": "100MiB"},
                    "edges": {"db": {"policies": [{"retry": {"constant": {"attempts": 2, "delay": "10ms"}}}, {"timeout": "300ms"}]}},
                    "endpoints": {"get": {"steps": [{"work": {"exponential": {"mean": "5ms"}}}, {"call": "db.put"}]}},
                },
                "db": {"capacity": {"workers": 8}, "replicas": 2,
                    "endpoints": {"put": {"steps": [{"work": {"exponential": {"mean": "4ms"}}}, {"write": "order"}]}}},
                // Half of the reads are at the follower, a little late.
                "store": {"capacity": "unlimited", "replicas": 2,
                    "data": {"calls": "any", "replication": {"asynchronous": {"lag": {"exponential": {"mean": "5ms"}}}}},
                    "endpoints": {"put": {"steps": [{"write": "row"}, {"read": "local"}]}}},
            },
            "clients": {"other": {"to": "store.put", "arrivals": {"poisson": {"rate": "50/s"}}}},
        }),
    );
    all["clients"]["web"]["arrivals"] = json!({"poisson": {"rate": "200/s"}});
    all
}

fn run(more: Value) -> Run {
    let mut world = everything();
    merge(&mut world, more);
    Lab::new(world, 12.0).windows(&[(4.0, 8.0)]).run(3)
}

/// The same events as with an action that does nothing at the same two times: but for those, nothing has happened.
fn nothing_happens(fault: Value) {
    let idle = |at: &str| json!({"at": at, "do": {"traffic": {"client": "web", "share": "100%"}}});
    let plain = run(json!({"actions": [idle("4s"), idle("8s")]}));
    let faulty = run(json!({"faults": [fault]}));
    assert_eq!(plain.report.measured, faulty.report.measured, "{fault}");
    assert_eq!(plain.report.digest, faulty.report.digest, "{fault}");
}

#[test]
fn a_fault_of_no_size_changes_nothing() {
    let faults = json!([
        {"slow": {"service": "db", "factor": 1}},
        {"errors": {"service": "db", "share": "0%"}},
        {"link": {"from": "api", "to": "db", "delay": "0s", "jitter": "0s"}},
        {"link": {"from": "api", "to": "db", "loss": "0%", "retransmit": "200ms"}},
        {"link": {"from": "api", "to": "db", "duplicate": "0%"}},
        {"link": {"from": "api", "to": "db", "bandwidth": {"per_second": "1MB", "message": "0B"}}},
        {"cpu_stolen": {"service": "db", "share": "0%"}},
        {"gpu_lost": {"service": "db", "fallback": 1}},
        {"slow_boot": {"service": "api", "factor": 50}},
        {"memory_leak": {"service": "api", "rate": "0B"}},
        {"io_errors": {"service": "db", "share": "0%"}},
        {"io_slow": {"service": "db", "delay": "0s"}},
        {"replica_lag": {"service": "store", "delay": "0s"}},
        {"surge": {"client": "web", "factor": 1}},
        // Nothing comes or goes, so what was known is what there is.
        {"dns": {"from": "api", "to": "db", "answers": "old_ones"}},
        {"resize_pool": {"service": "api", "pool": "p", "size": 3}},
        {"limit_connections": {"service": "db", "most": 1000}},
    ]);
    for mut fault in faults.as_array().unwrap().clone() {
        for fields in fault.as_object_mut().unwrap().values_mut() {
            (fields["at"], fields["for"]) = (json!("4s"), json!("4s"));
        }
        if fault.get("resize_pool").is_some() {
            continue;
        }
        nothing_happens(fault);
    }
}

/// Latencies of single calls a second apart, over a link with this trouble.
fn latencies(link: Value, count: u32) -> Vec<f64> {
    let mut fault = json!({"at": "0s", "from": "web", "to": "api"});
    merge(&mut fault, link);
    let mut world = json!({
        "clients": {},
        "services": {"api": {"capacity": "unlimited", "endpoints": {"get": {"steps": []}}}},
        "faults": [],
    });
    for number in 0..count {
        let name = format!("c{number:03}");
        let at = format!("{}ms", 1 + 1000 * number);
        world["clients"][&name] = json!({"to": "api.get", "arrivals": {"herd": {"count": 1, "at": at}}});
        fault["from"] = json!(name);
        world["faults"].as_array_mut().unwrap().push(json!({"link": fault}));
    }
    let run = Lab::new(world, f64::from(count) + 3000.0).run(5);
    (0..count).map(|number| run.client(&format!("c{number:03}")).latency.mean().unwrap_or(f64::NAN)).collect()
}

#[test]
fn what_is_lost_on_the_way_comes_late() {
    let took = latencies(json!({"loss": "40%", "retransmit": "200ms"}), 300);
    // Both ways are lost zero or more times in a row: 0.2 s, then 0.6 s in all, then 1.4 s.
    let step = |k: i32| 0.2 * f64::from((1 << k) - 1);
    let sums: Vec<f64> = (0..12).flat_map(|a| (0..12).map(move |b| step(a) + step(b))).collect();
    for took in &took {
        assert!(sums.iter().any(|sum| (sum - took).abs() < 1e-6), "{took}");
    }
    let share = |wanted: f64| took.iter().filter(|took| (*took - wanted).abs() < 1e-6).count() as f64 / 300.0;
    // Both arrive at once in 36 %; one of them the second time in 2 × 0.6 × 0.24 = 28.8 %. Five standard deviations: 14 %.
    assert!((share(0.0) - 0.36).abs() < 0.14 && (share(0.2) - 0.288).abs() < 0.14, "{} {}", share(0.0), share(0.2));
}

#[test]
fn delay_and_jitter_are_where_they_should_be() {
    let took = latencies(json!({"delay": "100ms", "jitter": "40ms"}), 400);
    let mean = took.iter().sum::<f64>() / 400.0;
    assert!(took.iter().all(|took| (0.12..=0.28).contains(took)), "{took:?}");
    // The sum of two uniform delays: mean 200 ms, standard deviation 40/√3·√2 = 32.7 ms, of the mean of 400 1.6 ms.
    assert!((mean - 0.2).abs() < 0.0082, "{mean}");
    let spread = (took.iter().map(|took| (took - mean) * (took - mean)).sum::<f64>() / 400.0).sqrt();
    assert!((spread - 0.0327).abs() < 0.005, "{spread}");
}

/// Over one edge, so that each message follows the one before.
#[test]
fn correlated_jitter_moves_slowly() {
    let steps = |correlation: &str| {
        let mut world = world(1, "1/s", json!({"clients": {"web": {"arrivals": {"deterministic": {"rate": "1/s"}}}}}));
        world["services"]["api"]["endpoints"]["get"]["steps"] = json!([]);
        world["faults"] = json!([{"link": {"at": "0s", "from": "web", "to": "api", "delay": "100ms", "jitter": "100ms",
            "correlation": correlation}}]);
        let run = Lab::new(world, 400.5).resolution(1.0).run(2);
        let took = run.series("clients.web", "latency_p50");
        let steps: Vec<f64> = took.windows(2).map(|pair| (pair[1] - pair[0]).abs()).filter(|s| s.is_finite()).collect();
        steps.iter().sum::<f64>() / steps.len() as f64
    };
    let (free, bound) = (steps("0%"), steps("90%"));
    assert!(bound < 0.3 * free && bound > 0.0, "{free} {bound}");
}

#[test]
fn a_narrow_link_takes_one_message_after_the_other() {
    let mut world = world(1, "1/s", json!({}));
    world["services"]["api"] = json!({"capacity": "unlimited", "endpoints": {"get": {"steps": []}}});
    world["clients"]["web"]["arrivals"] = json!({"herd": {"count": 10, "at": "1s"}});
    world["faults"] = json!([{"link": {"at": "0s", "from": "web", "to": "api",
        "bandwidth": {"per_second": "100KB", "message": "10KB"}}}]);
    let run = Lab::new(world, 10.0).run(1);
    let latency = &run.client("web").latency;
    // The k-th arrives after k tenths of a second, and its answer a tenth later, since the way back is free by then.
    assert!((latency.mean().unwrap() - 0.65).abs() < 1e-6, "{:?}", latency.mean());
    assert!((latency.max().seconds() - 1.1).abs() < 1e-6);
}

#[test]
fn a_call_that_arrives_twice_is_work_done_twice() {
    let plain = run(json!({}));
    let twice =
        run(json!({"faults": [{"link": {"at": "4s", "for": "4s", "from": "api", "to": "db", "duplicate": "100%"}}]}));
    let (before, after) = (plain.service_in(0, "db"), twice.service_in(0, "db"));
    let calls = twice.edge_in(0, "api", "db").attempts;
    assert!(after.arrivals.abs_diff(2 * calls) <= 4, "{} {calls}", after.arrivals);
    assert!(after.duplicate_writes > 700 && before.duplicate_writes == 0, "{}", after.duplicate_writes);
    assert!(after.wasted.seconds() > 0.3 * after.work.seconds());
}

#[test]
fn a_split_cuts_what_goes_between_and_nothing_else() {
    let split = |way: &str| {
        let fault = json!({"split": {"at": "4s", "for": "4s", "these": ["web", "api"], "those": ["db"], "way": way}});
        run(json!({"faults": [fault]}))
    };
    for (way, arrives) in [("both", 0), ("to_those", 0), ("to_these", 1)] {
        let run = split(way);
        let db = run.service_in(0, "db");
        assert_eq!(u64::from(db.arrivals > 100), arrives, "{way}: {}", db.arrivals);
        assert!(run.client_in(0, "web").ok < 20 && run.edge_in(0, "web", "api").lost == 0, "{way}");
    }
}

#[test]
fn names_that_lead_nowhere_and_names_that_are_old() {
    let nowhere = run(json!({"faults": [{"dns": {"at": "4s", "for": "4s", "from": "web", "to": "api"}}]}));
    let web = nowhere.client_in(0, "web");
    assert_eq!((web.ok, web.failed[Failure::Refused as usize]), (web.ok, web.arrivals));
    assert!(web.ok < 5 && nowhere.service_in(0, "api").arrivals == 0);
    // A third of what this client sends goes to a replica that is no longer there.
    let scale = json!([{"at": "5s", "do": {"scale": {"service": "api", "to": 2}}}]);
    let old = run(json!({"actions": scale, "faults": [{"dns":
        {"at": "4s", "for": "4s", "from": "web", "to": "api", "answers": "old_ones"}}]}));
    let refused = old.client_in(0, "web").failed[Failure::Refused as usize];
    assert!((190..=210).contains(&refused), "{refused}");
    assert_eq!(run(json!({"actions": scale})).client("web").failed.iter().sum::<u64>(), 0);
}

/// Nothing is answered while it hangs, and nothing is lost.
#[test]
fn a_replica_that_hangs_goes_on_where_it_stood() {
    // One call was halfway through its 10 ms, so it ends 3.01 s after it came: at 5.01 s. On shared cores it then has 30 others
    // beside it, and its 5 ms take 5·31/4 = 38.75 ms.
    for (capacity, longest) in
        [(json!({"workers": 4}), 3.01), (json!({"processor_sharing": {"cores": 4}}), 3.005 + 0.03875)]
    {
        let mut world =
            world(1, "10/s", json!({"faults": [{"hang": {"at": "2.005s", "for": "3s", "service": "api"}}]}));
        world["services"]["api"]["capacity"] = capacity.clone();
        let run = Lab::new(world, 10.0).windows(&[(0.0, 2.0), (2.008, 5.0), (5.0, 10.0)]).run(1);
        assert_eq!(run.client_in(1, "web").ok + run.client_in(1, "web").failed.iter().sum::<u64>(), 0);
        let web = run.client("web");
        assert_eq!((web.ok + web.in_flight, web.failed.iter().sum::<u64>()), (100, 0), "{capacity}");
        assert!((web.latency.max().seconds() - longest).abs() < 1e-3, "{}", web.latency.max());
    }
}

#[test]
fn a_process_that_was_restarted_no_longer_hangs() {
    let run = run(json!({
        "services": {"api": {"lifecycle": {"boot": "1s", "grace": "500ms"}, "probes": {"liveness":
            {"to": "health", "period": "500ms", "timeout": "100ms", "failure_threshold": 2, "jitter": false}}}},
        "faults": [{"hang": {"at": "4.1s", "service": "api", "replicas": 2}}],
    }));
    let restarted: Vec<&str> =
        run.report.actions.iter().filter(|acted| acted.action == "ready").map(|acted| acted.target.as_str()).collect();
    assert_eq!(restarted, ["api[0]", "api[1]"]);
    assert_eq!(run.series("services.api", "ready").last(), Some(&3.0));
}

#[test]
fn a_process_that_ends_again_and_again_is_started_less_and_less_often() {
    let world = world(
        2,
        "100/s",
        json!({
            "services": {"api": {"lifecycle": {"boot": "500ms"}}},
            "faults": [{"crash_loop": {"at": "10s", "for": "50s", "service": "api", "replicas": 1, "after": "1s"}}],
        }),
    );
    let run = Lab::new(world, 120.0).resolution(0.5).run(1);
    let died: Vec<f64> =
        run.report.actions.iter().filter(|acted| acted.action == "died").map(|acted| acted.at.seconds()).collect();
    // Half a second to boot, a second to live, and 0, 10, 20, 40 s to wait.
    assert_eq!(died, [10.0, 11.5, 23.0, 44.5]);
    let ready = run.series("services.api", "ready");
    assert_eq!((ready[10], ready[100], ready[230]), (2.0, 1.0, 2.0));
}

/// A startup probe that is passed in between changes nothing about that.
#[test]
fn a_process_ends_when_it_ends() {
    let more = json!({
        "services": {"api": {"probes": {"startup": {"to": "health", "period": "100ms"}}}},
        "faults": [{"crash_loop": {"at": "4s", "for": "4s", "service": "api", "replicas": 1, "after": "500ms"}}],
    });
    let died: Vec<f64> = run(more)
        .report
        .actions
        .iter()
        .filter(|acted| acted.action == "died")
        .map(|acted| acted.at.seconds())
        .collect();
    assert_eq!(died, [4.0, 5.5]);
}

#[test]
fn a_slow_boot_takes_longer() {
    let actions = json!([{"at": "5s", "do": {"kill": {"service": "api", "replicas": 1}}}]);
    let run = run(json!({"actions": actions, "faults": [{"slow_boot": {"at": "4s", "service": "api", "factor": 4}}]}));
    let ready = run.report.actions.iter().find(|acted| acted.action == "ready").map(|acted| acted.at.seconds());
    assert_eq!(ready, Some(9.0));
}

#[test]
fn stolen_cpu_and_a_lost_gpu_stretch_work() {
    let took = |fault: Value| {
        let run = Lab::new(world(1, "10/s", json!({"faults": [fault]})), 10.0).run(1);
        let web = run.client("web");
        (web.latency.mean(), web.failed[Failure::Error as usize])
    };
    let (stolen, _) = took(json!({"cpu_stolen": {"at": "0s", "service": "api", "share": "75%"}}));
    assert!((stolen.unwrap() - 0.04).abs() < 1e-6);
    let (fallback, _) = took(json!({"gpu_lost": {"at": "0s", "service": "api", "fallback": 12}}));
    assert!((fallback.unwrap() - 0.12).abs() < 1e-6);
    assert_eq!(took(json!({"gpu_lost": {"at": "0s", "service": "api"}})), (None, 100));
}

#[test]
fn memory_that_leaks_kills() {
    let run =
        run(json!({"faults": [{"memory_leak": {"at": "4s", "service": "api", "replicas": 1, "rate": "400MiB"}}]}));
    let died: Vec<(f64, &str)> = run
        .report
        .actions
        .iter()
        .filter(|acted| acted.action == "died")
        .map(|acted| (acted.at.seconds(), acted.target.as_str()))
        .collect();
    // 924 MiB at 400 MiB/s are gone after 2.31 s, and a call comes every 15 ms or so; the next process lives as long.
    assert!((died[0].0 - 6.31).abs() < 0.1 && died.iter().all(|(_, who)| *who == "api[0]"), "{died:?}");
    assert!((died[1].0 - died[0].0 - 3.31).abs() < 0.1, "{died:?}");
}

#[test]
fn a_bad_disk_fails_or_delays_what_is_written() {
    let outcome = |fault: Value| {
        let run = run(
            json!({"services": {"api": {"edges": {"db": {"policies": [{"timeout": "300ms"}]}}}}, "faults": [fault]}),
        );
        let (db, web) = (run.service_in(0, "db").clone(), run.client_in(0, "web").clone());
        (db, web)
    };
    let span = json!({"at": "4s", "for": "4s", "service": "db"});
    let with = |name: &str, more: Value| {
        let mut fields = span.clone();
        merge(&mut fields, more);
        outcome(json!({name: fields}))
    };
    let (db, web) = with("disk_full", json!({}));
    assert_eq!((db.writes, db.ok), (0, 0));
    assert!(web.failed[Failure::Error as usize] > 700);
    let (db, _) = with("disk_full", json!({"replicas": 1}));
    assert!(db.writes.abs_diff(db.failed[Failure::Error as usize]) < 60, "{} {:?}", db.writes, db.failed);
    let (db, _) = with("io_errors", json!({"share": "25%"}));
    let failed = db.failed[Failure::Error as usize] as f64 / db.arrivals as f64;
    // Of about 800: five standard deviations are 7.7 %.
    assert!((failed - 0.25).abs() < 0.077, "{failed}");
    let (db, _) = with("io_slow", json!({"delay": "50ms"}));
    let slow = db.latency.mean().unwrap();
    assert!((0.053..0.08).contains(&slow) && db.failed.iter().sum::<u64>() == 0, "{slow}");
}

#[test]
fn a_kill_is_a_kill_of_so_many() {
    for (replicas, gone) in [(json!(1), 1), (json!(2), 2), (json!("all"), 3)] {
        let run = run(json!({"faults": [{"kill": {"at": "4s", "service": "api", "replicas": replicas}}]}));
        let killed = run.report.actions.iter().filter(|acted| acted.action == "gone").count();
        assert_eq!(killed, gone);
    }
}

#[test]
fn state_that_is_corrupt_is_fine_again_in_a_new_process() {
    let run = run(json!({
        "faults": [{"corrupt_state": {"at": "2s", "service": "api", "share": "40%"}}],
        "actions": [{"at": "8s", "do": {"restart": {"service": "api", "how": "at_once"}}}],
    }));
    let web = run.client_in(0, "web");
    let share = web.failed[Failure::Error as usize] as f64 / web.arrivals as f64;
    assert!((share - 0.4).abs() < 0.09, "{share}");
    // From 9 s on everything is new.
    let failed = run.series("clients.web", "failed");
    assert!(failed[77..].iter().all(|failed| *failed == 0.0), "{failed:?}");
}
