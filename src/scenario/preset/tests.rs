//! Every preset is what its family takes, and says where each value is from.

use super::*;
use crate::scenario::typed;
use serde::de::DeserializeOwned;
use squall_models::problem::Problem;
use squall_models::{
    balance, breaker, budget, bulkhead, cache, eject, hedge, limit, pool, rate_limit, retry, rollout, shed, spec,
    throttle, units,
};

/// Reads values as what a family takes, and what is wrong with them there.
type Reader = fn(&Node, &mut Issues) -> Vec<Problem>;

fn reads<T: DeserializeOwned>(values: &Node, issues: &mut Issues, check: fn(&T) -> Vec<Problem>) -> Vec<Problem> {
    typed::read::<T>(values, values.at, issues).value.as_ref().map(check).unwrap_or_default()
}

/// How each family that has presets is read.
const FAMILIES: &[(&str, Reader)] = &[
    ("breaker", |values, issues| reads(values, issues, breaker::check)),
    ("eject", |values, issues| reads(values, issues, eject::check)),
    ("retry", |values, issues| reads(values, issues, retry::Spec::check)),
    ("budget", |values, issues| reads(values, issues, budget::Spec::check)),
    ("throttle", |values, issues| reads(values, issues, throttle::Spec::check)),
    ("rate_limit", |values, issues| reads(values, issues, rate_limit::Spec::check)),
    ("bulkhead", |values, issues| reads(values, issues, bulkhead::check)),
    ("limit", |values, issues| reads(values, issues, limit::check)),
    ("shed", |values, issues| reads(values, issues, shed::check)),
    ("hedge", |values, issues| reads(values, issues, hedge::check)),
    ("cache", |values, issues| reads::<spec::Cache>(values, issues, |_| Vec::new())),
    ("panic_threshold", |values, issues| reads::<units::Share>(values, issues, |_| Vec::new())),
    ("balance", |values, issues| reads::<balance::Spec>(values, issues, |_| Vec::new())),
    ("protect", |values, issues| reads::<cache::protect::Spec>(values, issues, |_| Vec::new())),
    ("refresh", |values, issues| reads::<cache::refresh::Spec>(values, issues, |_| Vec::new())),
    // What is checked is the user's to say in most of them.
    ("analysis", |values, issues| reads::<rollout::AnalysisSpec>(values, issues, |_| Vec::new())),
    // Half of them is the user's to say, so they are read in a scenario (`kubernetes_defaults_are_presets`).
    ("autoscale", |_, _| Vec::new()),
    ("readiness", |_, _| Vec::new()),
    ("liveness", |_, _| Vec::new()),
    ("startup", |_, _| Vec::new()),
    ("lifecycle", |values, issues| reads::<spec::Lifecycle>(values, issues, |_| Vec::new())),
    ("library", |values, issues| reads::<pool::Spec>(values, issues, |_| Vec::new())),
];

#[test]
fn every_preset_is_valid_and_every_value_has_a_source() {
    let mut wrong = Vec::new();
    for embedded in PRESETS {
        let (mut sources, mut issues) = (Sources::default(), Issues::default());
        let name = format!("{}.{}", embedded.family, embedded.name);
        let Some(preset) = describe(embedded, &mut sources, &mut issues) else {
            wrong.push(format!("{name}:\n{}", issues.render(&sources, Path::new(&name))));
            continue;
        };
        if [&preset.library, &preset.about, &preset.source].iter().any(|text| text.trim().is_empty()) {
            wrong.push(format!("{name}: `library`, `about` and `source` must say something"));
        }
        let root = parse(embedded, &mut sources, &mut issues).expect("it was parsed before");
        let file = read::<File>(&root, root.at, &mut issues).value.expect("it was read before");
        for setting in preset.values.iter().filter(|setting| setting.source.trim().is_empty()) {
            wrong.push(format!("{name}: nothing says where `{}` is from", setting.path));
        }
        for path in file.sources.keys().filter(|path| preset.values.iter().all(|setting| setting.path != **path)) {
            wrong.push(format!("{name}: `sources` speaks of `{path}`, which `values` does not set"));
        }
        match FAMILIES.iter().find(|(family, _)| *family == embedded.family) {
            Some((_, reader)) => {
                let problems = reader(root.get("values").expect("it has values"), &mut issues);
                wrong.extend(problems.iter().map(|problem| format!("{name}: {problem}")));
            }
            None => wrong.push(format!("{name}: list how the family `{}` is read", embedded.family)),
        }
        if issues.len() > 0 {
            wrong.push(format!("{name}:\n{}", issues.render(&sources, Path::new(&name))));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn names_are_unique_in_their_family_and_stand_in_order() {
    for pair in PRESETS.windows(2).filter(|pair| pair[0].family == pair[1].family) {
        assert!(pair[0].name < pair[1].name, "`{}` before `{}`", pair[1].name, pair[0].name);
    }
}

/// Everything in the folder is embedded, so that a new file cannot be forgotten in the table.
#[test]
fn every_file_is_embedded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/presets");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("there are presets")
        .map(|entry| entry.expect("the folder can be read").file_name().to_string_lossy().into_owned())
        .collect();
    let mut embedded: Vec<String> =
        PRESETS.iter().map(|preset| format!("{}.{}.yaml", preset.family, preset.name)).collect();
    files.sort();
    embedded.sort();
    assert_eq!(files, embedded);
}

/// A preset of a library's defaults and a member without fields are the same.
#[test]
fn presets_of_defaults_are_the_defaults() {
    let named = [
        ("circuitbreaker-py-2", "circuitbreaker_py"),
        ("failsafe-go-0.9", "failsafe_go"),
        ("gobreaker-2", "gobreaker"),
        ("hystrix-1.5", "hystrix"),
        ("opossum-9", "opossum"),
        ("polly-8", "polly"),
        ("pybreaker-1", "pybreaker"),
        ("resilience4j-2", "resilience4j"),
    ];
    for (name, member) in named {
        let embedded = PRESETS.iter().find(|preset| preset.family == "breaker" && preset.name == name).expect(name);
        let (mut sources, mut issues) = (Sources::default(), Issues::default());
        let root = parse(embedded, &mut sources, &mut issues).expect(name);
        let values = root.get("values").expect(name);
        let preset = typed::read::<breaker::Spec>(values, values.at, &mut issues).value.expect(name);
        let default: breaker::Spec = serde_json::from_str(&format!("{{\"{member}\": {{}}}}")).expect(name);
        assert_eq!(preset, default);
    }
}

/// Where a library counts in one of several ways, another way replaces the one of the preset.
#[test]
fn another_way_to_count_replaces_that_of_the_preset() {
    for (text, member) in [
        (
            "{preset: resilience4j-2, window: {time: 10s}, wait: 5s}",
            r#""resilience4j": {"window": {"time": "10s"}, "wait": "5s"}"#,
        ),
        ("{preset: gobreaker-2, trip: {failures: 3}}", r#""gobreaker": {"trip": {"failures": 3}}"#),
        (
            "{preset: failsafe-go-0.9, failure: {ratio: {failures: 3, of: 5}}}",
            r#""failsafe_go": {"failure": {"ratio": {"failures": 3, "of": 5}}}"#,
        ),
    ] {
        let (mut sources, mut issues) = (Sources::default(), Issues::default());
        let file = sources.add(Path::new(""), text.to_owned(), format!("breaker: {text}"));
        let mut tree = yaml::parse(&format!("breaker: {text}"), file, 0, &mut issues).expect(text);
        expand(&mut tree, &mut Shelf::default(), &mut sources, &mut issues);
        let node = tree.get("breaker").expect(text);
        let read = typed::read::<breaker::Spec>(node, node.at, &mut issues).value;
        assert_eq!(issues.len(), 0, "{}", issues.render(&sources, Path::new("test")));
        assert_eq!(read, serde_json::from_str(&format!("{{{member}}}")).ok());
    }
}
