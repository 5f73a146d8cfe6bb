//! Diagnoses of runs whose cause is known: scenarios of the repository, and worlds in which two causes compete.

use super::*;
use crate::scenario::{Loaded, load, load_bytes};
use std::path::Path;

fn of(loaded: &Loaded, variant: &str, seed: u64) -> Diagnosis {
    let case = loaded.cases.iter().find(|case| case.name == variant).unwrap();
    diagnose(case, &squall_models::run(&case.blueprint, seed).unwrap())
}

fn topology(file: &str) -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("topologies").join(file);
    load(&path, &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn ranks(diagnosis: &Diagnosis) -> Vec<Cause> {
    diagnosis.causes.iter().map(|finding| finding.cause).collect()
}

/// The verdict and the origin, for two seeds.
fn known(file: &str, variant: &str, cause: Cause, origin: &str) -> Diagnosis {
    let loaded = topology(file);
    let mut both = [1, 2].map(|seed| {
        let diagnosis = of(&loaded, variant, seed);
        let told = format!("{file} {variant} {seed}: {:#?}", diagnosis.causes);
        assert_eq!(ranks(&diagnosis).first(), Some(&cause), "{told}");
        assert_eq!(diagnosis.origin.as_ref().unwrap().component, origin, "{told}");
        assert!(diagnosis.causes.iter().all(|finding| !finding.evidence.is_empty()), "{told}");
        Some(diagnosis)
    });
    both[0].take().unwrap()
}

fn order(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis.propagation.iter().map(|step| step.component.as_str()).collect()
}

#[test]
fn er_1_is_resource_exhaustion_from_the_database_up() {
    let er_1 = known(
        "erlmcp/scenarios/er-1-resource-exhaustion.yaml",
        "unmitigated",
        Cause::ResourceExhaustion,
        "services.postgres",
    );
    let first = ["services.postgres", "pools.core-api.db", "services.core-api"];
    assert_eq!(&order(&er_1)[..3], first);
    let client = order(&er_1).iter().position(|name| name.starts_with("clients.")).unwrap();
    assert!(client >= 3);
    // Callers leave a full system too: the second cause is an effect of the first.
    assert_eq!(ranks(&er_1)[1], Cause::CascadingTimeout);
    let trouble = er_1.trouble.unwrap();
    assert!((59.0..62.0).contains(&trouble.from_s) && trouble.recovered, "{trouble:?}");
    // The database is back at 120 s; those who scrape once in a while get an answer again at 203 s.
    assert!((195.0..210.0).contains(&trouble.to_s), "{trouble:?}");
    assert!(er_1.metastable.is_empty());
    assert!(er_1.causes[0].evidence.iter().any(|told| told.contains("postgres") && told.contains("asks for")));
}

#[test]
fn er_2_is_a_retry_storm_that_stays() {
    let er_2 =
        known("erlmcp/scenarios/er-2-retry-storm.yaml", "unmitigated", Cause::RetryStorm, "services.external-api");
    assert!(!er_2.metastable.is_empty() && er_2.radius.grade == Grade::High);
    // The fault at the far end is the trigger, and comes second: the storm goes on without it.
    assert_eq!(ranks(&er_2)[1], Cause::CapacityLoss);
    assert!(er_2.amplified[0].during > 1.5, "{:?}", er_2.amplified);
}

#[test]
fn er_3_is_a_cascading_timeout_though_nothing_is_full() {
    let er_3 = known("gallery/cascading-timeout.yaml", "unmitigated", Cause::CascadingTimeout, "services.back");
    assert_eq!(order(&er_3), ["clients.web"]);
    // Of the two look-ups the second is for nobody, and two thirds of the work is done during the fault.
    assert!(er_3.wasted.iter().any(|wasted| wasted.service == "back" && wasted.share > 0.3), "{:?}", er_3.wasted);
    let steady = &er_3.steady[0];
    assert_eq!((steady.held_during, steady.held_after), (Some(false), Some(true)));
    assert!(of(&topology("gallery/cascading-timeout.yaml"), "patience", 1).trouble.is_none());
}

#[test]
fn er_4_is_a_circle_with_the_time_at_which_it_closed() {
    let er_4 = known("gallery/wait-cycle.yaml", "unmitigated", Cause::CircularDependency, "services.a");
    let cycle = &er_4.cycles[0];
    assert_eq!(cycle.components, ["services.a", "services.b", "services.c"]);
    assert!(cycle.closed_at_s.unwrap() > 1.0 && cycle.stuck >= 3);
    assert_eq!(er_4.radius.grade, Grade::High);
}

#[test]
fn the_other_causes_are_told_by_the_gallery() {
    for (file, cause, origin) in [
        ("gallery/retry-storm.yaml", Cause::RetryStorm, "clients.web"),
        ("gallery/cache-flush.yaml", Cause::Stampede, "caches.pages"),
        ("gallery/shard-loss.yaml", Cause::Stampede, "caches.pages"),
        ("aurum/scenarios/au-1-hot-key-expiry.yaml", Cause::Stampede, "caches.critical"),
        ("gallery/replicas-lost.yaml", Cause::CapacityLoss, "services.api"),
        ("gallery/gray-failure.yaml", Cause::CapacityLoss, "services.api"),
        ("gallery/pool-shrunk.yaml", Cause::ControlPlaneError, "services.api"),
        ("gallery/overload-order.yaml", Cause::ResourceExhaustion, "services.api"),
    ] {
        known(file, "unmitigated", cause, origin);
    }
}

#[test]
fn a_fault_from_the_beginning_is_held_against_perfection() {
    // There is no time before it, and a tenth of the requests is lost all along.
    let gray = of(&topology("gallery/gray-failure.yaml"), "unmitigated", 1);
    let trouble = gray.trouble.unwrap();
    assert_eq!((trouble.from_s, trouble.recovered), (10.0, false));
    assert!((gray.radius.traffic - 0.1).abs() < 0.01, "{}", gray.radius.traffic);
    assert_eq!(gray.radius.clients.direct, ["clients.web"]);
    assert_eq!((gray.steady[0].before.goodput_share, gray.steady[0].held_during), (None, Some(false)));
}

#[test]
fn where_timeouts_open_a_circle_it_is_still_a_circle() {
    // Workers run out and calls time out, but it is the circle that makes them.
    let livelock = of(&topology("gallery/wait-cycle.yaml"), "timeouts", 1);
    assert_eq!(ranks(&livelock)[..2], [Cause::CircularDependency, Cause::ResourceExhaustion], "{:#?}", livelock.causes);
    let cycle = &livelock.cycles[0];
    assert_eq!((cycle.components.len(), cycle.closed_at_s), (3, None));
}

/// One of two replicas is gone for twenty seconds, which is too much; with retries it stays too much when it is back.
const CRASH: &str = "
squall: 1
clients:
  web:
    to: api.get
    arrivals: { poisson: { rate: 80/s } }
    edge: { policies: [ { retry: { constant: { attempts: 4, delay: 0s } } }, { timeout: 1s } ] }
services:
  api:
    replicas: 2
    capacity: { workers: 5 }
    endpoints: { get: { steps: [ { work: { exponential: { mean: 100ms } } } ] } }
faults: [ { crash: { at: 60s, for: 20s, service: api, replicas: 1 } } ]
variants:
  no-retries: { set: { clients.web.edge.policies: [ { timeout: 1s } ] } }
run: { duration: 200s, warmup: 5s, seeds: 1 }
";

#[test]
fn a_crash_that_leaves_a_storm_behind_is_a_storm_and_one_that_does_not_is_lost_capacity() {
    let loaded = load_bytes(Path::new("crash.yaml"), CRASH.as_bytes(), &[]).unwrap_or_else(|error| panic!("{error}"));
    let storm = of(&loaded, "unmitigated", 1);
    assert_eq!(ranks(&storm)[..2], [Cause::RetryStorm, Cause::CapacityLoss], "{:#?}", storm.causes);
    assert_eq!((storm.origin.as_ref().unwrap().component.as_str(), storm.metastable.len()), ("services.api", 1));
    let lost = of(&loaded, "no-retries", 1);
    assert_eq!(ranks(&lost)[0], Cause::CapacityLoss, "{:#?}", lost.causes);
    assert!(!ranks(&lost).contains(&Cause::RetryStorm));
}

#[test]
fn a_healthy_run_has_nothing_to_tell() {
    let text = CRASH.replace("faults: [ { crash: { at: 60s, for: 20s, service: api, replicas: 1 } } ]", "");
    let loaded = load_bytes(Path::new("calm.yaml"), text.replace("80/s", "20/s").as_bytes(), &[]).unwrap();
    let calm = of(&loaded, "unmitigated", 1);
    assert_eq!((calm.trouble, calm.causes.len(), calm.radius.grade), (None, 0, Grade::None));
    assert!(calm.origin.is_none() && calm.propagation.is_empty() && calm.cycles.is_empty());
    assert!(calm.steady[0].before.goodput_share.unwrap() > 0.99);
}

#[test]
fn a_diagnosis_is_read_back_as_it_was_written() {
    let loaded = load_bytes(Path::new("crash.yaml"), CRASH.as_bytes(), &[]).unwrap();
    let diagnosis = of(&loaded, "unmitigated", 1);
    let text = serde_json::to_string(&diagnosis).unwrap();
    assert_eq!(serde_json::from_str::<Diagnosis>(&text).unwrap(), diagnosis);
}
