//! `squall matrix`: what is laid over what, what does not fit, and that nothing depends on threads.

use super::run::{Bench, files};
use std::fs;

const ONE: &str = "squall: 1
clients:
  web:
    to: api.get
    arrivals: {poisson: {rate: 40/s}}
    edge: {policies: [{timeout: 200ms}]}
services:
  api: {capacity: {workers: 1}, endpoints: {get: {steps: [{work: {exponential: {mean: 20ms}}}]}}}
variants:
  special: {set: {services.api.capacity.workers: 3}}
run: {duration: 60s, seeds: 8}
expect:
  - that: clients.web.success >= 99%
    broken_by: [unmitigated]
";

/// The same with another service, so that what names `api` does not fit.
fn two() -> String {
    ONE.replace("api", "shop").replace("special", "more")
}

const MATRIX: &str = "squall_matrix: 1
about: Two worlds.
scenarios: [one-a.yaml, two-b.yaml]
mitigations:
  more: {apply: [more.yaml]}
  impatient: {set: {clients.web.edge.policies: [{timeout: 20ms}]}}
  nothing: {set: {}}
";

fn bench() -> Bench {
    let bench = Bench::new();
    for (name, text) in [("one-a.yaml", ONE), ("two-b.yaml", &two()), ("matrix.yaml", MATRIX)] {
        fs::write(bench.path(name), text).unwrap();
    }
    fs::write(bench.path("more.yaml"), "squall: 1\nset: {services.api.capacity.workers: 4}\n").unwrap();
    bench
}

#[test]
fn each_mitigation_is_laid_over_each_scenario() {
    let bench = bench();
    let matrix = |out, threads| bench.expect(0, &["matrix", "matrix.yaml", "--out", out, "--threads", threads]);
    let text = matrix("one", "1");
    assert_eq!(text, matrix("two", "3"));
    let names = files(&bench.path("one"));
    assert_eq!(names, ["README.md", "expectations.csv", "manifest.json", "matrix.csv"]);
    let read = |folder: &str, name: &str| fs::read_to_string(bench.path(folder).join(name)).unwrap();
    for name in ["expectations.csv", "manifest.json", "matrix.csv"] {
        assert_eq!(read("one", name), read("two", name));
    }
    let cells = read("one", "matrix.csv");
    let row =
        |start: &str| cells.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}\n{cells}"));
    assert!(row("one-a,more,false,helped,8,").contains("clients.goodput_share"));
    assert!(row("one-a,impatient,false,made_worse,8,").contains("clients.goodput_share"));
    assert!(row("one-a,nothing,false,no_difference,8,").len() > 20);
    assert!(row("one-a,special,true,helped,8,").len() > 20);
    // The scenario's own variant of that name is used, which fits although the policy file would not.
    assert!(row("two-b,more,true,helped,8,").len() > 20);
    assert!(text.contains("one-a: special: helped"), "{text}");
    let expectations = read("one", "expectations.csv");
    assert!(expectations.contains("one-a,13,unmitigated,clients.web.success >= 99%,breaks,0,8,true"), "{expectations}");
    assert!(!expectations.contains("impatient"), "only its own variants are expected to do anything: {expectations}");
}

#[test]
fn what_does_not_fit_is_said() {
    let bench = bench();
    fs::write(bench.path("two-b.yaml"), two().replace("more:", "special:")).unwrap();
    let text = bench.expect(0, &["matrix", "matrix.yaml", "--seeds", "2", "--out", "out"]);
    assert!(text.contains("n/a"), "{text}");
    let page = fs::read_to_string(bench.path("out/README.md")).unwrap();
    assert!(page.contains("- more over two-b: there is no `api` in `services`"), "{page}");
    fs::write(bench.path("more.yaml"), "squall: 1\nset: {services.nowhere.capacity.workers: 4}\n").unwrap();
    let told = bench.refuse(2, &["matrix", "matrix.yaml", "--seeds", "2"]);
    assert!(told.contains("`more` cannot be laid over any scenario: there is no `nowhere` in `services`"), "{told}");
    fs::write(bench.path("matrix.yaml"), "squall_matrix: 1\nscenarios: []\nmitigation: {}\n").unwrap();
    let told = bench.refuse(2, &["matrix", "matrix.yaml"]);
    assert!(told.contains("mitigations") && told.contains("matrix.yaml:"), "{told}");
}

#[test]
fn an_expectation_that_fails_is_told() {
    let bench = bench();
    fs::write(bench.path("one-a.yaml"), ONE.replace("    broken_by: [unmitigated]\n", "")).unwrap();
    let output = bench.run(&["matrix", "matrix.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("one-a / unmitigated: not as expected: clients.web.success >= 99%"), "{told}");
}
