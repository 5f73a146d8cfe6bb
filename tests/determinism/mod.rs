//! The same run is the same run, and a change shifts nothing that it does not touch.

mod isolation;
mod worlds;

use crate::support::{Lab, Value};
use std::fmt::Write;
use worlds::{SAMPLES, Sample};

const SEEDS: [u64; 3] = [1, 2, 0xdead_beef];

fn lab(sample: &Sample) -> Lab {
    Lab::new((sample.world)(), sample.seconds)
}

/// Everything that a run reports, as text: floats print in full, so equal texts are equal bits.
fn all(lab: &Lab, seed: u64) -> String {
    format!("{:?}", lab.run(seed).report)
}

/// One line for each world and seed: name, seed, events, digest.
fn digests() -> String {
    let mut text = String::new();
    for sample in SAMPLES {
        let lab = lab(sample);
        for seed in SEEDS {
            let report = lab.run(seed).report;
            writeln!(text, "{} {seed} {} {:016x}", sample.name, report.events, report.digest).unwrap();
        }
    }
    text
}

/// The digests that are committed are those of every machine and of every build profile; CI compares what both write.
///
/// A change of the engine that changes results on purpose changes this file too: run
/// `SQUALL_UPDATE_GOLDEN=1 cargo test --test main golden_digests`, and say in the commit why they changed.
#[test]
fn golden_digests() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/digests.txt");
    let now = digests();
    if std::env::var_os("SQUALL_UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &now).expect("tests/golden can be written");
    }
    let golden = std::fs::read_to_string(path).expect("tests/golden/digests.txt is there");
    for (now, golden) in now.lines().zip(golden.lines()) {
        assert_eq!(now, golden, "results changed; if they were to, see the comment on this test");
    }
    assert_eq!(now.lines().count(), golden.lines().count(), "worlds were added or removed");
}

#[test]
fn a_run_is_the_same_a_second_time() {
    for sample in SAMPLES {
        let lab = lab(sample);
        assert_eq!(all(&lab, 7), all(&lab, 7), "{}", sample.name);
    }
}

#[test]
fn another_seed_is_another_run() {
    for sample in SAMPLES {
        let lab = lab(sample);
        assert_ne!(lab.run(1).report.digest, lab.run(2).report.digest, "{}", sample.name);
    }
}

/// Runs know nothing of each other, however many go on at once.
#[test]
fn threads_change_nothing() {
    let one = digests();
    for threads in [2, 8] {
        let others: Vec<String> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(digests)).collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).collect()
        });
        assert!(others.iter().all(|other| *other == one), "{threads} threads");
    }
}

/// Every object with its fields in the opposite order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect(),
        Value::Array(items) => items.iter().map(reversed).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_order_of_sections_does_not_matter() {
    for sample in SAMPLES {
        let world = (sample.world)();
        let other = reversed(&world);
        assert_ne!(world.to_string(), other.to_string(), "{}: nothing was reversed", sample.name);
        let (one, two) = (Lab::new(world, sample.seconds), Lab::new(other, sample.seconds));
        assert_eq!(all(&one, 1), all(&two, 1), "{}", sample.name);
    }
}

/// Windows, resolution and warm-up decide what is looked at, never what happens.
#[test]
fn looking_closer_changes_nothing() {
    for sample in SAMPLES {
        let plain = lab(sample);
        let half = sample.seconds / 2.0;
        let close = plain.clone().resolution(0.1).windows(&[(1.0, 2.0), (half, sample.seconds)]);
        let (plain, close) = (plain.run(1), close.run(1));
        for (a, b) in plain.all().clients.iter().zip(&close.all().clients) {
            assert_eq!(a, b, "{}", sample.name);
        }
        for (a, b) in plain.all().edges.iter().zip(&close.all().edges) {
            assert_eq!(a, b, "{}", sample.name);
        }
        let services = plain.all().services.iter().zip(&close.all().services);
        services.for_each(|(a, b)| assert_eq!((a.held, a.work, a.ok, &a.wait), (b.held, b.work, b.ok, &b.wait)));
    }
}
