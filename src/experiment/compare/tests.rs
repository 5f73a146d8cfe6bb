//! Comparisons whose truth is known.

use super::*;
use crate::experiment::quantity::Role;
use crate::experiment::{Plan, execute};
use crate::scenario::load_bytes;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// M/M/1 with 10/s, and 20/s or 25/s of capacity. Who waits for longer than 100 ms has left, but is served all the same,
/// so that the share that is answered in time is 1 - exp(-(μ - λ) · 100 ms).
const QUEUES: &str = "
squall: 1
clients:
  web: { to: api.get, arrivals: { poisson: { rate: 10/s } }, edge: { policies: [{ timeout: 100ms }] } }
services:
  api: { capacity: { workers: 1 }, endpoints: { get: { steps: [{ work: { exponential: { mean: 50ms } } }] } } }
variants:
  faster: { set: { services.api.endpoints.get.steps.0.work.exponential.mean: 40ms } }
  same: { about: Nothing is changed. }
run: { duration: 105s, warmup: 5s }
";

fn design(seeds: usize) -> Design {
    Design { looks: Looks::once(seeds, 0.05), margin_share: 0.01, margin: 0.05 }
}

/// The runs of two variants with these seeds each.
fn sample(names: [&str; 2], seeds: [std::ops::Range<u64>; 2]) -> Samples {
    let loaded = load_bytes(Path::new("test.yaml"), QUEUES.as_bytes(), &[]).unwrap();
    let cases = names.map(|name| loaded.cases.iter().find(|case| case.name == name).unwrap());
    let mut samples = Samples::new(&cases);
    for (at, seeds) in seeds.into_iter().enumerate() {
        let plan = Plan { cases: vec![cases[at]], seeds: seeds.collect(), threads: 1, twice: false };
        let take = |run: Run| {
            samples.take(cases[at], &Run { case: at, ..run });
            Ok::<(), ()>(())
        };
        assert_eq!(execute(&plan, &AtomicBool::new(false), take), Ok(true));
    }
    samples
}

/// The part of these samples that has these places among the seeds.
fn part(samples: &Samples, places: std::ops::Range<usize>) -> Samples {
    let mut part = samples.clone();
    for variant in &mut part.variants {
        variant.seeds = variant.seeds[places.clone()].to_vec();
        variant.digests = variant.digests[places.clone()].to_vec();
        variant.values.iter_mut().for_each(|values| *values = values[places.clone()].to_vec());
    }
    part
}

#[test]
fn the_difference_of_two_queues_is_held_as_often_as_it_says() {
    const EXPERIMENTS: usize = 150;
    let samples = sample(["unmitigated", "faster"], [0..1_200, 0..1_200]);
    let truth = (-10.0f64 * 0.1, -15.0f64 * 0.1);
    let truth = libm::exp(truth.0) - libm::exp(truth.1);
    let (mut held, mut helped, mut removed) = (0, 0, 0.0);
    for at in 0..EXPERIMENTS {
        let compared = compare(&part(&samples, 8 * at..8 * at + 8), &design(8));
        let standing = &compared.standings[1];
        let lead = standing.lead(&compared.quantities).unwrap();
        held += usize::from(lead.interval.unwrap().holds(truth));
        helped += usize::from(standing.conclusion == Conclusion::Helped);
        removed += lead.pairs.as_ref().unwrap().variance_removed().unwrap() / EXPERIMENTS as f64;
    }
    let share = held as f64 / EXPERIMENTS as f64;
    // Three standard errors around 95 %.
    assert!((share - 0.95).abs() < 0.054, "{held} of {EXPERIMENTS}");
    assert_eq!(helped, EXPERIMENTS);
    assert!(removed > 0.5, "the same customers should remove most of the variance: {removed}");
}

#[test]
fn other_customers_are_no_difference() {
    const EXPERIMENTS: usize = 150;
    // The same world twice, with seeds that have nothing to do with each other.
    let samples = sample(["unmitigated", "same"], [0..1_200, 1_200..2_400]);
    let (mut same, mut alarms) = (0, 0);
    for at in 0..EXPERIMENTS {
        let wide = Design { margin_share: 0.1, ..design(8) };
        let standing = &compare(&part(&samples, 8 * at..8 * at + 8), &wide).standings[1];
        same += usize::from(standing.conclusion == Conclusion::NoDifference);
        // Without a margin, what is left is the test: it may give a false alarm in one of twenty.
        let strict = Design { margin_share: 0.0, ..design(8) };
        let standing = &compare(&part(&samples, 8 * at..8 * at + 8), &strict).standings[1];
        alarms += usize::from(matches!(standing.conclusion, Conclusion::Helped | Conclusion::MadeWorse));
    }
    let (same, alarms) = (same as f64 / EXPERIMENTS as f64, alarms as f64 / EXPERIMENTS as f64);
    assert!(same >= 0.95, "{same}");
    assert!((alarms - 0.05).abs() < 0.054, "{alarms}");
}

#[test]
fn the_same_customers_and_the_same_policy_are_the_same_run() {
    let samples = sample(["unmitigated", "same"], [1..5, 1..5]);
    let standing = &compare(&samples, &design(4)).standings[1];
    assert!(standing.identical);
    assert_eq!(standing.conclusion, Conclusion::NoDifference);
}

const UP: [f64; 4] = [0.9, 0.92, 0.9, 0.91];
const LEVEL: [f64; 4] = [0.5, 0.511, 0.49, 0.501];
const DOWN: [f64; 4] = [0.1, 0.12, 0.1, 0.11];
const NOISE: [f64; 4] = [0.4, 0.6, 0.5, 0.45];

/// What is concluded of a variant: three shares, of all clients, of one, and of something inside the system. More of
/// each is better; all are a half without the variant.
fn conclusion(values: [[f64; 4]; 3]) -> Conclusion {
    let quantity = |component: &str, role| Quantity {
        component: component.to_owned(),
        metric: "goodput_share".to_owned(),
        window: String::new(),
        unit: "share",
        better: Some(Better::Higher),
        role,
    };
    let variant = |name: &str, seeds: [[f64; 4]; 3]| Sampled {
        name: name.to_owned(),
        seeds: vec![1, 2, 3, 4],
        digests: vec![0; 4],
        values: seeds.iter().map(|of| of.iter().map(|value| Some(*value)).collect()).collect(),
        answers: Vec::new(),
    };
    let quantities =
        vec![quantity("clients", Role::Users), quantity("clients.web", Role::Users), quantity("api", Role::System)];
    let base = [[0.5, 0.51, 0.49, 0.5]; 3];
    let samples = Samples { quantities, variants: vec![variant("base", base), variant("other", values)] };
    compare(&samples, &design(4)).standings.remove(1).conclusion
}

#[test]
fn users_decide() {
    assert_eq!(conclusion([UP, UP, UP]), Conclusion::Helped);
    assert_eq!(conclusion([LEVEL, UP, LEVEL]), Conclusion::Helped);
    assert_eq!(conclusion([UP, UP, DOWN]), Conclusion::HelpedAtACost);
    assert_eq!(conclusion([DOWN, LEVEL, UP]), Conclusion::MadeWorse);
    assert_eq!(conclusion([UP, DOWN, UP]), Conclusion::Mixed);
    assert_eq!(conclusion([DOWN, UP, LEVEL]), Conclusion::Mixed);
    assert_eq!(conclusion([LEVEL, LEVEL, LEVEL]), Conclusion::NoDifference);
}

#[test]
fn what_only_the_system_sees_is_no_help() {
    assert_eq!(conclusion([LEVEL, LEVEL, UP]), Conclusion::NoDifferenceToUsers);
    assert_eq!(conclusion([LEVEL, LEVEL, DOWN]), Conclusion::NoDifferenceToUsers);
    let Conclusion::Undecided(Some(seeds)) = conclusion([NOISE, LEVEL, UP]) else { panic!("users are undecided") };
    assert!(seeds > 4, "{seeds}");
    assert!(matches!(conclusion([LEVEL, LEVEL, NOISE]), Conclusion::Undecided(_)));
}

#[test]
fn an_outage_that_ends_counts_though_no_share_differs() {
    // Eight seeds: all stay collapsed without, none with. McNemar: 2 / 2^8.
    let variant = |name: &str, yes: bool| Sampled {
        name: name.to_owned(),
        seeds: (1..9).collect(),
        digests: vec![0; 8],
        values: Vec::new(),
        answers: vec![Asked { question: "web stays collapsed".to_owned(), wanted: Some(false), yes: vec![yes; 8] }],
    };
    let told = |base, other| {
        let variants = vec![variant("base", base), variant("other", other)];
        compare(&Samples { quantities: Vec::new(), variants }, &design(8)).standings.remove(1)
    };
    let ended = told(true, false);
    assert!((ended.answers[0].p - 2.0 / 256.0).abs() < 1e-12);
    assert_eq!(ended.conclusion, Conclusion::Helped);
    assert_eq!(told(false, true).conclusion, Conclusion::MadeWorse);
    assert_eq!(told(true, true).conclusion, Conclusion::NoDifference);
}

#[test]
fn a_value_that_is_never_reached_is_left_out_and_counted() {
    let mut samples = sample(["unmitigated", "faster"], [1..5, 1..5]);
    samples.variants[1].values[0][2] = Some(f64::INFINITY);
    samples.variants[0].values[0][3] = None;
    let compared = compare(&samples, &design(4));
    let lead = compared.standings[1].lead(&compared.quantities).unwrap();
    assert_eq!((lead.missing, lead.pairs.as_ref().unwrap().difference.count), (2, 2));
}
